package lookalike

import (
	"slices"

	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

// place is where in the host a part stands.
type place uint8

const (
	atLabel   place = iota // the registrable label as a whole: aliexpres.com
	atSegment              // a hyphenated part of it: aliexpres-login.com
	atSub                  // a whole label left of it: aliexpres.example.com
	atSubPart              // a hyphenated part of such a label
	atJoin                 // labels joined across dots: ali.express.com
)

// search is the work on one host: what has been found so far.
type search struct {
	e        *Engine
	q        *name
	left     []byte // what stands left of the suffix
	best     Answer
	score    int
	exact    bool // the registrable label is a protected name, letter by letter
	tenant   bool // the suffix is a hosting platform's
	risk     int8 // a word such as login or track stands in the host: -1 not yet asked, 0 no, 1 yes
	quiet    int8 // the domain is known as somebody's honest own: -1 not yet asked, 0 no, 1 yes
	where    place
	from, to int // the part that is being asked about
}

// search finds the strongest resemblance.
func (e *Engine) search(q *name) Answer {
	s := e.searchFor(q)
	return s.best
}

func (e *Engine) searchFor(q *name) search {
	s := search{e: e, q: q, left: q.text()[:q.left], best: Answer{brand: -1, token: -1}, risk: -1, quiet: -1}
	if q.left == 0 || q.reg < 0 {
		return s
	}
	s.tenant = q.split.Private && !registryTable[string(q.ascii[q.split.Suffix:q.n])]
	s.exact = e.isToken(s.left[q.reg:]) && !s.foreignAt(q.reg)
	s.parts(q.reg, q.left, atLabel, atSegment)
	for end := q.reg - 1; end > 0; {
		start := end
		for start > 0 && s.left[start-1] != '.' {
			start--
		}
		s.parts(start, end, atSub, atSubPart)
		end = start - 1
	}
	if q.reg > 0 {
		s.join()
	}
	s.inside()
	return s
}

// isToken reports whether s is a protected name, letter by letter.
func (e *Engine) isToken(s []byte) bool {
	if len(s) > e.maxOne {
		return false
	}
	h := uint64(0)
	for _, c := range s {
		h = h*hashBase + uint64(fold.One(c)) + 1
	}
	k := mix(h)
	if !e.near.may(k) {
		return false
	}
	ids, _ := e.near.of(k)
	for _, id := range ids {
		if e.tokens[id].text == string(s) {
			return true
		}
	}
	return false
}

// isKnown: the registrable domain, by either reading of the suffix list, is on the list of independent names.
func (e *Engine) isKnown(q *name) bool {
	for _, at := range [2]int{q.split.Registrable, q.split.ICANNRegistrable} {
		if at >= 0 && e.known.get(hashOf(q.ascii[at:q.n])) != 0 && (at == q.split.Registrable || !q.split.Private) {
			return true
		}
	}
	return false
}

// parts asks about a label as a whole and about its hyphenated parts.
func (s *search) parts(start, end int, whole, part place) {
	s.ask(start, end, whole)
	segment, hyphens := start, 0
	for i := start; i <= end; i++ {
		if i < end && s.left[i] != '-' {
			continue
		}
		if i < end || hyphens > 0 {
			s.ask(segment, i, part)
		}
		hyphens++
		segment = i + 1
	}
}

func (s *search) ask(start, end int, where place) {
	if end-start < 3 {
		return
	}
	s.where, s.from, s.to = where, start, end
	s.e.unit(s.left[start:end], s)
}

// join asks whether labels make a protected name when the dots between them are left out.
func (s *search) join() {
	var buf [maxToken + 4]byte
	var one [maxToken + 4]byte
	n, dots := 0, 0
	for i := len(s.left) - 1; i >= 0; i-- {
		c := s.left[i]
		if c == '.' {
			dots++
		}
		if c == '.' || i == 0 {
			from := i
			if c == '.' {
				from++
			} else if n < len(buf) {
				n++
				buf[len(buf)-n] = c
			}
			if word := buf[len(buf)-n:]; dots > 1 || dots == 1 && i == 0 {
				s.where, s.from, s.to = atJoin, from, len(s.left)
				p := probe{e: s.e, s: word, one: fold.AppendOne(one[:0], word), coarse: word, to: s}
				p.key(hashOf(p.one))
			}
			continue
		}
		if n == len(buf) {
			return
		}
		n++
		buf[len(buf)-n] = c
	}
}

// hit weighs a resemblance of the part that is being asked about.
func (s *search) hit(id int32, class verdict.Class) {
	t := &s.e.tokens[id]
	if class != verdict.Listed && s.e.words.get(hashOf(s.left[s.from:s.to])) != 0 {
		return // delivery is a word, and no typo of delhivery
	}
	if (class == verdict.Glyph || class == verdict.Listed) && s.where != atJoin && s.foreignAt(s.from) {
		class = verdict.Homograph
	}
	f := finding{token: t, differs: class, where: s.where, bothEdges: true, first: s.left[s.from] != t.text[0]}
	if class == verdict.Glyph {
		f.near = strictly(s.left[s.from:s.to], t.text)
	}
	if class == verdict.TwoTypos {
		var buf [maxToken*2 + 8]byte
		f.near = s.foreignAt(s.from) || nearShape(fold.AppendCoarse(buf[:0], nil, s.left[s.from:s.to]), t.coarse())
	}
	if class == verdict.Insertion {
		switch s.left[s.to-1] {
		case 'y', 'r', 'd', 'n':
			f.inflects = string(s.left[s.from:s.to-1]) == t.text
		}
	}
	if s.where == atJoin && (class != verdict.Listed && class != verdict.Glyph) {
		return
	}
	s.weigh(id, f, s.from, s.to)
}

// weigh turns a finding into a level and keeps it if it is the strongest.
func (s *search) weigh(id int32, f finding, from, to int) {
	level, class := s.decide(&f)
	whole := f.differs == verdict.Listed && f.where == atLabel && !f.inside
	if class == verdict.None || s.exact && from >= s.q.reg && !whole && !f.embedded {
		return // paypay is no typo of paypal, and saisoncard no saison with a word
	}
	t := f.token
	bit := uint64(1) << class
	lowered := &s.e.limits[t.limit]
	switch {
	case !f.unmistakable() && s.isQuiet():
		level = verdict.Unknown
	case level == verdict.Danger && lowered.caution&bit != 0:
		level = verdict.Caution
	case level == verdict.Caution && lowered.hint&bit != 0:
		level = verdict.Unknown
	}
	if level == verdict.Caution && f.differs != verdict.Listed && !f.visual() && s.where != atLabel {
		if s.e.knownWord.get(hashOf(s.left[from:to])) != 0 {
			level = verdict.Unknown
		}
	}
	score := level.Rank()*1000 + len(t.text)
	switch {
	case f.embedded:
		score += 600
	case f.differs == verdict.Listed:
		score += 500
	case f.visual():
		score += 300
	}
	if score > s.score {
		s.score = score
		s.best = Answer{Level: level, Class: class, brand: int32(t.brand), token: id, start: uint16(from), end: uint16(to)}
	}
}

// foreignAt: the label that holds text[at] is not ASCII.
func (s *search) foreignAt(at int) bool {
	if !s.q.foreign {
		return false
	}
	label := 0
	for i := 0; i < at; i++ {
		if s.left[i] == '.' {
			label++
		}
	}
	return label < 64 && s.q.marked>>label&1 != 0
}

// sameSuffix: the host stands under a suffix that the brand itself uses.
func (s *search) sameSuffix(brand uint16) bool {
	suffix := uint16(mix(hashOf(s.q.ascii[s.q.split.Suffix:s.q.n])))
	return slices.Contains(s.e.suffixes[s.e.suffixAt[brand]:s.e.suffixAt[brand+1]], suffix)
}

// isQuiet asks isKnown once.
func (s *search) isQuiet() bool {
	if s.quiet < 0 {
		s.quiet = 0
		if s.e.isKnown(s.q) {
			s.quiet = 1
		}
	}
	return s.quiet == 1
}

// word gives the weight of the weightiest word that stands anywhere left of the suffix, as a part of its own; 0 = none.
func (s *search) word() int32 {
	if s.risk < 0 {
		s.risk = 0
		start := 0
		for i := 0; i <= len(s.left); i++ {
			if i < len(s.left) && s.left[i] != '-' && s.left[i] != '.' {
				continue
			}
			if i-start >= 2 {
				s.risk = max(s.risk, int8(s.e.words.get(hashOf(s.left[start:i]))))
			}
			start = i + 1
		}
	}
	return int32(s.risk)
}

// risky: a word that goes with sign-in, money or parcels stands in the host.
func (s *search) risky() bool { return s.word() >= plea }
