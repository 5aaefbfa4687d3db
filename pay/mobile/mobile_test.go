package mobile

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/host"
	"countersign/host/keys"
)

// world is Mobile Bank with a bank that is faked at its HTTP API.
type world struct {
	t       testing.TB
	web     http.Handler
	mu      sync.Mutex
	now     time.Time
	down    bool
	status  string
	frozen  []string // calls
	faceURL string
	stream  chan string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 22, 15, 40, 0, 0, time.UTC), status: "active", faceURL: "http://face.bank.localhost:8080/card?ticket=t1", stream: make(chan string, 10)}
	store, err := keys.InMemory(w.clock, crand.Reader, keys.SpecTable...)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w.bank())
	env := &host.Env{Role: "mobile", Log: slog.New(slog.DiscardHandler), Now: w.clock, Rand: crand.Reader, Keys: store.For("mobile"),
		URL: func(o string) string { return "http://" + o + ".localhost:8080" },
		Dial: func(ctx context.Context, endpoint string) (net.Conn, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.down || endpoint != toBank {
				return nil, fmt.Errorf("no %s", endpoint)
			}
			return net.Dial("tcp", srv.Listener.Addr().String())
		}}
	r, err := Role(Config{Holder: "holder_1"}).Start(context.Background(), env)
	if err != nil {
		t.Fatal(err)
	}
	w.web = r.Web[origin]
	t.Cleanup(func() { r.Stop(context.Background()); srv.CloseClientConnections(); srv.Close() })
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) bank() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/holders/holder_1", func(rw http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		json.NewEncoder(rw).Encode(holder{ID: "holder_1", Name: "Mara <Demo>", Accounts: []account{{"acct_1", "EUR", 100000, 2340, 97660}},
			Cards: []cardRow{{ID: "card_1", Last4: "0019", Brand: "Demo Bank", Name: "MARA DEMO", Expiry: "3011", Status: w.status, Account: "acct_1"}}})
	})
	mux.HandleFunc("GET /v1/holders/holder_1/payments", func(rw http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(rw).Encode(map[string]any{"items": []payment{
			{ID: "p2", Last4: "0019", Merchant: "LANTERN  LANE", Amount: 2340, Currency: "EUR", Status: "declined", Response: "62", Reason: "You have frozen this card.", At: w.now},
			{ID: "p1", Last4: "0019", Merchant: "<script>x</script>", Amount: 1170, Captured: 1170, Refunded: 500, Currency: "EUR", Status: "partly_refunded", At: w.now.Add(-time.Hour)},
		}})
	})
	mux.HandleFunc("GET /v1/holders/holder_1/events", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, ": after %s\n\n", r.Header.Get("Last-Event-ID"))
		http.NewResponseController(rw).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case s := <-w.stream:
				io.WriteString(rw, s)
				http.NewResponseController(rw).Flush()
			}
		}
	})
	change := func(what, status string) {
		mux.HandleFunc("POST /v1/cards/{id}/"+what, func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.frozen = append(w.frozen, what+" "+r.PathValue("id")+" "+string(body))
			switch {
			case r.PathValue("id") != "card_1":
				rw.WriteHeader(http.StatusNotFound)
			case w.status == "closed":
				rw.WriteHeader(http.StatusConflict)
			default:
				w.status = status
			}
		})
	}
	change("freeze", "frozen")
	change("unfreeze", "active")
	mux.HandleFunc("POST /v1/cards/card_1/face-ticket", func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(rw, `{"ticket":"t1","url":%q}`, w.faceURL)
	})
	return mux
}

// ask sends a request with a cookie and headers ("Name: value").
func (w *world) ask(method, path, cookie string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://bank.localhost:8080"+path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+cookie)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	w.web.ServeHTTP(rec, r)
	return rec
}

func (w *world) signIn() string {
	w.t.Helper()
	rec := w.ask("POST", "/sign-in", "", "Sec-Fetch-Site: same-origin")
	c := rec.Result().Cookies()
	if rec.Code != http.StatusSeeOther || len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/" {
		w.t.Fatalf("%d %v", rec.Code, c)
	}
	return c[0].Value
}

