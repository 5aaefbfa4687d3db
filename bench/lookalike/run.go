package lookalike

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"runtime"
	"slices"
	"sort"
	"strings"
	"testing"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
	"countersign/guard/lookalike/psl"
	"countersign/guard/verdict"
)

// report collects figures for the machine-readable form.
type report struct {
	w      io.Writer
	json   bool
	values map[string]float64
}

func (r *report) say(format string, args ...any) {
	if !r.json {
		fmt.Fprintf(r.w, format, args...)
	}
}

func (r *report) set(key string, value float64) { r.values[key] = value }

// Run measures everything and writes tables, or one JSON object. quick takes a tenth of the large sets. The last line of the text is
// "ratio N": how many times faster one verdict is than an edit-distance pass over the same 1,900 names, in this run.
func Run(w io.Writer, quick, jsonOut bool) error {
	r := &report{w: w, json: jsonOut, values: map[string]float64{}}
	cat, err := brands.Builtin()
	if err != nil {
		return err
	}
	e, err := lookalike.New(cat, lookalike.Options{})
	if err != nil {
		return err
	}
	step := 1
	if quick {
		step = 10
	}
	r.say("catalogue: %d brands; data: %s\n", len(cat.Brands), "COUNTERSIGN_DATA/lookalike")
	recall(r, e, step)
	if err := falsePositives(r, cat); err != nil {
		return err
	}
	genuine(r, e)
	reach(r, e, step)
	if !jsonOut {
		assertions(w)
	}
	ratio, err := speed(r, e, cat)
	if err != nil {
		return err
	}
	if jsonOut {
		return json.NewEncoder(w).Encode(r.values)
	}
	_, err = fmt.Fprintf(w, "\nratio %.1f\n", ratio)
	return err
}

// half splits brands into A and B by their name alone.
func half(brand string) string {
	h := fnv.New32a()
	io.WriteString(h, brand)
	return string(rune('A' + h.Sum32()>>4&1))
}

type tally struct{ n, danger, caution, hint, genuine int }

func (t *tally) add(a lookalike.Answer) {
	t.n++
	switch {
	case a.Level == verdict.Genuine || a.Class == verdict.Owned:
		t.genuine++
	case a.Level == verdict.Danger:
		t.danger++
	case a.Level == verdict.Caution:
		t.caution++
	case a.Class != verdict.None:
		t.hint++
	}
}

func share(part, of int) float64 { return float64(part) / float64(max(of, 1)) }

// recall: generated names, genuine sisters subtracted, per generator, algorithm, length, half, tier.
func recall(r *report, e *lookalike.Engine, step int) {
	for _, set := range []struct{ name, prefix string }{{"dnstwist", "gen-dnstwist"}, {"ail", "gen-ail"}} {
		rows := map[string]*tally{}
		at := func(k string) *tally {
			if rows[k] == nil {
				rows[k] = &tally{}
			}
			return rows[k]
		}
		i := 0
		found := lines(set.prefix, func(f []string) {
			if i++; i%step != 0 {
				return
			}
			size, name := "6+", label(f[0])
			if name == "smbc-card" { // the generators take its last part for the domain
				return
			}
			if len(name) < 4 {
				size = "3"
			} else if len(name) < 6 {
				size = "4-5"
			}
			a := e.Check(f[2])
			at(size + "\t" + f[1] + "\tall").add(a)
			at(size + "\tALL\tall").add(a)
			at(size + "\tALL\t" + half(name)).add(a)
		})
		if !found {
			r.say("\n%s: no data\n", set.name)
			continue
		}
		r.say("\nrecall, %s: share of generated names; warned = danger or caution; seen = also named as a hint\n%-6s%-20s%-6s%9s%9s%9s%9s%9s\n", set.name, "len", "algorithm", "half", "names", "danger", "warned", "seen", "genuine")
		keys := make([]string, 0, len(rows))
		for k := range rows {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			t, f := rows[k], strings.Split(k, "\t")
			of := t.n - t.genuine
			r.say("%-6s%-20s%-6s%9d%9.4f%9.4f%9.4f%9d\n", f[0], f[1], f[2], of, share(t.danger, of), share(t.danger+t.caution, of), share(t.danger+t.caution+t.hint, of), t.genuine)
			r.set("recall."+set.name+"."+strings.Join(f, "."), share(t.danger+t.caution, of))
			r.set("seen."+set.name+"."+strings.Join(f, "."), share(t.danger+t.caution+t.hint, of))
		}
	}
}

