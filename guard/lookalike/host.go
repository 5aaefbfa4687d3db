package lookalike

import (
	"strings"
	"unicode/utf8"

	"countersign/guard/lookalike/fold"
	"countersign/guard/lookalike/idn"
	"countersign/guard/lookalike/psl"
	"countersign/guard/verdict"
)

const (
	maxHost  = 253 // RFC 1035 §2.3.4, as text
	maxText  = 512 // projected text; what is longer is cut off
	maxLabel = 63
)

// name is a host taken apart. It lives on the caller's stack; ASCII hosts fill it without allocating.
type name struct {
	ascii     [maxHost + 3]byte // lower case, punycode, no dot at the end
	n         int
	split     psl.Split
	look      []byte // the same with every xn-- label replaced by what it looks like in ASCII; nil for ASCII hosts: see text
	left      int    // text()[:left] is what stands left of the public suffix and its dot
	reg       int    // start of the registrable label in text; -1 = the host is itself a suffix
	foreign   bool   // some label is not ASCII
	marked    uint64 // which label (from the left) is not ASCII
	labels    int
	problem   verdict.Class // why it cannot be a genuine address: Malformed, Numeric, Encoded, Punycode, Invisible, MixedScript; or None
	dead      bool          // no host at all: nothing further to look at
	address   bool          // a plain IP address
	private   bool          // a plain IP address of a private network
	ambiguous bool          // some character has a second reading
	runes     [][]rune      // decoded labels; nil for ASCII hosts
}

func (q *name) host() []byte { return q.ascii[:q.n] }

// text is what is searched: the host as it looks in ASCII.
func (q *name) text() []byte {
	if q.look != nil {
		return q.look
	}
	return q.ascii[:q.n]
}

// read takes a host apart: without scheme, user, port. It never fails; what is wrong stands in problem.
func (e *Engine) read(q *name, host string) {
	q.reg = -1
	if len(host) > 4*maxHost { // far beyond any host, whatever its script
		q.problem, q.dead = verdict.Malformed, true
		return
	}
	if strings.HasSuffix(host, ".") {
		host = host[:len(host)-1]
	}
	if host == "" {
		q.problem, q.dead = verdict.Malformed, true
		return
	}
	if host[0] == '[' || strings.Count(host, ":") > 1 {
		e.readIPv6(q, host)
		return
	}
	plain := len(host) <= maxHost
	start, lastNumeric := 0, false
	for i := 0; i < len(host) && plain; i++ {
		c := host[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_':
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '.':
			if i == start || i-start > maxLabel {
				q.problem, q.dead = verdict.Malformed, true
				return
			}
			start = i + 1
			q.labels++
		default:
			plain = false
		}
		q.ascii[i] = c
		if i >= start+3 && c == '-' && string(q.ascii[start:i+1]) == "xn--" {
			plain = false
		}
	}
	if !plain {
		e.readForeign(q, host)
		return
	}
	q.n = len(host)
	q.labels++
	if q.n == start || q.n-start > maxLabel {
		q.problem, q.dead = verdict.Malformed, true
		return
	}
	if lastNumeric = isNumber(q.ascii[start:q.n]); lastNumeric {
		e.readNumber(q)
		return
	}
	e.splitUp(q)
	q.reg = q.split.Registrable
	q.left = max(q.split.Suffix-1, 0)
}

