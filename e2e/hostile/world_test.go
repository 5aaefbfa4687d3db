package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/e2e/canary"
	"countersign/e2e/house"
	"countersign/examples/shopper"
	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
)

// world is the house that all tests share, and what was typed in it.
type world struct {
	*house.House
	api, other *house.API
	desk       *cards.Desk
	wire       *recorder
	serial     atomic.Int64

	mu    sync.Mutex
	typed []string
}

var shared *world // set once by TestMain

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hostile")
	if err == nil {
		defer os.RemoveAll(dir)
		shared, err = newWorld(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.Kill()
	code := m.Run()
	if err := shared.after(); err != nil {
		fmt.Fprintln(os.Stderr, "--- FAIL: after all tests:", err)
		return 1
	}
	return code
}

func newWorld(dir string) (*world, error) {
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	bin, err := house.Build(dir, "canary")
	if err != nil {
		return nil, err
	}
	w := &world{}
	if w.House, err = house.New(bin, data); err != nil {
		return nil, err
	}
	w.wire = &recorder{next: w.HTTP.Transport}
	w.HTTP.Transport = w.wire
	if w.api, err = w.API(); err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(data, "other-shop", "api-key"))
	if err != nil {
		return nil, err
	}
	w.other = &house.API{HTTP: w.HTTP, URL: w.URL("pay"), Key: strings.TrimSpace(string(key))}
	w.desk, err = w.Desk()
	return w, err
}

// control is in an answer, in the log and in the database; a search that does not find it cannot be believed.
const control = "controlW4xN8pQz27LtKm"

// after looks for everything that was typed, and checks the books.
func (w *world) after() error {
	if _, err := w.api.Create(context.Background(), control, control, control, 100); err != nil {
		return err
	}
	resp, err := w.HTTP.Get(w.URL("pay") + "/" + control)
	if err != nil {
		return err
	}
	resp.Body.Close()
	planted, err := w.search(control)
	if err != nil || len(planted) < 3 {
		return fmt.Errorf("the control was found in %d places only: %w", len(planted), err)
	}
	hits, err := w.search(w.typed...)
	if err != nil || len(hits) > 0 {
		return fmt.Errorf("%d copies of what was typed: %v %w", len(hits), canary.Places(hits), err)
	}
	if out, err := w.Command("ledger", "check"); err != nil {
		return fmt.Errorf("the books are not in order: %w\n%s", err, out)
	}
	return nil
}

func (w *world) search(secrets ...string) ([]canary.Hit, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	set, err := canary.NewSet(secrets...)
	if err != nil {
		return nil, err
	}
	answers, err := set.Reader("answers", bytes.NewReader(w.wire.all()))
	if err != nil {
		return nil, err
	}
	files, _, err := set.Files(w.Data)
	return append(answers, files...), err
}

// types notes what a shopper types, to be looked for at the end. Only long texts can be told from chance.
func (w *world) types(c shopper.Card) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range [][]byte{c.Number, c.Code} {
		if len(b) >= 12 {
			w.typed = append(w.typed, string(b))
		}
	}
}

// recorder keeps every answer, head and body.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen bytes.Buffer
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = resp.Header.Write(&r.seen)
	r.seen.Write(body)
	return resp, err
}

func (r *recorder) all() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.seen.Bytes())
}

// person is a customer of the bank with what makes them special.
type person struct {
	Cents  int64       // money at the bank
	Expiry card.Expiry // zero = in four years
}

