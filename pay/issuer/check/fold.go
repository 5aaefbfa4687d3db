package check

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
)

// transfer is one row of the ledger.
type transfer struct {
	seq, amount, expires, at int64
	kind, code               int
	id, hold, debit, credit  string
	currency                 string
	prev, hash               [32]byte
}

// transfers walks the ledger once: chain, accounts, holds, floors.
func (s *state) transfers() error {
	s.hashes = map[int64][32]byte{0: {}}
	return s.rows("SELECT seq, id, kind, code, hold, debit, credit, amount, currency, expires, at, prev, hash FROM transfer ORDER BY seq",
		func(r *sqlite.Stmt) {
			s.report.Transfers++
			t := transfer{
				seq: r.ColumnInt64(0), id: r.ColumnText(1), kind: r.ColumnInt(2), code: r.ColumnInt(3), hold: r.ColumnText(4),
				debit: r.ColumnText(5), credit: r.ColumnText(6), amount: r.ColumnInt64(7), currency: r.ColumnText(8),
				expires: r.ColumnInt64(9), at: r.ColumnInt64(10),
			}
			r.ColumnBytes(11, t.prev[:])
			r.ColumnBytes(12, t.hash[:])
			s.link(&t)
			s.fold(&t)
			s.belongs(&t)
		})
}

func (s *state) link(t *transfer) {
	text := fmt.Sprintf("countersign transfer v1\n%d\n%s\n%d\n%d\n%s\n%s\n%s\n%d\n%s\n%d\n%d\n%x\n",
		t.seq, t.id, t.kind, t.code, t.hold, t.debit, t.credit, t.amount, t.currency, t.expires, t.at, t.prev)
	switch {
	case t.seq != s.lastSeq+1:
		s.report.found("I7 audited", "transfers: after %d comes %d", s.lastSeq, t.seq)
	case t.prev != s.lastHash:
		s.report.found("I7 audited", "transfer %d does not follow the one before it", t.seq)
	case sha256.Sum256([]byte(text)) != t.hash:
		s.report.found("I7 audited", "transfer %d was changed", t.seq)
	}
	s.lastSeq, s.lastHash = t.seq, t.hash
	s.hashes[t.seq] = t.hash
}

// The kinds of transfers, as stored.
const (
	single = iota + 1
	pending
	post
	void
	refund
)

func (s *state) fold(t *transfer) {
	debit, credit := s.accounts[t.debit], s.accounts[t.credit]
	if debit == nil || credit == nil || debit == credit || t.amount <= 0 ||
		debit.currency != t.currency || credit.currency != t.currency {
		s.report.found("I1 conserved", "transfer %d has no two sides in %s", t.seq, t.currency)
		return
	}
	if t.kind == single || t.kind == post || t.kind == refund {
		debit.folded -= t.amount
		credit.folded += t.amount
	}
	if t.kind != single {
		h := s.holds[t.hold]
		if h == nil {
			s.report.found("I3 holds", "transfer %d has no hold", t.seq)
			return
		}
		s.foldHold(t, h)
	}
	for _, side := range []string{t.debit, t.credit} {
		if a := s.accounts[side]; a.kind == 1 && a.folded-a.foldedReserve+a.limit < 0 {
			s.report.found("I4 floors", "account %s was at %d below its floor after transfer %d", side, a.folded-a.foldedReserve+a.limit, t.seq)
		}
	}
}

func (s *state) foldHold(t *transfer, h *hold) {
	from, to := h.account, h.counter
	if t.kind == refund {
		from, to = to, from
	}
	if t.debit != from || t.credit != to || t.currency != h.currency {
		s.report.found("I3 holds", "transfer %d moves between other accounts than hold %s", t.seq, t.hold)
	}
	owner := s.accounts[h.account]
	switch t.kind {
	case pending:
		h.fAuthorised += t.amount
		owner.foldedReserve += t.amount
	case post:
		h.fCaptured += t.amount
		owner.foldedReserve -= t.amount
	case void:
		h.fReleased += t.amount
		owner.foldedReserve -= t.amount
		s.releases = append(s.releases, release{t.hold, t.amount, t.at})
	case refund:
		h.fBack += t.amount
	}
	if h.fCaptured+h.fReleased > h.fAuthorised || h.fBack > h.fCaptured {
		s.report.found("I3 holds", "hold %s after transfer %d: authorised %d, captured %d, released %d, refunded %d",
			t.hold, t.seq, h.fAuthorised, h.fCaptured, h.fReleased, h.fBack)
	}
}

