// Package twist makes the imitations of a domain that can be registered, class by class. It is the engine turned round: what it makes
// is for watching registries, for tests and for figures.
package twist

import (
	"iter"
	"strings"

	"countersign/guard/lookalike"
	"countersign/guard/lookalike/fold"
	"countersign/guard/lookalike/idn"
	"countersign/guard/lookalike/psl"
	"countersign/guard/verdict"
)

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// Maker makes imitations.
type Maker struct {
	psl    *psl.List
	mapper *idn.Mapper
	shapes *fold.Table
}

// New makes a Maker with the built-in tables. list may be nil.
func New(list *psl.List) (*Maker, error) {
	if list == nil {
		var err error
		if list, err = psl.Builtin(); err != nil {
			return nil, err
		}
	}
	return &Maker{list, idn.NewMapper(), fold.NewTable()}, nil
}

// Of yields the imitations of a domain, one after the other, in constant memory: class and domain in its ASCII form. A few may come
// twice. The label is that left of the public suffix. An unusable domain yields nothing.
func (m *Maker) Of(domain string) iter.Seq2[verdict.Class, string] {
	return func(yield func(verdict.Class, string) bool) {
		ascii, err := m.mapper.ToASCII(strings.TrimSuffix(domain, "."))
		if err != nil {
			return
		}
		s := m.psl.Split([]byte(ascii))
		if s.Registrable < 0 || s.Suffix-1-s.Registrable > 63 {
			return
		}
		g := &run{m: m, label: ascii[s.Registrable : s.Suffix-1], suffix: ascii[s.Suffix:], yield: yield}
		for _, step := range []func(*run){letterClasses, doubles, vowels, hyphensAndPlural, glyphs, homographs, dots, combos, endings, tenants} {
			if step(g); g.stop {
				return
			}
		}
	}
}

type run struct {
	m             *Maker
	label, suffix string
	yield         func(verdict.Class, string) bool
	stop          bool
}

// give yields a label under the domain's own suffix if it can be registered.
func (g *run) give(c verdict.Class, label string) {
	if g.stop || label == g.label || label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return
	}
	if len(label) >= 4 && label[2] == '-' && label[3] == '-' && !strings.HasPrefix(label, "xn--") {
		return
	}
	g.stop = !g.yield(c, label+"."+g.suffix)
}

func letterClasses(g *run) {
	l := g.label
	for i := range l {
		g.give(verdict.Omission, l[:i]+l[i+1:])
		g.give(verdict.Repetition, l[:i+1]+l[i:])
		if i > 0 {
			g.give(verdict.Transposition, l[:i-1]+l[i:i+1]+l[i-1:i]+l[i+1:])
		}
	}
	for i := 0; i <= len(l); i++ {
		for _, c := range letters {
			if i > 0 && l[i-1] == byte(c) || i < len(l) && l[i] == byte(c) {
				continue // a repetition
			}
			g.give(verdict.Insertion, l[:i]+string(c)+l[i:])
		}
	}
	for i := range l {
		for _, c := range []byte(letters) {
			x := c ^ l[i]
			switch {
			case x == 0:
			case strings.IndexByte("aeiou", c) >= 0 && strings.IndexByte("aeiou", l[i]) >= 0:
				g.give(verdict.VowelSwap, l[:i]+string(c)+l[i+1:])
			case x&(x-1) == 0:
				g.give(verdict.BitFlip, l[:i]+string(c)+l[i+1:])
			default:
				g.give(verdict.Replacement, l[:i]+string(c)+l[i+1:])
			}
		}
	}
	for i := range l { // one letter moved
		rest := l[:i] + l[i+1:]
		for j := 0; j <= len(rest); j++ {
			if j < i-1 || j > i+1 {
				g.give(verdict.Shuffle, rest[:j]+l[i:i+1]+rest[j:])
			}
		}
	}
}

func doubles(g *run) {
	for i := 0; i+1 < len(g.label); i++ {
		for _, c := range letters {
			g.give(verdict.DoubleReplacement, g.label[:i]+string(c)+string(c)+g.label[i+2:])
		}
	}
}

func vowels(g *run) {
	for _, from := range "aeiou" {
		if strings.Count(g.label, string(from)) < 2 {
			continue
		}
		for _, to := range "aeiouy" {
			if to != from {
				g.give(verdict.VowelSwap, strings.ReplaceAll(g.label, string(from), string(to)))
			}
		}
	}
}

