package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/e2e/browser"
)

// updateDocs writes the pictures of the documentation: go test ./e2e -run TestJourney -update-docs
var updateDocs = flag.Bool("update-docs", false, "write screenshots and the animated journey to docs/img")

// program builds the real binary, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "countersign-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "countersign")
	cmd := exec.Command("go", "build", "-o", path, "countersign/cmd/countersign")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// built says whether the program was asked for.
var built atomic.Bool

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if path, err := program(); err == nil && built.Load() {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// demo is a running `countersign demo` with a data folder of its own.
type demo struct {
	t     *testing.T
	port  string
	dir   string
	cmd   *exec.Cmd
	out   bytes.Buffer
	ended chan struct{}
}

func startDemo(t *testing.T) *demo {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal("the program does not build: ", err)
	}
	built.Store(true)
	d := &demo{t: t, port: freePort(t), dir: t.TempDir()}
	d.start(path)
	t.Cleanup(d.stop)
	return d
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

func (d *demo) start(path string) {
	d.t.Helper()
	d.cmd = exec.Command(path, "demo", "--data", d.dir, "--listen", "127.0.0.1:"+d.port)
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.ended = make(chan struct{})
	go func() { d.cmd.Wait(); close(d.ended) }()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var roles []struct {
			Name  string
			Ready bool
		}
		select {
		case <-d.ended:
			d.t.Fatalf("the demo ended:\n%s", d.out.String())
		default:
		}
		if d.get("countersign", "/status.json", &roles) != nil || len(roles) == 0 {
			continue
		}
		ready := true
		for _, r := range roles {
			ready = ready && r.Ready
		}
		if ready {
			return
		}
	}
	d.stop()
	d.t.Fatalf("the demo is not ready after 30 s:\n%s", d.out.String())
}

func (d *demo) stop() {
	d.cmd.Process.Signal(os.Interrupt)
	select {
	case <-d.ended:
	case <-time.After(10 * time.Second):
		d.cmd.Process.Kill()
		<-d.ended
		d.t.Error("the demo did not stop within 10 s")
	}
}

func (d *demo) url(name string) string { return "http://" + name + ".localhost:" + d.port }

func (d *demo) get(origin, path string, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url(origin)+path, nil)
	if err != nil {
		return err
	}
	res, err := loopback().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}

type message struct {
	ID         int64
	Text, Code string
}

// sms waits for a message newer than the given one.
func (d *demo) sms(after int64) message {
	d.t.Helper()
	for end := time.Now().Add(browser.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if m := d.newest(); m.ID > after && m.Code != "" {
			return m
		}
	}
	d.t.Fatal("no SMS came")
	return message{}
}

// newest is the newest message on the phone.
func (d *demo) newest() message {
	var inbox struct{ Messages []message }
	if d.get("phone", "/messages.json", &inbox) != nil || len(inbox.Messages) == 0 {
		return message{}
	}
	return inbox.Messages[0]
}

// lastSMS is the id of the newest message, 0 when there is none.
func (d *demo) lastSMS() int64 { return d.newest().ID }

// card is the demo card as its holder reads it.
type card struct{ number, expiry, code, name string }

// demoCard looks at the card face on the tour's page.
func (d *demo) demoCard(tab *browser.Tab) card {
	d.t.Helper()
	tab.Click("", ".hero a[target=card].btn")
	tab.Until("face.bank", "document.querySelector('#say').textContent.includes('one minute')")
	c := card{tab.Pierced("number"), tab.Pierced("expiry"), tab.Pierced("code"), tab.Pierced("name")}
	if len(strings.ReplaceAll(c.number, " ", "")) != 16 || len(c.code) != 3 || len(c.expiry) != 5 {
		d.t.Fatalf("the card face shows %d, %d and %d characters", len(c.number), len(c.expiry), len(c.code))
	}
	return c
}

// typeCard fills the card form of a frame or page.
func typeCard(tab *browser.Tab, part string, c card) {
	fill(tab, part, c.number, strings.ReplaceAll(c.expiry, "/", ""), c.code, c.name)
}