// belongs ties a transfer to the message that its id names: PREFIX/KEY.
func (s *state) belongs(t *transfer) {
	prefix, key, ok := strings.Cut(t.id, "/")
	want := map[string]string{"hold": "purchase", "capture": "capture", "rest": "capture", "refund": "refund", "reverse": "reversal"}[prefix]
	switch {
	case prefix == "expire" && ok:
		if key != t.hold || t.kind != void {
			s.report.found("I5 answered", "transfer %d says that it is an expiry and is not", t.seq)
		}
		return
	case t.kind == single:
		return
	case want == "":
		s.report.found("I5 answered", "transfer %d belongs to no message", t.seq)
		return
	}
	m := s.messages[key]
	if m == nil || m.kind != want || !m.approved() || m.hold != t.hold {
		s.report.found("I5 answered", "transfer %d has no approved %s behind it", t.seq, want)
		return
	}
	m.moved++
	if (prefix == "hold" || prefix == "capture" || prefix == "refund") && (m.amount != t.amount || m.currency != t.currency) {
		s.report.found("I5 answered", "transfer %d moves %d, its message says %d", t.seq, t.amount, m.amount)
	}
	if h := s.holds[t.hold]; prefix == "hold" && h != nil {
		if h.openedBy != "" {
			s.report.found("I2 once", "hold %s was opened twice", t.hold)
		}
		h.openedBy = key
	}
}

// sums compares the cached sums with the fold.
func (s *state) sums() error {
	total := map[string]int64{}
	for id, a := range s.accounts {
		total[a.currency] += a.posted
		if a.posted != a.folded || a.held != a.foldedReserve {
			s.report.found("I1 conserved", "account %s says posted %d held %d, its transfers say %d and %d", id, a.posted, a.held, a.folded, a.foldedReserve)
		}
		if a.kind == 1 && a.posted-a.held+a.limit < 0 {
			s.report.found("I4 floors", "account %s is at %d", id, a.posted-a.held+a.limit)
		}
	}
	for cur, sum := range total {
		if sum != 0 {
			s.report.found("I1 conserved", "all accounts in %s sum to %d", cur, sum)
		}
	}
	for id, h := range s.holds {
		if h.authorised != h.fAuthorised || h.captured != h.fCaptured || h.released != h.fReleased || h.refunded != h.fBack {
			s.report.found("I3 holds", "hold %s says %d/%d/%d/%d, its transfers say %d/%d/%d/%d", id,
				h.authorised, h.captured, h.released, h.refunded, h.fAuthorised, h.fCaptured, h.fReleased, h.fBack)
		}
		if reserved := h.authorised - h.captured - h.released; (h.state == 1) != (reserved > 0) || (h.state == 2) != (reserved == 0 && h.captured > 0) {
			s.report.found("I3 holds", "hold %s is in state %d with %d reserved and %d captured", id, h.state, reserved, h.captured)
		}
		if h.openedBy == "" {
			s.report.found("I5 answered", "hold %s has no purchase behind it", id)
		}
	}
	return nil
}

// answers looks at every message: what was approved moved money, what was refused did not.
func (s *state) answers() error {
	for key, m := range s.messages {
		switch {
		case !m.approved() && m.moved > 0:
			s.report.found("I5 answered", "message %s was refused and moved money", key)
		case !m.approved():
		case m.code == 'N':
			s.report.found("I5 answered", "message %s was approved with a wrong code", key)
		case (m.kind == "purchase" || m.kind == "capture" || m.kind == "refund") && m.moved == 0:
			s.report.found("I5 answered", "message %s was approved and moved nothing", key)
		case m.kind == "capture" && m.moved > 2, m.kind != "capture" && m.moved > 1:
			s.report.found("I2 once", "message %s moved money %d times", key, m.moved)
		}
	}
	return nil
}
