// Package idn reads and writes internationalised host names: punycode (RFC 3492), the character mapping of UTS #46
// (non-transitional, as browsers do it), and composition (NFC). It is small, allocates only for non-ASCII names, and leaves
// the question "may a browser show this?" to its callers.
package idn

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// ErrPunycode: an xn-- label that does not decode, or decodes to what it should not.
var ErrPunycode = errors.New("punycode")

// ErrRune: a character that UTS #46 does not allow in a host name.
var ErrRune = errors.New("character not allowed in a host name")

// parameters of RFC 3492 §5
const (
	base        = 36
	tMin        = 1
	tMax        = 26
	skew        = 38
	damp        = 700
	initialBias = 72
	initialN    = 128
	maxLabel    = 63
)

// AppendDecoded appends the characters of a punycode label (without "xn--") to dst. The label is at most 63 bytes; the work
// is bounded by its square.
func AppendDecoded(dst []rune, label string) ([]rune, error) {
	if len(label) > maxLabel || label == "" {
		return dst, ErrPunycode
	}
	first := len(dst)
	rest := label
	if d := strings.LastIndexByte(label, '-'); d >= 0 {
		for i := 0; i < d; i++ {
			if label[i] >= utf8.RuneSelf {
				return dst, ErrPunycode
			}
			dst = append(dst, rune(label[i]))
		}
		rest = label[d+1:]
		if d == 0 || rest == "" {
			return dst, ErrPunycode
		}
	}
	n, i, bias := int32(initialN), int32(0), int32(initialBias)
	for p := 0; p < len(rest); {
		old, w := i, int32(1)
		for k := int32(base); ; k += base {
			if p == len(rest) {
				return dst, ErrPunycode
			}
			d := digit(rest[p])
			p++
			if d < 0 || d > (1<<31-1-i)/w {
				return dst, ErrPunycode
			}
			i += d * w
			t := threshold(k, bias)
			if d < t {
				break
			}
			if w > (1<<31-1)/(base-t) {
				return dst, ErrPunycode
			}
			w *= base - t
		}
		count := int32(len(dst)-first) + 1
		bias = adapt(i-old, count, old == 0)
		if i/count > 0x10ffff-n {
			return dst, ErrPunycode
		}
		n += i / count
		i %= count
		if n >= 0xd800 && n <= 0xdfff {
			return dst, ErrPunycode
		}
		dst = append(dst, 0)
		at := first + int(i)
		copy(dst[at+1:], dst[at:])
		dst[at] = n
		i++
	}
	return dst, nil
}

func digit(c byte) int32 {
	switch {
	case c >= '0' && c <= '9':
		return int32(c) - '0' + 26
	case c >= 'a' && c <= 'z':
		return int32(c) - 'a'
	case c >= 'A' && c <= 'Z':
		return int32(c) - 'A'
	}
	return -1
}

func threshold(k, bias int32) int32 { return min(max(k-bias, tMin), tMax) }

func adapt(delta, count int32, first bool) int32 {
	if first {
		delta /= damp
	} else {
		delta /= 2
	}
	delta += delta / count
	k := int32(0)
	for delta > (base-tMin)*tMax/2 {
		delta /= base - tMin
		k += base
	}
	return k + (base-tMin+1)*delta/(delta+skew)
}

// AppendEncoded appends "xn--" and the punycode of the label, or the label itself if it is ASCII.
func AppendEncoded(dst []byte, label []rune) ([]byte, error) {
	plain := 0
	for _, r := range label {
		if r < utf8.RuneSelf {
			plain++
		}
	}
	if plain == len(label) {
		for _, r := range label {
			dst = append(dst, byte(r))
		}
		return dst, nil
	}
	dst = append(dst, "xn--"...)
	for _, r := range label {
		if r < utf8.RuneSelf {
			dst = append(dst, byte(r))
		}
	}
	if plain > 0 {
		dst = append(dst, '-')
	}
	n, delta, bias, done := int32(initialN), int32(0), int32(initialBias), int32(plain)
	for int(done) < len(label) {
		next := int32(0x7fffffff)
		for _, r := range label {
			if r >= n && r < next {
				next = r
			}
		}
		if next-n > (1<<31-1-delta)/(done+1) {
			return dst, ErrPunycode
		}
		delta += (next - n) * (done + 1)
		n = next
		for _, r := range label {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			dst = appendDelta(dst, delta, bias)
			bias = adapt(delta, done+1, int(done) == plain)
			delta = 0
			done++
		}
		delta++
		n++
	}
	return dst, nil
}

func appendDelta(dst []byte, q, bias int32) []byte {
	const digits = "abcdefghijklmnopqrstuvwxyz0123456789"
	for k := int32(base); ; k += base {
		t := threshold(k, bias)
		if q < t {
			return append(dst, digits[q])
		}
		dst = append(dst, digits[t+(q-t)%(base-t)])
		q = (q - t) / (base - t)
	}
}

// ToASCII maps a name (UTS #46) and writes its labels in punycode where needed. It allocates.
func (m *Mapper) ToASCII(name string) (string, error) {
	mapped, _, err := m.AppendMapped(nil, name)
	if err != nil {
		return "", err
	}
	var out []byte
	for start, i := 0, 0; i <= len(mapped); i++ {
		if i < len(mapped) && mapped[i] != '.' {
			continue
		}
		if out, err = AppendEncoded(out, mapped[start:i]); err != nil {
			return "", err
		}
		if i < len(mapped) {
			out = append(out, '.')
		}
		start = i + 1
	}
	return string(out), nil
}
