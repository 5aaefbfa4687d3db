package threeds

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"countersign/host"
	"countersign/pay/directory"

	gateway "countersign/pay/checkout/threeds"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

// network is a set of named endpoints over net.Pipe or TCP on this machine.
type network struct {
	tcp bool
	mu  sync.Mutex
	by  map[string]net.Listener
}

// pipes is a listener of net.Pipe connections.
type pipes struct {
	in     chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.in:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (n *network) listen(endpoint string) (net.Listener, error) {
	var ln net.Listener = &pipes{in: make(chan net.Conn), closed: make(chan struct{})}
	if n.tcp {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	n.mu.Lock()
	n.by[endpoint] = ln
	n.mu.Unlock()
	return ln, nil
}

func (n *network) dial(ctx context.Context, endpoint string) (net.Conn, error) {
	n.mu.Lock()
	ln := n.by[endpoint]
	n.mu.Unlock()
	switch l := ln.(type) {
	case nil:
		return nil, errors.New("nobody listens on " + endpoint)
	case *pipes:
		a, b := net.Pipe()
		select {
		case l.in <- b:
			return a, nil
		case <-l.closed:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	default:
		var d net.Dialer
		return d.DialContext(ctx, "tcp", ln.Addr().String())
	}
}

func (n *network) to(endpoint string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return n.dial(ctx, endpoint) }
}

// world is the real 3DS Server and the real directory with its database, and an ACS that checks every
// field of an AReq and answers C.
type world struct {
	net    *network
	server *gateway.Server
	stop   []func()
}

func newWorld(dir string, tcp bool, result func(context.Context, gateway.Result) error) (*world, error) {
	w := &world{net: &network{tcp: tcp, by: map[string]net.Listener{}}}
	if err := w.startDirectory(dir); err != nil {
		return nil, err
	}
	if err := w.serve("acs.3ds", acs); err != nil {
		w.close()
		return nil, err
	}
	if err := w.startServer(result); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) startServer(result func(context.Context, gateway.Result) error) error {
	ln, err := w.net.listen("gateway.rreq")
	if err != nil {
		return err
	}
	w.server = gateway.New(gateway.Config{
		Dial: w.net.to(directory.Endpoint), Listener: ln, Now: time.Now, Rand: rand.Reader, Result: result,
		ServerURL:       "http://gateway.rreq/3ds",
		NotificationURL: func(p string) string { return "http://pay.localhost:8080/3ds/notify/" + p },
	})
	w.server.Start(context.Background())
	w.stop = append(w.stop, w.server.Close)
	return nil
}

func (w *world) startDirectory(dir string) error {
	role := directory.Role(directory.Config{Ranges: []directory.Range{{Start: "4000010000000000", End: "4000019999999999", Name: "Demo Bank", ACS: "acs.3ds"}}})
	run, err := role.Start(context.Background(), &host.Env{
		Role: "directory", Log: slog.New(slog.DiscardHandler), Now: time.Now, Rand: rand.Reader, DataDir: dir, Listen: w.net.listen, Dial: w.net.dial,
	})
	if err == nil {
		w.stop = append(w.stop, func() { run.Stop(context.Background()) })
	}
	return err
}

// serve answers on an endpoint until the world ends.
func (w *world) serve(endpoint string, h link.Handler) error {
	ln, err := w.net.listen(endpoint)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		link.Serve(ctx, ln, h)
		close(done)
	}()
	w.stop = append(w.stop, func() { cancel(); <-done })
	return nil
}

func (w *world) close() {
	for i := len(w.stop) - 1; i >= 0; i-- {
		w.stop[i]()
	}
	w.stop = nil
}

// acs is the least ACS that there can be: it checks the AReq and asks for a challenge.
func acs(_ context.Context, body []byte) []byte {
	m, f := emv3ds.Parse(body)
	if f == nil {
		f = m.ValidateFor(emv3ds.ACS)
	}
	if f != nil {
		return f.From(emv3ds.ACS).Erro(m)
	}
	id, err := emv3ds.NewID(rand.Reader)
	if err != nil {
		return emv3ds.NewFault(403, emv3ds.ACS, "randomness").Erro(m)
	}
	b := emv3ds.New(emv3ds.ARes, m.Version()).Set("threeDSServerTransID", m.Text("threeDSServerTransID")).Set("acsTransID", id)
	b.Set("dsTransID", m.Text("dsTransID")).Set("dsReferenceNumber", m.Text("dsReferenceNumber")).Set("acsReferenceNumber", "BENCH")
	b.Set("transStatus", "C").Set("acsChallengeMandated", "Y").Set("authenticationType", "02").Set("acsURL", "http://acs.bank.localhost:8080/challenge")
	return b.Bytes()
}
