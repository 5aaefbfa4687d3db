package core

import (
	"time"

	"countersign/pay/masked"
	"countersign/pay/money"
	"countersign/pay/payment"
)

// World is what Step is given from outside: all of it must be repeatable for a simulation to be.
type World struct {
	Now    time.Time
	Policy Policy                     // with defaults filled in
	Trace  func() Trace               // a fresh message trace
	ID     func(prefix string) string // a fresh id
}

// Event is what can happen to a payment.
type Event interface{ event() }

// The events.
type (
	// CardEntered: the shopper sent a card, readable by the vault. The caller has stored the encrypted number.
	CardEntered struct {
		Nonce string
		Card  masked.Card
	}
	// Authenticated: the answer to the AReq of attempt N, or what went wrong with it.
	Authenticated struct {
		N       int
		Outcome Outcome
	}
	// Confirmed: the RReq. It counts even when the shopper has left. Exactly one is taken for a challenge.
	Confirmed struct {
		N       int
		Outcome Outcome
	}
	// AuthAnswered: the 0110 to attempt N.
	AuthAnswered struct {
		N      int
		Answer Answer
	}
	// AuthNotSent: the 0100 of attempt N did not leave the house.
	AuthNotSent struct {
		N        int
		CodeGone bool // the sealed code was gone (the holder took too long): ask for the card again
	}
	// AuthNoAnswer: the 0100 of attempt N may have arrived, and no answer came in time.
	AuthNoAnswer struct{ N int }
	// AuthLate: an answer to attempt N came after it was given up. It changes nothing and is recorded.
	AuthLate struct {
		N      int
		Answer Answer
	}
	// Abandon: the shopper leaves the bank's confirmation to try another card.
	Abandon struct{ N int }
	// Capture: the shop takes the money, wholly (zero Amount) or in part. Once per payment.
	Capture struct{ Amount money.Amount }
	// Cancel: the shop gives the payment up.
	Cancel struct{}
	// Refund: the shop gives money back, all that is left (zero Amount) or a part.
	Refund struct {
		Amount money.Amount
		Reason string
	}
	// AdviceAnswered: the bank has answered an advice of this payment for good.
	AdviceAnswered struct {
		Advice Advice
		Answer Answer
	}
	// Tick: time has passed; see Payment.Due.
	Tick struct{}
	// Restarted: the process was killed and starts again. Nothing of the attempts in flight is known.
	Restarted struct{}
)

func (CardEntered) event()    {}
func (Authenticated) event()  {}
func (Confirmed) event()      {}
func (AuthAnswered) event()   {}
func (AuthNotSent) event()    {}
func (AuthNoAnswer) event()   {}
func (AuthLate) event()       {}
func (Abandon) event()        {}
func (Capture) event()        {}
func (Cancel) event()         {}
func (Refund) event()         {}
func (AdviceAnswered) event() {}
func (Tick) event()           {}
func (Restarted) event()      {}

// Outcome is the result of EMV 3DS, from ARes or RReq.
type Outcome struct {
	Status, Reason                       string // transStatus Y A N R U C, "" = no result; transStatusReason
	ServerTransID, ACSTransID, DSTransID string
	ECI, CAVV, Version                   string
	ACSURL, CReq                         string // for C
	Unsupported                          bool   // no bank is connected for this card
}

// Answer is the bank's answer to a message.
type Answer struct {
	Response   payment.ResponseCode
	Approval   string // six digits, when approved
	CodeResult byte   // DE 48.87, 0 = none
	Lifecycle  string // DE 62
}

// Effect is what the caller must do: store it with the payment, or carry it out after the commit.
type Effect interface{ effect() }

// Effects stored in the same commit as the payment.
type (
	// Record is the audit record of this step. Exactly one comes with every change.
	Record struct{ What, Detail string } // Detail holds no card data and no free text
	// Notify is a webhook for the shop.
	Notify struct {
		Type string
		Seq  int64 // 1, 2, … within the payment
	}
	// Enqueue adds an advice to the queue. After the commit it is given to Queue as Added.
	Enqueue struct{ Advice Advice }
	// Forget deletes the card number of attempt N from the vault.
	Forget struct{ N int }
)

// Effects carried out after the commit, at most once; a crash before or in them is dealt with by Restarted.
type (
	// Authenticate sends the AReq for attempt N and answers with Authenticated.
	Authenticate struct{ N int }
	// Authorise sends the 0100 of attempt N and answers with AuthAnswered, AuthNotSent or AuthNoAnswer.
	Authorise struct{ N int }
	// DropCode wipes the sealed code of attempt N from memory.
	DropCode struct{ N int }
)

func (Record) effect()       {}
func (Notify) effect()       {}
func (Enqueue) effect()      {}
func (Forget) effect()       {}
func (Authenticate) effect() {}
func (Authorise) effect()    {}
func (DropCode) effect()     {}

// The types of Notify, as webhooks name them.
const (
	EventAuthorised    = "payment.authorised"
	EventCaptured      = "payment.captured"
	EventCaptureFailed = "payment.capture_failed"
	EventDeclined      = "payment.declined"
	EventCancelled     = "payment.cancelled"
	EventExpired       = "payment.expired"
	EventRefunded      = "refund.succeeded"
	EventRefundFailed  = "refund.failed"
)

// Refusal is Step's "no" to a command: nothing has changed. Code is for programs.
type Refusal struct {
	Code    string // one of the Refuse… constants
	Attempt int    // for RefuseSame and RefuseInFlight: which
	Later   bool   // the same command may succeed soon
}

// Error says the code.
func (r *Refusal) Error() string { return "payment: refused: " + r.Code }

// The codes of Refusal; those without "attempt" in the name are codes of the shop API.
const (
	RefuseSame       = "attempt_same"        // this click was counted already
	RefuseInFlight   = "attempt_in_progress" // another try is on its way
	RefuseTooMany    = "attempt_limit"       // too many tries for one payment
	RefusePaid       = "already_paid"
	RefuseClosed     = "payment_closed"     // cancelled or expired
	RefuseProcessing = "payment_processing" // ask again when the bank has answered
	RefuseNotHeld    = "not_authorised"     // nothing to capture
	RefuseCaptured   = "already_captured"
	RefuseCapturing  = "capture_in_progress"
	RefuseAmount     = "amount_too_large"
	RefuseZero       = "amount_too_small"
	RefuseCurrency   = "currency_mismatch"
	RefuseNoCapture  = "not_captured" // nothing to refund
	RefuseRefunded   = "already_refunded"
	RefuseWindow     = "refund_window_closed"
	RefuseUnknown    = "transaction_unknown"        // Confirmed: ids that do not belong together
	RefuseDuplicate  = "transaction_answered"       // Confirmed: the second RReq
	RefuseNoQuestion = "transaction_not_challenged" // Confirmed: the bank had not asked
)
