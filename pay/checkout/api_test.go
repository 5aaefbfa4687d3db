package checkout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestShopAPI(t *testing.T) {
	h := newHouse(t)
	call := func(method, path, key, body string, status int, code string) *httptest.ResponseRecorder {
		t.Helper()
		w := h.api(method, path, key, body)
		conforms(t, method, path, w)
		var p struct {
			Code   string
			Status int
		}
		_ = json.Unmarshal(w.Body.Bytes(), &p)
		if w.Code != status || code != "" && (p.Code != code || p.Status != status) {
			t.Errorf("%s %s %.60s: %d %s, want %d %s", method, path, body, w.Code, w.Body, status, code)
		}
		return w
	}
	const base = `"amount":2340,"currency":"EUR","order":"A-1"`
	p := read(t, call("POST", "/v1/payments", fresh(), `{`+base+`,"capture":"manual","metadata":{"a":"b"},"description":"Zwei Dinge – für dich"}`, 201, ""), 201)
	call("GET", "/v1/payments/"+p.ID, "", "", 200, "")
	long := strings.Repeat("x", 300)
	for _, bad := range []string{
		`{"amount":0,"currency":"EUR","order":"A"}`, `{"amount":-1,"currency":"EUR","order":"A"}`, `{"amount":1.5,"currency":"EUR","order":"A"}`,
		`{"amount":1e3,"currency":"EUR","order":"A"}`, `{"amount":"1","currency":"EUR","order":"A"}`, `{"amount":99999999999999999999,"currency":"EUR","order":"A"}`,
		`{"amount":100000000000,"currency":"EUR","order":"A"}`, `{"amount":1,"currency":"eur","order":"A"}`, `{"amount":1,"currency":"XXX","order":"A"}`, `{"amount":1,"order":"A"}`,
		`{"currency":"EUR","order":"A"}`, `{"amount":1,"currency":"EUR"}`, `{` + base + `,"captured":1}`, `{` + base + `,"status":"captured"}`, `{` + base + `,"capture":"later"}`,
		`{` + base + `,"description":"` + long + `"}`, `{` + base + `,"description":"card 4242 4242 4242 4242"}`, `{"amount":1,"currency":"EUR","order":"4242424242424242"}`,
		`{` + base + `,"metadata":{"pan":"4242-4242-4242-4242"}}`, `{` + base + `,"metadata":{"a":1}}`, `{` + base + `,"metadata":[]}`, `{` + base + `,"return_url":"https://evil.example/"}`,
		`{` + base + `,"return_url":"javascript:alert(1)"}`, `{` + base + `,"return_url":"http://shop.localhost:8080@evil.example/"}`, `{` + base + `,"description":"a\u0000b"}`, `{"amount":null,"currency":"EUR","order":"A"}`,
	} {
		w := call("POST", "/v1/payments", fresh(), bad, 422, "invalid")
		if strings.Contains(w.Body.String(), "4242") || strings.Contains(w.Body.String(), "evil") || !strings.Contains(w.Body.String(), `"pointer":"/`) {
			t.Errorf("%.70s: echoed, or nothing pointed at: %s", bad, w.Body)
		}
	}
	for _, bad := range []string{`{`, `[]`, `"x"`, ``, `{"amount":1,"amount":2,"currency":"EUR","order":"A"}`, `{} {}`, "{\"order\":\"\xff\"}", strings.Repeat("[", 100)} {
		call("POST", "/v1/payments", fresh(), bad, 400, "malformed")
	}
	call("POST", "/v1/payments", fresh(), `{"order":"`+strings.Repeat("x", 20000)+`"}`, 413, "too_large")
	call("POST", "/v1/payments", "", `{`+base+`}`, 400, "idempotency_key_required")
	call("POST", "/v1/payments", "a b", `{`+base+`}`, 400, "idempotency_key_invalid")
	if w := h.do("POST", "/v1/payments", map[string]string{"Authorization": "Bearer " + testKey, "Idempotency-Key": fresh(), "Content-Type": "text/plain"}, `{}`); w.Code != 415 {
		t.Error(w.Code)
	}
	at := "/v1/payments/" + p.ID
	call("POST", at+"/capture", fresh(), ``, 409, "not_authorised")
	call("POST", at+"/refunds", fresh(), ``, 409, "not_captured")
	call("POST", at+"/capture", fresh(), `{"amount":0}`, 422, "invalid")
	call("POST", at+"/capture", fresh(), `{"amount":1,"currency":"EUR"}`, 422, "invalid")
	call("POST", at+"/cancel", fresh(), `{"amount":1}`, 422, "invalid")
	if r := h.pay(p); r.State != "paid" {
		t.Fatalf("%+v", r)
	}
	call("POST", at+"/capture", fresh(), `{"amount":2341}`, 409, "amount_too_large")
	call("POST", at+"/capture", fresh(), `{"amount":2000}`, 200, "")
	h.untilStatus(p.ID, "captured")
	call("POST", at+"/capture", fresh(), ``, 409, "already_captured")
	call("POST", at+"/cancel", fresh(), ``, 409, "already_captured")
	call("POST", at+"/refunds", fresh(), `{"amount":2001}`, 409, "amount_too_large")
	call("POST", at+"/refunds", fresh(), `{"amount":500,"reason":"one was broken"}`, 201, "")
	call("POST", at+"/refunds", fresh(), `{"reason":"4242424242424242"}`, 422, "invalid")
	h.until(p.ID, func(p paid) bool { return p.Refunded == 500 })
	call("GET", at, "", "", 200, "")
	q := h.create(100, "manual")
	call("POST", "/v1/payments/"+q.ID+"/cancel", fresh(), `{}`, 200, "")
	call("POST", "/v1/payments/"+q.ID+"/cancel", fresh(), `{}`, 409, "payment_closed")
	call("GET", "/v1/payments/pay_00000000000000000000000000", "", "", 404, "not_found")
	call("GET", "/v1/payments?limit=0", "", "", 422, "invalid")
	call("GET", "/v1/payments?cursor=x", "", "", 422, "invalid")
	call("GET", "/v1/payments?status=x", "", "", 422, "invalid")
	if w := h.do("GET", "/v1/openapi.json", nil, ""); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
		t.Error(w.Code)
	}
	if w := h.do("GET", "/v1/nonsense", nil, ""); w.Code != 404 {
		t.Error(w.Code)
	}
}

