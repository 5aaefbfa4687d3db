package checkout

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/host"
	"countersign/host/keys"
	"countersign/pay/checkout/core"
	"countersign/pay/checkout/threeds"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
)

const (
	testPAN = "4242424242424242"
	testKey = "csk_test_0123456789abcdef0123456789abcdef"
)

// bankFake is a small issuer: it knows holds, gives the same answer to the same message, and can be told to
// lose requests and answers.
type bankFake struct {
	private *ecdh.PrivateKey

	mu       sync.Mutex
	down     bool
	auth     []string // what becomes of the next 0100s: "", "lost", "answer lost", "not sent", or a response code
	advice   []string // the same for advices
	holds    map[core.Trace]*holdFake
	answers  map[string]core.Answer // by kind and trace
	messages []string
	repeats  int
	slow     time.Duration
}

type holdFake struct {
	amount, captured, refunded int64
	reversed                   bool
}

func newBank(t testing.TB) *bankFake {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &bankFake{private: k, holds: map[core.Trace]*holdFake{}, answers: map[string]core.Answer{}}
}

// cable joins one gateway process to the bank. When the process is dead, what it has sent may still arrive, but
// nothing comes back and nothing more goes out.
type cable struct {
	*bankFake
	dead atomic.Bool
}

func (c *cable) Authorise(ctx context.Context, a Authorisation) (core.Answer, error) {
	ans, err := c.bankFake.Authorise(ctx, a)
	if c.dead.Load() {
		return core.Answer{}, ErrNoAnswer
	}
	return ans, err
}

func (c *cable) Forward(ctx context.Context, f Forwarding) (core.Answer, error) {
	if c.dead.Load() {
		return core.Answer{}, ErrNotSent
	}
	ans, err := c.bankFake.Forward(ctx, f)
	if c.dead.Load() {
		return core.Answer{}, ErrNoAnswer
	}
	return ans, err
}

func (b *bankFake) Up() bool { b.mu.Lock(); defer b.mu.Unlock(); return !b.down }

func pop(list *[]string) string {
	if len(*list) == 0 {
		return ""
	}
	s := (*list)[0]
	*list = (*list)[1:]
	return s
}

func (b *bankFake) Authorise(ctx context.Context, a Authorisation) (core.Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slow > 0 {
		b.mu.Unlock()
		time.Sleep(b.slow)
		b.mu.Lock()
	}
	what := pop(&b.auth)
	if b.down || what == "not sent" {
		return core.Answer{}, ErrNotSent
	}
	b.messages = append(b.messages, "0100")
	if what == "lost" {
		return core.Answer{}, ErrNoAnswer
	}
	ans := b.decide(a, payment.ResponseCode(what))
	if what == "answer lost" {
		return core.Answer{}, ErrNoAnswer
	}
	return ans, nil
}

func (b *bankFake) decide(a Authorisation, forced payment.ResponseCode) core.Answer {
	if forced != "" && forced != "answer lost" {
		return core.Answer{Response: forced}
	}
	var code []byte
	c := sealed.Context{Payment: a.Payment.ID, Merchant: a.Merchant.Acceptor, Amount: a.Payment.Amount}
	a.PAN.Use(func(d []byte) {
		code, _ = sealed.Open(sealed.Code, b.private.Bytes(), a.Code, c.AppendCodeAAD(nil, d, a.Expiry.YYMM()))
	})
	if string(bytes.TrimRight(code, "\x00")) != "123" || a.Attempt.CAVV == "" {
		return core.Answer{Response: payment.WrongCode, CodeResult: 'N'}
	}
	if h := b.holds[a.Attempt.Trace]; h != nil { // reversed before it came
		return core.Answer{Response: payment.Duplicate}
	}
	b.holds[a.Attempt.Trace] = &holdFake{amount: a.Payment.Amount.Minor()}
	return core.Answer{Response: payment.Approved, Approval: "123456", CodeResult: 'M', Lifecycle: a.Attempt.Lifecycle}
}

