package hostile

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"countersign/examples/shopper"
)

// nasty is text that wants to be more than text.
var nasty = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</main><form action=//evil.example>`,
	`{{.Key}}`, `=HYPERLINK("http://evil.example")`, `javascript:alert(1)`, `<!--`, `&#x3c;b&#x3e;`,
}

// harmless wants that a page contains no element or attribute that was typed.
func harmless(t *testing.T, where string, body []byte) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(body))
	must(t, err)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil) || n.Data == "img" || n.Data == "b" {
			t.Errorf("%s: <%s> from a text", where, n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || (a.Key == "href" || a.Key == "action" || a.Key == "src") && (strings.Contains(a.Val, "evil") || strings.HasPrefix(a.Val, "javascript")) {
				t.Errorf("%s: %s=%q from a text", where, a.Key, a.Val)
			}
		}
	}
}

func TestTextsStayTexts(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	for _, text := range nasty {
		body, err := json.Marshal(map[string]any{"amount": 100, "currency": "EUR", "order": text[:min(len(text), 60)], "description": text, "metadata": map[string]string{"note": text}})
		must(t, err)
		r := w.call(t, "POST", "/v1/payments", string(body), nil)
		if r.status != 201 {
			t.Errorf("%s: HTTP %d %s", text, r.status, r.body)
			continue
		}
		var p struct {
			Frame string `json:"frame_url"`
			Page  string `json:"pay_url"`
		}
		must(t, json.Unmarshal(r.body, &p))
		for _, address := range []string{p.Frame, p.Page} {
			got := w.fetch(t, "GET", address, "", nil)
			harmless(t, text, got.body)
			if strings.Contains(string(got.body), "<script>") {
				t.Errorf("%s is in the page as it is", text)
			}
		}
		if bytes.Contains(r.body, []byte("<script")) {
			t.Errorf("an answer of the shop API could be read as HTML: %s", r.body)
		}
	}
	_, page := w.order(t, 100)
	c.Card.Name = nasty[1]
	bank, code := w.asked(t, page, c, w.enter(t, page, c.Card, "challenge"))
	if strings.Contains(bank.Text, "onerror") {
		t.Error("the bank's page shows a name that anybody can type")
	}
	bank, err := bank.Answer(t.Context(), code)
	must(t, err)
	must(t, bank.Return(t.Context()))
	if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Errorf("%+v %v", s, err)
	}
}

// Characters that turn the direction of text round show an amount or a name that is not there: they are refused, in
// what shops send and in the name on the card.
func TestTurnedText(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	for _, r := range []string{`\u202a`, `\u202d`, `\u202e`, `\u2066`, `\u2067`, `\u2069`, `\u2028`, `\u2029`, `\u0085`} {
		for _, member := range []string{"order", "description"} {
			body := `{"amount":100,"currency":"EUR","order":"o-1"}`
			if member == "order" {
				body = strings.Replace(body, "o-1", "o"+r+"1", 1)
			} else {
				body = strings.Replace(body, "{", `{"description":"mug `+r+`00.1€",`, 1)
			}
			if r := w.call(t, "POST", "/v1/payments", body, nil); r.status != 422 || r.problem(t) != "invalid" {
				t.Errorf("%s in %s: HTTP %d %.200s", body, member, r.status, r.body)
			}
		}
	}
	_, page := w.order(t, 100)
	c.Card.Name = "Test \u202eredloH"
	if _, err := page.Pay(t.Context(), c.Card, letters(20)); refusedWith(err) != 422 {
		t.Errorf("a turned name: %v", err)
	}
	c.Card.Name = "יעל כהן" // a name that is written from right to left is a name
	w.enter(t, page, c.Card, "challenge")
}

// A card number in the name's field does not get further.
func TestNumberInTheName(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 100)
	for _, name := range []string{string(c.Card.Number), "9999 9000 1234 5678", "９９９９９０００１２３４", "Test 12345", strings.Repeat("x", 61), "a\x00b", "a\nb"} {
		c.Card.Name = name
		_, err := page.Pay(t.Context(), c.Card, letters(20))
		if refusedWith(err) != 422 || strings.Contains(err.Error(), "9999") {
			t.Errorf("%q: %v", name, err)
		}
	}
	w.untouched(t, c, 100_000)
}

