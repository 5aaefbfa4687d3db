package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/money"
	"countersign/sql"
)

const adviceColumns = "id, payment, attempt, kind, movement, stan, transmitted, rrn, original_stan, original_transmitted, original_rrn, " +
	"amount, currency, lifecycle, part, parts, created, next, tries, sent"

func (tx *Tx) insertAdvice(a core.Advice) error {
	return tx.c.Exec("INSERT INTO advice ("+adviceColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		a.ID, a.Payment, a.Attempt, a.Kind, a.Movement, a.Trace.STAN, a.Trace.Transmitted, a.Trace.RRN,
		a.Original.STAN, a.Original.Transmitted, a.Original.RRN, a.Amount.Minor(), a.Amount.Currency().Alpha(), a.Lifecycle, a.N, a.M,
		a.Created, a.Next, a.Tries, a.Sent)
}

// Advices lists what the bank has not answered, oldest first: the queue after a restart.
func (s *Store) Advices(ctx context.Context) (out []core.Advice, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		return c.Rows("SELECT "+adviceColumns+" FROM advice ORDER BY created, id", nil, func(r *sql.Stmt) error {
			cur, err := money.ByAlpha(r.Text(12))
			if err != nil {
				return err
			}
			amount, err := money.New(r.Int64(11), cur)
			out = append(out, core.Advice{
				ID: r.Text(0), Payment: r.Text(1), Attempt: r.Int(2), Kind: core.AdviceKind(r.Text(3)), Movement: r.Text(4),
				Trace: scanTrace(r, 5), Original: scanTrace(r, 8), Amount: amount, Lifecycle: r.Text(13), N: r.Int(14), M: r.Int(15),
				Created: r.Time(16), Next: r.Time(17), Tries: r.Int(18), Sent: r.Bool(19),
			})
			return err
		})
	})
	return out, err
}

// SaveAdvice stores time and tries of an advice.
func (tx *Tx) SaveAdvice(a core.Advice) error {
	return tx.c.Exec("UPDATE advice SET next = ?, tries = ?, sent = ? WHERE id = ?", a.Next, a.Tries, a.Sent, a.ID)
}

// ReplaceAdvice stores an advice under its id with a fresh trace, and returns it.
func (tx *Tx) ReplaceAdvice(a core.Advice) (core.Advice, error) {
	a.Trace = tx.trace()
	if err := tx.c.Exec("DELETE FROM advice WHERE id = ?", a.ID); err != nil {
		return a, err
	}
	return a, tx.insertAdvice(a)
}

// FinishAdvice applies the bank's answer to the payment and takes the advice off the queue.
func (tx *Tx) FinishAdvice(a core.Advice, ans core.Answer) (core.Payment, []core.Effect, error) {
	if err := tx.c.Exec("DELETE FROM advice WHERE id = ?", a.ID); err != nil {
		return core.Payment{}, nil, err
	}
	return tx.Step(a.Payment, core.AdviceAnswered{Advice: a, Answer: ans})
}

// record appends to the audit chain.
func (tx *Tx) record(p core.Payment, r core.Record) error {
	var seq int64
	var last []byte
	_, err := tx.c.Row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", nil, func(row *sql.Stmt) { seq, last = row.Int64(0), row.Bytes(1) })
	if err != nil {
		return err
	}
	seq++
	h := AuditHash(last, seq, tx.now, p.ID, p.Version, r.What, r.Detail)
	return tx.c.Exec("INSERT INTO audit (seq, at, payment, version, what, detail, hash) VALUES (?,?,?,?,?,?,?)",
		seq, tx.now, p.ID, p.Version, r.What, r.Detail, h[:])
}

// AuditHash is the hash of one audit record: SHA-256 over the hash before it (32 zero bytes before the first),
// then each field with its length in front (8 bytes, big-endian; numbers are 8 bytes without length).
func AuditHash(before []byte, seq int64, at time.Time, payment string, version int64, what, detail string) [32]byte {
	h := sha256.New()
	var first [32]byte
	if len(before) == 0 {
		before = first[:]
	}
	h.Write(before)
	number := func(n int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	text := func(s string) { number(int64(len(s))); h.Write([]byte(s)) }
	number(seq)
	number(at.UnixMilli())
	text(payment)
	number(version)
	text(what)
	text(detail)
	return [32]byte(h.Sum(nil))
}

// Kept is an answer that was given for an idempotency key.
type Kept struct {
	Request [32]byte // SHA-256 of method, path and body
	Status  int      // HTTP
	Body    []byte
}

// Kept reads the answer kept for a merchant's key; ErrNotFound when the key is new.
func (tx *Tx) Kept(merchant, key string) (k Kept, err error) {
	found, err := tx.c.Row("SELECT request, status, body FROM idempotency WHERE merchant = ? AND key = ?", []any{merchant, key}, func(r *sql.Stmt) {
		r.CopyBytes(0, k.Request[:])
		k.Status, k.Body = r.Int(1), r.Bytes(2)
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return k, err
}

// Keep stores the answer to a key, with the effect that it tells of.
func (tx *Tx) Keep(merchant, key, payment string, k Kept) error {
	return tx.c.Exec("INSERT INTO idempotency (merchant, key, request, status, body, created, payment) VALUES (?,?,?,?,?,?,?)",
		merchant, key, k.Request[:], k.Status, k.Body, tx.now, payment)
}

// Sweep deletes what need not be kept: idempotency keys and delivered webhooks from before the given times.
func (s *Store) Sweep(ctx context.Context, keys, webhooks time.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.c.Exec("DELETE FROM idempotency WHERE created < ?", keys); err != nil {
			return err
		}
		return tx.c.Exec("DELETE FROM outbox WHERE next IS NULL AND created < ?", webhooks)
	})
}

// Stats are counts of the books, for status pages and metrics.
type Stats struct{ Payments, Advices, Webhooks, Cards int64 }

// Stats counts.
func (s *Store) Stats(ctx context.Context) (st Stats, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		_, err := c.Row("SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM advice), (SELECT count(*) FROM outbox WHERE next IS NOT NULL), (SELECT count(*) FROM card)",
			nil, func(r *sql.Stmt) { st = Stats{r.Int64(0), r.Int64(1), r.Int64(2), r.Int64(3)} })
		return err
	})
	return st, err
}
