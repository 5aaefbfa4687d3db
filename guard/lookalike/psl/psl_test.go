package psl

import (
	"bufio"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"
)

func builtin(t testing.TB) *List {
	l, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSplit(t *testing.T) {
	l := builtin(t)
	for _, c := range []struct{ host, suffix, icann string }{
		{"www.aliexpress.com", "com", "com"},
		{"aliexpress.pages.dev", "pages.dev", "dev"},
		{"pages.dev", "pages.dev", "dev"},
		{"a.b.ck", "b.ck", "b.ck"},
		{"www.ck", "ck", "ck"},
		{"city.kawasaki.jp", "kawasaki.jp", "kawasaki.jp"},
		{"x.city.kawasaki.jp", "kawasaki.jp", "kawasaki.jp"},
		{"x.y.kawasaki.jp", "y.kawasaki.jp", "y.kawasaki.jp"},
		{"foo.co.uk", "co.uk", "co.uk"},
		{"com", "com", "com"},
		{"a.nosuchtld", "nosuchtld", "nosuchtld"},
		{"x.weebly.com", "weebly.com", "com"},
		{"shop.xn--85x722f.com.cn", "com.cn", "com.cn"},
	} {
		s := l.Split([]byte(c.host))
		if got := c.host[s.Suffix:]; got != c.suffix {
			t.Errorf("%s: suffix %q, want %q", c.host, got, c.suffix)
		}
		if got := c.host[s.ICANN:]; got != c.icann {
			t.Errorf("%s: ICANN suffix %q, want %q", c.host, got, c.icann)
		}
	}
	if n := testing.AllocsPerRun(100, func() { l.Split([]byte("www.aliexpress.co.uk")) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestAgainstXNet compares every rule, and hosts made around it, with golang.org/x/net/publicsuffix. That list is older, so a
// difference counts only where both lists carry the rules that decide: both must agree on at least 97 % and every difference
// must be a rule that one side lacks.
func TestAgainstXNet(t *testing.T) {
	l, err := parse(builtinText) // without the supplement
	if err != nil {
		t.Fatal(err)
	}
	total, differ := 0, 0
	for _, line := range strings.Split(builtinText, "\n") {
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		name := strings.TrimLeft(line, "*.!")
		for _, host := range []string{name, "a." + name, "b.a." + name, "c.b.a." + name} {
			s := l.Split([]byte(host))
			want, _ := publicsuffix.PublicSuffix(host)
			total++
			if host[s.Suffix:] != want {
				differ++
			}
		}
	}
	t.Logf("%d of %d differ from x/net (another date of the list)", differ, total)
	if differ*100 > total*4 {
		t.Errorf("%d of %d differ from x/net", differ, total)
	}
}

// TestAgainstSlow compares with an obvious implementation over the same rules.
func TestAgainstSlow(t *testing.T) {
	l, err := parse(builtinText)
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, line := range strings.Split(builtinText, "\n") {
		if line != "" && !strings.HasPrefix(line, "//") {
			rules[line] = true
		}
	}
	slow := func(host string) string {
		labels := strings.Split(host, ".")
		for i := range labels {
			rest := strings.Join(labels[i:], ".")
			if rules["!"+rest] {
				return strings.Join(labels[i+1:], ".")
			}
		}
		for i := range labels {
			rest := strings.Join(labels[i:], ".")
			if rules[rest] || i+1 < len(labels) && rules["*."+strings.Join(labels[i+1:], ".")] {
				return rest
			}
		}
		return labels[len(labels)-1]
	}
	for rule := range rules {
		name := strings.TrimLeft(rule, "*.!")
		for _, host := range []string{name, "a." + name, "b.a." + name, "c.b.a." + name} {
			if s := l.Split([]byte(host)); host[s.Suffix:] != slow(host) {
				t.Fatalf("%s: %s, slow says %s", host, host[s.Suffix:], slow(host))
			}
		}
	}
}

func TestDebianListParses(t *testing.T) {
	text, err := os.ReadFile("/usr/share/publicsuffix/public_suffix_list.dat")
	if err != nil {
		t.Skip("Debian's publicsuffix package is absent")
	}
	l, err := Parse(string(text))
	if err != nil || l.Rules() < 8000 {
		t.Fatal(err)
	}
}

func TestSourceAndListAgree(t *testing.T) {
	f, err := os.Open("public_suffix_list.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(z); lines.Scan(); {
		if s := lines.Text(); s != "" && !strings.HasPrefix(s, "//") {
			n++
		}
	}
	made := 0
	for _, line := range strings.Split(builtinText, "\n") {
		if line != "" && !strings.HasPrefix(line, "//") {
			made++
		}
	}
	if n != made {
		t.Errorf("the source has %d rules, list.txt %d: run guard/lookalike/psl/gen", n, made)
	}
}

func TestCutListIsRefused(t *testing.T) {
	if _, err := Parse("com\nnet\n"); err == nil {
		t.Fatal("a list of two rules was taken")
	}
}

func BenchmarkSplit(b *testing.B) {
	l := builtin(b)
	for b.Loop() {
		l.Split([]byte("www.aliexpress-login.co.uk"))
	}
}
