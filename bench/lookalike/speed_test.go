package lookalike

import (
	"testing"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
)

func BenchmarkPopular(b *testing.B) {
	cat, _ := brands.Builtin()
	e, err := lookalike.New(cat, lookalike.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var hosts []string
	lines("popular-cloudflare", func(f []string) {
		if len(hosts) < 20000 {
			hosts = append(hosts, f[0])
		}
	})
	if len(hosts) == 0 {
		b.Skip("no data")
	}
	i := 0
	start := cpuTime()
	for b.Loop() {
		e.Check(hosts[i%len(hosts)])
		i++
	}
	b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op")
}
