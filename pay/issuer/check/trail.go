package check

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"
)

// journal walks the journal: chain, heads of the ledger, one record per message, the cards' last word.
func (s *state) journal() error {
	var seq, covered int64
	var last [32]byte
	status := map[string]string{}
	s.report.Keyed = s.opt.Key != nil
	err := s.rows("SELECT seq, at, kind, subject, holder, card, lifecycle, body, prev, link FROM journal ORDER BY seq", func(r *sqlite.Stmt) {
		s.report.Records++
		var prev, link [32]byte
		r.ColumnBytes(8, prev[:])
		r.ColumnBytes(9, link[:])
		n, kind, subject, text := r.ColumnInt64(0), r.ColumnText(2), r.ColumnText(3), r.ColumnText(7)
		canonical := fmt.Sprintf("countersign journal v1\n%d\n%d\n%s\n%s\n%s\n%s\n%s\n%s\n%x\n",
			n, r.ColumnInt64(1), kind, subject, r.ColumnText(4), r.ColumnText(5), r.ColumnText(6), text, prev)
		switch {
		case n != seq+1:
			s.report.found("I7 audited", "journal: after %d comes %d", seq, n)
		case prev != last:
			s.report.found("I7 audited", "record %d does not follow the one before it", n)
		case s.opt.Key != nil && s.mac(canonical) != link:
			s.report.found("I7 audited", "record %d was changed", n)
		}
		seq, last = n, link
		var body struct {
			Response, Status, Hash string
			Transfers, Ledger      int64
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			s.report.found("I7 audited", "record %d cannot be read", n)
			return
		}
		covered += body.Transfers
		if h, ok := s.hashes[body.Ledger]; covered != body.Ledger || !ok || fmt.Sprintf("%x", h) != body.Hash {
			s.report.found("I7 audited", "record %d says that the ledger stood at %d; counted are %d", n, body.Ledger, covered)
			covered = body.Ledger
		}
		if m := s.messages[subject]; m != nil && m.kind == kind {
			m.records++
			if m.response != body.Response {
				s.report.found("I7 audited", "message %s was answered %s, its record says %s", subject, m.response, body.Response)
			}
		}
		if kind == "card" {
			status[subject] = body.Status
		}
	})
	if err != nil {
		return err
	}
	if covered != s.lastSeq {
		s.report.found("I7 audited", "the ledger has %d transfers, the journal knows %d", s.lastSeq, covered)
	}
	for key, m := range s.messages {
		if m.records != 1 {
			s.report.found("I7 audited", "message %s has %d records", key, m.records)
		}
	}
	for id, c := range s.cards {
		if status[id] != c.status {
			s.report.found("I7 audited", "card %s is %q, its last record says %q", id, c.status, status[id])
		}
	}
	return nil
}

func (s *state) mac(canonical string) (sum [32]byte) {
	s.opt.Key(func(raw []byte) {
		m := hmac.New(sha256.New, raw)
		m.Write([]byte(canonical))
		m.Sum(sum[:0])
	})
	return sum
}

const day = 24 * 60 * 60 * 1000 // milliseconds

// limits looks at what each card was approved for.
func (s *state) limits() error {
	for id, c := range s.cards {
		if c.kind == "single" {
			if len(c.approved) > 1 {
				s.report.found("I8 limits", "single-use card %s was approved %d times", id, len(c.approved))
			}
			if len(c.approved) == 1 && c.used != c.approved[0].lifecycle {
				s.report.found("I8 limits", "single-use card %s is used and does not say so", id)
			}
		}
		for i, m := range c.approved {
			if c.kind == "locked" && (m.acquirer != c.lockAcquirer || m.acceptor != c.lockAcceptor) {
				s.report.found("I8 limits", "locked card %s was approved elsewhere: %s", id, m.key)
			}
			if c.limitEach > 0 && m.amount > c.limitEach {
				s.report.found("I8 limits", "card %s was approved for %d, its limit is %d", id, m.amount, c.limitEach)
			}
			if c.limitDay > 0 {
				s.rolling(id, c, i)
			}
		}
	}
	return s.codes()
}

// rolling: what a card spent in the 24 hours up to its i-th approval, less what had come back by then.
func (s *state) rolling(id string, c *card, i int) {
	m, sum, open := c.approved[i], int64(0), map[string]bool{}
	for _, before := range c.approved[:i+1] {
		if before.at > m.at-day {
			sum += before.amount
			open[before.hold] = true
		}
	}
	for _, r := range s.releases {
		if r.at <= m.at && open[r.hold] { // of one millisecond: in the card's favour
			sum -= r.amount
		}
	}
	if sum > c.limitDay {
		s.report.found("I8 limits", "card %s spent %d in 24 hours up to %s, its limit is %d", id, sum, m.key, c.limitDay)
	}
}

// codes: after three wrong codes in 24 hours nothing was approved.
func (s *state) codes() error {
	wrong := map[string][]int64{}
	if err := s.rows("SELECT card, at FROM wrong_code ORDER BY card, at", func(r *sqlite.Stmt) {
		wrong[r.ColumnText(0)] = append(wrong[r.ColumnText(0)], r.ColumnInt64(1))
	}); err != nil {
		return err
	}
	for id, at := range wrong {
		for i := 3; i < len(at); i++ {
			if at[i]-at[i-3] < day {
				s.report.found("I8 limits", "card %s had more than 3 wrong codes in 24 hours", id)
				break
			}
		}
		for _, m := range s.cards[id].list() {
			n := 0
			for _, t := range at {
				if t > m.at-day && t < m.at {
					n++
				}
			}
			if n >= 3 {
				s.report.found("I8 limits", "card %s was approved after %d wrong codes: %s", id, n, m.key)
			}
		}
	}
	return nil
}

func (c *card) list() []*message {
	if c == nil {
		return nil
	}
	return c.approved
}

// marks: every approval spent its own proof, and nothing was approved that had been reversed before.
func (s *state) marks() error {
	proofs := map[string]int{}
	if err := s.rows("SELECT key FROM spent_proof", func(r *sqlite.Stmt) { proofs[r.ColumnText(0)]++ }); err != nil {
		return err
	}
	for key, m := range s.messages {
		if m.kind == "purchase" && m.approved() != (proofs[key] == 1) {
			s.report.found("I2 once", "message %s: approved is %v, proofs spent are %d", key, m.approved(), proofs[key])
		}
	}
	if err := s.rows("SELECT original FROM early_reversal", func(r *sqlite.Stmt) {
		if m := s.messages[r.ColumnText(0)]; m != nil && m.approved() {
			s.report.found("I2 once", "message %s was approved after it had been reversed", m.key)
		}
	}); err != nil {
		return err
	}
	slices.SortFunc(s.report.Violations, func(a, b Violation) int {
		if a.Invariant != b.Invariant {
			return compare(a.Invariant, b.Invariant)
		}
		return compare(a.What, b.What)
	})
	return s.exec("COMMIT")
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
