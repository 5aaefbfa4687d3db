package sms

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"countersign/wire/smpp"
)

// Status is what is known of a message after Send.
type Status byte

// The answers of Send.
const (
	Failed  Status = 0 // the message centre does not have it
	Sent    Status = 1 // the message centre accepted all of it
	Unknown Status = 2 // the message centre may have it, or a part of it
)

// Config of a Sender.
type Config struct {
	Dial    func(ctx context.Context) (net.Conn, error)
	Bind    smpp.Bind
	From    string        // alphanumeric sender, at most 11 characters
	Timeout time.Duration // for connecting, binding and each message; 0 = 3 s
	Log     *slog.Logger
}

// Sender keeps one connection to the message centre and makes a new one when it is needed. It is safe for
// many goroutines.
type Sender struct {
	cfg Config

	mu      sync.Mutex
	session *smpp.Session
	ref     byte
}

// New makes a Sender; it connects with the first message.
func New(cfg Config) *Sender {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 3 * time.Second
	}
	return &Sender{cfg: cfg}
}

// Send hands a text for a telephone number to the message centre. It never repeats what may have arrived: two
// messages with different codes would confuse, and the holder can ask for another one.
func (s *Sender) Send(ctx context.Context, number, text string) Status {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	to := smpp.Number(number)
	if to.Addr == "" || len(to.Addr) > 15 { // E.164
		s.cfg.Log.Warn("SMS not sent: no telephone number")
		return Failed
	}
	session, ref, err := s.connected(ctx)
	if err != nil {
		s.cfg.Log.Warn("SMS not sent: no connection to the message centre", "error", err)
		return Failed
	}
	parts, err := smpp.EncodeText(text, ref)
	if err != nil {
		s.cfg.Log.Error("SMS not sent: the text cannot be encoded", "error", err)
		return Failed
	}
	for i, p := range parts {
		m := &smpp.Message{Source: smpp.Name(s.cfg.From), Dest: to, Coding: p.Coding, Data: p.Data}
		if p.UDHI {
			m.ESMClass = smpp.UDHI
		}
		if _, err := session.Submit(ctx, m); err != nil {
			s.cfg.Log.Warn("SMS not accepted", "part", i+1, "of", len(parts), "error", err)
			if i == 0 && !errors.Is(err, smpp.ErrNoAnswer) {
				return Failed
			}
			return Unknown
		}
	}
	return Sent
}

// connected gives the living session, or makes one.
func (s *Sender) connected(ctx context.Context) (*smpp.Session, byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ref++
	if s.session != nil && s.session.Err() == nil {
		return s.session, s.ref, nil
	}
	conn, err := s.cfg.Dial(ctx)
	if err != nil {
		return nil, 0, err
	}
	session, err := smpp.BindAs(ctx, conn, s.cfg.Bind, smpp.Options{Timeout: s.cfg.Timeout})
	if err != nil {
		return nil, 0, err
	}
	s.session = session
	return session, s.ref, nil
}

// Close unbinds.
func (s *Sender) Close(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil && s.session.Err() == nil {
		_ = s.session.Close(ctx)
	}
	s.session = nil
}
