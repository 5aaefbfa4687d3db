// Package book is the deciding core of the bank: what may happen to a payment, given rows that
// somebody else loaded.
//
// There is no clock, disk, network, randomness, card number or security code in here: the caller has
// opened the code's box, compared, checked the proof, and says what came of it (Purchase.Code,
// Purchase.ProofOK). Every function loads through a Tx, decides, and hands all changed rows to
// Tx.Save at once: the decision, the ledger transfers and the journal record of one request are one
// commit or nothing. So the same code runs on the embedded database, on the memory store, and in a
// simulation.
package book

import (
	"context"
	"time"

	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/payment"
)

// Index is the keyed look-up form of a card number (card.Index); the zero value is "no number".
type Index [16]byte

// CardStatus is whether a card may be used.
type CardStatus string

// The stored statuses. "expired" is not stored: it follows from the clock.
const (
	Active   CardStatus = "active"
	Frozen   CardStatus = "frozen" // by the holder, who may lift it
	Inactive CardStatus = "inactive"
	Lost     CardStatus = "lost"
	Stolen   CardStatus = "stolen"
	Closed   CardStatus = "closed"
)

// CardKind is what a card is for.
type CardKind string

// The kinds.
const (
	Normal    CardKind = "normal"
	Locked    CardKind = "locked" // to one merchant: the one given, or the first that is approved
	SingleUse CardKind = "single" // for one approved payment, ever
)

// Holder is a customer of the bank.
type Holder struct {
	ID     string // "holder_…" or a name from the seed
	Name   string
	Phone  string // E.164
	Locale string // BCP 47
}

// Card is a card's record. It holds the number in encrypted form only.
type Card struct {
	ID           string // "card_…"
	Holder       string
	Account      ledger.AccountID
	Index        Index
	Last4        string
	Brand        string
	Name         string    // as it would be printed on it
	Expiry       string    // last month, YYMM
	Ends         time.Time // when that month is over everywhere
	CVK          string    // id of the key that makes its code
	Status       CardStatus
	Kind         CardKind
	LockAcquirer string // Locked: ISO 8583 DE 32 and DE 42 of the merchant, never its name
	LockAcceptor string
	LimitEach    int64  // most for one payment, minor units of the account; 0 = none
	LimitDay     int64  // most in 24 hours, rolling; 0 = none
	Used         string // SingleUse: the lifecycle that used it
	SealKey      string // id of the key that Sealed is under
	Sealed       []byte // AES-256-GCM: nonce, ciphertext, tag; additional data is ID
	Created      time.Time
}

// Header is what every request carries.
type Header struct {
	Key       string // issuer.MessageKey as text; unique for ever
	Acquirer  string // ISO 8583:1987 DE 32
	Acceptor  string // DE 42
	Terminal  string // DE 41
	Merchant  string // DE 43, for people only
	Country   string // ISO 3166-1 numeric
	MCC       string // DE 18
	RRN       string // DE 37
	Lifecycle string // DE 62
	Payment   string // DE 48.63
	Index     Index  // of DE 2
}

// What the caller says of the code in Purchase.Code, and what the answer says of it (ISO 8583 DE 48.87 here).
const (
	CodeAbsent  byte = 0   // none came
	CodeGiven   byte = 'G' // one came; Purchase.Matches has the keys under which it is right
	CodeUnable  byte = 'U' // its sealed box does not open: changed, moved, or for another key
	CodeMatch   byte = 'M' // answer: it is the right one
	CodeNoMatch byte = 'N' // answer: it is not; this spends a try
	CodeSkipped byte = 'P' // answer: it was not looked at
)

// Purchase is a request for an authorisation or an account check, as facts.
type Purchase struct {
	Header
	Amount       money.Amount
	AccountCheck bool
	Expiry       string   // as the shopper gave it, YYMM
	Code         byte     // one of CodeAbsent, CodeGiven, CodeUnable
	Matches      []string // ids of the card verification keys (Card.CVK) that give this code for number and expiry
	Proof        []byte   // the CAVV, nil when there is none
	ProofOK      bool     // it proves this card, merchant, amount and transaction, and is not too old

	// Made by the caller, used only when needed.
	Approval     string // six digits
	Hold         ledger.HoldID
	NewLifecycle string
}

// AdviceKind is what an Advice tells.
type AdviceKind byte

// The kinds.
const (
	Capture AdviceKind = 1
	Refund  AdviceKind = 2
)

// Advice tells of a capture or a refund, as facts.
type Advice struct {
	Header
	Kind     AdviceKind
	Amount   money.Amount
	N, M     int    // capture N of M; final when M = 0 or N = M
	Original string // key of the authorisation or of another message of its life; "" = find by Lifecycle
	Approval string // six digits, made by the caller
}

