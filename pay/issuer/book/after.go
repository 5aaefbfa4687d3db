package book

import (
	"time"

	"countersign/pay/ledger"
)

// Advise decides about a capture or a refund.
func (r Rules) Advise(tx Tx, f *Advice, now time.Time) (Decision, error) {
	m := Message{
		Header: f.Header, Kind: KindCapture, Amount: f.Amount, N: f.N, M: f.M,
		Keep: -1, Original: f.Original, At: now,
	}
	if f.Kind == Refund {
		m.Kind = KindRefund
	}
	if d, done, err := stored(tx, &m, ""); err != nil || done {
		return d, err
	}
	var c Changes
	life, reason, err := r.advise(tx, f, now, &c)
	if err != nil {
		return Decision{}, err
	}
	d := Decision{Response: reason.Response(), Reason: reason, Lifecycle: f.Lifecycle, Hold: life.hold.ID}
	if life.found {
		d.Lifecycle = life.origin.Decision.Lifecycle
		m.Card = life.origin.Card
	}
	if reason == Fine {
		d.Approval = f.Approval
	}
	m.Decision = d
	return d, r.settle(tx, &c, &m, life.card)
}

func (r Rules) advise(tx Tx, f *Advice, now time.Time, c *Changes) (life, Reason, error) {
	if reason := f.wellFormed(); reason != Fine {
		return life{}, reason, nil
	}
	l, reason, err := find(tx, &f.Header, f.Original)
	if err != nil || reason != Fine {
		return l, reason, err
	}
	if l.hold.ID == "" {
		return l, OriginalRefused, nil
	}
	res, err := ledger.Apply(tx, now, f.chain(l.hold)...)
	if err != nil {
		return l, Fine, err
	}
	if !res.OK() {
		return l, fromLedger(res.Refusal(), l.hold), nil
	}
	c.Ledger = res.Effects
	return l, Fine, nil
}

func (f *Advice) wellFormed() Reason {
	switch {
	case f.Key == "" || f.Acquirer == "" || f.Acceptor == "" || !f.Amount.Currency().Known():
		return BadFormat
	case f.Kind != Capture && f.Kind != Refund:
		return BadFormat
	case f.M != 0 && (f.N < 1 || f.N > f.M):
		return BadFormat
	case f.Amount.IsZero():
		return BadAmount
	}
	return Fine
}

// chain is what the advice does to its hold: a refund, or a capture and, when it is the last one, the
// rest given back.
func (f *Advice) chain(h ledger.Hold) []ledger.Transfer {
	t := ledger.Transfer{Hold: h.ID, Amount: f.Amount}
	if f.Kind == Refund {
		t.ID, t.Kind, t.Code = ledger.TransferID("refund/"+f.Key), ledger.Refund, ledger.GoodsBack
		return []ledger.Transfer{t}
	}
	t.ID, t.Kind, t.Code = ledger.TransferID("capture/"+f.Key), ledger.Post, ledger.Purchase
	if f.M != 0 && f.N < f.M {
		return []ledger.Transfer{t}
	}
	rest, err := remaining(h).Sub(f.Amount)
	if err != nil || rest.IsZero() { // another currency or too much is the ledger's to refuse
		return []ledger.Transfer{t}
	}
	return []ledger.Transfer{t, {
		ID: ledger.TransferID("rest/" + f.Key), Kind: ledger.Void, Code: ledger.FinalTaken, Hold: h.ID, Amount: rest,
	}}
}
