package ui

import (
	"net/http"
	"strings"
)

// Policy is a page's Content-Security-Policy. The zero value is a page that may load its own styles,
// scripts and images, talk to and post forms to its own origin, and be framed by nobody:
// default-src 'none' and no inline code in any case, Trusted Types without any policy.
type Policy struct {
	Connect   []string // further origins that scripts may talk to
	Frame     []string // origins (or "'self'") that the page may frame; none when empty
	Form      []string // where forms may go besides the own origin; "'none'" alone forbids all
	Ancestors []string // origins that may frame the page; none when empty
	Script    []string // further script origins (the shop loads the gateway's loader)
	NoScript  bool     // the page has no script at all
}

// String is the value of the Content-Security-Policy header.
func (p Policy) String() string {
	var b strings.Builder
	b.WriteString("default-src 'none'; base-uri 'none'; style-src 'self'; img-src 'self'")
	if p.NoScript {
		b.WriteString("; script-src 'none'")
	} else {
		directive(&b, "script-src", append([]string{"'self'"}, p.Script...))
		directive(&b, "connect-src", append([]string{"'self'"}, p.Connect...))
	}
	directive(&b, "frame-src", p.Frame)
	if len(p.Form) == 1 && p.Form[0] == "'none'" {
		directive(&b, "form-action", nil)
	} else {
		directive(&b, "form-action", append([]string{"'self'"}, p.Form...))
	}
	directive(&b, "frame-ancestors", p.Ancestors)
	b.WriteString("; require-trusted-types-for 'script'; trusted-types 'none'")
	return b.String()
}

func directive(b *strings.Builder, name string, sources []string) {
	b.WriteString("; " + name)
	if len(sources) == 0 {
		b.WriteString(" 'none'")
	}
	for _, s := range sources {
		b.WriteString(" " + s)
	}
}

// Secure sets the headers of an HTML page: content type, the policy, no sniffing, no storing, no path in
// referrers, nothing of the device (camera, place), an own process for the origin.
func Secure(h http.Header, p Policy) { SecureWith(h, p.String()) }

// SecureWith is Secure with a ready Content-Security-Policy value.
func SecureWith(h http.Header, csp string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
}