func TestList(t *testing.T) {
	h := newHouse(t)
	var want []string
	for range 7 {
		want = append([]string{h.create(100, "manual").ID}, want...)
		time.Sleep(2 * time.Millisecond) // ids sort by the millisecond
	}
	var got []string
	for path := "/v1/payments?limit=3"; ; {
		w := h.api("GET", path, "", "")
		conforms(t, "GET", "/v1/payments", w)
		var page struct {
			Items []paid
			Next  *string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Items {
			got = append(got, p.ID)
		}
		if page.Next == nil {
			break
		}
		path = "/v1/payments?limit=3&cursor=" + *page.Next
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	w := h.api("GET", "/v1/payments?status=captured", "", "")
	if !strings.Contains(w.Body.String(), `"items":[]`) {
		t.Error(w.Body)
	}
}

// TestOtherMerchant: every route with another merchant's payment answers as for an unknown one.
func TestOtherMerchant(t *testing.T) {
	h := newHouse(t)
	p := h.create(100, "manual")
	for _, c := range []struct{ method, path string }{{"GET", ""}, {"POST", "/capture"}, {"POST", "/cancel"}, {"POST", "/refunds"}} {
		as := func(id string) *httptest.ResponseRecorder {
			return h.do(c.method, "/v1/payments/"+id+c.path, map[string]string{"Authorization": "Bearer " + testKey + "2", "Idempotency-Key": fresh()}, "")
		}
		theirs, none := as(p.ID), as("pay_00000000000000000000000000")
		if theirs.Code != 404 || theirs.Body.String() != none.Body.String() {
			t.Errorf("%s %s: %d %s", c.method, c.path, theirs.Code, theirs.Body)
		}
	}
	w := h.do("GET", "/v1/payments", map[string]string{"Authorization": "Bearer " + testKey + "2"}, "")
	if strings.Contains(w.Body.String(), p.ID) {
		t.Error("listed for another merchant")
	}
}

func TestKeys(t *testing.T) {
	h := newHouse(t)
	for i, header := range []string{"", "Bearer", "Bearer csk_wrong", "Basic " + testKey, "Bearer " + testKey + " ", testKey, "Bearer csk_", "Bearer " + strings.ToUpper(testKey)} {
		if w := h.do("GET", "/v1/payments", map[string]string{"Authorization": header}, ""); w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%d: %d %s", i, w.Code, w.Body)
		}
	}
	for range 5 {
		h.do("GET", "/v1/payments", nil, "")
	}
	if w := h.do("GET", "/v1/payments", map[string]string{"Authorization": "Bearer csk_wrong"}, ""); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Error("guessing is not slowed down:", w.Code)
	}
	if w := h.api("GET", "/v1/payments", "", ""); w.Code != 200 {
		t.Error("the honest pay for it:", w.Code)
	}
}

