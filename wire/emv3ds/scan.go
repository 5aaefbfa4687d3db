package emv3ds

import (
	"strings"
	"unicode/utf8"
)

// Limits of what Parse accepts.
const (
	MaxSize    = 1 << 20 // bytes of one message; the longest real one is a PRes
	maxDepth   = 12      // nested objects and arrays
	maxMembers = 256     // members of one object
)

// member is one name and value of an object; value is the raw JSON text, a slice of the buffer.
type member struct {
	name  []byte
	value []byte
}

// kind is the first byte of a raw value: '"' text, '{', '[', 't' or 'f', 'n' null, 'd' number.
func kind(value []byte) byte {
	if len(value) == 0 {
		return 0
	}
	switch c := value[0]; {
	case c == '-' || c >= '0' && c <= '9':
		return 'd'
	default:
		return c
	}
}

// scanner checks JSON (RFC 8259) in place. It makes nothing but slices of b.
type scanner struct {
	b          []byte
	at         int
	depth      int
	names      [][]byte // names of all open objects, outermost first
	path       []string // where we are, filled only below the top object
	duplicates []string
	bad        bool
}

func (s *scanner) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

// accept steps over c, if it is next.
func (s *scanner) accept(c byte) bool {
	if s.peek() == c && s.at < len(s.b) {
		s.at++
		return true
	}
	return false
}

func (s *scanner) fail() bool { s.bad = true; return false }

// value steps over one value of any kind.
func (s *scanner) value() bool {
	switch c := s.peek(); {
	case c == '"':
		return s.text()
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array(nil)
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	return s.fail()
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.at < len(w) || string(s.b[s.at:s.at+len(w)]) != w {
		return s.fail()
	}
	s.at += len(w)
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

func (s *scanner) number() bool {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return s.fail()
	}
	if s.accept('.') && !s.digits() {
		return s.fail()
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return s.fail()
		}
	}
	return true
}

// text steps over a string and checks escapes, surrogate pairs, control characters and UTF-8.
func (s *scanner) text() bool {
	s.at++
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < 0x20:
			return s.fail()
		case c == '\\':
			_, n := unescape(s.b[s.at:])
			if n == 0 {
				return s.fail()
			}
			s.at += n
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, n := utf8.DecodeRune(s.b[s.at:])
			if r == utf8.RuneError && n == 1 {
				return s.fail()
			}
			s.at += n
		}
	}
	return s.fail()
}

// object steps over an object; out, if given, collects its members. Names that occur twice are noted.
func (s *scanner) object(out *[]member) bool {
	if s.depth++; s.depth > maxDepth {
		return s.fail()
	}
	s.at++
	base := len(s.names)
	s.space()
	for first := true; !s.accept('}'); first = false {
		if !first {
			if !s.accept(',') {
				return s.fail()
			}
			s.space()
		}
		if !s.pair(base, out) {
			return false
		}
	}
	s.names = s.names[:base]
	s.depth--
	return true
}

// pair steps over "name": value and the space after it.
func (s *scanner) pair(base int, out *[]member) bool {
	from := s.at
	if s.peek() != '"' || !s.text() {
		return s.fail()
	}
	name := plain(s.b[from:s.at])
	s.note(base, name)
	if len(s.names)-base > maxMembers {
		return s.fail()
	}
	s.space()
	if !s.accept(':') {
		return s.fail()
	}
	s.space()
	from = s.at
	if c := s.peek(); c == '{' || c == '[' {
		s.path = append(s.path, fieldName(name))
		if !s.value() {
			return false
		}
		s.path = s.path[:len(s.path)-1]
	} else if !s.value() {
		return false
	}
	if out != nil {
		*out = append(*out, member{name: name, value: s.b[from:s.at]})
	}
	s.space()
	return true
}

// note remembers a name of the object whose names begin at base, and writes down a duplicate.
func (s *scanner) note(base int, name []byte) {
	for _, n := range s.names[base:] {
		if string(n) == string(name) {
			s.duplicates = append(s.duplicates, strings.Join(append(s.path, fieldName(name)), "."))
			break
		}
	}
	s.names = append(s.names, name)
}

// array steps over an array; out, if given, collects its elements.
func (s *scanner) array(out *[][]byte) bool {
	if s.depth++; s.depth > maxDepth {
		return s.fail()
	}
	s.at++
	s.space()
	for first := true; !s.accept(']'); first = false {
		if !first {
			if !s.accept(',') {
				return s.fail()
			}
			s.space()
		}
		from := s.at
		if !s.value() {
			return false
		}
		if out != nil {
			*out = append(*out, s.b[from:s.at])
		}
		s.space()
	}
	s.depth--
	return true
}

// members splits a raw object that was checked before.
func members(raw []byte) []member {
	var out []member
	if kind(raw) == '{' {
		s := scanner{b: raw}
		s.object(&out)
	}
	return out
}

// elements splits a raw array that was checked before.
func elements(raw []byte) [][]byte {
	var out [][]byte
	if kind(raw) == '[' {
		s := scanner{b: raw}
		s.array(&out)
	}
	return out
}
