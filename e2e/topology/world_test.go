package topology

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"countersign/e2e/house"
	"countersign/examples/phone"
	"countersign/examples/shopper"
	"countersign/host"
)

// world is the three processes and what is around them.
type world struct {
	t     *testing.T
	dir   string            // where the page's commands run
	doc   string            // docs/operate/serve.md
	addrs map[string]string // address of the page → loopback address
	procs map[string]*process
	http  *http.Client // resolves the public names, trusts the front doors
	phone shopper.Phone
	api   *house.API
	card  shopper.Card
}

const holderPhone = "+46700000042"

func newWorld(t *testing.T) *world {
	doc, err := os.ReadFile("../../docs/operate/serve.md")
	must(t, err)
	w := &world{t: t, dir: t.TempDir(), doc: string(doc), addrs: map[string]string{}, procs: map[string]*process{}}
	_, err = house.Build(w.dir, "")
	must(t, err)
	for _, section := range []string{"Keys", "Certificates", "Secrets of a shop and of the message centre"} {
		w.sh(w.block(section))
	}
	pool := w.frontDoor()
	w.messageCentre()
	for _, name := range []string{"gate", "acs", "bank"} { // the bank last: the others must bear that it is not there
		w.configure(name)
		w.start(name)
	}
	w.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			at := map[string]string{"pay.pay.example:443": "gate", "acs.bank.pay.example:443": "acs", "bank.pay.example:443": "acs", "face.bank.pay.example:443": "bank"}[addr]
			if at == "" {
				return nil, &net.DNSError{Err: "no such host", Name: addr}
			}
			return new(net.Dialer).DialContext(ctx, network, w.procs[at].listen)
		},
	}}
	for name := range w.procs {
		w.ready(name)
	}
	key, err := os.ReadFile(filepath.Join(w.dir, "lane.key"))
	must(t, err)
	w.api = &house.API{HTTP: w.http, URL: "https://pay.pay.example", Key: strings.TrimSpace(string(key))}
	w.sh(w.block("Customers and cards"))
	w.readCard()
	return w
}

// block is the one shell block of a section of the page.
func (w *world) block(section string) string {
	_, after, ok := strings.Cut(w.doc, "\n## "+section+"\n")
	after, _, _ = strings.Cut(after, "\n## ")
	_, script, found := strings.Cut(after, "```sh\n")
	script, _, closed := strings.Cut(script, "```")
	if !ok || !found || !closed {
		w.t.Fatalf("the page has no shell block under %q", section)
	}
	return script
}

// sh runs a block in the world's folder, where countersign is the built program.
func (w *world) sh(script string) string {
	w.t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "PATH="+w.dir+":"+os.Getenv("PATH"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%s\n%v\n%s%s", script, err, out, errs.String())
	}
	return string(out)
}

var addressPattern = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+:\d+`)

// configure writes a file of the page, with loopback ports instead of its addresses.
func (w *world) configure(name string) {
	_, text, ok := strings.Cut(w.doc, "```toml\n# "+name+".toml\n")
	text, _, closed := strings.Cut(text, "```")
	if !ok || !closed {
		w.t.Fatalf("the page has no file %s.toml", name)
	}
	text = addressPattern.ReplaceAllStringFunc(text, func(addr string) string {
		key := addr
		if strings.HasPrefix(addr, "127.") { // every machine has one
			key = name + addr
		}
		if w.addrs[key] == "" {
			w.addrs[key] = free(w.t)
		}
		return w.addrs[key]
	})
	hash, err := os.ReadFile(filepath.Join(w.dir, "lane.hash"))
	must(w.t, err)
	var keys []struct{ ID, Public string }
	must(w.t, json.Unmarshal([]byte(w.sh("countersign keys list --json --data bank")), &keys))
	for _, k := range keys {
		if k.ID == "code-seal-1" {
			text = strings.ReplaceAll(text, "CODE_SEAL_PUBLIC", k.Public)
		}
	}
	text = strings.ReplaceAll(text, "LANE_HASH", strings.TrimSpace(string(hash)))
	must(w.t, os.WriteFile(filepath.Join(w.dir, name+".toml"), []byte(text), 0o600))
	w.sh("countersign serve --config " + name + ".toml --check")
	p := &process{name: name, admin: w.addrs[name+"127.0.0.1:9090"]}
	p.listen = w.addrs[map[string]string{"gate": "10.0.0.5:443", "bank": "10.0.0.6:443", "acs": "10.0.0.7:443"}[name]]
	w.procs[name] = p
}

