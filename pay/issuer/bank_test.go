package issuer_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/pay/card"
	"countersign/pay/issuer"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
	"countersign/pay/issuer/issuertest"
	"countersign/pay/issuer/store"
	"countersign/pay/issuer/store/memory"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/securitycode"
	"countersign/sql"
)

// clock is a wall clock that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}
func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func eur(t testing.TB, minor int64) money.Amount {
	t.Helper()
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		t.Fatal(err)
	}
	a, err := money.New(minor, cur)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type bank struct {
	*issuertest.World
	*clock
	log bytes.Buffer
	t   testing.TB
	dir string // of the database; "" in memory
}

// banks runs a test on both stores; on the embedded database the independent checker has the last word.
func banks(t *testing.T, f func(t *testing.T, b *bank)) {
	t.Run("memory", func(t *testing.T) { f(t, newBank(t, memory.New())) })
	t.Run("sqlite", func(t *testing.T) { f(t, newSQLite(t)) })
}

func newSQLite(t testing.TB) *bank {
	path := filepath.Join(t.TempDir(), "issuer.db")
	s, err := store.Open(path, sql.Options{Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	b := newBank(t, s)
	b.dir = filepath.Dir(path)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		audit, err := b.Keys.Current("audit")
		if err != nil {
			t.Error(err)
		}
		r, err := check.Run(context.Background(), path, check.Options{Key: audit.Use})
		if err != nil || !r.OK() {
			t.Errorf("the checker found %+v, %v", r, err)
		}
	})
	return b
}

