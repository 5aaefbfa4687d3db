package core

import (
	"time"

	"countersign/pay/money"
	"countersign/pay/payment"
)

// New is a payment at its beginning. The order's amount must be above zero.
func New(id string, o Order, w World) (Payment, []Effect, error) {
	if o.Amount.Minor() <= 0 {
		return Payment{}, nil, &Refusal{Code: RefuseZero}
	}
	zero := money.Zero(o.Amount.Currency())
	p := Payment{
		ID: id, Order: o, State: payment.NeedsCard, Created: w.Now, Changed: w.Now, Expires: w.Now.Add(w.Policy.PayWithin),
		Authorised: zero, Captured: zero, Refunded: zero, Version: 1,
	}
	return p, []Effect{Record{What: "payment.created"}}, nil
}

// Step is what follows from an event. The error is a *Refusal: a command that cannot be done now; then
// nothing has changed. Events that come too late or twice change nothing, have no effects and are no error.
func Step(p Payment, e Event, w World) (Payment, []Effect, error) {
	s := &step{p: p.clone(), w: w}
	var err error
	switch e := e.(type) {
	case CardEntered:
		err = s.cardEntered(e)
	case Authenticated:
		s.authenticated(e)
	case Confirmed:
		err = s.confirmed(e)
	case AuthAnswered:
		s.authAnswered(e)
	case AuthNotSent:
		s.authNotSent(e)
	case AuthNoAnswer:
		s.authNoAnswer(e.N)
	case AuthLate:
		s.authLate(e)
	case Abandon:
		err = s.abandon(e.N)
	case Capture:
		err = s.capture(e.Amount)
	case Cancel:
		err = s.cancel()
	case Refund:
		err = s.refund(e)
	case AdviceAnswered:
		s.adviceAnswered(e)
	case Tick:
		s.tick()
	case Restarted:
		s.restarted()
	}
	if err != nil || s.what == "" {
		return p, nil, err
	}
	s.p.Version++
	s.p.Changed = w.Now
	return s.p, append([]Effect{Record{What: s.what, Detail: s.detail}}, s.effects...), nil
}

// step is one Step being made.
type step struct {
	p            Payment
	w            World
	effects      []Effect
	what, detail string // the audit record; what == "" means that nothing changed
}

func (s *step) record(what, detail string) {
	if s.what == "" {
		s.what, s.detail = what, detail
		return
	}
	s.what += " " + what
	if detail != "" {
		s.detail += " " + detail
	}
}

func (s *step) do(e ...Effect) { s.effects = append(s.effects, e...) }

// attempt finds attempt n for changing; nil when there is none.
func (s *step) attempt(n int) *Attempt {
	if n < 1 || n > len(s.p.Attempts) {
		return nil
	}
	return &s.p.Attempts[n-1]
}

// notify adds a webhook, numbered within the payment.
func (s *step) notify(event string) {
	s.p.Events++
	s.do(Notify{event, s.p.Events})
}

func (s *step) cardEntered(e CardEntered) error {
	if a, ok := s.p.ByNonce(e.Nonce); ok {
		return &Refusal{Code: RefuseSame, Attempt: a.N}
	}
	switch s.p.State {
	case payment.Cancelled, payment.Expired:
		return &Refusal{Code: RefuseClosed}
	case payment.Authorised, payment.Captured, payment.Refunded:
		return &Refusal{Code: RefusePaid}
	case payment.NeedsConfirmation, payment.Processing:
		a, _ := s.p.Current()
		return &Refusal{Code: RefuseInFlight, Attempt: a.N}
	}
	challenges := 0
	for _, a := range s.p.Attempts {
		if a.Challenge != NoChallenge {
			challenges++
		}
	}
	if len(s.p.Attempts) >= s.w.Policy.MaxAttempts || challenges >= s.w.Policy.MaxChallenges {
		return &Refusal{Code: RefuseTooMany}
	}
	if !s.w.Now.Before(s.p.Expires) {
		return &Refusal{Code: RefuseClosed}
	}
	n := len(s.p.Attempts) + 1
	s.p.Attempts = append(s.p.Attempts, Attempt{
		N: n, Nonce: e.Nonce, State: Authenticating, Card: e.Card, Started: s.w.Now,
		Until: s.w.Now.Add(s.w.Policy.Authenticate), PANKept: true,
	})
	s.p.State, s.p.Declined = payment.Processing, nil
	s.record("attempt.started", "")
	s.do(Authenticate{n})
	return nil
}

