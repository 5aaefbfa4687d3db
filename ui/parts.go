package ui

import (
	"html/template"
	"strconv"
	"strings"
)

// Funcs are the helpers that page templates use:
//
//	{{uiHead}}               links of base.css and the icon (for <head>)
//	{{amount .Minor .Cur}}   "€23.40" in <span class="amount">
//	{{mark}}                 the Countersign mark, inline SVG, decorative
func Funcs() template.FuncMap {
	head := Head()
	return template.FuncMap{
		"uiHead": func() template.HTML { return head },
		"amount": func(minor int64, currency string) template.HTML {
			return template.HTML(`<span class="amount">` + template.HTMLEscapeString(Display(minor, currency)) + `</span>`)
		},
		"mark": Mark,
	}
}

// Head is what every page has in <head>: viewport, both colour schemes, base.css, icon.
func Head() template.HTML {
	b := Shared()
	return template.HTML(`<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`+
		`<meta name="color-scheme" content="light dark">`) + b.Stylesheet("base.css") +
		template.HTML(`<link rel="icon" href="`+b.URL("icon.svg")+`" type="image/svg+xml">`)
}

// Mark is the Countersign mark as inline SVG, hidden from screen readers.
func Mark() template.HTML {
	return `<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="9" fill="currentColor"/><path d="M7 17.5l4.5 4.5 9-12" fill="none" stroke="var(--card,#fff)" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/><path d="M14.5 20l2 2 9-12" fill="none" stroke="var(--card,#fff)" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" opacity=".6"/></svg>`
}

// signs has the currencies that people know by a sign before the number; others are written "CHF 12.00".
const signs = "EUR€ USD$ GBP£ JPY¥ INR₹ UAH₴ "

// Currencies whose minor unit is not a hundredth (ISO 4217); a test compares with pay/money.
const (
	noDecimals    = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF "
	threeDecimals = "BHD IQD JOD KWD LYD OMR TND "
)

// Display writes minor units for people who read English: "€23.40", "¥1,200", "CHF 5.00".
// It is for showing only; amounts are computed with pay/money.
func Display(minor int64, currency string) string {
	digits := 2
	switch {
	case len(currency) != 3:
		return "? " + currency
	case strings.Contains(noDecimals, currency+" "):
		digits = 0
	case strings.Contains(threeDecimals, currency+" "):
		digits = 3
	}
	minus, s := "", strconv.FormatInt(minor, 10)
	if minor < 0 {
		minus, s = "−", s[1:]
	}
	for len(s) <= digits {
		s = "0" + s
	}
	whole, frac := s[:len(s)-digits], s[len(s)-digits:]
	if frac != "" {
		frac = "." + frac
	}
	return minus + sign(currency) + group(whole) + frac
}

func sign(currency string) string {
	for rest := signs; len(rest) > 4; {
		end := 3
		for rest[end] != ' ' {
			end++
		}
		if rest[:3] == currency {
			return rest[3:end]
		}
		rest = rest[end+1:]
	}
	return currency + " "
}

// group puts commas between thousands: "12345" to "12,345".
func group(whole string) string {
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole
}
