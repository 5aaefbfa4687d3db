package checkout

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"countersign/pay/payment"
)

func TestPages(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	for _, path := range []string{h.framePath(p, ""), strings.Replace(h.framePath(p, ""), "/frame/", "/p/", 1)} {
		w := h.do("GET", path, nil, "")
		csp := w.Header().Get("Content-Security-Policy")
		if w.Code != 200 || !strings.Contains(csp, "default-src 'none'") || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if framed := strings.Contains(csp, "frame-ancestors http://shop.localhost:8080"); framed != strings.HasPrefix(path, "/frame/") {
			t.Errorf("%s may be framed: %v (%s)", path, framed, csp)
		}
		if b := w.Body.String(); !strings.Contains(b, "€23.40") || !strings.Contains(b, "Lantern Lane") {
			t.Errorf("%s: %s", path, b)
		}
	}
	// a wrong key and an unknown payment look the same
	wrong := strings.Replace(h.framePath(p, ""), "key=", "key=A", 1)
	unknown := strings.Replace(h.framePath(p, ""), p.ID, "pay_00000000000000000000000000", 1)
	for _, what := range []string{"", "/challenge"} {
		a := h.do("GET", strings.Replace(wrong, "?", what+"?", 1), nil, "")
		b := h.do("GET", strings.Replace(unknown, "?", what+"?", 1), nil, "")
		if a.Code != 404 || a.Body.String() != b.Body.String() {
			t.Errorf("%q: %d and %d", what, a.Code, b.Code)
		}
	}
	for _, path := range []string{strings.Replace(wrong, "?", "/state?", 1), strings.Replace(unknown, "?", "/state?", 1)} {
		if w := h.do("GET", path, nil, ""); w.Code != 404 {
			t.Error(w.Code)
		}
	}
	if w := h.do("POST", strings.Replace(wrong, "?", "/card?", 1), map[string]string{"Content-Type": "application/json"}, h.form(p, testPAN, "2911", "123", attempt())); w.Code != 404 {
		t.Error("paid with a wrong key:", w.Code)
	}
	if w := h.do("GET", h.framePath(p, "/challenge"), nil, ""); w.Code != http.StatusSeeOther {
		t.Error("a challenge page without a challenge:", w.Code)
	}
	if w := h.do("POST", "/3ds/notify/"+p.ID, map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://acs.bank.localhost:8080"}, "cres=forged"); w.Code != 200 {
		t.Error(w.Code)
	}
	if got := h.get(p.ID); got.Status != "needs_card" {
		t.Error("a forged CRes did something:", got.Status)
	}
	if w := h.do("GET", "/v1/countersign.js", nil, ""); w.Code != 200 || w.Body.Len() > 3<<10 {
		t.Error("loader:", w.Code, w.Body.Len())
	}
}

