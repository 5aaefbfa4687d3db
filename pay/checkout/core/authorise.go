package core

import (
	"time"

	"countersign/pay/money"
	"countersign/pay/payment"
)

func (s *step) authAnswered(e AuthAnswered) {
	a := s.attempt(e.N)
	if a == nil || a.State != Authorising {
		return
	}
	a.Response, a.Approval, a.CodeResult = e.Answer.Response, e.Answer.Approval, e.Answer.CodeResult
	if e.Answer.Lifecycle != "" {
		a.Lifecycle = e.Answer.Lifecycle
	}
	switch e.Answer.Response {
	case payment.Approved:
		s.approve(a)
	case payment.PartialApproval, payment.IssuerDown, payment.Malfunction:
		// A part is not what the shopper confirmed; and an issuer that could not decide may hold money.
		s.reverse(a, Reversal)
		d := payment.DeclineFor(payment.IssuerDown)
		a.Decline = &d
		s.p.State, s.p.Declined = payment.NeedsCard, &d
		s.record("attempt.refused", d.Code)
		s.notify(EventDeclined)
	default:
		s.refuse(a, payment.DeclineFor(e.Answer.Response))
	}
}

func (s *step) approve(a *Attempt) {
	s.end(a, Approved)
	s.p.State, s.p.Declined = payment.Authorised, nil
	s.p.Authorised, s.p.HoldUntil = s.p.Amount, s.w.Now.Add(s.w.Policy.Hold)
	s.record("payment.authorised", "")
	s.notify(EventAuthorised)
	if s.p.Mode == Automatic {
		s.addCapture(a, s.p.Amount)
	}
}

func (s *step) authNotSent(e AuthNotSent) {
	a := s.attempt(e.N)
	if a == nil || a.State != Authorising {
		return
	}
	d := payment.DeclineFor(payment.IssuerDown)
	if e.CodeGone {
		d = payment.Decline{Code: payment.DeclineConfirmation, Message: "This took too long, and the security code is not kept. No money was taken. Please enter the card again.", Retry: true}
	}
	s.refuse(a, d)
}

// authNoAnswer is the case of doubt: the reversal is stored now, and the shopper waits a little for its answer.
func (s *step) authNoAnswer(n int) {
	a := s.attempt(n)
	if a == nil || a.State != Authorising {
		return
	}
	s.reverse(a, Reversal)
	a.Doubt, a.Until = true, s.w.Now.Add(s.w.Policy.Doubt)
	d := payment.DeclineFor(payment.IssuerDown)
	a.Decline = &d
	s.record("attempt.doubtful", "")
}

func (s *step) authLate(e AuthLate) {
	if a := s.attempt(e.N); a != nil && a.State != Authorising {
		s.record("answer.late", "response="+string(e.Answer.Response))
	}
}

// reverse ends an attempt whose 0100 may have been, or was, approved: an advice that undoes it is stored.
func (s *step) reverse(a *Attempt, kind AdviceKind) {
	s.end(a, Reversing)
	s.do(Enqueue{Advice{
		ID: s.w.ID("adv"), Payment: s.p.ID, Attempt: a.N, Kind: kind, Trace: s.w.Trace(), Original: a.Trace,
		Amount: s.p.Amount, Lifecycle: a.Lifecycle, Created: s.w.Now, Next: s.w.Now,
	}})
}

// goOn lets the shopper try again after a doubt.
func (s *step) goOn(a *Attempt) {
	if !a.Doubt || a.Until.IsZero() {
		return
	}
	a.Until = time.Time{}
	if s.p.State == payment.Processing {
		s.p.State, s.p.Declined = payment.NeedsCard, a.Decline
		s.record("attempt.refused", payment.DeclineTechnical)
		s.notify(EventDeclined)
	}
}

func (s *step) adviceAnswered(e AdviceAnswered) {
	switch e.Advice.Kind {
	case CaptureAdvice, RefundAdvice:
		for i := range s.p.Movements {
			if m := &s.p.Movements[i]; m.ID == e.Advice.Movement && m.State == Pending {
				s.settle(m, e.Answer)
			}
		}
	case Reversal, CancelRequest:
		a := s.attempt(e.Advice.Attempt)
		if a == nil || a.State != Reversing {
			return
		}
		a.State = Reversed
		s.record("attempt.reversed", "response="+string(e.Answer.Response))
		s.goOn(a)
		s.forget(a)
	}
}

func (s *step) settle(m *Movement, ans Answer) {
	m.Settled, m.Response = s.w.Now, ans.Response
	ok := ans.Response.OK()
	m.State = Failed
	if ok {
		m.State = Succeeded
	}
	what := string(m.Kind) + "." + string(m.State)
	s.record(what, "response="+string(ans.Response))
	switch {
	case m.Kind == CaptureKind && ok:
		s.p.Captured = add(s.p.Captured, m.Amount)
		s.p.State = payment.Captured
		s.p.RefundUntil = s.w.Now.Add(s.w.Policy.RefundWithin)
		s.notify(EventCaptured)
	case m.Kind == CaptureKind:
		s.notify(EventCaptureFailed)
	case ok:
		s.p.Refunded = add(s.p.Refunded, m.Amount)
		s.notify(EventRefunded)
		if s.p.Refunded == s.p.Captured {
			s.p.State = payment.Refunded
			if a := s.winner(); a != nil {
				s.forget(a)
			}
		}
	default:
		s.notify(EventRefundFailed)
	}
}

// add cannot overflow: the parts of a payment are checked against its amount before they are stored.
func add(a, b money.Amount) money.Amount {
	sum, err := a.Add(b)
	if err != nil {
		return a
	}
	return sum
}

func (s *step) winner() *Attempt {
	for i := range s.p.Attempts {
		if s.p.Attempts[i].State == Approved {
			return &s.p.Attempts[i]
		}
	}
	return nil
}
