package checkout

import (
	"strings"
	"testing"
)

func TestJourney(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	if p.Status != "needs_card" {
		t.Fatal(p)
	}
	h.ds.status = []string{"C"}
	r := h.pay(p)
	if r.State != "challenge" || !strings.Contains(r.URL, "/challenge?key=") {
		t.Fatalf("%+v", r)
	}
	if got := h.get(p.ID); got.Status != "needs_confirmation" || got.Card == nil || got.Card.Last4 != "4242" || got.Card.Brand != "Visa" || got.Card.Holder != "Ada Lovelace" {
		t.Fatalf("%+v", got)
	}
	if w := h.do("GET", r.URL, nil, ""); w.Code != 200 || !strings.Contains(w.Body.String(), "eyJ9") {
		t.Fatal(w.Code, w.Body)
	}
	if err := h.confirm(p.ID, "Y"); err != nil {
		t.Fatal(err)
	}
	got := h.untilStatus(p.ID, "captured")
	if got.Captured != 2340 || got.Refundable != 2340 || len(got.Captures) != 1 || got.Captures[0].Status != "succeeded" {
		t.Fatalf("%+v", got)
	}
	read(t, h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), `{"amount":340,"reason":"broken"}`), 201)
	h.until(p.ID, func(p paid) bool { return p.Refunded == 340 })
	read(t, h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), ``), 201)
	h.untilStatus(p.ID, "refunded")
	if held, captured, refunded := h.bank.totals(); held != 0 || captured != 2340 || refunded != 2340 {
		t.Error(held, captured, refunded)
	}
}
