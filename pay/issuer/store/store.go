// Package store keeps the bank's books in the embedded database.
//
// It implements book.Store: a decision runs on the database's writer, many in one durable commit, each
// in its own savepoint. Card numbers are ciphertext and keyed indexes here; a security code cannot
// get here at all (internal/tidy looks at the imports).
package store

import (
	"context"
	"fmt"
	"time"

	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/sql"
)

// Store is the bank's books in one file.
type Store struct{ DB *sql.DB }

// Open opens or makes the file and brings its schema up to date.
func Open(path string, opt sql.Options) (*Store, error) {
	db, err := sql.Open(path, migrationTable, opt)
	if err != nil {
		return nil, err
	}
	return &Store{DB: db}, nil
}

// Close finishes accepted writes and closes the file.
func (s *Store) Close() error { return s.DB.Close() }

// Write runs one decision and returns when it is durable.
func (s *Store) Write(ctx context.Context, f func(book.Tx) error) error {
	return s.DB.Write(ctx, func(c *sql.Conn) error { return f(tx{c}) })
}

// Read runs a look at a snapshot.
func (s *Store) Read(ctx context.Context, f func(book.Tx) error) error {
	return s.DB.Read(ctx, func(c *sql.Conn) error { return f(tx{c}) })
}

var _ book.Store = (*Store)(nil)

// tx is book.Tx on a connection.
type tx struct{ c *sql.Conn }

// one reads the first row of a query with a scanner that may fail.
func one[T any](c *sql.Conn, scan func(*sql.Stmt) (T, error), query string, args ...any) (v T, found bool, err error) {
	var bad error
	found, err = c.Row(query, args, func(s *sql.Stmt) { v, bad = scan(s) })
	if err == nil {
		err = bad
	}
	return v, found && err == nil, err
}

const accountColumns = "id, kind, currency, posted, held, credit_line"

func scanAccount(s *sql.Stmt) (ledger.Account, error) {
	cur, err := money.ByAlpha(s.Text(2))
	return ledger.Account{
		ID: ledger.AccountID(s.Text(0)), Kind: ledger.AccountKind(s.Int(1)), Currency: cur,
		Posted: s.Int64(3), Held: s.Int64(4), Limit: s.Int64(5),
	}, err
}

func (t tx) Account(id ledger.AccountID) (ledger.Account, bool, error) {
	return one(t.c, scanAccount, "SELECT "+accountColumns+" FROM account WHERE id = ?", id)
}

const holdColumns = "id, account, counter, currency, authorised, captured, released, refunded, expires, state"

func scanHold(s *sql.Stmt) (ledger.Hold, error) {
	cur, err := money.ByAlpha(s.Text(3))
	return ledger.Hold{
		ID: ledger.HoldID(s.Text(0)), Account: ledger.AccountID(s.Text(1)), Counter: ledger.AccountID(s.Text(2)), Currency: cur,
		Authorised: s.Int64(4), Captured: s.Int64(5), Released: s.Int64(6), Refunded: s.Int64(7),
		Expires: s.Time(8), State: ledger.HoldState(s.Int(9)),
	}, err
}

func (t tx) Hold(id ledger.HoldID) (ledger.Hold, bool, error) {
	return one(t.c, scanHold, "SELECT "+holdColumns+" FROM hold WHERE id = ?", id)
}

func scanTransfer(s *sql.Stmt) (t ledger.Transfer, err error) {
	cur, err := money.ByAlpha(s.Text(8))
	if err != nil {
		return t, err
	}
	amount, err := money.New(s.Int64(7), cur)
	t = ledger.Transfer{
		Seq: s.Int64(0), ID: ledger.TransferID(s.Text(1)), Kind: ledger.Kind(s.Int(2)), Code: ledger.Code(s.Int(3)),
		Hold: ledger.HoldID(s.Text(4)), Debit: ledger.AccountID(s.Text(5)), Credit: ledger.AccountID(s.Text(6)),
		Amount: amount, Expires: s.Time(9), At: s.Time(10),
	}
	s.CopyBytes(11, t.Prev[:])
	s.CopyBytes(12, t.Hash[:])
	return t, err
}

func (t tx) Transfer(id ledger.TransferID) (ledger.Transfer, bool, error) {
	return one(t.c, scanTransfer, "SELECT seq, id, kind, code, hold, debit, credit, amount, currency, expires, at, prev, hash "+
		"FROM transfer WHERE id = ?", id)
}

