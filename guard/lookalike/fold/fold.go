// Package fold brings different writings of the same shape to one form, so that look-alikes become equal.
//
// There are three steps. Project turns characters of any script into the ASCII letters that they look like. One replaces each
// ASCII letter by the head of its class of similar shapes (i l 1, o 0, c e 3, …), length unchanged. Coarse also joins
// letters that together look like one (rn m nn, vv w, cl d), so the length may change.
package fold

import (
	_ "embed"
)

// foldData is made by guard/lookalike/gen/tables: code point gap (uvarint), length, ASCII.
//
//go:embed fold.bin
var foldData string

// Unknown stands in a projection for a character that looks like no ASCII letter.
const Unknown = '~'

// Table holds what characters look like.
type Table struct {
	runes []rune
	at    []uint32 // offset<<3 | length in text
	text  string
}

// NewTable unpacks the table.
func NewTable() *Table {
	t := &Table{text: foldData}
	last := rune(0)
	for i := 0; i < len(foldData); {
		v, shift := 0, 0
		for ; ; i++ {
			c := foldData[i]
			v |= int(c&0x7f) << shift
			shift += 7
			if c < 0x80 {
				i++
				break
			}
		}
		last += rune(v)
		n := int(foldData[i])
		i++
		t.runes = append(t.runes, last)
		t.at = append(t.at, uint32(i<<3|n))
		i += n
	}
	return t
}

