package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"countersign/pay/money"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// books keeps rows in maps.
type books struct {
	accounts  map[AccountID]Account
	holds     map[HoldID]Hold
	transfers map[TransferID]Transfer
	order     []Transfer
	err       error
}

func (b *books) Account(id AccountID) (Account, bool, error) {
	a, ok := b.accounts[id]
	return a, ok, b.err
}
func (b *books) Hold(id HoldID) (Hold, bool, error) { h, ok := b.holds[id]; return h, ok, b.err }
func (b *books) Transfer(id TransferID) (Transfer, bool, error) {
	t, ok := b.transfers[id]
	return t, ok, b.err
}
func (b *books) Head() (Head, error) {
	if n := len(b.order); n > 0 {
		return Head{b.order[n-1].Seq, b.order[n-1].Hash}, b.err
	}
	return Head{}, b.err
}

func (b *books) take(e Effects) {
	for _, a := range e.Accounts {
		b.accounts[a.ID] = a
	}
	for _, h := range e.Holds {
		b.holds[h.ID] = h
	}
	for _, t := range e.Transfers {
		b.transfers[t.ID] = t
		b.order = append(b.order, t)
	}
}

func currencyOf(alpha string) money.Currency {
	c, err := money.ByAlpha(alpha)
	if err != nil {
		panic(err)
	}
	return c
}

func eur(minor int64) money.Amount {
	a, err := money.New(minor, currencyOf("EUR"))
	if err != nil {
		panic(err)
	}
	return a
}

func newBooks() *books {
	b := &books{accounts: map[AccountID]Account{}, holds: map[HoldID]Hold{}, transfers: map[TransferID]Transfer{}}
	for _, a := range []Account{
		{ID: "a", Kind: Holder, Posted: 1000}, {ID: "b", Kind: Holder, Limit: 500}, {ID: "s", Kind: Settlement}, {ID: "f", Kind: Funding, Posted: -1000},
		{ID: "rich", Kind: Holder, Posted: math.MaxInt64 / 2},
	} {
		a.Currency = currencyOf("EUR")
		b.accounts[a.ID] = a
	}
	b.accounts["y"] = Account{ID: "y", Kind: Holder, Currency: currencyOf("JPY"), Posted: 10}
	return b
}

func hold(id TransferID, h HoldID, from AccountID, minor int64) Transfer {
	return Transfer{ID: id, Kind: Pending, Code: Purchase, Hold: h, Debit: from, Credit: "s", Amount: eur(minor), Expires: start.Add(time.Hour)}
}

func on(id TransferID, k Kind, h HoldID, minor int64) Transfer {
	return Transfer{ID: id, Kind: k, Code: Purchase, Hold: h, Amount: eur(minor)}
}

func pay(id TransferID, from, to AccountID, a money.Amount) Transfer {
	return Transfer{ID: id, Kind: Single, Code: Deposit, Debit: from, Credit: to, Amount: a}
}

