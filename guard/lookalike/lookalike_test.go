package lookalike

import (
	"testing"

	"countersign/guard/brands"
	"countersign/guard/lookalike/psl"
)

func engine(t testing.TB) *Engine {
	t.Helper()
	cat, err := brands.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(cat, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCheck(t *testing.T) {
	e := engine(t)
	for _, c := range []struct{ host, level, class, brand string }{
		{"aliexpress.com", "genuine", "listed", "aliexpress"},
		{"www.AliExpress.com.", "genuine", "listed", "aliexpress"},
		{"m.de.aliexpress.com", "genuine", "listed", "aliexpress"},
		{"amazon.de", "genuine", "listed", "amazon"},
		{"pay.amazon", "genuine", "listed", "amazon"},
		{"paypal.com", "genuine", "listed", "paypal"},
		{"paypay.ne.jp", "genuine", "listed", "paypay"},
		{"paypalobjects.com", "unknown", "owned", "paypal"},
		{"example.org", "unknown", "none", ""},
		{"localhost", "unknown", "none", ""},
		{"aliexpres.com", "danger", "omission", "aliexpress"},
		{"aliexpresss.com", "danger", "repetition", "aliexpress"},
		{"aliexpresx.com", "danger", "replacement", "aliexpress"},
		{"aliexrpess.com", "danger", "transposition", "aliexpress"},
		{"ali-express.com", "caution", "hyphen", "aliexpress"},
		{"aliexprass.com", "danger", "vowel-swap", "aliexpress"},
		{"aliexpressa.com", "danger", "insertion", "aliexpress"},
		{"a1iexpress.com", "danger", "glyph", "aliexpress"},
		{"rnicrosoft.com", "danger", "glyph", "microsoft"},
		{"stearncomrnunity.com", "danger", "glyph", "steamcommunity"},
		{"xn--80ak6aa92e.com", "danger", "homograph", "apple"}, // аррӏе.com
		{"аliexpress.com", "danger", "homograph", "aliexpress"},
		{"aliexpress.shop", "caution", "tld", "aliexpress"},
		{"aliexpress-login.com", "danger", "combo", "aliexpress"},
		{"arnazon-support.com", "danger", "combo-typo", "amazon"},
		{"aliexpress.com.pay-id.top", "danger", "embedded", "aliexpress"},
		{"aliexpress.com-order.top", "danger", "embedded", "aliexpress"},
		{"ali.express.com", "danger", "dot", "aliexpress"},
		{"aliexpress.pages.dev", "danger", "tenant", "aliexpress"},
		{"127.0.0.1", "unknown", "none", ""},
		{"0x7f.1", "caution", "numeric", ""},
		{"3232235777", "caution", "numeric", ""},
		{"xn--a.com", "caution", "punycode", ""},
		{"%61liexpress.com", "caution", "encoded", "aliexpress"},
		{"a..b", "caution", "malformed", ""},
		{"", "caution", "malformed", ""},
		{"aliexpress\u200b.com", "caution", "invisible", "aliexpress"},
	} {
		a := e.Check(c.host)
		id := ""
		if b := e.Brand(a); b != nil {
			id = b.ID
		}
		if a.Level.String() != c.level || a.Class.String() != c.class || c.brand != "" && id != c.brand && a.Class.String() != "encoded" && a.Class.String() != "invisible" {
			t.Errorf("%s: %s %s %s, want %s %s %s", c.host, a.Level, a.Class, id, c.level, c.class, c.brand)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	e := engine(t)
	for _, h := range []string{"www.example.com", "aliexpres.com", "login.paypal.com.secure-id.example", "AMAZON.de", "arnazon-support.pages.dev"} {
		if n := testing.AllocsPerRun(100, func() { e.Check(h) }); n != 0 {
			t.Errorf("%s: %v allocations", h, n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	e := engine(b)
	for name, h := range map[string]string{"plain": "www.example-site.com", "typo": "aliexpres.com", "genuine": "www.aliexpress.com", "embedded": "aliexpress.com.pay-id.top", "idn": "xn--80ak6aa92e.com"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				e.Check(h)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	e := engine(t)
	for _, c := range []struct{ url, level, class, evidence string }{
		{"https://aliexpre55.com/item/1?x=2#y", "danger", "glyph", "aliexpre[55].com"},
		{"https://www.aliexpres.com:8443/", "danger", "omission", "www.aliexpre[s].com"},
		{"http://аliexpress.com", "danger", "homograph", "[а]liexpress.com"},
		{"aliexpress.shop", "caution", "tld", "aliexpress.[shop]"},
		{"https://aliexpress.com@evil.example/", "danger", "userinfo", "evil.example"},
		{"https://aliexpress.com:443@evil.example/", "danger", "userinfo", "evil.example"},
		{"https://user@aliexpress.com/", "genuine", "listed", "aliexpress.com"},
		{"https://evil.example#@aliexpress.com", "unknown", "none", ""},
		{"https://evil.example\\@aliexpress.com", "caution", "userinfo", "evil.example"},
		{"javascript:alert(1)", "caution", "scheme", ""},
		{"mailto:x@aliexpress.com", "caution", "scheme", ""},
		{"https:aliexpress.com", "genuine", "listed", "aliexpress.com"},
		{"http://[::1]/", "unknown", "none", ""},
		{"http://[2001:db8::1]/", "caution", "numeric", ""},
		{"http://0300.0250.1.1/", "caution", "numeric", "0300.0250.1.1"},
		{"http://８.8.8.8/", "caution", "numeric", "8.8.8.8"},
		{"http://aliexpress.com:99999/", "caution", "malformed", "aliexpress.com"},
		{"http://ali\u202eexpress.com/", "caution", "invisible", "aliexpress.com"},
		{"http://aliexpress。com/", "genuine", "listed", "aliexpress.com"},
		{"rnicrosoft.com", "danger", "glyph", "[rn]icrosoft.com"},
		{"aliexpress.com.pay-id.top", "danger", "embedded", "aliexpress.com.[pay-id.top]"},
		{"adidas.qq.example", "caution", "subdomain", "adidas.[qq.example]"},
		{"ali.express.com", "danger", "dot", "ali[.]express.com"},
	} {
		v := e.Judge(c.url)
		ev := ""
		if len(v.Reasons) > 0 {
			ev = v.Reasons[0].Evidence
		}
		if v.Level.String() != c.level || v.Class.String() != c.class || ev != c.evidence {
			t.Errorf("%s: %s %s %q, want %s %s %q", c.url, v.Level, v.Class, ev, c.level, c.class, c.evidence)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	cat, err := brands.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	list, err := psl.Builtin()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("psl", func(b *testing.B) {
		for b.Loop() {
			psl.Builtin()
		}
	})
	b.Run("catalogue", func(b *testing.B) {
		for b.Loop() {
			brands.Builtin()
		}
	})
	b.Run("engine", func(b *testing.B) {
		for b.Loop() {
			New(cat, Options{PSL: list})
		}
	})
}