func hyphensAndPlural(g *run) {
	for i := 1; i < len(g.label); i++ {
		g.give(verdict.Hyphen, g.label[:i]+"-"+g.label[i:])
	}
	if strings.Contains(g.label, "-") {
		g.give(verdict.Hyphen, strings.ReplaceAll(g.label, "-", ""))
	}
	g.give(verdict.Plural, g.label+"s")
	g.give(verdict.Plural, g.label+"es")
	if l, ok := strings.CutSuffix(g.label, "y"); ok {
		g.give(verdict.Plural, l+"ies")
	}
}

// glyphTable holds ASCII writings that look like a letter.
var glyphTable = map[byte][]string{
	'a': {"4"}, 'b': {"lb", "8", "d"}, 'c': {"e"}, 'd': {"cl", "dl", "b"}, 'e': {"c", "3"}, 'g': {"q", "9"}, 'h': {"lh"}, 'i': {"1", "l"}, 'k': {"lk", "lc"},
	'l': {"1", "i"}, 'm': {"rn", "nn", "n"}, 'n': {"m"}, 'o': {"0"}, 'q': {"g"}, 's': {"5"}, 't': {"7"}, 'u': {"v"}, 'v': {"u"}, 'w': {"vv"}, 'z': {"2"},
}

// glyphs yields each substitution at one place, at two places, and everywhere.
func glyphs(g *run) {
	for i := range g.label {
		for _, a := range glyphTable[g.label[i]] {
			g.give(verdict.Glyph, g.label[:i]+a+g.label[i+1:])
			for j := i + 1; j < len(g.label); j++ {
				for _, b := range glyphTable[g.label[j]] {
					g.give(verdict.Glyph, g.label[:i]+a+g.label[i+1:j]+b+g.label[j+1:])
				}
			}
		}
	}
	var all strings.Builder
	for i := range g.label {
		if w := glyphTable[g.label[i]]; len(w) > 0 {
			all.WriteString(w[0])
		} else {
			all.WriteByte(g.label[i])
		}
	}
	g.give(verdict.Glyph, all.String())
}

// homographs yields each look-alike of other scripts at one place, and the whole word in each script that has all its letters.
func homographs(g *run) {
	likes := map[byte][]rune{}
	for i := range g.label {
		c := g.label[i]
		if likes[c] == nil {
			likes[c] = g.m.shapes.Like(c)
		}
		for _, r := range likes[c] {
			g.foreign(append(append([]rune(g.label[:i]), r), []rune(g.label[i+1:])...))
		}
	}
	for _, script := range [][2]rune{{0x370, 0x400}, {0x400, 0x530}, {0x530, 0x590}, {0x13a0, 0x1400}} {
		word := []rune{}
		for i := range g.label {
			for _, r := range likes[g.label[i]] {
				if r >= script[0] && r < script[1] {
					word = append(word, r)
					break
				}
			}
		}
		if len(word) == len(g.label) {
			g.foreign(word)
		}
	}
}

func (g *run) foreign(label []rune) {
	if out, err := idn.AppendEncoded(nil, label); err == nil {
		g.give(verdict.Homograph, string(out))
	}
}

func dots(g *run) {
	for i := 1; i < len(g.label)-1; i++ {
		if g.label[i-1] != '-' && g.label[i] != '-' {
			g.give(verdict.Dot, g.label[:i]+"."+g.label[i:])
		}
	}
}

func combos(g *run) {
	for _, w := range lookalike.Words() {
		for _, c := range []string{g.label + "-" + w, w + "-" + g.label, g.label + w, w + g.label} {
			g.give(verdict.Combo, c)
		}
	}
	flat := strings.ReplaceAll(g.suffix, ".", "")
	g.give(verdict.Embedded, g.label+"-"+strings.ReplaceAll(g.suffix, ".", "-"))
	g.give(verdict.Embedded, g.label+flat)
	g.give(verdict.Embedded, "www"+g.label+flat)
}

func endings(g *run) { g.under(verdict.TLD, false) }
func tenants(g *run) { g.under(verdict.Tenant, true) }

// under yields the label under every suffix of a section of the list.
func (g *run) under(c verdict.Class, private bool) {
	for s := range g.m.psl.Suffixes(private) {
		if g.stop {
			return
		}
		if s != g.suffix && len(g.label)+1+len(s) <= 253 {
			g.stop = !g.yield(c, g.label+"."+s)
		}
	}
}
