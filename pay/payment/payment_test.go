package payment_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"countersign/pay/payment"
)

func TestIDsSortByTimeAndDiffer(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	last := ""
	for i := range 1000 {
		id, err := payment.NewID("pay", at.Add(time.Duration(i)*time.Millisecond), rand.Reader)
		if err != nil || len(id) != 4+26 || id <= last {
			t.Fatalf("%q after %q: %v", id, last, err)
		}
		last = id
	}
	if _, err := payment.NewID("pay", at, bytes.NewReader(nil)); err == nil {
		t.Error("made an id without randomness")
	}
}

// A thief must not learn from the shop's side which detail was wrong.
func TestRefusalsLookAlikeFromOutside(t *testing.T) {
	want := payment.DeclineFor(payment.DoNotHonour)
	for _, c := range []payment.ResponseCode{payment.NoSuchCard, payment.ExpiredCard, payment.WrongCode, payment.TooManyCodes, payment.NoFunds,
		payment.Restricted, payment.StolenCard, payment.LostCard, payment.ClosedCard, payment.AmountLimit, payment.SuspectedFraud, payment.CountLimit} {
		if payment.DeclineFor(c) != want {
			t.Errorf("%s looks different", c)
		}
	}
	if payment.DeclineFor("").Code != payment.DeclineTechnical || payment.DeclineFor(payment.IssuerDown).Code != payment.DeclineTechnical {
		t.Error("no answer must not look like a refusal")
	}
}