func (b *bankFake) Forward(ctx context.Context, f Forwarding) (core.Answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	what := pop(&b.advice)
	if b.down || what == "not sent" {
		return core.Answer{}, ErrNotSent
	}
	if f.PAN.Last4() == "" {
		return core.Answer{}, fmt.Errorf("no PAN")
	}
	b.messages = append(b.messages, string(f.Advice.Kind))
	if f.Repeat {
		b.repeats++
	}
	if what == "lost" {
		return core.Answer{}, ErrNoAnswer
	}
	key := fmt.Sprint(f.Advice.Kind, f.Advice.Trace.STAN, f.Advice.Trace.Transmitted.Unix())
	ans, known := b.answers[key]
	if !known {
		ans = b.move(f.Advice)
		if what != "" && what != "answer lost" {
			return core.Answer{Response: payment.ResponseCode(what)}, nil // forced, not remembered
		}
		b.answers[key] = ans
	}
	if what == "answer lost" {
		return core.Answer{}, ErrNoAnswer
	}
	return ans, nil
}

func (b *bankFake) move(a core.Advice) core.Answer {
	h := b.holds[a.Original]
	n := a.Amount.Minor()
	ok := core.Answer{Response: payment.Approved}
	no := core.Answer{Response: payment.InvalidTx}
	switch a.Kind {
	case core.CaptureAdvice:
		if h == nil || h.reversed || h.captured > 0 || n > h.amount {
			return no
		}
		h.captured = n
	case core.RefundAdvice:
		if h == nil || h.refunded+n > h.captured {
			return no
		}
		h.refunded += n
	default:
		if h == nil {
			b.holds[a.Original] = &holdFake{reversed: true}
			return core.Answer{Response: payment.NoSuchOriginal}
		}
		if h.captured > 0 {
			return no
		}
		h.reversed = true
	}
	return ok
}

// totals sums what the bank holds and moved.
func (b *bankFake) totals() (held, captured, refunded int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds {
		if !h.reversed && h.captured == 0 {
			held += h.amount
		}
		captured += h.captured
		refunded += h.refunded
	}
	return held, captured, refunded
}

func (b *bankFake) say(auth, advice []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.auth, b.advice = auth, advice
}

// dsFake is a 3DS Server whose bank says what it is told.
type dsFake struct {
	public []byte

	mu     sync.Mutex
	status []string // of the next AReqs; "Y" when empty
	count  atomic.Int64
	slow   time.Duration
}

func (d *dsFake) Ranges() []threeds.Range {
	return []threeds.Range{{Start: "4242420000000000000", End: "4242429999999999999", Name: "Demo Bank", KeyID: "code-seal-1", Public: d.public}}
}

func (d *dsFake) Authenticate(ctx context.Context, r threeds.Request) (threeds.Outcome, error) {
	d.mu.Lock()
	status := pop(&d.status)
	slow := d.slow
	d.mu.Unlock()
	time.Sleep(slow)
	n := d.count.Add(1)
	o := threeds.Outcome{Status: "Y", ServerTransID: fmt.Sprintf("server-%s-%d", r.Payment, n), ACSTransID: fmt.Sprint("acs-", n), DSTransID: fmt.Sprint("ds-", n), Version: "2.2.0"}
	switch status {
	case "", "Y":
		o.ECI, o.CAVV = "05", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	case "C":
		o.Status, o.ACSURL, o.CReq = "C", "http://acs.bank.localhost:8080/challenge", "eyJ9"
	case "error":
		return threeds.Outcome{ServerTransID: o.ServerTransID, Problem: "no answer"}, nil
	default:
		o.Status = status
	}
	return o, nil
}

// house is a gateway with its fakes.
type house struct {
	t      testing.TB
	dir    string
	cfg    Config
	bank   *bankFake
	cable  *cable
	other  Bank // instead of bank
	ds     *dsFake
	keys   *keys.Store
	engine *engine
	run    *host.Running
	log    bytes.Buffer
	logMu  sync.Mutex
	clock  atomic.Int64 // added to the time, ns
	hooks  *hookSink
}

func (h *house) Write(b []byte) (int, error) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.Write(b)
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.clock.Load())) }

