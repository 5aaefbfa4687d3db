// Package ledger is double entry in words: accounts, holds, transfers, and what may happen to them.
//
// It keeps nothing. Apply looks at the rows that somebody else loaded, decides, and says which rows
// change; the caller stores them in the same commit as the reason for them. Every transfer has an id
// that its caller made, so a retry is the same transfer. A refusal is a Status, a numbered result; an
// error only ever means "could not decide".
//
// A hold is a group of pending transfers: Pending adds to it, Post takes from it, Void gives back. So
// incremental authorisation and split capture need no special case. The ledger knows no cards.
package ledger

import (
	"time"

	"countersign/pay/money"
)

// AccountID names an account, such as "acct_01hz…" or "settlement.EUR".
type AccountID string

// HoldID names a hold, such as "hold_01hz…".
type HoldID string

// TransferID names a transfer. Its caller makes it: the same intent must give the same id.
type TransferID string

// AccountKind says what an account is for, and with it whether it has a floor.
type AccountKind uint8

// The kinds. The numbers are stored.
const (
	Holder     AccountKind = 1 // money that the bank owes a holder; never below its floor
	Settlement AccountKind = 2 // money that the bank owes the acquirers after clearing; no floor
	Funding    AccountKind = 3 // where deposits come from; no floor
)

// Account is one account with its cached sums. Amounts are minor units of Currency.
type Account struct {
	ID       AccountID
	Kind     AccountKind
	Currency money.Currency
	Posted   int64 // all posted credits less all posted debits
	Held     int64 // what open holds reserve; never negative
	Limit    int64 // credit line: how far below zero Posted less Held may go; never negative
}

// Available is what may still be spent, in minor units: posted, less held, plus the credit line.
func (a Account) Available() int64 { return a.Posted - a.Held + a.Limit }

// Floored says whether Available may never go below zero.
func (a Account) Floored() bool { return a.Kind == Holder }

// HoldState is where a hold stands.
type HoldState uint8

// The states. The numbers are stored. Only Open can change, but for Refunded in a Captured one.
const (
	Open     HoldState = 1 // something is still reserved
	Captured HoldState = 2 // nothing is reserved any more, and some of it was taken
	Released HoldState = 3 // all of it was given back by a reversal
	Expired  HoldState = 4 // all of it was given back because nobody took it in time
)

// String is the state's name in the bank API and the journal.
func (s HoldState) String() string {
	switch s {
	case Open:
		return "open"
	case Captured:
		return "captured"
	case Released:
		return "released"
	case Expired:
		return "expired"
	}
	return "none"
}

// Hold is money reserved on Account for Counter. Amounts are minor units of Currency, and always
// Authorised = Captured + Released + Reserved(), each at least zero, and Refunded ≤ Captured.
type Hold struct {
	ID         HoldID
	Account    AccountID // debited when it is captured
	Counter    AccountID // credited when it is captured
	Currency   money.Currency
	Authorised int64
	Captured   int64
	Released   int64
	Refunded   int64
	Expires    time.Time
	State      HoldState
}

// Reserved is what the hold still keeps, in minor units.
func (h Hold) Reserved() int64 { return h.Authorised - h.Captured - h.Released }

// Kind is what a transfer does.
type Kind uint8

// The kinds. The numbers are stored.
const (
	Single  Kind = 1 // debit and credit at once
	Pending Kind = 2 // reserve on Debit for Credit under Hold; makes the hold or adds to it
	Post    Kind = 3 // take from the hold: debit its account, credit its counter account
	Void    Kind = 4 // give back from the hold: nothing moves
	Refund  Kind = 5 // move back what was captured: debit the counter account, credit the account
)

// String is the kind's name in the journal.
func (k Kind) String() string {
	switch k {
	case Single:
		return "single"
	case Pending:
		return "pending"
	case Post:
		return "post"
	case Void:
		return "void"
	case Refund:
		return "refund"
	}
	return "none"
}

// Code is the chart-of-accounts code of a transfer: why the money moved.
type Code uint16

// The codes. The numbers are stored.
const (
	Deposit    Code = 1 // money came in
	Purchase   Code = 2 // an authorisation and what follows from it
	GoodsBack  Code = 3 // a refund
	Reversed   Code = 4 // the acquirer took an authorisation back, wholly or in part
	TimedOut   Code = 5 // nobody captured in time
	FinalTaken Code = 6 // the final capture was below the hold: the rest is given back
)

// Transfer is one movement. The two ledger entries are its two sides. For Pending, Post, Void and
// Refund the accounts of an existing hold are used, and Debit and Credit are filled in by Apply.
// Seq, At, Prev and Hash are set by Apply too; a stored transfer never changes.
type Transfer struct {
	ID      TransferID
	Kind    Kind
	Code    Code
	Hold    HoldID
	Debit   AccountID
	Credit  AccountID
	Amount  money.Amount
	Expires time.Time // Pending only: when the hold is given back
	At      time.Time
	Seq     int64 // 1, 2, 3 … without a gap
	Prev    Digest
	Hash    Digest
}
