package idn

import (
	_ "embed"
	"sort"
	"unicode/utf8"
)

// mapData is made by guard/lookalike/gen/tables. Format: runs from U+0080 on (uvarint length, kind, payload; length 0 ends), then
// combining classes (gap, length, class; 0 0 ends), then composites (count; gap, first, second).
//
//go:embed map.bin
var mapData string

// kinds of run
const (
	valid = iota
	disallowed
	ignored
	shifted // payload: what to add
	spelled // payload: length and code points
)

// Mapper maps characters by UTS #46, non-transitional, and composes (NFC). Its zero value is not usable; see NewMapper.
type Mapper struct {
	starts  []rune
	kinds   []uint8
	values  []int32 // shifted: what to add; spelled: offset<<8 | length in strings
	strings []rune
	marks   []classRun
	pairs   []pair // composites sorted by first, second
	parts   []pair // the same, sorted by joined
}

// pair: a and b compose to joined.
type pair struct{ a, b, joined rune }

type classRun struct {
	start rune
	n     int32
	class uint8
}

type reader struct {
	s string
}

func (r *reader) uvarint() int {
	v, shift := uint64(0), 0
	for i := 0; i < len(r.s); i++ {
		c := r.s[i]
		v |= uint64(c&0x7f) << shift
		shift += 7
		if c < 0x80 {
			r.s = r.s[i+1:]
			return int(v)
		}
	}
	return 0
}

func (r *reader) varint() int {
	u := r.uvarint()
	if u&1 != 0 {
		return ^(u >> 1)
	}
	return u >> 1
}

func (r *reader) octet() byte {
	c := r.s[0]
	r.s = r.s[1:]
	return c
}

// NewMapper unpacks the table (about half a millisecond).
func NewMapper() *Mapper {
	m := &Mapper{}
	r := &reader{mapData}
	at := rune(0x80)
	for n := r.uvarint(); n != 0; n = r.uvarint() {
		kind, value := r.octet(), int32(0)
		switch kind {
		case shifted:
			value = int32(r.varint())
		case spelled:
			k := r.uvarint()
			value = int32(len(m.strings)<<8 | k)
			for range k {
				m.strings = append(m.strings, rune(r.uvarint()))
			}
		}
		m.starts = append(m.starts, at)
		m.kinds = append(m.kinds, kind)
		m.values = append(m.values, value)
		at += rune(n)
	}
	at = 0x80
	for {
		gap, n := r.uvarint(), r.uvarint()
		if n == 0 {
			break
		}
		at += rune(gap)
		m.marks = append(m.marks, classRun{at, int32(n), r.octet()})
	}
	m.readPairs(r)
	return m
}

func (m *Mapper) readPairs(r *reader) {
	at := rune(0x80)
	for n := r.uvarint(); n > 0; n-- {
		at += rune(r.uvarint())
		a := rune(r.uvarint())
		m.parts = append(m.parts, pair{a, rune(r.uvarint()), at})
	}
	m.pairs = append([]pair(nil), m.parts...)
	sort.Slice(m.pairs, func(i, j int) bool {
		p, q := &m.pairs[i], &m.pairs[j]
		return p.a < q.a || p.a == q.a && p.b < q.b
	})
}

