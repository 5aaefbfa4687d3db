package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"countersign/host/keys"
)

var (
	// ErrConfig: the roles or the configuration cannot work together.
	ErrConfig = errors.New("host: bad configuration")
	// ErrInUse: another process works in the data folder.
	ErrInUse = errors.New("host: data folder is in use")
)

// Config says what to run and where.
type Config struct {
	Roles    []Role       // all roles of the house that are known, also those that run elsewhere
	Only     []string     // names of the roles to run in this process; empty = all
	Listen   string       // address of the web front door, such as "127.0.0.1:8080"
	Listener net.Listener // the front door, already open; then Listen is not used. The Host closes it
	BaseURL  string       // what origins hang under: "http://localhost:8080" makes http://pay.localhost:8080; "" = from the front door
	Cert     string       // file of the front door's certificate chain (PEM); "" = plain HTTP
	Key      string       // file of its key
	DataDir  string       // locked for this process; each role gets DataDir/ROLE
	Keys     *keys.Store  // nil = DataDir/keys, with all of keys.SpecTable

	Remote      map[string]string // endpoint → address where another process serves it (TCP, mutual TLS)
	Publish     map[string]string // endpoint → address on which this process offers it to others (TCP, mutual TLS)
	External    map[string]string // endpoint → address outside the house, "tcp://host:port" or "tls://host:port" (such as an SMS centre)
	EgressAllow []string          // "host:port" or "host" that Env.Egress may reach although the address is private
	Admin       string            // address for /metrics, /healthz and /readyz; "" = on the origin "countersign"

	Log  *slog.Logger
	Now  func() time.Time
	Rand io.Reader
}

// Host is a running process.
type Host struct {
	cfg     Config
	roles   []*started
	board   *board
	metrics *metrics
	lock    *os.File
	door    *door
	base    base
	cancel  context.CancelFunc
	served  chan error
	stop    sync.Once
	stopErr error
}

// started is a role in this process.
type started struct {
	role    Role
	running *Running
	since   time.Time
}

// RoleStatus is what is known of one role in this process.
type RoleStatus struct {
	Name      string    `json:"name"`
	Ready     bool      `json:"ready"`
	Problem   string    `json:"problem,omitempty"` // in words; "" when Ready
	Endpoints []string  `json:"endpoints"`         // that it serves
	Calls     []string  `json:"calls"`             // that it may dial
	Origins   []string  `json:"origins"`           // URLs
	Since     time.Time `json:"since"`             // when it had started
}

// startLimit bounds how long a role may take to start.
const startLimit = 30 * time.Second

// Run starts the roles and opens the front door; it returns when all roles have started. ctx ends the
// start only: afterwards the roles live until Stop. Roles start side by side and may dial each other
// while starting. Roles that are not in Only are known (their endpoints, who may call them) but not run.
func Run(ctx context.Context, cfg Config) (h *Host, err error) {
	local, err := cfg.check()
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h = &Host{cfg: cfg, cancel: cancel, served: make(chan error, 1), metrics: newMetrics(cfg.Now())}
	defer func() {
		if err != nil {
			h.abandon()
			h = nil
		}
	}()
	if h.lock, err = lockDir(cfg.DataDir); err != nil {
		return h, err
	}
	if cfg.Keys == nil {
		if h.cfg.Keys, err = openKeys(cfg); err != nil {
			return h, err
		}
	}
	if err = h.open(ctx, cfg, local); err != nil {
		return h, err
	}
	if err = h.start(ctx, life, local); err != nil {
		return h, err
	}
	h.metrics.status = h.Status
	go func() { h.served <- h.door.serve(life) }()
	return h, nil
}

// open makes the board and the front door.
func (h *Host) open(ctx context.Context, cfg Config, local []Role) error {
	b := newBoard(cfg.Roles, local)
	b.log, b.remote, b.publish, b.external, b.count = cfg.Log, cfg.Remote, cfg.Publish, cfg.External, h.metrics.call
	if len(cfg.Remote)+len(cfg.Publish) > 0 {
		b.ids = &identities{dir: filepath.Join(cfg.DataDir, "tls"), now: cfg.Now, rand: cfg.Rand}
	}
	h.board = b
	ln := cfg.Listener
	if ln == nil {
		var err error
		if ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen); err != nil {
			return fmt.Errorf("host: front door: %w", err)
		}
	}
	if cfg.Cert != "" {
		cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
		if err != nil {
			ln.Close()
			return fmt.Errorf("host: front door: %w", err)
		}
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	var err error
	if h.base, err = parseBase(cfg.BaseURL, ln.Addr(), cfg.Cert != ""); err != nil {
		ln.Close()
		return err
	}
	h.door, err = newDoor(h, ln)
	return err
}

