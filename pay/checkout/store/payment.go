package store

import (
	"context"
	"encoding/json"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/masked"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/sql"
)

const paymentColumns = "id, merchant, state, amount, currency, mode, reference, description, return_url, metadata, frame_key, " +
	"created, expires, changed, authorised, captured, refunded, hold_until, refund_until, decline_code, decline_message, decline_retry, version, events"

const attemptColumns = "n, nonce, state, brand, last4, holder, started, ended, until, server_trans, acs_trans, ds_trans, acs_url, creq, " +
	"status, reason, challenge, eci, cavv, protocol, stan, transmitted, rrn, lifecycle, response, approval, code_result, doubt, " +
	"decline_code, decline_message, decline_retry, pan_kept"

// Payment reads one payment.
func (s *Store) Payment(ctx context.Context, id string) (p core.Payment, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		p, err = load(c, id)
		return err
	})
	return p, err
}

// List reads a merchant's payments, newest first, at most limit of them, older than the id before (if not ""),
// in the given state (if not "").
func (s *Store) List(ctx context.Context, merchant, before string, state payment.State, limit int) (out []core.Payment, err error) {
	if before == "" {
		before = "~" // after every id
	}
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		var ids []string
		err := c.Rows("SELECT id FROM payment WHERE merchant = ? AND id < ? AND (? = '' OR state = ?) ORDER BY id DESC LIMIT ?",
			[]any{merchant, before, state, state, limit}, func(r *sql.Stmt) error { ids = append(ids, r.Text(0)); return nil })
		for i := 0; err == nil && i < len(ids); i++ {
			var p core.Payment
			if p, err = load(c, ids[i]); err == nil {
				out = append(out, p)
			}
		}
		return err
	})
	return out, err
}

// Due lists payments whose time has come: see core.Payment.Due.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return s.ids(ctx, "SELECT id FROM payment WHERE due <= ? ORDER BY due LIMIT ?", now, limit)
}

// Open lists payments with an attempt in flight: what a restart must resolve.
func (s *Store) Open(ctx context.Context) ([]string, error) {
	return s.ids(ctx, "SELECT id FROM payment WHERE state IN ('processing','needs_confirmation')")
}

// ByServerTrans finds the attempt that an EMV 3DS transaction belongs to.
func (tx *Tx) ByServerTrans(serverTransID string) (id string, n int, err error) {
	return attemptBy(tx.c, "server_trans = ?", serverTransID)
}

// ByTrace finds the attempt whose 0100 had the numbers.
func (tx *Tx) ByTrace(t core.Trace) (id string, n int, err error) {
	return attemptBy(tx.c, "stan = ? AND transmitted = ?", t.STAN, t.Transmitted)
}

func attemptBy(c *sql.Conn, where string, args ...any) (id string, n int, err error) {
	found, err := c.Row("SELECT payment, n FROM attempt WHERE "+where, args, func(r *sql.Stmt) { id, n = r.Text(0), r.Int(1) })
	if err == nil && !found {
		err = ErrNotFound
	}
	return id, n, err
}

func (s *Store) ids(ctx context.Context, query string, args ...any) (out []string, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		return c.Rows(query, args, func(r *sql.Stmt) error { out = append(out, r.Text(0)); return nil })
	})
	return out, err
}

func load(c *sql.Conn, id string) (core.Payment, error) {
	var p core.Payment
	var bad error
	found, err := c.Row("SELECT "+paymentColumns+" FROM payment WHERE id = ?", []any{id}, func(r *sql.Stmt) { p, bad = scanPayment(r) })
	switch {
	case err != nil:
		return p, err
	case !found:
		return p, ErrNotFound
	case bad != nil:
		return p, bad
	}
	err = c.Rows("SELECT "+attemptColumns+" FROM attempt WHERE payment = ? ORDER BY n", []any{id}, func(r *sql.Stmt) error {
		p.Attempts = append(p.Attempts, scanAttempt(r))
		return nil
	})
	if err != nil {
		return p, err
	}
	err = c.Rows("SELECT id, kind, amount, state, reason, stan, transmitted, rrn, created, settled, response FROM movement WHERE payment = ? ORDER BY i",
		[]any{id}, func(r *sql.Stmt) error {
			m, err := scanMovement(r, p.Amount.Currency())
			p.Movements = append(p.Movements, m)
			return err
		})
	return p, err
}

