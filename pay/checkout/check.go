package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/pay/checkout/store"
	"countersign/sql"
)

// Report is what Check has counted.
type Report struct {
	Payments  int64 `json:"payments"`
	Attempts  int64 `json:"attempts"`
	Movements int64 `json:"movements"` // captures and refunds
	Advices   int64 `json:"advices"`   // messages that wait for the bank's answer
	Webhooks  int64 `json:"webhooks"`
	Keys      int64 `json:"idempotency_keys"`
	Records   int64 `json:"audit_records"`
	InDoubt   int64 `json:"in_doubt"` // attempts and movements that the bank has still to answer; each is queued
}

// Check reads the gateway's books at path and proves them without using the code that wrote them: refunds are at
// most captures, captures at most what was authorised; sums of movements are the payment's sums; whatever is in doubt
// has its message in the queue, and nothing else has; one hold per payment; idempotency keys point at their payments;
// webhooks are numbered without gaps; the audit chain is unbroken and has one record per change. All that is wrong is
// reported at once.
func Check(ctx context.Context, path string) (Report, error) {
	var r Report
	db, err := sql.Open(path, store.Migrations(), sql.Options{Readers: 1})
	if err != nil {
		return r, err
	}
	defer db.Close()
	var wrong []error
	err = db.Read(ctx, func(c *sql.Conn) error {
		for _, n := range []struct {
			to    *int64
			query string
		}{
			{&r.Payments, "SELECT count(*) FROM payment"}, {&r.Attempts, "SELECT count(*) FROM attempt"}, {&r.Movements, "SELECT count(*) FROM movement"},
			{&r.Advices, "SELECT count(*) FROM advice"}, {&r.Webhooks, "SELECT count(*) FROM outbox"}, {&r.Keys, "SELECT count(*) FROM idempotency"},
			{&r.InDoubt, "SELECT (SELECT count(*) FROM attempt WHERE state IN ('authorising','reversing')) + (SELECT count(*) FROM movement WHERE state = 'pending')"},
		} {
			if _, err := c.Row(n.query, nil, func(s *sql.Stmt) { *n.to = s.Int64(0) }); err != nil {
				return err
			}
		}
		for _, rule := range ruleTable {
			err := c.Rows(rule.query, nil, func(s *sql.Stmt) error {
				wrong = append(wrong, fmt.Errorf("%s: %s", rule.name, s.Text(0)))
				return nil
			})
			if err != nil {
				return err
			}
		}
		n, bad, err := checkChain(c)
		r.Records = n
		wrong = append(wrong, bad...)
		return err
	})
	return r, errors.Join(append(wrong, err)...)
}

// rule finds what must not be: the first column of each row names a culprit.
type rule struct{ name, query string }