func newBank(t testing.TB, books cards.Books) *bank {
	t.Helper()
	b := &bank{clock: newClock(), t: t}
	w, err := issuertest.New(t.Context(), books, b.now, rand.Reader, slog.New(slog.NewTextHandler(&b.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.World = w
	return b
}

func (b *bank) issue(funds int64, o cards.Order) *issuertest.Card {
	b.t.Helper()
	c, err := b.Issue(b.t.Context(), eur(b.t, funds), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bank) purchase(c *issuertest.Card, shop int, minor int64) *issuer.Request {
	b.t.Helper()
	r, err := b.Purchase(c, issuertest.Shop(shop), eur(b.t, minor))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bank) want(d issuer.Decision, err error, want payment.ResponseCode) issuer.Decision {
	b.t.Helper()
	if err != nil || d.Response != want {
		b.t.Fatalf("answered %q (%s) %v, want %q", d.Response, d.Reason, err, want)
	}
	if (d.Approval != "") != (d.Response == "00" && d.Approval != "") || (d.Response != "00" && d.Reason == "") {
		b.t.Fatalf("odd decision %+v", d)
	}
	return d
}

func (b *bank) authorise(r *issuer.Request, want payment.ResponseCode) issuer.Decision {
	b.t.Helper()
	d, err := b.Bank.Authorise(b.t.Context(), r)
	return b.want(d, err, want)
}

func (b *bank) advise(a *issuer.Advice, want payment.ResponseCode) issuer.Decision {
	b.t.Helper()
	d, err := b.Bank.Advise(b.t.Context(), a)
	return b.want(d, err, want)
}

func (b *bank) reverse(r *issuer.Reversal, want payment.ResponseCode) issuer.Decision {
	b.t.Helper()
	d, err := b.Bank.Reverse(b.t.Context(), r)
	return b.want(d, err, want)
}

// account must have this posted and held, in minor units.
func (b *bank) account(c *issuertest.Card, posted, held int64) {
	b.t.Helper()
	var a ledger.Account
	if err := b.Desk.Books.Read(b.t.Context(), func(tx book.Tx) (err error) {
		a, _, err = tx.Account(c.Account)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	if a.Posted != posted || a.Held != held {
		b.t.Fatalf("account has posted %d held %d, want %d and %d", a.Posted, a.Held, posted, held)
	}
}

func TestLifeOfAPayment(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(10_000, cards.Order{})
		r := b.purchase(c, 1, 2340)
		d := b.authorise(r, "00")
		if len(d.Approval) != 6 || d.CodeResult != securitycode.Match || d.Lifecycle != r.Lifecycle {
			t.Fatalf("decision %+v", d)
		}
		b.account(c, 10_000, 2340)
		b.advise(b.Capture(r, eur(t, 1000), 1, 2), "00")
		b.account(c, 9000, 1340)
		b.advise(b.Capture(r, eur(t, 1341), 2, 2), "13") // more than is held
		last := b.Capture(r, eur(t, 340), 2, 2)
		b.advise(last, "00")
		b.account(c, 8660, 0) // the last one gave 1000 back
		b.advise(b.Capture(r, eur(t, 1), 0, 0), "12")
		b.reverse(b.Reverse(r, false, nil), "12") // captured: only a refund helps
		refund := b.Refund(r, eur(t, 1000))
		b.advise(refund, "00")
		b.advise(refund, "00") // the same message again
		b.account(c, 9660, 0)
		b.advise(b.Refund(r, eur(t, 341)), "13") // more than is left of what was captured
		b.advise(b.Refund(r, eur(t, 340)), "00")
		b.advise(b.Refund(r, eur(t, 1)), "13")
		b.account(c, 10_000, 0)
	})
}

func TestRepeatsGetTheStoredAnswer(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(10_000, cards.Order{})
		r := b.purchase(c, 1, 2340)
		first := b.authorise(r, "00")
		again := *r
		again.Repeat = true
		if d := b.authorise(&again, "00"); d != first {
			t.Fatalf("%+v, then %+v", first, d)
		}
		if err := b.SealCode(&again, []byte("000")); err != nil { // a repeat is no way to guess
			t.Fatal(err)
		}
		if d := b.authorise(&again, "00"); d != first {
			t.Fatalf("%+v, then %+v", first, d)
		}
		again.Amount = eur(t, 2341)
		b.authorise(&again, "94")
		if !strings.Contains(b.log.String(), "field=amount") {
			t.Errorf("the log does not name the field: %s", &b.log)
		}
		b.account(c, 10_000, 2340)
		other := b.purchase(c, 1, 2340) // another message for the same lifecycle: a second click
		other.Lifecycle = r.Lifecycle
		b.authorise(other, "94")
		b.account(c, 10_000, 2340)
	})
}

// Every fault alone gets its own answer; and two faults together get the earlier one's.
func TestCheckListOrder(t *testing.T) {
	type fault struct {
		name string
		do   func(b *bank, c *issuertest.Card, r *issuer.Request)
		want payment.ResponseCode
	}
	must := func(b *bank, err error) {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	faults := []fault{ // in the order of the list
		{"format", func(b *bank, c *issuertest.Card, r *issuer.Request) { r.Key.MTI = "" }, "30"},
		{"amount", func(b *bank, c *issuertest.Card, r *issuer.Request) { r.AccountCheck = true }, "13"},
		{"unknown card", func(b *bank, c *issuertest.Card, r *issuer.Request) {
			p, err := card.ParsePAN([]byte("4242424242424242"))
			must(b, err)
			r.PAN = p
		}, "14"},
		{"frozen", func(b *bank, c *issuertest.Card, r *issuer.Request) {
			_, err := b.Desk.Freeze(b.t.Context(), c.ID, issuertest.Holder)
			must(b, err)
		}, "62"},
		{"expiry", func(b *bank, c *issuertest.Card, r *issuer.Request) { r.Expiry.Year++ }, "54"},
		{"code counter", func(b *bank, c *issuertest.Card, r *issuer.Request) {
			for shop := range 3 {
				w := b.purchase(c, 10+shop, 1)
				must(b, b.SealCode(w, wrong(c.Code)))
				b.authorise(w, "N7")
			}
		}, "75"},
		{"wrong code", func(b *bank, c *issuertest.Card, r *issuer.Request) { must(b, b.SealCode(r, wrong(c.Code))) }, "N7"},
		{"no proof", func(b *bank, c *issuertest.Card, r *issuer.Request) { r.CAVV = nil }, "65"},
		{"limit", func(b *bank, c *issuertest.Card, r *issuer.Request) {}, "61"},
		{"funds", func(b *bank, c *issuertest.Card, r *issuer.Request) {}, "51"},
	}
	for i, f := range faults {
		for j, g := range faults[i:] {
			if f.name == "amount" && g.name == "amount" && j > 0 {
				continue
			}
			t.Run(f.name+" and "+g.name, func(t *testing.T) {
				b := newBank(t, memory.New())
				o, funds := cards.Order{}, int64(100_000)
				if f.name == "limit" || g.name == "limit" {
					o.LimitEach = 100
				}
				if f.name == "funds" || g.name == "funds" {
					funds = 50
				}
				c := b.issue(funds, o)
				r := b.purchase(c, 1, 2340)
				g.do(b, c, r)
				if f.name != g.name {
					f.do(b, c, r)
				}
				d := b.authorise(r, f.want)
				if d.Approval != "" || d.Reason == "" {
					t.Errorf("decision %+v", d)
				}
			})
		}
	}
}

func wrong(code []byte) []byte {
	w := bytes.Clone(code)
	w[0] = '0' + (w[0]-'0'+1)%10
	return w
}

func TestCodeFaults(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(10_000, cards.Order{})
		refuse := func(name string, want payment.ResponseCode, result securitycode.Result, change func(r *issuer.Request)) {
			t.Helper()
			r := b.purchase(c, 1, 100)
			change(r)
			if d := b.authorise(r, want); d.CodeResult != result {
				t.Errorf("%s: result %q, want %q", name, d.CodeResult, result)
			}
		}
		refuse("none", "N7", securitycode.NotProcessed, func(r *issuer.Request) { r.Code.Data = nil })
		refuse("changed box", "05", securitycode.Unable, func(r *issuer.Request) { r.Code.Data[40] ^= 1 })
		refuse("unknown key", "05", securitycode.Unable, func(r *issuer.Request) { r.Code.KeyID = "code-seal-9" })
		refuse("other payment", "05", securitycode.Unable, func(r *issuer.Request) { r.Payment += "x" })
		refuse("other shop", "05", securitycode.Unable, func(r *issuer.Request) {
			r.Merchant.Acceptor = "SHOPX"
			if err := b.Confirm(r); err != nil {
				t.Fatal(err)
			}
		})
		refuse("other amount", "05", securitycode.Unable, func(r *issuer.Request) { r.Amount = eur(t, 99) })
		b.authorise(b.purchase(c, 1, 100), "00") // none of those spent a try
		r := b.purchase(c, 1, 100)
		r.Code.Data = nil
		r.Plain, _ = securitycode.New(bytes.Clone(c.Code))
		b.authorise(r, "00")
		r = b.purchase(c, 1, 100)
		r.Code.Data = nil
		r.Plain, _ = securitycode.New(wrong(c.Code))
		b.authorise(r, "N7")
	})
}

func TestWrongCodesBlockForADay(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(0, cards.Order{}) // short of funds: a wrong code spends a try all the same
		for shop := range 3 {
			r := b.purchase(c, shop, 100)
			if err := b.SealCode(r, wrong(c.Code)); err != nil {
				t.Fatal(err)
			}
			b.authorise(r, "N7")
			b.advance(time.Hour)
		}
		b.authorise(b.purchase(c, 9, 100), "75")
		b.advance(20*time.Hour + 59*time.Minute)
		b.authorise(b.purchase(c, 9, 100), "75")
		b.advance(2 * time.Minute) // the first is a day old
		b.authorise(b.purchase(c, 9, 100), "51")
	})
}

