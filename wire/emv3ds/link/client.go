package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// How many connections a Client keeps, and for how long without use.
const (
	clientKeep = 8
	clientIdle = 20 * time.Second
)

// Client posts messages to one endpoint over kept connections. Set the fields before the first Post;
// a Client is safe for concurrent use and must not be copied.
type Client struct {
	Dial func(ctx context.Context) (net.Conn, error)
	Path string // request target; "/" when empty
	Host string // Host header

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

// conn is a kept connection; fresh says that nothing was sent over it yet.
type conn struct {
	net.Conn
	in, out *buffer
	fresh   bool
	expire  *time.Timer
}

// Post sends body and returns the answer: a new buffer that the caller wipes, as it wipes body. The
// deadline of ctx bounds the exchange. Errors wrap ErrConnect, ErrTimeout, ErrBroken or ErrStatus and never
// carry any of the message. A kept connection that turns out to be dead before a byte of the answer
// is replaced once.
func (c *Client) Post(ctx context.Context, body []byte) ([]byte, error) {
	for {
		k, err := c.take(ctx)
		if err != nil {
			return nil, err
		}
		reused := !k.fresh
		answer, keep, started, err := k.exchange(ctx, c.head(len(body)), body)
		if err == nil && keep {
			c.put(k)
			return answer, nil
		}
		k.Close()
		if err == nil || !reused || started || ctx.Err() != nil || errors.Is(err, ErrTimeout) {
			return answer, err
		}
		c.drop()
	}
}

// Close ends the kept connections; exchanges under way are finished first by their callers.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.drop()
}

// drop ends all kept connections.
func (c *Client) drop() {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, k := range idle {
		k.expire.Stop()
		k.Close()
	}
}

func (c *Client) head(length int) string {
	path := c.Path
	if path == "" {
		path = "/"
	}
	return "POST " + path + " HTTP/1.1\r\nHost: " + c.Host + "\r\nContent-Type: " + ContentType + "\r\nContent-Length: " + strconv.Itoa(length) + "\r\n\r\n"
}

// take gives a kept connection, or dials.
func (c *Client) take(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		k := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		k.expire.Stop()
		k.fresh = false
		return k, nil
	}
	c.mu.Unlock()
	nc, err := c.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConnect, err)
	}
	return &conn{Conn: nc, in: newBuffer(), out: newBuffer(), fresh: true}, nil
}

// put keeps a connection for the next Post.
func (c *Client) put(k *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle) >= clientKeep {
		k.Close()
		return
	}
	k.expire = time.AfterFunc(clientIdle, func() { c.forget(k) })
	c.idle = append(c.idle, k)
}

// forget closes a connection that nobody used for a while.
func (c *Client) forget(k *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.idle {
		if other == k {
			c.idle = append(c.idle[:i], c.idle[i+1:]...)
			k.Close()
			return
		}
	}
}

// exchange sends one request and reads its answer; started says that some of the answer had come.
func (k *conn) exchange(ctx context.Context, head string, body []byte) (answer []byte, keep, started bool, err error) {
	limit, _ := ctx.Deadline()
	k.SetDeadline(limit)
	stop := context.AfterFunc(ctx, func() { k.SetDeadline(time.Unix(1, 0)) })
	defer k.in.wipe()
	if err = k.out.write(k, head, body); err == nil {
		answer, keep, err = k.answer()
	}
	started = k.in.to > 0
	if !stop() {
		keep = false
	}
	return answer, keep, started, wrap(ctx, err)
}

func wrap(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrStatus):
		return err
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: connection ended", ErrBroken)
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// answer reads one answer into a buffer of its own.
func (k *conn) answer() (body []byte, keep bool, err error) {
	head, err := k.in.head(k)
	if err != nil {
		return nil, false, err
	}
	start, rest, _ := bytes.Cut(head, []byte("\r\n"))
	status, err := parseStatus(start)
	if err != nil {
		return nil, false, err
	}
	f, err := parseFields(rest)
	switch {
	case err != nil:
		return nil, false, err
	case status != 200:
		return nil, false, fmt.Errorf("%w %d", ErrStatus, status)
	case f.chunked || f.length < 0:
		return nil, false, errLength
	case f.length > MaxBody:
		return nil, false, errLong
	}
	lent, err := k.in.body(k, f.length)
	if err != nil {
		return nil, false, err
	}
	return append([]byte(nil), lent...), !f.close && k.in.from == k.in.to, nil
}

func parseStatus(line []byte) (int, error) {
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return 0, errSyntax
	}
	n, err := strconv.Atoi(string(line[9:12]))
	if err != nil || n < 100 || len(line) > 12 && line[12] != ' ' {
		return 0, errSyntax
	}
	return n, nil
}
