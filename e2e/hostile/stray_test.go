package hostile

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// A card number that strays into an address, a header or a member that has nothing to do with cards (a shop's mistake, a
// form without its script) gets into no log, no file and no answer. What is typed here is looked for after all tests.
func TestStrayNumbers(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 100)
	number := string(c.Card.Number) // noted as typed
	grouped := number[:4] + "-" + number[4:8] + "-" + number[8:12] + "-" + number[12:]
	for _, n := range []string{number, grouped} {
		for _, x := range []string{
			"GET /v1/payments/" + n, "POST /v1/payments/" + n + "/refunds", "GET /frame/" + n + "?key=x", "GET /p/" + p.ID + "/" + n, "GET /3ds/notify/" + n,
			"GET /frame/" + p.ID + "?key=x&number=" + n, "GET /" + n, "GET /v1/payments?cursor=" + n, "GET /v1/payments?status=" + n + "&limit=" + n,
		} {
			method, path, _ := strings.Cut(x, " ")
			if r := w.call(t, method, path, "", nil); r.status >= 500 {
				t.Errorf("%s: HTTP %d", path[:5], r.status)
			}
		}
		for _, origin := range []string{"shop", "bank", "acs.bank", "phone", "countersign", "face.bank", "nobody"} {
			w.fetch(t, "GET", w.URL(origin)+"/orders/"+n, "", map[string]string{"User-Agent": n, "Referer": "http://x/" + n, "Cookie": "bank_session=" + n + "; basket=" + n})
		}
		for _, body := range []string{
			`{"amount":100,"currency":"` + n + `","order":"o"}`, `{"amount":100,"currency":"EUR","order":"o","capture":"` + n + `"}`, `{"amount":"` + n + `"}`, `{"amount":100,"currency":"EUR","order":"o","return_url":"` + n + `"}`,
			`{"` + n + `":1}`, `{"amount":100,"currency":"EUR","order":"o","x":{"` + n + `":"` + n + `"}}`, n, `"` + n,
		} {
			if r := w.call(t, "POST", "/v1/payments", body, nil); r.status != 400 && r.status != 422 {
				t.Errorf("HTTP %d %.200s", r.status, r.body)
			}
		}
		for _, member := range []string{"number", "code", "attempt", "browser", "name", n} {
			body := `{"` + member + `":"` + n + `"}`
			r := w.fetch(t, "POST", page.URL.ResolveReference(ref(page.Submit)).String(), body, map[string]string{"Content-Type": "application/json"})
			if r.status != http.StatusUnprocessableEntity && r.status != http.StatusTooManyRequests {
				t.Errorf("%s: HTTP %d %s", member, r.status, r.body)
			}
		}
		w.fetch(t, "POST", w.URL("acs.bank")+"/challenge", "creq="+n+"&threeDSSessionData="+n, urlencoded())
		w.fetch(t, "POST", w.URL("acs.bank")+"/challenge/answer", "acs="+n+"&session="+n+"&code="+n, urlencoded())
		w.fetch(t, "POST", w.URL("face.bank")+"/card/open", `{"ticket":"`+n+`","public":"`+n+`"}`, nil)
	}
	w.mu.Lock()
	w.typed = append(w.typed, grouped)
	w.mu.Unlock()
	for _, known := range []string{"4242424242424242", "5555-5555-5555-4444", "378282246310005"} { // numbers of the big networks are seen everywhere
		r := w.call(t, "POST", "/v1/payments", `{"amount":100,"currency":"EUR","order":"o","return_url":"`+w.URL("shop")+`/x?n=`+known+`"}`, nil)
		if r.status != http.StatusUnprocessableEntity || strings.Contains(string(r.body), known) {
			t.Errorf("a card number in return_url: HTTP %d %s", r.status, r.body)
		}
		r = w.call(t, "POST", "/v1/payments", `{"amount":100,"currency":"EUR","order":"o"}`, map[string]string{"Idempotency-Key": known})
		if r.status != http.StatusBadRequest || r.problem(t) != "idempotency_key_invalid" || strings.Contains(string(r.body), known) {
			t.Errorf("a card number as Idempotency-Key: HTTP %d %s", r.status, r.body)
		}
	}
}

// What is not the card form's JSON gets a problem, and the form can be sent rightly afterwards.
func TestMalformedCardForm(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	to := page.URL.ResolveReference(ref(page.Submit)).String()
	sealed, err := page.Seal(c.Card, letters(20))
	must(t, err)
	good, err := json.Marshal(sealed)
	must(t, err)
	body, asJSON := string(good), map[string]string{"Content-Type": "application/json"}
	for name, x := range map[string]struct {
		body   string
		header map[string]string
		status int
		code   string
	}{
		"nothing": {"", asJSON, 400, "malformed"}, "list": {"[]", asJSON, 400, "malformed"}, "twice": {strings.Replace(body, "{", `{"name":"x",`, 1), asJSON, 400, "malformed"},
		"large": {strings.Repeat(" ", 9000) + body, asJSON, 413, "too_large"}, "deep": {strings.Repeat("[", 8000), asJSON, 400, "malformed"},
		"form": {"number=1", urlencoded(), 415, "media_type"}, "text": {body, map[string]string{"Content-Type": "text/plain"}, 415, "media_type"}, "no type": {body, nil, 415, "media_type"},
		"another site": {body, map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403, "cross_origin"},
		"short click":  {strings.Replace(body, sealed.Attempt, "x", 1), asJSON, 422, "invalid"}, "clear number": {strings.Replace(body, sealed.Number, string(c.Card.Number), 1), asJSON, 422, "invalid"},
		"clear code": {strings.Replace(body, sealed.Code, string(c.Card.Code), 1), asJSON, 422, "invalid"}, "extra": {strings.Replace(body, "{", `{"pan":"x",`, 1), asJSON, 422, "invalid"},
	} {
		if r := w.fetch(t, "POST", to, x.body, x.header); r.status != x.status || r.problem(t) != x.code {
			t.Errorf("%s: HTTP %d %s, want %d %s", name, r.status, r.body, x.status, x.code)
		}
	}
	w.untouched(t, c, 100_000)
	w.paysNow(t, page, c, 100_000)
}
