package ledger

// Status is the outcome of one transfer. Created and Exists are good; all others are refusals, and a
// refusal changes nothing. The numbers are stored and never reused; they rise in the order of the checks.
type Status uint8

// The statuses.
const (
	Created          Status = 1  // done now
	Exists           Status = 2  // done before, with the same content
	ExistsDifferent  Status = 3  // the id was used before for something else; Difference names the field
	LinkedFailed     Status = 4  // another transfer of the chain was refused
	BadID            Status = 5  // empty, longer than 128 bytes, or not printable ASCII
	BadKind          Status = 6  // no such kind, or the fields do not fit it
	AmountZero       Status = 7  // nothing to move
	AccountUnknown   Status = 8  // there is no such account
	AccountsSame     Status = 9  // debit and credit are one account
	CurrencyDiffers  Status = 10 // amount, account or hold have another currency
	HoldUnknown      Status = 11 // there is no such hold
	HoldForeign      Status = 12 // the hold is between other accounts
	HoldClosed       Status = 13 // the hold is captured, released or expired already
	HoldExpired      Status = 14 // the hold's time is over, only Void may touch it
	ExceedsHold      Status = 15 // more than is still reserved
	ExceedsCaptured  Status = 16 // a refund above what was captured and not yet refunded
	ExceedsAvailable Status = 17 // more than may be spent
	Overflow         Status = 18 // a sum would leave 63 bits
)

// OK says whether the transfer is in the books.
func (s Status) OK() bool { return s == Created || s == Exists }

var statusTable = [...]string{
	Created: "created", Exists: "exists", ExistsDifferent: "exists-different", LinkedFailed: "linked-failed",
	BadID: "bad-id", BadKind: "bad-kind", AmountZero: "amount-zero", AccountUnknown: "account-unknown",
	AccountsSame: "accounts-same", CurrencyDiffers: "currency-differs", HoldUnknown: "hold-unknown", HoldForeign: "hold-foreign",
	HoldClosed: "hold-closed", HoldExpired: "hold-expired", ExceedsHold: "exceeds-hold",
	ExceedsCaptured: "exceeds-captured", ExceedsAvailable: "exceeds-available", Overflow: "overflow",
}

// String is the status's name in logs and the journal.
func (s Status) String() string {
	if int(s) < len(statusTable) && statusTable[s] != "" {
		return statusTable[s]
	}
	return "unknown"
}