func TestHome(t *testing.T) {
	w := newWorld(t)
	if s := w.ask("GET", "/", "").Body.String(); !strings.Contains(s, "Sign in as the demo") || strings.Contains(s, "0019") {
		t.Error("somebody who is not signed in sees something else than the sign-in page")
	}
	rec := w.ask("GET", "/", w.signIn())
	for _, want := range []string{"Mara &lt;Demo&gt;", "•••• 0019", "€976.60", "€23.40", "LANTERN LANE", "Not paid. You have frozen this card.", "€5.00 came back", "&lt;script&gt;", "Partly refunded", "/cards/card_1/freeze"} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	csp := rec.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "frame-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	var state struct {
		Cards    []map[string]string
		Payments []map[string]string
	}
	rec = w.ask("GET", "/state.json", w.signIn())
	if err := json.Unmarshal(rec.Body.Bytes(), &state); err != nil || len(state.Cards) != 1 || len(state.Payments) != 2 || state.Payments[0]["tone"] != "bad" || state.Cards[0]["status"] != "active" {
		t.Errorf("%v %s", err, rec.Body)
	}
}

func TestFreeze(t *testing.T) {
	w := newWorld(t)
	c := w.signIn()
	if rec := w.ask("POST", "/cards/card_1/freeze", c, "Sec-Fetch-Site: same-origin"); rec.Code != http.StatusSeeOther || w.status != "frozen" {
		t.Fatalf("%d %s", rec.Code, w.status)
	}
	if s := w.ask("GET", "/", c).Body.String(); !strings.Contains(s, "Nobody can pay with this card") {
		t.Error("the page does not say that the card is frozen")
	}
	w.ask("POST", "/cards/card_1/unfreeze", c, "Sec-Fetch-Site: same-origin")
	if w.status != "active" || strings.Join(w.frozen, "; ") != `freeze card_1 {"holder":"holder_1"}; unfreeze card_1 {"holder":"holder_1"}` {
		t.Errorf("calls %v", w.frozen)
	}
	if rec := w.ask("POST", "/cards/card_2/freeze", c); rec.Code != http.StatusNotFound {
		t.Errorf("another's card: %d", rec.Code)
	}
	w.status = "closed"
	if rec := w.ask("POST", "/cards/card_1/freeze", c); rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "cannot be changed") || rec.Result().Header.Get("Content-Security-Policy") == "" {
		t.Errorf("a closed card: %d", rec.Code)
	}
}

// Every route: nobody without a session, and nothing that changes by GET or from another site.
func TestWhoMayWhat(t *testing.T) {
	w := newWorld(t)
	c := w.signIn()
	for _, path := range []string{"/cards/card_1/freeze", "/cards/card_1/unfreeze", "/cards/card_1/face"} {
		for name, headers := range map[string][]string{"fetch metadata": {"Sec-Fetch-Site: cross-site"}, "sister site": {"Sec-Fetch-Site: same-site"}, "origin": {"Origin: http://shop.localhost:8080"}} {
			if rec := w.ask("POST", path, c, headers...); rec.Code != http.StatusForbidden {
				t.Errorf("%s from another site (%s): %d", path, name, rec.Code)
			}
		}
		if rec := w.ask("POST", path, ""); rec.Code != http.StatusUnauthorized {
			t.Errorf("%s by nobody: %d", path, rec.Code)
		}
		if rec := w.ask("GET", path, c); rec.Code == http.StatusOK || rec.Code == http.StatusSeeOther {
			t.Errorf("%s by GET: %d", path, rec.Code)
		}
	}
	for _, path := range []string{"/state.json", "/events"} {
		if rec := w.ask("GET", path, ""); rec.Code != http.StatusUnauthorized {
			t.Errorf("%s by nobody: %d", path, rec.Code)
		}
	}
	if rec := w.ask("POST", "/sign-in", "", "Sec-Fetch-Site: cross-site"); rec.Code != http.StatusForbidden {
		t.Errorf("signed in by another site: %d", rec.Code)
	}
	if len(w.frozen) != 0 {
		t.Errorf("calls %v", w.frozen)
	}
}

