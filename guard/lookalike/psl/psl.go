// Package psl finds the public suffix of a host name, with and without the private section of the list, by one pass over
// the host and one small hash table. It replaces golang.org/x/net/publicsuffix, which costs as much as a whole look-up
// and brings net/http into a browser build, and which cannot be refreshed while running.
//
// The list is that of publicsuffix.org (MPL-2.0). public_suffix_list.dat.gz is the source as published;
// list.txt is made from it by guard/lookalike/psl/gen.
package psl

import (
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"strings"

	"countersign/guard/lookalike/idn"
)

//go:embed list.txt
var builtinText string

//go:embed supplement.txt
var supplementText string

// ErrList is wrapped by every error about a public suffix list.
var ErrList = errors.New("public suffix list")

// flags of a rule
const (
	icannRule = 1 << iota
	privateRule
	icannWild
	privateWild
	icannException
	privateException
)

// List is an immutable public suffix list.
type List struct {
	text  string   // the rules' names, each followed by a newline
	slots []uint32 // open addressing: flags<<26 | offset+1 in text
	mask  uint32
	depth int // labels of the deepest rule
	rules int
}

// Split says where the parts of a host begin. All numbers are byte offsets; Registrable is -1 when the host is itself a suffix.
type Split struct {
	Suffix           int  // start of the public suffix, private section included
	Registrable      int  // start of the label left of Suffix
	ICANN            int  // start of the public suffix by the ICANN section alone
	ICANNRegistrable int  // start of the label left of ICANN
	Private          bool // Suffix comes from the private section: what is left of it is a tenant of a platform
	Listed           bool // a rule matched; false = unknown top-level domain
}

// Builtin gives the list that is compiled in, with the supplement of platforms that the list does not carry.
func Builtin() (*List, error) { return Parse(builtinText) }

// Parse reads a list in the format of publicsuffix.org and adds the supplement. It refuses a text that cannot be the whole list
// (fewer than 5,000 rules), so that a cut-off download never replaces a good one.
func Parse(text string) (*List, error) {
	l, err := parse(text + "\n// ===BEGIN PRIVATE DOMAINS===\n" + supplementText)
	if err != nil {
		return nil, err
	}
	if l.rules < 5000 {
		return nil, fmt.Errorf("%w: only %d rules", ErrList, l.rules)
	}
	return l, nil
}

// Rules gives the number of rules.
func (l *List) Rules() int { return l.rules }

func parse(text string) (*List, error) {
	size := 64
	for size < strings.Count(text, "\n")*3/2 {
		size *= 2
	}
	l := &List{slots: make([]uint32, size), mask: uint32(size - 1)}
	kept := make([]byte, 0, len(text))
	var mapper *idn.Mapper
	shift := 0
	for n := 1; text != ""; n++ {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if strings.HasPrefix(line, "//") {
			if strings.Contains(line, "BEGIN PRIVATE DOMAINS") {
				shift = 1
			}
			continue
		}
		name, kind := firstWord(line), uint32(icannRule)
		if name == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(name, "*."); ok {
			name, kind = rest, icannWild
		} else if rest, ok := strings.CutPrefix(name, "!"); ok {
			name, kind = rest, icannException
		}
		if !isPlain(name) {
			if mapper == nil {
				mapper = idn.NewMapper()
			}
			ascii, err := mapper.ToASCII(name)
			if err != nil || len(ascii) > 253 {
				return nil, fmt.Errorf("%w: line %d: %q", ErrList, n, name)
			}
			name = ascii
		}
		kept = l.add(kept, name, kind<<shift)
	}
	l.text = string(kept)
	return l, nil
}

func firstWord(line string) string {
	line = strings.TrimLeft(line, " \t")
	if at := strings.IndexAny(line, " \t\r"); at >= 0 {
		line = line[:at]
	}
	return line
}

// isPlain: lower-case ASCII.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 || s[i] >= 'A' && s[i] <= 'Z' {
			return false
		}
	}
	return len(s) <= 253
}