func TestBadForms(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	other := h.create(2341, "automatic")
	good := h.form(p, testPAN, "2911", "123", attempt())
	number := good[strings.Index(good, "v1."):strings.Index(good, `","code"`)]
	for name, c := range map[string]struct {
		form   string
		status int
		field  string
	}{
		"other payment's number": {h.form(other, testPAN, "2911", "123", attempt()), 200, "number"},
		"changed box":            {strings.Replace(good, number[20:24], "AAAA", 1), 200, "number"},
		"no Luhn":                {h.form(p, "4242424242424241", "2911", "123", attempt()), 200, "number"},
		"expired":                {h.form(p, testPAN, "2001", "123", attempt()), 200, "expiry"},
		"month 13":               {h.form(p, testPAN, "2913", "123", attempt()), 200, "expiry"},
		"clear number":           {strings.Replace(good, number, testPAN, 1), 422, ""},
		"unknown member":         {strings.Replace(good, `"name"`, `"pan":"1","name"`, 1), 422, ""},
		"twice":                  {strings.Replace(good, `"name"`, `"name":"x","name"`, 1), 400, ""},
		"number as name":         {strings.Replace(good, "Ada  Lovelace", "4242 4242 4242 4242", 1), 422, ""},
		"short attempt":          {h.form(p, testPAN, "2911", "123", "short"), 422, ""},
		"no attempt":             {`{"number":"` + number + `"}`, 422, ""},
		"not JSON":               {`number=4242424242424242`, 400, ""},
		"empty":                  {``, 400, ""},
		"huge":                   {`{"name":"` + strings.Repeat("x", 9000) + `"}`, 413, ""},
	} {
		r := h.post(p, c.form)
		if r.HTTP != c.status || c.status == 200 && (r.State != "card" || r.Problem == nil || r.Problem.Field != c.field) {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Problem != nil && strings.Contains(r.Problem.Message, "4242") {
			t.Errorf("%s: echoed", name)
		}
	}
	if w := h.do("POST", h.framePath(p, "/card"), map[string]string{"Content-Type": "text/plain"}, good); w.Code != 415 {
		t.Error(w.Code)
	}
	if w := h.do("POST", h.framePath(p, "/card"), map[string]string{"Content-Type": "application/json", "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, good); w.Code != 403 {
		t.Error("from a foreign page:", w.Code)
	}
	if got := h.get(p.ID); got.Status != "needs_card" || got.Card != nil {
		t.Errorf("a bad form did something: %+v", got)
	}
	if r := h.post(p, good); r.State != "paid" {
		t.Errorf("and the good one: %+v", r)
	}
	if strings.Contains(h.log.String(), testPAN) {
		t.Error("logged")
	}
}

// TestDeclinesLookAlike: whatever the bank's reason, the shopper and the shop see the same.
func TestDeclinesLookAlike(t *testing.T) {
	h := newHouse(t)
	seen := map[string]string{}
	see := func(name string, p paid, r reply) {
		got := h.untilStatus(p.ID, "needs_card")
		if got.Declined == nil || r.Problem == nil {
			t.Fatalf("%s: %+v %+v", name, r, got)
		}
		seen[fmt.Sprint(r.HTTP, r.State, *r.Problem, *got.Declined)] = name
		if held, _, _ := h.bank.totals(); held != 0 {
			t.Errorf("%s: %d held", name, held)
		}
	}
	for _, code := range []payment.ResponseCode{payment.NoFunds, payment.WrongCode, payment.NoSuchCard, payment.Restricted, payment.StolenCard, payment.ExpiredCard, payment.TooManyCodes, payment.SuspectedFraud} {
		h.bank.say([]string{string(code)}, nil)
		p := h.create(100, "automatic")
		see(string(code), p, h.pay(p))
	}
	p := h.create(100, "automatic")
	see("wrong code", p, h.post(p, h.form(p, testPAN, "2911", "999", attempt())))
	p = h.create(100, "automatic")
	see("tampered code box", p, h.post(p, mixed(h, p)))
	if len(seen) != 1 {
		t.Errorf("%d different faces: %v", len(seen), seen)
	}
}

// mixed is a form whose code was sealed for another expiry: a tampered code box.
func mixed(h *house, p paid) string {
	a, b := h.form(p, testPAN, "2911", "123", attempt()), h.form(p, testPAN, "2912", "123", attempt())
	code := func(s string) string {
		i := strings.Index(s, `"code":"`) + 8
		return s[i : i+strings.Index(s[i:], `"`)]
	}
	return strings.Replace(a, code(a), code(b), 1)
}

// TestDoubleClick: fifty posts of one form at once are one attempt and one hold, and all get the same answer.
func TestDoubleClick(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	form := h.form(p, testPAN, "2911", "123", attempt())
	var wait sync.WaitGroup
	var mu sync.Mutex
	states := map[string]int{}
	for range 18 { // the form may be posted 20 times in a row
		wait.Go(func() {
			r := h.post(p, form)
			mu.Lock()
			defer mu.Unlock()
			states[r.State]++
		})
	}
	wait.Wait()
	h.untilStatus(p.ID, "captured")
	if states["paid"] != 18 {
		t.Error(states)
	}
	if r := h.post(p, form); r.State != "paid" {
		t.Errorf("a replayed form: %+v", r)
	}
	if _, captured, _ := h.bank.totals(); captured != 2340 || h.ds.count.Load() != 1 {
		t.Error(captured, h.ds.count.Load())
	}
}

func TestTwoTabs(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.ds.status = []string{"C"}
	first := h.form(p, testPAN, "2911", "123", attempt())
	if r := h.post(p, first); r.State != "challenge" {
		t.Fatalf("%+v", r)
	}
	if r := h.pay(p); r.HTTP != 409 || r.Code != "attempt_in_progress" {
		t.Errorf("the second tab: %+v", r)
	}
	if r := h.post(p, first); r.State != "challenge" {
		t.Errorf("the first form again: %+v", r)
	}
	w := h.do("POST", h.framePath(p, "/restart"), nil, "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"state":"card"`) {
		t.Error(w.Code, w.Body)
	}
	if h.engine.shelf.size() != 0 {
		t.Error("the sealed code of an abandoned attempt stays")
	}
	if err := h.confirm(p.ID, "Y"); err != nil {
		t.Error("late RReq:", err)
	}
	if r := h.pay(p); r.State != "paid" {
		t.Errorf("%+v", r)
	}
	if r := h.pay(p); r.HTTP != 409 || r.Code != "already_paid" {
		t.Errorf("after paying: %+v", r)
	}
	if held, captured, _ := h.bank.totals(); held+captured != 2340 {
		t.Error(held, captured)
	}
}

func TestConfirmationRefused(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	for _, status := range []string{"N", "R", "U", "error"} {
		h.ds.status = []string{status}
		if r := h.pay(p); r.State != "card" || r.Problem == nil {
			t.Errorf("%s: %+v", status, r)
		}
	}
	h.ds.status = []string{"C"}
	h.pay(p)
	if err := h.confirm(p.ID, "N"); err != nil {
		t.Fatal(err)
	}
	if got := h.untilStatus(p.ID, "needs_card"); got.Declined.Code != "not_confirmed" {
		t.Error(got.Declined)
	}
	if err := h.confirm(p.ID, "Y"); err == nil {
		t.Error("a second RReq was taken")
	}
	pan := "4000000000000002"
	if r := h.post(p, h.form(p, pan, "2911", "123", attempt())); r.State != "card" || !strings.Contains(r.Problem.Message, "another card") {
		t.Errorf("no bank for the card: %+v", r)
	}
	if len(h.bank.messages) != 0 {
		t.Error("the bank was asked without a confirmation:", h.bank.messages)
	}
	if r := h.pay(p); r.State != "paid" {
		t.Errorf("%+v", r)
	}
}

func TestCardTesting(t *testing.T) {
	h := newHouse(t)
	p := h.create(100, "automatic")
	for i := range 10 {
		h.bank.say([]string{"05"}, nil)
		if r := h.pay(p); r.State != "card" {
			t.Fatalf("%d: %+v", i, r)
		}
	}
	if r := h.pay(p); r.HTTP != 409 || r.Code != "attempt_limit" {
		t.Errorf("an eleventh card: %+v", r)
	}
	for range 30 {
		if r := h.pay(p); r.HTTP == 429 {
			return
		}
	}
	t.Error("the form can be posted without end")
}
