package e2e

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/examples/shop"
	"countersign/pay/checkout/ui"
	"countersign/pay/money"
	"countersign/pay/sealed"
	base "countersign/ui"
)

// fake is a gateway, a bank and a shop that are just enough to try the pages alone: it opens what the page
// sealed with both keys and remembers it.
type fake struct {
	*httptest.Server
	port        string
	vault, bank *ecdh.PrivateKey

	mu       sync.Mutex
	state    string // of the one payment
	problem  *ui.Problem
	posts    []string // attempts
	raw      []string // bodies as they came
	number   string   // opened
	code     string
	name     string
	next     string // state after a card
	hosted   bool
	refunds  map[string]int64
	keySeen  map[string]bool
	failures int // how many posts of the card are answered by closing the connection
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{state: "card", next: "challenge", refunds: map[string]int64{}, keySeen: map[string]bool{}}
	f.vault, _ = ecdh.X25519().GenerateKey(rand.Reader)
	f.bank, _ = ecdh.X25519().GenerateKey(rand.Reader)
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	_, f.port, _ = net.SplitHostPort(f.Listener.Addr().String())
	s, err := shop.New(shop.Options{
		API: shop.API{Base: f.url("pay"), Key: "csk_x", Client: loopback()}, WebhookSecret: "whsec_c2VjcmV0", Site: f.url("shop"),
		File: filepath.Join(t.TempDir(), "orders.json"), Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("shop.localhost/", s)
	f.routes(mux)
	f.bankAndTour(t, mux)
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host, _, _ = net.SplitHostPort(r.Host)
		mux.ServeHTTP(w, r)
	})
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// loopback reaches *.localhost without asking a resolver.
func loopback() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dialLoopback}}
}

func (f *fake) serve(http.ResponseWriter, *http.Request) {}

func (f *fake) url(name string) string { return "http://" + name + ".localhost:" + f.port }

func (f *fake) data(hosted bool) ui.FrameData {
	b64 := base64.RawURLEncoding.EncodeToString
	u := f.url("pay") + "/frame/pay_1"
	return ui.FrameData{
		Payment: "pay_1", Key: "k", MerchantName: "Lantern Lane", Acceptor: "LANTERNLANE0001", SiteURL: f.url("shop"), Amount: 2340, Currency: "EUR",
		Display: "€23.40", Description: "Two pairs of candles", State: f.state, Problem: f.problem,
		Vault: ui.Key{ID: "vault-1", Public: b64(f.vault.PublicKey().Bytes())},
		Ranges: []ui.Range{
			{Start: "9000000000000000000", End: "9999999999999999999", Name: "Demo Bank", KeyID: "bank-1", Public: b64(f.bank.PublicKey().Bytes())},
			{Start: "3700000000000000000", End: "3799999999999999999", Name: "Four", KeyID: "bank-1", Public: b64(f.bank.PublicKey().Bytes())},
		},
		SubmitURL: u + "/card?key=k", StateURL: u + "/state?key=k", ChallengeURL: u + "/challenge?key=k",
		LeaveURL: f.url("shop") + "/", ReturnURL: f.url("shop") + "/desk", ACSURL: f.url("acs.bank") + "/challenge", CReq: "eyJ9", SessionData: "s", Hosted: hosted,
	}
}

func (f *fake) routes(mux *http.ServeMux) {
	mux.Handle("/_ui/", base.Assets())
	mux.Handle("/_checkout/", ui.Assets())
	mux.Handle("pay.localhost/v1/countersign.js", ui.Loader())
	page := func(hosted bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.hosted = hosted
			d := f.data(hosted)
			if hosted {
				base.SecureWith(w.Header(), ui.HostedCSP(d))
				ui.Hosted(w, d)
			} else {
				base.SecureWith(w.Header(), ui.FrameCSP(d))
				ui.Frame(w, d)
			}
		}
	}
	mux.HandleFunc("GET pay.localhost/frame/{id}", page(false))
	mux.HandleFunc("GET pay.localhost/p/{id}", page(true))
	mux.HandleFunc("POST pay.localhost/frame/{id}/card", f.card)
	mux.HandleFunc("GET pay.localhost/frame/{id}/state", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		json.NewEncoder(w).Encode(map[string]any{"state": f.state, "problem": f.problem})
	})
	mux.HandleFunc("POST pay.localhost/frame/{id}/restart", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.state = "card"
		io.WriteString(w, `{"state":"card"}`)
	})
	mux.HandleFunc("GET pay.localhost/frame/{id}/challenge", func(w http.ResponseWriter, _ *http.Request) {
		d := f.data(f.hosted)
		base.SecureWith(w.Header(), ui.ChallengeCSP(d))
		ui.Challenge(w, d)
	})
	mux.HandleFunc("POST pay.localhost/3ds/notify/{id}", func(w http.ResponseWriter, _ *http.Request) {
		base.SecureWith(w.Header(), ui.NotifyCSP(f.url("shop")))
		ui.Notify(w, ui.NotifyData{Payment: "pay_1"})
	})
	mux.HandleFunc("POST acs.bank.localhost/challenge", f.acs)
	mux.HandleFunc("POST acs.bank.localhost/answer", f.acsAnswer)
	mux.HandleFunc("POST pay.localhost/v1/payments", f.payment)
	mux.HandleFunc("GET pay.localhost/v1/payments/{id}", f.payment)
	mux.HandleFunc("POST pay.localhost/v1/payments/{id}/refunds", f.refund)
}

