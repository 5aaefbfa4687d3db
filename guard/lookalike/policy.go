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
	risk      bool // inside: a word such as login stands right beside it
	near      bool // Glyph: hard to tell apart; TwoTypos: one of them is of a similar shape
	embedded  bool // a suffix of the brand follows
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
		if n <= 3 {
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
		return pick(n >= 4, verdict.Caution), verdict.TLD
	case verdict.Glyph, verdict.Homograph:
		if n >= 8 || n >= 5 && (f.near || f.differs == verdict.Homograph) || n == 4 && f.differs == verdict.Homograph {
			return verdict.Danger, f.differs
		}
		return pick(n == 4 || same, verdict.Caution), f.differs
	case verdict.TwoTypos:
		return pick(n >= 9 || n >= 8 && same || f.near && same, verdict.Caution), f.differs
	case verdict.DoubleReplacement, verdict.Shuffle:
		return pick(n >= 8 || n >= 6 && same, verdict.Caution), f.differs
	case verdict.Hyphen:
		return pick(n >= 6 || n >= 4 && same, verdict.Caution), f.differs
	}
	if strongName && n >= 8 && same {
		return verdict.Danger, f.differs
	}
	return pick(n >= 8 || n >= 5 && same || n == 4 && same && kind == brands.Coined, verdict.Caution), f.differs
}

// decideSegment: a hyphenated part of the registrable label. The very name is left to decideCombo, which sees what stands around it.
func (s *search) decideSegment(f *finding, n int, kind brands.Kind) (verdict.Level, verdict.Class) {
	switch {
	case f.differs == verdict.Listed:
		if n > 3 {
			return verdict.Unknown, verdict.None
		}
		return pick(s.risky(), verdict.Caution), verdict.Combo
	case f.visual():
		if n > 3 {
			return verdict.Unknown, verdict.None
		}
		return verdict.Unknown, verdict.ComboTypo
	}
	if kind == brands.Dictionary || n < 6 {
		return verdict.Unknown, verdict.ComboTypo
	}
	if n >= 8 && s.risky() {
		return verdict.Danger, verdict.ComboTypo
	}
	return pick(n >= 8 || s.risky(), verdict.Caution), verdict.ComboTypo
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
	if f.visual() {
		if class == verdict.Combo {
			class = verdict.ComboTypo
		}
		if f.bothEdges && n >= 6 && (f.risk || s.risky()) {
			return verdict.Danger, class
		}
		return pick(f.bothEdges && n >= 6, verdict.Caution), class
	}
	risk := f.risk || s.risky()
	strongName := kind == brands.Coined || kind == brands.Ambiguous
	switch {
	case f.bothEdges && risk && n >= 5 && strongName:
		return verdict.Danger, class
	case f.bothEdges && risk:
		return verdict.Caution, class
	case f.bothEdges && s.tenant && n >= 5 && strongName:
		return verdict.Danger, class
	case f.bothEdges:
		return pick(n >= 6 || n >= 4 && kind == brands.Coined, verdict.Caution), class
	case f.oneEdge && risk:
		return pick(n >= 7 && strongName, verdict.Caution), class
	case f.oneEdge:
		return pick(n >= 8 && kind == brands.Coined, verdict.Caution), class
	}
	return pick(n >= 9 && kind == brands.Coined, verdict.Caution), class
}
