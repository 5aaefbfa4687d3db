package threeds

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
)

// Errors that Config.Result returns to refuse an RReq. Any other error means "could not store it": the
// RReq is answered with a transient failure (403) and comes again.
var (
	// ErrUnknown: no payment has this threeDSServerTransID with these acsTransID and dsTransID (errorCode 301).
	ErrUnknown = errors.New("threeds: transaction not known")
	// ErrDuplicate: the result of this challenge was taken before (errorCode 312).
	ErrDuplicate = errors.New("threeds: result already received")
	// ErrNoChallenge: the transaction is known, but ended without a challenge (errorCode 313).
	ErrNoChallenge = errors.New("threeds: no challenge for this transaction")
)

// ErrRequest: Authenticate was given something that no AReq can carry; the error names the field.
var ErrRequest = errors.New("threeds: cannot be sent")

// Config is what a 3DS Server is made of. Dial, Listener, Now, Rand, NotificationURL and Result are required.
type Config struct {
	Dial     func(ctx context.Context) (net.Conn, error) // to directory.3ds
	Listener net.Listener                                // gateway.rreq
	Now      func() time.Time
	Rand     io.Reader
	Log      *slog.Logger // nil = no log

	NotificationURL func(payment string) string  // where the browser brings the CRes of a payment; at most 256 characters
	ServerURL       string                       // threeDSServerURL: where the directory sends RReq
	Reference       string                       // threeDSServerRefNumber; "COUNTERSIGN-3DSS" when empty
	Operator        string                       // threeDSServerOperatorID; left out when empty
	RequestorID     func(acceptor string) string // threeDSRequestorID; nil = the acceptor id

	Timeout time.Duration // for ARes; 0 = 10 s
	Refresh time.Duration // between two PReq; 0 = 1 h. Until the first PRes it is asked every second.

	// Result stores what an RReq says. It compares the three ids with those of the payment, stores the
	// result together with its consequences in one durable step, and only then returns nil: the RRes goes
	// out after that. It returns ErrUnknown, ErrDuplicate or ErrNoChallenge to refuse. It may be called at
	// the same time for the same transaction and must let exactly one through.
	Result func(ctx context.Context, r Result) error
}

// Merchant is the shop that a payment is for.
type Merchant struct {
	Acquirer string // acquirerBIN, at most 11 digits
	Acceptor string // acquirerMerchantID, at most 35 characters; the same as in ISO 8583
	Name     string // merchantName; cut to 40 characters
	Country  string // ISO 3166-1, three digits
	MCC      string // four digits
	URL      string // threeDSRequestorURL: the shop's site
}

// Browser is what the shopper's browser told. Without JavaScript the fields that need it are ignored.
type Browser struct {
	Accept, UserAgent string // request headers; cut to 2048 characters
	Language          string // IETF BCP 47; cut to the 8 characters of 2.2.0
	IP                string // left out when it is not an IP address
	JavaScript        bool
	Java              *bool  // navigator.javaEnabled(); nil = unknown
	ColorDepth        string // bits; lowered to the next value that 2.2.0 knows
	Height, Width     string // pixels, 1 to 6 digits
	TZ                string // minutes as Date.getTimezoneOffset gives them
}

// Request is one payment to authenticate.
type Request struct {
	Payment    string // the payment's id, for NotificationURL only
	PAN        card.PAN
	Expiry     card.Expiry // left out when zero
	Amount     money.Amount
	Merchant   Merchant
	Holder     string // as typed; sent when it can be (2 to 45 printable ASCII characters)
	Browser    Browser
	WindowSize string // challengeWindowSize 01 to 05; "02" (390×400) when empty
}

// Outcome is what the bank said to a Request.
type Outcome struct {
	Status string // transStatus: Y A N R U C; "" when there was no ARes (Problem says why)
	Reason string // transStatusReason, two digits

	ServerTransID, ACSTransID, DSTransID string // lower-case UUIDs; ServerTransID is always there

	ECI, CAVV string // with Y and A: electronic commerce indicator and authentication value (base64, 28 characters)
	Version   string // protocol version of the transaction

	ACSURL, CReq string // with C: where the browser posts, and what (base64url, field "creq")

	Code    int    // errorCode when an Erro was received or sent; 0 otherwise
	Problem string // what went wrong, in plain words without any value; "" otherwise
}

// Result is what an RReq says.
type Result struct {
	ServerTransID, ACSTransID, DSTransID string // lower-case UUIDs

	Status    string // transStatus: Y A N R U
	Reason    string // transStatusReason, two digits
	Cancel    string // challengeCancel, two digits; "" when the challenge was not broken off
	ECI, CAVV string // as in Outcome
}

// Range is one card range of the directory.
type Range struct {
	Start, End string // 19 digits each: a number is padded with zeros on the right, then compared
	Name       string // the issuing bank
	KeyID      string // id of the bank's key for security codes; "" when it has none
	Public     []byte // that key: X25519, 32 bytes
}

// CRes is the final challenge answer as a browser brought it. It may be forged or lost: it tells that
// the shopper is back, never whether the payment is good.
type CRes struct {
	ServerTransID, ACSTransID string
	Status                    string // transStatus as claimed: Y or N
	SessionData               string // threeDSSessionData as it came
	Code                      int    // errorCode, when the ACS sent an Erro instead
}
