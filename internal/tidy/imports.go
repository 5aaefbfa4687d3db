package tidy

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is one wall of the house.
type Rule struct {
	Why        string   // the promise, in words
	Of         []string // folders, or "folder/..." with all below
	Except     []string // folders of Of that the rule leaves out
	Only       []string // if not nil: the only imports allowed (see match)
	Never      []string // imports refused
	Transitive bool     // follow imports through this module
}

// match says whether the import or folder s fits one of the patterns: an exact path, "x/..." for x and all
// below it, or "std" for the standard library.
func match(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "std" {
			first, _, _ := strings.Cut(s, "/")
			return !strings.Contains(first, ".") && first != Module
		}
		if base, ok := strings.CutSuffix(p, "/..."); ok {
			return s == base || strings.HasPrefix(s, base+"/")
		}
		return s == p
	})
}

func in(dirs ...string) []string {
	out := make([]string, len(dirs))
	for i, d := range dirs {
		out[i] = Module + "/" + d
	}
	return out
}

// words are the packages that everybody may speak.
func words() []string {
	return in("pay/money", "pay/card", "pay/masked", "pay/securitycode", "pay/sealed", "pay/payment", "pay/proof", "pay/ledger")
}

// roles are the parts that can run alone, with their folders.
func roles() []string {
	return []string{"pay/checkout", "pay/directory", "pay/issuer", "pay/acs", "pay/mobile"}
}

// House is the list of walls (DESIGN §3 and §5).
func House() []Rule {
	rules := []Rule{
		{Why: "words import words and the standard library only",
			Of:   []string{"pay/money", "pay/card", "pay/masked", "pay/securitycode", "pay/sealed", "pay/payment", "pay/proof", "pay/ledger"},
			Only: append(words(), "std")},
		{Why: "protocols know no business and need nothing but the standard library",
			Of: []string{"wire/..."}, Only: append(in("wire/..."), "std")},
		{Why: "the host knows no role, no protocol and no business",
			Of: []string{"host/..."}, Never: in("pay/...", "guard/...", "wire/...", "cmd/...", "examples/...", "sql/..."), Transitive: true},
		{Why: "the security code's path is this list and no longer",
			Of: []string{"..."}, Except: codePath(), Never: in("pay/securitycode")},
		{Why: "no store can reach a security code",
			Of:    []string{"pay/checkout/store/...", "pay/issuer/store/...", "pay/acs/store/...", "pay/directory/store/...", "sql/..."},
			Never: in("pay/securitycode"), Transitive: true},
		{Why: "the gateway, the directory, the ACS and Mobile Bank cannot reach a security code",
			Of: []string{"pay/checkout/...", "pay/directory/...", "pay/acs/...", "pay/mobile/..."}, Never: in("pay/securitycode"), Transitive: true},
		{Why: "the shop API and Mobile Bank cannot name a card number",
			Of: []string{"pay/checkout/merchant/...", "pay/mobile/...", "examples/..."}, Never: in("pay/card", "pay/securitycode"), Transitive: true},
		{Why: "the demo shop uses nothing but the public shop API",
			Of: []string{"examples/shop/..."}, Never: in("pay/..."), Transitive: true},
		{Why: "the guard is pure: no clock, disk, network, SQL",
			Of:     []string{"guard/verdict/...", "guard/engine/...", "guard/lookalike/...", "guard/page/...", "guard/mail/...", "guard/brands"},
			Except: []string{"guard/lookalike/gen/...", "guard/lookalike/psl/gen", "guard/brands/gen"}, // programs that write tables
			Never:  append(in("pay/...", "host/...", "sql/...", "wire/..."), "net", "net/http", "os", "os/exec", "database/sql", "syscall"), Transitive: true},
		{Why: "only the program names two roles; PAY and GUARD meet nowhere else",
			Of: []string{"guard/..."}, Never: in("pay/..."), Transitive: true},
	}
	for _, r := range roles() {
		others := []string{}
		for _, o := range roles() {
			if o != r {
				others = append(others, Module+"/"+o+"/...")
			}
		}
		rules = append(rules, Rule{Why: "a role never imports another role", Of: []string{r + "/..."},
			Never: append(others, in("guard/...", "cmd/...", "examples/...")...), Transitive: true})
	}
	return rules
}

// codePath is every package that may import pay/securitycode directly.
func codePath() []string {
	return []string{"pay/securitycode", "pay/issuer", "pay/issuer/network", "pay/issuer/face", "pay/issuer/internal/cvv"}
}

// CheckImports reports each import that breaks a rule, with the chain that leads to it.
func CheckImports(t *Tree, rules []Rule) []string {
	var bad []string
	for _, p := range t.Packages {
		for _, r := range rules {
			if !of(r, p.Path) {
				continue
			}
			for _, imp := range direct(p, r) {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", p.Path, imp, r.Why))
			}
			if r.Transitive {
				for imp, chain := range t.reach(p.Path) {
					if len(chain) > 1 && match(r.Never, imp) {
						bad = append(bad, fmt.Sprintf("%s reaches %s: %s", p.Path, strings.Join(chain, " → "), r.Why))
					}
				}
			}
		}
	}
	slices.Sort(bad)
	return bad
}

func of(r Rule, dir string) bool {
	all := slices.Contains(r.Of, "...")
	return (all || match(r.Of, dir)) && !match(r.Except, dir)
}

func direct(p *Package, r Rule) []string {
	var bad []string
	for _, imp := range p.Imports {
		if match(r.Never, imp) || (r.Only != nil && !match(r.Only, imp)) {
			bad = append(bad, imp)
		}
	}
	return bad
}