func TestProof(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(10_000, cards.Order{})
		first := b.purchase(c, 1, 100)
		b.authorise(first, "00")
		again := b.purchase(c, 1, 100)
		again.CAVV, again.DSTransID = first.CAVV, first.DSTransID
		b.authorise(again, "05") // single use
		for name, change := range map[string]func(r *issuer.Request){
			"other transaction": func(r *issuer.Request) { r.DSTransID = first.DSTransID },
			"one bit":           func(r *issuer.Request) { r.CAVV[20] ^= 1 },
			"too short":         func(r *issuer.Request) { r.CAVV = r.CAVV[:20] },
			"too old": func(r *issuer.Request) {
				b.advance(-91 * 24 * time.Hour)
				defer b.advance(91 * 24 * time.Hour)
				if err := b.Confirm(r); err != nil {
					t.Fatal(err)
				}
			},
		} {
			r := b.purchase(c, 1, 100)
			change(r)
			if d, err := b.Bank.Authorise(t.Context(), r); err != nil || d.Response != "05" {
				t.Errorf("%s: %+v %v", name, d, err)
			}
		}
		b.account(c, 10_000, 100)
	})
}

func TestReversals(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(10_000, cards.Order{})
		r := b.purchase(c, 1, 2340)
		b.authorise(r, "00")
		keep := eur(t, 1000)
		b.reverse(b.Reverse(r, false, &keep), "00")
		b.account(c, 10_000, 1000)
		over := eur(t, 1001)
		b.reverse(b.Reverse(r, false, &over), "13")
		whole := b.Reverse(r, true, nil)
		b.reverse(whole, "00")
		whole.Repeat = true
		b.reverse(whole, "00")                   // 0421
		b.reverse(b.Reverse(r, true, nil), "00") // and once more under another number
		b.account(c, 10_000, 0)
		b.advise(b.Capture(r, eur(t, 1), 0, 0), "12") // late capture of a reversed authorisation
		b.authorise(b.purchase(c, 1, 10_000), "00")
	})
}

