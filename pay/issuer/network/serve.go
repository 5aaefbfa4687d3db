// Package network is the issuer's side of the ISO 8583 link (dialect CS87): it reads requests, has them
// decided, and answers; what it cannot read it answers with what it could.
//
// Response codes that come from here and not from the Decider: 30 format error (DE 44 names the field),
// 12 a message or processing code that this issuer does not offer, 13 an amount that makes no sense, 14 a
// number that is no card number, 63 a link that is not signed on, an acquirer that may not or is not the
// one that signed on, a message authentication code that was not verified; 91 the decision took too
// long, 96 it could not be made.
package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"countersign/pay/issuer"
	"countersign/pay/payment"
	"countersign/wire/iso8583"
)

// Config is what Serve needs.
type Config struct {
	Now       func() time.Time // the wall clock: gives DE 7 its year
	Log       *slog.Logger
	Acquirers []string                       // DE 32 of the acquirers that may sign on; none listed = none may
	Verify    func(covered, mac []byte) bool // checks DE 64 or DE 128; nil = a message with one is refused (63)
	Limits    iso8583.Limits                 // zero values: see there
	InFlight  int                            // decisions at a time per link; 0 = 1024
	Links     int                            // links at a time; 0 = 256
	Grace     time.Duration                  // for decisions under way when ctx ends; 0 = 10 s
}

// Serve answers on every connection of ln until ctx ends; then it stops reading, lets what is in flight
// finish, closes ln, and returns nil. Each message is decided on a goroutine of its own, so that many
// can share one durable write; answers leave in the order in which they are decided.
func Serve(ctx context.Context, ln net.Listener, d issuer.Decider, cfg Config) error {
	srv := iso8583.Server{
		Log: cfg.Log, Limits: cfg.Limits, InFlight: cfg.InFlight, Links: cfg.Links, Grace: cfg.Grace,
		Open: func() iso8583.Handler { return (&session{cfg: &cfg, decide: d}).handle },
	}
	return srv.Serve(ctx, ln)
}

// session is one link: who has signed on.
type session struct {
	cfg      *Config
	decide   issuer.Decider
	acquirer atomic.Pointer[string] // nil until sign-on and after sign-off
}

// refusal is an answer that needs no decision.
type refusal struct {
	code  payment.ResponseCode
	fault *iso8583.Fault // for a format error
	why   string         // for the log
}

func refuse(code payment.ResponseCode, why string) *refusal { return &refusal{code: code, why: why} }

func malformed(de, element int, r iso8583.Reason) *refusal {
	return &refusal{code: payment.FormatError, fault: &iso8583.Fault{Field: de, Element: element, Reason: r}}
}

// handle deals with one message. A panic is one message's misfortune: it is answered with 96.
func (s *session) handle(ctx context.Context, e *iso8583.Exchange) {
	log := s.cfg.Log.With("link", e.Link(), "mti", e.In.MTI().String())
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic while handling a message", "type", fmt.Sprintf("%T", p))
			answer(e, issuer.Decision{Response: payment.Malfunction}, nil, s.cfg.Now())
		}
	}()
	if !e.In.MTI().IsRequest() {
		log.Warn("message dropped: an answer to nothing that was asked here")
		return
	}
	d, no := s.dispatch(ctx, e, log)
	if no == nil {
		answer(e, d, nil, s.cfg.Now())
		return
	}
	if no.fault != nil {
		log.Warn("format error", "field", no.fault.Where(), "reason", no.fault.Reason.String(), "answer", string(no.code))
	} else {
		log.Warn("message refused", "reason", no.why, "answer", string(no.code))
	}
	answer(e, issuer.Decision{Response: no.code}, no.fault, s.cfg.Now())
}

// dispatch has a message decided, or refuses it.
func (s *session) dispatch(ctx context.Context, e *iso8583.Exchange, log *slog.Logger) (issuer.Decision, *refusal) {
	m := &e.In
	if e.Fault != nil {
		return issuer.Decision{}, &refusal{code: payment.FormatError, fault: e.Fault}
	}
	if !m.MTI().Known() {
		return issuer.Decision{}, refuse(payment.InvalidTx, "message type unknown")
	}
	if covered, mac := m.Authenticated(); mac != nil && (s.cfg.Verify == nil || !s.cfg.Verify(covered, mac)) {
		return issuer.Decision{}, refuse(payment.SecurityFailure, "message authentication code not verified")
	}
	if m.MTI().First() == iso8583.NetworkRequest {
		return s.manage(m, log)
	}
	if no := s.mayAsk(m); no != nil {
		return issuer.Decision{}, no
	}
	var d issuer.Decision
	var err error
	no := refuse(payment.InvalidTx, "not offered")
	switch m.MTI().First() {
	case iso8583.AuthRequest:
		d, no, err = s.authorise(ctx, m)
	case iso8583.FinancialRequest, iso8583.FinancialAdvice:
		d, no, err = s.advise(ctx, m)
	case iso8583.ReversalRequest, iso8583.ReversalAdvice:
		d, no, err = s.reverse(ctx, m)
	}
	switch {
	case no != nil:
		return issuer.Decision{}, no
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		log.Error("no decision in time", "error", err)
		return issuer.Decision{Response: payment.IssuerDown}, nil
	case err != nil:
		log.Error("no decision", "error", err)
		return issuer.Decision{Response: payment.Malfunction}, nil
	}
	return d, nil
}

// mayAsk checks that the link is signed on and that the message comes from the acquirer that did.
func (s *session) mayAsk(m *iso8583.Message) *refusal {
	on := s.acquirer.Load()
	switch {
	case !m.Has(iso8583.Acquirer):
		return malformed(iso8583.Acquirer, 0, iso8583.Missing)
	case on == nil:
		return refuse(payment.SecurityFailure, "link not signed on")
	case m.Text(iso8583.Acquirer) != *on:
		return refuse(payment.SecurityFailure, "acquirer is not the one that signed on")
	}
	return nil
}

// manage answers 0800: sign-on 001, sign-off 002, echo 301.
func (s *session) manage(m *iso8583.Message, log *slog.Logger) (issuer.Decision, *refusal) {
	ok := issuer.Decision{Response: payment.Approved}
	for _, de := range [...]int{iso8583.Transmission, iso8583.STAN, iso8583.NetworkCode} {
		if !m.Has(de) {
			return issuer.Decision{}, malformed(de, 0, iso8583.Missing)
		}
	}
	switch m.Text(iso8583.NetworkCode) {
	case iso8583.Echo:
		return ok, nil
	case iso8583.SignOff:
		s.acquirer.Store(nil)
		log.Info("signed off")
		return ok, nil
	case iso8583.SignOn:
		who := m.Text(iso8583.Acquirer)
		if !slices.Contains(s.cfg.Acquirers, who) {
			return issuer.Decision{}, refuse(payment.SecurityFailure, "acquirer may not sign on")
		}
		s.acquirer.Store(&who)
		log.Info("signed on", "acquirer", who)
		return ok, nil
	}
	return issuer.Decision{}, refuse(payment.InvalidTx, "network management code not offered")
}