// popular yields the popular domains whose position satisfies keep.
func popular(keep func(i int) bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		i, stop := 0, false
		seen := map[string]bool{}
		for _, f := range []string{"popular-cloudflare", "popular-tranco"} {
			lines(f, func(f []string) {
				if stop || seen[f[0]] || f[0] == "domain" {
					return
				}
				seen[f[0]] = true
				i++
				stop = keep(i) && !yield(f[0])
			})
		}
	}
}

// falsePositives: budgets from one half of the popular domains, wrong warnings counted on the other, no list of independent names: what
// a domain meets that the engine has never heard of. Once for the catalogue, once with bank sites added to it as further names.
func falsePositives(r *report, cat *brands.Catalogue) error {
	r.say("\nfalse positives, popular domains that the engine does not know (budgets from the other half)\n%-32s%8s%10s%12s%12s\n", "names", "brands", "domains", "danger/M", "caution/M")
	for _, c := range []struct {
		name string
		add  int
	}{{"catalogue", 0}, {"+ 1 in 7 of MISP's bank sites", 7}, {"+ 1 in 2 of MISP's bank sites", 2}} {
		big := withBanks(cat, c.add)
		danger, caution, n := 0, 0, 0
		classes := map[string]int{}
		for _, odd := range []int{0, 1} {
			raw, err := lookalike.New(big, lookalike.Options{NoBudget: true, NoIndependent: true})
			if err != nil {
				return err
			}
			hits, of := raw.Hits(popular(func(i int) bool { return i%2 == odd }))
			own := *big
			own.Budget = lookalike.Budget(lookalike.Rates(hits, of))
			e, err := lookalike.New(&own, lookalike.Options{NoIndependent: true})
			if err != nil {
				return err
			}
			hits, of = e.Hits(popular(func(i int) bool { return i%2 != odd }))
			n += of
			for _, h := range hits {
				classes[h.Level.String()+" "+h.Class.String()]++
				if h.Level == verdict.Danger {
					danger++
				} else {
					caution++
				}
			}
		}
		if n == 0 {
			r.say("no data\n")
			return nil
		}
		r.say("%-32s%8d%10d%12.0f%12.0f\n", c.name, len(big.Brands), n, share(danger, n)*1e6, share(caution, n)*1e6)
		r.set(fmt.Sprintf("fp.danger_per_million.%d", len(big.Brands)), share(danger, n)*1e6)
		r.set(fmt.Sprintf("fp.caution_per_million.%d", len(big.Brands)), share(caution, n)*1e6)
		var keys []string
		for k, v := range classes {
			keys = append(keys, fmt.Sprintf("%s %d", k, v))
		}
		sort.Strings(keys)
		r.say("  %s\n", strings.Join(keys, ", "))
	}
	return nil
}

