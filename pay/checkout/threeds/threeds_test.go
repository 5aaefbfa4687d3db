package threeds

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

// pipes is a listener of net.Pipe connections.
type pipes struct {
	in     chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{in: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.in:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
func (p *pipes) Dial(ctx context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case p.in <- b:
		return a, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

const (
	acsID = "d7c1ee99-9478-44a6-b1f2-391e29c6b340"
	dsID  = "f25084f0-5b16-4c0a-ae5d-b24808a95e4b"
)

// world is a 3DS Server between a directory that the test plays and a payment store that it plays too.
type world struct {
	t        *testing.T
	s        *Server
	ds, rreq *pipes
	toRReq   *link.Client
	mu       sync.Mutex
	seen     []*emv3ds.Message // what the directory got
	reply    func(m *emv3ds.Message) []byte
	result   func(Result) error
	results  []Result
	gone     bool // nobody listens at the directory
}

// got is what the directory has got so far.
func (w *world) got() []*emv3ds.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

func (w *world) setGone(gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = gone
}

func (w *world) dial(ctx context.Context) (net.Conn, error) {
	w.mu.Lock()
	gone := w.gone
	w.mu.Unlock()
	if gone {
		return nil, net.ErrClosed
	}
	return w.ds.Dial(ctx)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, ds: newPipes(), rreq: newPipes()}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		link.Serve(ctx, w.ds, func(_ context.Context, body []byte) []byte {
			m, f := emv3ds.Parse(append([]byte(nil), body...))
			if f != nil {
				t.Error("the directory got", f)
				return nil
			}
			w.mu.Lock()
			w.seen = append(w.seen, m)
			w.mu.Unlock()
			if m.Type() == emv3ds.PReq {
				if m.Text("serialNum") == "s1" {
					return pres(m, nil)
				}
				return pres(m, defaultRanges)
			}
			if m.Type() == emv3ds.Erro || w.reply == nil {
				return nil
			}
			return w.reply(m)
		})
	})
	w.s = New(Config{
		Dial: w.dial, Listener: w.rreq, Now: func() time.Time { return time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC) },
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), ServerURL: "http://gateway.rreq/3ds",
		NotificationURL: func(p string) string { return "http://pay.localhost:8080/3ds/notify/" + p },
		Result: func(_ context.Context, r Result) error {
			w.mu.Lock()
			w.results = append(w.results, r)
			w.mu.Unlock()
			if w.result != nil {
				return w.result(r)
			}
			return nil
		},
	})
	w.toRReq = &link.Client{Dial: w.rreq.Dial}
	t.Cleanup(func() {
		w.toRReq.Close()
		w.s.Close()
		cancel()
		done.Wait()
	})
	return w
}

func request(t *testing.T) Request {
	pan, err := card.ParsePAN([]byte("4000001234567899"))
	if err != nil {
		t.Fatal(err)
	}
	eur, _ := money.ByAlpha("EUR")
	amount, _ := money.New(2340, eur)
	no := false
	return Request{
		Payment: "pay_1", PAN: pan, Expiry: card.Expiry{Year: 2029, Month: 11}, Amount: amount, Holder: "A Holder",
		Merchant: Merchant{Acquirer: "400001", Acceptor: "SHOP1", Name: "Kniga & Mir, books of all kinds and sizes, new", Country: "276", MCC: "5942", URL: "http://shop.localhost:8080"},
		Browser:  Browser{Accept: "*/*", UserAgent: "test", Language: "zh-Hant-TW,de;q=0.5", IP: "::ffff:127.0.0.1", JavaScript: true, Java: &no, ColorDepth: "30", Height: "844", Width: "390", TZ: "-60"},
	}
}

func ares(m *emv3ds.Message, status string) *emv3ds.Builder {
	b := emv3ds.New(emv3ds.ARes, "2.2.0").Set("threeDSServerTransID", m.Text("threeDSServerTransID")).Set("acsTransID", acsID).Set("dsTransID", dsID)
	b.Set("acsReferenceNumber", "ACS").Set("dsReferenceNumber", "DS").Set("transStatus", status)
	switch status {
	case "C":
		b.Set("acsURL", "http://acs.bank.localhost:8080/challenge").Set("acsChallengeMandated", "Y").Set("authenticationType", "02")
	case "Y", "A":
		b.Set("eci", "05").Set("authenticationValue", "xgR6+aR8AAAAAAAAAAAAAAAAAAAA")
	case "N", "R", "U":
		b.Set("transStatusReason", "08")
	}
	return b
}

