// Package core decides what happens to one payment: attempts, confirmation, authorisation, capture,
// cancel, refund, expiry, and what to do when the bank does not answer. Queue decides when advices
// (captures, refunds, reversals) are sent, and sent again, until the bank has answered.
//
// It is pure: no goroutine, clock, disk or network. Step takes a payment, an event and what the world
// gives it (time, ids, message traces) and returns the next payment and the effects, which the caller
// first stores in one commit and then carries out. Same inputs, same outputs, so that the whole can be
// simulated from a seed.
//
// The rule that keeps money safe: whatever may have reached the bank without an answer is undone by a
// reversal that is stored before anything else is decided, and repeated until answered.
package core

import (
	"time"

	"countersign/pay/masked"
	"countersign/pay/money"
	"countersign/pay/payment"
)

// Mode says who decides on the capture.
type Mode string

// The modes of capture.
const (
	Automatic Mode = "automatic" // captured as soon as authorised
	Manual    Mode = "manual"    // the shop captures
)

// ChallengeGrace is how much longer a challenge is waited for than the shopper is told: the bank's own time
// limit comes first, and its RReq on the way.
const ChallengeGrace = time.Minute

// Policy holds the time limits of a payment. The zero value of a field means its default.
type Policy struct {
	PayWithin     time.Duration // from creation to a successful authorisation; default 24 h
	Authenticate  time.Duration // longest wait for the answer to an AReq; default 45 s
	Challenge     time.Duration // longest challenge, a little over EMV 3DS's 600 s; default 11 min
	Doubt         time.Duration // how long the shopper waits for a reversal before trying again; default 12 s
	Hold          time.Duration // from authorisation to release when nothing is captured; default 7 days
	RefundWithin  time.Duration // from capture to the end of refunds, when the card number is deleted; default 180 days
	MaxAttempts   int           // tries per payment (against card testing); default 10
	MaxChallenges int           // of these, tries that reached the bank's confirmation; default 6
}

// WithDefaults fills the zero fields.
func (p Policy) WithDefaults() Policy {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&p.PayWithin, 24*time.Hour)
	def(&p.Authenticate, 45*time.Second)
	def(&p.Challenge, 11*time.Minute)
	def(&p.Doubt, 12*time.Second)
	def(&p.Hold, 7*24*time.Hour)
	def(&p.RefundWithin, 180*24*time.Hour)
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = 10
	}
	if p.MaxChallenges <= 0 {
		p.MaxChallenges = 6
	}
	return p
}

// Order is what a shop asks to be paid.
type Order struct {
	Merchant    string // merchant id
	Amount      money.Amount
	Mode        Mode
	Reference   string // the shop's order number
	Description string
	ReturnURL   string
	Metadata    map[string]string
	FrameKey    string // 128 random bits, base32 or base64url: opens the card frame
}

// Payment is one order being paid. Treat it as a value: Step never changes the one it is given.
type Payment struct {
	ID string // pay_…
	Order
	State   payment.State
	Created time.Time
	Expires time.Time // end of paying
	Changed time.Time

	Authorised  money.Amount // held by the bank, or captured
	Captured    money.Amount // confirmed by the bank
	Refunded    money.Amount // confirmed by the bank
	HoldUntil   time.Time    // when an uncaptured hold is given back
	RefundUntil time.Time    // when refunds end; zero before a capture

	Attempts  []Attempt
	Movements []Movement
	Declined  *payment.Decline // of the last attempt, while a card is needed
	Version   int64            // counts the steps that changed something
	Events    int64            // counts the webhooks
}

// AttemptState is where one try with one card stands.
type AttemptState string

// The states of an attempt.
const (
	Authenticating AttemptState = "authenticating" // the AReq is on its way
	Challenged     AttemptState = "challenged"     // the bank is asking the holder
	Authorising    AttemptState = "authorising"    // the 0100 may have been sent
	Approved       AttemptState = "approved"       // the bank holds the money
	Refused        AttemptState = "refused"        // no; nothing is held
	Abandoned      AttemptState = "abandoned"      // given up before the 0100; nothing is held
	Reversing      AttemptState = "reversing"      // a reversal is stored; the bank has not answered it
	Reversed       AttemptState = "reversed"       // the bank has answered the reversal; nothing is held
)

// Trace names one message to the bank: chosen and stored before it is sent.
type Trace struct {
	STAN        uint32    // ISO 8583 DE 11, 1 to 999999
	Transmitted time.Time // DE 7, UTC, whole seconds
	RRN         string    // DE 37, 12 characters
}

