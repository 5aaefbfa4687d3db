package lookalike

import (
	"fmt"
	"os"
	"sort"
	"testing"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

func TestExplore(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip("by hand")
	}
	cat, _ := brands.Builtin()
	e, err := lookalike.New(cat, lookalike.Options{NoIndependent: os.Getenv("RAW") != "", NoBudget: os.Getenv("RAW") != ""})
	if err != nil {
		t.Fatal(err)
	}
	want := os.Getenv("MISS")
	for _, set := range []string{"gen-dnstwist", "gen-ail"} {
		type c struct{ n, danger, caution, hint, genuine int }
		counts := map[string]*c{}
		lines(set, func(f []string) {
			brand := label(f[0])
			size := "6+"
			if len(brand) < 4 {
				size = "3"
			} else if len(brand) < 6 {
				size = "4-5"
			}
			k := size + " " + f[1]
			if counts[k] == nil {
				counts[k] = &c{}
			}
			x := counts[k]
			x.n++
			a := e.Check(f[2])
			switch {
			case a.Level == verdict.Danger:
				x.danger++
			case a.Level == verdict.Caution:
				x.caution++
			case a.Level == verdict.Genuine || a.Class == verdict.Owned:
				x.genuine++
			case a.Class != verdict.None:
				x.hint++
				if want == k {
					fmt.Println("hint", f[0], f[2], a.Class, e.Token(a))
				}
			default:
				if want == k {
					fmt.Println("miss", f[0], f[2])
				}
			}
		})
		keys := []string{}
		for k := range counts {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			x := counts[k]
			fmt.Printf("%-14s %-24s n %6d danger %6d caution %6d hint %6d genuine %4d  warned %.4f any %.4f\n", set, k, x.n, x.danger, x.caution, x.hint, x.genuine,
				float64(x.danger+x.caution)/float64(x.n-x.genuine), float64(x.danger+x.caution+x.hint)/float64(x.n-x.genuine))
		}
	}
	levels := map[string]int{}
	n := 0
	lines("popular-cloudflare", func(f []string) {
		n++
		a := e.Check(f[0])
		if a.Level.Rank() > 1 {
			levels[a.Level.String()+" "+a.Class.String()]++
			levels[a.Level.String()]++
			if os.Getenv("FP") != "" {
				fmt.Println("fp", a.Level, a.Class, e.Token(a), f[0], f[1])
			}
		}
	})
	fmt.Println(n, levels)
}

func TestBudgetSplit(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip("by hand")
	}
	cat, _ := brands.Builtin()
	raw, _ := lookalike.New(cat, lookalike.Options{NoBudget: true, NoIndependent: true})
	hits, n := raw.Hits(popular(func(i int) bool { return i%2 == 0 }))
	rates := lookalike.Rates(hits, n)
	own := *cat
	own.Budget = lookalike.Budget(rates)
	fmt.Println("limits", len(own.Budget), own.Budget)
	e, _ := lookalike.New(&own, lookalike.Options{NoIndependent: true})
	hits, n = e.Hits(popular(func(i int) bool { return i%2 == 1 }))
	byClass := map[string]int{}
	for _, h := range hits {
		byClass[h.Level.String()]++
		byClass[h.Level.String()+" "+h.Class.String()]++
		fmt.Println("held-out", h)
	}
	fmt.Println(n, byClass)
}

func TestScale(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip("by hand")
	}
	cat, _ := brands.Builtin()
	big := *cat
	used := map[string]bool{}
	for _, b := range cat.Brands {
		for _, n := range b.Names {
			used[n] = true
		}
		for _, n := range append(b.Shop, b.Owned...) {
			used[n] = true
		}
	}
	i := 0
	lines("brands-bank-websites", func(f []string) {
		i++
		l := label(f[0])
		if i%7 != 0 || used[l] || used[f[0]] || len(l) < 4 || !brands.IsToken(l) || !brands.IsDomain(f[0]) {
			return
		}
		used[l] = true
		k := brands.Coined
		if len(l) <= 4 {
			k = brands.Short
		}
		big.Brands = append(big.Brands, brands.Brand{ID: l, Name: l, Kind: k, Shop: []string{f[0]}, Names: []string{l}})
	})
	fmt.Println("brands", len(big.Brands))
	raw, _ := lookalike.New(&big, lookalike.Options{NoBudget: true, NoIndependent: true})
	hits, n := raw.Hits(popular(func(i int) bool { return i%2 == 0 }))
	fmt.Println("training hits", len(hits), n)
	big.Budget = lookalike.Budget(lookalike.Rates(hits, n))
	e, _ := lookalike.New(&big, lookalike.Options{NoIndependent: true})
	hits, n = e.Hits(popular(func(i int) bool { return i%2 == 1 }))
	byClass := map[string]int{}
	for _, h := range hits {
		byClass[h.Level.String()]++
		byClass[h.Level.String()+" "+h.Class.String()]++
		fmt.Println("scale", h)
	}
	fmt.Println(n, byClass)
}