func TestChallenge(t *testing.T) {
	w := newWorld(t)
	w.reply = func(m *emv3ds.Message) []byte { return ares(m, "C").Bytes() }
	o, err := w.s.Authenticate(t.Context(), request(t))
	if err != nil || o.Status != "C" || o.Problem != "" || o.ACSTransID != acsID || o.DSTransID != dsID || o.ACSURL != "http://acs.bank.localhost:8080/challenge" {
		t.Fatalf("%+v %v", o, err)
	}
	body, err := emv3ds.DecodeForm(o.CReq)
	if err != nil {
		t.Fatal(err)
	}
	c, f := emv3ds.Parse(body)
	if f == nil {
		f = c.ValidateFor(emv3ds.ACS)
	}
	if f != nil || c.Text("threeDSServerTransID") != o.ServerTransID || c.Text("acsTransID") != acsID || c.Text("challengeWindowSize") != "02" {
		t.Error(f, string(body))
	}
	for name, want := range map[string]string{
		"threeDSServerTransID": o.ServerTransID, "deviceChannel": "02", "messageCategory": "01", "threeDSCompInd": "U", "threeDSRequestorID": "SHOP1",
		"threeDSServerURL": "http://gateway.rreq/3ds", "notificationURL": "http://pay.localhost:8080/3ds/notify/pay_1", "threeDSRequestorURL": "http://shop.localhost:8080",
		"cardExpiryDate": "2911", "acquirerBIN": "400001", "acquirerMerchantID": "SHOP1", "mcc": "5942", "merchantName": "Kniga & Mir, books of all kinds and size",
		"merchantCountryCode": "276", "purchaseAmount": "2340", "purchaseCurrency": "978", "purchaseExponent": "2", "purchaseDate": "20261122153000",
		"cardholderName": "A Holder", "browserIP": "127.0.0.1", "browserLanguage": "zh-Hant", "browserColorDepth": "24", "browserTZ": "-60", "transType": "01",
	} {
		if got := w.seen[0].Text(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	w.seen[0].Secret("acctNumber", func(d []byte) {
		if string(d) != "4000001234567899" {
			t.Error("acctNumber")
		}
	})
}

func TestOutcomes(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name  string
		reply func(m *emv3ds.Message) []byte
		want  Outcome
		erro  int // errorCode that the directory gets about its answer
	}{
		{"Y", func(m *emv3ds.Message) []byte { return ares(m, "Y").Bytes() }, Outcome{Status: "Y", ECI: "05", CAVV: "xgR6+aR8AAAAAAAAAAAAAAAAAAAA"}, 0},
		{"A", func(m *emv3ds.Message) []byte { return ares(m, "A").Bytes() }, Outcome{Status: "A", ECI: "05", CAVV: "xgR6+aR8AAAAAAAAAAAAAAAAAAAA"}, 0},
		{"N", func(m *emv3ds.Message) []byte { return ares(m, "N").Bytes() }, Outcome{Status: "N", Reason: "08"}, 0},
		{"N with a proof", func(m *emv3ds.Message) []byte {
			return ares(m, "N").Set("authenticationValue", "xgR6+aR8AAAAAAAAAAAAAAAAAAAA").Set("eci", "05").Bytes()
		}, Outcome{Status: "N", Reason: "08"}, 0},
		{"R", func(m *emv3ds.Message) []byte { return ares(m, "R").Bytes() }, Outcome{Status: "R", Reason: "08"}, 0},
		{"U", func(m *emv3ds.Message) []byte { return ares(m, "U").Bytes() }, Outcome{Status: "U", Reason: "08"}, 0},
		{"I", func(m *emv3ds.Message) []byte { return ares(m, "I").Bytes() }, Outcome{Code: 203}, 203},
		{"garbage", func(m *emv3ds.Message) []byte { return []byte("no") }, Outcome{Code: 101}, 101},
		{"empty", func(m *emv3ds.Message) []byte { return nil }, Outcome{Code: 101}, 101},
		{"RRes", func(m *emv3ds.Message) []byte {
			return emv3ds.New(emv3ds.RRes, "2.2.0").Bytes()
		}, Outcome{Code: 101}, 101},
		{"Y without proof", func(m *emv3ds.Message) []byte {
			return []byte(strings.Replace(string(ares(m, "C").Bytes()), `"C"`, `"Y"`, 1))
		}, Outcome{Code: 201}, 201},
		{"other id", func(m *emv3ds.Message) []byte {
			return []byte(strings.Replace(string(ares(m, "Y").Bytes()), m.Text("threeDSServerTransID"), acsID, 1))
		}, Outcome{Code: 301}, 301},
		{"other version", func(m *emv3ds.Message) []byte {
			return []byte(strings.Replace(string(ares(m, "Y").Bytes()), "2.2.0", "2.1.0", 1))
		}, Outcome{Code: 102}, 102},
		{"Erro 305", func(m *emv3ds.Message) []byte { return emv3ds.NewFault(305, emv3ds.Directory, "acctNumber").Erro(m) }, Outcome{Code: 305}, 0},
		{"Erro 402", func(m *emv3ds.Message) []byte { return emv3ds.NewFault(402, emv3ds.Directory, "").Erro(m) }, Outcome{Code: 402}, 0},
		{"broken Erro", func(m *emv3ds.Message) []byte { return []byte(`{"messageType":"Erro"}`) }, Outcome{Code: 404}, 0},
	} {
		w.reply = c.reply
		w.seen = nil
		o, err := w.s.Authenticate(t.Context(), request(t))
		if err != nil || len(o.ServerTransID) != 36 || (o.Status == "") != (o.Problem != "") {
			t.Errorf("%s: %+v %v", c.name, o, err)
		}
		got := Outcome{Status: o.Status, Reason: o.Reason, ECI: o.ECI, CAVV: o.CAVV, Code: o.Code}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		erro := 0
		if len(w.seen) == 2 {
			erro = atoi(w.seen[1].Text("errorCode"))
		}
		if erro != c.erro {
			t.Errorf("%s: Erro %d to the directory, want %d", c.name, erro, c.erro)
		}
	}
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.reply = func(m *emv3ds.Message) []byte { time.Sleep(11 * time.Second); return ares(m, "Y").Bytes() }
		from := time.Now()
		o, err := w.s.Authenticate(t.Context(), request(t))
		if err != nil || o.Code != 402 || o.Status != "" || time.Since(from) != 10*time.Second {
			t.Errorf("%+v %v after %v", o, err, time.Since(from))
		}
		w.ds.Close()
		w.s.ds.Close()
		o, err = w.s.Authenticate(t.Context(), request(t))
		if err != nil || o.Code != 405 {
			t.Errorf("%+v %v", o, err)
		}
	})
}

