package hostile

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/e2e/house"
)

func TestUnknownAPIKey(t *testing.T) {
	w := shared // alone: the limit for wrong keys is by address, and all tests come from one
	p, _ := w.order(t, 2340)
	seen := map[string]string{}
	for name, key := range map[string]string{
		"none": "", "empty": "Bearer ", "other word": "Basic " + w.api.Key, "no prefix": "Bearer " + w.api.Key[4:], "cut": "Bearer " + w.api.Key[:20],
		"one letter": "Bearer " + w.api.Key[:len(w.api.Key)-1] + "~", "long": "Bearer csk_" + strings.Repeat("A", 4000), "two": "Bearer " + w.api.Key + " " + w.other.Key,
	} {
		r := w.fetch(t, "GET", w.URL("pay")+"/v1/payments/"+p.ID, "", map[string]string{"Authorization": key})
		if r.status != http.StatusUnauthorized || r.problem(t) != "unauthorised" || r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: HTTP %d %s", name, r.status, r.body)
		}
		seen[name] = string(r.body)
	}
	same(t, seen)
	var r reply
	for range 5 {
		r = w.fetch(t, "GET", w.URL("pay")+"/v1/payments", "", map[string]string{"Authorization": "Bearer csk_guess"})
	}
	if r.status != http.StatusTooManyRequests || r.problem(t) != "too_many_requests" || r.header.Get("Retry-After") == "" {
		t.Errorf("guessing goes on: HTTP %d %s", r.status, r.body)
	}
	if r := w.call(t, "GET", "/v1/payments/"+p.ID, "", nil); r.status != http.StatusOK {
		t.Errorf("a right key is locked out by a stranger's wrong ones: HTTP %d", r.status)
	}
}

func TestOtherMerchantsPayment(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	w.paysNow(t, page, c, 100_000)
	for _, x := range []struct{ method, path, body string }{
		{"GET", "", ""}, {"POST", "/capture", "{}"}, {"POST", "/cancel", "{}"}, {"POST", "/refunds", `{"amount":1}`}, {"POST", "/refunds", "{}"},
	} {
		seen := map[string]string{}
		for name, id := range map[string]string{"another shop's": p.ID, "nobody's": p.ID[:len(p.ID)-4] + "0000", "odd": "pay_%2e%2e%2f", "short": "x"} {
			r := w.call(t, x.method, "/v1/payments/"+id+x.path, x.body, map[string]string{"Authorization": "Bearer " + w.other.Key})
			if r.status != http.StatusNotFound || r.problem(t) != "not_found" {
				t.Errorf("%s %s of %s: HTTP %d %s", x.method, x.path, name, r.status, r.body)
			}
			r.header.Del("Date")
			seen[name] = fmt.Sprint(r.header) + string(r.body)
		}
		same(t, seen)
	}
	if r := w.call(t, "GET", "/v1/payments?limit=100", "", map[string]string{"Authorization": "Bearer " + w.other.Key}); strings.Contains(string(r.body), p.ID) {
		t.Error("another shop's payment is in the list")
	}
	w.took(t, c, 100_000, 2340)
}

