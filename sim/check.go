package sim

import (
	"context"
	"fmt"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
	"countersign/pay/payment"
)

// journal is what the bank committed, folded by the checker's own arithmetic as it comes.
type journal struct {
	w         *world
	transfer  map[ledger.TransferID]bool
	posted    map[ledger.AccountID]int64
	held      map[ledger.AccountID]int64
	holds     map[ledger.HoldID]*heldMoney
	byCard    map[string][]*heldMoney
	byPayment map[string][]*heldMoney
	wrong     map[string][]time.Time // card → wrong codes that were counted or should have been
	approved  map[string]int         // message key → approvals
	cards     map[string]book.Card
	seq       int64
}

// heldMoney is one hold as the transfers tell it.
type heldMoney struct {
	at                                     time.Time
	account                                ledger.AccountID
	authorised, captured, released, refund int64
}

func (h *heldMoney) open() int64 { return h.authorised - h.captured - h.released }

func newJournal(w *world) *journal {
	return &journal{w: w, transfer: map[ledger.TransferID]bool{}, posted: map[ledger.AccountID]int64{}, held: map[ledger.AccountID]int64{},
		holds: map[ledger.HoldID]*heldMoney{}, byCard: map[string][]*heldMoney{}, byPayment: map[string][]*heldMoney{},
		wrong: map[string][]time.Time{}, approved: map[string]int{}, cards: map[string]book.Card{}}
}

// add takes one commit. What can only be seen in the moment is checked here.
func (j *journal) add(c book.Changes) {
	for _, card := range c.Cards {
		if _, known := j.cards[card.ID]; !known {
			j.cards[card.ID] = card // as it was issued
		}
	}
	for _, t := range c.Ledger.Transfers {
		j.fold(t)
	}
	for _, m := range c.Messages {
		j.message(m)
	}
	for _, a := range c.Ledger.Accounts {
		if a.Kind == ledger.Holder && j.posted[a.ID]-j.held[a.ID]+a.Limit < 0 {
			j.w.violation("I4: account %s is overdrawn", a.ID)
		}
		if a.Posted != j.posted[a.ID] || a.Held != j.held[a.ID] {
			j.w.violation("I2: account %s says %d/%d, its transfers %d/%d", a.ID, a.Posted, a.Held, j.posted[a.ID], j.held[a.ID])
		}
	}
}

func (j *journal) fold(t ledger.Transfer) {
	if j.transfer[t.ID] {
		j.w.violation("I5: transfer %s twice", t.ID)
	}
	j.transfer[t.ID] = true
	if j.seq++; t.Seq != j.seq {
		j.w.violation("I6: transfer %s has number %d, not %d", t.ID, t.Seq, j.seq)
	}
	n := t.Amount.Minor()
	h := j.holds[t.Hold]
	if h == nil {
		h = &heldMoney{at: t.At, account: t.Debit}
		if t.Hold != "" {
			j.holds[t.Hold] = h
		}
	}
	switch t.Kind {
	case ledger.Pending:
		j.held[t.Debit] += n
		h.authorised += n
	case ledger.Post:
		j.held[t.Debit] -= n
		h.captured += n
		j.move(t.Debit, t.Credit, n)
	case ledger.Void:
		j.held[h.account] -= n
		h.released += n
	case ledger.Refund:
		h.refund += n
		j.move(t.Debit, t.Credit, n)
	case ledger.Single:
		j.move(t.Debit, t.Credit, n)
	}
	if h.captured+h.released > h.authorised || h.refund > h.captured {
		j.w.violation("I3: hold %s: authorised %d, captured %d, released %d, refunded %d", t.Hold, h.authorised, h.captured, h.released, h.refund)
	}
}

func (j *journal) move(debit, credit ledger.AccountID, n int64) {
	j.posted[debit] -= n
	j.posted[credit] += n
}

func (j *journal) message(m book.Message) {
	if m.Decision.Code == book.CodeNoMatch {
		j.wrong[m.Card] = append(j.wrong[m.Card], m.At)
		j.guesses(m)
	}
	if m.Kind != book.KindPurchase || !m.Decision.Response.OK() {
		return
	}
	if j.approved[m.Key]++; j.approved[m.Key] > 1 {
		j.w.violation("I5: message %s approved twice", m.Key)
	}
	h := j.holds[m.Decision.Hold]
	if h == nil {
		j.w.violation("I7: message %s approved without a hold", m.Key)
		return
	}
	j.byCard[m.Card] = append(j.byCard[m.Card], h)
	j.byPayment[m.Payment] = append(j.byPayment[m.Payment], h)
	j.exact(m)
}

