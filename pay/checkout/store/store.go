// Package store keeps the gateway's books in SQL: payments with attempts and movements, the encrypted
// card numbers, the queue of advices, idempotency keys, webhooks to deliver and the audit chain.
//
// It decides nothing: Tx.Step loads a payment, lets core decide, and writes the outcome with its audit
// record, webhooks and advices into the one commit that the caller waits for.
package store

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/payment"
	"countersign/sql"
)

// ErrNotFound: there is no such thing.
var ErrNotFound = errors.New("store: not found")

//go:embed schema/001_gateway.sql
var schema001 string

//go:embed schema/002_merchant.sql
var schema002 string

// Migrations leads an empty file to the current schema, one text per version.
func Migrations() []string { return []string{schema001, schema002} }

// Config is what a Store is made of. All fields are required but Policy and Fatal.
type Config struct {
	Now    func() time.Time
	Rand   io.Reader
	Policy core.Policy
	// Body writes the body of a webhook: small, and without anything but masked card data.
	Body  func(p core.Payment, n core.Notify, at time.Time) []byte
	Fatal func(error) // as in sql.Options
}

// Store is the gateway's database.
type Store struct {
	db  *sql.DB
	cfg Config
}

// Open opens or makes the file.
func Open(path string, cfg Config) (*Store, error) {
	cfg.Policy = cfg.Policy.WithDefaults()
	db, err := sql.Open(path, Migrations(), sql.Options{Fatal: cfg.Fatal})
	if err != nil {
		return nil, err
	}
	return &Store{db: db, cfg: cfg}, nil
}

// Close finishes the writes that were accepted and closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Now is the time as it is stored: UTC, whole milliseconds.
func (s *Store) Now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// Tx is one decision being written. It is valid inside Write only.
type Tx struct {
	s   *Store
	c   *sql.Conn
	now time.Time
	err error // of the random source
}

// Write runs f and returns when all that it wrote is durable. An error of f undoes what f did.
// Writes happen one after the other, so what f reads cannot change under it.
func (s *Store) Write(ctx context.Context, f func(tx *Tx) error) error {
	return s.db.Write(ctx, func(c *sql.Conn) error {
		tx := &Tx{s: s, c: c, now: s.Now()}
		if err := f(tx); err != nil {
			return err
		}
		return tx.err
	})
}

// Now is the time of the decision.
func (tx *Tx) Now() time.Time { return tx.now }

// id makes a fresh id; a failing random source fails the whole decision.
func (tx *Tx) id(prefix string) string {
	id, err := payment.NewID(prefix, tx.now, tx.s.cfg.Rand)
	if err != nil {
		tx.err = err
	}
	return id
}

func (tx *Tx) world() core.World {
	return core.World{Now: tx.now, Policy: tx.s.cfg.Policy, Trace: tx.trace, ID: tx.id}
}

// trace takes the next message number.
func (tx *Tx) trace() core.Trace {
	var n core.Numbers
	_, err := tx.c.Row("SELECT last, lap, floor FROM numbers WHERE id = 1", nil, func(r *sql.Stmt) {
		n = core.Numbers{Last: uint32(r.Int64(0)), Lap: r.Int64(1), Floor: r.Int64(2)}
	})
	if err != nil {
		tx.err = err
		return core.Trace{}
	}
	n, t := n.Next(tx.now)
	if err := tx.c.Exec("UPDATE numbers SET last = ?, lap = ?, floor = ? WHERE id = 1", n.Last, n.Lap, n.Floor); err != nil {
		tx.err = err
	}
	return t
}

// Create stores a new payment and returns it.
func (tx *Tx) Create(o core.Order) (core.Payment, error) {
	p, effects, err := core.New(tx.id("pay"), o, tx.world())
	if err != nil {
		return core.Payment{}, err
	}
	if err := tx.insertPayment(p); err != nil {
		return core.Payment{}, err
	}
	return p, tx.keep(p, effects)
}

// Payment loads one payment as it stands inside the decision.
func (tx *Tx) Payment(id string) (core.Payment, error) { return load(tx.c, id) }

// Step loads a payment, lets core decide on the event, and writes the outcome. The effects are all of
// core's; those that are to be carried out after the commit are the caller's. A *core.Refusal comes back as it is.
func (tx *Tx) Step(id string, e core.Event) (core.Payment, []core.Effect, error) {
	old, err := load(tx.c, id)
	if err != nil {
		return core.Payment{}, nil, err
	}
	p, effects, err := core.Step(old, e, tx.world())
	if err != nil || len(effects) == 0 {
		return p, nil, err
	}
	if err := tx.save(old, p); err != nil {
		return p, nil, err
	}
	return p, effects, tx.keep(p, effects)
}

// keep writes the effects that belong into the commit.
func (tx *Tx) keep(p core.Payment, effects []core.Effect) error {
	for _, e := range effects {
		var err error
		switch e := e.(type) {
		case core.Record:
			err = tx.record(p, e)
		case core.Notify:
			err = tx.notify(p, e)
		case core.Enqueue:
			err = tx.insertAdvice(e.Advice)
		case core.Forget:
			err = tx.c.Exec("DELETE FROM card WHERE payment = ? AND attempt = ?", p.ID, e.N)
		}
		if err != nil {
			return err
		}
	}
	return tx.err
}

func (tx *Tx) notify(p core.Payment, n core.Notify) error {
	return tx.c.Exec("INSERT INTO outbox (id, merchant, payment, seq, type, body, created, next, tries) SELECT ?,?,?,?,?,?,?,?,0 "+
		"WHERE EXISTS (SELECT 1 FROM merchant WHERE id = ? AND webhook <> '')",
		tx.id("evt"), p.Merchant, p.ID, n.Seq, n.Type, tx.s.cfg.Body(p, n, tx.now), tx.now, tx.now, p.Merchant)
}

// KeepCard stores the encrypted card number of an attempt.
func (tx *Tx) KeepCard(id string, attempt int, keyID string, box []byte) error {
	return tx.c.Exec("INSERT INTO card (payment, attempt, key_id, box) VALUES (?,?,?,?)", id, attempt, keyID, box)
}

// Card reads the encrypted card number of an attempt; ErrNotFound when it was forgotten.
func (s *Store) Card(ctx context.Context, id string, attempt int) (keyID string, box []byte, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		found, err := c.Row("SELECT key_id, box FROM card WHERE payment = ? AND attempt = ?", []any{id, attempt}, func(r *sql.Stmt) {
			keyID, box = r.Text(0), r.Bytes(1)
		})
		if err == nil && !found {
			err = ErrNotFound
		}
		return err
	})
	return keyID, box, err
}
