// Package issuer is the issuing bank: it decides authorisations, clearing advices and reversals, keeps
// the cards and the ledger behind them, and answers only when the answer is durable.
package issuer

import (
	"context"
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
	"countersign/pay/securitycode"
)

// Merchant is who asks for money, as the acquirer's message names it.
type Merchant struct {
	Acquirer string // DE 32, acquiring institution id, 1 to 11 digits
	Acceptor string // DE 42, card acceptor id, without padding
	Terminal string // DE 41, terminal id, without padding
	Name     string // DE 43, name and place, printable ASCII; for people, never compared
	Country  string // ISO 3166-1 numeric, three digits; "" when DE 43 has none
	MCC      string // DE 18, four digits
}

// MessageKey tells one message from all others; a repeat has the same key. A MessageKey is comparable
// except for its time: compare Transmitted with Equal.
type MessageKey struct {
	MTI         string    // four digits with the repeat cleared: "0100" for 0101
	Acquirer    string    // DE 32
	STAN        uint32    // DE 11, systems trace audit number
	Transmitted time.Time // DE 7, UTC, whole seconds, its year inferred from the clock
	Terminal    string    // DE 41, without padding
}

// Request asks for an authorisation (MTI 0100, 0101). PAN and Plain are wiped by the caller of the
// Decider when it has returned: whoever needs the card afterwards keeps its card.Index.
type Request struct {
	Key          MessageKey
	Repeat       bool   // 0101: the answer that was given, if one was given
	RRN          string // DE 37, retrieval reference number
	Lifecycle    string // DE 62, "" when the issuer is to begin a new one
	Payment      string // DE 48.63, payment id of the gateway; part of what the code box is bound to
	PAN          card.PAN
	Expiry       card.Expiry       // DE 14; the zero value when absent
	Code         sealed.Box        // DE 48.93; the zero value when absent
	Plain        securitycode.Code // DE 48.92; the zero value when absent
	Presence     byte              // DE 48.91: '0' absent, '1' present, '2' illegible, '9' none on the card
	Amount       money.Amount      // DE 4 and DE 49; zero for an account check
	AccountCheck bool              // DE 3 = 330000
	Merchant     Merchant
	ECI          string // DE 48.42: "05", "06", "07"; "" when absent
	CAVV         []byte // DE 48.43, 21 raw bytes; nil when absent
	DSTransID    string // DE 48.66; "" when absent
}

// AdviceKind is what an advice tells.
type AdviceKind byte

// The kinds of advice.
const (
	Capture AdviceKind = 'C' // DE 3 = 000000: take what was held, wholly or in part
	Refund  AdviceKind = 'R' // DE 3 = 200000: give back; needs no code
)

// Advice tells of something that has been done (MTI 0220, 0221). It is repeated until answered.
type Advice struct {
	Key       MessageKey
	Repeat    bool
	RRN       string // DE 37
	Lifecycle string // DE 62
	Payment   string // DE 48.63
	PAN       card.PAN
	Kind      AdviceKind
	Amount    money.Amount // DE 4 and DE 49
	N, M      int          // DE 48.20: capture N of M; both zero when absent
	Merchant  Merchant
	Original  MessageKey // DE 90; the zero value when absent (allowed for refunds only)
}

// Reversal takes back a request (MTI 0400, 0401), or tells that nobody knows what became of one
// (0420, 0421, repeated until answered).
type Reversal struct {
	Key       MessageKey
	Repeat    bool
	Advice    bool   // 0420, 0421
	RRN       string // DE 37
	Lifecycle string // DE 62
	PAN       card.PAN
	Amount    money.Amount  // DE 4 and DE 49, of the original
	Keep      *money.Amount // DE 95, what stays held; nil reverses everything
	Merchant  Merchant
	Original  MessageKey // DE 90
}

// Decision is the issuer's answer.
type Decision struct {
	Response   payment.ResponseCode // DE 39
	Approval   string               // DE 38, six characters, only if approved
	CodeResult securitycode.Result  // DE 48.87; 0 = no code was looked at
	Lifecycle  string               // DE 62
	Reason     string               // for the holder and the bank's staff; never on the wire
}

// Decider decides. Each method returns only when its Decision is durable; the same MessageKey again
// gets the stored Decision. An error means "could not decide, and nothing was changed": the wire
// answers 96, or 91 when the context ended.
type Decider interface {
	// Authorise decides a Request.
	Authorise(context.Context, *Request) (Decision, error)
	// Advise books an Advice.
	Advise(context.Context, *Advice) (Decision, error)
	// Reverse undoes, or remembers for an original that has not come yet.
	Reverse(context.Context, *Reversal) (Decision, error)
}