// One shop's Idempotency-Key is nothing to another shop.
func TestOtherMerchantsIdempotencyKey(t *testing.T) {
	t.Parallel()
	w, key := shared, letters(20)
	a, err := w.api.Create(t.Context(), key, "order-1", "A mug", 2340)
	must(t, err)
	b, err := w.other.Create(t.Context(), key, "order-1", "A mug", 2340)
	must(t, err)
	if a.ID == b.ID {
		t.Error("two shops with the same key get the same payment")
	}
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	w := shared
	good := `{"amount":2340,"currency":"EUR","order":"o-1","description":"A mug"}`
	for name, x := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"nothing":          {"", 400, "malformed"},
		"no object":        {`[]`, 400, "malformed"},
		"cut":              {good[:30], 400, "malformed"},
		"after the end":    {good + `{}`, 400, "malformed"},
		"twice":            {`{"amount":1,` + good[1:], 400, "malformed"},
		"twice, escaped":   {`{"\u0061mount":1,` + good[1:], 400, "malformed"},
		"deep":             {strings.Repeat("[", 15_000), 400, "malformed"},
		"deep object":      {strings.Repeat(`{"a":`, 2_000), 400, "malformed"},
		"large":            {`{"description":"` + strings.Repeat("x", 20_000) + `"}`, 413, "too_large"},
		"bad UTF-8":        {strings.Replace(good, "mug", "m\xffg", 1), 400, "malformed"},
		"NUL":              {strings.Replace(good, "mug", `m\u0000g`, 1), 422, "invalid"},
		"new line":         {strings.Replace(good, "mug", `m\r\ng`, 1), 422, "invalid"},
		"lone surrogate":   {strings.Replace(good, "mug", `m\ud800g`, 1), 400, "malformed"},
		"byte order mark":  {"\xef\xbb\xbf" + good, 400, "malformed"},
		"comment":          {"/**/" + good, 400, "malformed"},
		"unknown member":   {`{"admin":true,` + good[1:], 422, "invalid"},
		"merchant":         {`{"merchant":"mer_other",` + good[1:], 422, "invalid"},
		"float":            {strings.Replace(good, "2340", "23.40", 1), 422, "invalid"},
		"exponent":         {strings.Replace(good, "2340", "2e3", 1), 422, "invalid"},
		"text":             {strings.Replace(good, "2340", `"2340"`, 1), 422, "invalid"},
		"negative":         {strings.Replace(good, "2340", "-1", 1), 422, "invalid"},
		"minus zero":       {strings.Replace(good, "2340", "-0", 1), 422, "invalid"},
		"zero":             {strings.Replace(good, "2340", "0", 1), 422, "invalid"},
		"too much":         {strings.Replace(good, "2340", "100000000000", 1), 422, "invalid"},
		"overflow":         {strings.Replace(good, "2340", "18446744073709551617", 1), 422, "invalid"},
		"leading zero":     {strings.Replace(good, "2340", "02340", 1), 400, "malformed"},
		"null":             {strings.Replace(good, "2340", "null", 1), 422, "invalid"},
		"no currency":      {strings.Replace(good, "EUR", "ZZZ", 1), 422, "invalid"},
		"small currency":   {strings.Replace(good, "EUR", "eur", 1), 422, "invalid"},
		"long order":       {strings.Replace(good, "o-1", strings.Repeat("o", 65), 1), 422, "invalid"},
		"script return":    {`{"return_url":"javascript:alert(1)",` + good[1:], 422, "invalid"},
		"foreign return":   {`{"return_url":"https://evil.example/",` + good[1:], 422, "invalid"},
		"foreign return 2": {`{"return_url":"` + w.URL("shop") + `@evil.example/",` + good[1:], 422, "invalid"},
		"foreign return 3": {`{"return_url":"//evil.example/",` + good[1:], 422, "invalid"},
		"foreign return 4": {`{"return_url":"` + w.URL("shop") + `.evil.example/",` + good[1:], 422, "invalid"},
		"foreign return 5": {`{"return_url":"` + strings.Replace(w.URL("shop"), "http:", "https:", 1) + `/",` + good[1:], 422, "invalid"},
		"card in order":    {strings.Replace(good, "o-1", "4242 4242 4242 4242", 1), 422, "invalid"},
		"card in metadata": {`{"metadata":{"a":"5555555555554444"},` + good[1:], 422, "invalid"},
		"card as member":   {`{"5555555555554444":1,` + good[1:], 422, "invalid"},
		"card as amount":   {strings.Replace(good, "2340", "5555555555554444", 1), 422, "invalid"},
	} {
		r := w.call(t, "POST", "/v1/payments", x.body, nil)
		if r.status != x.status || r.problem(t) != x.code {
			t.Errorf("%s: HTTP %d %.300s, want %d %s", name, r.status, r.body, x.status, x.code)
		}
		for _, echo := range []string{"4242", "5555", "evil", "mer_other", "javascript"} {
			if strings.Contains(string(r.body), echo) {
				t.Errorf("%s: the answer repeats %q: %s", name, echo, r.body)
			}
		}
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=utf-16x; x", ""} {
		if r := w.call(t, "POST", "/v1/payments", good, map[string]string{"Content-Type": kind}); r.status != 415 || r.problem(t) != "media_type" {
			t.Errorf("%q: HTTP %d %s", kind, r.status, r.body)
		}
	}
	for name, key := range map[string]string{"none": "", "space": "a b", "long": strings.Repeat("k", 256), "huge": strings.Repeat("k", 30_000), "letters": "clé"} {
		if r := w.call(t, "POST", "/v1/payments", good, map[string]string{"Idempotency-Key": key}); r.status != 400 || !strings.HasPrefix(r.problem(t), "idempotency_key") || len(r.body) > 500 {
			t.Errorf("key %s: HTTP %d %.300s", name, r.status, r.body)
		}
	}
	if r := w.call(t, "POST", "/v1/payments", good, map[string]string{"Idempotency-Key": strings.Repeat("k", 200_000)}); r.status != 431 {
		t.Errorf("a header of 200 kB: HTTP %d", r.status)
	}
	for _, q := range []string{"limit=0", "limit=101", "limit=-1", "limit=x", "cursor=%27%20OR%201=1", "cursor=pay_" + strings.Repeat("%25", 25), "status=paid%27", "status=x"} {
		if r := w.call(t, "GET", "/v1/payments?"+q, "", nil); r.status != 422 || r.problem(t) != "invalid" {
			t.Errorf("%s: HTTP %d %.300s", q, r.status, r.body)
		}
	}
}