// find gives the index of the run that holds r.
func (m *Mapper) find(r rune) int {
	lo, hi := 0, len(m.starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; m.starts[mid] <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// Class gives the canonical combining class of r; not 0 means a mark that stacks on the letter before it.
func (m *Mapper) Class(r rune) uint8 {
	lo, hi := 0, len(m.marks)
	for lo < hi {
		mid := (lo + hi) / 2
		run := &m.marks[mid]
		switch {
		case r < run.start:
			hi = mid
		case r >= run.start+rune(run.n):
			lo = mid + 1
		default:
			return run.class
		}
	}
	return 0
}

// AppendMapped appends the mapped characters of name, composed. hidden reports characters that the mapping drops or that
// cannot be seen (soft hyphen, zero width characters, joiners). err is ErrRune when a character is not allowed; the
// rest is mapped all the same. ASCII is only lower-cased; the caller checks it.
func (m *Mapper) AppendMapped(dst []rune, name string) (out []rune, hidden bool, err error) {
	first := len(dst)
	plain := true
	for _, r := range name {
		if r < utf8.RuneSelf {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			dst = append(dst, r)
			continue
		}
		plain = false
		if r == 0x200c || r == 0x200d || r >= 0x200e && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			hidden = true
			continue
		}
		i := m.find(r)
		switch m.kinds[i] {
		case valid:
			dst = append(dst, r)
		case disallowed:
			err = ErrRune
			dst = append(dst, r)
		case ignored:
			hidden = true
		case shifted:
			dst = append(dst, r+m.values[i])
		case spelled:
			at := int(m.values[i] >> 8)
			dst = append(dst, m.strings[at:at+int(m.values[i]&255)]...)
		}
	}
	if !plain {
		dst = m.takeApart(dst, first)
		dst = dst[:first+m.compose(dst[first:])]
	}
	return dst, hidden, err
}

// Valid reports whether r may stand in a mapped name: UTS #46 maps it to itself.
func (m *Mapper) Valid(r rune) bool { return r < utf8.RuneSelf || m.kinds[m.find(r)] == valid }

// takeApart replaces the composites in dst[first:] by their parts if a mark stands anywhere there: only then can composing again
// give something else.
func (m *Mapper) takeApart(dst []rune, first int) []rune {
	marked := false
	for _, r := range dst[first:] {
		marked = marked || r >= 0x300 && m.Class(r) != 0
	}
	if !marked {
		return dst
	}
	src := append([]rune(nil), dst[first:]...)
	dst = dst[:first]
	for _, r := range src {
		dst = m.appendParts(dst, r)
	}
	return dst
}

func (m *Mapper) appendParts(dst []rune, r rune) []rune {
	i := sort.Search(len(m.parts), func(i int) bool { return m.parts[i].joined >= r })
	if i == len(m.parts) || m.parts[i].joined != r {
		return append(dst, r)
	}
	return append(m.appendParts(dst, m.parts[i].a), m.parts[i].b)
}

// compose brings s into NFC, given that the mapping has composed each character's own replacement. It gives the new length.
func (m *Mapper) compose(s []rune) int {
	m.order(s)
	starter, out := -1, 0
	last := uint8(0)
	for i, r := range s {
		class := m.Class(r)
		if starter >= 0 && (out == starter+1 || last < class && last != 0) {
			if c := m.join(s[starter], r); c != 0 {
				s[starter] = c
				continue
			}
		}
		s[out] = s[i]
		if class == 0 {
			starter = out
		}
		last = class
		out++
	}
	return out
}

// order sorts runs of marks by class, stably. Runs longer than 30 stay as they are (such a name is refused anyway).
func (m *Mapper) order(s []rune) {
	for i := 1; i < len(s); i++ {
		c := m.Class(s[i])
		for j := i; c != 0 && j > 0 && i-j < 30; j-- {
			if before := m.Class(s[j-1]); before <= c {
				break
			}
			s[j-1], s[j] = s[j], s[j-1]
		}
	}
}

// join gives the composite of two characters, or 0.
func (m *Mapper) join(a, b rune) rune {
	switch { // Hangul, computed (Unicode §3.12)
	case a >= 0x1100 && a < 0x1113 && b >= 0x1161 && b < 0x1176:
		return 0xac00 + ((a-0x1100)*21+b-0x1161)*28
	case a >= 0xac00 && a <= 0xd7a3 && (a-0xac00)%28 == 0 && b > 0x11a7 && b < 0x11c3:
		return a + b - 0x11a7
	}
	i := sort.Search(len(m.pairs), func(i int) bool { p := &m.pairs[i]; return p.a > a || p.a == a && p.b >= b })
	if i < len(m.pairs) && m.pairs[i].a == a && m.pairs[i].b == b {
		return m.pairs[i].joined
	}
	return 0
}
