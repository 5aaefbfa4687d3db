package shop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTypedAmount(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"5", 500, true}, {"5.5", 550, true}, {"5,50", 550, true}, {"€ 23.40", 2340, true}, {"0.01", 1, true},
		{"", 0, false}, {"0", 0, false}, {"-1", 0, false}, {"1.234", 0, false}, {".5", 0, false}, {"23.41", 0, false}, {"99999999999999999999", 0, false}, {"5.x", 0, false}, {"1.2.3", 0, false},
	} {
		got, problem := typedAmount(c.text, 2340)
		if (problem == "") != c.ok || got != c.want {
			t.Errorf("%q: %d %q", c.text, got, problem)
		}
	}
}

// gateway is a shop API in memory: it counts what is created and refunded per idempotency key.
type gateway struct {
	mu      sync.Mutex
	busy    int // so many requests with a key are answered "in use"
	created map[string]bool
	refunds map[string]int64
	status  string
	down    bool
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down || r.Header.Get("Authorization") != "Bearer csk_test" {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"title":"down","detail":"closed today"}`)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if r.Method == "POST" && key == "" {
		http.Error(w, "{}", 400)
		return
	}
	if key != "" && g.busy > 0 {
		g.busy--
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"title":"busy","code":"idempotency_key_in_use"}`)
		return
	}
	var in struct{ Amount int64 }
	json.NewDecoder(r.Body).Decode(&in)
	switch {
	case r.Method == "POST" && r.URL.Path == "/v1/payments":
		g.created[key] = true
	case strings.HasSuffix(r.URL.Path, "/refunds"):
		g.refunds[key] = in.Amount
	case strings.HasSuffix(r.URL.Path, "/cancel"):
		g.status = "cancelled"
	}
	sum := int64(0)
	for _, n := range g.refunds {
		sum += n
	}
	captured := int64(0)
	if g.status == "captured" {
		captured = 1170
	}
	json.NewEncoder(w).Encode(map[string]any{"id": "pay_1", "status": g.status, "amount": 1170, "currency": "EUR", "captured": captured, "refunded": sum,
		"frame_url": "https://pay.example/frame/pay_1?key=k", "pay_url": "https://pay.example/p/pay_1?key=k",
		"card": map[string]string{"brand": "Demo Bank", "last4": "0003", "holder": "Ada <Example>"}})
}

type world struct {
	*Shop
	*gateway
	file string
}

const secret = "whsec_c2VjcmV0LXNlY3JldA=="

func newWorld(t *testing.T) *world {
	t.Helper()
	g := &gateway{created: map[string]bool{}, refunds: map[string]int64{}, status: "needs_card"}
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	w := &world{gateway: g, file: filepath.Join(t.TempDir(), "shop", "orders.json")}
	w.Shop = open(t, srv.URL, w.file)
	return w
}

func open(t *testing.T, api, file string) *Shop {
	t.Helper()
	s, err := New(Options{API: API{api, "csk_test", http.DefaultClient}, WebhookSecret: secret, Site: "https://shop.example", File: file,
		Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) do(method, path string, form url.Values, cookie string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://shop.example"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != "" {
		r.Header.Set("Cookie", basketCookie+"="+cookie)
	}
	rec := httptest.NewRecorder()
	w.Shop.ServeHTTP(rec, r)
	return rec
}

const orderID = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"

func (w *world) order(t *testing.T) {
	t.Helper()
	for range 2 { // the button pressed twice is one order and one payment
		w.do("POST", "/orders", url.Values{"order": {orderID}}, "candles:1")
		if rec := w.do("GET", "/orders/"+orderID+"/pay", nil, ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), "https://pay.example/frame/pay_1?key=k") {
			t.Fatal(rec.Code, rec.Body)
		}
	}
	if len(w.created) != 1 || len(w.orders.all()) != 1 {
		t.Fatalf("%d payments, %d orders", len(w.created), len(w.orders.all()))
	}
}

func TestOrderPaidRefunded(t *testing.T) {
	w := newWorld(t)
	w.order(t)
	if rec := w.do("GET", "/orders/"+orderID, nil, ""); !strings.Contains(rec.Body.String(), "waits for its payment") {
		t.Error("an unpaid order looks paid")
	}
	w.status = "captured"
	rec := w.do("GET", "/orders/"+orderID, nil, "")
	if b := rec.Body.String(); !strings.Contains(b, "Demo Bank •••• 0003") || !strings.Contains(b, "Ada &lt;Example&gt;") {
		t.Error("no masked card or name: ", b)
	}
	for range 2 { // the same refund form sent twice
		w.do("POST", "/desk/"+orderID+"/refund", url.Values{"nonce": {"n1"}, "amount": {"5.00"}}, "")
	}
	if w.refunds["n1"] != 500 || len(w.refunds) != 1 {
		t.Error(w.refunds)
	}
	if rec := w.do("POST", "/desk/"+orderID+"/refund", url.Values{"nonce": {"n2"}, "amount": {"50"}}, ""); !strings.Contains(rec.Body.String(), "At most €6.70") {
		t.Error("too large a refund: ", rec.Body)
	}
	w.busy = 2 // the first click is still being worked on
	w.do("POST", "/desk/"+orderID+"/refund", url.Values{"nonce": {"n3"}, "all": {"1"}}, "")
	if w.refunds["n3"] != 670 {
		t.Error(w.refunds)
	}
}