func TestRequestErrors(t *testing.T) {
	w := newWorld(t)
	for field, change := range map[string]func(*Request){
		"acctNumber":          func(r *Request) { r.PAN = card.PAN{} },
		"mcc":                 func(r *Request) { r.Merchant.MCC = "59" },
		"acquirerMerchantID":  func(r *Request) { r.Merchant.Acceptor = "" },
		"merchantCountryCode": func(r *Request) { r.Merchant.Country = "DEU" },
		"threeDSRequestorURL": func(r *Request) { r.Merchant.URL = "shop" },
		"notificationURL":     func(r *Request) { r.Payment = strings.Repeat("x", 300) },
		"challengeWindowSize": func(r *Request) { r.WindowSize = "09" },
	} {
		r := request(t)
		change(&r)
		if _, err := w.s.Authenticate(t.Context(), r); !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if len(w.seen) != 0 {
		t.Error("something was sent")
	}
}

// TestBrowsers: whatever a browser says, the AReq is one that validates.
func TestBrowsers(t *testing.T) {
	w := newWorld(t)
	w.reply = func(m *emv3ds.Message) []byte { return ares(m, "U").Bytes() }
	no := false
	for name, b := range map[string]Browser{
		"nothing":     {},
		"no script":   {Accept: "text/html", UserAgent: "lynx", Language: "en-US"},
		"half script": {JavaScript: true, Height: "1"},
		"wild":        {Accept: strings.Repeat("é", 3000), UserAgent: strings.Repeat("x", 3000), Language: "<script>", IP: "fe80::1%eth0", JavaScript: true, Java: &no, ColorDepth: "24", Height: "-1", Width: "1e3", TZ: "CET"},
		"deep":        {JavaScript: true, Java: &no, ColorDepth: "96", Height: "1", Width: "999999", TZ: "-840"},
	} {
		r := request(t)
		r.Browser, r.Holder = b, "Ирина Петрова"
		if o, err := w.s.Authenticate(t.Context(), r); err != nil || o.Status != "U" {
			t.Errorf("%s: %+v %v", name, o, err)
		}
	}
}

func rreq(change ...string) string {
	s := `{"messageType":"RReq","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"` + acsID + `","dsTransID":"` + dsID +
		`","messageCategory":"01","transStatus":"Y","authenticationType":"02","authenticationValue":"xgR6+aR8AAAAAAAAAAAAAAAAAAAA","eci":"05","interactionCounter":"01"}`
	return strings.NewReplacer(change...).Replace(s)
}

func TestRReq(t *testing.T) {
	w := newWorld(t)
	w.s.Start(t.Context())
	for _, c := range []struct {
		name, in string
		result   error
		want     string // messageType and resultsStatus or errorCode
		asked    bool
	}{
		{"good", rreq(), nil, "RRes 01", true},
		{"unknown", rreq(), ErrUnknown, "Erro 301", true},
		{"again", rreq(), ErrDuplicate, "Erro 312", true},
		{"no challenge", rreq(), ErrNoChallenge, "Erro 313", true},
		{"disk full", rreq(), errors.New("disk full"), "Erro 403", true},
		{"garbage", "[]", nil, "Erro 101", false},
		{"AReq", rreq("RReq", "AReq"), nil, "Erro 101", false},
		{"ARes", rreq("RReq", "ARes"), nil, "Erro 201", false},
		{"version", rreq("2.2.0", "2.3.1"), nil, "Erro 102", false},
		{"no proof", rreq(`"eci":"05",`, ""), nil, "Erro 201", false},
		{"twice", rreq(`"eci":"05"`, `"eci":"05","eci":"07"`), nil, "Erro 204", false},
		{"Erro", string(emv3ds.NewFault(301, emv3ds.Directory, "").Erro(nil)), nil, " ", false},
	} {
		w.results, w.result = nil, func(Result) error { return c.result }
		answer, err := w.toRReq.Post(t.Context(), []byte(c.in))
		if err != nil {
			t.Fatal(c.name, err)
		}
		m, _ := emv3ds.Parse(answer)
		if m != nil {
			if f := m.ValidateFor(emv3ds.Directory); f != nil {
				t.Errorf("%s: our answer: %v", c.name, f)
			}
		}
		if got := m.Type() + " " + m.Text("resultsStatus") + m.Text("errorCode"); got != c.want || len(w.results) > 0 != c.asked {
			t.Errorf("%s: %s, want %s; asked %v", c.name, got, c.want, w.results)
		}
	}
	w.result = nil
	w.toRReq.Post(t.Context(), []byte(rreq(`"transStatus":"Y"`, `"transStatus":"N","transStatusReason":"14","challengeCancel":"05"`)))
	want := Result{ServerTransID: "8a880dc0-d2d2-4067-bcb1-b08d1690b26e", ACSTransID: acsID, DSTransID: dsID, Status: "N", Reason: "14", Cancel: "05"}
	if got := w.results[len(w.results)-1]; got != want {
		t.Errorf("%+v: a proof beside N must not get through", got)
	}
}

// TestRResAfterDurable: no answer leaves before Result has returned.
func TestRResAfterDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.s.Start(t.Context())
		stored := false
		w.result = func(Result) error { time.Sleep(time.Second); stored = true; return nil }
		if _, err := w.toRReq.Post(t.Context(), []byte(rreq())); err != nil || !stored {
			t.Error(err, stored)
		}
	})
}