// process is `countersign serve`.
type process struct {
	name, listen, admin string
	cmd                 *exec.Cmd
	log                 output
}

func (w *world) start(name string) {
	w.t.Helper()
	p := w.procs[name]
	p.cmd = exec.Command(filepath.Join(w.dir, "countersign"), "serve", "--config", name+".toml")
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = w.dir, &p.log, &p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(w.t, p.cmd.Start())
	w.t.Cleanup(func() {
		w.kill(name)
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", name, p.log.tail())
		}
	})
}

// kill ends a process without warning.
func (w *world) kill(name string) {
	if p := w.procs[name]; p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// ready waits until a process can work.
func (w *world) ready(name string) {
	w.t.Helper()
	said := ""
	w.until("ready "+name, 20*time.Second, func() bool {
		resp, err := http.Get("http://" + w.procs[name].admin + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		said = string(b)
		return resp.StatusCode == http.StatusOK
	}, &said)
}

// until waits for something, and fails with what was said last when it does not come.
func (w *world) until(what string, limit time.Duration, ok func() bool, said ...*string) {
	w.t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			for _, s := range said {
				what += ": " + *s
			}
			w.t.Fatalf("not in %v: %s", limit, what)
		}
	}
}

// frontDoor makes the certificate that a public CA would give, and returns who trusts it.
func (w *world) frontDoor() *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(w.t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "front"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"*.pay.example", "*.bank.pay.example"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(w.t, err)
	priv, err := x509.MarshalPKCS8PrivateKey(key)
	must(w.t, err)
	must(w.t, os.WriteFile(filepath.Join(w.dir, "front.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(w.t, os.WriteFile(filepath.Join(w.dir, "front.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: priv}), 0o600))
	pool := x509.NewCertPool()
	made, err := x509.ParseCertificate(der)
	must(w.t, err)
	pool.AddCert(made)
	return pool
}

// messageCentre is the telephone of the examples in this process, bound over TCP with the page's account.
func (w *world) messageCentre() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	w.addrs["10.0.0.9:2775"] = ln.Addr().String()
	run, err := phone.Role(phone.Config{SystemID: "bank", Password: "hush"}).Start(context.Background(), &host.Env{
		Role: "phone", Log: slog.New(slog.DiscardHandler), Now: time.Now, Rand: rand.Reader, DataDir: w.t.TempDir(),
		Listen: func(string) (net.Listener, error) { return ln, nil },
		URL:    func(origin string) string { return "http://" + origin + ".localhost" },
	})
	must(w.t, err)
	web := httptest.NewServer(run.Web["phone"])
	w.phone = shopper.Phone{HTTP: web.Client(), URL: web.URL}
	w.t.Cleanup(func() { web.Close(); run.Stop(context.Background()) })
}

var revealPattern = regexp.MustCompile(`number ([\d ]+?)  code (\d{3})`)

// readCard has the bank's clerk read the issued card out.
func (w *world) readCard() {
	var list []struct{ ID, Expiry, Name string }
	must(w.t, json.Unmarshal([]byte(w.sh("countersign card list --json --data bank")), &list))
	if len(list) != 1 {
		w.t.Fatalf("%d cards", len(list))
	}
	m := revealPattern.FindStringSubmatch(w.sh("countersign card show " + list[0].ID + " --reveal --data bank"))
	if m == nil {
		w.t.Fatal("the card is not shown")
	}
	w.card = shopper.Card{Number: []byte(strings.ReplaceAll(m[1], " ", "")), Code: []byte(m[2]), Expiry: list[0].Expiry, Name: list[0].Name}
}

// output keeps what a process wrote.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }

func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

func (o *output) tail() string {
	lines := strings.Split(o.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// free finds a port below those that systems give to outgoing connections (from 32768 on), so that nobody takes it
// between here and the start of the process.
func free(t *testing.T) string {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12000+mrand.IntN(20000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			must(t, ln.Close())
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
