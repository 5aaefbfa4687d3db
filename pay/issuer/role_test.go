package issuer_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/host"
	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/issuer"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
	"countersign/pay/sealed"
)

// house starts the bank role with listeners on the loopback.
type house struct {
	*clock
	t    *testing.T
	dir  string
	keys *keys.Store
	run  *host.Running
	api  string // base URL of issuer.bank
	bank chan issuer.Decider
	log  bytes.Buffer
}

func demoSeed(t *testing.T) *issuer.Seed {
	return &issuer.Seed{
		Holders:  []issuer.SeedHolder{{"holder_ada", "Ada Example", "+491520000001", "en"}, {"holder_bob", "Bob Example", "+491520000002", "de"}},
		Accounts: []issuer.SeedAccount{{ID: "acct_ada", Holder: "holder_ada", Opening: eur(t, 50_000)}},
		Cards: []issuer.SeedCard{
			{ID: "card_ada", Holder: "holder_ada", Account: "acct_ada", Name: "Ada Example", Number: []byte("9999900000000005"), Expiry: card.Expiry{Year: 2029, Month: 12}},
			{ID: "card_old", Holder: "holder_ada", Account: "acct_ada", Name: "Ada Example", Expiry: card.Expiry{Year: 2026, Month: 1}},
			{ID: "card_ice", Holder: "holder_ada", Account: "acct_ada", Name: "Ada Example", Status: "frozen"},
		},
	}
}

func openHouse(t *testing.T) *house {
	h := &house{clock: newClock(), t: t, dir: t.TempDir()}
	var err error
	if h.keys, err = keys.InMemory(h.now, rand.Reader, keys.SpecTable...); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(func() {
		h.stop()
		r, err := check.Run(context.Background(), filepath.Join(h.dir, cards.File), check.Options{})
		if err != nil || !r.OK() {
			t.Errorf("the checker found %+v %v", r, err)
		}
	})
	return h
}

func (h *house) start() {
	h.t.Helper()
	h.bank = make(chan issuer.Decider, 1)
	role := issuer.Role(issuer.Config{Seed: demoSeed(h.t), Sweep: 10 * time.Millisecond,
		Network: func(ctx context.Context, ln net.Listener, d issuer.Decider) error {
			h.bank <- d
			<-ctx.Done()
			return ctx.Err()
		}})
	env := &host.Env{
		Role: "issuer", Log: slog.New(slog.NewTextHandler(&h.log, nil)), Now: h.now, Rand: rand.Reader, DataDir: h.dir, Keys: h.keys.For("issuer"),
		Listen: func(name string) (net.Listener, error) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil && name == "issuer.bank" {
				h.api = "http://" + ln.Addr().String()
			}
			return ln, err
		},
		URL: func(name string) string { return "http://" + name + ".localhost:8080" },
	}
	var err error
	if h.run, err = role.Start(h.t.Context(), env); err != nil {
		h.t.Fatal(err)
	}
	if err := h.run.Ready(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) stop() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.run.Stop(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// call asks the bank API and decodes the answer into out.
func (h *house) call(method, path, body string, want int, out any) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.api+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != want {
		h.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
	}
	if want >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		h.t.Errorf("%s %s: %s", method, path, resp.Header.Get("Content-Type"))
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			h.t.Fatal(err, string(b))
		}
	}
}

func TestRoleSeedsOnceAndStartsAgain(t *testing.T) {
	h := openHouse(t)
	var first, second map[string]any
	h.call("GET", "/v1/holders/holder_ada", "", 200, &first)
	h.stop()
	h.start()
	h.call("GET", "/v1/holders/holder_ada", "", 200, &second)
	if fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("%v\n%v", first, second)
	}
	acct := first["accounts"].([]any)[0].(map[string]any)
	if acct["posted"] != 50_000.0 || acct["available"] != 50_000.0 || acct["currency"] != "EUR" {
		t.Errorf("account %v", acct)
	}
}