// start starts all roles side by side and waits for them.
func (h *Host) start(ctx, life context.Context, local []Role) error {
	type result struct {
		i   int
		run *Running
		err error
	}
	results := make(chan result, len(local))
	h.roles = make([]*started, len(local))
	for i, r := range local {
		go func() {
			run, err := h.startRole(life, r)
			results <- result{i, run, err}
		}()
	}
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	var errs []error
	for waiting := len(local); waiting > 0; waiting-- {
		select {
		case res := <-results:
			if res.err != nil {
				errs = append(errs, fmt.Errorf("host: role %s does not start: %w", local[res.i].Name, res.err))
				continue
			}
			h.roles[res.i] = &started{local[res.i], res.run, h.cfg.Now()}
		case <-limit.C:
			return fmt.Errorf("host: after %v these roles have not started: %v", startLimit, h.missing(local))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, s := range h.roles {
		for name, handler := range s.running.Web {
			h.door.add(name, handler)
		}
	}
	return nil
}

func (h *Host) missing(local []Role) (names []string) {
	for i, s := range h.roles {
		if s == nil {
			names = append(names, local[i].Name)
		}
	}
	return names
}

func (h *Host) startRole(life context.Context, r Role) (*Running, error) {
	dir := filepath.Join(h.cfg.DataDir, r.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	env := &Env{
		Role: r.Name, Log: h.cfg.Log.With("role", r.Name), Now: h.cfg.Now, Rand: h.cfg.Rand, DataDir: dir,
		Keys:   h.cfg.Keys.For(r.Name),
		Listen: func(endpoint string) (net.Listener, error) { return h.board.listen(r, endpoint) },
		Dial: func(ctx context.Context, endpoint string) (net.Conn, error) {
			return h.board.dial(ctx, r, endpoint)
		},
		URL:    h.base.url,
		Egress: egressClient(h.cfg.EgressAllow),
	}
	run, err := r.Start(life, env)
	if err != nil {
		return nil, err
	}
	if run == nil {
		run = &Running{}
	}
	for _, o := range r.Origins {
		if run.Web[o] == nil {
			return nil, fmt.Errorf("%w: no handler for its origin %q", ErrConfig, o)
		}
	}
	for o := range run.Web {
		if !slices.Contains(r.Origins, o) {
			return nil, fmt.Errorf("%w: origin %q", ErrUndeclared, o)
		}
	}
	return run, nil
}

// Done delivers the error with which the front door ended by itself (nil after Stop).
func (h *Host) Done() <-chan error { return h.served }

// URL is the address of an origin, such as "http://pay.localhost:8080".
func (h *Host) URL(origin string) string { return h.base.url(origin) }

// Addr is the address of the front door.
func (h *Host) Addr() net.Addr { return h.door.ln.Addr() }

// Status asks every role in this process.
func (h *Host) Status() []RoleStatus {
	out := make([]RoleStatus, 0, len(h.roles))
	for _, s := range h.roles {
		if s == nil {
			continue
		}
		st := RoleStatus{Name: s.role.Name, Ready: true, Endpoints: append([]string{}, s.role.Serves...),
			Calls: append([]string{}, s.role.Calls...), Origins: []string{}, Since: s.since}
		for _, o := range s.role.Origins {
			st.Origins = append(st.Origins, h.base.url(o))
		}
		if s.running.Ready != nil {
			if err := s.running.Ready(); err != nil {
				st.Ready, st.Problem = false, err.Error()
			}
		}
		out = append(out, st)
	}
	return out
}

// Stop ends the process's work: no new requests, then the requests in flight, then the roles, callers
// before those they call. ctx bounds the whole; what has not ended by then is cut, which every role must
// survive (a start is always a recovery).
func (h *Host) Stop(ctx context.Context) error {
	h.stop.Do(func() {
		err := h.door.shutdown(ctx)
		for _, s := range inCallOrder(h.roles) {
			if s.running.Stop != nil {
				if e := s.running.Stop(ctx); e != nil {
					err = errors.Join(err, fmt.Errorf("host: role %s: %w", s.role.Name, e))
				}
			}
		}
		h.board.close()
		h.cancel()
		h.stopErr = errors.Join(err, h.lock.Close())
	})
	return h.stopErr
}

// abandon undoes a start that failed.
func (h *Host) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	h.cancel()
	if h.board != nil {
		h.board.close()
	}
	for _, s := range h.roles {
		if s != nil && s.running.Stop != nil {
			_ = s.running.Stop(ctx)
		}
	}
	if h.door != nil {
		h.door.close()
	}
	if h.lock != nil {
		h.lock.Close()
	}
}

// inCallOrder puts callers before those they call; in a circle any order will do.
func inCallOrder(roles []*started) []*started {
	seen := map[string]bool{}
	var out []*started
	var visit func(s *started)
	visit = func(s *started) {
		if s == nil || seen[s.role.Name] {
			return
		}
		seen[s.role.Name] = true
		for _, c := range roles { // who calls s, first
			if c != nil && slices.ContainsFunc(s.role.Serves, func(e string) bool { return slices.Contains(c.role.Calls, e) }) {
				visit(c)
			}
		}
		out = append(out, s)
	}
	for _, s := range roles {
		visit(s)
	}
	return out
}

func openKeys(cfg Config) (*keys.Store, error) {
	s, err := keys.Open(filepath.Join(cfg.DataDir, "keys"), cfg.Now, cfg.Rand)
	if err != nil {
		return nil, err
	}
	return s, s.Ensure(keys.SpecTable...)
}
