// Package phone is the demo's telephone: a message centre (SMSC, SMPP 3.4) on endpoint smsc.smpp, and a page that
// shows the messages as a phone would. It exists for demos and tests; nothing of the product depends on it.
package phone

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"

	"countersign/host"
	"countersign/sql"
	"countersign/wire/smpp"
)

const (
	endpoint = "smsc.smpp"
	origin   = "phone"
)

// Config of the role. The zero value lets everybody bind.
type Config struct {
	SystemID, Password string // if SystemID is not "": who may bind
}

// Role is the telephone.
func Role(cfg Config) host.Role {
	return host.Role{
		Name: "phone", Serves: []string{endpoint}, Origins: []string{origin},
		Start: func(ctx context.Context, env *host.Env) (*host.Running, error) { return start(ctx, env, cfg) },
	}
}

func start(ctx context.Context, env *host.Env, cfg Config) (*host.Running, error) {
	db, err := sql.Open(filepath.Join(env.DataDir, "phone.db"), migrationTable, sql.Options{})
	if err != nil {
		return nil, err
	}
	ln, err := env.Listen(endpoint)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	box := &inbox{db: db, now: env.Now, log: env.Log, changed: make(chan struct{})}
	centre := &smpp.Centre{SystemID: "countersign", Submit: box.submit}
	if cfg.SystemID != "" {
		centre.Bind = func(b smpp.Bind) smpp.Status {
			if b.SystemID != cfg.SystemID || b.Password != cfg.Password {
				return smpp.InvalidPassword
			}
			return smpp.OK
		}
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := centre.Serve(life, ln); err != nil {
			env.Log.Error("message centre ended", "error", err)
		}
	}()
	return &host.Running{
		Web: map[string]http.Handler{origin: box.routes(life)},
		Stop: func(context.Context) error {
			end()
			<-served
			return db.Close()
		},
	}, nil
}
