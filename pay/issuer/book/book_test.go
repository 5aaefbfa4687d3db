package book_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/pay/issuer/book"
	"countersign/pay/issuer/store/memory"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/payment"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func amount(minor int64) money.Amount {
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		panic(err)
	}
	a, err := money.New(minor, cur)
	if err != nil {
		panic(err)
	}
	return a
}

// plan is what the model thinks of one purchase.
type plan struct {
	f                  book.Purchase
	sent, early        bool
	answer             payment.ResponseCode
	held, taken, given int64
	ends               time.Time
}

// machine drives the deciding core and a model that keeps it simple.
type machine struct {
	s     *memory.Store
	r     book.Rules
	now   time.Time
	n     int
	plans []*plan

	funds  [2]int64 // available of the two accounts
	tries  [2][]time.Time
	frozen [2]bool
	used   bool // card 1 is single-use
}

const (
	opening  = 2000
	dayLimit = 1500 // of card 0
)

func newMachine(t *rapid.T) *machine {
	m := &machine{s: memory.New(), now: start, funds: [2]int64{opening, opening}}
	do := func(f func(tx book.Tx) error) {
		if err := m.s.Write(context.Background(), f); err != nil {
			t.Fatal(err)
		}
	}
	do(func(tx book.Tx) error { return m.r.AddHolder(tx, book.Holder{ID: "h"}, m.now) })
	for i := range 2 {
		id := ledger.AccountID(fmt.Sprintf("a%d", i))
		do(func(tx book.Tx) error {
			return m.r.OpenAccount(tx, ledger.Account{ID: id, Currency: amount(0).Currency()}, "h", m.now)
		})
		do(func(tx book.Tx) error {
			_, err := m.r.Deposit(tx, ledger.TransferID("opening/"+id), id, amount(opening), m.now)
			return err
		})
		c := book.Card{ID: fmt.Sprintf("c%d", i), Holder: "h", Account: id, Index: book.Index{byte(i + 1)}, Expiry: "2912",
			Ends: start.AddDate(3, 0, 0), CVK: "cvk-1", Status: book.Active, Kind: book.Normal, LimitDay: dayLimit}
		if i == 1 {
			c.Kind, c.LimitDay = book.SingleUse, 0
		}
		do(func(tx book.Tx) error { return m.r.AddCard(tx, c, m.now) })
	}
	return m
}

func (m *machine) header() book.Header {
	m.n++
	return book.Header{Key: fmt.Sprintf("k%05d", m.n), Acquirer: "1", Acceptor: "shop", Terminal: "t"}
}

// expect is the model's own check list.
func (m *machine) expect(p *plan) payment.ResponseCode {
	i := int(p.f.Index[0]) - 1
	recent := 0
	for _, at := range m.tries[i] {
		if m.now.Sub(at) < 24*time.Hour {
			recent++
		}
	}
	day := int64(0)
	for _, q := range m.plans {
		if q.answer == "00" && int(q.f.Index[0])-1 == i && m.now.Sub(q.ends.Add(-7*24*time.Hour)) < 24*time.Hour {
			day += q.held + q.taken
		}
	}
	overdue := int64(0)
	for _, q := range m.plans {
		if int(q.f.Index[0])-1 == i && q.held > 0 && !m.now.Before(q.ends) {
			overdue += q.held
		}
	}
	switch {
	case p.early:
		return "94"
	case m.frozen[i]:
		return "62"
	case p.f.Expiry != "2912":
		return "54"
	case recent >= 3:
		return "75"
	case !slices.Contains(p.f.Matches, "cvk-1"):
		return "N7"
	case !p.f.ProofOK:
		return "05"
	case i == 1 && m.used:
		return "57"
	case i == 0 && p.f.Amount.Minor()+day > dayLimit:
		return "61"
	case m.funds[i]+overdue < p.f.Amount.Minor():
		return "51"
	}
	return "00"
}