func (w *world) person(t *testing.T, p person) house.Customer {
	t.Helper()
	ctx := t.Context()
	n := w.serial.Add(1)
	id := fmt.Sprintf("hostile%d", n)
	c := house.Customer{Phone: fmt.Sprintf("+46731%06d", n), Account: "acct_" + id}
	eur, err := money.ByAlpha("EUR")
	must(t, err)
	opening, err := money.New(p.Cents, eur)
	must(t, err)
	must(t, w.desk.AddHolder(ctx, book.Holder{ID: "hld_" + id, Name: "Test Holder", Phone: c.Phone, Locale: "en"}))
	must(t, w.desk.OpenAccount(ctx, ledger.AccountID(c.Account), "hld_"+id, opening, 0))
	issued, err := w.desk.Issue(ctx, cards.Order{Holder: "hld_" + id, Account: ledger.AccountID(c.Account), Name: "Test Holder", Expiry: p.Expiry})
	must(t, err)
	c.CardID = issued.ID
	must(t, w.desk.Reveal(ctx, issued.ID, func(b book.Card, number, code []byte) error {
		c.Card = shopper.Card{Number: bytes.Clone(number), Code: []byte(string(code) + letters(24)), Expiry: b.Expiry, Name: "Test Holder"}
		return nil
	}))
	w.types(c.Card)
	return c
}

// customer is a person with €1,000.
func (w *world) customer(t *testing.T) house.Customer { return w.person(t, person{Cents: 100_000}) }

// money is what the bank's ledger says: posted and held, in cents.
func (w *world) money(t *testing.T, c house.Customer) (posted, held int64) {
	t.Helper()
	must(t, w.desk.Books.Read(context.Background(), func(tx book.Tx) error {
		a, found, err := tx.Account(ledger.AccountID(c.Account))
		if err == nil && !found {
			t.Errorf("no account %s", c.Account)
		}
		posted, held = a.Posted, a.Held
		return err
	}))
	return posted, held
}

// untouched wants an account as it was opened.
func (w *world) untouched(t *testing.T, c house.Customer, opening int64) {
	t.Helper()
	if posted, held := w.money(t, c); posted != opening || held != 0 {
		t.Errorf("the account has %d, %d of it held; it was opened with %d and nothing may have happened", posted, held, opening)
	}
}

