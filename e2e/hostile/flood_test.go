package hostile

import (
	"testing"

	"countersign/examples/shopper"
)

// Somebody who knows a card's number begins payment after payment and cancels each at the bank: the holder's phone
// must not be flooded with messages, nor the bank's bill. What the stranger sees when it stops says nothing of why.
func TestMessageFlood(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	seen := map[string]string{}
	for range 25 {
		p, page := w.order(t, 2340)
		s, err := page.Pay(t.Context(), wrongCode(c.Card), letters(20))
		must(t, err)
		if s.State != "challenge" {
			seen["flood"] = w.refusal(t, p, page)
			break
		}
		bank, err := page.Challenge(t.Context(), s.URL)
		must(t, err)
		_, err = bank.Press(t.Context(), "do=cancel")
		must(t, err)
	}
	list, err := (shopper.Phone{HTTP: w.HTTP, URL: w.URL("phone")}).Messages(t.Context(), c.Phone)
	must(t, err)
	if len(list) < 3 || len(list) > 10 {
		t.Errorf("%d messages to one phone within seconds", len(list))
	}
	p, page := w.order(t, 2340)
	nobody := c.Card
	nobody.Number = unknown()
	w.enter(t, page, nobody, "card")
	seen["nobody's"] = w.refusal(t, p, page)
	same(t, seen)
	w.untouched(t, c, 100_000)
}
