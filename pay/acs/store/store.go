// Package store keeps the challenges of the access control server in SQLite: the state of each, due times
// for the ticker, and a chained record of all that happened to it. Codes are in here as HMAC only, card
// numbers as keyed index and last four digits only.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/pay/acs/challenge"
	"countersign/pay/money"
	"countersign/sql"
)

// Errors of this package.
var (
	// ErrNone: there is no such challenge.
	ErrNone = errors.New("acs: no such challenge")
	// ErrUsed: a challenge with this directory transaction id exists already.
	ErrUsed = errors.New("acs: the transaction id was used before")
	// ErrTooMany: the card has too many open challenges.
	ErrTooMany = errors.New("acs: too many open challenges for this card")
	// ErrTooOften: too many wrong codes for this card within a day, or too many messages in vain within an hour.
	ErrTooOften = errors.New("acs: too many wrong codes or messages for this card")
)

// migrationTable is the schema; see sql.Open.
var migrationTable = []string{`
CREATE TABLE challenge (
  id TEXT PRIMARY KEY,                -- acsTransID
  ds_trans_id TEXT NOT NULL UNIQUE,
  pan_index BLOB NOT NULL,
  phase INTEGER NOT NULL,
  due INTEGER,                        -- unix ms of the next Tick
  wrong INTEGER NOT NULL DEFAULT 0,   -- wrong codes
  created INTEGER NOT NULL,
  state TEXT NOT NULL                 -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX challenge_due ON challenge (due) WHERE due IS NOT NULL;
CREATE INDEX challenge_open ON challenge (pan_index, phase) WHERE phase < 3;       -- Offered, Asking
CREATE INDEX challenge_wrong ON challenge (pan_index, created, wrong) WHERE wrong > 0;
CREATE TABLE event (                  -- what happened, chained per challenge
  challenge TEXT NOT NULL REFERENCES challenge (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  what TEXT NOT NULL,
  phase INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (challenge, n)
) STRICT, WITHOUT ROWID;
`, `
ALTER TABLE challenge ADD COLUMN vain INTEGER NOT NULL DEFAULT 0; -- messages that nobody confirmed with since
CREATE INDEX challenge_vain ON challenge (pan_index, created, vain) WHERE vain > 0;
`}

// Store is the database of the role. It is safe for many goroutines.
type Store struct{ db *sql.DB }

// Open opens or makes the file.
func Open(path string) (*Store, error) {
	db, err := sql.Open(path, migrationTable, sql.Options{})
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close ends the store; what was accepted is written first.
func (s *Store) Close() error { return s.db.Close() }

// Limits of one card.
type Limits struct {
	Open  int           // challenges that wait for the holder at the same time
	Wrong int           // wrong codes within Day
	Day   time.Duration // usually 24 hours
	Vain  int           // messages within Hour since the holder last confirmed anything; 0 = no limit
	Hour  time.Duration
}

// Offer stores a new challenge, or says which limit is in the way: ErrUsed, ErrTooMany, ErrTooOften. Limits are
// exact: looking and storing are one transaction.
func (s *Store) Offer(ctx context.Context, st challenge.State, l Limits, now time.Time) error {
	return s.db.Write(ctx, func(c *sql.Conn) error {
		open, wrong, vain := 0, 0, 0
		if _, err := c.Row(`SELECT count(*) FROM (SELECT 1 FROM challenge WHERE pan_index = ? AND phase < 3 LIMIT ?)`,
			[]any{st.PAN[:], l.Open}, func(r *sql.Stmt) { open = r.Int(0) }); err != nil {
			return err
		}
		if _, err := c.Row(`SELECT coalesce(sum(wrong), 0) FROM challenge WHERE pan_index = ? AND created > ? AND wrong > 0`,
			[]any{st.PAN[:], now.Add(-l.Day)}, func(r *sql.Stmt) { wrong = r.Int(0) }); err != nil {
			return err
		}
		if _, err := c.Row(`SELECT coalesce(sum(vain), 0) FROM challenge WHERE pan_index = ? AND created > ? AND vain > 0`,
			[]any{st.PAN[:], now.Add(-l.Hour)}, func(r *sql.Stmt) { vain = r.Int(0) }); err != nil {
			return err
		}
		switch used, err := c.Row(`SELECT 1 FROM challenge WHERE ds_trans_id = ?`, []any{st.DSTransID}, nil); {
		case err != nil:
			return err
		case used:
			return ErrUsed
		case open >= l.Open:
			return ErrTooMany
		case wrong >= l.Wrong, l.Vain > 0 && vain >= l.Vain:
			return ErrTooOften
		}
		body, err := encode(st)
		if err != nil {
			return err
		}
		if err := c.Exec(`INSERT INTO challenge (id, ds_trans_id, pan_index, phase, due, created, state) VALUES (?,?,?,?,?,?,?)`,
			st.ACSTransID, st.DSTransID, st.PAN[:], int(st.Phase), st.Due(), st.Created, body); err != nil {
			return err
		}
		return record(c, st, "offered", now)
	})
}

// Get reads one challenge, or ErrNone.
func (s *Store) Get(ctx context.Context, id string) (st challenge.State, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		st, err = load(c, id)
		return err
	})
	return st, err
}

