package brands

import (
	"errors"
	"fmt"
	"strings"
)

// ErrCatalogue is wrapped by every error about the content of a catalogue file.
var ErrCatalogue = errors.New("brand catalogue")

// Problem is one thing wrong in a catalogue file.
type Problem struct {
	File string
	Line int
	Text string
}

// Error gives "file:line: text".
func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Unwrap makes errors.Is(err, ErrCatalogue) true.
func (p Problem) Unwrap() error { return ErrCatalogue }

// Parse reads one catalogue file. The format, line by line:
//
//	# a comment
//	[aliexpress]                     a new brand with this id
//	name     AliExpress
//	sector   marketplace
//	country  CN
//	kind     coined
//	shop     aliexpress.com aliexpress.us
//	owned    aliexpress-media.com alicdn.com
//	names    aliexpress
//	source   https://… 2026-08-19
//	checked  2026-11-22
//
// shop, owned, names and source may stand on several lines. All problems are reported at once, joined; brands without a
// problem of form are returned beside the error.
func Parse(file string, text string) ([]Brand, error) {
	p := parser{file: file}
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		p.line++
		p.read(strings.TrimSpace(line))
	}
	p.finish()
	return p.done, errors.Join(p.problems...)
}

type parser struct {
	file     string
	line     int
	open     *Brand
	hasKind  bool
	done     []Brand
	problems []error
}

func (p *parser) fail(format string, args ...any) {
	if len(p.problems) < 100 {
		p.problems = append(p.problems, Problem{p.file, p.line, fmt.Sprintf(format, args...)})
	}
}

func (p *parser) read(line string) {
	if line == "" || line[0] == '#' {
		return
	}
	if line[0] == '[' {
		p.finish()
		id, ok := strings.CutSuffix(line[1:], "]")
		if !ok || !IsToken(id) {
			p.fail("a block head is [id] with id of a-z, 0-9 and -")
			return
		}
		p.open = &Brand{ID: id, File: p.file, Line: p.line}
		p.hasKind = false
		return
	}
	key, value, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	value = strings.TrimSpace(value)
	switch {
	case p.open == nil:
		p.fail("%q stands before the first [id]", key)
	case value == "":
		p.fail("%s has no value", key)
	default:
		p.set(key, value)
	}
}

func (p *parser) set(key, value string) {
	b := p.open
	switch key {
	case "name":
		b.Name = value
	case "sector":
		b.Sector = value
	case "country":
		b.Country = value
	case "checked":
		b.Checked = value
	case "kind":
		k, ok := KindByName(value)
		if !ok {
			p.fail("kind is coined, ambiguous, dictionary or short")
		}
		b.Kind, p.hasKind = k, true
	case "shop":
		b.Shop = p.domains(b.Shop, value)
	case "owned":
		b.Owned = p.domains(b.Owned, value)
	case "names":
		for _, n := range strings.Fields(value) {
			if !IsToken(n) || len(n) < 3 || len(n) > 40 {
				p.fail("name %q: 3 to 40 of a-z, 0-9 and -", n)
				continue
			}
			b.Names = append(b.Names, n)
		}
	case "source":
		f := strings.Fields(value)
		date := f[len(f)-1]
		if len(f) < 2 || !isDate(date) {
			p.fail("source is a reference and a date YYYY-MM-DD")
			return
		}
		b.Sources = append(b.Sources, Source{strings.Join(f[:len(f)-1], " "), date})
	default:
		p.fail("unknown key %q", key)
	}
}

func (p *parser) domains(list []string, value string) []string {
	for _, d := range strings.Fields(value) {
		if !IsDomain(d) {
			p.fail("%q is no domain (lower case, ASCII; write others as xn--…)", d)
			continue
		}
		list = append(list, d)
	}
	return list
}

// finish closes the open block and checks what it must have.
func (p *parser) finish() {
	b := p.open
	if b == nil {
		return
	}
	p.open = nil
	before := len(p.problems)
	at := p.line
	p.line = b.Line
	if b.Name == "" {
		p.fail("[%s] has no name", b.ID)
	}
	if !sectorTable[b.Sector] {
		p.fail("[%s] sector %q is not one of those in docs/guard/add-a-brand.md", b.ID, b.Sector)
	}
	if len(b.Country) != 2 {
		p.fail("[%s] country is two letters, or --", b.ID)
	}
	if b.Home() == "" {
		p.fail("[%s] has no shop domain", b.ID)
	}
	if len(b.Sources) == 0 {
		p.fail("[%s] has no source", b.ID)
	}
	if !isDate(b.Checked) {
		p.fail("[%s] checked is a date YYYY-MM-DD", b.ID)
	}
	if len(b.Names) == 0 && b.Home() != "" {
		b.Names = []string{firstLabel(b.Home())}
	}
	if !p.hasKind && len(b.Names) > 0 && len(b.Names[0]) <= 4 {
		b.Kind = Short
	}
	if len(p.problems) == before {
		p.done = append(p.done, *b)
	}
	p.line = at
}

// sectorTable lists the sectors.
var sectorTable = map[string]bool{
	"marketplace": true, "shop": true, "payment": true, "bank": true, "carrier": true, "travel": true, "telecom": true,
	"media": true, "social": true, "crypto": true, "software": true, "government": true, "own": true,
}

func firstLabel(d string) string {
	l, _, _ := strings.Cut(d, ".")
	return l
}

// IsToken reports whether s is of a-z, 0-9 and inner hyphens.
func IsToken(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// IsDomain reports whether s is a domain name of at least two labels, or a top-level domain written ".brand".
func IsDomain(s string) bool {
	if rest, ok := strings.CutPrefix(s, "."); ok {
		return IsToken(rest)
	}
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if !IsToken(l) || len(l) > 63 {
			return false
		}
	}
	return true
}

func isDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	for i, c := range []byte(s) {
		if i != 4 && i != 7 && (c < '0' || c > '9') {
			return false
		}
	}
	return s[5:7] >= "01" && s[5:7] <= "12" && s[8:] >= "01" && s[8:] <= "31"
}
