package challenge

import (
	"crypto/subtle"
	"time"
)

// Event is something that happened. Times come with Step's now.
type Event interface{ event() }

// The events.
type (
	// CReq: a browser came with a challenge request. Digest identifies its content. Fresh is the HMAC of a
	// code that may be used now.
	CReq struct {
		Digest  [32]byte
		Session string
		Fresh   [32]byte
	}
	// Answer: the holder typed a code into a form.
	Answer struct {
		Form int
		MAC  [32]byte
	}
	// Resend: the holder asked for another code; Fresh as with CReq.
	Resend struct{ Fresh [32]byte }
	// Cancel: the holder does not want to pay.
	Cancel struct{}
	// Stopped: the bank says that the card may not be used any more.
	Stopped struct{}
	// MessageSent: what became of the message with the code of that round.
	MessageSent struct {
		Round  int
		Status Sent
	}
	// Delivered: the result was received (RRes, or "received before").
	Delivered struct{}
	// NotDelivered: an attempt failed. InDoubt says that it may have arrived; Refused that the other side does
	// not want it and never will.
	NotDelivered struct{ InDoubt, Refused bool }
	// Tick: time went by.
	Tick struct{}
	// Restarted: the program started again and knows nothing of attempts under way.
	Restarted struct{}
)

func (CReq) event()         {}
func (Answer) event()       {}
func (Resend) event()       {}
func (Cancel) event()       {}
func (Stopped) event()      {}
func (MessageSent) event()  {}
func (Delivered) event()    {}
func (NotDelivered) event() {}
func (Tick) event()         {}
func (Restarted) event()    {}

// Notice is what the page says about the event.
type Notice byte

// The notices.
const (
	None         Notice = iota
	Wrong               // the code was wrong; Left says how many tries are left
	Replayed            // the same form was sent twice; nothing was counted
	CodeOver            // the code is too old
	NoCode              // there is no code to compare with
	TooSoon             // another code: not yet
	NoMoreCodes         // another code: never
	NewCode             // another code is on its way
	CReqAfterEnd        // Erro 315
	CReqTooMany         // Erro 314
	CReqOther           // Erro 305
	CReqLate            // Erro 402
	TooLate             // the page's time is over
	AlreadyOver         // the challenge had ended before
	NotStarted          // a form came before the first page
)

// Outcome is what a step asks the role to do, after the new state is stored.
type Outcome struct {
	Notice   Notice
	SendCode bool // send the fresh code, after the page that names the payee is on its way
	SendRReq bool // deliver the result now
}

// Step is the whole behaviour of a challenge. It never changes s in place.
func Step(s State, e Event, now time.Time) (State, Outcome) {
	switch e := e.(type) {
	case CReq:
		return creq(s, e, now)
	case Answer:
		return answer(s, e, now)
	case Resend:
		return resend(s, e, now)
	case Cancel:
		if o, over := notAsking(&s, now); over {
			return s, o
		}
		return end(s, "N", "01", "01", now)
	case Stopped:
		if s.Phase == Offered || s.Phase == Asking {
			return end(s, "N", "12", "", now)
		}
	case MessageSent:
		if s.Phase == Asking && e.Round == s.Code.Round {
			s.Code.Status = e.Status
			if e.Status == Failed {
				s.Sends--
			}
		}
	case Delivered, NotDelivered:
		return delivery(s, e, now)
	case Tick:
		return tick(s, now)
	case Restarted:
		if s.Phase == Ending {
			s.Delivery.Next = now // an attempt that was under way fell silent: see tick
		}
	}
	return s, Outcome{}
}

func creq(s State, e CReq, now time.Time) (State, Outcome) {
	switch {
	case s.Phase == Ending || s.Phase == Ended:
		if s.Result.Cancel == "05" {
			return s, Outcome{Notice: CReqLate}
		}
		return s, Outcome{Notice: CReqAfterEnd}
	case !now.Before(s.Deadline):
		s, o := tick(s, now)
		o.Notice = CReqLate
		return s, o
	case s.Phase == Asking && e.Digest != s.CReq:
		s, o := end(s, "N", "07", "06", now)
		o.Notice = CReqOther
		return s, o
	case s.CReqs >= MaxCReqs:
		return s, Outcome{Notice: CReqTooMany}
	}
	s.CReqs++
	s.Session = e.Session
	if s.Phase == Asking {
		return s, Outcome{}
	}
	s.Phase, s.CReq, s.Deadline = Asking, e.Digest, now.Add(PageTime)
	return fresh(s, e.Fresh, now), Outcome{SendCode: true}
}