// hookSink receives webhooks.
type hookSink struct {
	*httptest.Server
	mu     sync.Mutex
	status []int
	header http.Header
	got    []hook
}

type hook struct {
	h    http.Header
	body []byte
}

func newSink(t testing.TB) *hookSink {
	s := &hookSink{header: http.Header{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, hook{r.Header.Clone(), body})
		for k, v := range s.header {
			w.Header()[k] = v
		}
		if len(s.status) > 0 {
			w.WriteHeader(s.status[0])
			s.status = s.status[1:]
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *hookSink) list() []hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]hook(nil), s.got...)
}

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func newHouse(t testing.TB) *house {
	t.Helper()
	bank := newBank(t)
	sink := newSink(t)
	ks, err := keys.InMemory(time.Now, rand.Reader, keys.Spec{Purpose: keys.VaultSeal, Algorithm: keys.X25519, Owner: "checkout"},
		keys.Spec{Purpose: keys.VaultStore, Algorithm: keys.AES256, Owner: "checkout"})
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(testKey))
	other := sha256.Sum256([]byte(testKey + "2"))
	h := &house{t: t, dir: t.TempDir(), bank: bank, ds: &dsFake{public: bank.private.PublicKey().Bytes()}, keys: ks, hooks: sink}
	h.cfg = Config{
		Merchants: []Merchant{
			{ID: "shop", Name: "Lantern Lane", Acceptor: "SHOP1", Terminal: "T1", MCC: "5399", Country: "276", SiteURL: "http://shop.localhost:8080",
				WebhookURL: sink.URL, APIKeyHash: hex.EncodeToString(hash[:]), WebhookSecret: testSecret},
			{ID: "other", Name: "Other Shop", Acceptor: "SHOP2", Terminal: "T2", MCC: "5399", Country: "276", SiteURL: "http://other.localhost:8080", APIKeyHash: hex.EncodeToString(other[:])},
		},
		Acquirer: "123456", ThreeDS: h.ds, Webhooks: http.DefaultClient, PlainWebhook: true,
		Policy: core.Policy{Doubt: 700 * time.Millisecond},
		Queue:  core.QueueConfig{First: 20 * time.Millisecond, Longest: 100 * time.Millisecond},
	}
	h.start()
	t.Cleanup(func() {
		h.stop()
		if _, err := Check(context.Background(), h.dir+"/checkout.db"); err != nil && !h.cable.dead.Load() {
			t.Errorf("the books: %v", err)
		}
	})
	return h
}

func (h *house) start() {
	h.t.Helper()
	env := &host.Env{
		Role: "checkout", Log: slog.New(slog.NewTextHandler(h, nil)), Now: h.now, Rand: rand.Reader, DataDir: h.dir, Keys: h.keys.For("checkout"),
		URL: func(origin string) string { return "http://" + origin + ".localhost:8080" }, Egress: http.DefaultClient,
	}
	h.cable = &cable{bankFake: h.bank}
	h.cfg.Bank = h.cable
	if h.other != nil {
		h.cfg.Bank = h.other
	}
	h.cfg.tap = func(e *engine) { h.engine = e }
	run, err := Role(h.cfg).Start(context.Background(), env)
	if err != nil {
		h.t.Fatal(err)
	}
	h.run = run
}

func (h *house) stop() {
	if h.run == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := h.run.Stop(ctx); err != nil {
		h.t.Error("stop:", err)
	}
	h.run = nil
}

// do sends a request to origin pay.
func (h *house) do(method, path string, header map[string]string, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://pay.localhost:8080"+path, strings.NewReader(body))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.run.Web["pay"].ServeHTTP(w, r)
	return w
}

// api sends a request to the shop API.
func (h *house) api(method, path, key, body string) *httptest.ResponseRecorder {
	return h.do(method, path, map[string]string{"Authorization": "Bearer " + testKey, "Idempotency-Key": key, "Content-Type": "application/json"}, body)
}

