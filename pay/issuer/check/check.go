// Package check verifies a bank's books from the outside: it reads the stored rows with SQL of its own,
// folds them with code of its own, and shares nothing with what wrote them. It changes nothing and may
// run beside a running bank (it sees one snapshot).
//
// What it verifies (the names are those of the reports):
//
//	I1 conserved   per currency all postings sum to zero; cached sums are the fold of the transfers
//	I2 once        one answer per message, one hold per approval, one approval per proof and lifecycle state
//	I3 holds       authorised = captured + released + reserved, refunded ≤ captured ≤ authorised
//	I4 floors      no holder's account was ever below its floor
//	I5 answered    every approval has its transfer, every transfer its approved message
//	I7 audited     both chains are unbroken; every state change has its journal record
//	I8 limits      single use, shop locks, spending limits and the count of wrong codes were exact
package check

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Violation is one thing that must not be.
type Violation struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"` // ids and sums, never card data
}

// Report is what a check found.
type Report struct {
	Accounts  int `json:"accounts"`
	Holds     int `json:"holds"`
	Transfers int `json:"transfers"`
	Messages  int `json:"messages"`
	Records   int `json:"records"`
	Approved  int `json:"approved"`

	Keyed      bool        `json:"keyed"` // the journal's links were computed again under the audit key
	Violations []Violation `json:"violations"`
	More       int         `json:"more"` // violations beyond those listed
}

// OK says whether nothing was found.
func (r Report) OK() bool { return len(r.Violations) == 0 }

const listed = 100

func (r *Report) found(invariant, format string, args ...any) {
	if len(r.Violations) >= listed {
		r.More++
		return
	}
	r.Violations = append(r.Violations, Violation{invariant, fmt.Sprintf(format, args...)})
}

// Options of Run. The zero value is good.
type Options struct {
	// Key lends the bank's audit key (HMAC-SHA-256) to f. nil: the journal's links are only compared with
	// each other, so a forger who wrote all of it anew would not be found.
	Key func(f func(raw []byte))
}

// Run checks the books in the file at path. The error means that they could not be read; what is wrong
// with them is in the report.
func Run(ctx context.Context, path string, opt Options) (Report, error) {
	c, err := sqlite.OpenConn(path, sqlite.OpenReadOnly|sqlite.OpenWAL)
	if err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	defer c.Close()
	c.SetInterrupt(ctx.Done())
	s := &state{conn: c, opt: opt, accounts: map[string]*account{}, holds: map[string]*hold{}, cards: map[string]*card{}, messages: map[string]*message{}}
	for _, step := range []func() error{
		func() error { return s.exec("BEGIN") },
		s.sound, s.loadAccounts, s.loadHolds, s.loadCards, s.loadMessages,
		s.transfers, s.sums, s.answers, s.journal, s.limits, s.marks,
	} {
		if err := step(); err != nil {
			return s.report, fmt.Errorf("check: %w", err)
		}
	}
	return s.report, nil
}

type account struct {
	kind                  int
	currency              string
	posted, held, limit   int64 // as cached
	folded, foldedReserve int64
}

type hold struct {
	account, counter, currency               string
	authorised, captured, released, refunded int64 // as cached
	state                                    int
	fAuthorised, fCaptured, fReleased, fBack int64 // folded
	openedBy                                 string
}

type card struct {
	kind, lockAcquirer, lockAcceptor, used, status string
	limitDay, limitEach                            int64
	approved                                       []*message
}

type message struct {
	key, kind, card, acquirer, acceptor, lifecycle, response, hold, currency, original string
	amount, at                                                                         int64
	code                                                                               int
	records                                                                            int
	moved                                                                              int // transfers that name it
}

func (m *message) approved() bool { return m.response == "00" || m.response == "10" }

type state struct {
	conn     *sqlite.Conn
	opt      Options
	report   Report
	accounts map[string]*account
	holds    map[string]*hold
	cards    map[string]*card
	messages map[string]*message
	releases []release // in order of time

	lastSeq  int64
	lastHash [32]byte
	hashes   map[int64][32]byte // of transfers, by seq
}

type release struct {
	hold       string
	amount, at int64
}

func (s *state) exec(query string) error { return sqlitex.ExecuteTransient(s.conn, query, nil) }

func (s *state) rows(query string, f func(*sqlite.Stmt)) error {
	return sqlitex.ExecuteTransient(s.conn, query, &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
		f(r)
		return nil
	}})
}

// sound asks SQLite itself about the file.
func (s *state) sound() error {
	if err := s.rows("PRAGMA integrity_check(20)", func(r *sqlite.Stmt) {
		if t := r.ColumnText(0); t != "ok" {
			s.report.found("file", "%s", t)
		}
	}); err != nil {
		return err
	}
	return s.rows("PRAGMA foreign_key_check", func(r *sqlite.Stmt) {
		s.report.found("file", "table %s has a row whose %s is missing", r.ColumnText(0), r.ColumnText(2))
	})
}

func (s *state) loadAccounts() error {
	return s.rows("SELECT id, kind, currency, posted, held, credit_line FROM account", func(r *sqlite.Stmt) {
		s.report.Accounts++
		s.accounts[r.ColumnText(0)] = &account{
			kind: r.ColumnInt(1), currency: r.ColumnText(2), posted: r.ColumnInt64(3), held: r.ColumnInt64(4), limit: r.ColumnInt64(5),
		}
	})
}

func (s *state) loadHolds() error {
	return s.rows("SELECT id, account, counter, currency, authorised, captured, released, refunded, state FROM hold", func(r *sqlite.Stmt) {
		s.report.Holds++
		s.holds[r.ColumnText(0)] = &hold{
			account: r.ColumnText(1), counter: r.ColumnText(2), currency: r.ColumnText(3), authorised: r.ColumnInt64(4),
			captured: r.ColumnInt64(5), released: r.ColumnInt64(6), refunded: r.ColumnInt64(7), state: r.ColumnInt(8),
		}
	})
}

func (s *state) loadCards() error {
	return s.rows("SELECT id, kind, lock_acquirer, lock_acceptor, used, limit_day, limit_each, status FROM card", func(r *sqlite.Stmt) {
		s.cards[r.ColumnText(0)] = &card{
			kind: r.ColumnText(1), lockAcquirer: r.ColumnText(2), lockAcceptor: r.ColumnText(3), used: r.ColumnText(4),
			limitDay: r.ColumnInt64(5), limitEach: r.ColumnInt64(6), status: r.ColumnText(7),
		}
	})
}

func (s *state) loadMessages() error {
	return s.rows("SELECT key, kind, card, acquirer, acceptor, answered_lifecycle, response, hold, currency, amount, at, code_result, original "+
		"FROM message ORDER BY at, key", func(r *sqlite.Stmt) {
		s.report.Messages++
		m := &message{
			key: r.ColumnText(0), kind: r.ColumnText(1), card: r.ColumnText(2), acquirer: r.ColumnText(3), acceptor: r.ColumnText(4),
			lifecycle: r.ColumnText(5), response: r.ColumnText(6), hold: r.ColumnText(7), currency: r.ColumnText(8),
			amount: r.ColumnInt64(9), at: r.ColumnInt64(10), code: r.ColumnInt(11), original: r.ColumnText(12),
		}
		s.messages[m.key] = m
		if m.approved() {
			s.report.Approved++
		}
		if c := s.cards[m.card]; c != nil && m.kind == "purchase" && m.approved() {
			c.approved = append(c.approved, m)
		}
	})
}