func TestOrdersSurvive(t *testing.T) {
	w := newWorld(t)
	w.order(t)
	again := open(t, w.API.Base, w.file)
	o, ok := again.orders.get(orderID)
	if !ok || o.Payment == nil || o.Payment.ID != "pay_1" || o.Total != 1170 {
		t.Errorf("%+v", o)
	}
}

func TestGatewayDown(t *testing.T) {
	w := newWorld(t)
	w.down = true
	w.do("POST", "/orders", url.Values{"order": {orderID}}, "candles:1")
	rec := w.do("GET", "/orders/"+orderID+"/pay", nil, "")
	if rec.Code != http.StatusBadGateway || !strings.Contains(rec.Body.String(), "try again") {
		t.Error(rec.Code, rec.Body)
	}
	w.down = false
	if rec := w.do("GET", "/orders/"+orderID+"/pay", nil, ""); rec.Code != 200 {
		t.Error(rec.Code)
	}
}

func TestBadInput(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		form         url.Values
		cookie       string
		want         int
	}{
		{"GET", "/orders/none", nil, "", 404},
		{"GET", "/desk/none", nil, "", 404},
		{"POST", "/desk/none/refund", nil, "", 404},
		{"POST", "/basket", url.Values{"item": {"gold"}}, "", 404},
		{"POST", "/orders", url.Values{"order": {"x"}}, "candles:1", 303},
		{"GET", "/basket", nil, "candles:999999999999999999999.mug:-1..:", 200},
		{"GET", "/nothing", nil, "", 404},
	} {
		if rec := w.do(c.method, c.path, c.form, c.cookie); rec.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, rec.Code, c.want)
		}
	}
	if len(w.orders.all()) != 0 {
		t.Error("an order came out of nothing")
	}
	r := httptest.NewRequest("POST", "https://shop.example/desk/"+orderID+"/refund", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	w.Shop.ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden {
		t.Error("another site may press our buttons: ", rec.Code)
	}
}

func TestWebhook(t *testing.T) {
	w := newWorld(t)
	w.order(t)
	w.status = "captured"
	body := `{"type":"payment.captured","data":{"id":"pay_1"}}`
	send := func(id, body, sig string, at time.Time) int {
		r := httptest.NewRequest("POST", "https://shop.example/webhooks/countersign", strings.NewReader(body))
		stamp := strconv.FormatInt(at.Unix(), 10)
		if sig == "" {
			m := hmac.New(sha256.New, []byte("secret-secret"))
			m.Write([]byte(id + "." + stamp + "." + body))
			sig = "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
		}
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", stamp)
		r.Header.Set("webhook-signature", sig)
		rec := httptest.NewRecorder()
		w.Shop.ServeHTTP(rec, r)
		return rec.Code
	}
	state := func() string { o, _ := w.orders.get(orderID); return o.State() }
	for name, code := range map[string]int{
		"wrong signature": send("m1", body, "v1,AAAA", time.Now()), "no signature": send("m1", body, " ", time.Now()),
		"old": send("m1", body, "", time.Now().Add(-time.Hour)), "from the future": send("m1", body, "", time.Now().Add(time.Hour)),
	} {
		if code != http.StatusUnauthorized || state() != "needs_card" {
			t.Errorf("%s: %d %s", name, code, state())
		}
	}
	w.down = true
	if code := send("m1", body, "", time.Now()); code != http.StatusServiceUnavailable {
		t.Error("a webhook that could not be dealt with is answered ", code)
	}
	w.down = false
	if code := send("m1", body, "v1,AAAA "+"", time.Now()); code != http.StatusUnauthorized {
		t.Error(code)
	}
	for range 2 {
		if code := send("m1", body, "", time.Now()); code != http.StatusNoContent || state() != "captured" {
			t.Error(code, state())
		}
	}
	if code := send("m2", `{"data":{"id":"pay_other"}}`, "", time.Now()); code != http.StatusNoContent {
		t.Error("somebody else's payment: ", code)
	}
}