func (m *machine) send(t *rapid.T, p *plan) {
	i := int(p.f.Index[0]) - 1
	want := p.answer
	if !p.sent {
		want = m.expect(p)
	}
	f := p.f
	var d book.Decision
	if err := m.s.Write(context.Background(), func(tx book.Tx) (err error) {
		d, err = m.r.Authorise(tx, &f, m.now)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if d.Response != want || d.Stored != p.sent {
		t.Fatalf("%s: %s (%s), stored %v; the model says %s", p.f.Key, d.Response, d.Reason, d.Stored, want)
	}
	if p.sent {
		return
	}
	p.sent, p.answer = true, want
	switch want {
	case "N7":
		m.tries[i] = append(m.tries[i], m.now)
	case "00":
		if m.funds[i] < p.f.Amount.Minor() { // the core swept what was overdue
			for _, q := range m.plans {
				if int(q.f.Index[0])-1 == i && q.held > 0 && !m.now.Before(q.ends) {
					m.funds[i] += q.held
					q.held = 0
				}
			}
		}
		p.held, p.ends = p.f.Amount.Minor(), m.now.Add(7*24*time.Hour)
		m.funds[i] -= p.held
		m.used = m.used || i == 1
	}
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		pick := func(t *rapid.T) *plan {
			if len(m.plans) == 0 {
				t.Skip("no purchase yet")
			}
			return m.plans[rapid.IntRange(0, len(m.plans)-1).Draw(t, "plan")]
		}
		minor := rapid.Int64Range(1, 900)
		advise := func(t *rapid.T, a *book.Advice) payment.ResponseCode {
			var d, again book.Decision
			for _, out := range []*book.Decision{&d, &again} {
				if err := m.s.Write(context.Background(), func(tx book.Tx) (err error) {
					*out, err = m.r.Advise(tx, a, m.now)
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			if !again.Stored || again.Response != d.Response {
				t.Fatalf("answered %+v, then %+v", d, again)
			}
			return d.Response
		}
		t.Repeat(map[string]func(*rapid.T){
			"purchase": func(t *rapid.T) {
				p := &plan{f: book.Purchase{Header: m.header(), Amount: amount(minor.Draw(t, "amount")), Expiry: "2912",
					Code: book.CodeGiven, Matches: []string{"cvk-1"}, ProofOK: true, Approval: "123456"}}
				p.f.Index = book.Index{byte(rapid.IntRange(1, 2).Draw(t, "card"))}
				p.f.Proof, p.f.Hold, p.f.Lifecycle = []byte(p.f.Key), ledger.HoldID("hold_"+p.f.Key), "life_"+p.f.Key
				switch rapid.IntRange(0, 11).Draw(t, "fault") {
				case 0:
					p.f.Matches = []string{"cvk-2"} // right under another card's key
				case 1:
					p.f.Matches = nil
				case 2:
					p.f.Expiry = "2911"
				case 3:
					p.f.ProofOK = false
				}
				m.plans = append(m.plans, p)
				if rapid.IntRange(0, 4).Draw(t, "lost") > 0 {
					m.send(t, p)
				}
			},
			"deliver": func(t *rapid.T) { m.send(t, pick(t)) }, // late, or again
			"capture": func(t *rapid.T) {
				p, x, final := pick(t), minor.Draw(t, "amount"), rapid.Bool().Draw(t, "final")
				a := &book.Advice{Header: m.header(), Kind: book.Capture, Amount: amount(x), Original: p.f.Key, Approval: "1"}
				if a.Index = p.f.Index; !final {
					a.N, a.M = 1, 2
				}
				ok := p.held >= x && m.now.Before(p.ends)
				if got := advise(t, a); (got == "00") != ok {
					t.Fatalf("capture: %s, the model says %v", got, ok)
				}
				if ok {
					p.held, p.taken = p.held-x, p.taken+x
					if final {
						m.funds[p.f.Index[0]-1] += p.held
						p.held = 0
					}
				}
			},
			"refund": func(t *rapid.T) {
				p, x := pick(t), minor.Draw(t, "amount")
				ok := p.taken-p.given >= x
				if got := advise(t, &book.Advice{Header: m.header(), Kind: book.Refund, Amount: amount(x), Original: p.f.Key}); (got == "00") != ok {
					t.Fatalf("refund: %s, the model says %v", got, ok)
				}
				if ok {
					p.given += x
					m.funds[p.f.Index[0]-1] += x
				}
			},
			"reverse": func(t *rapid.T) {
				p := pick(t)
				f := &book.Reversal{Header: m.header(), Advice: rapid.Bool().Draw(t, "advice"), Amount: p.f.Amount, Original: p.f.Key}
				keep := int64(0)
				if rapid.Bool().Draw(t, "partial") {
					keep = minor.Draw(t, "keep")
					k := amount(keep)
					f.Keep = &k
				}
				if err := m.s.Write(context.Background(), func(tx book.Tx) error {
					_, err := m.r.Reverse(tx, f, m.now)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				switch {
				case !p.sent:
					p.early = true
				case p.held > 0 && keep < p.held:
					m.funds[p.f.Index[0]-1] += p.held - keep
					p.held = keep
				}
			},
			"freeze": func(t *rapid.T) {
				i, on := rapid.IntRange(0, 1).Draw(t, "card"), rapid.Bool().Draw(t, "on")
				if err := m.s.Write(context.Background(), func(tx book.Tx) error {
					_, err := m.r.SetFrozen(tx, fmt.Sprintf("c%d", i), "h", on, m.now)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				m.frozen[i] = on
			},
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "hours")) * time.Hour)
			},
			"timer": func(t *rapid.T) {
				for done := true; done; {
					if err := m.s.Write(context.Background(), func(tx book.Tx) (err error) {
						done, err = m.r.Expire(tx, m.now)
						return err
					}); err != nil {
						t.Fatal(err)
					}
				}
				for _, p := range m.plans {
					if p.held > 0 && !m.now.Before(p.ends) {
						m.funds[p.f.Index[0]-1] += p.held
						p.held = 0
					}
				}
			},
			"": func(t *rapid.T) { m.invariants(t) },
		})
	})
}

func (m *machine) invariants(t *rapid.T) {
	m.s.Look(func(s *memory.State) {
		sum := int64(0)
		for id, a := range s.Accounts {
			sum += a.Posted
			if a.Floored() && a.Available() < 0 {
				t.Fatalf("account %s is at %d", id, a.Available())
			}
		}
		if sum != 0 {
			t.Fatalf("all accounts sum to %d", sum)
		}
		for i, want := range m.funds {
			if a := s.Accounts[ledger.AccountID(fmt.Sprintf("a%d", i))]; a.Available() != want {
				t.Fatalf("account %d has %d, the model says %d", i, a.Available(), want)
			}
		}
		for _, p := range m.plans {
			if h, ok := s.Holds[p.f.Hold]; ok != (p.answer == "00") || h.Reserved() != p.held || h.Captured != p.taken || h.Refunded != p.given {
				t.Fatalf("hold %+v, the model says %+v", h, p)
			}
		}
		var prev ledger.Digest
		for i, r := range s.Trail {
			if r.Seq != int64(i+1) || r.Prev != prev || r.Link != sha256.Sum256(r.AppendCanonical(nil)) {
				t.Fatalf("the journal breaks at %d", i+1)
			}
			prev = r.Link
		}
		messages := 0
		for _, r := range s.Trail {
			if m, ok := s.Messages[r.Subject]; ok && string(m.Kind) == r.Kind {
				messages++
			}
		}
		if messages != len(s.Messages) {
			t.Fatalf("%d messages, %d records of them", len(s.Messages), messages)
		}
	})
}

func TestEveryReasonHasWordsAndACode(t *testing.T) {
	for r := book.Fine; r <= book.Impossible; r++ {
		if r.Response() == "" || (r != book.Fine && r.String() == "") {
			t.Errorf("reason %d has no words or no code", r)
		}
	}
	if book.Reason(200).Response() != payment.Malfunction {
		t.Error("an unknown reason approves")
	}
}

func TestFreezeIsTheHoldersOwn(t *testing.T) {
	s, r := memory.New(), book.Rules{}
	add := func(f func(tx book.Tx) error) error { return s.Write(t.Context(), f) }
	for _, h := range []string{"ada", "bob"} {
		if err := add(func(tx book.Tx) error { return r.AddHolder(tx, book.Holder{ID: h}, start) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(func(tx book.Tx) error {
		return r.OpenAccount(tx, ledger.Account{ID: "a", Currency: amount(0).Currency()}, "ada", start)
	}); err != nil {
		t.Fatal(err)
	}
	card := book.Card{ID: "c", Holder: "ada", Account: "a", Index: book.Index{1}, Status: book.Active}
	if err := add(func(tx book.Tx) error { return r.AddCard(tx, card, start) }); err != nil {
		t.Fatal(err)
	}
	if err := add(func(tx book.Tx) error { return r.AddCard(tx, card, start) }); err != book.ErrTaken {
		t.Errorf("the same card again: %v", err)
	}
	freeze := func(id, holder string) error {
		return add(func(tx book.Tx) error { _, err := r.SetFrozen(tx, id, holder, true, start); return err })
	}
	if err := freeze("c", "bob"); err != book.ErrUnknown {
		t.Errorf("another holder: %v", err)
	}
	if err := freeze("d", "ada"); err != book.ErrUnknown {
		t.Errorf("no card: %v", err)
	}
	if err := freeze("c", "ada"); err != nil {
		t.Error(err)
	}
	card.ID, card.Index, card.Status = "closed", book.Index{2}, book.Closed
	if err := add(func(tx book.Tx) error { return r.AddCard(tx, card, start) }); err != nil {
		t.Fatal(err)
	}
	if err := freeze("closed", "ada"); err != book.ErrState {
		t.Errorf("a closed card: %v", err)
	}
}