func scanPayment(r *sql.Stmt) (core.Payment, error) {
	var p core.Payment
	cur, err := money.ByAlpha(r.Text(4))
	if err != nil {
		return p, err
	}
	amount := func(col int) money.Amount {
		a, e := money.New(r.Int64(col), cur)
		if e != nil {
			err = e
		}
		return a
	}
	p.ID, p.Merchant, p.State, p.Amount = r.Text(0), r.Text(1), payment.State(r.Text(2)), amount(3)
	p.Mode, p.Reference, p.Description, p.ReturnURL = core.Mode(r.Text(5)), r.Text(6), r.Text(7), r.Text(8)
	if text := r.Text(9); text != "" && err == nil {
		err = json.Unmarshal([]byte(text), &p.Metadata)
	}
	p.FrameKey, p.Created, p.Expires, p.Changed = r.Text(10), r.Time(11), r.Time(12), r.Time(13)
	p.Authorised, p.Captured, p.Refunded = amount(14), amount(15), amount(16)
	p.HoldUntil, p.RefundUntil, p.Declined = r.Time(17), r.Time(18), scanDecline(r, 19)
	p.Version, p.Events = r.Int64(22), r.Int64(23)
	return p, err
}

func scanDecline(r *sql.Stmt, col int) *payment.Decline {
	if r.Null(col) {
		return nil
	}
	return &payment.Decline{Code: r.Text(col), Message: r.Text(col + 1), Retry: r.Bool(col + 2)}
}

func scanAttempt(r *sql.Stmt) core.Attempt {
	a := core.Attempt{
		N: r.Int(0), Nonce: r.Text(1), State: core.AttemptState(r.Text(2)),
		Card:    masked.Card{Brand: r.Text(3), Last4: r.Text(4), Holder: r.Text(5)},
		Started: r.Time(6), Ended: r.Time(7), Until: r.Time(8),
		ServerTransID: r.Text(9), ACSTransID: r.Text(10), DSTransID: r.Text(11), ACSURL: r.Text(12), CReq: r.Text(13),
		Status: r.Text(14), Reason: r.Text(15), Challenge: core.ChallengeState(r.Text(16)),
		ECI: r.Text(17), CAVV: r.Text(18), Version: r.Text(19), Trace: scanTrace(r, 20), Lifecycle: r.Text(23),
		Response: payment.ResponseCode(r.Text(24)), Approval: r.Text(25), CodeResult: byte(r.Int(26)), Doubt: r.Bool(27),
		Decline: scanDecline(r, 28), PANKept: r.Bool(31),
	}
	return a
}

func scanTrace(r *sql.Stmt, col int) core.Trace {
	return core.Trace{STAN: uint32(r.Int64(col)), Transmitted: r.Time(col + 1), RRN: r.Text(col + 2)}
}

func scanMovement(r *sql.Stmt, cur money.Currency) (core.Movement, error) {
	amount, err := money.New(r.Int64(2), cur)
	return core.Movement{
		ID: r.Text(0), Kind: core.Kind(r.Text(1)), Amount: amount, State: core.MovementState(r.Text(3)), Reason: r.Text(4),
		Trace: scanTrace(r, 5), Created: r.Time(8), Settled: r.Time(9), Response: payment.ResponseCode(r.Text(10)),
	}, err
}

func (tx *Tx) insertPayment(p core.Payment) error {
	meta := ""
	if len(p.Metadata) > 0 {
		b, err := json.Marshal(p.Metadata)
		if err != nil {
			return err
		}
		meta = string(b)
	}
	return tx.c.Exec("INSERT INTO payment ("+paymentColumns+", due) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL,NULL,?,?,?)",
		p.ID, p.Merchant, p.State, p.Amount.Minor(), p.Amount.Currency().Alpha(), p.Mode, p.Reference, p.Description, p.ReturnURL, meta, p.FrameKey,
		p.Created, p.Expires, p.Changed, p.Authorised.Minor(), p.Captured.Minor(), p.Refunded.Minor(), p.HoldUntil, p.RefundUntil,
		p.Version, p.Events, p.Due())
}

