package lookalike

import (
	"strings"

	"countersign/guard/verdict"
)

// address is an address taken apart as browsers do it (WHATWG URL, special schemes).
type address struct {
	host  string
	user  string        // what stands before the last @
	class verdict.Class // what is wrong with the address itself, or None
}

// maxAddress bounds what is looked at; longer addresses are cut, the host stands in front.
const maxAddress = 8192

// takeApart finds the host of an address or of a bare host.
func takeApart(raw string) address {
	var a address
	s := strings.Trim(raw, " \t\r\n\f\v")
	if len(s) > maxAddress {
		s = s[:maxAddress]
	}
	if strings.ContainsAny(s, "\t\r\n") { // browsers drop them
		a.class = verdict.Invisible
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	rest, web, ok := cutScheme(s)
	if !ok {
		a.class = verdict.Scheme
		return a
	}
	if web {
		rest = strings.TrimLeft(rest, "/\\")
	}
	end := strings.IndexAny(rest, "/?#\\")
	if end >= 0 {
		if rest[end] == '\\' && strings.Contains(rest[end:], "@") {
			a.class = verdict.UserInfo // programs disagree about which host this is
		}
		rest = rest[:end]
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		a.user, rest = rest[:at], rest[at+1:]
	}
	a.host = cutPort(rest, &a)
	return a
}

// cutScheme splits a web scheme off. A text without a scheme is a host; another scheme is no web address. "shop.example:8080" is a
// host with a port.
func cutScheme(s string) (rest string, web, ok bool) {
	colon := strings.IndexByte(s, ':')
	if colon <= 0 {
		return s, strings.HasPrefix(s, "//"), true
	}
	scheme := s[:colon]
	for i := 0; i < len(scheme); i++ {
		c := scheme[i] | 0x20
		if !(c >= 'a' && c <= 'z' || i > 0 && (scheme[i] >= '0' && scheme[i] <= '9' || scheme[i] == '+' || scheme[i] == '-' || scheme[i] == '.')) {
			return s, false, true // a colon inside a host: port, IPv6, user:password
		}
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss", "ftp":
		return s[colon+1:], true, true
	}
	after := s[colon+1:]
	digits := len(after) > 0 && after[0] >= '0' && after[0] <= '9'
	if digits || strings.Contains(scheme, ".") || strings.Contains(after, "@") && !strings.EqualFold(scheme, "mailto") {
		return s, false, true
	}
	return "", false, false
}

// cutPort drops the port. A port that is no number from 0 to 65535 makes the address malformed.
func cutPort(s string, a *address) string {
	if strings.HasPrefix(s, "[") {
		if end := strings.IndexByte(s, ']'); end >= 0 {
			if !isPort(s[end+1:]) {
				a.class = verdict.Malformed
			}
			return s[:end+1]
		}
		return s
	}
	colon := strings.IndexByte(s, ':')
	if colon < 0 || strings.Count(s, ":") > 1 {
		return s
	}
	if !isPort(s[colon:]) {
		a.class = verdict.Malformed
	}
	return s[:colon]
}

func isPort(s string) bool {
	if s == "" || s == ":" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	n := 0
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 65535
}

// CheckURL judges an address as it stands in a mail, a page or an address bar: a URL of a web scheme, or a bare host, with user, port,
// path as they may be. What cannot be read is Caution with the reason, never Genuine.
func (e *Engine) CheckURL(raw string) Answer {
	u := takeApart(raw)
	return e.checkAddress(&u)
}

func (e *Engine) checkAddress(u *address) Answer {
	if u.class == verdict.Scheme {
		return Answer{Level: verdict.Caution, Class: verdict.Scheme, brand: -1, token: -1, trick: verdict.Scheme}
	}
	a := e.Check(u.host)
	if u.class != verdict.None {
		a = worsen(a, u.class)
	}
	if u.user == "" || a.Level == verdict.Danger || a.Level == verdict.Genuine && !strings.Contains(u.user, ".") {
		return a
	}
	// a shop's address before the @ is there to be read instead of the host
	bait := u.user
	if cut := strings.IndexAny(bait, "/:@"); cut >= 0 {
		bait = bait[:cut]
	}
	if !strings.Contains(unescapeOr(bait), ".") {
		return a
	}
	b := e.Check(unescapeOr(bait))
	if b.brand >= 0 && (b.Level != verdict.Unknown || b.Class == verdict.Owned) && b.brand != a.brand {
		return Answer{Level: verdict.Danger, Class: verdict.UserInfo, brand: b.brand, token: b.token, trick: verdict.UserInfo}
	}
	return worsen(a, verdict.UserInfo)
}

// worsen makes an answer at least Caution because of class.
func worsen(a Answer, class verdict.Class) Answer {
	a.trick = class
	if a.Level != verdict.Danger {
		if a.Level != verdict.Caution {
			a.Class = class
		}
		a.Level = verdict.Caution
	}
	return a
}

func unescapeOr(s string) string {
	if strings.Contains(s, "%") {
		if u := unescape(s); u != "" {
			return u
		}
	}
	return s
}
