// Package house starts the real program: the built binary with `countersign demo` in a folder of its own, customers
// with cards at its bank, a shop with its API key, and shoppers who pay over the HTTP endpoints. The torture tests and
// the benchmark of payments use it.
package house

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"countersign/examples/shopper"
	"countersign/host/keys"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
)

// House is `countersign demo` in a folder of its own.
type House struct {
	Bin  string
	Data string
	Port string
	HTTP *http.Client
	cmd  *exec.Cmd
}

// Build builds the program with build tags into a folder and returns its path.
func Build(dir, tags string) (string, error) {
	bin := filepath.Join(dir, "countersign")
	cmd := exec.Command("go", "build", "-tags", tags, "-o", bin, "countersign/cmd/countersign")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return bin, nil
}

// New starts a house on a free port, with its data in dir. The caller kills it.
func New(bin, dir string) (*House, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err := errors.Join(err, ln.Close()); err != nil {
		return nil, err
	}
	h := &House{Bin: bin, Data: dir, Port: port}
	h.HTTP = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
		},
		MaxIdleConnsPerHost: 256,
	}}
	return h, h.Start()
}

// URL is the address of an origin.
func (h *House) URL(origin string) string { return "http://" + origin + ".localhost:" + h.Port }

// Start starts the program and waits until it answers.
func (h *House) Start() error {
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
func (h *House) Customers(name string, n int) (list []Customer, err error) {
	ctx := context.Background()
	desk, err := h.Desk()
	if err != nil {
		return nil, err
	}
	defer desk.Close()
	eur, err := money.ByAlpha("EUR")
	if err != nil {
		return nil, err
	}
	opening, err := money.New(Opening, eur)
	if err != nil {
		return nil, err
	}
	for i := range n {
		c := Customer{Phone: fmt.Sprintf("+4670%s%04d", digits(name), i), Account: fmt.Sprintf("acct_%s%d", name, i)}
		if err := open(ctx, desk, fmt.Sprintf("hld_%s%d", name, i), opening, &c); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// open makes one customer: holder, account with money, card; and reads the card as its holder would.
func open(ctx context.Context, desk *cards.Desk, holder string, opening money.Amount, c *Customer) error {
	if err := desk.AddHolder(ctx, book.Holder{ID: holder, Name: "Test Holder", Phone: c.Phone, Locale: "en"}); err != nil {
		return err
	}
	if err := desk.OpenAccount(ctx, ledger.AccountID(c.Account), holder, opening, 0); err != nil {
		return err
	}
	issued, err := desk.Issue(ctx, cards.Order{Holder: holder, Account: ledger.AccountID(c.Account), Name: "Test Holder"})
	if err != nil {
		return err
	}
	c.CardID = issued.ID
	return desk.Reveal(ctx, issued.ID, func(b book.Card, number, code []byte) error {
		c.Card = shopper.Card{Number: append([]byte(nil), number...), Code: append([]byte(nil), code...), Expiry: b.Expiry, Name: "Test Holder"}
		return nil
	})
}

// Desk opens the bank's card desk on the house's data, beside the running program. The caller closes it.
func (h *House) Desk() (*cards.Desk, error) {
	store, err := keys.Open(filepath.Join(h.Data, "keys"), time.Now, rand.Reader)
	if err != nil {
		return nil, err
	}
	return cards.Open(context.Background(), filepath.Join(h.Data, "issuer"), store.For("issuer"), time.Now, rand.Reader)
}

func digits(name string) string {
	n := 0
	for _, c := range name {
		n = (n*31 + int(c)) % 1000
	}
	return fmt.Sprintf("%03d", n)
}
