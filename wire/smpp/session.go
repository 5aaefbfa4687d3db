package smpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Errors of a session. Which one decides whether a message may be sent again.
var (
	// ErrNotSent: the message has not left; sending it again is safe.
	ErrNotSent = errors.New("smpp: not sent")
	// ErrNoAnswer: the message left and no answer came; the centre may have it.
	ErrNoAnswer = errors.New("smpp: no answer")
)

// Options of a session. The zero value is good.
type Options struct {
	Timeout time.Duration  // for an answer; 0 = 5 s
	Enquire time.Duration  // between enquire_link; 0 = 30 s
	Window  int            // messages in flight; 0 = 10
	Deliver func(*Message) // deliver_sm from the centre, such as delivery receipts; may be nil
}

func (o Options) filled() Options {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Enquire <= 0 {
		o.Enquire = 30 * time.Second
	}
	if o.Window <= 0 {
		o.Window = 10
	}
	return o
}

// Session is the sender's end (ESME) of one bound connection. It answers enquire_link and deliver_sm, asks
// for life itself, and ends when the other side does not answer. It is safe for many goroutines.
type Session struct {
	conn   net.Conn
	opt    Options
	window chan struct{}
	done   chan struct{}

	writing sync.Mutex // one PDU at a time goes out
	replies chan reply // to the centre's requests; sent by a goroutine of its own, so that read never writes
	mu      sync.Mutex // guards what follows
	seq     uint32
	waiting map[uint32]chan PDU
	err     error
}

// BindAs binds as a transceiver on conn, which the session owns from now on. A refusal of the centre is a
// Status.
func BindAs(ctx context.Context, conn net.Conn, b Bind, opt Options) (*Session, error) {
	opt = opt.filled()
	s := &Session{conn: conn, opt: opt, window: make(chan struct{}, opt.Window), done: make(chan struct{}), waiting: map[uint32]chan PDU{}, replies: make(chan reply, 16)}
	if b.Version == 0 {
		b.Version = 0x34
	}
	go s.read()
	go s.reply()
	p, err := s.call(ctx, BindTransceiver, b.Append(nil))
	if err == nil && p.Status != OK {
		err = p.Status
	}
	if err != nil {
		s.fail(err)
		return nil, err
	}
	go s.enquire()
	return s, nil
}

// Submit sends one message and waits for the centre's id of it. Errors: a Status when it was refused,
// ErrNotSent, ErrNoAnswer.
func (s *Session) Submit(ctx context.Context, m *Message) (id string, err error) {
	select {
	case s.window <- struct{}{}:
		defer func() { <-s.window }()
	case <-s.done:
		return "", fmt.Errorf("%w: %w", ErrNotSent, s.Err())
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
	p, err := s.call(ctx, SubmitSM, m.Append(nil))
	switch {
	case err != nil:
		return "", err
	case p.Status != OK:
		return "", p.Status
	case p.Command != SubmitSM.Answer():
		return "", ErrNoAnswer
	}
	return ParseID(p.Body)
}

// Done is closed when the session has ended; Err says why.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is why the session ended, nil while it lives.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close unbinds and ends the session.
func (s *Session) Close(ctx context.Context) error {
	_, err := s.call(ctx, Unbind, nil)
	s.fail(net.ErrClosed)
	return err
}

// call sends a request and waits for its answer.
func (s *Session) call(ctx context.Context, c Command, body []byte) (PDU, error) {
	answer := make(chan PDU, 1)
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return PDU{}, fmt.Errorf("%w: %w", ErrNotSent, s.err)
	}
	s.seq = s.seq%0x7fffffff + 1
	seq := s.seq
	s.waiting[seq] = answer
	s.mu.Unlock()
	err := s.write(PDU{Command: c, Sequence: seq, Body: body})
	defer func() {
		s.mu.Lock()
		delete(s.waiting, seq)
		s.mu.Unlock()
	}()
	if err != nil {
		s.fail(err)
		return PDU{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	limit := time.NewTimer(s.opt.Timeout)
	defer limit.Stop()
	select {
	case p := <-answer:
		return p, nil
	case <-s.done:
		select {
		case p := <-answer:
			return p, nil
		default:
			return PDU{}, fmt.Errorf("%w: %w", ErrNoAnswer, s.Err())
		}
	case <-limit.C:
		return PDU{}, ErrNoAnswer
	case <-ctx.Done():
		return PDU{}, fmt.Errorf("%w: %w", ErrNoAnswer, ctx.Err())
	}
}

// write sends a PDU; a connection that takes nothing for the time-out is closed. It has a lock of its own: the
// reader must never wait for a writer, or two ends that both write wait for each other for ever.
func (s *Session) write(p PDU) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return writePDU(s.conn, p, s.opt.Timeout)
}

func writePDU(conn net.Conn, p PDU, timeout time.Duration) error {
	stuck := time.AfterFunc(timeout, func() { conn.Close() })
	defer stuck.Stop()
	_, err := conn.Write(AppendPDU(nil, p))
	return err
}

// fail ends the session once.
func (s *Session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = err
	s.conn.Close()
	close(s.done)
}

// read takes what the centre sends until the connection ends.
func (s *Session) read() {
	for {
		p, err := ReadPDU(s.conn)
		if err != nil {
			s.fail(err)
			return
		}
		if p.Command.IsAnswer() {
			s.mu.Lock()
			answer := s.waiting[p.Sequence]
			delete(s.waiting, p.Sequence)
			s.mu.Unlock()
			if answer != nil {
				answer <- p
			}
			continue
		}
		select {
		case s.replies <- s.request(p):
		default: // asks faster than it listens
			s.fail(net.ErrClosed)
			return
		}
	}
}

// reply is an answer to the centre; after the last one the session ends.
type reply struct {
	PDU
	last bool
}

// reply sends the answers to the centre until the session ends.
func (s *Session) reply() {
	for {
		select {
		case <-s.done:
			return
		case r := <-s.replies:
			if err := s.write(r.PDU); err != nil || r.last {
				s.fail(net.ErrClosed)
				return
			}
		}
	}
}

// request answers what the centre asks.
func (s *Session) request(p PDU) reply {
	r := reply{PDU: PDU{Command: p.Command.Answer(), Sequence: p.Sequence}}
	switch p.Command {
	case EnquireLink:
	case Unbind:
		r.last = true
	case DeliverSM:
		m, err := ParseMessage(p.Body)
		r.Body = AppendID(nil, "")
		if err != nil {
			r.Status = InvalidMsgLength
		} else if s.opt.Deliver != nil {
			s.opt.Deliver(m)
		}
	default:
		r.Command, r.Status = GenericNack, InvalidCommandID
	}
	return r
}

// enquire asks for life until the session ends.
func (s *Session) enquire() {
	tick := time.NewTicker(s.opt.Enquire)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		if _, err := s.call(context.Background(), EnquireLink, nil); err != nil {
			s.fail(err)
			return
		}
	}
}
