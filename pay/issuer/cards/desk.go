package cards

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/store"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/sql"
)

// File is the name of the bank's database in the role's folder.
const File = "issuer.db"

// ErrOrder: a card was asked for that cannot be; the message says what is wrong, never a number.
var ErrOrder = errors.New("cards: cannot issue this card")

// ErrRefused: the ledger refused a deposit; the message has its status.
var ErrRefused = errors.New("cards: the ledger refused")

// Books is what the desk needs of the store.
type Books interface {
	book.Store
	Card(ctx context.Context, id string) (book.Card, bool, error)
	Cards(ctx context.Context) ([]book.Card, error)
}

// Desk is the bank's card desk.
type Desk struct {
	Books Books
	Vault *Vault
	Rules book.Rules
	Now   func() time.Time
	Rand  io.Reader

	close func() error
}

// Open opens the bank's books in a role's data folder, beside a running bank or without one: the command
// line's way in. The caller closes the desk.
func Open(ctx context.Context, dataDir string, ring *keys.Ring, now func() time.Time, rand io.Reader) (*Desk, error) {
	v, err := NewVault(ring)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(filepath.Join(dataDir, File), sql.Options{})
	if err != nil {
		return nil, err
	}
	d := &Desk{Books: s, Vault: v, Rules: Rules(ring), Now: now, Rand: rand, close: s.Close}
	if err := d.Prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return d, nil
}

// Close closes the books, if Open opened them.
func (d *Desk) Close() error {
	if d.close == nil {
		return nil
	}
	return d.close()
}

// Prepare writes the current card verification key into the books, if it is new, and has the vault learn
// all of them. A key is taken with the expiry as YYMM unless the books say otherwise.
func (d *Desk) Prepare(ctx context.Context) error {
	id, err := d.Vault.CurrentCVK()
	if err != nil {
		return err
	}
	if err := d.AddCodeKey(ctx, book.CodeKey{ID: id, Order: "YYMM"}); err != nil {
		return err
	}
	var known []book.CodeKey
	if err := d.Books.Read(ctx, func(tx book.Tx) (err error) {
		known, err = tx.CodeKeys()
		return err
	}); err != nil {
		return err
	}
	return d.Vault.Learn(known)
}

// AddCodeKey writes down how a card verification key takes the expiry; a known key is left as it is.
func (d *Desk) AddCodeKey(ctx context.Context, k book.CodeKey) error {
	if k.Order != "YYMM" && k.Order != "MMYY" {
		return fmt.Errorf("%w: the expiry order is YYMM or MMYY", ErrOrder)
	}
	known := false
	err := d.Books.Read(ctx, func(tx book.Tx) error {
		all, err := tx.CodeKeys()
		for _, have := range all {
			known = known || have.ID == k.ID
		}
		return err
	})
	if err != nil || known {
		return err
	}
	return d.Books.Write(ctx, func(tx book.Tx) error { return d.Rules.AddCodeKey(tx, k, d.Now()) })
}

// Order asks for a card.
type Order struct {
	ID        string // "" = made here
	Holder    string
	Account   ledger.AccountID
	Name      string        // as printed
	Number    []byte        // ASCII digits, wiped by Issue; nil = made here under Prefix
	Prefix    string        // digits that a made number starts with; "" = DefaultPrefix
	Brand     string        // "" = "Demo Bank"
	Expiry    card.Expiry   // zero = four years from now
	Kind      book.CardKind // "" = normal
	LimitEach int64         // minor units; 0 = none
	LimitDay  int64         // minor units in 24 hours; 0 = none
}

// DefaultPrefix starts the numbers of sample cards: ISO/IEC 7812-1 leaves 9… to national assignment, so
// they belong to no network.
const DefaultPrefix = "999990"

// Issue makes a card, or says why not (ErrOrder, book.ErrUnknown, book.ErrTaken). The card it returns
// holds no number but in encrypted form.
func (d *Desk) Issue(ctx context.Context, o Order) (book.Card, error) {
	pan, err := d.number(o)
	if err != nil {
		return book.Card{}, err
	}
	defer pan.Wipe()
	c, err := d.prepare(o)
	if err != nil {
		return book.Card{}, err
	}
	c.Index, c.Last4 = d.Vault.Index(pan), pan.Last4()
	if c.SealKey, c.Sealed, err = d.Vault.Seal(c.ID, pan, d.Rand); err != nil {
		return book.Card{}, err
	}
	return c, d.Books.Write(ctx, func(tx book.Tx) error { return d.Rules.AddCard(tx, c, d.Now()) })
}

func (d *Desk) prepare(o Order) (c book.Card, err error) {
	now := d.Now()
	if o.Expiry == (card.Expiry{}) {
		o.Expiry = card.Expiry{Year: now.UTC().Year() + 4, Month: now.UTC().Month()}
	}
	c = book.Card{
		ID: o.ID, Holder: o.Holder, Account: o.Account, Brand: o.Brand, Name: strings.ToUpper(o.Name),
		Expiry: o.Expiry.YYMM(), Ends: Ends(o.Expiry), Status: book.Active, Kind: o.Kind,
		LimitEach: o.LimitEach, LimitDay: o.LimitDay, Created: now,
	}
	if c.Brand == "" {
		c.Brand = "Demo Bank"
	}
	if c.Kind == "" {
		c.Kind = book.Normal
	}
	if c.Kind != book.Normal && c.Kind != book.Locked && c.Kind != book.SingleUse {
		return c, fmt.Errorf("%w: the kind is normal, locked or single", ErrOrder)
	}
	if c.ID == "" {
		if c.ID, err = payment.NewID("card", now, d.Rand); err != nil {
			return c, err
		}
	}
	c.CVK, err = d.Vault.CurrentCVK()
	return c, err
}

