package topology

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/e2e/house"
	"countersign/examples/shopper"
)

// TestHouseInThreeProcesses goes through the life of an installation; the steps build on each other.
func TestHouseInThreeProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and starts it several times")
	}
	w := newWorld(t)
	for _, step := range []struct {
		name string
		run  func(*world, *testing.T)
	}{
		{"a whole payment", wholePayment},
		{"foreign certificates", foreignCertificates},
		{"access control server killed in the confirmation", acsKilled},
		{"bank down", bankDown},
		{"bank killed with the question on its way", bankKilled},
		{"books", books},
		{"copy of a stopped process", backup},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(w, t) }) {
			return
		}
	}
}

func wholePayment(w *world, t *testing.T) {
	p := w.order(t, "whole", 2340, "manual")
	if s := w.pay(t, p, "whole-attempt-1234"); s.State != "paid" {
		t.Fatalf("%+v", s)
	}
	w.status(t, p, "authorised")
	w.post(t, "/v1/payments/"+p.ID+"/capture", "whole-capture", map[string]any{"amount": 2340})
	w.status(t, p, "captured")
	w.post(t, "/v1/payments/"+p.ID+"/refunds", "whole-refund", map[string]any{"amount": 340, "reason": "one book less"})
	w.until("refunded", 10*time.Second, func() bool {
		got, err := w.api.Get(t.Context(), p.ID)
		return err == nil && got.Captured == 2340 && got.Refunded == 340
	})
}

// foreignCertificates: a CA of one's own opens nothing, and neither does the house's certificate of another role.
func foreignCertificates(w *world, t *testing.T) {
	w.sh("countersign keys certify checkout --data stranger && countersign keys certify issuer --data stranger")
	iso := w.addrs["10.0.0.6:7001"]
	for name, dir := range map[string]string{"checkout": "stranger", "directory": "gate", "acs": "acs"} {
		cert, err := tls.LoadX509KeyPair(filepath.Join(w.dir, dir, "tls", name+".crt"), filepath.Join(w.dir, dir, "tls", name+".key"))
		must(t, err)
		if err := hello(iso, &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true}); err == nil {
			t.Errorf("%s of %s got in at the bank", name, dir)
		}
	}
	if err := hello(iso, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("somebody without a certificate got in at the bank")
	}
	// The control: the gateway's own certificate gets in, and it trusts the bank by the house's CA.
	cert, err := tls.LoadX509KeyPair(filepath.Join(w.dir, "gate", "tls", "checkout.crt"), filepath.Join(w.dir, "gate", "tls", "checkout.key"))
	must(t, err)
	if err := hello(iso, &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: w.houseCA(t), ServerName: "issuer.countersign.internal"}); err != nil {
		t.Errorf("the gateway does not get in: %v", err)
	}
	if n := strings.Count(w.procs["bank"].log.String(), `"call refused"`); n < 4 {
		t.Errorf("the bank wrote down %d refusals of 4", n)
	}
	// A whole process with foreign certificates never becomes ready.
	text, err := os.ReadFile(filepath.Join(w.dir, "gate.toml"))
	must(t, err)
	admin := free(t)
	conf := strings.NewReplacer(`"gate"`, `"stranger"`, w.procs["gate"].listen, free(t), w.procs["gate"].admin, admin, w.addrs["10.0.0.5:7003"], free(t)).Replace(string(text))
	must(t, os.WriteFile(filepath.Join(w.dir, "stranger.toml"), []byte(conf), 0o600))
	w.procs["stranger"] = &process{name: "stranger", admin: admin}
	w.start("stranger")
	defer w.kill("stranger")
	refusals := strings.Count(w.procs["bank"].log.String(), `"call refused"`)
	w.until("the stranger was refused", 10*time.Second, func() bool {
		return strings.Count(w.procs["bank"].log.String(), `"call refused"`) > refusals
	})
	resp, err := http.Get("http://" + admin + "/readyz")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the stranger is ready: %d", resp.StatusCode)
	}
}

