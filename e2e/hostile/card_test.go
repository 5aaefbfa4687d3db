package hostile

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"countersign/e2e/house"
	"countersign/examples/shopper"
	"countersign/pay/card"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/sealed"
)

func ref(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		return &url.URL{}
	}
	return u
}

// with is the card with another code; its letters are new, so that it can be told from the right one.
func with(c shopper.Card, code string) shopper.Card {
	c.Code = []byte(code + letters(24))
	return c
}

func wrongCode(c shopper.Card) shopper.Card { return with(c, other(string(c.Code[:3]))) }

// luhn sets the last digit right.
func luhn(number []byte) []byte {
	n := bytes.Clone(number)
	for d := byte('0'); d <= '9'; d++ {
		if n[len(n)-1] = d; card.Luhn(n) {
			return n
		}
	}
	return n
}

// unknown is a number of the bank's range that nobody has.
func unknown() []byte {
	n := []byte("9999901000000000")
	for i := 7; i < 15; i++ {
		n[i] = '0' + letters(1)[0]%10
	}
	return luhn(n)
}

func TestWrongNumber(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	mistyped := c.Card
	mistyped.Number = bytes.Clone(c.Card.Number)
	mistyped.Number[15] = '0' + (mistyped.Number[15]-'0'+1)%10
	s := w.enter(t, page, mistyped, "card")
	if s.Problem == nil || s.Problem.Field != "number" || s.Problem.Message == "" {
		t.Errorf("a mistyped number: %+v", s.Problem)
	}
	if now, err := w.api.Get(t.Context(), p.ID); err != nil || now.Status != "needs_card" {
		t.Errorf("the payment is %s %v", now.Status, err)
	}
	for _, number := range []string{"4242424242424242", "5555555555554444", "378282246310005", "9999910000000000000"} {
		strange := c.Card
		strange.Number = luhn([]byte(number))
		strange.Expiry = c.Card.Expiry
		s, err := page.Send(t.Context(), foreign(t, page, strange))
		if err != nil || s.State != "card" || s.Problem == nil {
			t.Errorf("a card of a bank that is not here: %+v %v", s, err)
		}
	}
	w.untouched(t, c, 100_000)
	w.paysNow(t, page, c, 100_000)
}

// foreign seals a card of no bank of the list: the page's script would not.
func foreign(t *testing.T, page *shopper.Page, c shopper.Card) shopper.Sealed {
	t.Helper()
	shared.types(c)
	all := *page
	all.Ranges = []shopper.Range{page.Ranges[0]}
	all.Ranges[0].Start, all.Ranges[0].End = "0000000000000000000", "9999999999999999999"
	s, err := all.Seal(c, letters(20))
	must(t, err)
	return s
}

func TestWrongExpiry(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	past := c.Card
	past.Expiry = "2001"
	if s := w.enter(t, page, past, "card"); s.Problem == nil || s.Problem.Field != "expiry" {
		t.Errorf("a date that is past: %+v", s.Problem)
	}
	for _, date := range []string{"2713", "9900", "ABCD", "0000"} {
		odd := c.Card
		odd.Expiry = date
		if s, err := page.Pay(t.Context(), odd, letters(20)); err != nil || s.State != "card" || s.Problem == nil || s.Problem.Field == "" {
			t.Errorf("expiry %s: %+v %v", date, s, err)
		}
	}
	wrong := c
	wrong.Card.Expiry = later(c.Card.Expiry)
	if s := w.confirmed(t, page, wrong); s.State != "card" || s.Problem == nil {
		t.Errorf("a wrong date is accepted: %+v", s)
	}
	w.untouched(t, c, 100_000)
	w.paysNow(t, page, c, 100_000)
}

func later(yymm string) string {
	b := []byte(yymm)
	b[1] = '0' + (b[1]-'0'+1)%10
	return string(b)
}

