package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTwoProcesses runs the bank in one process and the gateway in another: they find each other over mutual TLS
// (the gateway is ready only when it is signed on at the bank over ISO 8583 and has the directory's ranges).
func TestTwoProcesses(t *testing.T) {
	bankDir, gateDir := t.TempDir(), t.TempDir()
	p := &program{ctx: t.Context(), now: time.Now, rand: rand.Reader}
	tool := func(args ...string) string {
		var out, errs bytes.Buffer
		p.out, p.err = &out, &errs
		if code := p.run(args); code != exitOK {
			t.Fatalf("%v: %d %s", args, code, errs.String())
		}
		return out.String()
	}
	ks, err := openKeys(p, bankDir, true)
	if err != nil {
		t.Fatal(err)
	}
	code, err := ks.For("issuer").Current("code-seal")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ ID, Public string }
	if err := json.Unmarshal([]byte(tool("keys", "list", "--json", "--data", bankDir)), &list); err != nil {
		t.Fatal(err)
	}
	public := ""
	for _, k := range list {
		if k.ID == code.ID {
			public = k.Public
		}
	}
	for _, role := range []string{"checkout", "directory"} {
		for f := range strings.Lines(tool("keys", "certify", role, "--data", bankDir)) {
			copyFile(t, strings.TrimSpace(f), filepath.Join(gateDir, "tls"))
		}
	}
	iso, acs, ds, bankAdmin, gateAdmin := addr(t), addr(t), addr(t), addr(t), addr(t)
	bank := fmt.Sprintf(`data = %q
listen = "127.0.0.1:0"
base_url = "http://localhost:8080"
admin = %q
roles = ["issuer", "acs", "mobile"]
[publish]
"issuer.iso8583" = %q
"acs.3ds" = %q
[remote]
"directory.3ds" = %q
[external]
"smsc.smpp" = "tcp://127.0.0.1:1"
`, bankDir, bankAdmin, iso, acs, ds)
	gate := fmt.Sprintf(`data = %q
listen = "127.0.0.1:0"
base_url = "http://localhost:8080"
admin = %q
roles = ["checkout", "directory"]
[publish]
"directory.3ds" = %q
[remote]
"issuer.iso8583" = %q
"acs.3ds" = %q
[[ranges]]
start = "9999900000000000"
end = "9999909999999999"
name = "Demo Bank"
acs = "acs.3ds"
code_key = %q
public = %q
`, gateDir, gateAdmin, ds, iso, acs, code.ID, public)
	gateLog := serve(t, gateDir, gate) // first: it must tolerate that the bank is not there yet
	bankLog := serve(t, bankDir, bank)
	for name, at := range map[string]string{"bank": bankAdmin, "gateway": gateAdmin} {
		if !ready(at) {
			t.Fatalf("the %s is not ready\nbank:\n%s\ngateway:\n%s", name, bankLog, gateLog)
		}
	}
	if !strings.Contains(bankLog.String(), `"signed on"`) {
		t.Errorf("no sign-on at the bank:\n%s", bankLog)
	}
	if _, err := os.Stat(filepath.Join(gateDir, "tls", "ca.key")); err == nil {
		t.Error("the CA's key is at the gateway")
	}
}

// serve runs a process until the test ends, and wants a clean end.
func serve(t *testing.T, dir, config string) *waiter {
	t.Helper()
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &waiter{want: "\x00", found: make(chan struct{})}
	cmd := self(t, "serve", "--config", file)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, log)
		}
	})
	return log
}

func ready(admin string) bool {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return true
		}
	}
	return false
}

// addr finds a port below those that systems give to outgoing connections.
func addr(t *testing.T) string {
	t.Helper()
	for range 100 {
		a := fmt.Sprintf("127.0.0.1:%d", 12000+mrand.IntN(20000))
		if ln, err := net.Listen("tcp", a); err == nil {
			ln.Close()
			return a
		}
	}
	t.Fatal("no free port")
	return ""
}

func copyFile(t *testing.T, from, dir string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, filepath.Base(from)), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
