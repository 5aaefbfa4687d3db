package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/payment"
	"countersign/pay/securitycode"
)

// Bank decides about payments. It implements Decider and is safe for many goroutines.
type Bank struct {
	store book.Store
	rules book.Rules
	vault *cards.Vault
	ring  *keys.Ring
	now   func() time.Time
	rand  io.Reader
	log   *slog.Logger
	aads  sync.Pool // *[]byte, wiped: additional data of code boxes, which holds the card number
}

// BankConfig is what a Bank is made of. All fields are needed.
type BankConfig struct {
	Store book.Store   // where the books are
	Rules book.Rules   // the bank's settings
	Vault *cards.Vault // prepared: cards.Desk.Prepare
	Keys  *keys.Ring   // code-seal, cavv
	Now   func() time.Time
	Rand  io.Reader // for approval codes and ids; safe for many goroutines
	Log   *slog.Logger
}

// NewBank makes a bank.
func NewBank(c BankConfig) *Bank {
	return &Bank{store: c.Store, rules: c.Rules, vault: c.Vault, ring: c.Keys, now: c.Now, rand: c.Rand, log: c.Log}
}

// Authorise decides about a purchase or an account check, durably. Opening the sealed code, computing the
// right one and checking the proof happen before the writer is asked, and the same way for every card.
func (b *Bank) Authorise(ctx context.Context, r *Request) (Decision, error) {
	now := b.clock()
	f := &book.Purchase{
		Header: b.header(r.Key, r.RRN, r.Lifecycle, r.Payment, &r.Merchant), Amount: r.Amount,
		AccountCheck: r.AccountCheck, Proof: r.CAVV,
	}
	if r.Expiry != (card.Expiry{}) {
		f.Expiry = r.Expiry.YYMM()
	}
	f.Index = b.vault.Index(r.PAN)
	if !r.PAN.Present() {
		f.Index = book.Index{}
	}
	f.Code, f.Matches = b.openCode(r)
	f.ProofOK = b.checkProof(r, f.Index, now)
	if err := b.draw(f, now); err != nil {
		return Decision{}, err
	}
	var d book.Decision
	err := b.store.Write(ctx, func(tx book.Tx) (err error) {
		d, err = b.rules.Authorise(tx, f, now)
		return err
	})
	return b.answer(ctx, r.Key, r.Repeat, d, err)
}

// Advise decides about a capture or a refund, durably.
func (b *Bank) Advise(ctx context.Context, a *Advice) (Decision, error) {
	now := b.clock()
	f := &book.Advice{
		Header: b.header(a.Key, a.RRN, a.Lifecycle, a.Payment, &a.Merchant), Kind: adviceKind(a.Kind),
		Amount: a.Amount, N: a.N, M: a.M, Original: original(a.Original, &a.Merchant),
	}
	if a.PAN.Present() {
		f.Index = b.vault.Index(a.PAN)
	}
	var err error
	if f.Approval, err = b.approval(); err != nil {
		return Decision{}, err
	}
	var d book.Decision
	err = b.store.Write(ctx, func(tx book.Tx) (err error) {
		d, err = b.rules.Advise(tx, f, now)
		return err
	})
	return b.answer(ctx, a.Key, a.Repeat, d, err)
}

func adviceKind(k AdviceKind) book.AdviceKind {
	switch k {
	case Capture:
		return book.Capture
	case Refund:
		return book.Refund
	}
	return 0 // refused as badly formed
}

// Reverse takes an authorisation back, durably, before or after it came.
func (b *Bank) Reverse(ctx context.Context, r *Reversal) (Decision, error) {
	now := b.clock()
	f := &book.Reversal{
		Header: b.header(r.Key, r.RRN, r.Lifecycle, "", &r.Merchant), Advice: r.Advice, Amount: r.Amount, Keep: r.Keep,
		Original: original(r.Original, &r.Merchant),
	}
	if r.PAN.Present() {
		f.Index = b.vault.Index(r.PAN)
	}
	var d book.Decision
	err := b.store.Write(ctx, func(tx book.Tx) (err error) {
		d, err = b.rules.Reverse(tx, f, now)
		return err
	})
	return b.answer(ctx, r.Key, r.Repeat, d, err)
}