// Attempt is one try with one card.
type Attempt struct {
	N       int    // 1, 2, …
	Nonce   string // made by the page: same click, same attempt
	State   AttemptState
	Card    masked.Card
	Started time.Time
	Ended   time.Time
	Until   time.Time // when it is given up (Authenticating, Challenged), or when the shopper may go on (Reversing in doubt)

	ServerTransID, ACSTransID, DSTransID string // EMV 3DS ids
	ACSURL, CReq                         string // while Challenged
	Status, Reason                       string // transStatus and transStatusReason
	Challenge                            ChallengeState
	ECI, CAVV, Version                   string // proof of the confirmation

	Trace      Trace  // of the 0100
	Lifecycle  string // ISO 8583 DE 62
	Response   payment.ResponseCode
	Approval   string // DE 38
	CodeResult byte   // DE 48.87
	Doubt      bool   // the 0100 had no answer
	Decline    *payment.Decline
	PANKept    bool // the vault holds the card number
}

// ChallengeState says whether a result of the bank's challenge (RReq) is awaited.
type ChallengeState string

// The states of a challenge.
const (
	NoChallenge       ChallengeState = ""
	ChallengeOpen     ChallengeState = "open"     // the RReq has not come, whatever became of the attempt
	ChallengeAnswered ChallengeState = "answered" // the one RReq was taken
)

// InFlight says whether the attempt may still lead to money being held, or is in doubt.
func (a Attempt) InFlight() bool {
	return a.State == Authenticating || a.State == Challenged || a.State == Authorising
}

// Kind says which way a Movement goes.
type Kind string

// The kinds of movement.
const (
	CaptureKind Kind = "capture"
	RefundKind  Kind = "refund"
)

// MovementState is where a capture or refund stands.
type MovementState string

// The states of a movement.
const (
	Pending   MovementState = "pending"   // stored and promised; the bank has not answered yet
	Succeeded MovementState = "succeeded" // the bank has answered 00
	Failed    MovementState = "failed"    // the bank has refused; no money moved
)

// Movement is a capture or a refund.
type Movement struct {
	ID       string // cap_… or re_…
	Kind     Kind
	Amount   money.Amount
	State    MovementState
	Reason   string // as the shop wrote it
	Trace    Trace
	Created  time.Time
	Settled  time.Time
	Response payment.ResponseCode
}

// Final says whether the payment can only be refunded any more, or not even that.
func (p Payment) Final() bool { return p.State.Final() }

// Current is the last attempt; ok is false when there was none.
func (p Payment) Current() (a Attempt, ok bool) {
	if len(p.Attempts) == 0 {
		return Attempt{}, false
	}
	return p.Attempts[len(p.Attempts)-1], true
}

// ByNonce finds the attempt that a click made.
func (p Payment) ByNonce(nonce string) (Attempt, bool) {
	for _, a := range p.Attempts {
		if a.Nonce == nonce {
			return a, true
		}
	}
	return Attempt{}, false
}

// Winner is the attempt whose hold stands or was captured.
func (p Payment) Winner() (Attempt, bool) {
	for _, a := range p.Attempts {
		if a.State == Approved {
			return a, true
		}
	}
	return Attempt{}, false
}

// pending is the sum of unanswered movements of a kind, and whether there are any.
func (p Payment) pending(k Kind) (sum money.Amount, any bool) {
	sum = money.Zero(p.Amount.Currency())
	for _, m := range p.Movements {
		if m.Kind == k && m.State == Pending {
			sum, _ = sum.Add(m.Amount) // cannot overflow: all are parts of p.Amount
			any = true
		}
	}
	return sum, any
}

// Refundable is what could still be refunded: captured, less refunded, less refunds on their way.
func (p Payment) Refundable() money.Amount {
	out, _ := p.Captured.Sub(p.Refunded)
	waiting, _ := p.pending(RefundKind)
	if rest, err := out.Sub(waiting); err == nil {
		return rest
	}
	return money.Zero(p.Amount.Currency())
}

// Due is when Tick must be called next; zero when nothing waits for time.
func (p Payment) Due() time.Time {
	var due time.Time
	early := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	switch p.State {
	case payment.NeedsCard, payment.NeedsConfirmation, payment.Processing:
		if a, ok := p.Current(); ok && !a.Until.IsZero() {
			early(a.Until)
		} else if !ok || a.State != Authorising {
			early(p.Expires)
		}
	case payment.Authorised:
		if _, waiting := p.pending(CaptureKind); !waiting {
			early(p.HoldUntil)
		}
	}
	if !p.RefundUntil.IsZero() && p.keepsPAN() {
		if _, waiting := p.pending(RefundKind); !waiting {
			early(p.RefundUntil)
		}
	}
	return due
}

func (p Payment) keepsPAN() bool {
	for _, a := range p.Attempts {
		if a.PANKept {
			return true
		}
	}
	return false
}

// clone copies what Step may change.
func (p Payment) clone() Payment {
	p.Attempts = append([]Attempt(nil), p.Attempts...)
	p.Movements = append([]Movement(nil), p.Movements...)
	return p
}