// Ends is the moment from which a card with this last month is past; it agrees with card.Expiry.Past.
func Ends(e card.Expiry) time.Time { return time.Date(e.Year, e.Month+1, 1, 14, 0, 0, 0, time.UTC) }

// number takes the order's number or makes one: prefix, random digits, check digit; 16 in all.
func (d *Desk) number(o Order) (p card.PAN, err error) {
	if o.Number != nil {
		defer clear(o.Number)
		return card.ParsePAN(o.Number)
	}
	prefix := o.Prefix
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if len(prefix) > 11 {
		return p, fmt.Errorf("%w: the prefix has at most 11 digits", ErrOrder)
	}
	d.Vault.scratch(func(buf []byte) { p, err = d.draw(buf[:16], prefix) })
	return p, err
}

func (d *Desk) draw(digits []byte, prefix string) (card.PAN, error) {
	for i := copy(digits, prefix); i < 15; {
		if _, err := io.ReadFull(d.Rand, digits[i:i+1]); err != nil {
			return card.PAN{}, err
		}
		if digits[i] < 250 { // no digit more likely than another
			digits[i] = '0' + digits[i]%10
			i++
		}
	}
	for c := byte('0'); c <= '9'; c++ {
		if digits[15] = c; card.Luhn(digits) {
			return card.ParsePAN(digits)
		}
	}
	return card.PAN{}, fmt.Errorf("%w: the prefix is not digits", ErrOrder)
}

// List is all cards, without numbers.
func (d *Desk) List(ctx context.Context) ([]book.Card, error) { return d.Books.Cards(ctx) }

// Show is one card, without its number; book.ErrUnknown when there is none.
func (d *Desk) Show(ctx context.Context, id string) (book.Card, error) {
	c, found, err := d.Books.Card(ctx, id)
	if err == nil && !found {
		err = book.ErrUnknown
	}
	return c, err
}

// Reveal lends number and code of a card to f, which must not keep them: for the holder who is entitled
// to see them, and for an operator who says so explicitly.
func (d *Desk) Reveal(ctx context.Context, id string, f func(c book.Card, number, code []byte) error) error {
	c, err := d.Show(ctx, id)
	if err != nil {
		return err
	}
	return d.Vault.Open(c.ID, c.SealKey, c.Sealed, func(number []byte) error {
		var inner error
		err := d.Vault.Code(c.CVK, number, c.Expiry, func(code []byte) { inner = f(c, number, code) })
		return errors.Join(err, inner)
	})
}

// Freeze stops a card until Unfreeze; holder "" is the bank's staff. See book.Rules.SetFrozen for errors.
func (d *Desk) Freeze(ctx context.Context, id, holder string) (book.Card, error) {
	return d.frozen(ctx, id, holder, true)
}

// Unfreeze lifts Freeze.
func (d *Desk) Unfreeze(ctx context.Context, id, holder string) (book.Card, error) {
	return d.frozen(ctx, id, holder, false)
}

func (d *Desk) frozen(ctx context.Context, id, holder string, frozen bool) (c book.Card, err error) {
	err = d.Books.Write(ctx, func(tx book.Tx) (err error) {
		c, err = d.Rules.SetFrozen(tx, id, holder, frozen, d.Now())
		return err
	})
	return c, err
}

// AddHolder writes a customer down; book.ErrTaken when the id is in use.
func (d *Desk) AddHolder(ctx context.Context, h book.Holder) error {
	return d.Books.Write(ctx, func(tx book.Tx) error { return d.Rules.AddHolder(tx, h, d.Now()) })
}

// OpenAccount opens an account with a credit line of limit minor units and pays the opening amount in.
func (d *Desk) OpenAccount(ctx context.Context, id ledger.AccountID, holder string, opening money.Amount, limit int64) error {
	a := ledger.Account{ID: id, Currency: opening.Currency(), Limit: limit}
	if err := d.Books.Write(ctx, func(tx book.Tx) error { return d.Rules.OpenAccount(tx, a, holder, d.Now()) }); err != nil {
		return err
	}
	if opening.IsZero() {
		return nil
	}
	return d.Deposit(ctx, ledger.TransferID("opening/"+string(id)), id, opening)
}

// Deposit pays money into an account, once per id.
func (d *Desk) Deposit(ctx context.Context, id ledger.TransferID, to ledger.AccountID, amount money.Amount) error {
	var s ledger.Status
	err := d.Books.Write(ctx, func(tx book.Tx) (err error) {
		s, err = d.Rules.Deposit(tx, id, to, amount, d.Now())
		return err
	})
	if err == nil && !s.OK() {
		err = fmt.Errorf("%w: %s", ErrRefused, s)
	}
	return err
}
