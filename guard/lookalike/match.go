package lookalike

import (
	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

func foldOne(c byte) byte { return fold.One(c) }

// unit finds the protected names that s as a whole resembles and gives each to the search. s is a label or a part of one, projected, at
// most maxHost long. The work is two probes per letter and form.
func (e *Engine) unit(s []byte, to *search) {
	if len(s) < 2 || len(s) > e.maxOne+e.maxOne/2+4 {
		return
	}
	var oneBuf, coarseBuf [maxToken*2 + 8]byte
	if len(s) > len(oneBuf) {
		return
	}
	one := fold.AppendOne(oneBuf[:0], s)
	p := probe{e: e, s: s, one: one, coarse: one, to: to}
	if fold.Joins(s) {
		p.coarse = fold.AppendCoarse(coarseBuf[:0], nil, s)
	}
	p.form(one)
	if len(p.coarse) != len(one) {
		p.form(p.coarse)
	}
	p.doubles()
	p.unhyphened()
}

// probe is one search; it remembers the names that it has compared.
type probe struct {
	e              *Engine
	s, one, coarse []byte
	to             *search
	tried          [8]uint16
	n              int
}

func (p *probe) key(h uint64) {
	if k := mix(h); p.e.near.may(k) {
		p.under(k)
	}
}

// under compares with the names under a key.
func (p *probe) under(k uint32) {
	ids, tags := p.e.near.of(k)
	for i, t := range tags {
		if t == tag(k) {
			p.try(ids[i])
		}
	}
}

func (p *probe) try(id uint16) {
	for _, old := range p.tried[:min(p.n, len(p.tried))] {
		if old == id {
			return
		}
	}
	p.tried[p.n%len(p.tried)] = id
	p.n++
	if c := compare(p.s, p.one, p.coarse, &p.e.tokens[id]); c != verdict.None {
		p.to.hit(int32(id), c)
	}
}

// form asks for a form and for it with each letter out, with a hash that drops a letter in constant time.
func (p *probe) form(f []byte) {
	if len(f) > p.e.maxOne+2 {
		return
	}
	full := hashOf(f)
	p.key(full)
	if len(f) < 4 {
		return
	}
	// Without letter i the hash is full - (prefix(i+1) - prefix(i)) * base^(n-1-i).
	near, prefix := &p.e.near, uint64(0)
	for i, c := range f {
		next := prefix*hashBase + uint64(c) + 1
		if k := mix(full - (next-prefix)*powerTable[len(f)-1-i]); near.may(k) {
			p.under(k)
		}
		prefix = next
	}
}

// powerTable holds the powers of hashBase.
var powerTable = powers()

func powers() (t [maxToken + 4]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * hashBase
	}
	return t
}

// doubles asks for the letters without each pair of equal neighbours, without each "es" after an s, and with the vowels alike.
func (p *probe) doubles() {
	if len(p.s) < 6 || len(p.s) > p.e.maxOne+2 {
		return
	}
	p.key(hashVowels(p.s))
	for i := 0; i+1 < len(p.s); i++ {
		twin := p.s[i] == p.s[i+1]
		if !twin && !(p.s[i+1] == 's' && p.s[i] == 'e' && i > 0 && hisses(p.s[i-1])) {
			continue
		}
		h := uint64(0)
		for j, c := range p.one {
			if j != i && j != i+1 {
				h = h*hashBase + uint64(c) + 1
			}
		}
		p.key(h)
		if twin {
			p.key(h + seedOne)
		}
	}
	if n := len(p.s); n > 8 && string(p.s[n-3:]) == "ies" {
		p.key(hashOf(p.one[:n-3])) // communities, communit(y)
	}
}

// unhyphened asks for the letters without hyphens.
func (p *probe) unhyphened() {
	h, n, seen := uint64(0), 0, false
	for _, c := range p.one {
		if c == '-' {
			seen = true
			continue
		}
		h = h*hashBase + uint64(c) + 1
		n++
	}
	if seen && n >= 3 {
		p.key(h)
	}
}
