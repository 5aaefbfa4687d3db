package host

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// pipeConn is one end of a connection inside the process. net.Pipe is a rendezvous: a write copies straight
// into the reader's buffer and there is no buffer between them, so nothing is left behind that a
// reader or writer does not own and wipe. It has deadlines. This wrapper adds addresses and the errors of
// a network connection.
type pipeConn struct {
	net.Conn
	local, remote Addr
	closed        *atomic.Bool
}

// Addr is the address of an endpoint: the name of the role behind it and of the endpoint.
type Addr struct{ Role, Endpoint string }

// Network is "memory".
func (a Addr) Network() string { return "memory" }

// String is "role@endpoint".
func (a Addr) String() string { return a.Role + "@" + a.Endpoint }

func pipe(caller, server Addr) (client, served net.Conn) {
	a, b := net.Pipe()
	return &pipeConn{a, caller, server, new(atomic.Bool)}, &pipeConn{b, server, caller, new(atomic.Bool)}
}

func (c *pipeConn) LocalAddr() net.Addr  { return c.local }
func (c *pipeConn) RemoteAddr() net.Addr { return c.remote }

func (c *pipeConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

func (c *pipeConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return n, c.fix("read", err)
}

func (c *pipeConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.fix("write", err)
}

// fix turns net.Pipe's closed error into the one of the net package.
func (c *pipeConn) fix(op string, err error) error {
	if err == nil || err == io.EOF || !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	cause := io.ErrClosedPipe // the other end hung up
	if c.closed.Load() {
		cause = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: "memory", Source: c.local, Addr: c.remote, Err: cause}
}

// listener hands out the connections of one endpoint, whichever way they came.
type listener struct {
	addr  Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	outer net.Listener // TCP, nil if only this process may call
}

// backlog is how many calls may wait to be accepted.
const backlog = 128

func newListener(a Addr) *listener {
	return &listener{addr: a, conns: make(chan net.Conn, backlog), done: make(chan struct{})}
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, l.closed()
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, l.closed()
	}
}

func (l *listener) closed() error {
	return &net.OpError{Op: "accept", Net: "memory", Addr: l.addr, Err: net.ErrClosed}
}

// deliver gives a connection to Accept; false when the listener is closed or ctx ended.
func (l *listener) deliver(ctx context.Context, c net.Conn) bool {
	select {
	case <-l.done:
		return false
	default:
	}
	select {
	case l.conns <- c:
		return true
	case <-l.done:
	case <-ctx.Done():
	}
	return false
}

// Close refuses new calls and hangs up those that nobody accepted.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		if l.outer != nil {
			err = l.outer.Close()
		}
		for {
			select {
			case c := <-l.conns:
				c.Close()
			default:
				return
			}
		}
	})
	return err
}
