package tidy

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func load(t *testing.T) *Tree {
	t.Helper()
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Packages) < 10 {
		t.Fatalf("only %d packages found: is the tree where it was?", len(tree.Packages))
	}
	return tree
}

func report(t *testing.T, complaints []string) {
	t.Helper()
	for _, c := range complaints {
		t.Error(c)
	}
}

func TestImports(t *testing.T) { report(t, CheckImports(load(t), House())) }
func TestStyle(t *testing.T)   { report(t, CheckStyle(load(t))) }
func TestCalls(t *testing.T)   { report(t, CheckCalls(load(t), Bans())) }

func TestDocs(t *testing.T) {
	bad, err := CheckDocs(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	report(t, bad)
}

func TestPlantedDocs(t *testing.T) {
	page := "See `pay/card/pan.go`, `pay/gone.go`, [this](docs/gone.md), [that](pay/card/pan.go#top), `go test ./pay` and `fmt.Println`.\n<img src=\"gone.png\">\n"
	bad, err := CheckDocs(fstest.MapFS{"README.md": {Data: []byte(page)}, "pay/card/pan.go": {Data: []byte("package card\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"names pay/gone.go", "names docs/gone.md", "names gone.png"} {
		mustComplain(t, bad, want)
	}
	if len(bad) != 3 {
		t.Errorf("complaints about what exists: %q", bad)
	}
}

// planted is a small house with one violation; each must be refused by the rule it breaks.
func planted(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	fs := fstest.MapFS{}
	for name, src := range files {
		fs[name] = &fstest.MapFile{Data: []byte(src)}
	}
	tree, err := Load(fs)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestPlantedImports(t *testing.T) {
	const code = "// Package securitycode is here to be imported.\npackage securitycode\n"
	const card = "// Package card is here to be imported.\npackage card\n"
	imp := func(pkg, path string) string {
		return "// Package " + pkg + " breaks a wall.\npackage " + pkg + "\nimport _ \"" + path + "\"\n"
	}
	cases := []struct {
		name, want string
		files      map[string]string
	}{
		{"shop API names a PAN", "cannot name a card number", map[string]string{"pay/card/a.go": card,
			"pay/checkout/merchant/a.go": imp("merchant", "countersign/pay/card")}},
		{"shop API reaches a PAN through another", "pay/checkout/merchant reaches", map[string]string{"pay/card/a.go": card,
			"pay/checkout/x/a.go": imp("x", "countersign/pay/card"), "pay/checkout/merchant/a.go": imp("merchant", "countersign/pay/checkout/x")}},
		{"Mobile Bank names a PAN", "cannot name a card number", map[string]string{"pay/mobile/a.go": imp("mobile", "countersign/pay/card")}},
		{"gateway imports the code", "the security code's path", map[string]string{"pay/securitycode/a.go": code,
			"pay/checkout/a.go": imp("checkout", "countersign/pay/securitycode")}},
		{"store reaches the code", "no store can reach", map[string]string{"pay/securitycode/a.go": code,
			"pay/issuer/a.go": imp("issuer", "countersign/pay/securitycode"), "pay/issuer/store/a.go": imp("store", "countersign/pay/issuer")}},
		{"role imports role", "never imports another role", map[string]string{"pay/acs/a.go": imp("acs", "countersign/pay/issuer")}},
		{"protocol imports business", "protocols know no business", map[string]string{"wire/x/a.go": imp("x", "countersign/pay/money")}},
		{"word imports the network side", "words import words", map[string]string{"pay/money/a.go": imp("money", "countersign/host")}},
		{"host imports a role", "host knows no role", map[string]string{"host/a.go": imp("host", "countersign/pay/issuer")}},
		{"guard touches the network", "the guard is pure", map[string]string{"guard/lookalike/a.go": imp("lookalike", "net/http")}},
		{"guard imports pay", "meet nowhere else", map[string]string{"guard/surface/a.go": imp("surface", "countersign/pay/money")}},
		{"demo shop looks behind the API", "nothing but the public shop API", map[string]string{"examples/shop/a.go": imp("shop", "countersign/pay/payment")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			mustComplain(t, CheckImports(planted(t, c.files), House()), c.want)
		})
	}
}

func TestPlantedStyleAndCalls(t *testing.T) {
	long := "// Package p is long.\npackage p\nfunc f() {\n" + strings.Repeat("\t_ = 0\n", MaxFunction) + "}\n"
	cases := []struct{ name, want, src string }{
		{"no package comment", "no package comment", "package p\n"},
		{"undocumented function", "has no comment", "// Package p is for a test of tidy.\npackage p\nfunc Exported() {}\n"},
		{"undocumented type", "has no comment", "// Package p is for a test of tidy.\npackage p\ntype T int\n"},
		{"init", "init()", "// Package p is for a test of tidy.\npackage p\nfunc init() {}\n"},
		{"state", "package-level state", "// Package p is for a test of tidy.\npackage p\nvar counter int\n"},
		{"long function", "has 72 lines", long},
		{"long file", "split it", "// Package p is for a test of tidy.\npackage p\n" + strings.Repeat("\n", MaxFile)},
		{"left for later", "a comment says TODO", "// Package p is for a test of tidy.\npackage p\n// TODO: more\n"},
		{"clock", "time.Now", "// Package p is for a test of tidy.\npackage p\nimport \"time\"\nvar errTable = time.Now()\n"},
		{"clock under another name", "time.Now", "// Package p is for a test of tidy.\npackage p\nimport clock \"time\"\nvar errTable = clock.Now()\n"},
		{"randomness", "imports crypto/rand", "// Package p is for a test of tidy.\npackage p\nimport _ \"crypto/rand\"\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tree := planted(t, map[string]string{"pay/p/a.go": c.src})
			mustComplain(t, append(CheckStyle(tree), CheckCalls(tree, Bans())...), c.want)
		})
	}
}

func mustComplain(t *testing.T, complaints []string, want string) {
	t.Helper()
	for _, c := range complaints {
		if strings.Contains(c, want) {
			return
		}
	}
	t.Errorf("no complaint with %q; got %q", want, complaints)
}