func TestIdempotency(t *testing.T) {
	h := newHouse(t)
	key, body := fresh(), `{"amount":2340,"currency":"EUR","order":"A-1","capture":"automatic"}`
	first := h.api("POST", "/v1/payments", key, body)
	p := read(t, first, 201)
	h.pay(p)
	h.untilStatus(p.ID, "captured")
	again := h.api("POST", "/v1/payments", key, body)
	if again.Code != 201 || !bytes.Equal(again.Body.Bytes(), first.Body.Bytes()) || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("not the same answer: %d %s", again.Code, again.Body)
	}
	if w := h.api("POST", "/v1/payments", key, body+" "); w.Code != 422 || !strings.Contains(w.Body.String(), "idempotency_key_reused") {
		t.Error(w.Code, w.Body)
	}
	if w := h.api("POST", "/v1/payments/"+p.ID+"/refunds", key, body); w.Code != 422 {
		t.Error("the key of another request:", w.Code)
	}
	// a definite no is kept, too
	no := h.api("POST", "/v1/payments/"+p.ID+"/capture", "no-1", "")
	if again := h.api("POST", "/v1/payments/"+p.ID+"/capture", "no-1", ""); no.Code != 409 || !bytes.Equal(no.Body.Bytes(), again.Body.Bytes()) {
		t.Error(again.Code, again.Body)
	}
	// the same key of another merchant is another key
	w := h.do("POST", "/v1/payments", map[string]string{"Authorization": "Bearer " + testKey + "2", "Idempotency-Key": key, "Content-Type": "application/json"}, body)
	if q := read(t, w, 201); q.ID == p.ID {
		t.Error("another merchant's answer")
	}
	// and the key survives a restart
	h.stop()
	h.start()
	if again := h.api("POST", "/v1/payments", key, body); !bytes.Equal(again.Body.Bytes(), first.Body.Bytes()) {
		t.Error("after a restart:", again.Body)
	}
}

// TestOneKeyFiftyTimes: fifty refunds with one key at once are one refund.
func TestOneKeyFiftyTimes(t *testing.T) {
	h := newHouse(t)
	p := h.create(10000, "automatic")
	h.pay(p)
	h.untilStatus(p.ID, "captured")
	key := fresh()
	var wait sync.WaitGroup
	var mu sync.Mutex
	bodies, codes := map[string]int{}, map[int]int{}
	for range 50 {
		wait.Go(func() {
			w := h.api("POST", "/v1/payments/"+p.ID+"/refunds", key, `{"amount":100}`)
			mu.Lock()
			defer mu.Unlock()
			codes[w.Code]++
			if w.Code == http.StatusCreated {
				bodies[w.Body.String()]++
			}
		})
	}
	wait.Wait()
	got := h.until(p.ID, func(p paid) bool { return p.Refunded > 0 })
	if got.Refunded != 100 || len(got.Refunds) != 1 || len(bodies) != 1 || codes[201]+codes[409] != 50 {
		t.Errorf("%d refunds, %d different answers, codes %v", len(got.Refunds), len(bodies), codes)
	}
}

// TestRaceOfRefunds: a hundred different refunds at once never give back more than was captured.
func TestRaceOfRefunds(t *testing.T) {
	h := newHouse(t)
	p := h.create(1000, "automatic")
	h.pay(p)
	h.untilStatus(p.ID, "captured")
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() { h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), `{"amount":70}`) })
	}
	wait.Wait()
	h.until(p.ID, func(p paid) bool { return p.Refunded == 980 })
	if _, _, refunded := h.bank.totals(); refunded != 980 {
		t.Error(refunded)
	}
}

func FuzzShopAPI(f *testing.F) {
	h := newHouse(f)
	f.Add(`{"amount":2340,"currency":"EUR","order":"A-1","capture":"manual","metadata":{"a":"b"},"return_url":"http://shop.localhost:8080/"}`)
	f.Add(`{"amount":1,"amount":2}`)
	f.Add(`{"order":"\ud83d\ude00","amount":-0}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := h.api("POST", "/v1/payments", fresh(), body)
		if w.Code != 201 && w.Code != 400 && w.Code != 413 && w.Code != 422 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Error("not JSON")
		}
	})
}
