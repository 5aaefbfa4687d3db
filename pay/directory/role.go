package directory

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"countersign/host"
	"countersign/pay/directory/store"
	"countersign/wire/emv3ds/link"
)

// Endpoint is the name under which the directory listens: AReq and PReq from 3DS Servers, RReq from ACSs.
const Endpoint = "directory.3ds"

// Role is the directory as a role. It serves Endpoint and calls the ACS endpoints of its ranges and the
// 3DS Server's. Its database is directory.db in the role's data folder.
func Role(cfg Config) host.Role {
	cfg = defaults(cfg)
	calls := []string{cfg.Server}
	for _, r := range cfg.Ranges {
		if !slices.Contains(calls, r.ACS) {
			calls = append(calls, r.ACS)
		}
	}
	return host.Role{Name: "directory", Serves: []string{Endpoint}, Calls: calls,
		Start: func(ctx context.Context, env *host.Env) (*host.Running, error) { return start(ctx, cfg, env) }}
}

func start(ctx context.Context, cfg Config, env *host.Env) (*host.Running, error) {
	st, err := store.Open(filepath.Join(env.DataDir, "directory.db"))
	if err != nil {
		return nil, err
	}
	d, err := newDirectory(cfg, st, env.Now, env.Rand, env.Log, env.Dial)
	if err != nil {
		st.Close()
		return nil, err
	}
	ln, err := env.Listen(Endpoint)
	if err != nil {
		st.Close()
		return nil, err
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var busy sync.WaitGroup
	busy.Go(func() {
		if err := link.Serve(work, ln, d.answer); err != nil {
			env.Log.Error("directory link ended", "error", err)
		}
	})
	busy.Go(func() { d.prune(work) })
	return &host.Running{
		Ready: func() error { _, err := d.codeKeys(); return err },
		Stop: func(ctx context.Context) error {
			cancel()
			done := make(chan struct{})
			go func() { busy.Wait(); close(done) }()
			select {
			case <-done:
			case <-ctx.Done():
				return ctx.Err()
			}
			d.close()
			return st.Close()
		},
	}, nil
}

// prune forgets old transactions until ctx ends.
func (d *directory) prune(ctx context.Context) {
	for {
		if _, err := d.store.Prune(ctx, d.now().Add(-d.cfg.Keep)); err != nil && ctx.Err() == nil {
			d.log.Warn("cannot forget old transactions", "error", err)
		}
		timer := time.NewTimer(pruneEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
