package money_test

import (
	"errors"
	"math"
	"testing"

	"countersign/pay/money"

	"pgregory.net/rapid"
)

func cur(t testing.TB, alpha string) money.Currency {
	t.Helper()
	c, err := money.ByAlpha(alpha)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCurrencies(t *testing.T) {
	for alpha, want := range map[string]struct {
		code string
		exp  uint8
	}{"EUR": {"978", 2}, "JPY": {"392", 0}, "KWD": {"414", 3}, "AUD": {"036", 2}, "ISK": {"352", 0}, "SEK": {"752", 2}, "USD": {"840", 2}} {
		c := cur(t, alpha)
		if c.Code() != want.code || c.Exponent != want.exp {
			t.Errorf("%s is %s with %d decimals", alpha, c.Code(), c.Exponent)
		}
		if back, err := money.ByNumeric(c.Numeric); err != nil || back != c {
			t.Errorf("%s does not come back from %d", alpha, c.Numeric)
		}
	}
	for _, bad := range []string{"", "ZZZ", "eur", "EU", "EURO", "AED7", "842"} {
		if _, err := money.ByAlpha(bad); !errors.Is(err, money.ErrCurrency) {
			t.Errorf("%q is a currency", bad)
		}
	}
	if _, err := money.ByNumeric(999); !errors.Is(err, money.ErrCurrency) {
		t.Error("999 is a currency")
	}
}

func TestNothingOverflowsOrMixes(t *testing.T) {
	eur, jpy := cur(t, "EUR"), cur(t, "JPY")
	big, _ := money.New(math.MaxInt64, eur)
	one, _ := money.New(1, eur)
	yen, _ := money.New(1, jpy)
	if _, err := big.Add(one); !errors.Is(err, money.ErrOverflow) {
		t.Error("overflow was silent")
	}
	if _, err := one.Sub(big); !errors.Is(err, money.ErrNegative) {
		t.Error("went below zero")
	}
	if _, err := one.Add(yen); !errors.Is(err, money.ErrCurrency) {
		t.Error("added euro and yen")
	}
	if _, err := one.Cmp(yen); !errors.Is(err, money.ErrCurrency) {
		t.Error("compared euro and yen")
	}
	if _, err := money.New(-1, eur); !errors.Is(err, money.ErrNegative) {
		t.Error("made a negative amount")
	}
	if _, err := money.New(1, money.Currency{}); !errors.Is(err, money.ErrCurrency) {
		t.Error("made an amount of nothing")
	}
}

func TestDecimalAndParseAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := money.ByAlpha(rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency"))
		if err != nil {
			t.Fatal(err)
		}
		a, _ := money.New(rapid.Int64Range(0, 1e15).Draw(t, "minor"), c)
		back, err := money.Parse(a.Decimal(), c)
		if err != nil || back != a {
			t.Fatalf("%s came back as %v, %v", a, back, err)
		}
	})
	for _, bad := range []string{"", ".", "1.", ".5", "1.234", "-1", "+1", "1,50", "1e3", " 1", "99999999999999999999", "0x1"} {
		if a, err := money.Parse(bad, cur(t, "EUR")); err == nil {
			t.Errorf("%q was read as %v", bad, a)
		}
	}
	if a, err := money.Parse("1.5", cur(t, "JPY")); err == nil {
		t.Errorf("half a yen: %v", a)
	}
}