func TestEnrolment(t *testing.T) {
	h := openHouse(t)
	v, err := cards.NewVault(h.keys.For("issuer"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := card.ParsePAN([]byte("9999900000000005"))
	if err != nil {
		t.Fatal(err)
	}
	i := v.Index(p)
	var got map[string]string
	h.call("GET", "/v1/enrolment/"+hex.EncodeToString(i[:]), "", 200, &got)
	if got["card"] != "card_ada" || got["last4"] != "0005" || got["phone"] != "+491520000001" || got["status"] != "active" || got["expiry"] != "2912" || got["name"] != "Ada Example" || got["holder"] != "holder_ada" {
		t.Errorf("%v", got)
	}
	i[0] ^= 1
	h.call("GET", "/v1/enrolment/"+hex.EncodeToString(i[:]), "", 404, nil)
	h.call("GET", "/v1/enrolment/00", "", 400, nil)
	h.call("GET", "/v1/enrolment/zz", "", 400, nil)
	h.call("GET", "/v1/nothing", "", 404, nil)
}

func TestFreezeOverTheAPI(t *testing.T) {
	h := openHouse(t)
	var c map[string]any
	h.call("POST", "/v1/cards/card_ada/freeze", `{"holder":"holder_ada"}`, 200, &c)
	if c["status"] != "frozen" {
		t.Errorf("%v", c)
	}
	h.call("POST", "/v1/cards/card_ada/freeze", `{"holder":"holder_ada"}`, 200, nil) // twice is no error
	h.call("POST", "/v1/cards/card_ada/unfreeze", `{"holder":"holder_ada"}`, 200, &c)
	if c["status"] != "active" {
		t.Errorf("%v", c)
	}
	h.call("POST", "/v1/cards/card_ada/freeze", `{"holder":"holder_bob"}`, 404, nil)
	h.call("POST", "/v1/cards/card_none/freeze", `{"holder":"holder_ada"}`, 404, nil)
	h.call("POST", "/v1/cards/card_ada/freeze", `{}`, 400, nil)
	h.call("POST", "/v1/cards/card_ada/freeze", `{"holder":"holder_ada","x":1}`, 400, nil)
	h.call("POST", "/v1/cards/card_ada/freeze", strings.Repeat("x", 10_000), 400, nil)
	var who map[string]any
	h.call("GET", "/v1/holders/holder_ada", "", 200, &who)
	if s := fmt.Sprint(who); !strings.Contains(s, "expired") || !strings.Contains(s, "frozen") || !strings.Contains(s, "active") {
		t.Errorf("statuses: %s", s)
	}
}

// An event reaches a stream because it is in the journal, also when another process wrote it; and a
// reader that comes back misses nothing.
func TestEventsComeFromTheJournal(t *testing.T) {
	h := openHouse(t)
	stream := func(after string) (*bufio.Scanner, func()) {
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", h.api+"/v1/holders/holder_ada/events", nil)
		if after != "" {
			r.Header.Set("Last-Event-ID", after)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
			t.Errorf("content type %s", ct)
		}
		return bufio.NewScanner(resp.Body), func() { cancel(); resp.Body.Close() }
	}
	next := func(s *bufio.Scanner) (id, data string) {
		for s.Scan() {
			if v, ok := strings.CutPrefix(s.Text(), "id: "); ok {
				id = v
			}
			if v, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				return id, v
			}
		}
		t.Fatal("the stream ended")
		return "", ""
	}
	s, stop := stream("")
	if !s.Scan() { // the stream is open: what happens now must come
		t.Fatal("no first line")
	}
	desk, err := cards.Open(t.Context(), h.dir, h.keys.For("issuer"), h.now, rand.Reader) // as the command line does
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Freeze(t.Context(), "card_ada", ""); err != nil {
		t.Fatal(err)
	}
	id, data := next(s)
	if !strings.Contains(data, `"kind":"card"`) || !strings.Contains(data, "card_ada") {
		t.Errorf("event %s", data)
	}
	stop()
	if _, err := desk.Unfreeze(t.Context(), "card_ada", ""); err != nil {
		t.Fatal(err)
	}
	if err := desk.Close(); err != nil {
		t.Fatal(err)
	}
	s, stop = stream(id)
	if id2, _ := next(s); id2 <= id && len(id2) <= len(id) {
		t.Errorf("event %s after %s", id2, id)
	}
	defer stop()
	done := make(chan struct{})
	go func() { // stopping the bank ends its streams
		for s.Scan() {
		}
		close(done)
	}()
	h.stop()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the stream did not end with the bank")
	}
	h.start()
}

