package sim

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/store/memory"
	"countersign/pay/ledger"
)

const (
	acquirer = "400001"
	acceptor = "SIMSHOP"
	deposit  = 60_000 // minor units per account: enough for some, not for all
)

// bank is the issuer: its deciding core over a store, and the journal of every commit for the checks.
type bank struct {
	w       *world
	store   book.Store
	rules   book.Rules
	cards   int
	expiry  string
	up      bool
	journal *journal
	copies  int
	ids     int
}

func newBank(w *world) *bank {
	b := &bank{w: w, store: memory.New(), cards: 12, expiry: "2911", up: true, journal: newJournal(w)}
	b.open()
	b.sweep()
	return b
}

// open makes the accounts and cards: pairs of cards share an account; some are locked, single use, limited or frozen.
func (b *bank) open() {
	now := b.w.now
	b.commit(func(tx book.Tx) error {
		return b.rules.AddHolder(tx, book.Holder{ID: "holder_sim", Name: "Sim", Phone: "+46700000000", Locale: "en"}, now)
	})
	for i := range b.cards {
		if i%2 == 0 {
			b.commit(func(tx book.Tx) error {
				return b.rules.OpenAccount(tx, ledger.Account{ID: b.account(i), Kind: ledger.Holder, Currency: b.w.eur}, "holder_sim", now)
			})
			b.commit(func(tx book.Tx) error {
				s, err := b.rules.Deposit(tx, ledger.TransferID(fmt.Sprintf("deposit/%d", i)), b.account(i), b.w.amount(deposit), now)
				if err == nil && !s.OK() {
					err = fmt.Errorf("deposit: %v", s)
				}
				return err
			})
		}
		b.commit(func(tx book.Tx) error { return b.rules.AddCard(tx, b.card(i), now) })
	}
}

func (b *bank) card(i int) book.Card {
	card := book.Card{ID: fmt.Sprintf("card_%d", i), Holder: "holder_sim", Account: b.account(i), Index: index(i), Last4: "0000", Brand: "Sim", Name: "Sim",
		Expiry: b.expiry, Ends: time.Date(2029, 12, 1, 0, 0, 0, 0, time.UTC), Status: book.Active, Kind: book.Normal, CVK: "cvk", SealKey: "k",
		Sealed: []byte("sealed"), Created: b.w.now}
	switch i {
	case 1:
		card.Kind = book.SingleUse
	case 2:
		card.Kind = book.Locked
	case 3:
		card.LimitDay = 15_000
	case 4:
		card.Status = book.Frozen
	}
	return card
}

// sweep gives back holds whose time is over, as the bank's own timer does.
func (b *bank) sweep() {
	if b.up {
		for more := true; more; {
			b.commit(func(tx book.Tx) (err error) {
				more, err = b.rules.Expire(tx, b.w.now)
				return err
			})
		}
	}
	b.w.after(time.Hour, b.sweep)
}

func (b *bank) account(card int) ledger.AccountID {
	return ledger.AccountID(fmt.Sprintf("acct_%d", card/2))
}

func index(card int) book.Index { return book.Index{1, byte(card)} }

func (b *bank) commit(f func(book.Tx) error) {
	if err := b.store.Write(context.Background(), func(tx book.Tx) error {
		t := &tap{Tx: tx, b: b}
		if err := f(t); err != nil {
			return err
		}
		b.journal.add(t.saved)
		return nil
	}); err != nil {
		b.w.violation("bank: %v", err)
	}
}

// restart kills the bank's process: what it had committed stays, what was on its way is lost.
func (b *bank) restart() {
	b.w.count("fault: bank killed")
	b.up = false
	b.w.after(b.w.between(time.Second, 30*time.Second), func() { b.up = true })
}

var errLost = errors.New("sim: the commit is lost")

// decide runs one message through the core. false means that nobody answers.
func (b *bank) decide(f func(book.Tx) (book.Decision, error)) (core.Answer, bool) {
	if !b.up {
		return core.Answer{}, false
	}
	var d book.Decision
	lost := b.w.bug == AnswerBeforeEffect && b.w.chance(0.05)
	err := b.store.Write(context.Background(), func(tx book.Tx) error {
		t := &tap{Tx: tx, b: b}
		var err error
		if d, err = f(t); err != nil {
			return err
		}
		if lost {
			return errLost
		}
		b.journal.add(t.saved)
		return nil
	})
	if err != nil && err != errLost {
		b.w.violation("bank could not decide: %v", err)
		return core.Answer{Response: "96"}, true
	}
	if !b.w.net.healed && b.w.chance(b.w.net.crashAfter/2) {
		b.restart() // dies between the commit and the answer
		return core.Answer{}, false
	}
	b.w.count("bank: " + string(d.Response))
	return core.Answer{Response: d.Response, Approval: d.Approval, CodeResult: d.Code, Lifecycle: d.Lifecycle}, true
}

func key(mti string, t core.Trace) string {
	return fmt.Sprintf("%s/%s/%06d/%s", mti, acquirer, t.STAN, t.Transmitted.Format("20060102150405"))
}