// TestHeaders reads every kind of page there is: none may be framed by strangers, sniffed, stored, or run what a text says.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 100)
	s := w.enter(t, page, c.Card, "challenge")
	hosted := strings.Replace(p.FrameURL, "/frame/", "/p/", 1)
	_, fresh := w.order(t, 100)
	freshHosted := strings.Replace(fresh.URL.String(), "/frame/", "/p/", 1)
	shop, acs, bank := w.URL("shop"), w.URL("acs.bank"), w.URL("bank")
	for _, x := range []struct {
		address   string
		status    int
		ancestors []string // nil = nobody
	}{
		{fresh.URL.String(), 200, []string{shop}}, {freshHosted, 200, nil}, {page.URL.ResolveReference(ref(s.URL)).String(), 200, []string{shop}},
		{page.URL.ResolveReference(ref(s.URL)).String() + "&hosted=1", 200, nil}, {hosted, 200, nil},
		{w.URL("pay") + "/frame/pay_nobody?key=x", 404, nil}, {w.URL("pay") + "/3ds/notify/" + p.ID, 200, []string{"'self'", shop}}, {w.URL("pay") + "/3ds/notify/x", 200, nil},
		{shop + "/", 200, nil}, {shop + "/basket", 200, nil}, {shop + "/desk", 200, nil}, {shop + "/orders/x", 404, nil}, {shop + "/nothing", 404, nil},
		{bank + "/", 200, nil}, {bank + "/nothing", 404, nil}, {bank + "/state.json", 401, nil},
		{acs + "/challenge", 200, []string{"*"}}, {acs + "/nothing", 404, []string{"*"}}, // these say nothing and can do nothing
		{w.URL("face.bank") + "/card?ticket=x", 410, []string{bank, w.URL("countersign")}},
		{w.URL("countersign") + "/", 200, nil}, {w.URL("phone") + "/", 200, nil}, {w.URL("nobody") + "/", 421, nil},
	} {
		r := w.fetch(t, "GET", x.address, "", map[string]string{"Origin": "https://evil.example"})
		csp := r.header.Get("Content-Security-Policy")
		if r.status != x.status || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: HTTP %d %s, want %d", x.address, r.status, r.header.Get("Content-Type"), x.status)
			continue
		}
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-eval") || strings.Contains(csp, "script-src 'unsafe") || !strings.Contains(csp, "base-uri 'none'") {
			t.Errorf("%s: %s", x.address, csp)
		}
		if r.header.Get("X-Content-Type-Options") != "nosniff" || r.header.Get("Cache-Control") != "no-store" || r.header.Get("Referrer-Policy") == "" {
			t.Errorf("%s: %v", x.address, r.header)
		}
		if r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may be read by other sites", x.address)
		}
		for _, a := range directive(csp, "frame-ancestors") {
			if a != "'none'" && !slices.Contains(x.ancestors, a) && !(x.ancestors == nil && a == "'self'") {
				t.Errorf("%s may be framed by %s", x.address, a)
			}
		}
		if len(directive(csp, "frame-ancestors")) == 0 {
			t.Errorf("%s may be framed by anybody: %s", x.address, csp)
		}
	}
	for _, address := range []string{w.URL("pay") + "/v1/payments", page.URL.ResolveReference(ref(page.Status)).String(), w.URL("phone") + "/messages.json"} {
		r := w.fetch(t, "GET", address, "", map[string]string{"Origin": "https://evil.example"})
		if r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", address, r.header)
		}
	}
	// The bank's page itself is framed by the shop and the gateway only.
	form := w.creq(t, page, s)
	r := w.fetch(t, "POST", form.Action.String(), form.Values.Encode(), urlencoded())
	if a := directive(r.header.Get("Content-Security-Policy"), "frame-ancestors"); !slices.Equal(a, []string{w.URL("pay"), shop}) {
		t.Errorf("the bank's page may be framed by %v", a)
	}
}