// The same key with another content, and the same content again.
func TestIdempotencyKeyReused(t *testing.T) {
	t.Parallel()
	w := shared
	key := map[string]string{"Idempotency-Key": letters(20)}
	body := `{"amount":2340,"currency":"EUR","order":"o-1"}`
	first := w.call(t, "POST", "/v1/payments", body, key)
	again := w.call(t, "POST", "/v1/payments", body, key)
	if first.status != 201 || again.status != 201 || !bytes.Equal(first.body, again.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("HTTP %d %d\n%s\n%s", first.status, again.status, first.body, again.body)
	}
	if r := w.call(t, "POST", "/v1/payments", strings.Replace(body, "2340", "2341", 1), key); r.status != 422 || r.problem(t) != "idempotency_key_reused" {
		t.Errorf("HTTP %d %s", r.status, r.body)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	same := map[string]string{"Idempotency-Key": letters(20)}
	for range 50 {
		wg.Go(func() {
			r := w.call(t, "POST", "/v1/payments", body, same)
			if r.status != 201 && r.status != 409 {
				t.Errorf("HTTP %d %s", r.status, r.body)
			}
			if r.status == 201 {
				mu.Lock()
				defer mu.Unlock()
				ids[string(r.body)] = true
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Errorf("%d payments from one key", len(ids))
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	w := shared
	p, _ := w.order(t, 2340)
	for _, m := range []string{"PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECTED", "POST"} {
		for _, path := range []string{"/v1/payments/" + p.ID, "/frame/" + p.ID, "/frame/" + p.ID + "/state", "/p/" + p.ID} {
			r := w.fetch(t, m, w.URL("pay")+path, "", map[string]string{"Authorization": "Bearer " + w.api.Key, "X-HTTP-Method-Override": "GET", "Origin": "https://evil.example"})
			if r.status != 404 && r.status != 405 {
				t.Errorf("%s %s: HTTP %d", m, path, r.status)
			}
			if r.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s answers CORS", m, path)
			}
		}
	}
	for _, x := range []string{"/capture", "/cancel", "/refunds"} {
		if r := w.call(t, "GET", "/v1/payments/"+p.ID+x, "", nil); r.status != 404 && r.status != 405 {
			t.Errorf("GET %s: HTTP %d", x, r.status)
		}
	}
	if now, err := w.api.Get(t.Context(), p.ID); err != nil || now.Status != "needs_card" {
		t.Errorf("%+v %v", now, err)
	}
}

func TestManyRefundsAtOnce(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 5000)
	w.paysNow(t, page, c, 100_000)
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := map[int]int{}
	for i := range 50 {
		wg.Go(func() {
			body := `{"amount":700}`
			if i%10 == 0 {
				body = `{}` // all that is left
			}
			r := w.call(t, "POST", "/v1/payments/"+p.ID+"/refunds", body, nil)
			mu.Lock()
			defer mu.Unlock()
			count[r.status]++
			if r.status != 201 && r.status != 409 {
				t.Errorf("HTTP %d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	if count[201] == 0 || count[201] > 8 {
		t.Errorf("%v", count)
	}
	r := w.call(t, "POST", "/v1/payments/"+p.ID+"/refunds", `{}`, nil)
	if r.status != 201 && r.status != 409 {
		t.Errorf("HTTP %d %s", r.status, r.body)
	}
	w.took(t, c, 100_000, 0)
	var now house.Payment
	for range 100 {
		var err error
		now, err = w.api.Get(t.Context(), p.ID)
		must(t, err)
		if now.Refunded == 5000 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("refunded %d of 5000", now.Refunded)
}

func TestCaptureCancelRefundAtOnce(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	r := w.call(t, "POST", "/v1/payments", `{"amount":5000,"currency":"EUR","order":"o-1","capture":"manual"}`, nil)
	id, frame := text(t, r.body, "id"), text(t, r.body, "frame_url")
	page := w.open(t, frame)
	for _, x := range []string{"capture", "refunds"} {
		if r := w.call(t, "POST", "/v1/payments/"+id+"/"+x, `{}`, nil); r.status != 409 {
			t.Errorf("%s before the card: HTTP %d %s", x, r.status, r.body)
		}
	}
	if s := w.confirmed(t, page, c); s.State != "paid" {
		t.Fatalf("%+v", s)
	}
	if posted, held := w.money(t, c); posted != 100_000 || held != 5000 {
		t.Errorf("%d, %d held", posted, held)
	}
	if r := w.call(t, "POST", "/v1/payments/"+id+"/capture", `{"amount":5001}`, nil); r.status != 409 {
		t.Errorf("more than is held: HTTP %d %s", r.status, r.body)
	}
	var wg sync.WaitGroup
	for i := range 48 {
		wg.Go(func() {
			path, body := "/capture", fmt.Sprintf(`{"amount":%d}`, 1000+i)
			if i%3 == 1 {
				path, body = "/cancel", `{}`
			} else if i%3 == 2 {
				path, body = "/refunds", `{"amount":5000}`
			}
			if r := w.call(t, "POST", "/v1/payments/"+id+path, body, nil); r.status >= 500 {
				t.Errorf("HTTP %d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	var now house.Payment
	for range 200 { // what is promised comes to rest
		var err error
		now, err = w.api.Get(t.Context(), id)
		must(t, err)
		posted, held := w.money(t, c)
		if held == 0 && 100_000-posted == now.Captured-now.Refunded && (now.Status == "captured" && now.Captured >= 1000 || now.Status == "cancelled" && now.Captured == 0 || now.Status == "refunded") {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	posted, held := w.money(t, c)
	t.Errorf("the shop has %+v, the bank paid %d and holds %d", now, 100_000-posted, held)
}

// Fifty cards at once on one payment: one of them is asked, nobody pays twice.
func TestManyCardsAtOnce(t *testing.T) {
	t.Parallel()
	w := shared
	p, page := w.order(t, 2340)
	c := w.customer(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	states := map[string]int{}
	for range 50 {
		wg.Go(func() {
			s, err := page.Pay(t.Context(), c.Card, letters(20))
			mu.Lock()
			defer mu.Unlock()
			states[fmt.Sprint(s.State, refusedWith(err))]++
		})
	}
	wg.Wait()
	if states["challenge0"] != 1 || states["challenge0"]+states["409"]+states["429"] != 50 {
		t.Errorf("%v", states)
	}
	if now, err := w.api.Get(t.Context(), p.ID); err != nil || now.Status != "needs_confirmation" {
		t.Errorf("%+v %v", now, err)
	}
	w.untouched(t, c, 100_000)
}

func text(t *testing.T, body []byte, member string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(body), `"`+member+`":"`)
	value, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("no %s in %s", member, body)
	}
	return strings.ReplaceAll(value, `\u0026`, "&")
}
