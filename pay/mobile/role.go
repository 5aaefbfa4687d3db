// Package mobile is Mobile Bank, the holder's own place: cards, money, payments as they happen and why one was
// refused, freeze and unfreeze. It knows cards by id and last four digits only; number and code are shown by the
// bank's card face in a frame that this role cannot look into.
package mobile

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"countersign/host"
	"countersign/host/keys"
)

const (
	toBank = "issuer.bank"
	origin = "bank"
	face   = "face.bank"
)

// Config of the role.
type Config struct {
	Bank   string // the bank's name; "Demo Bank" when empty
	Holder string // id of the holder whom the demo's sign-in button signs in; "" switches the button off
}

// Role is Mobile Bank.
func Role(cfg Config) host.Role {
	if cfg.Bank == "" {
		cfg.Bank = "Demo Bank"
	}
	return host.Role{
		Name: "mobile", Calls: []string{toBank}, Origins: []string{origin},
		Start: func(ctx context.Context, env *host.Env) (*host.Running, error) {
			if _, err := env.Keys.Current(keys.BankSession); err != nil {
				return nil, fmt.Errorf("mobile: key %s: %w", keys.BankSession, err)
			}
			s := &server{cfg: cfg, env: env, bank: newBank(func(ctx context.Context) (net.Conn, error) { return env.Dial(ctx, toBank) })}
			return &host.Running{
				Web:  map[string]http.Handler{origin: s.routes()},
				Stop: func(context.Context) error { s.bank.http.CloseIdleConnections(); return nil },
			}, nil
		},
	}
}

// server is the running role. It keeps nothing: who is signed in stands in a signed cookie, all else at the bank.
type server struct {
	cfg  Config
	env  *host.Env
	bank *bank
}
