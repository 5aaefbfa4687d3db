package lookalike

import (
	"math/rand"
	"strings"
	"testing"
	"time"

	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

// slowSearch is search without an index: every name is compared with every part, at every place.
func slowSearch(e *Engine, q *name) *search {
	s := &search{e: e, q: q, left: q.text()[:q.left], best: Answer{brand: -1, token: -1}, risk: -1, quiet: -1}
	if q.left == 0 || q.reg < 0 {
		return s
	}
	s.tenant = q.split.Private && !registryTable[string(q.ascii[q.split.Suffix:q.n])]
	all := func(start, end int, where place) {
		if end-start < 3 || end-start > e.maxOne+e.maxOne/2+4 || end-start > maxToken*2+8 {
			return
		}
		part := s.left[start:end]
		one, coarse := fold.AppendOne(nil, part), fold.AppendCoarse(nil, nil, part)
		for id := range e.tokens {
			if c := compare(part, one, coarse, &e.tokens[id]); c != verdict.None {
				s.where, s.from, s.to = where, start, end
				s.hit(int32(id), c)
			}
		}
	}
	label := func(start, end int, whole, part place) {
		all(start, end, whole)
		if !strings.Contains(string(s.left[start:end]), "-") {
			return
		}
		at := start
		for _, seg := range strings.Split(string(s.left[start:end]), "-") {
			all(at, at+len(seg), part)
			at += len(seg) + 1
		}
	}
	for _, t := range e.tokens {
		s.exact = s.exact || t.text == string(s.left[q.reg:]) && !s.foreignAt(q.reg)
	}
	label(q.reg, len(s.left), atLabel, atSegment)
	for end := q.reg - 1; end > 0; {
		start := strings.LastIndexByte(string(s.left[:end]), '.') + 1
		label(start, end, atSub, atSubPart)
		end = start - 1
	}
	labels := strings.Split(string(s.left), ".")
	for i := len(labels) - 2; i >= 0; i-- {
		word := strings.Join(labels[i:], "")
		for id := range e.tokens {
			t := &e.tokens[id]
			one := fold.AppendOne(nil, []byte(word))
			if word == t.text || string(one) == t.one() {
				c := verdict.Glyph
				if word == t.text {
					c = verdict.Listed
				}
				s.where, s.from, s.to = atJoin, len(s.left)-len(strings.Join(labels[i:], ".")), len(s.left)
				s.hit(int32(id), c)
			}
		}
	}
	one := fold.AppendOne(nil, s.left)
	pos := make([]uint16, len(s.left)+1)
	coarse := fold.AppendCoarse(nil, pos, s.left)
	for id := range e.tokens {
		s.twoOff(int32(id), one[q.reg:])
	}
	for id := range e.tokens {
		t := &e.tokens[id]
		for i := range one {
			if len(t.one()) >= 4 && strings.HasPrefix(string(one[i:]), t.one()) {
				s.occurrence(int32(id), i, i+len(t.one()))
			}
		}
		if len(coarse) == len(one) {
			continue
		}
		for i := range coarse {
			if len(t.coarse()) >= 4 && strings.HasPrefix(string(coarse[i:]), t.coarse()) {
				s.occurrence(int32(id), int(pos[i]), int(pos[i+len(t.coarse())]))
			}
		}
	}
	return s
}

// mangle makes hosts around protected names.
func mangle(e *Engine, rnd *rand.Rand) string {
	t := []byte(e.tokens[rnd.Intn(len(e.tokens))].text)
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	for range rnd.Intn(3) {
		i := rnd.Intn(len(t))
		switch rnd.Intn(6) {
		case 0:
			t = append(t[:i], t[i+1:]...)
		case 1:
			t = append(t[:i], append([]byte{letters[rnd.Intn(len(letters))]}, t[i:]...)...)
		case 2:
			t[i] = letters[rnd.Intn(len(letters))]
		case 3:
			if i > 0 {
				t[i], t[i-1] = t[i-1], t[i]
			}
		case 4:
			t = []byte(strings.NewReplacer("m", "rn", "w", "vv", "d", "cl", "l", "1", "o", "0", "k", "lc").Replace(string(t)))
		case 5:
			t = append(t[:i], append([]byte{'.'}, t[i:]...)...)
		}
		if len(t) < 3 {
			break
		}
	}
	words := []string{"login", "secure", "x", "www", "com", "shop", "de", "co-uk", "order", "7", "zq", "update"}
	w := func() string { return words[rnd.Intn(len(words))] }
	s := string(t)
	switch rnd.Intn(6) {
	case 0:
		s = s + "-" + w()
	case 1:
		s = w() + s
	case 2:
		s = s + ".com-" + w()
	case 3:
		s = s + "." + w() + w()
	case 4:
		s = w() + "." + s + w()
	}
	return s + []string{".com", ".top", ".co.uk", ".pages.dev", ".de"}[rnd.Intn(5)]
}

func TestAgainstReference(t *testing.T) {
	e := engine(t)
	rnd := rand.New(rand.NewSource(7))
	for range 6000 {
		sameAsReference(t, e, mangle(e, rnd))
	}
}

func sameAsReference(t *testing.T, e *Engine, host string) {
	t.Helper()
	var q name
	e.read(&q, host)
	if q.dead {
		return
	}
	slow := slowSearch(e, &q)
	fast := e.searchFor(&q)
	if fast.score != slow.score {
		a, b := fast.best, slow.best
		t.Errorf("%s: %s %s %q (%d); the reference says %s %s %q (%d)", host, a.Level, a.Class, e.Token(a), fast.score, b.Level, b.Class, e.Token(b), slow.score)
	}
}

func TestBoundedWork(t *testing.T) {
	e := engine(t)
	hosts := map[string]string{
		"10 KB":       strings.Repeat("a", 10000) + ".com",
		"10 KB names": strings.Repeat("amazon-", 1500) + ".com",
		"500 labels":  strings.Repeat("a.", 500) + "com",
		"120 labels":  strings.Repeat("a.", 120) + "com",
		"names":       strings.Repeat("amazon.", 35) + "top",
		"hyphens":     strings.Repeat("ama-", 62) + "com.com",
		"stems":       strings.Repeat("lilk", 15) + "." + strings.Repeat("rnnm", 15) + "." + strings.Repeat("vvuu", 15) + ".com",
		"cyrillic":    strings.Repeat(strings.Repeat("а", 20)+".", 12) + "com",
		"marks":       "a" + strings.Repeat("\u0301\u0323", 100) + ".com",
		"long marks":  "a" + strings.Repeat("\u0301\u0323", 2000) + ".com",
		"punycode":    strings.Repeat("xn--"+strings.Repeat("9", 59)+".", 3) + "com",
		"percent":     strings.Repeat("%61", 300) + ".com",
	}
	for name, h := range hosts {
		best := time.Hour
		for range 20 {
			start := time.Now()
			a := e.CheckURL(h)
			best = min(best, time.Since(start))
			if a.Level == verdict.Genuine {
				t.Errorf("%s: genuine", name)
			}
		}
		if best > time.Millisecond {
			t.Errorf("%s: %v", name, best)
		}
		t.Logf("%-12s %v", name, best)
	}
}

func FuzzCheck(f *testing.F) {
	e := engine(f)
	for _, s := range []string{"aliexpress.com", "https://a@b:c@d/", "xn--80ak6aa92e.com", "ali\u202eexpress.com", "[::1]:80", "a%2e%2eb", "０x7f.1", "paypal.com.\x00.evil", "ama-zon.login.pages.dev"} {
		f.Add(s)
	}
	rnd := rand.New(rand.NewSource(9))
	for range 50 {
		f.Add(mangle(e, rnd))
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := e.Judge(s)
		a := e.CheckURL(s)
		if a.Level != v.Level || a.Class != v.Class {
			t.Fatalf("%q: %v %v", s, a, v)
		}
		if a.Level == verdict.Genuine {
			u := takeApart(s)
			host := strings.TrimSuffix(strings.ToLower(u.host), ".")
			if ascii, err := e.mapper.ToASCII(host); err == nil {
				host = strings.TrimSuffix(ascii, ".")
			}
			listed := false
			for _, d := range e.domains {
				listed = listed || e.isShop(d) && (host == e.domainName(d) || strings.HasSuffix(host, "."+strings.TrimPrefix(e.domainName(d), ".")))
			}
			if !listed {
				t.Fatalf("%q is genuine, and %q is not listed", s, host)
			}
		}
		if len(s) < 300 {
			sameAsReference(t, e, s)
		}
		v.AppendJSON(nil)
	})
}

// slowDistance is the textbook's: optimal string alignment.
func slowDistance(s, t string) int {
	d := make([][]int, len(s)+1)
	for i := range d {
		d[i] = make([]int, len(t)+1)
		for j := range d[i] {
			if i == 0 || j == 0 {
				d[i][j] = i + j
				continue
			}
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(s)][len(t)]
}

func TestDistance(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	for range 200000 {
		a := make([]byte, rnd.Intn(12))
		for i := range a {
			a[i] = "abc"[rnd.Intn(3)]
		}
		b := append([]byte(nil), a...)
		for range rnd.Intn(4) {
			if i := rnd.Intn(len(b) + 1); rnd.Intn(2) == 0 {
				b = append(b[:i], append([]byte{"abc"[rnd.Intn(3)]}, b[i:]...)...)
			} else if i < len(b) {
				b = append(b[:i], b[i+1:]...)
			}
		}
		if got, want := distance(a, string(b)), min(3, slowDistance(string(a), string(b))); got != want {
			t.Fatalf("%s %s: %d, want %d", a, b, got, want)
		}
	}
}