func (b *bank) header(mti string, t core.Trace, lifecycle, payment string, card int) book.Header {
	h := book.Header{Key: key(mti, t), Acquirer: acquirer, Acceptor: acceptor, Terminal: "SIM1", Merchant: "Sim Shop", Country: "752", MCC: "5942",
		RRN: t.RRN, Lifecycle: lifecycle, Payment: payment, Index: index(card)}
	if b.w.bug == NoDuplicateCheck {
		b.copies++
		h.Key += fmt.Sprintf("/copy%d", b.copies)
	}
	return h
}

// purchase is the 0100 of an attempt, to be handled once per copy that arrives.
func (b *bank) purchase(p core.Payment, a core.Attempt) func() (core.Answer, bool) {
	t := b.w.holder.typed[a.Nonce]
	raw, _ := base64.StdEncoding.DecodeString(a.CAVV)
	c := b.w.holder.confirmed[string(raw)]
	f := book.Purchase{Amount: p.Amount, Expiry: t.expiry, Code: book.CodeGiven, Matches: matches(t.right), Proof: raw,
		ProofOK: c.payment == p.ID && c.card == t.card && c.amount == p.Amount && c.payment != ""}
	return func() (core.Answer, bool) {
		f.Header = b.header("0100", a.Trace, a.Lifecycle, p.ID, t.card)
		return b.ask(f)
	}
}

// matches is the keys under which a typed code is the right one.
func matches(right bool) []string {
	if right {
		return []string{"cvk"}
	}
	return nil
}

func (b *bank) ask(f book.Purchase) (core.Answer, bool) {
	b.ids++
	f.Approval, f.Hold, f.NewLifecycle = fmt.Sprintf("%06d", b.ids%1_000_000), ledger.HoldID(fmt.Sprintf("hold_%d", b.ids)), fmt.Sprintf("life_bank%d", b.ids)
	return b.decide(func(tx book.Tx) (book.Decision, error) { return b.rules.Authorise(tx, &f, b.w.now) })
}

// advice is a 0220, 0400 or 0420.
func (b *bank) advice(p core.Payment, a core.Advice) func() (core.Answer, bool) {
	card := 0
	if a.Attempt > 0 && a.Attempt <= len(p.Attempts) {
		card = b.w.holder.typed[p.Attempts[a.Attempt-1].Nonce].card
	}
	return func() (core.Answer, bool) {
		switch a.Kind {
		case core.CaptureAdvice, core.RefundAdvice:
			kind := book.Capture
			if a.Kind == core.RefundAdvice {
				kind = book.Refund
			}
			return b.advise(book.Advice{Header: b.header("0220", a.Trace, a.Lifecycle, a.Payment, card), Kind: kind, Amount: a.Amount, N: a.N, M: a.M,
				Original: b.original(a)})
		default:
			mti := "0400"
			if a.Kind == core.Reversal {
				mti = "0420"
			}
			f := book.Reversal{Header: b.header(mti, a.Trace, a.Lifecycle, a.Payment, card), Advice: a.Kind == core.Reversal, Amount: a.Amount, Original: b.original(a)}
			return b.decide(func(tx book.Tx) (book.Decision, error) { return b.rules.Reverse(tx, &f, b.w.now) })
		}
	}
}

func (b *bank) original(a core.Advice) string { return key("0100", a.Original) }

func (b *bank) advise(f book.Advice) (core.Answer, bool) {
	b.ids++
	f.Approval = fmt.Sprintf("%06d", b.ids%1_000_000)
	return b.decide(func(tx book.Tx) (book.Decision, error) { return b.rules.Advise(tx, &f, b.w.now) })
}

// tap sees what the core saves, and is where the bank's bugs are planted.
type tap struct {
	book.Tx
	b     *bank
	saved book.Changes
}

// Save passes the changes on and keeps them for the journal.
func (t *tap) Save(c book.Changes) error {
	switch t.b.w.bug {
	case EarlyReversalLost:
		c.Early = nil
	case WrongCodesNotKept:
		c.Tries = nil
	case ProofReusable:
		c.Proofs = nil
	case HoldNotKept:
		if len(c.Messages) > 0 && c.Messages[0].Kind == book.KindPurchase {
			c.Ledger = ledger.Effects{}
		}
	case ReleasedTwice:
		releaseAgain(&c)
	case SingleUseNotKept:
		for i := range c.Cards {
			c.Cards[i].Used = ""
		}
	}
	t.saved = c
	return t.Tx.Save(c)
}

func releaseAgain(c *book.Changes) {
	for _, tr := range c.Ledger.Transfers {
		for i := range c.Ledger.Accounts {
			if a := &c.Ledger.Accounts[i]; tr.Kind == ledger.Void && a.ID == tr.Debit {
				a.Held = max(0, a.Held-tr.Amount.Minor())
			}
		}
	}
}

// Spent is what the card spent; the bug does not see it.
func (t *tap) Spent(card string, after time.Time) (int64, error) {
	if t.b.w.bug == LimitNotExact {
		return 0, nil
	}
	return t.Tx.Spent(card, after)
}

// Hold is a hold; the bugs forget what happened to it.
func (t *tap) Hold(id ledger.HoldID) (ledger.Hold, bool, error) {
	h, ok, err := t.Tx.Hold(id)
	switch t.b.w.bug {
	case RefundWithoutLimit:
		h.Refunded = 0
	case CaptureWithoutLimit:
		if ok && h.State == ledger.Captured {
			h.Captured, h.Released, h.State = 0, 0, ledger.Open
		}
	}
	return h, ok, err
}
