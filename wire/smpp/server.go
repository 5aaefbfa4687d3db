package smpp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"
)

// Centre is a message centre (SMSC): what it does with binds and messages.
type Centre struct {
	SystemID string // at most 15 characters
	// Bind decides who may bind; nil lets everybody.
	Bind func(b Bind) Status
	// Submit takes one message and gives it an id; only after OK is the sender told that it was accepted, so
	// it must be stored by then. It may be called by many goroutines, for one connection in order.
	Submit func(ctx context.Context, from Bind, m *Message) (id string, st Status)
	// Idle ends a connection that is silent for so long; 0 = 5 minutes.
	Idle time.Duration
}

// Serve accepts connections until ctx ends, then closes them all and waits for them.
func (c *Centre) Serve(ctx context.Context, ln net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		all.Go(func() { c.serve(ctx, conn) })
	}
}

// peer is one connection of a centre.
type peer struct {
	conn  net.Conn
	from  Bind
	bound Command // 0, or the bind command
}

func (c *Centre) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	idle := c.Idle
	if idle <= 0 {
		idle = 5 * time.Minute
	}
	silent := time.AfterFunc(idle, func() { conn.Close() })
	defer silent.Stop()
	p := &peer{conn: conn}
	for {
		in, err := ReadPDU(conn)
		if err != nil {
			if errors.Is(err, ErrFormat) || errors.Is(err, ErrTooLong) {
				_ = writePDU(conn, PDU{Command: GenericNack, Status: InvalidCommandLen}, time.Second)
			}
			return
		}
		silent.Reset(idle)
		if in.Command.IsAnswer() {
			continue
		}
		if writePDU(conn, c.answer(ctx, p, in), idle) != nil || in.Command == Unbind {
			return
		}
	}
}

// answer does what one request asks.
func (c *Centre) answer(ctx context.Context, p *peer, in PDU) PDU {
	out := PDU{Command: in.Command.Answer(), Sequence: in.Sequence}
	switch in.Command {
	case EnquireLink, Unbind:
	case BindTransceiver, BindTransmitter, BindReceiver:
		out.Status = c.bind(p, in)
		if out.Status == OK {
			out.Body = AppendID(nil, c.SystemID)
		}
	case SubmitSM:
		var id string
		if id, out.Status = c.submit(ctx, p, in); out.Status == OK {
			out.Body = AppendID(nil, id)
		}
	default:
		out.Command, out.Status = GenericNack, InvalidCommandID
	}
	return out
}

func (c *Centre) bind(p *peer, in PDU) Status {
	if p.bound != 0 {
		return AlreadyBound
	}
	b, err := ParseBind(in.Body)
	if err != nil {
		return InvalidCommandLen
	}
	if c.Bind != nil {
		if st := c.Bind(b); st != OK {
			return st
		}
	}
	p.bound, p.from = in.Command, b
	p.from.Password = ""
	return OK
}

func (c *Centre) submit(ctx context.Context, p *peer, in PDU) (string, Status) {
	if p.bound != BindTransceiver && p.bound != BindTransmitter {
		return "", WrongBindState
	}
	m, err := ParseMessage(in.Body)
	if err != nil {
		return "", InvalidMsgLength
	}
	if m.Dest.Addr == "" {
		return "", InvalidDest
	}
	return c.Submit(ctx, p.from, m)
}

// ID writes a number as a message id: eight or more hexadecimal digits.
func ID(n uint64) string {
	s := strconv.FormatUint(n, 16)
	for len(s) < 8 {
		s = "0" + s
	}
	return s
}