type paid struct {
	ID, Status, Currency                               string
	Amount, Authorised, Captured, Refunded, Refundable int64
	Frame                                              string `json:"frame_url"`
	Card                                               *struct{ Brand, Last4, Holder string }
	Declined                                           *struct{ Code, Message string }
	Captures, Refunds                                  []struct {
		ID, Status string
		Amount     int64
	}
}

func read(t testing.TB, w *httptest.ResponseRecorder, status int) (p paid) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("HTTP %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

var keyCount atomic.Int64

func fresh() string { return fmt.Sprintf("key-%016d", keyCount.Add(1)) }

func (h *house) create(amount int64, mode string) paid {
	h.t.Helper()
	return read(h.t, h.api("POST", "/v1/payments", fresh(), fmt.Sprintf(`{"amount":%d,"currency":"EUR","order":"A-1","capture":%q,"return_url":"http://shop.localhost:8080/done"}`, amount, mode)), 201)
}

func (h *house) get(id string) paid {
	h.t.Helper()
	return read(h.t, h.api("GET", "/v1/payments/"+id, "", ""), 200)
}

// until waits for a payment to be as wanted.
func (h *house) until(id string, ok func(paid) bool) paid {
	h.t.Helper()
	for end := time.Now().Add(8 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		p := h.get(id)
		if ok(p) {
			return p
		}
		if time.Now().After(end) {
			h.t.Fatalf("never came: %+v\n%s", p, h.log.String())
		}
	}
}

func (h *house) untilStatus(id, status string) paid {
	h.t.Helper()
	return h.until(id, func(p paid) bool { return p.Status == status })
}

// form seals a card for a payment as the page does.
func (h *house) form(p paid, pan, expiry, code, attempt string) string {
	h.t.Helper()
	eur, _ := money.ByAlpha("EUR")
	amount, _ := money.New(p.Amount, eur)
	c := sealed.Context{Payment: p.ID, Merchant: "SHOP1", Amount: amount}
	k, err := h.keys.For("checkout").Current(keys.VaultSeal)
	if err != nil {
		h.t.Fatal(err)
	}
	number := make([]byte, sealed.NumberSize)
	copy(number, pan+"D"+expiry)
	nbox, err := sealed.Seal(sealed.Number, k.ID, k.Public(), c.NumberAAD(), number)
	if err != nil {
		h.t.Fatal(err)
	}
	plain := make([]byte, sealed.CodeSize)
	copy(plain, code)
	cbox, err := sealed.Seal(sealed.Code, "code-seal-1", h.ds.public, c.AppendCodeAAD(nil, []byte(pan), expiry), plain)
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf(`{"number":%q,"code":%q,"name":"Ada  Lovelace","attempt":%q,"browser":{"language":"en","colorDepth":24,"height":800,"width":390,"tz":-60,"java":false}}`, nbox, cbox, attempt)
}

type reply struct {
	HTTP    int
	State   string
	URL     string
	Code    string
	Problem *struct{ Field, Message string }
}

func (h *house) framePath(p paid, what string) string {
	u, err := url.Parse(p.Frame)
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Path + what + "?" + u.RawQuery
}

func (h *house) post(p paid, form string) reply {
	w := h.do("POST", h.framePath(p, "/card"), map[string]string{"Content-Type": "application/json"}, form)
	var r reply
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		h.t.Fatalf("%d %s", w.Code, w.Body)
	}
	r.HTTP = w.Code
	return r
}

func attempt() string { return fmt.Sprintf("attempt-%012d", keyCount.Add(1)) }

func (h *house) pay(p paid) reply { return h.post(p, h.form(p, testPAN, "2911", "123", attempt())) }

// confirm is the RReq of a challenged payment.
func (h *house) confirm(id, status string) error {
	cur, err := h.engine.store.Payment(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	a := cur.Attempts[len(cur.Attempts)-1]
	r := threeds.Result{ServerTransID: a.ServerTransID, ACSTransID: a.ACSTransID, DSTransID: a.DSTransID, Status: status}
	if status == "Y" {
		r.ECI, r.CAVV = "05", base64.StdEncoding.EncodeToString(make([]byte, 21))
	}
	return h.engine.result(context.Background(), r)
}
