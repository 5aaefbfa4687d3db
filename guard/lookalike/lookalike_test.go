package lookalike

import (
	"testing"

	"countersign/guard/brands"
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