func (t tx) Head() (h ledger.Head, err error) {
	_, err = t.c.Row("SELECT seq, hash FROM transfer ORDER BY seq DESC LIMIT 1", nil, func(s *sql.Stmt) {
		h.Seq = s.Int64(0)
		s.CopyBytes(1, h.Hash[:])
	})
	return h, err
}

func (t tx) TrailHead() (h book.TrailHead, err error) {
	_, err = t.c.Row("SELECT seq, link FROM journal ORDER BY seq DESC LIMIT 1", nil, func(s *sql.Stmt) {
		h.Seq = s.Int64(0)
		s.CopyBytes(1, h.Link[:])
	})
	return h, err
}

func (t tx) Holder(id string) (book.Holder, bool, error) {
	return one(t.c, func(s *sql.Stmt) (book.Holder, error) {
		return book.Holder{ID: s.Text(0), Name: s.Text(1), Phone: s.Text(2), Locale: s.Text(3)}, nil
	}, "SELECT id, name, phone, locale FROM holder WHERE id = ?", id)
}

const cardColumns = "id, holder, account, pan_index, last4, brand, name, expiry, ends, cvk, status, kind, " +
	"lock_acquirer, lock_acceptor, limit_each, limit_day, used, seal_key, sealed, created"

func scanCard(s *sql.Stmt) (book.Card, error) {
	c := book.Card{
		ID: s.Text(0), Holder: s.Text(1), Account: ledger.AccountID(s.Text(2)),
		Last4: s.Text(4), Brand: s.Text(5), Name: s.Text(6), Expiry: s.Text(7), Ends: s.Time(8), CVK: s.Text(9),
		Status: book.CardStatus(s.Text(10)), Kind: book.CardKind(s.Text(11)),
		LockAcquirer: s.Text(12), LockAcceptor: s.Text(13), LimitEach: s.Int64(14), LimitDay: s.Int64(15), Used: s.Text(16),
		SealKey: s.Text(17), Sealed: s.Bytes(18), Created: s.Time(19),
	}
	s.CopyBytes(3, c.Index[:])
	return c, nil
}

func (t tx) Card(id string) (book.Card, bool, error) {
	return one(t.c, scanCard, "SELECT "+cardColumns+" FROM card WHERE id = ?", id)
}

func (t tx) CardByIndex(i book.Index) (book.Card, bool, error) {
	return one(t.c, scanCard, "SELECT "+cardColumns+" FROM card WHERE pan_index = ?", i[:])
}

func (t tx) CodeKeys() (out []book.CodeKey, err error) {
	err = t.c.Rows("SELECT id, expiry_order FROM code_key ORDER BY id", nil, func(s *sql.Stmt) error {
		out = append(out, book.CodeKey{ID: s.Text(0), Order: s.Text(1)})
		return nil
	})
	return out, err
}

func (t tx) IsEarly(key string) (bool, error) {
	return t.c.Row("SELECT 1 FROM early_reversal WHERE original = ?", []any{key}, nil)
}

func (t tx) ProofUsed(v []byte) (bool, error) {
	return t.c.Row("SELECT 1 FROM spent_proof WHERE value = ?", []any{v}, nil)
}

func (t tx) WrongCodes(card string, after time.Time) (n int, err error) {
	_, err = t.c.Row("SELECT count(*) FROM wrong_code WHERE card = ? AND at > ?", []any{card, after},
		func(s *sql.Stmt) { n = s.Int(0) })
	return n, err
}

func (t tx) Spent(card string, after time.Time) (sum int64, err error) {
	_, err = t.c.Row("SELECT coalesce(sum(h.authorised - h.released), 0) FROM message m JOIN hold h ON h.id = m.hold "+
		"WHERE m.card = ? AND m.at > ? AND m.kind = 'purchase'", []any{card, after}, func(s *sql.Stmt) { sum = s.Int64(0) })
	return sum, err
}

func (t tx) DueHolds(account ledger.AccountID, now time.Time, most int) (due []ledger.Hold, err error) {
	query, args := "SELECT "+holdColumns+" FROM hold WHERE state = 1 AND expires <= ? ORDER BY expires, id LIMIT ?", []any{now, most}
	if account != "" {
		query = "SELECT " + holdColumns + " FROM hold WHERE account = ? AND state = 1 AND expires <= ? ORDER BY expires, id LIMIT ?"
		args = []any{account, now, most}
	}
	err = t.c.Rows(query, args, func(s *sql.Stmt) error {
		h, err := scanHold(s)
		due = append(due, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store: due holds: %w", err)
	}
	return due, nil
}
