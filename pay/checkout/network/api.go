// Package network is the gateway's side of the ISO 8583 link to an issuer (dialect CS87): it turns
// purchases, advices and reversals into messages, keeps one link up, and matches answers.
//
// The caller chooses and stores a Trace before it calls: after a crash or a timeout the trace is what a
// reversal names. Nothing here stores anything.
package network

import (
	"errors"
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
)

// How a call can fail. An Answer that declines is not an error.
var (
	// ErrInvalid: the call cannot be written as a message (a field is missing, too long or of the wrong
	// characters; the wrapping error names it, never its value). Nothing left us, and no retry helps.
	ErrInvalid = errors.New("network: cannot be written as a message")
	// ErrNotSent: nothing left us: it is safe to fail the payment or to try again.
	ErrNotSent = errors.New("network: not sent")
	// ErrNoAnswer: the message may have arrived and no usable answer came. The payment is in doubt:
	// the caller stores a reversal and sends it until it is answered.
	ErrNoAnswer = errors.New("network: no answer")
)

// Trace names one message for ever: repeats carry it again, reversals point at it.
type Trace struct {
	STAN        uint32    // DE 11, 1 to 999999
	Transmitted time.Time // DE 7, sent in UTC with whole seconds
	RRN         string    // DE 37, 12 letters or digits
}

// Merchant is the shop as the issuer is told.
type Merchant struct {
	Acquirer string // DE 32, 1 to 11 digits; "" takes the link's
	Acceptor string // DE 42, at most 15
	Terminal string // DE 41, at most 8
	Name     string // DE 43, cut to 36; accents are dropped, what is not ASCII then becomes '?'
	Country  string // ISO 3166-1 numeric, three digits, in the last three places of DE 43
	MCC      string // DE 18, four digits
}

// Purchase asks for an authorisation (MTI 0100), or for an account check when Amount is zero.
type Purchase struct {
	Trace
	Repeat    bool // MTI 0101
	PAN       card.PAN
	Expiry    card.Expiry
	Code      sealed.Box // DE 48.93; the zero value sends "no code" (DE 48.91 = 0)
	Amount    money.Amount
	Merchant  Merchant
	Payment   string // DE 48.63
	Lifecycle string // DE 62; "" lets the issuer begin one
	ECI       string // DE 48.42
	CAVV      string // DE 48.43, 28 characters of base64
	DSTransID string // DE 48.66, with Version before it
	Version   string // 3DS message version, such as "2.2.0"
}

// Original points at a message that was sent before (DE 90).
type Original struct {
	MTI string // "0100", "0220"
	Trace
}

// Advice tells the issuer of a capture or a refund (MTI 0220). Send it until it is answered.
type Advice struct {
	Trace
	Repeat    bool // MTI 0221
	Refund    bool // DE 3 = 200000 instead of 000000
	PAN       card.PAN
	Amount    money.Amount
	Merchant  Merchant
	Payment   string   // DE 48.63
	Lifecycle string   // DE 62
	N, M      int      // DE 48.20: capture N of M, each at most 99; zero sends none
	Original  Original // the authorisation; may be zero for a refund
}

// Reversal takes back an authorisation (MTI 0400), or says that its outcome is unknown here
// (Advice: MTI 0420). Send the latter until it is answered.
type Reversal struct {
	Trace
	Advice    bool // MTI 0420, 0421
	Repeat    bool // MTI 0401, 0421
	PAN       card.PAN
	Amount    money.Amount  // of the original
	Keep      *money.Amount // DE 95: what stays held; nil gives everything back
	Merchant  Merchant
	Lifecycle string // DE 62
	Original  Original
}

// Answer is what the issuer said.
type Answer struct {
	Response   payment.ResponseCode // DE 39
	Approval   string               // DE 38
	CodeResult byte                 // DE 48.87: 'M' match, 'N' no match, 'P', 'S', 'U'; 0 = none
	Lifecycle  string               // DE 62
	Fault      string               // DE 44 of a format error (30): the field that the issuer could not read, such as "DE 49"
}