// readForeign reads a host with characters beyond ASCII, escapes or punycode. It allocates.
func (e *Engine) readForeign(q *name, host string) {
	if strings.Contains(host, "%") {
		q.problem = verdict.Encoded
		if host = unescape(host); host == "" || strings.Contains(host, "%") {
			q.problem, q.dead = verdict.Malformed, true
			return
		}
	}
	if !utf8.ValidString(host) {
		q.problem, q.dead = verdict.Malformed, true
		return
	}
	mapped, hidden, err := e.mapper.AppendMapped(nil, host)
	if hidden {
		q.raise(verdict.Invisible)
	}
	if n := len(mapped); n > 0 && mapped[n-1] == '.' {
		mapped = mapped[:n-1]
	}
	if err != nil || len(mapped) > maxHost || len(mapped) == 0 {
		q.raise(verdict.Malformed)
		if q.dead = len(mapped) > maxHost || len(mapped) == 0; q.dead {
			return
		}
	}
	var ascii []byte
	q.labels = 0
	for start, i := 0, 0; i <= len(mapped); i++ {
		if i < len(mapped) && mapped[i] != '.' {
			continue
		}
		if ascii = e.readLabel(q, ascii, mapped[start:i]); q.dead {
			return
		}
		if i < len(mapped) {
			ascii = append(ascii, '.')
		}
		start = i + 1
	}
	if len(ascii) > maxHost {
		q.problem, q.dead = verdict.Malformed, true
		return
	}
	q.n = copy(q.ascii[:], ascii)
	if at := strings.LastIndexByte(string(ascii), '.'); isNumber(ascii[at+1:]) {
		e.readNumber(q)
		if q.problem == verdict.None { // 127.0.0.1 in full-width digits
			q.problem = verdict.Numeric
		}
		return
	}
	e.splitUp(q)
	q.ambiguous = e.project(q, false)
}

// splitUp finds the suffixes. A host that is itself a suffix (shop.ck, brand.kobe.jp) is judged by its first label all the same.
func (e *Engine) splitUp(q *name) {
	q.split = e.psl.Split(q.host())
	if q.split.Registrable >= 0 || q.labels < 2 {
		return
	}
	for i, c := range q.host() {
		if c == '.' {
			q.split.Suffix, q.split.Registrable, q.split.Private = i+1, 0, false
			break
		}
	}
	if q.split.ICANNRegistrable < 0 {
		q.split.ICANN, q.split.ICANNRegistrable = q.split.Suffix, 0
	}
}

func (q *name) raise(c verdict.Class) {
	if q.problem == verdict.None || c == verdict.Malformed {
		q.problem = c
	}
}

// readLabel checks one mapped label, decodes it if it is punycode, appends its ASCII form.
func (e *Engine) readLabel(q *name, ascii []byte, label []rune) []byte {
	if len(label) == 0 || len(label) > maxLabel {
		q.problem, q.dead = verdict.Malformed, true
		return ascii
	}
	q.labels++
	decoded := label
	if len(label) >= 4 && string(label[:4]) == "xn--" {
		var err error
		if decoded, err = idn.AppendDecoded(nil, string(label[4:])); err != nil || !e.clean(decoded) {
			q.raise(verdict.Punycode)
			if err != nil {
				decoded = label
			}
		}
	}
	for _, r := range decoded {
		if r < utf8.RuneSelf && !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			q.raise(verdict.Malformed)
		}
	}
	if mixed(decoded) {
		q.raise(verdict.MixedScript)
	}
	q.runes = append(q.runes, decoded)
	start := len(ascii)
	out, err := idn.AppendEncoded(ascii, label)
	if err != nil || len(out)-start > maxLabel {
		q.problem, q.dead = verdict.Malformed, true
		return ascii
	}
	return out
}

// clean reports whether a decoded label could have come from a name: not plain ASCII, every character allowed.
func (e *Engine) clean(label []rune) bool {
	foreign := false
	for _, r := range label {
		foreign = foreign || r >= utf8.RuneSelf
		if !e.mapper.Valid(r) || r >= 0x200c && r <= 0x200d {
			return false
		}
	}
	return foreign
}

// project fills text with what the labels look like. other takes the second reading of ambiguous characters. It reports whether
// there are any.
func (e *Engine) project(q *name, other bool) (ambiguous bool) {
	q.look, q.left, q.reg = make([]byte, 0, q.n), 0, -1
	mark := func(r rune) bool { return e.mapper.Class(r) != 0 }
	suffixLabels := 1 + strings.Count(string(q.ascii[q.split.Suffix:q.n]), ".")
	var buf [4 * maxLabel]byte
	for i, label := range q.runes {
		if i > 0 {
			q.look = append(q.look, '.')
		}
		if i == q.labels-suffixLabels {
			q.left = max(len(q.look)-1, 0)
		}
		if i == q.labels-suffixLabels-1 && q.split.Registrable >= 0 {
			q.reg = len(q.look)
		}
		out := buf[:0]
		for _, r := range label {
			if r >= utf8.RuneSelf {
				q.foreign = true
				if i < 64 {
					q.marked |= 1 << i
				}
			}
			if alt := fold.Other(r); alt != 0 {
				if ambiguous = true; other {
					out = append(out, alt)
					continue
				}
			}
			if len(out)+4 < len(buf) {
				out = e.shapes.AppendRune(out, r, mark)
			}
		}
		q.look = append(q.look, out...)
	}
	if len(q.look) > maxText {
		q.look = q.look[:maxText]
	}
	q.left = min(q.left, len(q.look))
	if q.reg > q.left {
		q.reg = -1
	}
	return ambiguous
}

