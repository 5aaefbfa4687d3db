package ledger

import "time"

// View is what Apply may look at: rows as the caller loaded them. The bool says whether there is one.
type View interface {
	Account(AccountID) (Account, bool, error)
	Hold(HoldID) (Hold, bool, error)
	Transfer(TransferID) (Transfer, bool, error)
	Head() (Head, error)
}

// Effects are the rows that a chain of transfers changes: accounts and holds as they are afterwards, and
// the new transfers, linked to the chain. Empty when a transfer was refused, or all of them existed.
type Effects struct {
	Accounts  []Account
	Holds     []Hold
	Transfers []Transfer
}

// Result is what Apply decided.
type Result struct {
	Statuses []Status // one per transfer of the chain
	Effects  Effects  // to be stored in one commit
	Field    string   // for ExistsDifferent: the field that differs
}

// OK says whether the whole chain is in the books.
func (r Result) OK() bool {
	for _, s := range r.Statuses {
		if !s.OK() {
			return false
		}
	}
	return true
}

// Refusal is the status that stopped the chain; Created when nothing did.
func (r Result) Refusal() Status {
	for _, s := range r.Statuses {
		if !s.OK() && s != LinkedFailed {
			return s
		}
	}
	return Created
}

// Apply decides about a chain of linked transfers at the given time: all of them, or none. Each transfer
// sees what the ones before it in the chain did. It changes nothing itself; the error is the view's.
func Apply(v View, at time.Time, chain ...Transfer) (Result, error) {
	w := work{view: v, at: at}
	head, err := v.Head()
	if err != nil {
		return Result{}, err
	}
	w.head = head
	for i := range chain {
		s, err := w.one(chain[i])
		if err != nil {
			return Result{}, err
		}
		if !s.OK() {
			return refused(len(chain), i, s, w.field), nil
		}
		w.statuses = append(w.statuses, s)
	}
	return Result{Statuses: w.statuses, Effects: w.effects}, nil
}

func refused(n, at int, s Status, field string) Result {
	r := Result{Statuses: make([]Status, n), Field: field}
	for i := range r.Statuses {
		r.Statuses[i] = LinkedFailed
	}
	r.Statuses[at] = s
	return r
}

// Difference names the first field in which two transfers of one id differ, "" when they are the same
// intent. What Apply fills in (the accounts of a hold, At, Seq, Prev, Hash) is not looked at.
func Difference(stored, asked Transfer) string {
	switch {
	case stored.Kind != asked.Kind:
		return "kind"
	case stored.Code != asked.Code:
		return "code"
	case stored.Hold != asked.Hold:
		return "hold"
	case stored.Amount != asked.Amount:
		return "amount"
	case asked.Debit != "" && stored.Debit != asked.Debit:
		return "debit"
	case asked.Credit != "" && stored.Credit != asked.Credit:
		return "credit"
	}
	return ""
}
