// Package money holds amounts as integer minor units with their ISO 4217 currency.
//
// There are no floats and no silent overflow here: every operation that could leave the
// range, mix currencies or go below zero says so with an error.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Errors of this package. They never carry a value of a card field.
var (
	// ErrCurrency: two amounts of different currencies met, or a currency is unknown.
	ErrCurrency = errors.New("money: currencies differ or are unknown")
	// ErrOverflow: the result does not fit into 63 bits of minor units.
	ErrOverflow = errors.New("money: amount out of range")
	// ErrNegative: the result would be below zero.
	ErrNegative = errors.New("money: amount below zero")
	// ErrFormat: a text is not an amount of the currency.
	ErrFormat = errors.New("money: not an amount")
)

// Amount is a count of minor units (cents, öre, yen) of one currency. It is never negative.
// The zero value is "no amount": it has no currency and can only be compared.
type Amount struct {
	minor int64
	cur   Currency
}

// New makes an amount from minor units, refusing negative ones and unknown currencies.
func New(minor int64, cur Currency) (Amount, error) {
	if minor < 0 {
		return Amount{}, ErrNegative
	}
	if !cur.Known() {
		return Amount{}, ErrCurrency
	}
	return Amount{minor, cur}, nil
}

// Zero is nothing, in a currency.
func Zero(cur Currency) Amount { return Amount{0, cur} }

// Minor is the count of minor units.
func (a Amount) Minor() int64 { return a.minor }

// Currency is the currency of the amount.
func (a Amount) Currency() Currency { return a.cur }

// IsZero says whether the amount is nothing.
func (a Amount) IsZero() bool { return a.minor == 0 }

// Add is a+b, or ErrCurrency, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.cur != b.cur {
		return Amount{}, ErrCurrency
	}
	if a.minor > math.MaxInt64-b.minor {
		return Amount{}, ErrOverflow
	}
	return Amount{a.minor + b.minor, a.cur}, nil
}

// Sub is a-b, or ErrCurrency, or ErrNegative.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.cur != b.cur {
		return Amount{}, ErrCurrency
	}
	if b.minor > a.minor {
		return Amount{}, ErrNegative
	}
	return Amount{a.minor - b.minor, a.cur}, nil
}

// Cmp is -1, 0 or 1 as a is less than, equal to or more than b; ErrCurrency if they cannot be compared.
func (a Amount) Cmp(b Amount) (int, error) {
	if a.cur != b.cur {
		return 0, ErrCurrency
	}
	switch {
	case a.minor < b.minor:
		return -1, nil
	case a.minor > b.minor:
		return 1, nil
	}
	return 0, nil
}

// Decimal writes the amount in major units with a point and no currency: "23.40", "1200".
func (a Amount) Decimal() string {
	e := int(a.cur.Exponent)
	s := strconv.FormatInt(a.minor, 10)
	if e == 0 {
		return s
	}
	for len(s) <= e {
		s = "0" + s
	}
	return s[:len(s)-e] + "." + s[len(s)-e:]
}

// String writes the amount for people who read English: "23.40 EUR".
func (a Amount) String() string {
	if !a.cur.Known() {
		return "no amount"
	}
	return a.Decimal() + " " + a.cur.Alpha()
}

// Parse reads major units with an optional point ("23.4", "23.40", "1200") as an amount of cur.
// More decimals than the currency has are an error, never rounded.
func Parse(s string, cur Currency) (Amount, error) {
	whole, frac, point := s, "", false
	for i := range len(s) {
		if s[i] == '.' {
			whole, frac, point = s[:i], s[i+1:], true
			break
		}
	}
	if whole == "" || (point && frac == "") || len(frac) > int(cur.Exponent) || len(whole)+int(cur.Exponent) > 18 {
		return Amount{}, fmt.Errorf("%w of %s", ErrFormat, cur.Alpha())
	}
	for len(frac) < int(cur.Exponent) {
		frac += "0"
	}
	for _, c := range whole + frac {
		if c < '0' || c > '9' {
			return Amount{}, fmt.Errorf("%w of %s", ErrFormat, cur.Alpha())
		}
	}
	n, err := strconv.ParseInt(whole+frac, 10, 64)
	if err != nil {
		return Amount{}, ErrOverflow
	}
	return New(n, cur)
}
