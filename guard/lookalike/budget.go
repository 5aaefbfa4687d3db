package lookalike

import (
	"iter"
	"sort"

	"countersign/guard/brands"
	"countersign/guard/verdict"
)

// Hit is a popular domain that the engine would warn about.
type Hit struct {
	Domain string
	Brand  string
	Token  string
	Level  verdict.Level
	Class  verdict.Class
}

// Hits runs domains through an engine and keeps what it warns about. n counts the domains.
func (e *Engine) Hits(domains iter.Seq[string]) (hits []Hit, n int) {
	for d := range domains {
		n++
		a := e.Check(d)
		if a.Level.Rank() < verdict.Caution.Rank() || a.token < 0 {
			continue
		}
		hits = append(hits, Hit{d, e.Brand(a).ID, e.Token(a), a.Level, a.Class})
	}
	return hits, n
}

// Rate is how often a class of a name warns about popular domains that are not the brand's.
type Rate struct {
	Token   string
	Class   verdict.Class
	Danger  int // domains
	Caution int
	Of      int // domains looked at
}

// PerMillion gives the expected wrong warnings per million popular domains, both levels.
func (r Rate) PerMillion() float64 { return float64(r.Danger+r.Caution) * 1e6 / float64(max(r.Of, 1)) }

// Rates counts hits per name and class, greatest first.
func Rates(hits []Hit, n int) []Rate {
	type key struct {
		token string
		class verdict.Class
	}
	at := map[key]int{}
	var out []Rate
	for _, h := range hits {
		k := key{h.Token, h.Class}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, Rate{Token: h.Token, Class: h.Class, Of: n})
		}
		if h.Level == verdict.Danger {
			out[i].Danger++
		} else {
			out[i].Caution++
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if x, y := a.Danger+a.Caution, b.Danger+b.Caution; x != y {
			return x > y
		}
		return a.Token < b.Token || a.Token == b.Token && a.Class < b.Class
	})
	return out
}

// The budgets, per name and class, in wrong warnings per million popular domains.
const (
	budgetCaution    = 15.0 // more, and the class only hints
	budgetCautionTLD = 90.0 // the same name under another ending is mostly the brand's own unlisted address
	budgetDanger     = 0.0  // more, and what would be danger is caution
)

// Budget says which classes must be lowered for which names, given their rates: caution to a hint, danger to caution. The two are
// counted apart, so that the ordinary combinations of a common name do not silence those with a sign-in word. Glyph, homograph and embedding classes are never
// switched off: nobody writes them by chance, and a popular domain of that kind is an imitation.
func Budget(rates []Rate) []brands.Limit {
	var out []brands.Limit
	for _, r := range rates {
		limit := budgetCaution
		switch r.Class {
		case verdict.Homograph, verdict.Embedded:
			continue
		case verdict.TLD:
			limit = budgetCautionTLD
		}
		per := 1e6 / float64(max(r.Of, 1))
		if float64(r.Caution)*per > limit && (r.Class != verdict.Glyph || len(r.Token) <= 5) {
			out = append(out, brands.Limit{Name: r.Token, Class: r.Class.String(), To: "hint"})
		}
		if float64(r.Danger)*per > budgetDanger {
			out = append(out, brands.Limit{Name: r.Token, Class: r.Class.String(), To: "caution"})
		}
	}
	return out
}
