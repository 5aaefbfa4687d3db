package acs

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	crand "crypto/rand"

	"countersign/host"
	"countersign/host/keys"
	"countersign/pay/acs/challenge"
	"countersign/pay/acs/store"
	"countersign/pay/card"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
	"countersign/wire/smpp"
)

// world is the role with everything around it faked at the protocol: bank, directory, message centre, browser, clock.
type world struct {
	t    testing.TB
	keys *keys.Store
	env  *host.Env
	dir  string
	log  *bytes.Buffer
	logs sync.Mutex

	mu      sync.Mutex
	now     time.Time
	cards   map[string]enrolment // by hex index
	bankOff bool
	texts   []string // messages that the centre accepted
	smsc    func(m *smpp.Message) (string, smpp.Status)
	smscOff bool
	rreqs   []string // bodies that the directory got
	ds      func(m *emv3ds.Message) []byte
	dsOff   bool

	ends  []func()
	s     *server
	web   http.Handler
	store *store.Store
	end   context.CancelFunc
}

const (
	shop    = "http://shop.localhost:8080"
	gateway = "http://pay.localhost:8080"
	bankURL = "http://acs.bank.localhost:8080"
	testPAN = "9999990000000019" // a sample number in a range of nobody; made good below
)

func newWorld(t testing.TB, cfg Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 15, 40, 0, 0, time.UTC), cards: map[string]enrolment{}, dir: t.TempDir(), log: &bytes.Buffer{}}
	var err error
	if w.keys, err = keys.InMemory(w.clock, crand.Reader, keys.SpecTable...); err != nil {
		t.Fatal(err)
	}
	w.env = &host.Env{Role: "acs", Now: w.clock, Rand: crand.Reader, DataDir: w.dir, Keys: w.keys.For("acs"), Dial: w.dial,
		Log: slog.New(slog.NewTextHandler(w, nil)), URL: func(o string) string { return "http://" + o + ".localhost:8080" }}
	w.start(cfg)
	t.Cleanup(func() {
		w.stop()
		for _, f := range w.ends {
			f()
		}
	})
	return w
}

// Write is the log.
func (w *world) Write(b []byte) (int, error) {
	w.logs.Lock()
	defer w.logs.Unlock()
	return w.log.Write(b)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
}