func TestReversalBeforeItsOriginal(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(10_000, cards.Order{})
		for _, advice := range []bool{true, false} {
			r := b.purchase(c, 1, 2340)
			want := payment.ResponseCode("25")
			if advice {
				want = "00" // an advice only wants to be told that nothing is held
			}
			b.reverse(b.Reverse(r, advice, nil), want)
			b.authorise(r, "94")
			again := *r
			again.Repeat = true
			b.authorise(&again, "94")
			b.advise(b.Capture(r, eur(t, 2340), 0, 0), "12")
			b.account(c, 10_000, 0)
			retry := b.purchase(c, 1, 10) // the same payment may be tried again
			retry.Lifecycle = r.Lifecycle
			b.authorise(retry, "00")
			b.reverse(b.Reverse(retry, false, nil), "00")
		}
	})
}

func TestOnlyItsOwnMerchantAndCard(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c, other := b.issue(10_000, cards.Order{}), b.issue(10_000, cards.Order{})
		r := b.purchase(c, 1, 2340)
		b.authorise(r, "00")
		foreign := b.Capture(r, eur(t, 1), 0, 0)
		foreign.Merchant.Acceptor = issuertest.Shop(2).Acceptor
		b.advise(foreign, "25")
		wrongCard := b.Capture(r, eur(t, 1), 0, 0)
		wrongCard.PAN = other.PAN
		b.advise(wrongCard, "25")
		rev := b.Reverse(r, false, nil)
		rev.Merchant.Acceptor = issuertest.Shop(2).Acceptor
		b.reverse(rev, "25")
		rev = b.Reverse(r, true, nil)
		rev.Merchant.Acquirer, rev.Key.Acquirer = "999002", "999002" // another acquirer does not even see the message
		b.reverse(rev, "00")
		b.account(c, 10_000, 2340)
		b.advise(b.Capture(r, eur(t, 2340), 0, 0), "00")
		byLife := b.Refund(r, eur(t, 40))
		byLife.Original = issuer.MessageKey{}
		b.advise(byLife, "00")
		nowhere := b.Refund(r, eur(t, 40))
		nowhere.Original, nowhere.Lifecycle = issuer.MessageKey{}, "unknown"
		b.advise(nowhere, "25")
		b.account(c, 7700, 0)
	})
}