func TestSessions(t *testing.T) {
	w := newWorld(t)
	good := w.signIn()
	if w.signIn() == good {
		t.Error("two sessions are the same")
	}
	in := func(cookie string) bool { return w.ask("GET", "/state.json", cookie).Code == http.StatusOK }
	if !in(good) {
		t.Fatal("not signed in")
	}
	parts := strings.Split(good, ".")
	for i := range parts {
		bad := append([]string(nil), parts...)
		bad[i] = "x" + bad[i]
		if in(strings.Join(bad, ".")) || in(strings.Join(append(parts[:i:i], parts[i+1:]...), ".")) {
			t.Errorf("changed in part %d it is good", i)
		}
	}
	for i := range 10 { // used every ten minutes it lives, and is renewed
		w.now = w.now.Add(10 * time.Minute)
		rec := w.ask("GET", "/", good)
		if c := rec.Result().Cookies(); len(c) != 1 || !in(good) {
			t.Fatalf("after %d minutes: %v", i*10, c)
		} else {
			good = c[0].Value
		}
	}
	w.now = w.now.Add(idleTime)
	if in(good) {
		t.Error("good after a quarter of an hour of silence")
	}
	rec := w.ask("POST", "/sign-out", good)
	if c := rec.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("signed out: %v", c)
	}
}

func TestFace(t *testing.T) {
	w := newWorld(t)
	c := w.signIn()
	rec := w.ask("POST", "/cards/card_1/face", c)
	if !strings.Contains(rec.Body.String(), `src="http://face.bank.localhost:8080/card?ticket=t1" allow="clipboard-write"`) || !strings.Contains(rec.Header().Get("Content-Security-Policy"), "frame-src http://face.bank.localhost:8080;") {
		t.Errorf("%s\n%s", rec.Header(), rec.Body)
	}
	for _, bad := range []string{"https://evil.example/card", "javascript:alert(1)", "http://face.bank.localhost:8080.evil.example/", ""} {
		w.faceURL = bad
		if rec := w.ask("POST", "/cards/card_1/face", c); rec.Code != http.StatusServiceUnavailable || strings.Contains(rec.Body.String(), "iframe") {
			t.Errorf("%q: %d", bad, rec.Code)
		}
	}
}

func TestLive(t *testing.T) {
	w := newWorld(t)
	srv := httptest.NewServer(w.web)
	defer srv.Close()
	r, _ := http.NewRequest("GET", srv.URL+"/events", nil)
	r.Header.Set("Cookie", cookieName+"="+w.signIn())
	r.Header.Set("Last-Event-ID", "41")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := http.DefaultClient.Do(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	w.stream <- "id: 42\nevent: payment\ndata: {}\n\n"
	want := ": after 41\n\nid: 42\nevent: payment\ndata: {}\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%q %v", got, err)
	}
}

func TestBankDown(t *testing.T) {
	w := newWorld(t)
	c := w.signIn()
	w.down = true
	for _, path := range []string{"/", "/state.json", "/events"} {
		if rec := w.ask("GET", path, c); rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "try again") {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

// A link from the shop brings no cookie (SameSite=Strict); the page asks once more for itself, and only once.
func TestLinkFromElsewhere(t *testing.T) {
	w := newWorld(t)
	if s := w.ask("GET", "/", "", "Sec-Fetch-Site: cross-site").Body.String(); !strings.Contains(s, `content="0;url=/?again"`) {
		t.Error("the page does not ask again")
	}
	for _, path := range []string{"/?again", "/"} {
		site := "cross-site"
		if path == "/" {
			site = "none"
		}
		if s := w.ask("GET", path, "", "Sec-Fetch-Site: "+site).Body.String(); strings.Contains(s, "http-equiv") {
			t.Errorf("%s (%s) asks again", path, site)
		}
	}
}

func FuzzSession(f *testing.F) {
	w := newWorld(f)
	good := w.signIn()
	f.Add(good)
	f.Add("v1......")
	f.Fuzz(func(t *testing.T, cookie string) {
		s := &server{env: &host.Env{Now: w.clock, Keys: mustKeys(t, w)}}
		if _, ok := s.verify(cookie); ok {
			t.Fatalf("%q is good under keys that did not make it", cookie)
		}
	})
}

func mustKeys(t testing.TB, w *world) *keys.Ring {
	store, err := keys.InMemory(w.clock, crand.Reader, keys.SpecTable...)
	if err != nil {
		t.Fatal(err)
	}
	return store.For("mobile")
}
