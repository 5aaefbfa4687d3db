package issuer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"countersign/host"
	"countersign/pay/issuer/bankapi"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/face"
	"countersign/pay/issuer/store"
	"countersign/sql"
)

// Config is the bank's part of the house's configuration.
type Config struct {
	// Network serves the ISO 8583 link on endpoint issuer.iso8583 until ctx ends (package network; given
	// from outside because it knows this package). nil = no link.
	Network func(ctx context.Context, ln net.Listener, d Decider) error

	Rules  book.Rules    // zero fields mean the defaults; Link is set by the role
	Sweep  time.Duration // how often overdue holds are given back; 0 = 10 s
	Frames []string      // names of the origins that may frame the card face; nil = bank, countersign
	Seed   *Seed         // holders, accounts and cards of a new bank; nil = none
}

// Role is the bank.
func Role(cfg Config) host.Role {
	return host.Role{
		Name:    "issuer",
		Serves:  []string{"issuer.iso8583", "issuer.bank"},
		Origins: []string{"face.bank"},
		Start: func(ctx context.Context, env *host.Env) (*host.Running, error) {
			s, err := open(ctx, cfg, env)
			if err != nil {
				return nil, err
			}
			run, err := s.start(ctx)
			if err != nil {
				return nil, errors.Join(err, s.books.Close())
			}
			return run, nil
		},
	}
}

// service is a running bank.
type service struct {
	cfg   Config
	env   *host.Env
	books *store.Store
	desk  *cards.Desk
	bank  *Bank
	face  *face.Face

	stop   context.CancelFunc
	work   sync.WaitGroup
	mu     sync.Mutex
	broken error // why the bank is not ready
}

func open(ctx context.Context, cfg Config, env *host.Env) (*service, error) {
	vault, err := cards.NewVault(env.Keys)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	books, err := store.Open(filepath.Join(env.DataDir, cards.File), sql.Options{})
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	rules := cards.Rules(env.Keys)
	rules.HoldFor, rules.Tries, rules.Window = cfg.Rules.HoldFor, cfg.Rules.Tries, cfg.Rules.Window
	s := &service{cfg: cfg, env: env, books: books}
	s.desk = &cards.Desk{Books: books, Vault: vault, Rules: rules, Now: env.Now, Rand: env.Rand}
	s.bank = NewBank(BankConfig{Store: books, Rules: rules, Vault: vault, Keys: env.Keys, Now: env.Now, Rand: env.Rand, Log: env.Log})
	frames := cfg.Frames
	if frames == nil {
		frames = []string{"bank", "countersign"}
	}
	var ancestors []string
	for _, f := range frames {
		ancestors = append(ancestors, env.URL(f))
	}
	s.face = face.New(face.Config{
		Cards: s.desk, Frames: ancestors, URL: env.URL("face.bank"), Now: env.Now, Rand: env.Rand, Log: env.Log,
	})
	if err := s.desk.Prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("issuer: %w", err), books.Close())
	}
	if cfg.Seed != nil {
		if err := cfg.Seed.plant(ctx, s.desk); err != nil {
			return nil, errors.Join(fmt.Errorf("issuer: seed: %w", err), books.Close())
		}
	}
	return s, nil
}

func (s *service) start(parent context.Context) (*host.Running, error) {
	bank, err := s.env.Listen("issuer.bank")
	if err != nil {
		return nil, err
	}
	var link net.Listener
	if s.cfg.Network != nil {
		if link, err = s.env.Listen("issuer.iso8583"); err != nil {
			return nil, errors.Join(err, bank.Close())
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	s.stop = cancel
	srv := &http.Server{
		Handler: bankapi.New(bankapi.Config{
			Books: s.books, Desk: s.desk, Ticket: s.face.Ticket, Now: s.env.Now, Log: s.env.Log,
		}),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.keep("bank API", func() error { return srv.Serve(bank) })
	if link != nil {
		s.keep("ISO 8583 link", func() error { return s.cfg.Network(ctx, link, s.bank) })
	}
	s.keep("sweep", func() error { return s.sweep(ctx) })
	return &host.Running{
		Web:   map[string]http.Handler{"face.bank": s.face},
		Ready: s.ready,
		Stop:  func(ctx context.Context) error { return s.end(ctx, srv, link) },
	}, nil
}

// keep runs a part of the bank; if it ends before the bank does, the bank is not ready any more.
func (s *service) keep(name string, run func() error) {
	s.work.Go(func() {
		err := run()
		if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
			return
		}
		s.env.Log.Error("a part of the bank ended", "part", name, "error", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.broken = fmt.Errorf("%s: %w", name, err)
	})
}

func (s *service) ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// sweep gives back overdue holds, and learns keys that the command line has added. An error is told and
// the next turn tries again.
func (s *service) sweep(ctx context.Context) error {
	every := s.cfg.Sweep
	if every <= 0 {
		every = 10 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		n, err := s.bank.Expire(ctx)
		if err == nil {
			err = s.desk.Prepare(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.env.Log.Error("sweep", "error", err)
		case n > 0:
			s.env.Log.Info("holds given back because nobody took the money in time", "holds", n)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// end stops taking requests, lets the decisions in flight become durable, and closes the books.
func (s *service) end(ctx context.Context, srv *http.Server, link net.Listener) error {
	var errs []error
	if link != nil {
		if err := link.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.stop() // event streams end with it
	if err := srv.Shutdown(ctx); err != nil {
		errs = append(errs, err, srv.Close())
	}
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	return errors.Join(append(errs, s.books.Close())...)
}
