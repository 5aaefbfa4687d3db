// Package acs is the bank's access control server: it is asked about a payment (AReq), shows the holder who
// wants how much from which card, sends a code by SMS, and tells the directory what came of it (RReq).
//
// The behaviour of one challenge is pay/acs/challenge; this package receives, stores, shows and sends:
//
//	areq.go    AReq → ARes: is there a card, may it pay, are the limits kept
//	page.go    the challenge page: CReq, answers, resend, cancel
//	result.go  RReq, with the proof of confirmation (CAVV), repeated until received
//	bank.go    what the issuing bank knows of a card
//	code.go    one-time codes and form tokens
package acs

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"countersign/host"
	"countersign/host/keys"
	"countersign/pay/acs/challenge"
	"countersign/pay/acs/sms"
	"countersign/pay/acs/store"
	"countersign/wire/emv3ds/link"
	"countersign/wire/smpp"
)

// Names of what the role serves and calls.
const (
	endpoint   = "acs.3ds"
	toBank     = "issuer.bank"
	toDS       = "directory.3ds"
	toSMSC     = "smsc.smpp"
	origin     = "acs.bank"
	pagePath   = "/challenge"
	answerPath = "/challenge/answer"
)

// Config of the role. The zero value is good for the demo.
type Config struct {
	Bank        string    // the bank's name on page and message; "Demo Bank"
	Sender      string    // SMS sender, at most 11 letters and digits; "DemoBank"
	SMSC        smpp.Bind // system id and password at the message centre
	Reference   string    // acsReferenceNumber, at most 32 characters
	Operator    string    // acsOperatorID, at most 32 characters
	MaxOpen     int       // challenges of one card that wait at the same time; 0 = 3
	WrongPerDay int       // wrong codes of one card within 24 hours; 0 = 15, which is 1.5·10⁻⁵ of guessing right
	VainPerHour int       // messages of one card within an hour that nobody confirmed with; 0 = 10. A confirmation forgives them
	Keep        time.Duration
	Tick        time.Duration // how often time limits are looked at; 0 = 1 s
}

func (c Config) filled() Config {
	text := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	text(&c.Bank, "Demo Bank")
	text(&c.Sender, "DemoBank")
	text(&c.SMSC.SystemID, "acs")
	text(&c.Reference, "COUNTERSIGN-ACS-1")
	text(&c.Operator, "COUNTERSIGN-ACS")
	if c.MaxOpen <= 0 {
		c.MaxOpen = 3
	}
	if c.WrongPerDay <= 0 {
		c.WrongPerDay = 15
	}
	if c.VainPerHour <= 0 {
		c.VainPerHour = 10
	}
	if c.Keep <= 0 {
		c.Keep = 400 * 24 * time.Hour // 13 months, the networks' longest dispute period
	}
	if c.Tick <= 0 {
		c.Tick = time.Second
	}
	return c
}

// Role is the access control server.
func Role(cfg Config) host.Role {
	return host.Role{
		Name: "acs", Serves: []string{endpoint}, Calls: []string{toBank, toDS, toSMSC}, Origins: []string{origin},
		Start: func(ctx context.Context, env *host.Env) (*host.Running, error) { return start(ctx, env, cfg.filled()) },
	}
}

// server is the running role.
type server struct {
	cfg   Config
	env   *host.Env
	store *store.Store
	bank  *bank
	sms   *sms.Sender
	ds    *link.Client

	life context.Context // until Stop
	work sync.WaitGroup  // deliveries and the ticker
	busy chan struct{}   // bounds deliveries that the ticker began

	rreqTime time.Duration
}

func start(ctx context.Context, env *host.Env, cfg Config) (*host.Running, error) {
	for _, p := range []keys.Purpose{keys.OTP, keys.CAVV, keys.PANIndex} {
		if _, err := env.Keys.Current(p); err != nil {
			return nil, fmt.Errorf("acs: key %s: %w", p, err)
		}
	}
	st, err := store.Open(filepath.Join(env.DataDir, "acs.db"))
	if err != nil {
		return nil, err
	}
	ln, err := env.Listen(endpoint)
	if err != nil {
		st.Close()
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	s := newServer(life, env, cfg, st)
	s.recover()
	s.work.Go(s.watch)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := link.Serve(life, ln, s.message); err != nil {
			env.Log.Error("3DS link ended", "error", err)
		}
	}()
	return &host.Running{
		Web: map[string]http.Handler{origin: s.routes()},
		Stop: func(ctx context.Context) error {
			end()
			<-served
			s.work.Wait()
			s.sms.Close(ctx)
			s.ds.Close()
			return st.Close()
		},
	}, nil
}

func newServer(life context.Context, env *host.Env, cfg Config, st *store.Store) *server {
	dial := func(endpoint string) func(context.Context) (net.Conn, error) {
		return func(ctx context.Context) (net.Conn, error) { return env.Dial(ctx, endpoint) }
	}
	return &server{
		cfg: cfg, env: env, store: st, life: life, busy: make(chan struct{}, 8), rreqTime: rreqTime,
		bank: newBank(dial(toBank)),
		sms:  sms.New(sms.Config{Dial: dial(toSMSC), Bind: cfg.SMSC, From: cfg.Sender, Log: env.Log}),
		ds:   &link.Client{Dial: dial(toDS), Host: toDS},
	}
}

// recover goes on with results that were on their way when the program ended. Nobody knows which of them arrived.
func (s *server) recover() {
	ids, err := s.store.Unfinished(s.life)
	if err != nil {
		s.env.Log.Error("cannot read unfinished challenges", "error", err)
	}
	for _, id := range ids {
		if _, _, err := s.store.Step(s.life, id, challenge.Restarted{}, s.env.Now()); err != nil {
			s.env.Log.Error("cannot take up a challenge", "acsTransID", id, "error", err)
		}
	}
}

// watch looks at the time limits until the role stops.
func (s *server) watch() {
	tick := time.NewTicker(s.cfg.Tick)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-s.life.Done():
			return
		case <-tick.C:
		}
		s.tick()
		if n%3600 == 0 {
			if err := s.store.Purge(s.life, s.env.Now().Add(-s.cfg.Keep)); err != nil && s.life.Err() == nil {
				s.env.Log.Error("cannot delete old challenges", "error", err)
			}
		}
	}
}

// tick applies every time limit that has passed, and delivers what is due.
func (s *server) tick() {
	now := s.env.Now()
	ids, err := s.store.Due(s.life, now, 200)
	if err != nil {
		if s.life.Err() == nil {
			s.env.Log.Error("cannot read time limits", "error", err)
		}
		return
	}
	for _, id := range ids {
		select {
		case s.busy <- struct{}{}:
		case <-s.life.Done():
			return
		}
		s.work.Go(func() {
			defer func() { <-s.busy }()
			st, out, err := s.store.Step(s.life, id, challenge.Tick{}, now)
			if err == nil && out.SendRReq {
				s.deliver(st)
			}
		})
	}
}