// Step applies an event in one transaction: load, decide, store, record. Concurrent steps of one challenge come
// one after the other. ErrNone when there is no such challenge. When the step changes nothing, nothing is written.
func (s *Store) Step(ctx context.Context, id string, e challenge.Event, now time.Time) (st challenge.State, out challenge.Outcome, err error) {
	err = s.db.Write(ctx, func(c *sql.Conn) error {
		old, err := load(c, id)
		if err != nil {
			return err
		}
		st, out = challenge.Step(old, e, now)
		before, err := encode(old)
		if err != nil {
			return err
		}
		after, err := encode(st)
		if err != nil || after == before {
			return err
		}
		vain := st.Sends
		if st.Result.Status == "Y" {
			vain = 0
		}
		if err := c.Exec(`UPDATE challenge SET phase = ?, due = ?, wrong = ?, vain = ?, state = ? WHERE id = ?`,
			int(st.Phase), st.Due(), len(st.Tries), vain, after, id); err != nil {
			return err
		}
		if st.Result.Status == "Y" && old.Result.Status != "Y" { // the holder is there: messages are welcome
			if err := c.Exec(`UPDATE challenge SET vain = 0 WHERE pan_index = ? AND vain > 0`, st.PAN[:]); err != nil {
				return err
			}
		}
		return record(c, st, what(e, out), now)
	})
	return st, out, err
}

// what names an event for the record.
func what(e challenge.Event, out challenge.Outcome) string {
	name := fmt.Sprintf("%T", e)
	if out.Notice == challenge.Wrong {
		name += " wrong"
	}
	return name[len("challenge."):]
}

// Due lists challenges whose time for a Tick has come, the most overdue first, at most max.
func (s *Store) Due(ctx context.Context, now time.Time, max int) (ids []string, err error) {
	return s.list(ctx, `SELECT id FROM challenge WHERE due IS NOT NULL AND due <= ? ORDER BY due LIMIT ?`, now, max)
}

// Unfinished lists all challenges whose result was decided and not yet received.
func (s *Store) Unfinished(ctx context.Context) (ids []string, err error) {
	return s.list(ctx, `SELECT id FROM challenge WHERE due IS NOT NULL AND phase = ? ORDER BY due`, int(challenge.Ending))
}

func (s *Store) list(ctx context.Context, query string, args ...any) (ids []string, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		return c.Rows(query, args, func(r *sql.Stmt) error {
			ids = append(ids, r.Text(0))
			return nil
		})
	})
	return ids, err
}

// Purge deletes challenges that ended and were made before a time, with their records.
func (s *Store) Purge(ctx context.Context, before time.Time) error {
	return s.db.Write(ctx, func(c *sql.Conn) error {
		return c.Exec(`DELETE FROM challenge WHERE phase = ? AND created < ?`, int(challenge.Ended), before)
	})
}

func load(c *sql.Conn, id string) (st challenge.State, err error) {
	body := ""
	found, err := c.Row(`SELECT state FROM challenge WHERE id = ?`, []any{id}, func(r *sql.Stmt) { body = r.Text(0) })
	switch {
	case err != nil:
		return st, err
	case !found:
		return st, ErrNone
	}
	return decode(body)
}

// record appends to the challenge's chain: hash = SHA-256(hash before, text of the record).
func record(c *sql.Conn, st challenge.State, what string, now time.Time) error {
	n, prev := 0, []byte(nil)
	if _, err := c.Row(`SELECT n, hash FROM event WHERE challenge = ? ORDER BY n DESC LIMIT 1`, []any{st.ACSTransID}, func(r *sql.Stmt) {
		n, prev = r.Int(0), r.Bytes(1)
	}); err != nil {
		return err
	}
	text := fmt.Sprintf("%x\n%s\n%d\n%d\n%s\n%d\n%s\n", prev, st.ACSTransID, n+1, now.UnixMilli(), what, st.Phase, st.Result.Status+st.Result.Reason)
	hash := sha256.Sum256([]byte(text))
	return c.Exec(`INSERT INTO event (challenge, n, at, what, phase, hash) VALUES (?,?,?,?,?,?)`,
		st.ACSTransID, n+1, now, what, int(st.Phase), hash[:])
}

// row is the stored form of a state: the same, with the amount as number and name.
type row struct {
	State    challenge.State
	Minor    int64
	Currency string
}

func encode(st challenge.State) (string, error) {
	r := row{State: st, Minor: st.Amount.Minor(), Currency: st.Amount.Currency().Alpha()}
	r.State.Amount = money.Amount{}
	b, err := json.Marshal(r)
	return string(b), err
}

func decode(body string) (challenge.State, error) {
	var r row
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		return challenge.State{}, fmt.Errorf("acs: stored challenge: %w", err)
	}
	cur, err := money.ByAlpha(r.Currency)
	if err != nil {
		return challenge.State{}, err
	}
	if r.State.Amount, err = money.New(r.Minor, cur); err != nil {
		return challenge.State{}, err
	}
	return r.State, nil
}