// took waits until the bank has paid out exactly so much and holds nothing.
func (w *world) took(t *testing.T, c house.Customer, opening, cents int64) {
	t.Helper()
	var posted, held int64
	for range 200 {
		if posted, held = w.money(t, c); posted == opening-cents && held == 0 {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Errorf("the account has %d, %d of it held; want %d and 0", posted, held, opening-cents)
}

// order makes a payment and opens its card form.
func (w *world) order(t *testing.T, cents int64) (house.Payment, *shopper.Page) {
	t.Helper()
	p, err := w.api.Create(t.Context(), "hostile-"+letters(16), "order-1", "A mug", cents)
	must(t, err)
	return p, w.open(t, p.FrameURL)
}

func (w *world) open(t *testing.T, address string) *shopper.Page {
	t.Helper()
	page, err := shopper.Open(t.Context(), w.HTTP, address)
	must(t, err)
	return page
}

// enter types a card and wants the page in a state.
func (w *world) enter(t *testing.T, page *shopper.Page, c shopper.Card, want string) shopper.State {
	t.Helper()
	w.types(c)
	s, err := page.Pay(t.Context(), c, letters(20))
	must(t, err)
	if s.State != want {
		t.Fatalf("the page is told %q (%+v), want %q", s.State, s.Problem, want)
	}
	return s
}

// asked opens the bank's page and reads the SMS.
func (w *world) asked(t *testing.T, page *shopper.Page, c house.Customer, s shopper.State) (*shopper.Bank, string) {
	t.Helper()
	phone := shopper.Phone{HTTP: w.HTTP, URL: w.URL("phone")}
	before, err := phone.Newest(t.Context(), c.Phone)
	must(t, err)
	bank, err := page.Challenge(t.Context(), s.URL)
	must(t, err)
	m, err := phone.Code(t.Context(), c.Phone, before)
	if err != nil {
		t.Fatalf("%v; the bank's page says: %s", err, bank.Text)
	}
	return bank, m.Code
}

// confirmed enters a card, confirms with the right SMS code and waits for what comes of it.
func (w *world) confirmed(t *testing.T, page *shopper.Page, c house.Customer) shopper.State {
	t.Helper()
	s := w.enter(t, page, c.Card, "challenge")
	bank, code := w.asked(t, page, c, s)
	bank, err := bank.Answer(t.Context(), code)
	must(t, err)
	if !bank.Done() {
		t.Fatalf("not confirmed: %s", bank.Text)
	}
	must(t, bank.Return(t.Context()))
	s, err = page.Wait(t.Context())
	must(t, err)
	return s
}

// paysNow wants that the shopper can pay after all, once, and that the bank agrees.
func (w *world) paysNow(t *testing.T, page *shopper.Page, c house.Customer, opening int64) {
	t.Helper()
	if s := w.confirmed(t, page, c); s.State != "paid" {
		t.Fatalf("the second try ends in %q: %+v", s.State, s.Problem)
	}
	w.took(t, c, opening, page.Amount)
}

// refusal is all that a shopper and a shop can see of a refusal, byte for byte, but for what differs anyway.
func (w *world) refusal(t *testing.T, p house.Payment, page *shopper.Page) string {
	t.Helper()
	state := w.fetch(t, "GET", page.URL.ResolveReference(ref(page.Status)).String(), "", nil)
	form := w.fetch(t, "GET", page.URL.String(), "", nil)
	_, shop, err := w.api.Call(t.Context(), "GET", "/v1/payments/"+p.ID, "", nil, nil)
	must(t, err)
	var now struct {
		Status   string          `json:"status"`
		Captured int64           `json:"captured"`
		Declined json.RawMessage `json:"declined"`
	}
	must(t, json.Unmarshal(shop, &now))
	if now.Status != "needs_card" || now.Captured != 0 {
		t.Errorf("the shop is told %s, captured %d", now.Status, now.Captured)
	}
	key := page.URL.Query().Get("key")
	text := fmt.Sprintf("%d %s\n%s\n%d %s", state.status, state.body, now.Declined, form.status, form.body)
	text = strings.NewReplacer(p.ID, "ID", key, "KEY").Replace(text)
	for _, word := range []string{"security code", "frozen", "expired", "funds", "stolen", "unknown", "limit", "money left"} {
		if strings.Contains(strings.ToLower(string(state.body)+string(now.Declined)), word) {
			t.Errorf("the refusal says %q: %s", word, state.body)
		}
	}
	return text
}

// same wants that all refusals look alike.
func same(t *testing.T, seen map[string]string) {
	t.Helper()
	first, name := "", ""
	for n, text := range seen {
		if first == "" {
			first, name = text, n
		}
		if text != first {
			t.Errorf("%s and %s differ:\n%.400s\n---\n%.400s", name, n, first, text)
		}
	}
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// problem reads the code of a problem+json.
func (r reply) problem(t *testing.T) string {
	t.Helper()
	var p struct {
		Type, Title, Code string
		Status            int
	}
	if r.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(r.body, &p) != nil || p.Status != r.status || p.Title == "" {
		t.Errorf("HTTP %d %s is no problem+json: %.200s", r.status, r.header.Get("Content-Type"), r.body)
	}
	return p.Code
}

func (w *world) fetch(t *testing.T, method, address, body string, header map[string]string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	for k, v := range header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	client := *w.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return reply{resp.StatusCode, resp.Header, b}
}

// call makes a request to the shop API with the demo shop's key; a POST gets a fresh Idempotency-Key.
func (w *world) call(t *testing.T, method, path, body string, header map[string]string) reply {
	t.Helper()
	h := map[string]string{"Authorization": "Bearer " + w.api.Key, "Content-Type": "application/json"}
	if method == "POST" {
		h["Idempotency-Key"] = letters(20)
	}
	for k, v := range header {
		h[k] = v
	}
	return w.fetch(t, method, w.URL("pay")+path, body, h)
}

func letters(n int) string {
	const alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}

// other is a code of the same form that is not this one.
func other(code string) string {
	b := []byte(code)
	b[0] = '0' + (b[0]-'0'+1)%10
	return string(b)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
