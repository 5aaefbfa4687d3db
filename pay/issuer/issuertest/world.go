// Package issuertest makes small banks with real keys, and requests that shoppers' gateways would send:
// sealed code, proof and all. For tests, simulations and benchmarks.
package issuertest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/issuer"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/proof"
	"countersign/pay/sealed"
)

// World is a bank with one holder and everything that a gateway and an ACS would need to ask it.
type World struct {
	Bank *issuer.Bank
	Desk *cards.Desk
	Keys *keys.Ring // the bank's
	Now  func() time.Time

	acs  *keys.Ring
	stan atomic.Uint32
	made atomic.Uint32
}

// Holder is the id of the world's holder.
const Holder = "holder_test"

// New makes a bank on the given books with new keys in memory. log nil = silence.
func New(ctx context.Context, books cards.Books, now func() time.Time, rand io.Reader, log *slog.Logger) (*World, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	store, err := keys.InMemory(now, rand, keys.SpecTable...)
	if err != nil {
		return nil, err
	}
	w := &World{Keys: store.For("issuer"), acs: store.For("acs"), Now: now}
	vault, err := cards.NewVault(w.Keys)
	if err != nil {
		return nil, err
	}
	rules := cards.Rules(w.Keys)
	w.Desk = &cards.Desk{Books: books, Vault: vault, Rules: rules, Now: now, Rand: rand}
	w.Bank = issuer.NewBank(issuer.BankConfig{Store: books, Rules: rules, Vault: vault, Keys: w.Keys, Now: now, Rand: rand, Log: log})
	if err := w.Desk.Prepare(ctx); err != nil {
		return nil, err
	}
	return w, w.Desk.AddHolder(ctx, book.Holder{ID: Holder, Name: "Ada Example", Phone: "+491520000000", Locale: "en"})
}

// Card is a card as its holder has it in hand.
type Card struct {
	ID      string
	Account ledger.AccountID
	PAN     card.PAN
	Expiry  card.Expiry
	Code    []byte // three ASCII digits
}

// Issue makes a card on a new account with the given money in it.
func (w *World) Issue(ctx context.Context, funds money.Amount, o cards.Order) (*Card, error) {
	if o.Account == "" {
		o.Account = ledger.AccountID(fmt.Sprintf("acct_%d", w.made.Add(1)))
		if err := w.Desk.OpenAccount(ctx, o.Account, Holder, funds, 0); err != nil {
			return nil, err
		}
	}
	if o.Holder == "" {
		o.Holder, o.Name = Holder, "Ada Example"
	}
	c, err := w.Desk.Issue(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &Card{ID: c.ID, Account: c.Account}
	if out.Expiry, err = card.ParseExpiry(c.Expiry); err != nil {
		return nil, err
	}
	err = w.Desk.Reveal(ctx, c.ID, func(_ book.Card, number, code []byte) (err error) {
		out.PAN, err = card.ParsePAN(number)
		out.Code = append([]byte(nil), code...)
		return err
	})
	return out, err
}

// Shop is a merchant by number.
func Shop(n int) issuer.Merchant {
	return issuer.Merchant{
		Acquirer: "999001", Acceptor: fmt.Sprintf("SHOP%07d", n), Terminal: fmt.Sprintf("T%07d", n),
		Name: fmt.Sprintf("Shop %d, Berlin", n), Country: "276", MCC: "5999",
	}
}

// Key is the next message key of a shop.
func (w *World) Key(mti string, m issuer.Merchant) issuer.MessageKey {
	n := w.stan.Add(1)
	return issuer.MessageKey{
		MTI: mti, Acquirer: m.Acquirer, STAN: n % 1_000_000, Terminal: m.Terminal,
		Transmitted: w.Now().UTC().Truncate(time.Second).Add(time.Duration(n/1_000_000) * time.Second),
	}
}

// Purchase is a request as a gateway would send it after the holder confirmed: nothing is wrong with it.
// Change a field and it is a request with that fault.
func (w *World) Purchase(c *Card, m issuer.Merchant, amount money.Amount) (*issuer.Request, error) {
	r := &issuer.Request{
		Key: w.Key("0100", m), PAN: c.PAN, Expiry: c.Expiry, Presence: '1', Amount: amount, Merchant: m, ECI: "05",
	}
	r.RRN = fmt.Sprintf("%012d", r.Key.STAN)
	r.Payment = fmt.Sprintf("pay_%d_%d", r.Key.Transmitted.Unix(), r.Key.STAN)
	r.Lifecycle = "L" + r.Payment
	r.DSTransID = fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", r.Key.Transmitted.Unix()%1_000_000, r.Key.STAN)
	if err := w.Confirm(r); err != nil {
		return nil, err
	}
	return r, w.SealCode(r, c.Code)
}

// Confirm puts the proof on a request that the holder confirmed it as it stands.
func (w *World) Confirm(r *issuer.Request) error {
	k, err := w.acs.Current(keys.CAVV)
	if err != nil {
		return err
	}
	claim := proof.Claim{
		PAN: card.Index(w.Desk.Vault.Index(r.PAN)), Acceptor: r.Merchant.Acceptor, Amount: r.Amount,
		DSTransID: r.DSTransID, Method: proof.MethodSMS,
	}
	k.Use(func(raw []byte) {
		v := proof.Make(byte(k.Number), raw, claim, w.Now())
		r.CAVV = v[:]
	})
	return nil
}

// SealCode puts a typed code on a request, sealed to the bank as the shopper's browser does.
func (w *World) SealCode(r *issuer.Request, code []byte) error {
	k, err := w.Keys.Current(keys.CodeSeal)
	if err != nil {
		return err
	}
	plain := make([]byte, max(sealed.CodeSize, len(code)))
	copy(plain, code)
	defer clear(plain)
	where := sealed.Context{Payment: r.Payment, Merchant: r.Merchant.Acceptor, Amount: r.Amount}
	r.PAN.Use(func(digits []byte) {
		aad := where.AppendCodeAAD(nil, digits, r.Expiry.YYMM())
		defer clear(aad)
		r.Code, err = sealed.Seal(sealed.Code, k.ID, k.Public(), aad, plain)
	})
	return err
}

// Capture takes money of an approved request.
func (w *World) Capture(r *issuer.Request, amount money.Amount, n, m int) *issuer.Advice {
	return &issuer.Advice{
		Key: w.Key("0220", r.Merchant), RRN: r.RRN, Lifecycle: r.Lifecycle, Payment: r.Payment, PAN: r.PAN,
		Kind: issuer.Capture, Amount: amount, N: n, M: m, Merchant: r.Merchant, Original: r.Key,
	}
}

// Refund gives money of a captured request back.
func (w *World) Refund(r *issuer.Request, amount money.Amount) *issuer.Advice {
	a := w.Capture(r, amount, 0, 0)
	a.Kind = issuer.Refund
	return a
}

// Reverse takes a request back; keep nil = all of it.
func (w *World) Reverse(r *issuer.Request, advice bool, keep *money.Amount) *issuer.Reversal {
	mti := "0400"
	if advice {
		mti = "0420"
	}
	return &issuer.Reversal{
		Key: w.Key(mti, r.Merchant), Advice: advice, RRN: r.RRN, Lifecycle: r.Lifecycle, PAN: r.PAN,
		Amount: r.Amount, Keep: keep, Merchant: r.Merchant, Original: r.Key,
	}
}