func TestWrongCode(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	wrong := c
	wrong.Card = wrongCode(c.Card)
	seen := map[string]string{}
	for _, n := range []string{"first", "second", "third"} {
		if s := w.confirmed(t, page, wrong); s.State != "card" || s.Problem == nil {
			t.Fatalf("%s wrong code: %+v", n, s)
		}
		seen[n] = w.refusal(t, p, page)
		w.untouched(t, c, 100_000)
	}
	// Three wrong codes block the code: the right one must not be told from a wrong one, or a thief could go on.
	if s := w.confirmed(t, page, c); s.State != "card" || s.Problem == nil {
		t.Errorf("the right code after three wrong ones: %+v", s)
	}
	seen["right, after three"] = w.refusal(t, p, page)
	same(t, seen)
	w.untouched(t, c, 100_000)
	friend := w.customer(t) // the shopper can pay with another card
	w.paysNow(t, page, friend, 100_000)
}

func TestStoppedCard(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	_, err := w.desk.Freeze(t.Context(), c.CardID, "")
	must(t, err)
	if s := w.enter(t, page, c.Card, "card"); s.Problem == nil || s.Problem.Field != "" {
		t.Errorf("a frozen card: %+v", s.Problem)
	}
	w.untouched(t, c, 100_000)
	_, err = w.desk.Unfreeze(t.Context(), c.CardID, "")
	must(t, err)
	w.paysNow(t, page, c, 100_000)
}

// The holder freezes the card while the bank's page is open: the code that was sent opens nothing any more.
func TestStoppedDuringConfirmation(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	bank, code := w.asked(t, page, c, w.enter(t, page, c.Card, "challenge"))
	_, err := w.desk.Freeze(t.Context(), c.CardID, "")
	must(t, err)
	bank, err = bank.Answer(t.Context(), code)
	must(t, err)
	if bank.Done() {
		must(t, bank.Return(t.Context()))
	}
	s, err := page.Wait(t.Context())
	must(t, err)
	if s.State != "card" {
		t.Errorf("a card frozen meanwhile: %+v", s)
	}
	w.refusal(t, p, page)
	w.untouched(t, c, 100_000)
}

func TestExpiredCard(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.person(t, person{Cents: 100_000, Expiry: card.Expiry{Year: time.Now().Year() - 1, Month: time.March}})
	p, page := w.order(t, 2340)
	if s := w.enter(t, page, c.Card, "card"); s.Problem == nil || s.Problem.Field != "expiry" {
		t.Errorf("an expired card: %+v", s.Problem)
	}
	c.Card.Expiry = "3512" // a thief makes a date up
	if s := w.enter(t, page, c.Card, "card"); s.Problem == nil {
		t.Errorf("an expired card with another date: %+v", s)
	}
	w.refusal(t, p, page)
	w.untouched(t, c, 100_000)
	w.paysNow(t, page, w.customer(t), 100_000)
}

func TestNoFunds(t *testing.T) {
	t.Parallel()
	w := shared
	c := w.person(t, person{Cents: 2339})
	p, page := w.order(t, 2340)
	if s := w.confirmed(t, page, c); s.State != "card" || s.Problem == nil {
		t.Errorf("a cent too little: %+v", s)
	}
	w.refusal(t, p, page)
	w.untouched(t, c, 2339)
	eur, err := money.ByAlpha("EUR")
	must(t, err)
	cent, err := money.New(1, eur)
	must(t, err)
	must(t, w.desk.Deposit(t.Context(), "hostile/cent", ledger.AccountID(c.Account), cent))
	w.paysNow(t, page, c, 2340)
}