func TestHoldsExpire(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(1000, cards.Order{})
		r := b.purchase(c, 1, 900)
		b.authorise(r, "00")
		part := b.purchase(c, 1, 100)
		b.authorise(part, "00")
		b.advise(b.Capture(part, eur(t, 60), 1, 2), "00")
		b.authorise(b.purchase(c, 1, 1), "51")
		b.advance(7 * 24 * time.Hour)
		b.advise(b.Capture(r, eur(t, 900), 0, 0), "12") // too late, whether the timer ran or not
		b.authorise(b.purchase(c, 1, 500), "00")        // an overdue hold never stands in the way
		b.account(c, 940, 500)
		n, err := b.Bank.Expire(t.Context())
		if err != nil || n != 0 {
			t.Fatalf("%d expired, %v: the purchase had given both back", n, err)
		}
		b.advance(7 * 24 * time.Hour)
		if n, err = b.Bank.Expire(t.Context()); err != nil || n != 1 {
			t.Fatalf("%d expired, %v", n, err)
		}
		b.account(c, 940, 0)
		if err := b.Desk.Books.Read(t.Context(), func(tx book.Tx) error {
			m, found, err := tx.Lifecycle(r.Merchant.Acquirer, r.Lifecycle)
			if err != nil || !found {
				t.Fatal(found, err)
			}
			if h, _, err := tx.Hold(m.Decision.Hold); err != nil || h.State != ledger.Expired {
				t.Errorf("the hold is %s, %v", h.State, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		b.advise(b.Refund(part, eur(t, 60)), "00")
		b.account(c, 1000, 0)
	})
}

func TestAccountCheck(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		c := b.issue(0, cards.Order{})
		r := b.purchase(c, 1, 0)
		r.AccountCheck, r.CAVV = true, nil
		if d := b.authorise(r, "00"); d.CodeResult != securitycode.Match {
			t.Errorf("decision %+v", d)
		}
		r = b.purchase(c, 1, 0)
		r.AccountCheck = true
		if err := b.SealCode(r, wrong(c.Code)); err != nil {
			t.Fatal(err)
		}
		b.authorise(r, "N7")
		b.account(c, 0, 0)
	})
}

func TestExpiredCardAndLocks(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		locked := b.issue(10_000, cards.Order{Kind: book.Locked})
		b.authorise(b.purchase(locked, 1, 10), "00") // the first shop takes it
		b.authorise(b.purchase(locked, 2, 10), "62")
		b.authorise(b.purchase(locked, 1, 10), "00")
		daily := b.issue(10_000, cards.Order{LimitDay: 100})
		r := b.purchase(daily, 1, 60)
		b.authorise(r, "00")
		b.authorise(b.purchase(daily, 1, 41), "61")
		b.reverse(b.Reverse(r, false, nil), "00")
		b.authorise(b.purchase(daily, 1, 100), "00") // what was reversed does not count
		b.advance(24 * time.Hour)
		b.authorise(b.purchase(daily, 1, 100), "00")
		old := b.issue(10_000, cards.Order{Expiry: card.Expiry{Year: 2026, Month: 11}})
		b.authorise(b.purchase(old, 1, 10), "00")
		b.advance(10 * 24 * time.Hour)
		b.authorise(b.purchase(old, 1, 10), "54")
	})
}

