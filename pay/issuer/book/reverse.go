package book

import (
	"time"

	"countersign/pay/ledger"
	"countersign/pay/money"
)

// Reverse decides about a reversal. One that comes before its original is remembered, and the original
// will be refused; an advice (the acquirer had no answer) is told "done", as nothing is held.
func (r Rules) Reverse(tx Tx, f *Reversal, now time.Time) (Decision, error) {
	m := Message{Header: f.Header, Kind: KindReversal, Amount: f.Amount, Keep: -1, Original: f.Original, At: now}
	if f.Keep != nil {
		m.Keep = f.Keep.Minor()
	}
	if d, done, err := stored(tx, &m, ""); err != nil || done {
		return d, err
	}
	var c Changes
	life, reason, err := r.reverse(tx, f, now, &c)
	if err != nil {
		return Decision{}, err
	}
	d := Decision{Response: reason.Response(), Reason: reason, Lifecycle: f.Lifecycle, Hold: life.hold.ID}
	if life.found {
		d.Lifecycle = life.origin.Decision.Lifecycle
		m.Card = life.origin.Card
	}
	if reason == OriginalUnknown && f.Advice && len(c.Early) > 0 {
		d.Response, d.Reason = NothingHeld.Response(), NothingHeld
	}
	m.Decision = d
	return d, r.settle(tx, &c, &m, life.card)
}

func (r Rules) reverse(tx Tx, f *Reversal, now time.Time, c *Changes) (life, Reason, error) {
	if f.Key == "" || f.Acquirer == "" || f.Acceptor == "" || (f.Original == "" && f.Lifecycle == "") {
		return life{}, BadFormat, nil
	}
	l, reason, err := find(tx, &f.Header, f.Original)
	if err != nil {
		return l, Fine, err
	}
	if reason == OriginalUnknown && f.Original != "" {
		early, err := tx.IsEarly(f.Original)
		if err != nil {
			return l, Fine, err
		}
		if !early {
			c.Early = append(c.Early, Early{Original: f.Original, Key: f.Key, At: now})
			return l, reason, nil
		}
		return l, NothingHeld, nil
	}
	if reason != Fine {
		return l, reason, nil
	}
	reason, err = giveBack(tx, f, &l, now, c)
	return l, reason, err
}

// giveBack voids what the reversal does not keep. To give back nothing is no refusal: the acquirer wants
// a state, and it is reached.
func giveBack(tx Tx, f *Reversal, l *life, now time.Time, c *Changes) (Reason, error) {
	switch {
	case l.origin.Kind == KindCapture || l.origin.Kind == KindRefund:
		return CapturedAlready, nil
	case l.hold.ID == "":
		return NothingHeld, nil
	case l.hold.State == ledger.Captured:
		return CapturedAlready, nil
	case l.hold.State != ledger.Open:
		return NothingHeld, nil
	}
	rest := remaining(l.hold)
	if f.Keep != nil {
		var err error
		if rest, err = rest.Sub(*f.Keep); err != nil {
			return OverHold, nil
		}
	}
	if rest.IsZero() {
		return NothingHeld, nil
	}
	res, err := ledger.Apply(tx, now, ledger.Transfer{
		ID: ledger.TransferID("reverse/" + f.Key), Kind: ledger.Void, Code: ledger.Reversed, Hold: l.hold.ID, Amount: rest,
	})
	if err != nil {
		return Fine, err
	}
	if !res.OK() {
		return fromLedger(res.Refusal(), l.hold), nil
	}
	c.Ledger = res.Effects
	return Fine, nil
}

// remaining is what a hold still keeps.
func remaining(h ledger.Hold) money.Amount {
	a, err := money.New(h.Reserved(), h.Currency)
	if err != nil {
		return money.Amount{} // it has no currency, so every sum with it is refused
	}
	return a
}