// TestRefusalsLookAlike compares, byte for byte, what shopper and shop see of refusals whose difference would help
// somebody with a stolen or guessed number: does it exist, is it stopped, which of its data is wrong, is there money.
func TestRefusalsLookAlike(t *testing.T) {
	t.Parallel()
	w := shared
	future := card.Expiry{Year: time.Now().Year() + 4, Month: time.May}
	atOnce, posts, later := map[string]string{}, map[string]string{}, map[string]string{}
	refusedAtOnce := func(name string, c shopper.Card) {
		p, page := w.order(t, 2340)
		w.types(c)
		s, err := page.Pay(t.Context(), c, letters(20))
		must(t, err)
		posts[name] = s.State + " " + s.Problem.Field + " " + s.Problem.Message
		atOnce[name] = w.refusal(t, p, page)
	}
	frozen := w.person(t, person{Cents: 100_000, Expiry: future})
	_, err := w.desk.Freeze(t.Context(), frozen.CardID, "")
	must(t, err)
	refusedAtOnce("frozen", frozen.Card)
	refusedAtOnce("frozen, wrong code", wrongCode(frozen.Card))
	expired := w.person(t, person{Cents: 100_000, Expiry: card.Expiry{Year: time.Now().Year() - 1, Month: time.March}})
	expired.Card.Expiry = frozen.Card.Expiry
	refusedAtOnce("expired", expired.Card)
	nobody := frozen.Card
	nobody.Number = unknown()
	refusedAtOnce("nobody's", nobody)
	same(t, atOnce)
	same(t, posts)

	refusedLater := func(name string, c house.Customer) {
		p, page := w.order(t, 2340)
		if s := w.confirmed(t, page, c); s.State != "card" {
			t.Errorf("%s: %+v", name, s)
		}
		later[name] = w.refusal(t, p, page)
	}
	c := w.customer(t)
	wrong := c
	wrong.Card = wrongCode(c.Card)
	refusedLater("wrong code", wrong)
	wrong = c
	wrong.Card.Expiry = frozen.Card.Expiry
	refusedLater("wrong expiry", wrong)
	wrong.Card = wrongCode(wrong.Card)
	refusedLater("wrong code and expiry", wrong)
	refusedLater("no money", w.person(t, person{Cents: 100}))
	same(t, later)
}

func TestTamperedCode(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	_, elsewhere := w.order(t, 2340)
	_, dearer := w.order(t, 234000)
	right, err := page.Seal(c.Card, letters(20))
	must(t, err)
	foreign, err := elsewhere.Seal(c.Card, letters(20))
	must(t, err)
	dear, err := dearer.Seal(c.Card, letters(20))
	must(t, err)
	box, err := sealed.Parse(right.Code)
	must(t, err)
	short := box
	short.Data = box.Data[:len(box.Data)-1]
	for name, code := range map[string]string{
		"flipped": flip(right.Code), "of another payment": foreign.Code, "of another amount": dear.Code, "cut": short.String(),
		"the number's box": right.Number, "zeros": "v1." + box.KeyID + "." + base64.RawURLEncoding.EncodeToString(make([]byte, len(box.Data))),
		"another key": "v1.nobody-1." + base64.RawURLEncoding.EncodeToString(box.Data),
	} {
		p, page := w.order(t, 2340)
		s, err := page.Seal(c.Card, letters(20))
		must(t, err)
		s.Code = code
		c := w.customer(t)
		again, err := page.Seal(c.Card, s.Attempt)
		must(t, err)
		again.Code = code
		st, err := page.Send(t.Context(), again)
		must(t, err)
		if st.State == "challenge" {
			bank, sms := w.asked(t, page, c, st)
			bank, err = bank.Answer(t.Context(), sms)
			must(t, err)
			must(t, bank.Return(t.Context()))
			st, err = page.Wait(t.Context())
			must(t, err)
		}
		if st.State != "card" || st.Problem == nil {
			t.Errorf("%s: %+v", name, st)
		}
		w.refusal(t, p, page)
		w.untouched(t, c, 100_000)
	}
	for name, s := range map[string]shopper.Sealed{
		"number flipped":            {Number: flip(right.Number), Code: right.Code},
		"number of another payment": {Number: foreign.Number, Code: right.Code},
		"number of another amount":  {Number: dear.Number, Code: right.Code},
		"code in the number's box":  {Number: right.Code, Code: right.Code},
	} {
		s.Attempt, s.Browser = letters(20), right.Browser
		st, err := page.Send(t.Context(), s)
		if err != nil || st.State != "card" || st.Problem == nil || st.Problem.Field != "number" {
			t.Errorf("%s: %+v %v", name, st, err)
		}
	}
	w.paysNow(t, page, c, 100_000)
}

// flip changes one character of the ciphertext.
func flip(box string) string {
	b := []byte(box)
	i := len(b) - len(b)/4
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}
