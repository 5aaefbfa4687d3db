package vault

import "countersign/pay/card"

// brandRow is a range of leading digits (issuer identification numbers, ISO/IEC 7812-1).
type brandRow struct {
	from, to int // of the first six digits
	name     string
}

// brandTable is in order of precedence. Read only.
var brandTable = []brandRow{
	{340000, 349999, "American Express"}, {370000, 379999, "American Express"},
	{300000, 305999, "Diners Club"}, {309500, 309599, "Diners Club"}, {360000, 369999, "Diners Club"}, {380000, 399999, "Diners Club"},
	{352800, 358999, "JCB"},
	{220000, 220499, "Mir"},
	{222100, 272099, "Mastercard"}, {510000, 559999, "Mastercard"},
	{601100, 601199, "Discover"}, {644000, 659999, "Discover"},
	{620000, 629999, "UnionPay"}, {810000, 817199, "UnionPay"},
	{500000, 509999, "Maestro"}, {560000, 589999, "Maestro"}, {639000, 639099, "Maestro"}, {670000, 679999, "Maestro"},
	{400000, 499999, "Visa"},
}

// Brand is the scheme of a card by its leading digits, "" when it is none that is known.
func Brand(p card.PAN) string {
	n := 0
	p.Use(func(digits []byte) { n = bin(digits) })
	return brandOf(n)
}

func brandOf(bin int) string {
	for _, r := range brandTable {
		if bin >= r.from && bin <= r.to {
			return r.name
		}
	}
	return ""
}

// CardLike says whether a text holds what looks like a card number: 13 to 19 digits, perhaps parted by spaces,
// dots or dashes, that begin like a known scheme, or like a card of a bank that is connected here, and end with the
// right check digit. Free texts of shops are refused when they do. connected may be nil; it must not keep the digits.
func CardLike(text string, connected func(digits []byte) bool) bool {
	var digits []byte
	var edge []bool // whether a group begins at the digit
	fresh, gap := true, 0
	found := false
	check := func() {
		edge = append(edge, true)
		for i := range digits {
			for n := 13; edge[i] && n <= card.MaxDigits && i+n <= len(digits); n++ {
				d := digits[i : i+n]
				found = found || edge[i+n] && card.Luhn(d) && (brandOf(bin(d)) != "" || connected != nil && connected(d))
			}
		}
		clear(digits)
		digits, edge = digits[:0], edge[:0]
	}
	for _, c := range []byte(text) {
		switch {
		case c >= '0' && c <= '9':
			digits, edge = append(digits, c), append(edge, fresh)
			fresh, gap = false, 0
		case (c == ' ' || c == '-' || c == '.') && gap == 0:
			fresh, gap = true, 1
		default:
			check()
			fresh, gap = true, 0
		}
	}
	check()
	return found
}

func bin(digits []byte) (n int) {
	for _, c := range digits[:6] {
		n = n*10 + int(c-'0')
	}
	return n
}

// InRange says whether a number lies in a card range: it is padded to 19 digits with zeros on the right, then compared.
func InRange(p card.PAN, start, end string) bool {
	in := false
	p.Use(func(digits []byte) { in = Within(digits, start, end) })
	return in
}

// Within is InRange for bare digits.
func Within(digits []byte, start, end string) bool {
	return compare(digits, start) >= 0 && compare(digits, end) <= 0
}

// compare is the sign of digits less bound, both padded to 19 digits.
func compare(digits []byte, bound string) int {
	for i := range card.MaxDigits {
		a, b := byte('0'), byte('0')
		if i < len(digits) {
			a = digits[i]
		}
		if i < len(bound) {
			b = bound[i]
		}
		if a != b {
			return int(a) - int(b)
		}
	}
	return 0
}