// script groups for the mixing test
const (
	latin = 1 << iota
	greek
	cyrillic
	otherAlphabet
)

// mixed reports letters of two of Latin, Greek, Cyrillic and the other small alphabets in one label. Latin beside Han, Kana or
// Hangul is ordinary and not mixed.
func mixed(label []rune) bool {
	seen := 0
	for _, r := range label {
		switch {
		case r >= 'a' && r <= 'z', r >= 0xc0 && r < 0x2b0, r >= 0x1e00 && r < 0x1f00:
			seen |= latin
		case r >= 0x370 && r < 0x400, r >= 0x1f00 && r < 0x2000:
			seen |= greek
		case r >= 0x400 && r < 0x530, r >= 0x1c80 && r < 0x1c90, r >= 0xa640 && r < 0xa6a0:
			seen |= cyrillic
		case r >= 0x530 && r < 0x590, r >= 0x10a0 && r < 0x1100, r >= 0x13a0 && r < 0x1400, r >= 0x2c80 && r < 0x2d30:
			seen |= otherAlphabet
		}
	}
	return seen&(seen-1) != 0
}

// isNumber: the last label is one that browsers take for (part of) an IPv4 address (WHATWG URL "ends in a number").
func isNumber(label []byte) bool {
	if len(label) == 0 {
		return false
	}
	if len(label) >= 2 && label[0] == '0' && label[1] == 'x' {
		for _, c := range label[2:] {
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
				return false
			}
		}
		return true
	}
	for _, c := range label {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// readNumber tells a plain dotted address from the other writings of one.
func (e *Engine) readNumber(q *name) {
	q.dead = true
	value, parts, current, digits := 0, 0, 0, 0
	plain := true
	for i := 0; i <= q.n; i++ {
		if i < q.n && q.ascii[i] != '.' {
			c := q.ascii[i]
			if c < '0' || c > '9' || digits == 3 || digits > 0 && current == 0 {
				plain = false
				break
			}
			current = current*10 + int(c-'0')
			digits++
			continue
		}
		plain = plain && current <= 255 && digits > 0
		value = value<<8 | current
		parts++
		current, digits = 0, 0
	}
	if !plain || parts != 4 {
		q.problem = verdict.Numeric
		return
	}
	q.address = true
	a, b := value>>24, value>>16&255
	q.private = a == 127 || a == 10 || a == 192 && b == 168 || a == 172 && b >= 16 && b < 32 || a == 169 && b == 254 || a == 0
	if !q.private {
		q.problem = verdict.Numeric
	}
}

// readIPv6 recognises an address in brackets well enough to tell the private ones; it is never a shop's name.
func (e *Engine) readIPv6(q *name, host string) {
	q.dead = true
	inner := strings.Trim(host, "[]")
	for i := 0; i < len(inner); i++ {
		c := inner[i] | 0x20
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || inner[i] == ':' || inner[i] == '.' || inner[i] == '%') {
			q.problem = verdict.Malformed
			return
		}
	}
	if len(inner) > 45 || strings.Count(inner, ":") < 2 {
		q.problem = verdict.Malformed
		return
	}
	lower := strings.ToLower(inner)
	q.address = true
	q.private = lower == "::1" || strings.HasPrefix(lower, "fe80:") || strings.HasPrefix(lower, "fc") || strings.HasPrefix(lower, "fd")
	if !q.private {
		q.problem = verdict.Numeric
	}
}

// unescape resolves %XX; "" if an escape is broken.
func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			return ""
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return ""
		}
		out = append(out, byte(hi<<4|lo))
		i += 2
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
