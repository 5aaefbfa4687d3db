package lookalike

import (
	"countersign/guard/brands"
	"countersign/guard/verdict"
)

// finding is a resemblance and its surroundings.
type finding struct {
	token     *token
	differs   verdict.Class // how the part differs from the name; Listed = not at all
	where     place
	inside    bool // the name is only a part of the part
	bothEdges bool // inside: nothing but words, digits and hyphens around it
	oneEdge   bool
	word      int32 // inside: weight of the word right beside it
	near      bool  // Glyph: hard to tell apart; TwoTypos: one of them is of a similar shape
	inflects  bool  // Insertion: a letter at the end that makes another form of a word: y, r, d, n
	first     bool  // the first letter differs
	plain     bool  // TwoTypos: two edits, shapes or not
	embedded  bool  // a suffix of the brand follows
	glued     bool  // it is two letters that follow without a dot or hyphen
	tail      bool  // it follows a hyphen, ends the label and is no com: yahoo-net.example, as resellers are called too
}

// visual: what differs is the shape only.
func (f *finding) visual() bool {
	return f.differs == verdict.Glyph || f.differs == verdict.Homograph
}

// unmistakable findings stand even for a domain that is known as somebody's own: nobody writes them by chance.
func (f *finding) unmistakable() bool {
	return f.visual() && f.where == atLabel && !f.inside && len(f.token.text) >= 6 || f.differs == verdict.Homograph
}

// decide gives level and class of a finding. Unknown with a class is a hint: the resemblance is named, nobody is warned.
func (s *search) decide(f *finding) (verdict.Level, verdict.Class) {
	n, kind := len(f.token.text), f.token.kind
	switch {
	case f.embedded:
		if n <= 3 || f.glued || f.tail {
			return verdict.Caution, verdict.Embedded
		}
		return verdict.Danger, verdict.Embedded
	case f.inside:
		return s.decideCombo(f, n, kind)
	case f.where == atLabel:
		return s.decideLabel(f, n, kind)
	case f.where == atSegment:
		return s.decideSegment(f, n, kind)
	case f.where == atJoin:
		if f.differs == verdict.Listed && n >= 8 && kind == brands.Coined {
			return verdict.Danger, verdict.Dot
		}
		return pick(n >= 6 || n >= 4 && f.differs == verdict.Listed, verdict.Caution), verdict.Dot
	}
	return s.decideSub(f, n, kind)
}

func pick(when bool, level verdict.Level) verdict.Level {
	if when {
		return level
	}
	return verdict.Unknown
}

// decideLabel: the registrable label, or the tenant's, as a whole.
func (s *search) decideLabel(f *finding, n int, kind brands.Kind) (verdict.Level, verdict.Class) {
	same := s.sameSuffix(f.token.brand)
	strongName := kind == brands.Coined || kind == brands.Ambiguous
	switch f.differs {
	case verdict.Listed:
		if s.tenant {
			if n >= 5 && strongName {
				return verdict.Danger, verdict.Tenant
			}
			return pick(n >= 4, verdict.Caution), verdict.Tenant
		}
		return pick(n >= 6 && strongName && s.riskyEnding(), verdict.Caution), verdict.TLD
	case verdict.Glyph, verdict.Homograph:
		if n >= 4 && f.differs == verdict.Homograph || f.near && (n >= 7 || n >= 5 && (same || n == 6 && !f.first)) || n >= 10 && same && !f.first {
			return verdict.Danger, f.differs
		}
		if !f.near { // shapes that are only alike: no better than another letter
			return pick(n >= 6 || same && n == 5 && !f.first, verdict.Caution), f.differs
		}
		return pick(n == 4 || n == 6 || n > 3 && same, verdict.Caution), f.differs
	case verdict.TwoTypos:
		if f.plain {
			return pick(n >= 12 && same && strongName, verdict.Caution), f.differs
		}
		return pick(n >= 11 || n >= 8 && same && !f.first || f.near && same, verdict.Caution), f.differs
	case verdict.DoubleReplacement:
		return pick(n >= 9 && (same || !f.first) || n >= 7 && same && !f.first, verdict.Caution), f.differs
	case verdict.Shuffle:
		return pick(n >= 8 || n >= 6 && same && !f.first, verdict.Caution), f.differs
	case verdict.Hyphen:
		return pick(n >= 6 || n >= 4 && same, verdict.Caution), f.differs
	}
	if strongName && same && !f.first && (n >= 10 || n >= 8 && slip(f.differs)) {
		return verdict.Danger, f.differs
	}
	if kind == brands.Dictionary && f.inflects {
		return verdict.Unknown, f.differs // discovery is a word too
	}
	if n <= 5 { // every other letter makes another word or name; what is left are slips of the finger
		finger := f.differs == verdict.Repetition || f.differs == verdict.Transposition || f.differs == verdict.Plural
		return pick(finger && same && !f.first && (n == 5 || kind == brands.Coined && f.differs != verdict.Transposition), verdict.Caution), f.differs
	}
	return pick(n >= 8 || same, verdict.Caution), f.differs
}

