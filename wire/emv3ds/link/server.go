package link

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"
)

// Handler answers one message. The body is lent: it is wiped when Handler returns. The answer is sent and
// then wiped too. A nil answer is sent as 200 with an empty body (an Erro is never answered).
type Handler func(ctx context.Context, body []byte) []byte

// Time limits of a server connection.
const (
	serverIdle = 60 * time.Second // between two requests; longer than a Client keeps a connection
	serverRead = 10 * time.Second // from the first byte of a request to its last; also for writing
)

// Serve answers POST requests on connections from ln until ctx ends, then waits for what is in flight.
// It closes ln. Requests that are not a POST with a length get 405, 411, 413, 417 or 400 and the connection ends.
func Serve(ctx context.Context, ln net.Listener, h func(ctx context.Context, body []byte) []byte) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	defer ln.Close()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			var temporary interface{ Timeout() bool }
			if errors.As(err, &temporary) && temporary.Timeout() {
				continue
			}
			return err
		}
		conns.Add(1)
		go func() {
			defer conns.Done()
			defer c.Close()
			serveConn(ctx, c, h)
		}()
	}
}

// serveConn answers the requests of one connection, one after the other.
func serveConn(ctx context.Context, c net.Conn, h Handler) {
	in, out := newBuffer(), newBuffer()
	defer in.wipe()
	quit := context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Unix(1, 0)) })
	defer quit()
	for ctx.Err() == nil {
		if !within(ctx, serverIdle, c.SetReadDeadline) || in.fill(c) != nil {
			return
		}
		within(ctx, serverRead, c.SetReadDeadline)
		body, keep, status := readRequest(c, in)
		if status != 0 {
			within(ctx, serverRead, c.SetWriteDeadline)
			out.write(c, "HTTP/1.1 "+strconv.Itoa(status)+" "+statusTable[status]+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", nil)
			return
		}
		answer := h(context.WithoutCancel(ctx), body)
		extra := in.from != in.to // pipelined bytes are not served
		in.wipe()
		within(ctx, serverRead, c.SetWriteDeadline)
		err := out.write(c, "HTTP/1.1 200 OK\r\nContent-Type: "+ContentType+"\r\nContent-Length: "+strconv.Itoa(len(answer))+"\r\n\r\n", answer)
		clear(answer)
		if err != nil || !keep || extra {
			return
		}
	}
}

// within sets a deadline so far from now; false when ctx has ended, so that the end is not overwritten.
func within(ctx context.Context, d time.Duration, set func(time.Time) error) bool {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	defer cancel()
	at, _ := limit.Deadline()
	return set(at) == nil && ctx.Err() == nil
}

var statusTable = map[int]string{400: "Bad Request", 405: "Method Not Allowed", 411: "Length Required", 413: "Content Too Large", 417: "Expectation Failed"}

// readRequest reads one request; status is 0, or the HTTP status to refuse it with.
func readRequest(c net.Conn, in *buffer) (body []byte, keep bool, status int) {
	head, err := in.head(c)
	if err != nil {
		if errors.Is(err, errLong) {
			return nil, false, 413
		}
		return nil, false, 400
	}
	start, rest, _ := bytes.Cut(head, []byte("\r\n"))
	method, target, ok := bytes.Cut(start, []byte(" "))
	if !ok || !bytes.HasSuffix(target, []byte(" HTTP/1.1")) {
		return nil, false, 400
	}
	if string(method) != "POST" {
		return nil, false, 405
	}
	f, err := parseFields(rest)
	switch {
	case err != nil:
		return nil, false, 400
	case f.expecting:
		return nil, false, 417
	case f.chunked || f.length < 0:
		return nil, false, 411
	case f.length > MaxBody:
		return nil, false, 413
	}
	if body, err = in.body(c, f.length); err != nil {
		return nil, false, 400
	}
	return body, !f.close, 0
}
