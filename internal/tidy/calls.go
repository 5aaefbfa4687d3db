package tidy

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
)

// Ban is a call that a part of the tree must not make, and what to do instead.
type Ban struct {
	Import, Name string   // such as "time", "Now"; Name "" bans the import itself
	Of, Except   []string // folders, as in Rule
	Instead      string
}

// Bans is the list: a role gets clock, randomness, network and log from its host.
func Bans() []Ban {
	inside := []string{"pay/...", "guard/...", "wire/...", "sql/...", "examples/..."}
	return []Ban{
		{"time", "Now", inside, nil, "take now func() time.Time from Env"},
		{"time", "Since", inside, nil, "subtract from the injected clock"},
		{"math/rand", "", []string{"..."}, nil, "take rand io.Reader from Env"},
		{"math/rand/v2", "", []string{"..."}, []string{"sim/...", "bench/..."}, "take rand io.Reader from Env"},
		{"crypto/rand", "", inside, nil, "take rand io.Reader from Env"},
		{"log", "", []string{"..."}, []string{"cmd/..."}, "log through Env.Log"},
		{"net", "Dial", inside, []string{"guard/facts"}, "dial through Env.Dial or Env.Egress"},
		{"net", "Listen", inside, nil, "listen through Env.Listen"},
		{"net/http", "Get", inside, nil, "go out through Env.Egress"},
		{"net/http", "Post", inside, nil, "go out through Env.Egress"},
		{"net/http", "DefaultClient", inside, nil, "go out through Env.Egress"},
		{"os", "Exit", []string{"pay/...", "guard/...", "wire/...", "sql/...", "host/...", "examples/..."}, []string{"guard/lookalike/gen/...", "guard/lookalike/psl/gen", "guard/brands/gen"}, "return an error; the program exits"},
		{"os", "Getenv", inside, nil, "config comes through the role's Config"},
		{"encoding/gob", "", []string{"..."}, nil, "use a documented format"},
		{"unsafe", "", []string{"..."}, []string{"cmd/guardwasm"}, "do without"},
	}
}

// CheckCalls reports banned imports and calls in non-test files.
func CheckCalls(t *Tree, bans []Ban) []string {
	var bad []string
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if f.Test || f.Generated {
				continue
			}
			for _, b := range bans {
				if of(Rule{Of: b.Of, Except: b.Except}, p.Path) {
					bad = append(bad, banned(t, f, b)...)
				}
			}
		}
	}
	slices.Sort(bad)
	return bad
}

func banned(t *Tree, f *File, b Ban) []string {
	local := ""
	var bad []string
	for _, i := range f.Syntax.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		if p != b.Import {
			continue
		}
		if b.Name == "" {
			return []string{fmt.Sprintf("%s: imports %s: %s", at(t.Fset, f, i.Pos()), b.Import, b.Instead)}
		}
		local = lastElement(b.Import)
		if i.Name != nil {
			local = i.Name.Name
		}
	}
	if local == "" {
		return nil
	}
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != b.Name {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
			bad = append(bad, fmt.Sprintf("%s: %s.%s: %s", at(t.Fset, f, sel.Pos()), b.Import, b.Name, b.Instead))
		}
		return true
	})
	return bad
}

func lastElement(p string) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return p[i+1:]
		}
	}
	return p
}