// add puts a rule into the table; kept is the text so far.
func (l *List) add(kept []byte, name string, flags uint32) []byte {
	slot := hashBack(name) & l.mask
	for ; l.slots[slot] != 0; slot = (slot + 1) & l.mask {
		at := int(l.slots[slot]&(1<<26-1)) - 1
		if end := at + len(name); end < len(kept) && kept[end] == '\n' && string(kept[at:end]) == name {
			l.slots[slot] |= flags << 26
			return kept
		}
	}
	l.slots[slot] = flags<<26 | uint32(len(kept)+1)
	l.rules++
	l.depth = max(l.depth, strings.Count(name, ".")+2)
	return append(append(kept, name...), '\n')
}

const prime = 0x01000193

// finish spreads the low bits of the running hash.
func finish(h uint32) uint32 { return h ^ h>>15 }

// hashBack hashes from the last byte to the first, as Split walks a host.
func hashBack(s string) uint32 {
	return finish(rawHash(s))
}

func (l *List) find(h uint32, name []byte) uint32 {
	for slot := finish(h) & l.mask; ; slot = (slot + 1) & l.mask {
		v := l.slots[slot]
		if v == 0 {
			return 0
		}
		at := int(v&(1<<26-1)) - 1
		if end := at + len(name); end < len(l.text) && l.text[end] == '\n' && l.text[at:end] == string(name) && (at == 0 || l.text[at-1] == '\n') {
			return v >> 26
		}
	}
}

// Split finds the suffixes of a host: lower-case ASCII labels joined by single dots, none at the end. It does not allocate.
func (l *List) Split(host []byte) Split {
	s := Split{Suffix: len(host), Registrable: -1, ICANN: len(host), ICANNRegistrable: -1}
	h := uint32(0x811c9dc5)
	var wild uint32         // wildcard flags of the suffix one label shorter
	right := len(host)      // start of the suffix one label shorter
	icannDone, done := 0, 0 // 1 = an exception fixed it
	matched := false
	for i, labels := len(host)-1, 0; i >= -1 && labels <= l.depth; i-- {
		if i >= 0 && host[i] != '.' {
			h = (h ^ uint32(host[i])) * prime
			continue
		}
		labels++
		start := i + 1
		flags := l.find(h, host[start:])
		if labels == 1 { // the default rule "*"
			s.Suffix, s.ICANN = start, start
		}
		if icannDone == 0 {
			if flags&icannException != 0 {
				s.ICANN, icannDone = right, 1
			} else if flags&icannRule != 0 || wild&icannWild != 0 {
				s.ICANN = start
			}
		}
		if done == 0 {
			switch {
			case flags&(icannException|privateException) != 0:
				s.Suffix, s.Private, done = right, flags&privateException != 0, 1
			case flags&privateRule != 0 || wild&privateWild != 0:
				s.Suffix, s.Private = start, true
			case flags&icannRule != 0 || wild&icannWild != 0:
				s.Suffix, s.Private = start, false
			}
		}
		matched = matched || flags != 0
		wild, right = flags, start
		if i >= 0 {
			h = (h ^ '.') * prime
		}
	}
	s.Listed = matched
	s.Registrable = labelBefore(host, s.Suffix)
	s.ICANNRegistrable = labelBefore(host, s.ICANN)
	return s
}

// labelBefore gives the start of the label left of the offset, or -1.
func labelBefore(host []byte, at int) int {
	if at <= 1 {
		return -1
	}
	for i := at - 2; i >= 0; i-- {
		if host[i] == '.' {
			return i + 1
		}
	}
	return 0
}

// Suffixes yields the suffixes of one section that are neither wildcards nor exceptions, in the order of the list.
func (l *List) Suffixes(private bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		want := uint32(icannRule)
		if private {
			want = privateRule
		}
		for text := l.text; text != ""; {
			name, rest, _ := strings.Cut(text, "\n")
			text = rest
			if l.find(rawHash(name), []byte(name))&want != 0 && !yield(name) {
				return
			}
		}
	}
}

// rawHash is hashBack before it is finished.
func rawHash(s string) uint32 {
	h := uint32(0x811c9dc5)
	for i := len(s) - 1; i >= 0; i-- {
		h = (h ^ uint32(s[i])) * prime
	}
	return h
}
