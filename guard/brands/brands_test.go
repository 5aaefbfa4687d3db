package brands

import (
	"errors"
	"strings"
	"testing"
)

func TestBuiltinIsClean(t *testing.T) {
	cat, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if len(cat.Brands) < 60 {
		t.Fatalf("only %d brands", len(cat.Brands))
	}
}

func TestParseReportsEverythingAtOnce(t *testing.T) {
	list, err := Parse("x.brands", "name early\n[Bad]\n[one]\nname One\nsector shop\ncountry DE\nshop one.example NOT..domain\nsource here 2026-13-01\nchecked tomorrow\nfoo bar\n")
	if !errors.Is(err, ErrCatalogue) || len(list) != 0 {
		t.Fatal(list, err)
	}
	for _, want := range []string{"x.brands:1:", "x.brands:2:", "NOT..domain", "source is a reference", "checked is a date", `unknown key "foo"`, "has no source"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	list, err := Parse("x.brands", "[uno]\nname Uno\nsector own\ncountry --\nshop .uno uno.example\nsource me 2026-01-02\nchecked 2026-01-02\n")
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	if b := list[0]; b.Home() != "uno.example" || b.Names[0] != "uno" || b.Kind != Short {
		t.Fatalf("%+v", b)
	}
}

func TestOneDomainOneBrand(t *testing.T) {
	c := &Catalogue{Brands: []Brand{{ID: "a", Shop: []string{"x.com"}}, {ID: "b", Owned: []string{"x.com"}}}}
	if c.Check() == nil {
		t.Fatal("not noticed")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[a]\nname A\n")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := Parse("f", s)
		if err == nil {
			for _, b := range list {
				if b.Home() == "" || len(b.Names) == 0 {
					t.Fatalf("accepted without home or name: %+v", b)
				}
			}
		}
	})
}