// Look gives the ASCII letters that r looks like, or "".
func (t *Table) Look(r rune) string {
	lo, hi := 0, len(t.runes)
	for lo < hi {
		if mid := (lo + hi) / 2; t.runes[mid] < r {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(t.runes) || t.runes[lo] != r {
		return ""
	}
	at := int(t.at[lo] >> 3)
	return t.text[at : at+int(t.at[lo]&7)]
}

// Like gives the characters that look like the ASCII letter c.
func (t *Table) Like(c byte) []rune {
	var out []rune
	for i, r := range t.runes {
		if at := t.at[i]; at&7 == 1 && t.text[at>>3] == c {
			out = append(out, r)
		}
	}
	return out
}

// Other gives a second reading of an ambiguous character, or 0.
func Other(r rune) byte {
	switch r {
	case 'ə', 'ɘ', 'ǝ':
		return 'a'
	case 'ı', 'ɩ', 'ӏ':
		return 'l'
	case 'þ', 'ь', 'в':
		return 'b'
	case 'и', 'ц':
		return 'u'
	case 'я':
		return 'r'
	case 'ŋ', 'η':
		return 'n'
	case 'ɡ', 'ƍ':
		return 'g'
	case 'ƿ', 'ƥ':
		return 'p'
	}
	return 0
}

// AppendRune appends what r looks like: ASCII as it is, other characters by the table, marks that stack on a letter as nothing,
// the rest as Unknown. mark tells whether a character is such a mark.
func (t *Table) AppendRune(dst []byte, r rune, mark func(rune) bool) []byte {
	if r < 0x80 {
		return append(dst, byte(r))
	}
	if s := t.Look(r); s != "" {
		return append(dst, s...)
	}
	if mark(r) {
		return dst
	}
	return append(dst, Unknown)
}

// classTable maps each byte to the head of its class of shapes; see One.
var classTable = classes("il1", "o0", "ec3", "a4", "s5", "bd86", "gq9", "uv", "nm", "t7", "z2")

func classes(groups ...string) (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	heads := "loeasbguntz"
	for i, g := range groups {
		for j := range len(g) {
			t[g[j]] = heads[i]
		}
	}
	return t
}

// One gives the head of the class of shapes that c belongs to.
func One(c byte) byte { return classTable[c] }

// AppendOne appends s with each letter replaced by the head of its class.
func AppendOne(dst []byte, s []byte) []byte {
	for _, c := range s {
		dst = append(dst, classTable[c])
	}
	return dst
}

// AppendCoarse appends the coarse form of s. pos, if not nil, receives for each byte of the result the offset in s where it began,
// and one more for the end; it must have room for len(s)+1.
func AppendCoarse(dst []byte, pos []uint16, s []byte) []byte {
	n := 0
	for i := 0; i < len(s); {
		c, width := s[i], 1
		out := classTable[c]
		next := byte(0)
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch {
		case (c == 'v' || c == 'u') && (next == 'v' || next == 'u'):
			out, width = 'w', 2
		case c == 'c' && (next == 'l' || next == '1'), c == 'd' && next == 'l':
			out, width = 'b', 2
			if c == 'd' && i+2 < len(s) && s[i+2] == 'l' {
				width = 3
			}
		case out == 'l':
			out, width = stem(s[i:])
		case c == 'n' || c == 'm' || c == 'r' && (next == 'n' || next == 'm' || next == 'r'):
			out, width = 'n', run(s[i:])
		}
		if pos != nil {
			pos[n] = uint16(i)
		}
		n++
		dst = append(dst, out)
		i += width
	}
	if pos != nil {
		pos[n] = uint16(len(s))
	}
	return dst
}

// joinTable holds, for each letter that may flow into the next, the letters that it may flow into, as bits of joinBit.
var joinTable = joinSets()

func joinSets() (t [256]uint32) {
	for _, p := range []string{"rrnm", "nnm", "mnm", "vvu", "uuv", "cl1", "dl", "lil1kchb", "iil1kchb", "1il1kchb"} {
		for _, next := range p[1:] {
			t[p[0]] |= joinBit(byte(next))
		}
	}
	return t
}

func joinBit(c byte) uint32 {
	if c == '1' {
		return 1
	}
	return 1 << (c - 'a' + 1) & (1<<27 - 1)
}

// Joins reports whether the coarse form of s can differ from AppendOne's.
func Joins(s []byte) bool {
	last := uint32(0)
	for _, c := range s {
		if last != 0 && (c >= 'a' && c <= 'z' || c == '1') && last&joinBit(c) != 0 {
			return true
		}
		last = joinTable[c]
	}
	return false
}

// stem reads an l, i or 1 at the start of s. With what follows it can look like one letter: lk k, lc k, lb b, lh h.
func stem(s []byte) (out byte, width int) {
	i := 1
	for i < len(s) && i < 3 && classTable[s[i]] == 'l' {
		i++
	}
	if i < len(s) {
		switch s[i] {
		case 'k':
			return 'k', i + 1
		case 'c':
			if i+1 == len(s) || s[i+1] != 'l' && s[i+1] != '1' {
				return 'k', i + 1
			}
		case 'h':
			return 'h', i + 1
		case 'b':
			return 'b', i + 1
		}
	}
	return 'l', 1
}

// run measures letters that flow into one another: n, m, rn, rm, rr.
func run(s []byte) int {
	i := 0
	for i < len(s) {
		switch {
		case s[i] == 'n' || s[i] == 'm':
			i++
		case s[i] == 'r' && i+1 < len(s) && (s[i+1] == 'n' || s[i+1] == 'm' || i == 0 && s[i+1] == 'r'):
			i += 2
		default:
			return i
		}
	}
	return i
}

// Strict gives the form in which only shapes that are hard to tell apart are equal: rn m, vv w, cl d,
// i l 1, q g, and digits for letters. It appends
// to dst.
func Strict(dst []byte, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		c, next := s[i], byte(0)
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch {
		case c == 'r' && next == 'n':
			c = 'm'
			i++
		case c == 'v' && next == 'v':
			c = 'w'
			i++
		case c == 'c' && (next == 'l' || next == '1'):
			c = 'd'
			i++
		case c == '0':
			c = 'o'
		case c == '1' || c == 'i':
			c = 'l'
		case c == '5':
			c = 's'
		case c == 'q' || c == '9':
			c = 'g'
		case c == '3':
			c = 'e'
		case c == '4':
			c = 'a'
		case c == '6' || c == '8':
			c = 'b'
		case c == '7':
			c = 't'
		case c == '2':
			c = 'z'
		}
		dst = append(dst, c)
	}
	return dst
}
