package twist

import (
	"testing"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

// TestEngineKnowsItsOwnTwists: whatever is made of a coined name of eight letters or more is recognised, and as nothing genuine.
func TestEngineKnowsItsOwnTwists(t *testing.T) {
	cat, err := brands.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := lookalike.New(cat, lookalike.Options{NoBudget: true, NoIndependent: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"aliexpress.com", "mastercard.com", "mercadolibre.com"} {
		n, missed := map[verdict.Class]int{}, map[verdict.Class]int{}
		genuine := 0
		for c, twist := range m.Of(d) {
			n[c]++
			a := e.Check(twist)
			switch {
			case a.Level == verdict.Genuine, a.Class == verdict.Owned:
				genuine++
			case a.Level.Rank() >= verdict.Caution.Rank():
			case (c == verdict.TLD || c == verdict.Tenant || c == verdict.Combo) && a.Class != verdict.None: // a hint
			default:
				if missed[c]++; missed[c] < 3 {
					t.Logf("%s %s not seen", c, twist)
				}
			}
		}
		for c, k := range n {
			if missed[c]*200 > k {
				t.Errorf("%s %s: %d of %d not seen", d, c, missed[c], k)
			}
		}
		if genuine > 200 {
			t.Errorf("%s: %d genuine", d, genuine)
		}
		for _, c := range []verdict.Class{verdict.Omission, verdict.Homograph, verdict.Glyph, verdict.TLD, verdict.Tenant, verdict.Combo, verdict.Dot, verdict.Embedded} {
			if n[c] == 0 {
				t.Errorf("%s: no %s", d, c)
			}
		}
		t.Log(d, n)
	}
	for range m.Of("com") {
		t.Fatal("a public suffix has no imitations")
	}
}
