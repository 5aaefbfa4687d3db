package lookalike

import (
	"strings"

	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

// maxInside bounds the comparisons inside one host, however it is made.
const maxInside = 400

// inside finds protected names anywhere in what stands left of the suffix.
func (s *search) inside() {
	if len(s.left) < 5 {
		return
	}
	var formBuf [maxText]byte
	one := fold.AppendOne(formBuf[:0], s.left)
	budget := maxInside
	s.scan(one, nil, &budget)
	if fold.Joins(s.left) {
		s.insideCoarse(&budget)
	}
}

// insideCoarse is inside for the form in which letters have been joined.
func (s *search) insideCoarse(budget *int) {
	var coarseBuf [maxText]byte
	var pos [maxText + 1]uint16
	coarse := fold.AppendCoarse(coarseBuf[:0], pos[:], s.left)
	if len(coarse) != len(s.left) {
		s.scan(coarse, pos[:len(coarse)+1], budget)
	}
}

// scan goes over one form. pos maps offsets in the form to offsets in the text; nil = the same.
func (s *search) scan(form []byte, pos []uint16, budget *int) {
	const b3 = hashBase * hashBase & (1<<64 - 1) * hashBase & (1<<64 - 1)
	h := hashOf(form[:min(3, len(form))])
	grams := &s.e.grams
	for i := 0; i+4 <= len(form); i++ {
		h = h*hashBase + uint64(form[i+3]) + 1
		if k := mix(h); grams.may(k) {
			s.gram(form, pos, i, k, budget)
		}
		if *budget < 0 {
			return
		}
		h -= (uint64(form[i]) + 1) * b3
	}
}

// gram compares with the names that have the four letters at form[i:], whose key is k.
func (s *search) gram(form []byte, pos []uint16, i int, k uint32, budget *int) {
	ids, tags := s.e.grams.of(k)
	for n, id := range ids {
		if tags[n] != tag(k) {
			continue
		}
		if *budget--; *budget < 0 {
			return
		}
		t := &s.e.tokens[id]
		f := t.one()
		if pos != nil {
			f = t.coarse()
		}
		if pos == nil && i >= s.q.reg && len(t.text) >= minTwo {
			s.twoOff(int32(id), form[s.q.reg:])
		}
		if len(f) < 4 || len(form)-i < len(f) || string(form[i:i+len(f)]) != f {
			continue
		}
		start, end := i, i+len(f)
		if pos != nil {
			start, end = int(pos[start]), int(pos[end])
		}
		s.occurrence(int32(id), start, end)
	}
}

// twoOff weighs the registrable label if it is two typos away from a name.
func (s *search) twoOff(id int32, one []byte) {
	if part := s.left[s.q.reg:]; s.best.token != id && twoTypos(part, one, &s.e.tokens[id]) {
		s.where, s.from, s.to = atLabel, s.q.reg, len(s.left)
		s.weigh(id, finding{token: &s.e.tokens[id], differs: verdict.TwoTypos, where: atLabel, plain: true}, s.from, s.to)
	}
}

// occurrence weighs a protected name that stands at left[start:end].
func (s *search) occurrence(id int32, start, end int) {
	t := &s.e.tokens[id]
	f := finding{token: t, differs: verdict.Glyph, inside: true, where: atSegment}
	if s.foreignAt(start) {
		f.differs = verdict.Homograph
	} else if string(s.left[start:end]) == t.text {
		f.differs = verdict.Listed
	} else {
		f.near = strictly(s.left[start:end], t.text)
	}
	if start < s.q.reg {
		f.where = atSubPart
	}
	ls, le := start, end
	for ls > 0 && s.left[ls-1] != '.' {
		ls--
	}
	for le < len(s.left) && s.left[le] != '.' {
		le++
	}
	before, after := s.edge(ls, start, true), s.edge(end, le, false)
	f.bothEdges, f.oneEdge = before > 0 && after > 0, before > 0 || after > 0
	f.word = max(before, after)
	if start == ls || s.left[start-1] == '-' || string(s.left[ls:start]) == "www" {
		f.embedded, f.glued = s.embeds(t, end)
		f.tail = f.embedded && s.shortTail(end, le)
	}
	if !f.embedded && start == ls && end == le {
		return // the whole label: asked before
	}
	s.weigh(id, f, start, end)
}

// edge judges the letters between the name and the end of its label: nothing, a hyphen, a digit or a known word make an edge. It gives the
// word's weight, weak without a word, 0 for no edge.
func (s *search) edge(from, to int, before bool) int32 {
	near, far := from, to
	if before {
		for near = to; near > from && s.left[near-1] != '-'; near-- {
		}
	} else {
		for far = from; far < to && s.left[far] != '-'; far++ {
		}
	}
	word := s.left[near:far]
	digits := true
	for _, c := range word {
		digits = digits && c >= '0' && c <= '9'
	}
	if digits { // or nothing
		return weak
	}
	return s.wordsOnly(word)
}

// wordsOnly: the letters are one known word, or two in a row. It gives the greater weight, 0 if they are not.
func (s *search) wordsOnly(word []byte) int32 {
	if w := s.e.words.get(hashOf(word)); w != 0 {
		return w
	}
	if len(word) > 24 {
		return 0
	}
	h := uint64(0)
	for i := 1; i+2 <= len(word); i++ {
		h = h*hashBase + uint64(word[i-1]) + 1 // hashOf(word[:i])
		if i < 2 {
			continue
		}
		if a := s.e.words.get(h); a != 0 {
			if b := s.e.words.get(hashOf(word[i:])); b != 0 {
				return max(a, b)
			}
		}
	}
	return 0
}

// embeds: one of the brand's own suffixes follows the name, with a dot, a hyphen or nothing between: aliexpress.com-order,
// aliexpress-com, aliexpresscom. short: only a country's two letters, with nothing between.
func (s *search) embeds(t *token, end int) (found, short bool) {
	rest := s.left[end:]
	if len(rest) < 2 {
		return false, false
	}
	b := &s.e.cat.Brands[t.brand]
	for _, d := range b.Shop {
		label, suffix, _ := strings.Cut(d, ".")
		if label != t.text || suffix == "" {
			continue
		}
		r := rest
		glued := true
		if r[0] == '.' || r[0] == '-' {
			r, glued = r[1:], false
		}
		if glued && len(suffix) < 3 && len(t.text) < 6 {
			continue
		}
		if n := sameName(r, suffix, glued); n > 0 && (len(r) == n || r[n] == '.' || r[n] == '-') {
			if !glued || len(suffix) > 2 {
				return true, false
			}
			found, short = true, true
		}
	}
	return found, short
}

// shortTail: what stands between the name and the end of its label is a hyphen and two or three letters that are not com.
func (s *search) shortTail(end, labelEnd int) bool {
	tail := s.left[end:labelEnd]
	return len(tail) >= 3 && len(tail) <= 4 && tail[0] == '-' && string(tail) != "-com" && labelEnd == len(s.left) && !s.risky()
}

// sameName gives how many letters of a make the suffix b, with hyphens for dots, or without dots when glued; 0 if a does not begin so.
func sameName(a []byte, b string, glued bool) int {
	n := 0
	for i := 0; i < len(b); i++ {
		if glued && b[i] == '.' {
			continue
		}
		if n == len(a) || a[n] != b[i] && !(a[n] == '-' && b[i] == '.') {
			return 0
		}
		n++
	}
	return n
}