func TestEveryStatus(t *testing.T) {
	jpy, _ := money.New(5, currencyOf("JPY"))
	for _, c := range []struct {
		name  string
		after []Transfer // must all be good, one Apply each
		at    time.Duration
		chain []Transfer
		want  []Status
	}{
		{"pay", nil, 0, []Transfer{pay("1", "a", "s", eur(1000))}, []Status{Created}},
		{"same again", []Transfer{pay("1", "a", "s", eur(10))}, 0, []Transfer{pay("1", "a", "s", eur(10))}, []Status{Exists}},
		{"same id, more", []Transfer{pay("1", "a", "s", eur(10))}, 0, []Transfer{pay("1", "a", "s", eur(11))}, []Status{ExistsDifferent}},
		{"linked", nil, 0, []Transfer{pay("1", "a", "s", eur(600)), pay("2", "a", "s", eur(600))}, []Status{LinkedFailed, ExceedsAvailable}},
		{"linked, later good", nil, 0, []Transfer{pay("1", "x", "s", eur(1)), pay("2", "a", "s", eur(1))}, []Status{AccountUnknown, LinkedFailed}},
		{"chain sees itself", nil, 0, []Transfer{pay("1", "a", "b", eur(1000)), pay("2", "b", "s", eur(1500))}, []Status{Created, Created}},
		{"no id", nil, 0, []Transfer{pay("", "a", "s", eur(1))}, []Status{BadID}},
		{"line end in id", nil, 0, []Transfer{pay("a\nb", "a", "s", eur(1))}, []Status{BadID}},
		{"no kind", nil, 0, []Transfer{{ID: "1", Amount: eur(1)}}, []Status{BadKind}},
		{"hold without end", nil, 0, []Transfer{{ID: "1", Kind: Pending, Code: Purchase, Hold: "h", Debit: "a", Credit: "s", Amount: eur(1)}}, []Status{BadKind}},
		{"nothing", nil, 0, []Transfer{pay("1", "a", "s", eur(0))}, []Status{AmountZero}},
		{"unknown", nil, 0, []Transfer{pay("1", "a", "nobody", eur(1))}, []Status{AccountUnknown}},
		{"itself", nil, 0, []Transfer{pay("1", "a", "a", eur(1))}, []Status{AccountsSame}},
		{"other currency", nil, 0, []Transfer{pay("1", "a", "y", eur(1))}, []Status{CurrencyDiffers}},
		{"other currency of a hold", []Transfer{hold("1", "h", "a", 5)}, 0, []Transfer{{ID: "2", Kind: Post, Code: Purchase, Hold: "h", Amount: jpy}}, []Status{CurrencyDiffers}},
		{"no hold", nil, 0, []Transfer{on("1", Post, "h", 1)}, []Status{HoldUnknown}},
		{"post twice", []Transfer{hold("1", "h", "a", 5), on("2", Post, "h", 5)}, 0, []Transfer{on("3", Post, "h", 1)}, []Status{HoldClosed}},
		{"void twice", []Transfer{hold("1", "h", "a", 5), on("2", Void, "h", 5)}, 0, []Transfer{on("3", Void, "h", 5)}, []Status{HoldClosed}},
		{"post late", []Transfer{hold("1", "h", "a", 5)}, time.Hour, []Transfer{on("2", Post, "h", 5)}, []Status{HoldExpired}},
		{"more late", []Transfer{hold("1", "h", "a", 5)}, time.Hour, []Transfer{hold("2", "h", "a", 5)}, []Status{HoldExpired}},
		{"void late", []Transfer{hold("1", "h", "a", 5)}, time.Hour, []Transfer{on("2", Void, "h", 5)}, []Status{Created}},
		{"post too much", []Transfer{hold("1", "h", "a", 5)}, 0, []Transfer{on("2", Post, "h", 6)}, []Status{ExceedsHold}},
		{"void too much", []Transfer{hold("1", "h", "a", 5), on("2", Post, "h", 2)}, 0, []Transfer{on("3", Void, "h", 4)}, []Status{ExceedsHold}},
		{"refund too much", []Transfer{hold("1", "h", "a", 5), on("2", Post, "h", 5), on("3", Refund, "h", 3)}, 0, []Transfer{on("4", Refund, "h", 3)}, []Status{ExceedsCaptured}},
		{"refund a refused hold", []Transfer{hold("1", "h", "a", 5), on("2", Void, "h", 5)}, 0, []Transfer{on("3", Refund, "h", 1)}, []Status{ExceedsCaptured}},
		{"another's hold", []Transfer{hold("1", "h", "a", 5)}, 0, []Transfer{hold("2", "h", "b", 5)}, []Status{HoldForeign}},
		{"to another", []Transfer{hold("1", "h", "a", 5)}, 0, []Transfer{{ID: "2", Kind: Post, Code: Purchase, Hold: "h", Credit: "b", Amount: eur(5)}}, []Status{HoldForeign}},
		{"over funds", []Transfer{hold("1", "h", "a", 600)}, 0, []Transfer{hold("2", "g", "a", 401)}, []Status{ExceedsAvailable}},
		{"over credit line", nil, 0, []Transfer{hold("1", "h", "b", 501)}, []Status{ExceedsAvailable}},
		{"to the credit line", nil, 0, []Transfer{hold("1", "h", "b", 500)}, []Status{Created}},
		{"incremental", []Transfer{hold("1", "h", "a", 600)}, 0, []Transfer{hold("2", "h", "a", 400), on("3", Post, "h", 1000)}, []Status{Created, Created}},
		{"too large", nil, 0, []Transfer{pay("1", "f", "rich", eur(math.MaxInt64/2))}, []Status{Overflow}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBooks()
			for _, x := range c.after {
				r, err := Apply(b, start, x)
				if err != nil || !r.OK() {
					t.Fatal(x, r, err)
				}
				b.take(r.Effects)
			}
			r, err := Apply(b, start.Add(c.at), c.chain...)
			if err != nil || fmt.Sprint(r.Statuses) != fmt.Sprint(c.want) {
				t.Fatalf("%v %v, want %v", r.Statuses, err, c.want)
			}
			if !r.OK() && len(r.Effects.Accounts)+len(r.Effects.Holds)+len(r.Effects.Transfers) > 0 {
				t.Error("a refusal has effects")
			}
		})
	}
}