// slip: what fingers do by themselves, and what makes no other word.
func slip(c verdict.Class) bool {
	return c == verdict.Omission || c == verdict.Repetition || c == verdict.Transposition || c == verdict.VowelSwap
}

// riskyEnding: the suffix is sold cheaply to everybody, or does not exist.
func (s *search) riskyEnding() bool {
	return !s.q.split.Listed || riskyEndingTable[string(s.q.ascii[s.q.split.Suffix:s.q.n])]
}

// decideSegment: a hyphenated part of the registrable label. The very name is left to decideCombo, which sees what stands around it.
func (s *search) decideSegment(f *finding, n int, kind brands.Kind) (verdict.Level, verdict.Class) {
	switch {
	case f.differs == verdict.Listed:
		if n > 3 {
			return verdict.Unknown, verdict.None
		}
		return pick(s.word() == strong, verdict.Caution), verdict.Combo
	case f.visual():
		if n > 3 {
			return verdict.Unknown, verdict.None
		}
		return verdict.Unknown, verdict.ComboTypo
	}
	if kind == brands.Dictionary || n < 6 {
		return verdict.Unknown, verdict.ComboTypo
	}
	if n >= 9 && s.risky() {
		return verdict.Danger, verdict.ComboTypo
	}
	return pick(n >= 9 || (n >= 8 || n >= 7 && kind == brands.Coined && !f.first) && s.risky(), verdict.Caution), verdict.ComboTypo
}

// decideSub: a whole label, or a part of one, left of the registrable domain.
func (s *search) decideSub(f *finding, n int, kind brands.Kind) (verdict.Level, verdict.Class) {
	strongName := kind == brands.Coined || kind == brands.Ambiguous
	if f.where == atSubPart && (f.differs == verdict.Listed || f.visual()) && n > 3 {
		return verdict.Unknown, verdict.None // decideCombo sees more
	}
	switch {
	case f.differs == verdict.Listed:
		if n >= 6 && strongName && s.risky() {
			return verdict.Danger, verdict.Subdomain
		}
		return pick(n >= 6 && strongName || n >= 4 && s.risky(), verdict.Caution), verdict.Subdomain
	case f.visual():
		return pick(n >= 5, verdict.Danger), f.differs
	}
	return pick(n >= 8 && strongName || n >= 6 && strongName && s.risky(), verdict.Caution), verdict.Subdomain
}

// decideCombo: the name and other letters in one label.
func (s *search) decideCombo(f *finding, n int, kind brands.Kind) (verdict.Level, verdict.Class) {
	class := verdict.Combo
	switch {
	case f.where == atSubPart:
		class = verdict.Subdomain
	case s.tenant:
		class = verdict.Tenant
	}
	word := max(f.word, s.word())
	if f.visual() {
		if class == verdict.Combo {
			class = verdict.ComboTypo
		}
		sure := f.near || f.differs == verdict.Homograph
		if f.bothEdges && n >= 6 && sure && word == strong {
			return verdict.Danger, class
		}
		return pick(f.bothEdges && n >= 6 && (sure && (n >= 8 || word > weak) || n >= 9), verdict.Caution), class
	}
	strongName := kind == brands.Coined || kind == brands.Ambiguous
	switch {
	case f.bothEdges && word == strong && n >= 5 && kind == brands.Coined:
		return verdict.Danger, class
	case f.bothEdges && word == strong:
		return verdict.Caution, class
	case f.bothEdges && word == plea && !s.tenant:
		return pick(n >= 5 && kind == brands.Coined || n >= 7 && strongName, verdict.Caution), class
	case f.bothEdges && s.tenant && n >= 5 && strongName:
		return verdict.Danger, class
	case f.bothEdges && word == bait:
		return pick(n >= 5 && strongName, verdict.Caution), class
	case f.bothEdges:
		return pick(n >= 10 && kind == brands.Coined || s.tenant && n >= 4, verdict.Caution), class
	case f.oneEdge && word >= plea:
		return pick(n >= 7 && strongName, verdict.Caution), class
	case f.oneEdge:
		return pick(n >= 12 && kind == brands.Coined, verdict.Caution), class
	}
	return pick(n >= 12 && kind == brands.Coined, verdict.Caution), class
}
