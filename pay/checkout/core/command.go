package core

import (
	"countersign/pay/money"
	"countersign/pay/payment"
)

func (s *step) capture(amount money.Amount) error {
	switch s.p.State {
	case payment.Captured, payment.Refunded:
		return &Refusal{Code: RefuseCaptured}
	case payment.Cancelled, payment.Expired:
		return &Refusal{Code: RefuseClosed}
	case payment.Processing:
		return &Refusal{Code: RefuseProcessing, Later: true}
	}
	a := s.winner()
	if s.p.State != payment.Authorised || a == nil {
		return &Refusal{Code: RefuseNotHeld, Later: true}
	}
	if _, waiting := s.p.pending(CaptureKind); waiting {
		return &Refusal{Code: RefuseCapturing, Later: true}
	}
	if !s.w.Now.Before(s.p.HoldUntil) {
		return &Refusal{Code: RefuseClosed}
	}
	amount, err := part(amount, s.p.Authorised)
	if err != nil {
		return err
	}
	s.addCapture(a, amount)
	return nil
}

// part is the amount of a command: all when none was named, and never more than there is.
func part(amount, all money.Amount) (money.Amount, error) {
	if amount == (money.Amount{}) {
		amount = all
	}
	c, err := amount.Cmp(all)
	switch {
	case err != nil:
		return amount, &Refusal{Code: RefuseCurrency}
	case amount.IsZero():
		return amount, &Refusal{Code: RefuseZero}
	case c > 0:
		return amount, &Refusal{Code: RefuseAmount}
	}
	return amount, nil
}

func (s *step) addCapture(a *Attempt, amount money.Amount) {
	s.addMovement(a, Movement{ID: s.w.ID("cap"), Kind: CaptureKind, Amount: amount}, CaptureAdvice)
}

// addMovement stores a promise to the shop and the message that will keep it.
func (s *step) addMovement(a *Attempt, m Movement, kind AdviceKind) {
	m.State, m.Trace, m.Created = Pending, s.w.Trace(), s.w.Now
	s.p.Movements = append(s.p.Movements, m)
	s.record(string(m.Kind)+".stored", "")
	s.do(Enqueue{Advice{
		ID: s.w.ID("adv"), Payment: s.p.ID, Attempt: a.N, Kind: kind, Movement: m.ID, Trace: m.Trace, Original: a.Trace,
		Amount: m.Amount, Lifecycle: a.Lifecycle, N: 1, M: 1, Created: s.w.Now, Next: s.w.Now,
	}})
}

func (s *step) refund(e Refund) error {
	switch s.p.State {
	case payment.Refunded:
		return &Refusal{Code: RefuseRefunded}
	case payment.Captured:
	default:
		return &Refusal{Code: RefuseNoCapture}
	}
	a := s.winner()
	if a == nil || !a.PANKept || !s.w.Now.Before(s.p.RefundUntil) {
		return &Refusal{Code: RefuseWindow}
	}
	rest := s.p.Refundable()
	if rest.IsZero() {
		return &Refusal{Code: RefuseRefunded}
	}
	amount, err := part(e.Amount, rest)
	if err != nil {
		return err
	}
	s.addMovement(a, Movement{ID: s.w.ID("re"), Kind: RefundKind, Amount: amount, Reason: e.Reason}, RefundAdvice)
	return nil
}

func (s *step) cancel() error {
	switch s.p.State {
	case payment.Captured, payment.Refunded:
		return &Refusal{Code: RefuseCaptured}
	case payment.Cancelled, payment.Expired:
		return &Refusal{Code: RefuseClosed}
	case payment.Authorised:
		if _, waiting := s.p.pending(CaptureKind); waiting {
			return &Refusal{Code: RefuseCapturing, Later: true}
		}
		s.close(payment.Cancelled, EventCancelled)
		return nil
	}
	if a, ok := s.p.Current(); ok && a.State == Authorising {
		return &Refusal{Code: RefuseProcessing, Later: true}
	}
	s.close(payment.Cancelled, EventCancelled)
	return nil
}

// close ends a payment that was not captured: a hold is given back, an open attempt dropped.
func (s *step) close(st payment.State, event string) {
	if len(s.p.Attempts) > 0 {
		switch a := &s.p.Attempts[len(s.p.Attempts)-1]; a.State {
		case Approved:
			s.reverse(a, CancelRequest)
		case Authenticating, Challenged:
			s.end(a, Abandoned)
			s.forget(a)
		}
	}
	s.p.State, s.p.Declined = st, nil
	s.record(event, "")
	s.notify(event)
}

func (s *step) tick() {
	if due := s.p.Due(); due.IsZero() || s.w.Now.Before(due) {
		return
	}
	switch s.p.State {
	case payment.Authorised:
		if _, waiting := s.p.pending(CaptureKind); !waiting && !s.w.Now.Before(s.p.HoldUntil) {
			s.close(payment.Expired, EventExpired)
		}
	case payment.NeedsCard, payment.NeedsConfirmation, payment.Processing:
		s.overdue()
		if a, ok := s.p.Current(); (!ok || a.State != Authorising) && s.p.State == payment.NeedsCard && !s.w.Now.Before(s.p.Expires) {
			s.close(payment.Expired, EventExpired)
		}
	case payment.Captured:
		if a := s.winner(); a != nil && !s.p.RefundUntil.IsZero() && !s.w.Now.Before(s.p.RefundUntil) {
			if _, waiting := s.p.pending(RefundKind); !waiting && a.PANKept {
				s.forget(a)
				s.record("card.forgotten", "")
			}
		}
	}
}

// overdue ends the wait of the last attempt, when it has lasted too long.
func (s *step) overdue() {
	if len(s.p.Attempts) == 0 {
		return
	}
	a := &s.p.Attempts[len(s.p.Attempts)-1]
	if a.Until.IsZero() || s.w.Now.Before(a.Until) {
		return
	}
	switch a.State {
	case Authenticating:
		s.refuse(a, decline(payment.DeclineTechnical))
	case Challenged:
		s.refuse(a, decline(payment.DeclineConfirmation))
	case Reversing:
		s.goOn(a)
	}
}

// restarted resolves what was in flight when the process was killed. An authorisation may have been
// sent: it is reversed. A challenge cannot go on: the sealed code was in memory only.
func (s *step) restarted() {
	a, ok := s.p.Current()
	if !ok {
		return
	}
	switch a.State {
	case Authorising:
		s.authNoAnswer(a.N)
	case Authenticating, Challenged:
		s.refuse(s.attempt(a.N), payment.Decline{Code: payment.DeclineTechnical,
			Message: "Something interrupted the payment. No money was taken. Please enter the card again.", Retry: true})
	}
}