func (s *step) authenticated(e Authenticated) {
	a := s.attempt(e.N)
	if a == nil || a.State != Authenticating {
		return
	}
	o := e.Outcome
	take(a, o)
	switch {
	case o.Unsupported:
		s.refuse(a, decline(payment.DeclineUnsupported))
	case o.Status == "C" && o.ACSURL != "" && o.CReq != "" && o.ServerTransID != "":
		a.State, a.Challenge, a.ACSURL, a.CReq = Challenged, ChallengeOpen, o.ACSURL, o.CReq
		a.Until = s.w.Now.Add(s.w.Policy.Challenge)
		s.p.State = payment.NeedsConfirmation
		s.record("attempt.challenged", "")
	case proven(o):
		s.authorise(a)
	case o.Status == "N" || o.Status == "R":
		s.refuse(a, decline(payment.DeclineConfirmation))
	default:
		s.refuse(a, decline(payment.DeclineTechnical))
	}
}

func (s *step) confirmed(e Confirmed) error {
	a, o := s.attempt(e.N), e.Outcome
	switch {
	case a == nil || o.ServerTransID != a.ServerTransID || o.ACSTransID != a.ACSTransID || o.DSTransID != a.DSTransID:
		return &Refusal{Code: RefuseUnknown}
	case a.Challenge == ChallengeAnswered:
		return &Refusal{Code: RefuseDuplicate}
	case a.Challenge == NoChallenge:
		return &Refusal{Code: RefuseNoQuestion}
	}
	a.Challenge = ChallengeAnswered
	switch {
	case a.State != Challenged: // the shopper went another way, or it took too long
		s.record("confirmation.late", "status="+o.Status)
	case proven(o):
		take(a, o)
		s.authorise(a)
	default:
		take(a, o)
		s.refuse(a, decline(payment.DeclineConfirmation))
	}
	return nil
}

// proven says whether the outcome carries a proof that the bank will accept.
func proven(o Outcome) bool { return (o.Status == "Y" || o.Status == "A") && o.CAVV != "" }

// take copies what an outcome brings.
func take(a *Attempt, o Outcome) {
	set := func(dst *string, v string) {
		if v != "" {
			*dst = v
		}
	}
	a.Status, a.Reason = o.Status, o.Reason
	set(&a.ServerTransID, o.ServerTransID)
	set(&a.ACSTransID, o.ACSTransID)
	set(&a.DSTransID, o.DSTransID)
	set(&a.ECI, o.ECI)
	set(&a.CAVV, o.CAVV)
	set(&a.Version, o.Version)
}

// authorise stores the numbers of the 0100 and lets it go.
func (s *step) authorise(a *Attempt) {
	a.State, a.Trace, a.Lifecycle = Authorising, s.w.Trace(), s.w.ID("life")
	a.ACSURL, a.CReq, a.Until = "", "", time.Time{}
	s.p.State = payment.Processing
	s.record("attempt.authorising", "status="+a.Status)
	s.do(Authorise{a.N})
}

// refuse ends an attempt of which nothing is held; the shopper may try again.
func (s *step) refuse(a *Attempt, d payment.Decline) {
	s.end(a, Refused)
	a.Decline = &d
	s.p.State, s.p.Declined = payment.NeedsCard, &d
	s.record("attempt.refused", d.Code)
	s.notify(EventDeclined)
	s.forget(a)
}

func (s *step) end(a *Attempt, st AttemptState) {
	a.State, a.Ended, a.Until = st, s.w.Now, time.Time{}
	a.ACSURL, a.CReq = "", ""
	s.do(DropCode{a.N})
}

func (s *step) forget(a *Attempt) {
	if a.PANKept {
		a.PANKept = false
		s.do(Forget{a.N})
	}
}

func (s *step) abandon(n int) error {
	a := s.attempt(n)
	if a == nil {
		return nil
	}
	switch a.State {
	case Authorising:
		return &Refusal{Code: RefuseInFlight, Attempt: n, Later: true}
	case Authenticating, Challenged:
		s.end(a, Abandoned)
		s.forget(a)
		s.p.State, s.p.Declined = payment.NeedsCard, nil
		s.record("attempt.abandoned", "")
	}
	return nil
}

// decline has the words for what is not the bank's refusal.
func decline(code string) payment.Decline {
	switch code {
	case payment.DeclineConfirmation:
		return payment.Decline{Code: code, Message: "The payment was not confirmed with the bank. No money was taken. You can try again.", Retry: true}
	case payment.DeclineUnsupported:
		return payment.Decline{Code: code, Message: "This card cannot be used here. Please use another card.", Retry: false}
	}
	return payment.DeclineFor(payment.IssuerDown)
}