// Expire gives back the holds whose time is over and says how many there were.
func (b *Bank) Expire(ctx context.Context) (n int, err error) {
	for {
		done := false
		err := b.store.Write(ctx, func(tx book.Tx) (err error) {
			done, err = b.rules.Expire(tx, b.clock())
			return err
		})
		if err != nil || !done {
			return n, err
		}
		n++
	}
}

// clock is the time in the precision of the books.
func (b *Bank) clock() time.Time { return b.now().UTC().Truncate(time.Millisecond) }

func (b *Bank) header(k MessageKey, rrn, lifecycle, payment string, m *Merchant) book.Header {
	k.Acquirer, k.Terminal = m.Acquirer, m.Terminal // one link, one acquirer: it names only its own messages
	h := book.Header{
		Acquirer: m.Acquirer, Acceptor: m.Acceptor, Terminal: m.Terminal, Merchant: m.Name,
		Country: m.Country, MCC: m.MCC, RRN: rrn, Lifecycle: lifecycle, Payment: payment,
	}
	if k.MTI != "" && !k.Transmitted.IsZero() {
		h.Key = keyText(k)
	}
	return h
}

// keyText is a message key as the books hold it: "0100.ACQUIRER.000123.20261122153417.TERMINAL".
func keyText(k MessageKey) string {
	return fmt.Sprintf("%s.%s.%06d.%s.%s", k.MTI, k.Acquirer, k.STAN, k.Transmitted.UTC().Format("20060102150405"), k.Terminal)
}

// original is the key of the message that is meant; "" when none is named. Acquirer and terminal are the
// sender's own, as ISO 8583:1987 DE 90 has no terminal.
func original(k MessageKey, m *Merchant) string {
	if k.MTI == "" || k.Transmitted.IsZero() {
		return ""
	}
	k.Acquirer = m.Acquirer
	if k.Terminal == "" {
		k.Terminal = m.Terminal
	}
	return keyText(k)
}

// draw makes the ids that an approval needs.
func (b *Bank) draw(f *book.Purchase, now time.Time) error {
	hold, err := payment.NewID("hold", now, b.rand)
	if err != nil {
		return err
	}
	f.Hold = ledger.HoldID(hold)
	if f.NewLifecycle, err = payment.NewID("life", now, b.rand); err != nil {
		return err
	}
	f.Approval, err = b.approval()
	return err
}

// approval draws six digits (ISO 8583 DE 38).
func (b *Bank) approval() (string, error) {
	var raw [8]byte
	if _, err := io.ReadFull(b.rand, raw[:]); err != nil {
		return "", err
	}
	var n uint64
	for _, c := range raw {
		n = n<<8 | uint64(c)
	}
	digits := [6]byte{}
	for i := range digits {
		digits[i], n = '0'+byte(n%10), n/10
	}
	return string(digits[:]), nil
}

// answer turns a stored decision into the network's, and tells the log what it should know.
func (b *Bank) answer(ctx context.Context, k MessageKey, repeat bool, d book.Decision, err error) (Decision, error) {
	if err != nil {
		b.log.LogAttrs(ctx, slog.LevelError, "could not decide", slog.String("message", keyText(k)), slog.Any("error", err))
		return Decision{}, errors.Join(ErrUndecided, err)
	}
	if d.Field != "" {
		b.log.LogAttrs(ctx, slog.LevelWarn, "a message key came again with other content",
			slog.String("message", keyText(k)), slog.String("field", d.Field), slog.Bool("repeat", repeat))
	}
	return Decision{
		Response: d.Response, Approval: d.Approval, CodeResult: securitycode.Result(d.Code),
		Lifecycle: d.Lifecycle, Reason: d.Reason.String(),
	}, nil
}

// ErrUndecided: the bank could not decide; nothing is known to be stored, and a repeat will tell.
var ErrUndecided = errors.New("issuer: could not decide")

var _ Decider = (*Bank)(nil)
