package ledger

import (
	"math"
	"time"
)

// work is one run of Apply: the rows touched so far, over the view.
type work struct {
	view     View
	at       time.Time
	head     Head
	statuses []Status
	effects  Effects
	field    string
}

// one decides about one transfer and takes its effect into the working rows.
func (w *work) one(t Transfer) (Status, error) {
	if !validID(string(t.ID)) {
		return BadID, nil
	}
	stored, found, err := w.transfer(t.ID)
	if err != nil {
		return 0, err
	}
	if found {
		if w.field = Difference(stored, t); w.field != "" {
			return ExistsDifferent, nil
		}
		return Exists, nil
	}
	if !fits(t) {
		return BadKind, nil
	}
	if t.Amount.IsZero() {
		return AmountZero, nil
	}
	s, err := w.move(&t)
	if err != nil || s != Created {
		return s, err
	}
	t.At, t.Seq, t.Prev = w.at, w.head.Seq+1, w.head.Hash
	t.Hash = t.sum()
	w.head = Head{Seq: t.Seq, Hash: t.Hash}
	w.effects.Transfers = append(w.effects.Transfers, t)
	return Created, nil
}

// fits says whether the fields a kind needs are there.
func fits(t Transfer) bool {
	switch t.Kind {
	case Single:
		return t.Hold == "" && t.Debit != "" && t.Credit != "" && t.Code != 0
	case Pending:
		return t.Hold != "" && t.Code != 0 && !t.Expires.IsZero()
	case Post, Void, Refund:
		return t.Hold != "" && t.Code != 0
	}
	return false
}

func (w *work) move(t *Transfer) (Status, error) {
	switch t.Kind {
	case Single:
		return w.pay(t.Debit, t.Credit, t, true)
	case Pending:
		return w.reserve(t)
	}
	h, found, err := w.hold(t.Hold)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return HoldUnknown, nil
	case !t.between(h):
		return HoldForeign, nil
	case h.Currency != t.Amount.Currency():
		return CurrencyDiffers, nil
	}
	switch t.Kind {
	case Post:
		return w.post(t, h)
	case Void:
		return w.void(t, h)
	default:
		return w.refund(t, h)
	}
}

// reserve is Pending: a new hold, or more of an open one.
func (w *work) reserve(t *Transfer) (Status, error) {
	h, found, err := w.hold(t.Hold)
	if err != nil {
		return 0, err
	}
	if !found {
		h = Hold{ID: t.Hold, Account: t.Debit, Counter: t.Credit, Currency: t.Amount.Currency(), State: Open}
	}
	switch {
	case !t.between(h):
		return HoldForeign, nil
	case h.State != Open:
		return HoldClosed, nil
	case found && !w.at.Before(h.Expires):
		return HoldExpired, nil
	case h.Currency != t.Amount.Currency():
		return CurrencyDiffers, nil
	}
	t.Debit, t.Credit = h.Account, h.Counter
	debit, _, s, err := w.pair(t.Debit, t.Credit, t.Amount.Currency())
	if err != nil || s != Created {
		return s, err
	}
	minor := t.Amount.Minor()
	if debit.Floored() && debit.Available() < minor {
		return ExceedsAvailable, nil
	}
	if overflows(debit.Held, minor) || overflows(h.Authorised, minor) {
		return Overflow, nil
	}
	debit.Held += minor
	h.Authorised += minor
	h.Expires = t.Expires
	w.setAccount(debit)
	w.setHold(h)
	return Created, nil
}

// between says whether the accounts that the transfer names, if it names any, are those of the hold.
func (t *Transfer) between(h Hold) bool {
	from, to := h.Account, h.Counter
	if t.Kind == Refund {
		from, to = to, from
	}
	return (t.Debit == "" || t.Debit == from) && (t.Credit == "" || t.Credit == to)
}

// post takes from a hold.
func (w *work) post(t *Transfer, h Hold) (Status, error) {
	minor := t.Amount.Minor()
	switch {
	case h.State != Open:
		return HoldClosed, nil
	case !w.at.Before(h.Expires):
		return HoldExpired, nil
	case minor > h.Reserved():
		return ExceedsHold, nil
	}
	t.Debit, t.Credit = h.Account, h.Counter
	if s, err := w.free(h.Account, minor); err != nil || s != Created {
		return s, err
	}
	if s, err := w.pay(h.Account, h.Counter, t, false); err != nil || s != Created {
		return s, err
	}
	h.Captured += minor
	if h.Reserved() == 0 {
		h.State = Captured
	}
	w.setHold(h)
	return Created, nil
}

// void gives back from a hold.
func (w *work) void(t *Transfer, h Hold) (Status, error) {
	minor := t.Amount.Minor()
	switch {
	case h.State != Open:
		return HoldClosed, nil
	case minor > h.Reserved():
		return ExceedsHold, nil
	}
	t.Debit, t.Credit = h.Account, h.Counter
	if s, err := w.free(h.Account, minor); err != nil || s != Created {
		return s, err
	}
	h.Released += minor
	if h.Reserved() == 0 {
		switch {
		case h.Captured > 0:
			h.State = Captured
		case t.Code == TimedOut:
			h.State = Expired
		default:
			h.State = Released
		}
	}
	w.setHold(h)
	return Created, nil
}

// refund moves captured money back to the account.
func (w *work) refund(t *Transfer, h Hold) (Status, error) {
	minor := t.Amount.Minor()
	if minor > h.Captured-h.Refunded {
		return ExceedsCaptured, nil
	}
	t.Debit, t.Credit = h.Counter, h.Account
	if s, err := w.pay(t.Debit, t.Credit, t, false); err != nil || s != Created {
		return s, err
	}
	h.Refunded += minor
	w.setHold(h)
	return Created, nil
}

// pay moves posted money. checked: the floor of the debited account is looked at.
func (w *work) pay(from, to AccountID, t *Transfer, checked bool) (Status, error) {
	debit, credit, s, err := w.pair(from, to, t.Amount.Currency())
	if err != nil || s != Created {
		return s, err
	}
	minor := t.Amount.Minor()
	if checked && debit.Floored() && debit.Available() < minor {
		return ExceedsAvailable, nil
	}
	if debit.Posted < math.MinInt64/2+minor || overflows(credit.Posted, minor) {
		return Overflow, nil
	}
	debit.Posted -= minor
	credit.Posted += minor
	w.setAccount(debit)
	w.setAccount(credit)
	return Created, nil
}

// free takes an amount out of an account's held sum.
func (w *work) free(id AccountID, minor int64) (Status, error) {
	a, found, err := w.account(id)
	switch {
	case err != nil:
		return 0, err
	case !found:
		return AccountUnknown, nil
	case a.Held < minor:
		return ExceedsHold, nil
	}
	a.Held -= minor
	w.setAccount(a)
	return Created, nil
}

// pair loads both sides and says whether they can trade in a currency.
func (w *work) pair(from, to AccountID, cur currency) (debit, credit Account, s Status, err error) {
	debit, ok, err := w.account(from)
	if err != nil || !ok {
		return debit, credit, AccountUnknown, err
	}
	credit, ok, err = w.account(to)
	switch {
	case err != nil || !ok:
		return debit, credit, AccountUnknown, err
	case from == to:
		return debit, credit, AccountsSame, nil
	case debit.Currency != cur || credit.Currency != cur:
		return debit, credit, CurrencyDiffers, nil
	}
	return debit, credit, Created, nil
}

func overflows(sum, add int64) bool { return sum > math.MaxInt64/2-add }
