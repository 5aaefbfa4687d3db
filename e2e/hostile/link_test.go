package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/e2e/house"
	"countersign/host"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/wire/iso8583"
)

// bank is `countersign serve --roles=issuer,acs,mobile`, whose ISO 8583 link is published over TCP with mutual TLS. In the demo the
// link is a pipe in memory that nobody outside can reach.
type bank struct {
	*house.House
	addr string
	desk *cards.Desk
	log  string
}

func startBank(t *testing.T) *bank {
	t.Helper()
	bin, err := house.Build(t.TempDir(), "")
	must(t, err)
	dir := t.TempDir()
	b := &bank{House: &house.House{Bin: bin, Data: dir}, addr: freeAddress(t), log: filepath.Join(dir, "output.txt")}
	admin := freeAddress(t)
	config := fmt.Sprintf("data = %q\nlisten = \"127.0.0.1:0\"\nbase_url = \"http://localhost:8080\"\nadmin = %q\nroles = [\"issuer\", \"acs\", \"mobile\"]\n", dir, admin)
	config += fmt.Sprintf("[publish]\n\"issuer.iso8583\" = %q\n\"acs.3ds\" = %q\n[remote]\n\"directory.3ds\" = %q\n[external]\n\"smsc.smpp\" = \"tcp://127.0.0.1:1\"\n", b.addr, freeAddress(t), freeAddress(t))
	serve(t, bin, dir, config, b.log)
	wait(t, b.log, func() bool {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	b.desk, err = b.Desk()
	must(t, err)
	t.Cleanup(func() { b.desk.Close() })
	return b
}

// serve runs `countersign serve` until the test ends.
func serve(t *testing.T, bin, dir, config, log string) {
	t.Helper()
	file := filepath.Join(dir, "config.toml")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	out, err := os.Create(log)
	must(t, err)
	defer out.Close()
	cmd := exec.Command(bin, "serve", "--config", file)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func wait(t *testing.T, log string, good func() bool) {
	t.Helper()
	for range 400 {
		if good() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(log)
	t.Fatalf("waited in vain; the log says:\n%s", text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

// dial connects under the name of a role.
func (b *bank) dial(t *testing.T, role string) *tls.Conn {
	t.Helper()
	cfg := &tls.Config{ServerName: "issuer.countersign.internal", MinVersion: tls.VersionTLS13, InsecureSkipVerify: role == ""}
	if role != "" {
		files, err := host.Certify(b.Data, role, time.Now, rand.Reader)
		must(t, err)
		cert, err := tls.LoadX509KeyPair(files[1], files[2])
		must(t, err)
		ca, err := os.ReadFile(files[0])
		must(t, err)
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AppendCertsFromPEM(ca)
		cfg.Certificates = []tls.Certificate{cert}
	}
	c, err := tls.Dial("tcp", b.addr, cfg)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c
}

func frame(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// read reads a frame; nil when the link ended.
func read(c net.Conn) []byte {
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil
	}
	msg := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(c, msg); err != nil {
		return nil
	}
	return msg
}

// ask sends a message and returns the response code, "" when the link ended.
func ask(t *testing.T, c net.Conn, msg []byte) (code string, raw []byte) {
	t.Helper()
	if _, err := c.Write(frame(msg)); err != nil {
		return "", nil
	}
	raw = read(c)
	var m iso8583.Message
	if raw == nil {
		return "", nil
	}
	if err := m.Unpack(raw); err != nil {
		t.Errorf("the bank's own answer cannot be read: %v", err)
	}
	return m.Text(iso8583.ResponseCode), raw
}

func manage(t *testing.T, what, acquirer string) []byte {
	t.Helper()
	var p iso8583.Packer
	p.Start(make([]byte, 0, 512), iso8583.NetworkRequest)
	p.Text(iso8583.Transmission, time.Now().UTC().Format("0102150405"))
	p.Number(iso8583.STAN, uint64(1+mrand.IntN(900_000)))
	p.Text(iso8583.Acquirer, acquirer)
	p.Text(iso8583.NetworkCode, what)
	b, err := p.Finish()
	must(t, err)
	return b
}

// purchase is a well-formed 0100 without the holder's proof.
func purchase(t *testing.T, number, expiry, acquirer string, cents uint64) []byte {
	t.Helper()
	var p iso8583.Packer
	p.Start(make([]byte, 0, 2048), iso8583.AuthRequest)
	p.Text(iso8583.PAN, number)
	p.Text(iso8583.ProcessingCode, "000000")
	p.Number(iso8583.AmountField, cents)
	p.Text(iso8583.Transmission, time.Now().UTC().Format("0102150405"))
	p.Number(iso8583.STAN, uint64(1+mrand.IntN(900_000)))
	p.Text(iso8583.Expiry, expiry)
	p.Text(iso8583.Acquirer, acquirer)
	p.Text(iso8583.RRN, fmt.Sprintf("%012d", mrand.IntN(1_000_000_000)))
	p.Text(iso8583.Terminal, "WEB00001")
	p.Text(iso8583.Acceptor, "COUNTERSIGNSHOP")
	p.ElementText(iso8583.TagPayment, "pay_hostile")
	p.Text(iso8583.Currency, "978")
	p.Text(iso8583.Lifecycle, "life_"+letters(12))
	b, err := p.Finish()
	must(t, err)
	return b
}

const acquirer = "00000999999"

func (b *bank) signedOn(t *testing.T) *tls.Conn {
	t.Helper()
	c := b.dial(t, "checkout")
	if code, _ := ask(t, c, manage(t, iso8583.SignOn, acquirer)); code != "00" {
		t.Fatalf("sign-on: %q", code)
	}
	return c
}

func TestGarbageOnTheLink(t *testing.T) {
	t.Parallel()
	b := startBank(t)
	ctx := context.Background()
	eur, err := money.ByAlpha("EUR")
	must(t, err)
	opening, err := money.New(100_000, eur)
	must(t, err)
	must(t, b.desk.AddHolder(ctx, book.Holder{ID: "hld_x", Name: "Test Holder", Phone: "+46731999999", Locale: "en"}))
	must(t, b.desk.OpenAccount(ctx, "acct_x", "hld_x", opening, 0))
	issued, err := b.desk.Issue(ctx, cards.Order{Holder: "hld_x", Account: "acct_x", Name: "Test Holder"})
	must(t, err)
	var number string
	must(t, b.desk.Reveal(ctx, issued.ID, func(_ book.Card, n, _ []byte) error { number = string(n); return nil }))

	t.Run("strangers", func(t *testing.T) {
		for _, role := range []string{"", "mobile", "directory", "acs", "issuer"} {
			c := b.dial(t, role)
			if code, raw := ask(t, c, manage(t, iso8583.SignOn, acquirer)); raw != nil {
				t.Errorf("%q may use the link: %s", role, code)
			}
		}
		plain, err := net.Dial("tcp", b.addr)
		must(t, err)
		defer plain.Close()
		_, _ = plain.Write(frame(manage(t, iso8583.SignOn, acquirer)))
		_ = plain.SetReadDeadline(time.Now().Add(5 * time.Second))
		if got, _ := io.ReadAll(plain); bytes.Contains(got, []byte("0810")) {
			t.Error("the link answers without TLS")
		}
	})
	t.Run("order of things", func(t *testing.T) {
		c := b.dial(t, "checkout")
		for name, x := range map[string]struct {
			msg  []byte
			want string
		}{
			"before sign-on": {purchase(t, number, issued.Expiry, acquirer, 2340), "63"}, "another acquirer signs on": {manage(t, iso8583.SignOn, "12345"), "63"},
			"unknown management": {manage(t, "999", acquirer), "12"},
		} {
			if code, raw := ask(t, c, x.msg); code != x.want || bytes.Contains(raw, []byte(number)) {
				t.Errorf("%s: %q, want %q", name, code, x.want)
			}
		}
		on := b.signedOn(t)
		for name, x := range map[string]struct {
			msg  []byte
			want string
		}{
			"another acquirer": {purchase(t, number, issued.Expiry, "12345", 2340), "63"}, "no amount": {purchase(t, number, issued.Expiry, acquirer, 0), "13"},
			"no proof, no code": {purchase(t, number, issued.Expiry, acquirer, 2340), ""}, "nobody's number": {purchase(t, "9999900000000004", issued.Expiry, acquirer, 2340), "14"},
			"no number": {purchase(t, "9999900000000000", issued.Expiry, acquirer, 2340), "14"}, "month 13": {purchase(t, number, "3013", acquirer, 2340), "30"},
		} {
			code, raw := ask(t, on, x.msg)
			if x.want != "" && code != x.want || code == "00" || code == "" || bytes.Contains(raw, []byte(number)) {
				t.Errorf("%s: %q, want %q", name, code, x.want)
			}
		}
	})
	t.Run("every byte", func(t *testing.T) {
		good := purchase(t, number, issued.Expiry, acquirer, 2340)
		c := b.signedOn(t)
		for i := range good {
			for _, v := range []byte{0, 0xff, good[i] ^ 1, '9', 'A'} {
				bad := bytes.Clone(good)
				bad[i] = v
				// An answer in place of a question gets no answer, so an echo follows that does.
				if _, err := c.Write(append(frame(bad), frame(manage(t, iso8583.Echo, acquirer))...)); err != nil {
					c = b.signedOn(t)
					continue
				}
				if !untilEcho(t, c, number) {
					c = b.signedOn(t)
				}
			}
		}
		for n := range good { // every beginning of it
			if _, err := c.Write(append(frame(good[:n]), frame(manage(t, iso8583.Echo, acquirer))...)); err != nil || !untilEcho(t, c, number) {
				c = b.signedOn(t)
			}
		}
	})
	t.Run("noise", func(t *testing.T) {
		r := mrand.New(mrand.NewPCG(1, 2))
		for range 60 {
			c := b.dial(t, "checkout")
			noise := make([]byte, r.IntN(6000))
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			_, _ = c.Write(noise)
			c.Close()
		}
		for _, head := range [][]byte{{0, 0}, {0xff, 0xff}, {0x10, 0x01}, {0, 1, 'x'}, []byte("GET / HTTP/1.1\r\n\r\n"), []byte("0100")} {
			c := b.dial(t, "checkout")
			_, _ = c.Write(head)
			c.Close()
		}
	})
	c := b.signedOn(t) // the link is as good as before
	if code, _ := ask(t, c, manage(t, iso8583.Echo, acquirer)); code != "00" {
		t.Errorf("an echo after all that: %q", code)
	}
	must(t, b.desk.Books.Read(ctx, func(tx book.Tx) error {
		a, _, err := tx.Account(ledger.AccountID("acct_x"))
		if a.Posted != 100_000 || a.Held != 0 {
			t.Errorf("the account has %d, %d held", a.Posted, a.Held)
		}
		return err
	}))
	if out, err := b.Command("ledger", "check"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	log, err := os.ReadFile(b.log)
	must(t, err)
	if strings.Contains(string(log), number) || strings.Contains(string(log), "panic") {
		t.Errorf("the log holds a number or a panic:\n%.2000s", log)
	}
}

// untilEcho reads answers until the echo's; false when the link ended. No answer may approve or hold the number.
func untilEcho(t *testing.T, c net.Conn, number string) bool {
	t.Helper()
	for {
		raw := read(c)
		if raw == nil {
			return false
		}
		var m iso8583.Message
		if err := m.Unpack(raw); err != nil {
			t.Errorf("the bank's own answer cannot be read: %v", err)
			return false
		}
		if bytes.Contains(raw, []byte(number)) {
			t.Error("an answer repeats the number")
		}
		if m.MTI().First() == iso8583.NetworkRequest.Answer() {
			return true
		}
		if m.Text(iso8583.ResponseCode) == "00" {
			t.Errorf("approved: %s", m.MTI())
		}
	}
}
