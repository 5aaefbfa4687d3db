package card_test

import (
	"testing"
	"time"

	"countersign/pay/card"
)

func TestExpiryPast(t *testing.T) {
	e := card.Expiry{Year: 2029, Month: time.December}
	for _, c := range []struct {
		at   time.Time
		past bool
	}{
		{time.Date(2029, 12, 31, 23, 59, 59, 0, time.UTC), false},
		{time.Date(2030, 1, 1, 13, 59, 59, 0, time.UTC), false}, // still December in Honolulu
		{time.Date(2030, 1, 1, 14, 0, 0, 0, time.UTC), true},
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		if e.Past(c.at) != c.past {
			t.Errorf("at %v: past = %v", c.at, !c.past)
		}
	}
}

func FuzzParsePAN(f *testing.F) {
	f.Add([]byte("9752000000000001"))
	f.Add([]byte("4111111111111111"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := card.ParsePAN(b)
		if err != nil {
			return
		}
		p.Use(func(d []byte) {
			if string(d) != string(b) || !card.Luhn(d) {
				t.Error("digits changed")
			}
		})
	})
}