func TestExistsDifferentNamesTheField(t *testing.T) {
	b := newBooks()
	first := pay("1", "a", "s", eur(10))
	r, _ := Apply(b, start, first)
	b.take(r.Effects)
	for field, change := range map[string]func(t *Transfer){
		"amount": func(t *Transfer) { t.Amount = eur(11) }, "debit": func(t *Transfer) { t.Debit = "b" },
		"credit": func(t *Transfer) { t.Credit = "f" }, "code": func(t *Transfer) { t.Code = Purchase },
		"kind": func(t *Transfer) { t.Kind = Pending }, "hold": func(t *Transfer) { t.Hold = "h" },
	} {
		x := first
		change(&x)
		if r, err := Apply(b, start, x); err != nil || r.Field != field || r.Refusal() != ExistsDifferent {
			t.Errorf("%s: %+v %v", field, r, err)
		}
	}
}

func TestAnErrorIsNoRefusal(t *testing.T) {
	b := newBooks()
	b.err = errors.New("disk")
	if _, err := Apply(b, start, pay("1", "a", "s", eur(1))); !errors.Is(err, b.err) {
		t.Fatal(err)
	}
}

// model is the same ledger again, simple: what each hold and account should be.
type model struct {
	held, posted  map[AccountID]int64
	res, cap, ref map[HoldID]int64
	owner         map[HoldID]AccountID
	ends          map[HoldID]time.Time
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, now, n := newBooks(), start, 0
		delete(b.accounts, "rich")
		delete(b.accounts, "y")
		m := model{map[AccountID]int64{}, map[AccountID]int64{"a": 1000, "f": -1000}, map[HoldID]int64{}, map[HoldID]int64{}, map[HoldID]int64{}, map[HoldID]AccountID{}, map[HoldID]time.Time{}}
		limit := map[AccountID]int64{"b": 500}
		holder := rapid.SampledFrom([]AccountID{"a", "b"})
		holdID := rapid.SampledFrom([]HoldID{"h1", "h2", "h3", "h4"})
		amount := rapid.Int64Range(1, 700)
		apply := func(x Transfer) Status {
			n++
			x.ID = TransferID(fmt.Sprintf("t%d", n))
			r, err := Apply(b, now, x)
			if err != nil {
				t.Fatal(err)
			}
			b.take(r.Effects)
			if again, err := Apply(b, now, x); err != nil || (r.OK() && again.Statuses[0] != Exists) {
				t.Fatalf("a retry gave %v %v", again, err)
			}
			return r.Statuses[0]
		}
		expect := func(what string, got Status, ok bool) {
			if got.OK() != ok {
				t.Fatalf("%s: %v, the model says %v", what, got, ok)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(rt *rapid.T) {
				h, who, x := holdID.Draw(rt, "hold"), holder.Draw(rt, "account"), amount.Draw(rt, "amount")
				end := now.Add(time.Hour)
				owner, known := m.owner[h]
				ok := !known || (owner == who && m.res[h] > 0 && now.Before(m.ends[h]))
				if !known {
					owner = who
				}
				ok = ok && m.posted[owner]-m.held[owner]+limit[owner] >= x
				expect("reserve", apply(Transfer{Kind: Pending, Code: Purchase, Hold: h, Debit: who, Credit: "s", Amount: eur(x), Expires: end}), ok)
				if ok {
					m.owner[h], m.ends[h] = owner, end
					m.res[h] += x
					m.held[owner] += x
				}
			},
			"post": func(rt *rapid.T) {
				h, x := holdID.Draw(rt, "hold"), amount.Draw(rt, "amount")
				ok := m.res[h] >= x && now.Before(m.ends[h])
				expect("post", apply(on("", Post, h, x)), ok)
				if ok {
					m.res[h] -= x
					m.cap[h] += x
					m.held[m.owner[h]] -= x
					m.posted[m.owner[h]] -= x
					m.posted["s"] += x
				}
			},
			"void": func(rt *rapid.T) {
				h, x := holdID.Draw(rt, "hold"), amount.Draw(rt, "amount")
				ok := m.res[h] >= x
				expect("void", apply(on("", Void, h, x)), ok)
				if ok {
					m.res[h] -= x
					m.held[m.owner[h]] -= x
				}
			},
			"refund": func(rt *rapid.T) {
				h, x := holdID.Draw(rt, "hold"), amount.Draw(rt, "amount")
				ok := m.cap[h]-m.ref[h] >= x
				expect("refund", apply(on("", Refund, h, x)), ok)
				if ok {
					m.ref[h] += x
					m.posted[m.owner[h]] += x
					m.posted["s"] -= x
				}
			},
			"deposit": func(rt *rapid.T) {
				who, x := holder.Draw(rt, "account"), amount.Draw(rt, "amount")
				expect("deposit", apply(pay("", "f", who, eur(x))), true)
				m.posted[who] += x
				m.posted["f"] -= x
			},
			"wait": func(rt *rapid.T) { now = now.Add(20 * time.Minute) },
			"": func(rt *rapid.T) {
				sum := int64(0)
				for id, a := range b.accounts {
					sum += a.Posted
					if a.Posted != m.posted[id] || a.Held != m.held[id] {
						rt.Fatalf("account %+v, the model says %d and %d", a, m.posted[id], m.held[id])
					}
					if a.Floored() && a.Available() < 0 {
						rt.Fatalf("account %+v is below its floor", a)
					}
				}
				if sum != 0 {
					rt.Fatalf("all accounts sum to %d", sum)
				}
				for id, h := range b.holds {
					if h.Reserved() != m.res[id] || h.Captured != m.cap[id] || h.Refunded != m.ref[id] || h.Released < 0 || (h.State == Open) != (h.Reserved() > 0) {
						rt.Fatalf("hold %+v, the model says %d reserved", h, m.res[id])
					}
				}
				chain(rt, b.order)
			},
		})
	})
}

type fataler interface{ Fatalf(string, ...any) }

func chain(t fataler, order []Transfer) {
	var prev Head
	for _, x := range order {
		if x.Seq != prev.Seq+1 || x.Prev != prev.Hash || x.Hash != sha256.Sum256(x.AppendCanonical(nil)) {
			t.Fatalf("the chain breaks at %d", x.Seq)
		}
		prev = Head{x.Seq, x.Hash}
	}
}

func TestCanonicalFormStays(t *testing.T) {
	x := hold("hold/1", "h", "a", 2340)
	x.Seq, x.At = 7, start
	const want = "countersign transfer v1\n7\nhold/1\n2\n2\nh\na\ns\n2340\nEUR\n1767229200000\n1767225600000\n" +
		"0000000000000000000000000000000000000000000000000000000000000000\n"
	if got := string(x.AppendCanonical(nil)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNames(t *testing.T) {
	for s := Created; s <= Overflow; s++ {
		if s.String() == "unknown" {
			t.Errorf("status %d has no name", s)
		}
	}
	if Status(99).String() != "unknown" || Kind(99).String() != "none" || HoldState(99).String() != "none" {
		t.Error("what does not exist has a name")
	}
}