func directive(csp, name string) []string {
	for d := range strings.SplitSeq(csp, ";") {
		if f := strings.Fields(d); len(f) > 0 && f[0] == name {
			return f[1:]
		}
	}
	return nil
}

// A payment's page opens with its own key only, and a wrong key looks like no payment, byte for byte.
func TestFrameKeys(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 100)
	q, strange := w.order(t, 100)
	mine, its := page.URL.Query().Get("key"), strange.URL.Query().Get("key")
	sealed, err := page.Seal(c.Card, letters(20))
	must(t, err)
	body, err := json.Marshal(sealed)
	must(t, err)
	for _, path := range []string{"GET /frame/%", "GET /p/%", "GET /frame/%/challenge", "GET /frame/%/state", "POST /frame/%/card", "POST /frame/%/restart"} {
		method, path, _ := strings.Cut(path, " ")
		seen := map[string]string{}
		for name, x := range map[string][2]string{
			"another's key": {p.ID, "?key=" + its}, "no key": {p.ID, ""}, "empty": {p.ID, "?key="}, "cut": {p.ID, "?key=" + mine[:21]}, "longer": {p.ID, "?key=" + mine + "A"},
			"second key": {p.ID, "?key=x&key=" + mine}, "case": {p.ID, "?key=" + swapCase(mine)}, "no payment": {q.ID[:26] + "0000", "?key=" + mine}, "zeros": {"pay_x", "?key=0000000000000000000000"},
			"path": {"..%2f" + p.ID, "?key=" + mine}, "nul": {p.ID + "%00", "?key=" + mine}, "space": {p.ID + "%20", "?key=" + mine}, "KEY": {p.ID, "?KEY=" + mine},
		} {
			r := w.fetch(t, method, w.URL("pay")+strings.Replace(path, "%", x[0], 1)+x[1], string(body), map[string]string{"Content-Type": "application/json"})
			if r.status != http.StatusNotFound {
				t.Errorf("%s with %s: HTTP %d", path, name, r.status)
			}
			seen[name] = string(r.body)
		}
		same(t, seen)
	}
	if now, err := w.api.Get(t.Context(), p.ID); err != nil || now.Status != "needs_card" {
		t.Errorf("%+v %v", now, err)
	}
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 32
		case r >= 'A' && r <= 'Z':
			return r + 32
		}
		return r
	}, s)
}

// Odd paths and hosts lead nowhere: no file of the machine, no page of another origin.
func TestOddAddresses(t *testing.T) {
	t.Parallel()
	w := shared
	for _, origin := range []string{"pay", "shop", "bank", "acs.bank", "face.bank", "phone", "countersign"} {
		for _, path := range []string{
			"/../../etc/passwd", "/..%2f..%2fetc/passwd", "/_ui/../../etc/passwd", "/_ui/..%2f..%2fetc%2fpasswd", "/_ui/%2e%2e/%2e%2e/etc/passwd", "/_checkout/..%5c..%5cetc", "/_ui/", "/_shop/", "/_bank/",
			"//evil.example/", "/%0d%0aX-Evil:1", "/orders/..%2f..%2fdesk", "/.git/config", "/api-key", "/shop/api-key", "/keys", "/issuer.db", "/debug/pprof/", "/v1/enrolment/0", "/v1/holders/hld_demo", "/metrics/..", "/%c0%ae%c0%ae/",
		} {
			r := w.fetch(t, "GET", w.URL(origin)+path, "", nil)
			if r.status == 200 && (bytes.Contains(r.body, []byte("root:")) || bytes.Contains(r.body, []byte("csk_")) || bytes.Contains(r.body, []byte("hld_demo"))) || r.status >= 500 || r.header.Get("X-Evil") != "" {
				t.Errorf("%s%s: HTTP %d %.100s", origin, path, r.status, r.body)
			}
			if to := r.header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, "evil") && !strings.HasPrefix(to, "/") {
				t.Errorf("%s%s leads to %s", origin, path, to)
			}
			if r.status == 200 && strings.HasPrefix(path, "/_") && strings.HasSuffix(path, "/") {
				t.Errorf("%s%s lists files", origin, path)
			}
		}
	}
	for _, host := range []string{"evil.example", "pay.localhost.evil.example", "localhost", "pay.evil", "127.0.0.1:" + w.Port, "xpay.localhost:" + w.Port, "[::1]:" + w.Port} {
		if r := w.fetch(t, "GET", w.URL("pay")+"/v1/openapi.json", "", map[string]string{"Host": host}); r.status == 200 {
			t.Errorf("the host %s is answered (DNS rebinding)", host)
		}
	}
}

