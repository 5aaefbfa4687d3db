package book

import (
	"time"

	"countersign/pay/ledger"
)

// Expire gives back up to most holds whose time is over and says how many there were. Each has its own
// record in the journal, so the caller asks again, in a new Tx, until there is none: one Tx ends one hold.
func (r Rules) Expire(tx Tx, now time.Time) (done bool, err error) {
	due, err := tx.DueHolds("", now, 1)
	if err != nil || len(due) == 0 {
		return false, err
	}
	h := due[0]
	res, err := ledger.Apply(tx, now, expiry(h))
	if err != nil {
		return false, err
	}
	if !res.OK() {
		return false, nil
	}
	c := Changes{Ledger: res.Effects}
	rec := Record{At: now, Kind: "expiry", Subject: string(h.ID)}
	m, found, err := tx.MessageOfHold(h.ID)
	if err != nil {
		return false, err
	}
	if found {
		rec.Card, rec.Lifecycle = m.Card, m.Decision.Lifecycle
		if card, ok, err := tx.Card(m.Card); err != nil {
			return false, err
		} else if ok {
			rec.Holder = card.Holder
		}
	}
	return true, r.record(tx, &c, rec, Body{Amount: h.Reserved(), Currency: h.Currency.Alpha(), Hold: h.ID})
}

// expired is the chain that gives back the holds of an account whose time is over.
func expired(tx Tx, account ledger.AccountID, now time.Time, most int) ([]ledger.Transfer, error) {
	due, err := tx.DueHolds(account, now, most)
	if err != nil {
		return nil, err
	}
	var chain []ledger.Transfer
	for _, h := range due {
		chain = append(chain, expiry(h))
	}
	return chain, nil
}

func expiry(h ledger.Hold) ledger.Transfer {
	return ledger.Transfer{
		ID: ledger.TransferID("expire/" + string(h.ID)), Kind: ledger.Void, Code: ledger.TimedOut, Hold: h.ID, Amount: remaining(h),
	}
}