// houseCA trusts what `keys certify` made.
func (w *world) houseCA(t *testing.T) *x509.CertPool {
	ca, err := os.ReadFile(filepath.Join(w.dir, "gate", "tls", "ca.crt"))
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return pool
}

// hello makes a connection and waits whether the other side keeps it.
func hello(addr string, conf *tls.Config) error {
	c, err := tls.Dial("tcp", addr, conf)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	var one [1]byte
	if _, err := c.Read(one[:]); err != nil && !os.IsTimeout(err) { // TLS 1.3 tells the refusal with the first read
		return err
	}
	return nil
}

// acsKilled: the code that was sent before the crash is good after it.
func acsKilled(w *world, t *testing.T) {
	p := w.order(t, "acs", 1500, "automatic")
	page, url, code := w.challenged(t, p, "acs-attempt-123456")
	bank, err := page.Challenge(t.Context(), url)
	must(t, err)
	sent := code()
	w.kill("acs")
	if _, err := bank.Answer(t.Context(), sent); err == nil {
		t.Error("answered by nobody")
	}
	w.start("acs")
	w.ready("acs")
	bank, err = bank.Answer(t.Context(), sent)
	must(t, err)
	finish(t, bank)
	if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Fatalf("%+v %v; the bank says: %s", s, err, bank.Text)
	}
	w.status(t, p, "captured")
}

// bankDown: the holder confirmed, the bank is gone before it is asked: a clear answer, and the next try works.
func bankDown(w *world, t *testing.T) {
	p := w.order(t, "down", 1600, "automatic")
	page, url, code := w.challenged(t, p, "down-attempt-12345")
	bank, err := page.Challenge(t.Context(), url)
	must(t, err)
	sent := code()
	w.kill("bank")
	bank, err = bank.Answer(t.Context(), sent)
	must(t, err)
	finish(t, bank)
	s, err := page.Wait(t.Context())
	must(t, err)
	if s.State != "card" || s.Problem == nil || !strings.Contains(s.Problem.Message, "could not be reached") {
		t.Fatalf("%+v", s)
	}
	w.start("bank")
	w.ready("bank")
	w.ready("gate")
	if s := w.pay(t, p, "down-attempt-again"); s.State != "paid" {
		t.Fatalf("the next try: %+v", s)
	}
	w.status(t, p, "captured")
}

// bankKilled: the bank has got the question and dies before it answers; it may have taken it or not. The gateway
// undoes it when the bank is back.
func bankKilled(w *world, t *testing.T) {
	p := w.order(t, "doubt", 1700, "automatic")
	page, url, code := w.challenged(t, p, "doubt-attempt-1234")
	bank, err := page.Challenge(t.Context(), url)
	must(t, err)
	sent := code()
	must(t, w.procs["bank"].cmd.Process.Signal(syscall.SIGSTOP)) // it takes bytes, and does nothing
	bank, err = bank.Answer(t.Context(), sent)
	must(t, err)
	finish(t, bank)
	w.until("asked", 10*time.Second, func() bool {
		got, err := w.api.Get(t.Context(), p.ID)
		return err == nil && got.Status == "processing"
	})
	time.Sleep(500 * time.Millisecond) // the 0100 is on its way
	w.kill("bank")
	w.until("a reversal is stored", 5*time.Second, func() bool {
		return strings.Contains(w.sh("countersign ledger check --data gate"), " 1 messages waiting")
	})
	w.start("bank")
	w.ready("bank")
	s, err := page.Wait(t.Context())
	must(t, err)
	if s.State != "card" || s.Problem == nil || !strings.Contains(s.Problem.Message, "could not be reached") {
		t.Fatalf("%+v", s)
	}
	w.until("the reversal is delivered", 20*time.Second, func() bool {
		return strings.Contains(w.sh("countersign ledger check --data gate"), " 0 messages waiting")
	})
	w.status(t, p, "needs_card")
}

