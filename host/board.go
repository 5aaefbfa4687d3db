package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	// ErrUndeclared: a role listens on, or dials, an endpoint that it did not declare.
	ErrUndeclared = errors.New("host: endpoint not declared by this role")
	// ErrNobody: no role here serves the endpoint and the configuration names no other place.
	ErrNobody = errors.New("host: nobody serves this endpoint")
	// ErrRefused: the endpoint is closed.
	ErrRefused = errors.New("host: connection refused")
)

// Timeouts of a dial, when the caller's context has none.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 5 * time.Second
)

// board connects the roles: who serves what, who may call whom, and where the rest is.
type board struct {
	log      *slog.Logger
	remote   map[string]string   // endpoint → address in another process
	publish  map[string]string   // endpoint → TCP address where other processes may call it
	external map[string]string   // endpoint → "tcp://…" or "tls://…" outside the house
	owner    map[string]string   // endpoint → role that serves it, here or elsewhere
	callers  map[string][]string // endpoint → roles that declared a call
	ids      *identities         // nil when everything is in this process
	count    func(endpoint, caller, result string)

	mu        sync.Mutex
	listening map[string]*listener
	changed   chan struct{} // closed and replaced at each Listen
	local     map[string]bool
	down      bool
}

func newBoard(all []Role, local []Role) *board {
	b := &board{
		owner: map[string]string{}, callers: map[string][]string{}, listening: map[string]*listener{},
		changed: make(chan struct{}), local: map[string]bool{},
	}
	for _, r := range all {
		for _, e := range r.Serves {
			b.owner[e] = r.Name
		}
		for _, e := range r.Calls {
			b.callers[e] = append(b.callers[e], r.Name)
		}
	}
	for _, r := range local {
		for _, e := range r.Serves {
			b.local[e] = true
		}
	}
	return b
}

// listen opens an endpoint for a role that serves it.
func (b *board) listen(r Role, endpoint string) (net.Listener, error) {
	if !slices.Contains(r.Serves, endpoint) {
		return nil, fmt.Errorf("%w: %s listens on %s", ErrUndeclared, r.Name, endpoint)
	}
	l := newListener(Addr{r.Name, endpoint})
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.listening[endpoint]; old != nil {
		select {
		case <-old.done: // a role may close and listen again
		default:
			return nil, fmt.Errorf("host: %s is already listening on %s", r.Name, endpoint)
		}
	}
	if addr := b.publish[endpoint]; addr != "" {
		if err := b.open(l, r.Name, endpoint, addr); err != nil {
			return nil, err
		}
	}
	b.listening[endpoint] = l
	close(b.changed)
	b.changed = make(chan struct{})
	return l, nil
}

// open adds a TCP listener with mutual TLS to l: only roles that declared a call get in.
func (b *board) open(l *listener, role, endpoint, addr string) error {
	conf, err := b.ids.server(role, b.callers[endpoint])
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("host: %s: %w", endpoint, err)
	}
	l.outer = tcp
	go func() {
		for {
			c, err := tcp.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // such as: out of file descriptors
				b.log.Error("accept", "endpoint", endpoint, "error", err)
				time.Sleep(50 * time.Millisecond)
				continue
			}
			go b.admit(l, endpoint, tls.Server(c, conf))
		}
	}()
	return nil
}

// admit finishes the handshake before the role sees the connection.
func (b *board) admit(l *listener, endpoint string, c *tls.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		b.count(endpoint, "unknown", "refused")
		b.log.Warn("call refused", "endpoint", endpoint, "from", c.RemoteAddr().String(), "error", err)
		c.Close()
		return
	}
	b.count(endpoint, peerRole(c.ConnectionState()), "accepted")
	if !l.deliver(ctx, c) {
		c.Close()
	}
}

// dial connects a role to an endpoint: to this process when somebody here serves it, else to the
// address of the configuration. It waits for a role that is still starting.
func (b *board) dial(ctx context.Context, r Role, endpoint string) (net.Conn, error) {
	if !slices.Contains(r.Calls, endpoint) {
		b.count(endpoint, r.Name, "undeclared")
		return nil, fmt.Errorf("%w: %s dials %s", ErrUndeclared, r.Name, endpoint)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := b.connect(ctx, r, endpoint)
	if err != nil {
		b.count(endpoint, r.Name, "failed")
		return nil, fmt.Errorf("host: %s dials %s: %w", r.Name, endpoint, err)
	}
	b.count(endpoint, r.Name, "connected")
	return c, nil
}

func (b *board) connect(ctx context.Context, r Role, endpoint string) (net.Conn, error) {
	if b.local[endpoint] {
		return b.connectLocal(ctx, r, endpoint)
	}
	if addr := b.external[endpoint]; addr != "" {
		return dialOutside(ctx, addr)
	}
	addr := b.remote[endpoint]
	if addr == "" {
		return nil, ErrNobody
	}
	conf, err := b.ids.client(r.Name, b.owner[endpoint])
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{NetDialer: &net.Dialer{KeepAlive: 15 * time.Second}, Config: conf}
	return d.DialContext(ctx, "tcp", addr)
}

// dialOutside connects to somebody else's server, who has no certificate of ours.
func dialOutside(ctx context.Context, addr string) (net.Conn, error) {
	scheme, hostport, _ := strings.Cut(addr, "://")
	d := &net.Dialer{KeepAlive: 15 * time.Second}
	if scheme == "tls" {
		return (&tls.Dialer{NetDialer: d, Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", hostport)
	}
	return d.DialContext(ctx, "tcp", hostport)
}

func (b *board) connectLocal(ctx context.Context, r Role, endpoint string) (net.Conn, error) {
	for {
		b.mu.Lock()
		l, changed, down := b.listening[endpoint], b.changed, b.down
		b.mu.Unlock()
		if l != nil {
			client, served := pipe(Addr{r.Name, endpoint}, l.addr)
			if l.deliver(ctx, served) {
				return client, nil
			}
			client.Close()
			served.Close()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, ErrRefused
		}
		if down {
			return nil, ErrRefused
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// close hangs up all endpoints; later dials are refused.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return
	}
	b.down = true
	for _, l := range b.listening {
		l.Close()
	}
	close(b.changed)
	b.changed = make(chan struct{})
}