// withBanks adds every nth bank site of MISP's list as a coined name with one domain; 0 = none. Their sister domains are unknown, so other
// endings of theirs count as wrong.
func withBanks(cat *brands.Catalogue, nth int) *brands.Catalogue {
	if nth == 0 {
		return cat
	}
	used := map[string]bool{}
	for _, b := range cat.Brands {
		for _, n := range slices.Concat(b.Names, b.Shop, b.Owned, []string{b.ID}) {
			used[n] = true
		}
	}
	out := *cat
	out.Brands = slices.Clone(cat.Brands)
	i := 0
	lines("brands-bank-websites", func(f []string) {
		i++
		l := label(f[0])
		if i%nth != 0 || used[l] || used[f[0]] || len(l) < 4 || !brands.IsToken(l) || !brands.IsDomain(f[0]) {
			return
		}
		used[l], used[f[0]] = true, true
		kind := brands.Coined
		if len(l) <= 4 {
			kind = brands.Short
		}
		out.Brands = append(out.Brands, brands.Brand{ID: l, Name: l, Kind: kind, Shop: []string{f[0]}, Names: []string{l}})
	})
	return &out
}

// genuine: every genuine domain and hosts below it; and nothing else, over all hostile and generated hosts.
func genuine(r *report, e *lookalike.Engine) {
	n, good := 0, 0
	listed := map[string]bool{}
	for _, b := range e.Catalogue().Brands {
		for _, d := range b.Shop {
			listed[d] = true
			if d[0] == '.' {
				d = "shop" + d
			}
			for _, h := range []string{d, "www." + d, "a.b." + d, strings.ToUpper(d) + "."} {
				n++
				if e.Check(h).Level == verdict.Genuine {
					good++
				}
			}
		}
	}
	wrong, asked := 0, 0
	for _, set := range []string{"gen-dnstwist", "gen-ail", "phish-phishingdatabase", "phish-polkadot", "phish-tweetfeed"} {
		lines(set, func(f []string) {
			host := f[0]
			switch {
			case strings.HasPrefix(set, "gen-"):
				host = f[2]
			case len(f) > 1:
				host = f[1]
			}
			asked++
			if e.Check(host).Level != verdict.Genuine {
				return
			}
			for h := host; ; {
				if listed[h] {
					return
				}
				_, rest, ok := strings.Cut(h, ".")
				if !ok {
					break
				}
				if listed["."+rest] {
					return
				}
				h = rest
			}
			wrong++
		})
	}
	r.say("\ngenuine: %d of %d genuine hosts (%.4f); genuine although not listed: %d of %d generated and hostile hosts\n", good, n, share(good, n), wrong, asked)
	r.set("genuine.share", share(good, n))
	r.set("genuine.wrong", float64(wrong))
}

// reach: what share of hostile feeds is reported, beside the peers' rules, and what the same rules report among popular domains.
func reach(r *report, e *lookalike.Engine, step int) {
	sets := []struct {
		name, prefix string
		field        int
	}{{"popular 100k", "popular-cloudflare", 0}, {"Phishing.Database", "phish-phishingdatabase", 1}, {"TweetFeed", "phish-tweetfeed", 1}, {"polkadot", "phish-polkadot", 0}}
	r.say("\nshare of hosts reported (the peers' rules are re-implemented, see peers.go)\n%-44s", "rule")
	for _, s := range sets {
		r.say("%18s", s.name)
	}
	r.say("\n")
	for _, rule := range rules(e) {
		r.say("%-44s", rule.name)
		for _, s := range sets {
			n, hit, i := 0, 0, 0
			lines(s.prefix, func(f []string) {
				if i++; i%step == 0 && len(f) > s.field {
					n++
					if rule.check(f[s.field]) {
						hit++
					}
				}
			})
			r.say("%18.5f", share(hit, n))
			r.set("reach."+rule.name+"."+s.name, share(hit, n))
		}
		r.say("\n")
	}
}