// A hundred tries at once against what only allows one, or three, or so much money: exact.
func TestConcurrentTriesAreExact(t *testing.T) {
	banks(t, func(t *testing.T, b *bank) {
		const tries = 100
		race := func(make func(i int) *issuer.Request) map[payment.ResponseCode]int {
			t.Helper()
			requests, count := make2(tries, make), map[payment.ResponseCode]int{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			for _, r := range requests {
				wg.Go(func() {
					d, err := b.Bank.Authorise(context.Background(), r)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
					}
					count[d.Response]++
				})
			}
			wg.Wait()
			return count
		}
		single := b.issue(1_000_000, cards.Order{Kind: book.SingleUse})
		if n := race(func(i int) *issuer.Request { return b.purchase(single, i, 10) }); n["00"] != 1 || n["57"] != tries-1 {
			t.Errorf("single use: %v", n)
		}
		locked := b.issue(1_000_000, cards.Order{Kind: book.Locked})
		if n := race(func(i int) *issuer.Request { return b.purchase(locked, i%2, 10) }); n["00"] != tries/2 || n["62"] != tries/2 {
			t.Errorf("lock: %v", n)
		}
		daily := b.issue(1_000_000, cards.Order{LimitDay: 170})
		if n := race(func(i int) *issuer.Request { return b.purchase(daily, i, 10) }); n["00"] != 17 || n["61"] != tries-17 {
			t.Errorf("limit: %v", n)
		}
		poor := b.issue(235, cards.Order{})
		if n := race(func(i int) *issuer.Request { return b.purchase(poor, i, 10) }); n["00"] != 23 || n["51"] != tries-23 {
			t.Errorf("funds: %v", n)
		}
		guessed := b.issue(1_000_000, cards.Order{})
		if n := race(func(i int) *issuer.Request {
			r := b.purchase(guessed, i, 10)
			if err := b.SealCode(r, wrong(guessed.Code)); err != nil {
				t.Error(err)
			}
			return r
		}); n["N7"] != 3 || n["75"] != tries-3 {
			t.Errorf("wrong codes: %v", n)
		}
		normal := b.issue(1_000_000, cards.Order{})
		one := b.purchase(normal, 1, 10)
		if n := race(func(int) *issuer.Request { c := *one; return &c }); n["00"] != tries {
			t.Errorf("one message a hundred times: %v", n)
		}
		b.account(normal, 1_000_000, 10)
		proofs := b.issue(1_000_000, cards.Order{})
		first := b.purchase(proofs, 1, 10)
		if n := race(func(int) *issuer.Request {
			r := b.purchase(proofs, 1, 10)
			r.CAVV, r.DSTransID = first.CAVV, first.DSTransID
			return r
		}); n["00"] != 1 || n["05"] != tries-1 {
			t.Errorf("one proof a hundred times: %v", n)
		}
		captured := b.issue(1_000, cards.Order{})
		r := b.purchase(captured, 1, 1000)
		b.authorise(r, "00")
		b.advise(b.Capture(r, eur(t, 1000), 0, 0), "00")
		var wg sync.WaitGroup
		var back atomic.Int64
		for range tries {
			a := b.Refund(r, eur(t, 90))
			wg.Go(func() {
				if d, err := b.Bank.Advise(context.Background(), a); err != nil {
					t.Error(err)
				} else if d.Response == "00" {
					back.Add(1)
				}
			})
		}
		wg.Wait()
		if back.Load() != 11 {
			t.Errorf("%d refunds of 90 out of 1000", back.Load())
		}
	})
}

func make2(n int, f func(i int) *issuer.Request) (out []*issuer.Request) {
	for i := range n {
		out = append(out, f(i))
	}
	return out
}

func TestRefusedCommitLeavesNothing(t *testing.T) {
	s := memory.New()
	b := newBank(t, s)
	c := b.issue(1000, cards.Order{})
	s.BeforeCommit = func(book.Changes) error { return errors.New("disk full") }
	r := b.purchase(c, 1, 10)
	if _, err := b.Bank.Authorise(t.Context(), r); !errors.Is(err, issuer.ErrUndecided) {
		t.Fatal(err)
	}
	s.BeforeCommit = nil
	b.account(c, 1000, 0)
	b.authorise(r, "00") // the repeat is decided as if it were the first
}

func TestLogsCarryNoCard(t *testing.T) {
	b := newSQLite(t)
	c := b.issue(1000, cards.Order{})
	r := b.purchase(c, 1, 10)
	b.authorise(r, "00")
	r.Amount = eur(t, 11)
	b.authorise(r, "94")
	c.PAN.Use(func(d []byte) {
		if bytes.Contains(b.log.Bytes(), d) {
			t.Error("the log has the number")
		}
	})
}

// Neither the database nor its write-ahead log holds a number in a plain form, or anything of a code.
func TestNoNumberAtRest(t *testing.T) {
	b := newSQLite(t)
	needles := map[string]needle{}
	for i := range 20 {
		c := b.issue(1000, cards.Order{})
		b.authorise(b.purchase(c, 1, 10), "00")
		c.PAN.Use(func(d []byte) { watch(needles, fmt.Sprintf("number %d", i), d) })
	}
	needles["control"] = hide([]byte("Shop 1, Berlin"))
	files, err := filepath.Glob(filepath.Join(b.dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	found := map[string]int{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for name, n := range needles {
			found[name] += n.in(raw)
		}
	}
	if found["control"] == 0 {
		t.Error("the scan does not find what is there")
	}
	delete(found, "control")
	for name, n := range found {
		if n > 0 {
			t.Errorf("%s: %d copies in the database's files", name, n)
		}
	}
}
