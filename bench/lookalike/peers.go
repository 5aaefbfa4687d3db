package lookalike

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

// rule answers whether a host would be reported, without saying by which level.
type rule struct {
	name  string
	about string
	check func(host string) bool
}

// rules gives this engine and, in the same run on the same hosts and names, the rules of the tools that people use. The others are
// re-implementations of the rule as read in their sources, not runs of the tools: what they cost here is what the rule costs in Go.
func rules(e *lookalike.Engine) []rule {
	var names []string
	genuine := map[string]bool{}
	for _, b := range e.Catalogue().Brands {
		names = append(names, b.Names...)
		for _, d := range append(append([]string(nil), b.Shop...), b.Owned...) {
			genuine[d] = true
		}
	}
	listed := func(d string) bool { return genuine[d] }
	return []rule{
		{"countersign, danger", "this engine", func(h string) bool { return e.CheckURL(h).Level == verdict.Danger }},
		{"countersign, danger + caution", "this engine", func(h string) bool { return e.CheckURL(h).Level.Rank() >= 2 }},
		{"edit distance 1 (Check, MetaMask rule)", "registrable label, Levenshtein, all names in turn", func(h string) bool {
			d, l := registrable(h)
			if listed(d) {
				return false
			}
			for _, n := range names {
				if within1(l, n) {
					return true
				}
			}
			return false
		}},
		{"substring or distance 1 (openSquat rule)", "name anywhere in the host, or Levenshtein 1 on the first label", func(h string) bool {
			d, _ := registrable(h)
			if listed(d) {
				return false
			}
			first, _, _ := strings.Cut(h, ".")
			for _, n := range names {
				if strings.Contains(h, n) || within1(first, n) {
					return true
				}
			}
			return false
		}},
	}
}

func registrable(host string) (domain, label string) {
	d, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		d = host
	}
	label, _, _ = strings.Cut(d, ".")
	return d, label
}

// within1: Levenshtein distance at most 1.
func within1(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i == len(a) || a[i+1:] == b[i+1:]
	}
	return a[i+1:] == b[i:]
}