// speed: processor time per verdict, host by host.
func speed(r *report, e *lookalike.Engine, cat *brands.Catalogue) (ratio float64, err error) {
	var ascii, idn []string
	lines("popular-cloudflare", func(f []string) {
		if len(ascii) < 3000 {
			ascii = append(ascii, f[0])
		}
	})
	i := 0
	lines("phish-phishingdatabase", func(f []string) {
		if i++; i%40 == 0 && len(f) > 1 && !strings.Contains(f[1], "xn--") {
			ascii = append(ascii, f[1])
		}
	})
	lines("gen-dnstwist", func(f []string) {
		if i++; i%200 == 0 && strings.HasPrefix(f[2], "xn--") {
			idn = append(idn, f[2])
		}
	})
	if len(ascii) == 0 || len(idn) == 0 {
		r.say("\nspeed: no data\n")
		return 1, nil
	}
	r.say("\nprocessor time of one verdict, ns (per host the best of 5 batches of 64)\n%-58s%8s%10s%10s%10s\n", "what", "hosts", "p50", "p99", "mean")
	big, err := lookalike.New(withBanks(cat, 1), lookalike.Options{})
	if err != nil {
		return 0, err
	}
	some := ascii[:min(len(ascii), 1000)]
	times(r, "x/net/publicsuffix alone", some, func(h string) { registrable(h) })
	var ours, theirs float64
	for _, on := range []*lookalike.Engine{e, big} {
		all, names := rules(on), fmt.Sprintf(", %d brands", len(on.Catalogue().Brands))
		ours = times(r, "countersign, ASCII"+names, ascii, func(h string) { on.Check(h) })
		times(r, "countersign, IDN"+names, idn, func(h string) { on.Check(h) })
		theirs = times(r, all[2].name+names, some, func(h string) { all[2].check(h) })
		times(r, all[3].name+names, some, func(h string) { all[3].check(h) })
	}
	allocs := testing.AllocsPerRun(2000, func() { e.Check(ascii[0]); e.Check("paypa1-login.com") })
	list, err := psl.Builtin()
	if err != nil {
		return 0, err
	}
	for _, c := range []*brands.Catalogue{cat, withBanks(cat, 1)} {
		best := build(c, list)
		bytes := indexSize(c, list)
		perThousand := float64(bytes) / float64(len(c.Brands)) * 1000
		r.say("index of %d brands: %.0f KB, %.0f KB per 1,000 brands; built in %.1f ms of processor time\n", len(c.Brands), float64(bytes)/1024, perThousand/1024, best)
		r.set(fmt.Sprintf("index.kb_per_1000.%d", len(c.Brands)), perThousand/1024)
		r.set(fmt.Sprintf("index.build_ms.%d", len(c.Brands)), best)
	}
	r.say("allocations for ASCII hosts: %.0f\n", allocs)
	r.set("allocs", allocs)
	return theirs / ours, nil
}

// build gives the best time of building an engine, in milliseconds.
func build(c *brands.Catalogue, list *psl.List) float64 {
	best := 1e9
	for range 5 {
		start := cpuTime()
		if _, err := lookalike.New(c, lookalike.Options{PSL: list}); err != nil {
			return 0
		}
		best = min(best, float64((cpuTime()-start).Microseconds())/1000)
	}
	return best
}

// indexSize is what the index itself takes.
func indexSize(c *brands.Catalogue, list *psl.List) int {
	e, err := lookalike.New(c, lookalike.Options{PSL: list})
	if err != nil {
		return 0
	}
	return e.IndexBytes()
}

// times measures f over hosts and gives the median.
func times(r *report, what string, hosts []string, f func(string)) float64 {
	runtime.GC()
	per := make([]float64, 0, len(hosts))
	sum := 0.0
	for _, h := range hosts {
		best := 1e9
		for range 5 {
			start := cpuTime()
			for range 64 {
				f(h)
			}
			best = min(best, float64(cpuTime()-start)/64)
		}
		per = append(per, best)
		sum += best
	}
	slices.Sort(per)
	p50, p99 := per[len(per)/2], per[len(per)*99/100]
	r.say("%-58s%8d%10.0f%10.0f%10.0f\n", what, len(hosts), p50, p99, sum/float64(len(per)))
	r.set("speed."+what+".p50", p50)
	r.set("speed."+what+".p99", p99)
	return p50
}