// fresh replaces the code.
func fresh(s State, mac [32]byte, now time.Time) State {
	s.Code = Code{MAC: mac, Round: s.Code.Round + 1, Made: now}
	s.Sends++
	return s
}

// notAsking deals with a form that comes when nothing is asked (any more).
func notAsking(s *State, now time.Time) (Outcome, bool) {
	switch {
	case s.Phase == Offered:
		return Outcome{Notice: NotStarted}, true
	case s.Phase != Asking:
		return Outcome{Notice: AlreadyOver}, true
	case !now.Before(s.Deadline):
		next, o := tick(*s, now)
		*s = next
		o.Notice = TooLate
		return o, true
	}
	return Outcome{}, false
}

func answer(s State, e Answer, now time.Time) (State, Outcome) {
	if o, over := notAsking(&s, now); over {
		return s, o
	}
	for _, t := range s.Tries {
		if t.Form == e.Form && subtle.ConstantTimeCompare(t.MAC[:], e.MAC[:]) == 1 {
			return s, Outcome{Notice: Replayed}
		}
	}
	switch {
	case s.Code.MAC == [32]byte{}:
		return s, Outcome{Notice: NoCode}
	case !now.Before(s.Code.Made.Add(CodeTime)):
		return s, Outcome{Notice: CodeOver}
	case subtle.ConstantTimeCompare(s.Code.MAC[:], e.MAC[:]) == 1:
		return end(s, "Y", "", "", now)
	}
	s.Tries = append(s.Tries[:len(s.Tries):len(s.Tries)], Try(e))
	if len(s.Tries) >= MaxTries {
		return end(s, "N", "01", "", now)
	}
	s.Deadline = now.Add(PageTime)
	return s, Outcome{Notice: Wrong}
}

func resend(s State, e Resend, now time.Time) (State, Outcome) {
	if o, over := notAsking(&s, now); over {
		return s, o
	}
	switch wait := s.ResendIn(now); {
	case wait < 0:
		return s, Outcome{Notice: NoMoreCodes}
	case wait > 0:
		return s, Outcome{Notice: TooSoon}
	case s.Code.Round >= 15: // the message centre failed again and again; Form counts to 15
		return s, Outcome{Notice: NoMoreCodes}
	}
	s.Deadline = now.Add(PageTime)
	return fresh(s, e.Fresh, now), Outcome{Notice: NewCode, SendCode: true}
}

// end decides; the result goes out at once.
func end(s State, status, reason, cancel string, now time.Time) (State, Outcome) {
	s.Phase = Ending
	s.Result = Result{Status: status, Reason: reason, Cancel: cancel, At: now}
	s.Code.MAC = [32]byte{}
	return send(s, now)
}

// send begins an attempt to deliver.
func send(s State, now time.Time) (State, Outcome) {
	s.Delivery.Attempts++
	s.Delivery.Flying = true
	s.Delivery.Next = now.Add(RReqLease)
	return s, Outcome{SendRReq: true}
}

func delivery(s State, e Event, now time.Time) (State, Outcome) {
	if s.Phase != Ending {
		return s, Outcome{}
	}
	s.Delivery.Flying = false
	n, failed := e.(NotDelivered)
	if !failed || n.Refused {
		s.Phase, s.Phone, s.Delivery.Lost = Ended, "", failed
		return s, Outcome{}
	}
	if n.InDoubt {
		s.Delivery.MaybeSent = true
	}
	if s.Delivery.Attempts == 1 && !n.InDoubt {
		return send(s, now) // no connection: once more at once
	}
	if !s.Delivery.MaybeSent && s.Result.Status == "Y" {
		// The shop cannot be told, so nothing may be paid later behind the holder's back.
		s.Result.Status, s.Result.Reason = "U", "22"
	}
	s.Delivery.Next = now.Add(RReqAgain)
	return s, Outcome{}
}

func tick(s State, now time.Time) (State, Outcome) {
	if due := s.Due(); due.IsZero() || now.Before(due) {
		return s, Outcome{}
	}
	switch s.Phase {
	case Offered:
		return end(s, "N", "14", "05", now)
	case Asking:
		return end(s, "N", "14", "04", now)
	}
	if now.Sub(s.Result.At) > RReqUntil {
		s.Phase, s.Phone, s.Delivery.Lost = Ended, "", true
		return s, Outcome{}
	}
	s.Delivery.MaybeSent = s.Delivery.MaybeSent || s.Delivery.Flying // an attempt fell silent
	return send(s, now)
}
