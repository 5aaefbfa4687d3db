// Package httpapi is the guard as a web service: POST /v1/check for programs, and a page where a person pastes an address and sees the
// verdict with the differing letters large. Origin "guard". It asks no network and keeps nothing of what it is asked.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
	"countersign/guard/surface/cli"
	"countersign/host"
)

const origin = "guard"

// Config of the role. The zero value uses what is compiled in.
type Config struct {
	Catalogue string         // folder of a signed catalogue in place of the built-in one
	Own       string         // folder of own brands; read when it exists
	PSL       string         // a fresh public_suffix_list.dat
	Extra     []brands.Brand // further own brands: the house's merchants
	Refresh   time.Duration  // how often the files are looked at; 0 = 10 s
}

// Role is the guard.
func Role(cfg Config) host.Role {
	return host.Role{
		Name: "guard", Origins: []string{origin},
		Start: func(ctx context.Context, env *host.Env) (*host.Running, error) { return start(ctx, env, cfg) },
	}
}

func start(ctx context.Context, env *host.Env, cfg Config) (*host.Running, error) {
	s := &service{cfg: cfg, log: env.Log}
	if err := s.load(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.refresh(ctx)
	}()
	return &host.Running{
		Web: map[string]http.Handler{origin: s.Handler()},
		Stop: func(ctx context.Context) error {
			stop()
			select {
			case <-done:
			case <-ctx.Done():
			}
			return ctx.Err()
		},
	}, nil
}

// service answers with the engine of the moment.
type service struct {
	cfg    Config
	log    *slog.Logger
	engine atomic.Pointer[lookalike.Engine]
	stamp  string // of the files that the engine was made from
}

// load builds an engine from the files as they are.
func (s *service) load() error {
	stamp := s.stamps()
	cat, err := cli.LoadCatalogue(s.cfg.Catalogue, s.cfg.Own)
	if err != nil {
		return err
	}
	if len(s.cfg.Extra) > 0 {
		cat = cat.Merge(s.cfg.Extra)
		if err := cat.Check(); err != nil {
			return err
		}
	}
	list, err := cli.LoadPSL(s.cfg.PSL)
	if err != nil {
		return err
	}
	e, err := lookalike.New(cat, lookalike.Options{PSL: list})
	if err != nil {
		return err
	}
	s.engine.Store(e)
	s.stamp = stamp
	return nil
}

// refresh takes up changed files without a restart. Files that cannot be used leave the old engine in place.
func (s *service) refresh(ctx context.Context) {
	every := s.cfg.Refresh
	if every <= 0 {
		every = 10 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	refused := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		stamp := s.stamps()
		if stamp == s.stamp || stamp == refused {
			continue
		}
		if err := s.load(); err != nil {
			refused = stamp
			s.log.Error("changed brands or suffixes cannot be used; the old ones stay", "error", err)
			continue
		}
		s.log.Info("brands and suffixes taken up", "brands", len(s.engine.Load().Catalogue().Brands))
	}
}

// stamps gives names, sizes and times of all files that matter.
func (s *service) stamps() string {
	var b strings.Builder
	for _, root := range []string{s.cfg.Catalogue, s.cfg.Own, s.cfg.PSL} {
		if root == "" {
			continue
		}
		paths, _ := filepath.Glob(filepath.Join(root, "*"))
		for _, p := range append(paths, root) {
			if info, err := os.Stat(p); err == nil {
				fmt.Fprintln(&b, p, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}
