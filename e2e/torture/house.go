// Package torture mistreats the real program: it starts the built binary, pays with it over its HTTP endpoints,
// kills it, reads its memory, and compares what it answered with what it kept.
package torture

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/examples/shopper"
	"countersign/host/keys"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
)

// House is `countersign demo` in a folder of its own.
type House struct {
	T    testing.TB
	Bin  string
	Data string
	Port string
	HTTP *http.Client
	cmd  *exec.Cmd
}

// Build builds the program with build tags.
func Build(t testing.TB, tags string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "countersign")
	cmd := exec.Command("go", "build", "-tags", tags, "-o", bin, "countersign/cmd/countersign")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// New starts a house on a free port; it ends with the test.
func New(t testing.TB, bin string) *House {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	h := &House{T: t, Bin: bin, Data: t.TempDir(), Port: port}
	h.HTTP = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
		},
		MaxIdleConnsPerHost: 64,
	}}
	t.Cleanup(h.Kill)
	h.Start()
	return h
}

// URL is the address of an origin.
func (h *House) URL(origin string) string { return "http://" + origin + ".localhost:" + h.Port }

// Start starts the program and waits until it answers.
func (h *House) Start() {
	h.T.Helper()
	if err := h.TryStart(); err != nil {
		h.T.Fatal(err)
	}
}

// TryStart is Start for those who expect that it may be killed at once.
func (h *House) TryStart() error {
	out, err := os.OpenFile(filepath.Join(h.Data, "output.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	h.cmd = exec.Command(h.Bin, "demo", "--data", h.Data, "--listen", "127.0.0.1:"+h.Port)
	h.cmd.Stdout, h.cmd.Stderr = out, out
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		resp, err := h.HTTP.Get(h.URL("pay") + "/v1/openapi.json")
		if err == nil {
			resp.Body.Close()
			return nil
		}
	}
	text, _ := os.ReadFile(filepath.Join(h.Data, "output.txt"))
	return fmt.Errorf("the program does not answer; it said:\n%s", text)
}

// PID is the running program's process id.
func (h *House) PID() int { return h.cmd.Process.Pid }

// Kill ends the program with SIGKILL, as a power cut of one process.
func (h *House) Kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
	h.cmd = nil
	h.HTTP.CloseIdleConnections()
}

// Command runs another command of the program on the same data folder.
func (h *House) Command(args ...string) (string, error) {
	out, err := exec.Command(h.Bin, append(args, "--data", h.Data)...).CombinedOutput()
	return string(out), err
}

// Customer is a holder with a card and a telephone of their own.
type Customer struct {
	Phone   string
	Card    shopper.Card
	CardID  string
	Account string
}

// Opening is what every customer's account begins with, in cents.
const Opening = 10_000_000

// Customers opens n customers at the bank, beside the running program. A name makes them different from others'.
func (h *House) Customers(name string, n int) []Customer {
	h.T.Helper()
	ctx := context.Background()
	store, err := keys.Open(filepath.Join(h.Data, "keys"), time.Now, rand.Reader)
	must(h.T, err)
	desk, err := cards.Open(ctx, filepath.Join(h.Data, "issuer"), store.For("issuer"), time.Now, rand.Reader)
	must(h.T, err)
	defer desk.Close()
	eur, _ := money.ByAlpha("EUR")
	opening, err := money.New(Opening, eur)
	must(h.T, err)
	var list []Customer
	for i := range n {
		c := Customer{Phone: fmt.Sprintf("+4670%s%04d", digits(name), i), Account: fmt.Sprintf("acct_%s%d", name, i)}
		holder := fmt.Sprintf("hld_%s%d", name, i)
		must(h.T, addCustomer(ctx, desk, holder, c, opening))
		issued, err := desk.Issue(ctx, cards.Order{Holder: holder, Account: ledger.AccountID(c.Account), Name: "Test Holder"})
		must(h.T, err)
		c.CardID = issued.ID
		must(h.T, desk.Reveal(ctx, issued.ID, func(b cardRow, number, code []byte) error {
			c.Card = shopper.Card{Number: append([]byte(nil), number...), Code: append([]byte(nil), code...), Expiry: b.Expiry, Name: "Test Holder"}
			return nil
		}))
		list = append(list, c)
	}
	return list
}

func digits(name string) string {
	n := 0
	for _, c := range name {
		n = (n*31 + int(c)) % 1000
	}
	return fmt.Sprintf("%03d", n)
}

// APIKey is the demo shop's key.
func (h *House) APIKey() string {
	b, err := os.ReadFile(filepath.Join(h.Data, "shop", "api-key"))
	must(h.T, err)
	return strings.TrimSpace(string(b))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