func TestPaymentsOverTheAPI(t *testing.T) {
	h := openHouse(t)
	bank := <-h.bank
	p, _ := card.ParsePAN([]byte("9999900000000005"))
	for i := range 3 {
		d, err := bank.Authorise(t.Context(), &issuer.Request{
			Key: issuer.MessageKey{MTI: "0100", Acquirer: "1", STAN: uint32(i), Transmitted: h.now(), Terminal: "T"}, PAN: p,
			Expiry: card.Expiry{Year: 2029, Month: 12}, Amount: eur(t, int64(100+i)), Merchant: issuer.Merchant{Acquirer: "1", Acceptor: "S", Terminal: "T", Name: "Shop, Berlin"},
		})
		if err != nil || d.Response != "N7" {
			t.Fatalf("%+v %v", d, err)
		}
		h.advance(time.Second)
	}
	var page struct {
		Items []struct {
			ID, Merchant, Status, Response, Reason, Currency, At, Last4 string
			Amount                                                      int64
		}
	}
	h.call("GET", "/v1/holders/holder_ada/payments?limit=2", "", 200, &page)
	if len(page.Items) != 2 || page.Items[0].Amount != 102 || page.Items[0].Status != "declined" || page.Items[0].Reason == "" || page.Items[0].Merchant != "Shop, Berlin" {
		t.Fatalf("%+v", page)
	}
	before := page.Items[1].ID
	h.call("GET", "/v1/holders/holder_ada/payments?before="+before, "", 200, &page)
	if len(page.Items) != 1 || page.Items[0].Amount != 100 {
		t.Fatalf("%+v", page)
	}
	h.call("GET", "/v1/holders/holder_bob/payments", "", 200, &page)
	if len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
}

func TestCardFace(t *testing.T) {
	h := openHouse(t)
	web := httptest.NewServer(h.run.Web["face.bank"])
	defer web.Close()
	var tk struct{ Ticket, URL string }
	h.call("POST", "/v1/cards/card_ada/face-ticket", `{"holder":"holder_bob"}`, 404, nil)
	h.call("POST", "/v1/cards/card_ada/face-ticket", `{"holder":"holder_ada"}`, 200, &tk)
	if tk.URL != "http://face.bank.localhost:8080/card?ticket="+tk.Ticket || len(tk.Ticket) < 32 {
		t.Fatalf("%+v", tk)
	}
	get := func(ticket string, want int) {
		t.Helper()
		resp, err := http.Get(web.URL + "/card?ticket=" + ticket)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		csp := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != want || !strings.Contains(csp, "frame-ancestors http://bank.localhost:8080 http://countersign.localhost:8080") || !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%d %s", resp.StatusCode, csp)
		}
		if bytes.Contains(b, []byte("99999")) {
			t.Error("the page has the number")
		}
	}
	get(tk.Ticket, 200)
	get("x", 410)
	priv, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	open := func(body string, want int) []byte {
		t.Helper()
		resp, err := http.Post(web.URL+"/card/open", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want {
			t.Fatalf("%d %s", resp.StatusCode, b)
		}
		return b
	}
	public := base64.RawURLEncoding.EncodeToString(priv.PublicKey().Bytes())
	open(`{"ticket":"`+tk.Ticket+`","public":"AAAA"}`, 400)
	open(`{`, 400)
	var out struct{ Box string }
	if err := json.Unmarshal(open(`{"ticket":"`+tk.Ticket+`","public":"`+public+`"}`, 200), &out); err != nil {
		t.Fatal(err)
	}
	box, err := sealed.Parse(out.Box)
	if err != nil || box.KeyID != "page" {
		t.Fatal(box, err)
	}
	plain, err := sealed.Open(sealed.Face, priv.Bytes(), box, []byte("face "+tk.Ticket))
	if err != nil {
		t.Fatal(err)
	}
	var face struct{ Number, Expiry, Code, Name string }
	if err := json.Unmarshal(plain, &face); err != nil || face.Number != "9999900000000005" || face.Expiry != "2912" || len(face.Code) != 3 || face.Name != "ADA EXAMPLE" {
		t.Fatalf("%+v %v", face, err)
	}
	open(`{"ticket":"`+tk.Ticket+`","public":"`+public+`"}`, 410) // single use
	h.call("POST", "/v1/cards/card_ada/face-ticket", `{"holder":"holder_ada"}`, 200, &tk)
	h.advance(61 * time.Second)
	get(tk.Ticket, 410)
	open(`{"ticket":"`+tk.Ticket+`","public":"`+public+`"}`, 410)
}