// guesses: at most three wrong codes are answered per card and day.
func (j *journal) guesses(m book.Message) {
	n := 0
	for _, at := range j.wrong[m.Card] {
		if m.At.Sub(at) < 24*time.Hour {
			n++
		}
	}
	if n > 3 {
		j.w.violation("I8: card %s: wrong code number %d within a day was looked at", m.Card, n)
	}
}

// exact: limits and single use hold in every interleaving.
func (j *journal) exact(m book.Message) {
	card := j.cards[m.Card]
	alive, day := 0, int64(0)
	for _, h := range j.byCard[m.Card] {
		if h.authorised > h.released {
			alive++
		}
		if m.At.Sub(h.at) < 24*time.Hour {
			day += h.authorised - h.released
		}
	}
	if card.Kind == book.SingleUse && alive > 1 {
		j.w.violation("I8: single-use card %s bought %d times", m.Card, alive)
	}
	if card.LimitDay > 0 && day > card.LimitDay {
		j.w.violation("I8: card %s spent %d of %d a day", m.Card, day, card.LimitDay)
	}
}

// calm is the state of both sides a while after everything was healed: nothing is in doubt any more, and the bank
// holds money for authorised payments only. (Later, holds that run out would hide what was forgotten.)
func (w *world) calm() {
	if n := w.gw.queue.Len(); n > 0 {
		w.violation("I3: %d messages still wait for an answer, three hours after healing", n)
	}
	for _, id := range w.gw.order {
		p := w.gw.payments[id]
		held, want := int64(0), int64(0)
		for _, h := range w.bank.journal.byPayment[id] {
			held += h.open()
		}
		if p.State == payment.Authorised {
			want = p.Amount.Minor()
		}
		if held != want {
			w.violation("I4: payment %s is %s, and the bank holds %d for it, not %d", id, p.State, held, want)
		}
		for _, m := range p.Movements {
			if m.State == core.Failed && m.Kind == core.CaptureKind && held >= m.Amount.Minor() {
				w.violation("I3: the shop was promised a capture of %s; it failed, though the bank holds the money", id)
			}
		}
	}
}

// check is the state of both sides when the world has come to rest.
func (w *world) check() []string {
	var bad []string
	complain := func(format string, args ...any) {
		if len(bad) < 50 {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	var sum int64
	for _, n := range w.bank.journal.posted {
		sum += n
	}
	if sum != 0 {
		complain("I1: all accounts together hold %d, not 0", sum)
	}
	if len(w.gw.advices) > 0 || w.gw.queue.Len() > 0 {
		complain("I3: %d messages still wait for an answer", max(len(w.gw.advices), w.gw.queue.Len()))
	}
	for _, id := range w.gw.order {
		w.agree(w.gw.payments[id], complain)
	}
	err := w.bank.store.Read(context.Background(), func(tx book.Tx) error {
		for id, posted := range w.bank.journal.posted {
			a, ok, err := tx.Account(id)
			if err != nil || !ok || a.Posted != posted || a.Held != w.bank.journal.held[id] {
				complain("I2: account %s is stored as %d/%d, its transfers say %d/%d", id, a.Posted, a.Held, posted, w.bank.journal.held[id])
			}
		}
		return nil
	})
	if err != nil {
		complain("bank cannot be read: %v", err)
	}
	return bad
}

// agree compares one payment with all that the bank did for it.
func (w *world) agree(p core.Payment, complain func(string, ...any)) {
	var held, captured, refunded int64
	approvals := 0
	for _, h := range w.bank.journal.byPayment[p.ID] {
		held += h.open()
		captured += h.captured
		refunded += h.refund
		if h.authorised > h.released {
			approvals++
		}
	}
	if approvals > 1 {
		complain("I2: payment %s was paid %d times", p.ID, approvals)
	}
	if captured != p.Captured.Minor() || refunded != p.Refunded.Minor() {
		complain("I4: payment %s (%s): shop sees %d captured, %d refunded, bank %d and %d", p.ID, p.State, p.Captured.Minor(), p.Refunded.Minor(), captured, refunded)
	}
	if held != 0 {
		complain("I4: payment %s (%s): the bank still holds %d", p.ID, p.State, held)
	}
	if !p.State.Final() {
		complain("I3: payment %s has come to rest as %s", p.ID, p.State)
	}
	if p.State == payment.Captured && p.Captured.IsZero() {
		complain("I2: payment %s is captured, and nothing was", p.ID)
	}
}