// start runs the role without its ticker: tests call w.s.tick themselves.
func (w *world) start(cfg Config) {
	st, err := store.Open(filepath.Join(w.dir, "acs.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	w.store, w.end = st, end
	w.s = newServer(ctx, w.env, cfg.filled(), st)
	w.s.recover()
	w.web = w.s.routes()
}

func (w *world) stop() {
	w.s.work.Wait()
	w.s.sms.Close(context.Background())
	w.end()
	w.s.ds.Close()
	w.s.bank.http.CloseIdleConnections()
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) tick() { w.s.tick(); w.s.work.Wait() }

// dial answers the role's calls over memory pipes.
func (w *world) dial(ctx context.Context, endpoint string) (net.Conn, error) {
	w.mu.Lock()
	off := endpoint == toBank && w.bankOff || endpoint == toDS && w.dsOff || endpoint == toSMSC && w.smscOff
	w.mu.Unlock()
	if off {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	ln := &oneListener{conn: make(chan net.Conn, 1), done: make(chan struct{})}
	ln.conn <- theirs
	sctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	w.mu.Lock()
	w.ends = append(w.ends, func() { cancel(); ln.Close(); ours.Close(); theirs.Close(); <-ended })
	w.mu.Unlock()
	go func() {
		defer close(ended)
		switch endpoint {
		case toBank:
			srv := &http.Server{Handler: http.HandlerFunc(w.bank)}
			stop := context.AfterFunc(sctx, func() { srv.Close() })
			defer stop()
			_ = srv.Serve(ln)
		case toDS:
			_ = link.Serve(sctx, ln, w.directory)
		case toSMSC:
			c := &smpp.Centre{SystemID: "test", Submit: w.submit}
			_ = c.Serve(sctx, ln)
		}
	}()
	return ours, nil
}

type oneListener struct {
	conn chan net.Conn
	done chan struct{}
	once sync.Once
}

func (l *oneListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *oneListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (w *world) bank(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	e, ok := w.cards[strings.TrimPrefix(r.URL.Path, "/v1/enrolment/")]
	w.mu.Unlock()
	if !ok {
		http.Error(rw, `{}`, http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(rw).Encode(e)
}

func (w *world) submit(_ context.Context, _ smpp.Bind, m *smpp.Message) (string, smpp.Status) {
	w.mu.Lock()
	f := w.smsc
	w.mu.Unlock()
	if f != nil {
		return f(m)
	}
	text, part, err := m.Text()
	if err != nil || m.Dest.Addr != "491701234567" || m.Source.Addr != "DemoBank" {
		w.t.Errorf("message %+v: %v", m, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if part != nil && part.Part > 1 {
		w.texts[len(w.texts)-1] += text
	} else {
		w.texts = append(w.texts, text)
	}
	return "1", smpp.OK
}

func (w *world) directory(_ context.Context, body []byte) []byte {
	m, f := emv3ds.Parse(body)
	if f == nil {
		f = m.ValidateFor(emv3ds.Directory)
	}
	if f != nil || m.Type() != emv3ds.RReq {
		w.t.Errorf("the directory got %s: %s", m.Type(), f)
	}
	w.mu.Lock()
	w.rreqs = append(w.rreqs, string(body))
	answer := w.ds
	w.mu.Unlock()
	if answer != nil {
		return answer(m)
	}
	return rres(m)
}

func rres(m *emv3ds.Message) []byte {
	return emv3ds.New(emv3ds.RRes, m.Version()).Set("threeDSServerTransID", m.Text("threeDSServerTransID")).
		Set("acsTransID", m.Text("acsTransID")).Set("dsTransID", m.Text("dsTransID")).Set("resultsStatus", "01").Bytes()
}

// results are the RReqs so far, as maps.
func (w *world) results() (out []map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.rreqs {
		m := map[string]string{}
		if err := json.Unmarshal([]byte(b), &m); err != nil {
			w.t.Error(err)
		}
		out = append(out, m)
	}
	return out
}

// good is the test card's digits with the right check digit.
func good() []byte {
	d := []byte(testPAN)
	for c := byte('0'); c <= '9'; c++ {
		if d[len(d)-1] = c; card.Luhn(d) {
			return d
		}
	}
	panic("no check digit")
}

// enrol puts the test card into the bank.
func (w *world) enrol(edit func(*enrolment)) card.Index {
	pan, err := card.ParsePAN(good())
	if err != nil {
		w.t.Fatal(err)
	}
	k, err := w.env.Keys.Current(keys.PANIndex)
	if err != nil {
		w.t.Fatal(err)
	}
	var index card.Index
	k.Use(func(raw []byte) {
		ik, err := card.NewIndexKey(raw)
		if err != nil {
			w.t.Fatal(err)
		}
		index = ik.Of(pan)
	})
	e := enrolment{Card: "card_1", Last4: pan.Last4(), Brand: "Demo Bank", Holder: "holder_1", Name: "Mara Demo", Phone: "+491701234567", Locale: "en", Status: "active", Expiry: "3011"}
	if edit != nil {
		edit(&e)
	}
	w.mu.Lock()
	w.cards[hex.EncodeToString(index[:])] = e
	w.mu.Unlock()
	return index
}

// areq is an AReq as the directory passes it on.
func (w *world) areq(edit func(map[string]any)) []byte {
	id := func() string { s, _ := emv3ds.NewID(crand.Reader); return s }
	m := map[string]any{
		"messageType": "AReq", "messageVersion": "2.2.0", "threeDSServerTransID": id(), "threeDSServerRefNumber": "3DS", "threeDSServerURL": "https://gateway.example/rreq",
		"threeDSServerOperatorID": "GW", "threeDSRequestorID": "gw*1", "threeDSRequestorName": "Lantern Lane", "threeDSRequestorURL": shop + "/desk?x=1",
		"deviceChannel": "02", "messageCategory": "01", "threeDSRequestorAuthenticationInd": "01", "threeDSCompInd": "U",
		"notificationURL": gateway + "/3ds/notify/pay_1", "acctNumber": string(good()), "cardExpiryDate": "3011",
		"acquirerBIN": "400000", "acquirerMerchantID": "LANTERNLANE0001", "mcc": "5942", "merchantName": "Lantern Lane", "merchantCountryCode": "276",
		"purchaseAmount": "2340", "purchaseCurrency": "978", "purchaseExponent": "2", "purchaseDate": "20261122154000", "transType": "01",
		"browserAcceptHeader": "*/*", "browserUserAgent": "test", "browserIP": "127.0.0.1", "browserJavascriptEnabled": false, "browserLanguage": "en",
		"dsReferenceNumber": "DS", "dsTransID": id(), "dsURL": "https://ds.example/",
	}
	if edit != nil {
		edit(m)
	}
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// authenticate sends an AReq and gives the answer as a map; the answer must be valid.
func (w *world) authenticate(edit func(map[string]any)) map[string]string {
	answer := w.s.message(context.Background(), w.areq(edit))
	m, f := emv3ds.Parse(bytes.Clone(answer))
	if f == nil {
		f = m.ValidateFor(emv3ds.Directory)
	}
	if f != nil {
		w.t.Errorf("the answer is not valid: %s\n%s", f, answer)
	}
	out := map[string]string{}
	if err := json.Unmarshal(answer, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// tab is a browser tab with the challenge page.
type tab struct {
	w     *world
	ares  map[string]string
	code  int
	html  string
	head  http.Header
	forms url.Values // hidden fields of the page
}

// open authenticates and posts the CReq.
func (w *world) open() *tab {
	w.t.Helper()
	b := &tab{w: w, ares: w.authenticate(nil)}
	if b.ares["transStatus"] != "C" {
		w.t.Fatalf("ARes %v", b.ares)
	}
	b.creq(nil)
	return b
}

func (b *tab) creq(edit func(map[string]string)) *tab {
	m := map[string]string{"messageType": "CReq", "messageVersion": "2.2.0", "threeDSServerTransID": b.ares["threeDSServerTransID"], "acsTransID": b.ares["acsTransID"], "challengeWindowSize": "01"}
	if edit != nil {
		edit(m)
	}
	j, _ := json.Marshal(m)
	return b.post(pagePath, url.Values{"creq": {emv3ds.EncodeForm(j)}, "threeDSSessionData": {"U2Vzc2lvbg"}}, nil)
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	digits = regexp.MustCompile(`#(\d{6}) `)
)

func (b *tab) post(path string, form url.Values, edit func(*http.Request)) *tab {
	r := httptest.NewRequest("POST", bankURL+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if edit != nil {
		edit(r)
	}
	rec := httptest.NewRecorder()
	b.w.web.ServeHTTP(rec, r)
	b.code, b.head, b.html, b.forms = rec.Code, rec.Header(), rec.Body.String(), url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(b.html, -1) {
		b.forms.Set(m[1], m[2])
	}
	return b
}

// press sends the page's form.
func (b *tab) press(do, code string) *tab {
	f := url.Values{"code": {code}}
	for k, v := range b.forms {
		f[k] = v
	}
	if do != "" {
		f.Set("do", do)
	}
	return b.post(answerPath, f, nil)
}

// sms is the code of the newest message.
func (w *world) sms() string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.texts) == 0 {
		w.t.Fatal("no message came")
	}
	m := digits.FindAllStringSubmatch(w.texts[len(w.texts)-1], -1)
	return m[len(m)-1][1]
}

// not is a code that is not the given one.
func not(code string, n int) string {
	var v int
	fmt.Sscan(code, &v)
	return fmt.Sprintf("%06d", (v+n)%1_000_000)
}

func (b *tab) state() challenge.State {
	st, err := b.w.store.Get(context.Background(), b.ares["acsTransID"])
	if err != nil {
		b.w.t.Fatal(err)
	}
	return st
}

// cres is what the page sends back to the shop's side.
func (b *tab) cres() map[string]string {
	raw, err := emv3ds.DecodeForm(b.forms.Get("cres"))
	m := map[string]string{}
	if err != nil || len(raw) == 0 || json.Unmarshal(raw, &m) != nil {
		b.w.t.Errorf("no cres in the page: %s", b.html)
	}
	return m
}

func (b *tab) says(words ...string) {
	b.w.t.Helper()
	for _, word := range words {
		if !strings.Contains(b.html, word) {
			b.w.t.Errorf("the page does not say %q:\n%s", word, b.html)
		}
	}
}

var _ io.Writer = (*world)(nil)