// Reversal takes back an authorisation, as facts.
type Reversal struct {
	Header
	Advice   bool // after a timeout: wants an answer, whatever it is
	Amount   money.Amount
	Keep     *money.Amount // what stays reserved; nil = nothing
	Original string
}

// Decision is an answer, as stored.
type Decision struct {
	Response  payment.ResponseCode
	Approval  string // six digits, when approved
	Code      byte   // DE 48.87; 0 = there was nothing to say
	Lifecycle string
	Hold      ledger.HoldID
	Reason    Reason
	Stored    bool // this is the stored answer to an earlier copy of the request
	Field     string
}

// MessageKind is what a stored message was.
type MessageKind string

// The kinds.
const (
	KindPurchase MessageKind = "purchase"
	KindCheck    MessageKind = "check"
	KindCapture  MessageKind = "capture"
	KindRefund   MessageKind = "refund"
	KindReversal MessageKind = "reversal"
)

// Message is a request with its decision, stored for ever: the answer to every repeat.
type Message struct {
	Header
	Kind     MessageKind
	Card     string // id, "" for an unknown card
	Amount   money.Amount
	Expiry   string
	N, M     int
	Keep     int64 // minor units; -1 = none given
	Original string
	Decision Decision
	At       time.Time
}

// Changes are all rows that one decision changes; Save stores them together or not at all.
type Changes struct {
	Ledger   ledger.Effects
	Messages []Message
	Cards    []Card
	Holders  []Holder
	Owners   []Owner
	CodeKeys []CodeKey
	Tries    []Try
	Proofs   []Proof
	Early    []Early
	Trail    []Record
}

// CodeKey is what the bank must know of a card verification key beside the key itself.
type CodeKey struct {
	ID    string
	Order string // how the expiry goes into the algorithm: "YYMM" or "MMYY"; both are in use, so it is a fact of the key
}

// Owner says whose an account is.
type Owner struct {
	Account ledger.AccountID
	Holder  string
}

// Try is a wrong code.
type Try struct {
	Card string
	Key  string // the message
	At   time.Time
}

// Proof is a CAVV that bought an approval, so that it never buys another.
type Proof struct {
	Value []byte
	Key   string
	At    time.Time
}

// Early is a reversal that came before its original.
type Early struct {
	Original string // the key that must never be approved
	Key      string // the reversal
	At       time.Time
}

// Tx is one look at the store, and the one Save that ends it. What it returns may be changed freely.
type Tx interface {
	ledger.View
	Holder(id string) (Holder, bool, error)
	Card(id string) (Card, bool, error)
	CardByIndex(Index) (Card, bool, error)
	CodeKeys() ([]CodeKey, error)
	Message(key string) (Message, bool, error)
	// Lifecycle finds the newest purchase of the lifecycle that has a hold.
	Lifecycle(acquirer, lifecycle string) (Message, bool, error)
	// MessageOfHold finds the purchase that made a hold.
	MessageOfHold(ledger.HoldID) (Message, bool, error)
	// IsEarly says whether a reversal of the key came before it.
	IsEarly(key string) (bool, error)
	// WrongCodes counts the tries of a card after a time.
	WrongCodes(card string, after time.Time) (int, error)
	// Spent is what a card's purchases after a time reserved or took, in minor units.
	Spent(card string, after time.Time) (int64, error)
	ProofUsed(value []byte) (bool, error)
	// DueHolds are open holds whose time is over, of one account or ("") of all, oldest first.
	DueHolds(account ledger.AccountID, now time.Time, most int) ([]ledger.Hold, error)
	TrailHead() (TrailHead, error)
	Save(Changes) error
}

// Store runs decisions. Write returns when what f saved is durable; when f fails, nothing of it is. f may
// call Save once, and must not keep the Tx.
type Store interface {
	Write(ctx context.Context, f func(Tx) error) error
	Read(ctx context.Context, f func(Tx) error) error
}

// Rules are the bank's settings. The zero value of a field means its default.
type Rules struct {
	HoldFor time.Duration // how long a hold lasts; 7 days
	Tries   int           // wrong codes before the code is blocked; 3
	Window  time.Duration // for how long a wrong code counts; 24 hours

	// Link makes the link of a journal record: HMAC-SHA-256 under the bank's audit key, so that who can
	// write the file still cannot rewrite history. nil = plain SHA-256.
	Link func(canonical []byte) ledger.Digest
}

func (r Rules) holdFor() time.Duration { return or(r.HoldFor, 7*24*time.Hour) }
func (r Rules) tries() int             { return or(r.Tries, 3) }
func (r Rules) window() time.Duration  { return or(r.Window, 24*time.Hour) }

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