// books: both sides are in order, and agree: 50000 cents, less 2340 − 340, 1500 and 1600.
func books(w *world, t *testing.T) {
	out := w.sh(w.block("Health and books"))
	if strings.Count(out, "Everything is in order") != 2 {
		t.Errorf("the books:\n%s", out)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(w.dir, "acs", "tls", "mobile.crt"), filepath.Join(w.dir, "acs", "tls", "mobile.key"))
	must(t, err)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: w.houseCA(t), ServerName: "issuer.countersign.internal"}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("https://" + w.addrs["10.0.0.6:7002"] + "/v1/holders/hld_1001")
	must(t, err)
	defer resp.Body.Close()
	var holder struct {
		Accounts []struct{ Posted, Held, Available int64 }
	}
	must(t, json.NewDecoder(resp.Body).Decode(&holder))
	if len(holder.Accounts) != 1 || holder.Accounts[0].Posted != 50000-2000-1500-1600 || holder.Accounts[0].Held != 0 {
		t.Errorf("the holder's accounts: %+v", holder)
	}
	t.Log(out)
}

// backup: the folder of a process that was stopped (here: killed) is complete.
func backup(w *world, t *testing.T) {
	w.kill("bank")
	if out := w.sh("cp -a bank restored && countersign ledger check --data restored && countersign card list --data restored"); !strings.Contains(out, "card_") {
		t.Error(out)
	}
}

// order has the shop make a payment.
func (w *world) order(t *testing.T, name string, cents int64, capture string) (p house.Payment) {
	t.Helper()
	status, raw, err := w.api.Call(t.Context(), "POST", "/v1/payments", name, map[string]any{
		"amount": cents, "currency": "EUR", "order": "order-" + name, "description": "A book", "capture": capture}, &p)
	if err != nil || status != http.StatusCreated {
		t.Fatalf("create: %d %v %.200s", status, err, raw)
	}
	return p
}

func (w *world) post(t *testing.T, path, idem string, body any) {
	t.Helper()
	if status, raw, err := w.api.Call(t.Context(), "POST", path, idem, body, nil); err != nil || status >= 300 {
		t.Fatalf("%s: %d %v %.200s", path, status, err, raw)
	}
}

func (w *world) status(t *testing.T, p house.Payment, want string) {
	t.Helper()
	last := ""
	w.until(fmt.Sprintf("%s is %s", p.Order, want), 10*time.Second, func() bool {
		got, err := w.api.Get(t.Context(), p.ID)
		last = fmt.Sprint(got.Status, err)
		return err == nil && got.Status == want
	}, &last)
}

// challenged opens the card form, sends the card, and is asked to confirm; code waits for the SMS.
func (w *world) challenged(t *testing.T, p house.Payment, attempt string) (page *shopper.Page, url string, code func() string) {
	t.Helper()
	page, err := shopper.Open(t.Context(), w.http, p.FrameURL)
	must(t, err)
	before, err := w.phone.Newest(t.Context(), holderPhone)
	must(t, err)
	s, err := page.Pay(t.Context(), w.card, attempt)
	if err != nil || s.State != "challenge" {
		t.Fatalf("%+v %v", s, err)
	}
	return page, s.URL, func() string {
		t.Helper()
		m, err := w.phone.Code(t.Context(), holderPhone, before)
		must(t, err)
		return m.Code
	}
}

// finish goes on until the bank's last page, and returns to the gateway.
func finish(t *testing.T, bank *shopper.Bank) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	for !bank.Done() {
		next, err := bank.Press(ctx, "do=look")
		if err != nil {
			t.Fatalf("%v; the bank says: %s", err, bank.Text)
		}
		bank = next
		time.Sleep(50 * time.Millisecond)
	}
	must(t, bank.Return(ctx))
}

// pay is a shopper who pays without trouble.
func (w *world) pay(t *testing.T, p house.Payment, attempt string) shopper.State {
	t.Helper()
	page, url, code := w.challenged(t, p, attempt)
	bank, err := page.Challenge(t.Context(), url)
	must(t, err)
	bank, err = bank.Answer(t.Context(), code())
	must(t, err)
	finish(t, bank)
	s, err := page.Wait(t.Context())
	must(t, err)
	return s
}
