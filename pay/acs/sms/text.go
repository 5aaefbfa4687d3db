// Package sms writes the bank's message with the one-time code and hands it to a message centre over SMPP.
package sms

import (
	"net/url"
	"strings"
	"unicode"
)

// Content is what the message says.
type Content struct {
	Bank   string // the bank's name
	Payee  string // the shop's name
	Amount string // such as "23.40 EUR"
	Last4  string
	Code   string
	Shop   string // origin of the shop
	ACS    string // origin of the challenge page
}

// Text writes the message: amount, payee, last four, code, the warning, and as the last line the origin-bound
// code (WICG sms-one-time-codes): "@shop #code @bank". A phone offers the code for that pair of addresses
// only, so a look-alike shop gets no suggestion. With names of usual length it is one message of 160 characters.
func Text(c Content) string {
	return c.Bank + ": pay " + c.Amount + " to " + Clean(c.Payee, 40) + ", card ending " + c.Last4 + "? Code: " + c.Code +
		". Never tell it to anybody.\n@" + host(c.Shop) + " #" + c.Code + " @" + host(c.ACS)
}

// host is the address without scheme and port, as origin-bound codes want it.
func host(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Clean makes a foreign text fit to stand in a message or page: one line, no control or invisible
// direction characters, at most max characters.
func Clean(s string, max int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar || !unicode.IsPrint(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			n++
		}
		if n++; n > max {
			break
		}
		b.WriteRune(r)
		space = false
	}
	return strings.TrimSpace(b.String())
}
