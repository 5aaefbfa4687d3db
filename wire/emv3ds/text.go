package emv3ds

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape reads one escape at the start of b and tells its rune and length; length 0 means that it
// is none, or one half of a surrogate pair without the other.
func unescape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return unescapeHex(b)
	}
	return 0, 0
}

// unescapeHex reads \uXXXX, and the second half of a surrogate pair with it.
func unescapeHex(b []byte) (rune, int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(b) < 12 || b[6] != '\\' {
		return 0, 0
	}
	second, ok := hex4(b[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hex4 reads \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// plain is a checked raw string without its quotes and escapes: a slice of raw when it has none.
func plain(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	out := make([]byte, 0, len(inner))
	for len(inner) > 0 {
		if inner[0] != '\\' {
			out = append(out, inner[0])
			inner = inner[1:]
			continue
		}
		r, n := unescape(inner)
		out = utf8.AppendRune(out, r)
		inner = inner[n:]
	}
	return out
}

// lend gives f the text of a checked raw string; a copy made for its escapes is wiped afterwards.
func lend(raw []byte, f func([]byte)) {
	p := plain(raw)
	f(p)
	if len(p) != len(raw)-2 {
		clear(p)
	}
}

// fieldName is a name as it may appear in an error: foreign text that is not a plain field name is
// not repeated.
func fieldName(name []byte) string {
	if len(name) == 0 || len(name) > 64 {
		return "?"
	}
	letters := 0
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		case c >= '0' && c <= '9' || c == '_' || c == '-':
		default:
			return "?"
		}
	}
	if letters*2 < len(name) {
		return "?"
	}
	return string(name)
}

// appendText writes a JSON string.
func appendText[T string | []byte](b []byte, text T) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, n := decodeRune(text[i:])
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	return append(b, '"')
}

func decodeRune[T string | []byte](text T) (rune, int) {
	if len(text) > utf8.UTFMax {
		text = text[:utf8.UTFMax]
	}
	return utf8.DecodeRuneInString(string(text))
}