// Other sites cannot act in Mobile Bank, in the shop or at the card form in somebody's name.
func TestOtherSitesPosts(t *testing.T) {
	t.Parallel()
	w := shared
	jar, err := cookiejar.New(nil)
	must(t, err)
	in := w.fetch(t, "POST", w.URL("bank")+"/sign-in", "", nil)
	jar.SetCookies(ref(w.URL("bank")), (&http.Response{Header: in.header}).Cookies())
	cookie := ""
	for _, c := range jar.Cookies(ref(w.URL("bank"))) {
		cookie = c.Name + "=" + c.Value
	}
	set := in.header.Get("Set-Cookie")
	if cookie == "" || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") {
		t.Fatalf("HTTP %d %q", in.status, set)
	}
	p, page := w.order(t, 100)
	for _, from := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site", "Origin": w.URL("shop")},
		{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": w.URL("pay") + ".evil.example"},
	} {
		for _, address := range []string{
			w.URL("bank") + "/cards/card_demo/freeze", w.URL("bank") + "/cards/card_demo/unfreeze", w.URL("bank") + "/cards/card_demo/face", w.URL("bank") + "/sign-in", w.URL("bank") + "/sign-out",
			w.URL("shop") + "/basket", w.URL("shop") + "/orders", w.URL("shop") + "/desk/x/refund",
			page.URL.ResolveReference(ref(page.Submit)).String(), w.URL("pay") + "/frame/" + p.ID + "/restart?key=" + page.URL.Query().Get("key"),
		} {
			h := map[string]string{"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
			for k, v := range from {
				h[k] = v
			}
			r := w.fetch(t, "POST", address, "item=mug&add=1", h)
			if r.status != http.StatusForbidden {
				t.Errorf("%v to %s: HTTP %d", from, address, r.status)
			}
			if strings.Contains(r.header.Get("Set-Cookie"), "bank_session") {
				t.Errorf("%s signs in or out from another site", address)
			}
		}
	}
	if card, err := w.desk.Show(t.Context(), "card_demo"); err != nil || card.Status != "active" {
		t.Errorf("the demo's card is %s %v", card.Status, err)
	}
	// A GET changes nothing either.
	for _, path := range []string{"/cards/card_demo/freeze", "/sign-out", "/cards/card_demo/face"} {
		if r := w.fetch(t, "GET", w.URL("bank")+path, "", map[string]string{"Cookie": cookie}); r.status != 404 && r.status != 405 {
			t.Errorf("GET %s: HTTP %d", path, r.status)
		}
	}
	// Sessions that nobody gave out.
	name, value, _ := strings.Cut(cookie, "=")
	parts := strings.Split(value, ".")
	other := slices.Clone(parts)
	other[2] = "aGxkX2hvc3RpbGUx" // hld_hostile1
	for what, v := range map[string]string{"none": "", "cut": value[:len(value)-2], "another holder": strings.Join(other, "."), "no mac": strings.Join(parts[:6], ".") + ".", "long": strings.Repeat("v1.", 1000)} {
		if r := w.fetch(t, "GET", w.URL("bank")+"/state.json", "", map[string]string{"Cookie": name + "=" + v}); r.status != http.StatusUnauthorized {
			t.Errorf("a session with %s: HTTP %d", what, r.status)
		}
	}
	// Another holder's card.
	c := w.customer(t)
	for _, do := range []string{"freeze", "unfreeze", "face"} {
		mine := w.fetch(t, "POST", w.URL("bank")+"/cards/"+c.CardID+"/"+do, "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
		none := w.fetch(t, "POST", w.URL("bank")+"/cards/card_nobody/"+do, "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
		if mine.status != 404 || none.status != 404 || !bytes.Equal(mine.body, none.body) {
			t.Errorf("%s of another holder's card: HTTP %d, of nobody's: %d", do, mine.status, none.status)
		}
	}
	if card, err := w.desk.Show(t.Context(), c.CardID); err != nil || card.Status != "active" {
		t.Errorf("%s %v", card.Status, err)
	}
}

// A look at the card's face is good once, however many ask at the same moment, and its page is nobody else's.
func TestFaceTicketOnce(t *testing.T) {
	t.Parallel()
	w := shared
	in := w.fetch(t, "POST", w.URL("bank")+"/sign-in", "", nil)
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	look := w.fetch(t, "POST", w.URL("bank")+"/cards/card_demo/face", "", map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
	doc, err := html.Parse(bytes.NewReader(look.body))
	must(t, err)
	address := ""
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "iframe" {
			address = attr(n, "src")
		}
	}
	if address == "" {
		t.Fatalf("HTTP %d, no frame", look.status)
	}
	for _, body := range []string{`{}`, `{"ticket":"x","public":"AA"}`, `[`, `{"ticket":"x","public":"` + strings.Repeat("A", 43) + `","admin":1}`, strings.Repeat("x", 8000)} {
		if r := w.fetch(t, "POST", w.URL("face.bank")+"/card/open", body, map[string]string{"Content-Type": "application/json"}); r.status != 400 || r.problem(t) == "" {
			t.Errorf("HTTP %d %s", r.status, r.body)
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	opened := 0
	for range 20 {
		wg.Go(func() {
			c, err := shopper.Face(t.Context(), w.HTTP, address, rand.Reader)
			if err == nil {
				w.types(c)
				mu.Lock()
				opened++
				mu.Unlock()
			} else if refusedWith(err) != http.StatusGone {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if opened != 1 {
		t.Errorf("one ticket opened the card %d times", opened)
	}
	if r := w.fetch(t, "GET", address, "", nil); r.status != http.StatusGone {
		t.Errorf("the page of a used ticket: HTTP %d", r.status)
	}
}

// The shop's prices are the shop's: a basket that is written by hand holds known goods in small numbers.
func TestTamperedBasket(t *testing.T) {
	t.Parallel()
	w := shared
	for _, basket := range []string{"mug:-5", "mug:99999999999999999999", "mug:1:1", "nothing:1", strings.Repeat("mug:1.", 500), "mug:1%0d%0aSet-Cookie:x=1", `<script>:1`} {
		r := w.fetch(t, "GET", w.URL("shop")+"/basket", "", map[string]string{"Cookie": "basket=" + basket})
		if r.status != 200 || strings.Contains(string(r.body), "-") && strings.Contains(string(r.body), "€-") || r.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: HTTP %d", basket, r.status)
		}
	}
	for _, id := range []string{"", "ord_x", "ord_../../../../etc/passwd123", strings.Repeat("x", 30), "ord_\r\n" + strings.Repeat("x", 24)} {
		r := w.fetch(t, "POST", w.URL("shop")+"/orders", url.Values{"order": {id}}.Encode(), map[string]string{"Cookie": "basket=mug:1", "Content-Type": "application/x-www-form-urlencoded"})
		if r.status != http.StatusSeeOther || strings.ContainsAny(r.header.Get("Location"), "\r\n") || strings.Contains(r.header.Get("Location"), "..") {
			t.Errorf("%q: HTTP %d to %s", id, r.status, r.header.Get("Location"))
		}
	}
	if r := w.fetch(t, "POST", w.URL("shop")+"/webhooks/countersign", `{"data":{"id":"pay_x"}}`, map[string]string{"webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}); r.status != http.StatusUnauthorized {
		t.Errorf("a webhook that nobody signed: HTTP %d", r.status)
	}
}