func (f *fake) card(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct{ Number, Code, Name, Attempt string }
	json.Unmarshal(body, &in)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts, f.raw = append(f.posts, in.Attempt), append(f.raw, string(body))
	if f.failures > 0 {
		f.failures--
		panic(http.ErrAbortHandler)
	}
	eur, _ := money.ByAlpha("EUR")
	amount, _ := money.New(2340, eur)
	ctx := sealed.Context{Payment: "pay_1", Merchant: "LANTERNLANE0001", Amount: amount}
	box, _ := sealed.Parse(in.Number)
	number, err := sealed.Open(sealed.Number, f.vault.Bytes(), box, ctx.NumberAAD())
	if err != nil || len(number) != sealed.NumberSize || box.KeyID != "vault-1" {
		http.Error(w, `{"title":"number"}`, 400)
		return
	}
	number = bytes.TrimRight(number, "\x00")
	pan, yymm, _ := bytes.Cut(number, []byte("D"))
	box, _ = sealed.Parse(in.Code)
	code, err := sealed.Open(sealed.Code, f.bank.Bytes(), box, ctx.AppendCodeAAD(nil, pan, string(yymm)))
	if err != nil || len(code) != sealed.CodeSize || box.KeyID != "bank-1" {
		http.Error(w, `{"title":"code"}`, 400)
		return
	}
	f.number, f.code, f.name = string(number), string(bytes.TrimRight(code, "\x00")), in.Name
	f.state, f.problem = f.next, nil
	if f.next == "card" {
		f.problem = &ui.Problem{Message: "The bank declined this card."}
	}
	json.NewEncoder(w).Encode(map[string]any{"state": f.state, "url": f.data(false).ChallengeURL, "problem": f.problem})
}

func (f *fake) acs(w http.ResponseWriter, r *http.Request) {
	base.Secure(w.Header(), base.Policy{NoScript: true, Form: []string{f.url("pay")}, Ancestors: []string{f.url("pay"), f.url("shop")}})
	io.WriteString(w, `<!doctype html><html lang="en"><title>Bank</title>`+string(base.Head())+`<main><h1>Demo Bank</h1><p>Lantern Lane, €23.40</p>
<form method="post" action="/answer"><div class="field"><label for="otp">Code from the SMS</label><input id="otp" name="otp" inputmode="numeric" autocomplete="one-time-code"></div><button class="btn" id="ok">Confirm</button></form></main></html>`)
}

func (f *fake) acsAnswer(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	f.state = "paid"
	f.mu.Unlock()
	base.Secure(w.Header(), base.Policy{NoScript: true, Form: []string{f.url("pay")}, Ancestors: []string{f.url("pay"), f.url("shop")}})
	io.WriteString(w, `<!doctype html><html lang="en"><title>Bank</title>`+string(base.Head())+`<main><h1>Thank you</h1><form method="post" action="`+f.url("pay")+`/3ds/notify/pay_1"><button class="btn" id="on">Go on</button></form></main></html>`)
}

func (f *fake) payment(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := map[string]string{"card": "needs_card", "challenge": "needs_confirmation", "processing": "processing", "paid": "captured", "closed": "cancelled"}[f.state]
	refunded := int64(0)
	for _, n := range f.refunds {
		refunded += n
	}
	p := map[string]any{"id": "pay_1", "status": status, "amount": 2340, "currency": "EUR", "captured": 0, "refunded": refunded,
		"frame_url": f.url("pay") + "/frame/pay_1?key=k", "pay_url": f.url("pay") + "/p/pay_1?key=k"}
	if status == "captured" {
		p["captured"] = 2340
		p["card"] = map[string]string{"brand": "Demo Bank", "last4": f.number[12:16], "holder": f.name}
		if refunded == 2340 {
			p["status"] = "refunded"
		}
	}
	json.NewEncoder(w).Encode(p)
}

func (f *fake) refund(w http.ResponseWriter, r *http.Request) {
	var in struct{ Amount int64 }
	json.NewDecoder(r.Body).Decode(&in)
	f.mu.Lock()
	f.refunds[r.Header.Get("Idempotency-Key")] = in.Amount
	f.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, `{"id":"ref_1"}`)
}

// testNumber is a number of the demo range with the right check digit.
func testNumber(prefix string, length int) string {
	body := prefix + strings.Repeat("0", length-1-len(prefix))
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return body + string(rune('0'+(10-sum%10)%10))
}