// ruleTable is the list of invariants. Read only.
var ruleTable = []rule{
	{"refunded more than captured, or captured more than authorised, or authorised more than asked",
		`SELECT id FROM payment WHERE NOT (0 <= refunded AND refunded <= captured AND captured <= authorised AND authorised <= amount)`},
	{"sum of captures differs", `SELECT p.id FROM payment p WHERE p.captured <> (SELECT coalesce(sum(amount), 0) FROM movement m WHERE m.payment = p.id AND m.kind = 'capture' AND m.state = 'succeeded')`},
	{"sum of refunds differs", `SELECT p.id FROM payment p WHERE p.refunded <> (SELECT coalesce(sum(amount), 0) FROM movement m WHERE m.payment = p.id AND m.kind = 'refund' AND m.state = 'succeeded')`},
	{"captures on their way are more than is authorised", `SELECT p.id FROM payment p WHERE p.authorised < (SELECT coalesce(sum(amount), 0) FROM movement m WHERE m.payment = p.id AND m.kind = 'capture' AND m.state <> 'failed')`},
	{"refunds on their way are more than was captured", `SELECT p.id FROM payment p WHERE p.captured < (SELECT coalesce(sum(amount), 0) FROM movement m WHERE m.payment = p.id AND m.kind = 'refund' AND m.state <> 'failed')`},
	{"more than one hold for one payment", `SELECT payment FROM attempt WHERE state IN ('approved','authorising') GROUP BY payment HAVING count(*) > 1`},
	{"paid without an approved attempt", `SELECT p.id FROM payment p WHERE p.state IN ('authorised','captured','refunded') AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.payment = p.id AND a.state = 'approved' AND a.response = '00' AND a.cavv <> '')`},
	{"approved, but not paid", `SELECT p.id FROM payment p JOIN attempt a ON a.payment = p.id WHERE a.state = 'approved' AND p.state NOT IN ('authorised','captured','refunded')`},
	{"state and sums differ", `SELECT id FROM payment WHERE (state = 'captured' AND (captured = 0 OR refunded = captured)) OR (state = 'refunded' AND (captured = 0 OR refunded <> captured)) OR (state IN ('needs_card','needs_confirmation','processing') AND (authorised <> 0 OR captured <> 0)) OR (state = 'authorised' AND (authorised = 0 OR captured <> 0))`},
	{"an attempt in flight, and the payment does not say so", `SELECT a.payment FROM attempt a JOIN payment p ON p.id = a.payment WHERE (a.state = 'challenged' AND p.state <> 'needs_confirmation') OR (a.state IN ('authenticating','authorising') AND p.state <> 'processing')`},
	{"in doubt, and no reversal is queued", `SELECT a.payment FROM attempt a WHERE a.state = 'reversing' AND NOT EXISTS (SELECT 1 FROM advice v WHERE v.payment = a.payment AND v.attempt = a.n AND v.kind IN ('reversal','cancel'))`},
	{"a reversal is queued twice or for nothing", `SELECT v.payment FROM advice v LEFT JOIN attempt a ON a.payment = v.payment AND a.n = v.attempt WHERE v.kind IN ('reversal','cancel') GROUP BY v.payment, v.attempt HAVING count(*) > 1 OR max(a.state) <> 'reversing'`},
	{"pending, and not queued", `SELECT m.id FROM movement m WHERE m.state = 'pending' AND NOT EXISTS (SELECT 1 FROM advice v WHERE v.movement = m.id AND v.stan = m.stan AND v.transmitted = m.transmitted)`},
	{"queued, and not pending", `SELECT v.id FROM advice v LEFT JOIN movement m ON m.id = v.movement WHERE v.kind IN ('capture','refund') AND (m.state IS NULL OR m.state <> 'pending')`},
	{"a reversal names another authorisation", `SELECT v.id FROM advice v JOIN attempt a ON a.payment = v.payment AND a.n = v.attempt WHERE v.original_stan <> a.stan OR v.original_transmitted <> a.transmitted`},
	{"two messages have the same numbers", `SELECT stan || ' ' || transmitted FROM (SELECT stan, transmitted FROM attempt WHERE stan IS NOT NULL UNION ALL SELECT stan, transmitted FROM movement UNION ALL SELECT stan, transmitted FROM advice WHERE kind IN ('reversal','cancel')) GROUP BY stan, transmitted HAVING count(*) > 1`},
	{"the card number of a payment that can be refunded or must be reversed is gone", `SELECT a.payment FROM attempt a WHERE (a.pan_kept = 1 OR a.state = 'reversing') AND NOT EXISTS (SELECT 1 FROM card c WHERE c.payment = a.payment AND c.attempt = a.n)`},
	{"a card number is kept for nothing", `SELECT c.payment FROM card c LEFT JOIN attempt a ON a.payment = c.payment AND a.n = c.attempt WHERE coalesce(a.pan_kept, 0) = 0 OR a.state IN ('refused','abandoned','reversed')`},
	{"an idempotency key points nowhere", `SELECT i.key FROM idempotency i WHERE i.status < 400 AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = i.payment AND p.merchant = i.merchant)`},
	{"webhooks have a gap", `SELECT o.payment FROM outbox o JOIN payment p ON p.id = o.payment GROUP BY o.payment HAVING max(o.seq) > max(p.events)`},
	{"a change without its audit record, or a record without its change", `SELECT p.id FROM payment p WHERE p.version <> (SELECT count(*) FROM audit x WHERE x.payment = p.id) OR p.version <> (SELECT max(version) FROM audit x WHERE x.payment = p.id)`},
	{"an audit record of no payment", `SELECT x.payment FROM audit x WHERE NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = x.payment)`},
}

// checkChain recomputes the audit chain.
func checkChain(c *sql.Conn) (n int64, wrong []error, err error) {
	var before []byte
	err = c.Rows("SELECT seq, at, payment, version, what, detail, hash FROM audit ORDER BY seq", nil, func(s *sql.Stmt) error {
		n++
		want := store.AuditHash(before, s.Int64(0), time.UnixMilli(s.Int64(1)), s.Text(2), s.Int64(3), s.Text(4), s.Text(5))
		before = s.Bytes(6)
		if s.Int64(0) != n || !bytes.Equal(want[:], before) {
			wrong = append(wrong, fmt.Errorf("audit chain broken at record %d", s.Int64(0)))
			before = want[:]
		}
		return nil
	})
	return n, wrong, err
}