// save writes what differs.
func (tx *Tx) save(old, p core.Payment) error {
	code, message, retry := decline(p.Declined)
	err := tx.c.Exec("UPDATE payment SET state = ?, changed = ?, authorised = ?, captured = ?, refunded = ?, hold_until = ?, refund_until = ?, "+
		"decline_code = ?, decline_message = ?, decline_retry = ?, version = ?, events = ?, due = ? WHERE id = ?",
		p.State, p.Changed, p.Authorised.Minor(), p.Captured.Minor(), p.Refunded.Minor(), p.HoldUntil, p.RefundUntil,
		code, message, retry, p.Version, p.Events, p.Due(), p.ID)
	for i := 0; err == nil && i < len(p.Attempts); i++ {
		if i >= len(old.Attempts) || p.Attempts[i] != old.Attempts[i] {
			err = tx.saveAttempt(p.ID, p.Attempts[i])
		}
	}
	for i := 0; err == nil && i < len(p.Movements); i++ {
		if i >= len(old.Movements) || p.Movements[i] != old.Movements[i] {
			err = tx.saveMovement(p.ID, i, p.Movements[i])
		}
	}
	return err
}

// decline is a decline as three columns.
func decline(d *payment.Decline) (code, message, retry any) {
	if d == nil {
		return nil, nil, nil
	}
	return d.Code, d.Message, d.Retry
}

func (tx *Tx) saveAttempt(id string, a core.Attempt) error {
	code, message, retry := decline(a.Decline)
	var server, stan, rrn any
	if a.ServerTransID != "" {
		server = a.ServerTransID
	}
	if a.Trace.STAN != 0 {
		stan, rrn = a.Trace.STAN, a.Trace.RRN
	}
	return tx.c.Exec("INSERT INTO attempt (payment, "+attemptColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "+
		"ON CONFLICT (payment, n) DO UPDATE SET state = excluded.state, ended = excluded.ended, until = excluded.until, "+
		"server_trans = excluded.server_trans, acs_trans = excluded.acs_trans, ds_trans = excluded.ds_trans, acs_url = excluded.acs_url, creq = excluded.creq, "+
		"status = excluded.status, reason = excluded.reason, challenge = excluded.challenge, eci = excluded.eci, cavv = excluded.cavv, protocol = excluded.protocol, "+
		"stan = excluded.stan, transmitted = excluded.transmitted, rrn = excluded.rrn, lifecycle = excluded.lifecycle, "+
		"response = excluded.response, approval = excluded.approval, code_result = excluded.code_result, doubt = excluded.doubt, "+
		"decline_code = excluded.decline_code, decline_message = excluded.decline_message, decline_retry = excluded.decline_retry, pan_kept = excluded.pan_kept",
		id, a.N, a.Nonce, a.State, a.Card.Brand, a.Card.Last4, a.Card.Holder, a.Started, a.Ended, a.Until,
		server, a.ACSTransID, a.DSTransID, a.ACSURL, a.CReq, a.Status, a.Reason, a.Challenge, a.ECI, a.CAVV, a.Version,
		stan, a.Trace.Transmitted, rrn, a.Lifecycle, a.Response, a.Approval, int(a.CodeResult), a.Doubt,
		code, message, retry, a.PANKept)
}

func (tx *Tx) saveMovement(id string, i int, m core.Movement) error {
	return tx.c.Exec("INSERT INTO movement (id, payment, i, kind, amount, state, reason, stan, transmitted, rrn, created, settled, response) "+
		"VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, settled = excluded.settled, response = excluded.response",
		m.ID, id, i, m.Kind, m.Amount.Minor(), m.State, m.Reason, m.Trace.STAN, m.Trace.Transmitted, m.Trace.RRN, m.Created, m.Settled, m.Response)
}