func TestDesk(t *testing.T) {
	h := openHouse(t)
	desk, err := cards.Open(t.Context(), h.dir, h.keys.For("issuer"), h.now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer desk.Close()
	c, err := desk.Issue(t.Context(), cards.Order{Holder: "holder_bob", Account: "acct_ada", Name: "Bob Example", Kind: book.SingleUse})
	if err != nil {
		t.Fatal(err)
	}
	err = desk.Reveal(t.Context(), c.ID, func(_ book.Card, number, code []byte) error {
		if !card.Luhn(number) || len(number) != 16 || !bytes.HasPrefix(number, []byte(cards.DefaultPrefix)) || string(number[12:]) != c.Last4 || len(code) != 3 {
			t.Error("an odd card")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]cards.Order{
		"nobody's":   {Holder: "holder_x", Account: "acct_ada"},
		"no account": {Holder: "holder_bob", Account: "acct_x"},
		"taken id":   {ID: c.ID, Holder: "holder_bob", Account: "acct_ada"},
		"taken":      {Holder: "holder_bob", Account: "acct_ada", Number: []byte("9999900000000005")},
		"no Luhn":    {Holder: "holder_bob", Account: "acct_ada", Number: []byte("9999900000000006")},
		"kind":       {Holder: "holder_bob", Account: "acct_ada", Kind: "gold"},
		"prefix":     {Holder: "holder_bob", Account: "acct_ada", Prefix: "99x"},
	} {
		if _, err := desk.Issue(t.Context(), o); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
	if _, err := desk.Show(t.Context(), "card_x"); !errors.Is(err, book.ErrUnknown) {
		t.Error(err)
	}
	all, err := desk.List(t.Context())
	if err != nil || len(all) != 4 {
		t.Errorf("%d cards, %v", len(all), err)
	}
	// a sealed number moved to another card does not open
	if err := desk.Vault.Open("card_ada", c.SealKey, c.Sealed, func([]byte) error { return nil }); !errors.Is(err, cards.ErrSealed) {
		t.Error(err)
	}
}

// A card verification key may take the expiry as MMYY; that is a fact of the key, in the books.
func TestExpiryOrderBelongsToTheKey(t *testing.T) {
	h := openHouse(t)
	if _, err := h.keys.Rotate(keys.CVK); err != nil {
		t.Fatal(err)
	}
	h.stop()
	ring := h.keys.For("issuer")
	k, _ := ring.Current(keys.CVK)
	h.start() // Prepare has written the new key down as YYMM
	desk, err := cards.Open(t.Context(), h.dir, ring, h.now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer desk.Close()
	yymm := ""
	if err := desk.Vault.Code(k.ID, []byte("9999900000000005"), "2911", func(c []byte) { yymm = string(c) }); err != nil {
		t.Fatal(err)
	}
	if err := desk.Vault.Learn([]book.CodeKey{{ID: k.ID, Order: "MMYY"}}); err != nil {
		t.Fatal(err)
	}
	mmyy := ""
	if err := desk.Vault.Code(k.ID, []byte("9999900000000005"), "1129", func(c []byte) { mmyy = string(c) }); err != nil {
		t.Fatal(err)
	}
	if yymm != mmyy { // 2911 as YYMM feeds 2911; 1129 (YYMM) under a MMYY key feeds 2911 too
		t.Errorf("%s and %s", yymm, mmyy)
	}
	if err := desk.AddCodeKey(t.Context(), book.CodeKey{ID: "x", Order: "DDMM"}); !errors.Is(err, cards.ErrOrder) {
		t.Error(err)
	}
}