func TestParseCRes(t *testing.T) {
	good := `{"messageType":"CRes","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"` + acsID + `","transStatus":"Y"}`
	form := func(text, session string) url.Values {
		return url.Values{"cres": {emv3ds.EncodeForm([]byte(text))}, "threeDSSessionData": {session}}
	}
	c, err := ParseCRes(form(good, "abc"))
	if err != nil || c != (CRes{ServerTransID: "8a880dc0-d2d2-4067-bcb1-b08d1690b26e", ACSTransID: acsID, Status: "Y", SessionData: "abc"}) {
		t.Errorf("%+v %v", c, err)
	}
	c, err = ParseCRes(form(string(emv3ds.NewFault(402, emv3ds.ACS, "x").Erro(nil)), ""))
	if err != nil || c.Code != 402 || c.Status != "" {
		t.Errorf("%+v %v", c, err)
	}
	for name, f := range map[string]url.Values{
		"nothing": {}, "no base64": {"cres": {"%%"}}, "garbage": form("x", ""), "RReq": form(rreq(), ""), "long session": form(good, strings.Repeat("x", 1025)),
		"status": form(strings.Replace(good, `"Y"`, `"A"`, 1), ""), "no id": form(strings.Replace(good, acsID, "1", 1), ""),
	} {
		if c, err := ParseCRes(f); err != ErrCRes || c != (CRes{}) {
			t.Errorf("%s: %+v %v", name, c, err)
		}
	}
}

// FuzzCRes: whatever a browser posts is refused or has ids and a claim that are well-formed.
func FuzzCRes(f *testing.F) {
	f.Add("eyJtZXNzYWdlVHlwZSI6IkNSZXMifQ", "s")
	f.Fuzz(func(t *testing.T, cres, session string) {
		c, err := ParseCRes(url.Values{"cres": {cres}, "threeDSSessionData": {session}})
		if err == nil && c.Status != "Y" && c.Status != "N" && c.Code == 0 {
			t.Fatalf("%+v", c)
		}
	})
}
