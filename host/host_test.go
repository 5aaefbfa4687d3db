package host_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"

	"countersign/host"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// syncBuffer is a log that tests read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

func config(t *testing.T, roles ...host.Role) (host.Config, *syncBuffer) {
	t.Helper()
	log := new(syncBuffer)
	return host.Config{
		Roles: roles, Listen: "127.0.0.1:0", DataDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(log, nil)),
		Now: time.Now, Rand: rand.Reader,
	}, log
}

func run(t *testing.T, cfg host.Config) *host.Host {
	t.Helper()
	h, err := host.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

// role makes a role whose Env the test takes out.
func role(name string, serves, calls []string, env **host.Env) host.Role {
	return host.Role{Name: name, Serves: serves, Calls: calls, Start: func(_ context.Context, e *host.Env) (*host.Running, error) {
		*env = e
		return nil, nil
	}}
}

// echo is a role that answers what it hears.
func echo(endpoint string) host.Role {
	return host.Role{Name: "echo", Serves: []string{endpoint}, Start: func(ctx context.Context, e *host.Env) (*host.Running, error) {
		ln, err := e.Listen(endpoint)
		if err != nil {
			return nil, err
		}
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() { io.Copy(c, c); c.Close() }()
			}
		}()
		return &host.Running{Stop: func(context.Context) error { return ln.Close() }}, nil
	}}
}

func speak(t *testing.T, e *host.Env, endpoint string) {
	t.Helper()
	c, err := e.Dial(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Fatalf("%q %v", b, err)
	}
}

// TestPipe runs the conformance suite of net.Conn over an endpoint in memory.
func TestPipe(t *testing.T) {
	var a, b *host.Env
	cfg, _ := config(t, role("a", nil, []string{"x"}, &a), role("b", []string{"x"}, nil, &b))
	run(t, cfg)
	ln, err := b.Listen("x")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		if c1, err = a.Dial(t.Context(), "x"); err != nil {
			return
		}
		c2, err = ln.Accept()
		return c1, c2, func() { c1.Close(); c2.Close() }, err
	})
	c, err := a.Dial(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if c.LocalAddr().String() != "a@x" || c.RemoteAddr().String() != "b@x" || c.LocalAddr().Network() != "memory" {
		t.Error(c.LocalAddr(), c.RemoteAddr())
	}
	c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Error("read after close:", err)
	}
}

func TestUndeclaredIsRefused(t *testing.T) {
	var a, b *host.Env
	cfg, log := config(t, role("a", nil, []string{"x"}, &a), role("b", []string{"x", "y"}, nil, &b), echo("z"))
	run(t, cfg)
	for name, try := range map[string]func() error{
		"dial":          func() error { _, err := a.Dial(t.Context(), "y"); return err },
		"dial no such":  func() error { _, err := a.Dial(t.Context(), "nowhere"); return err },
		"dial own":      func() error { _, err := b.Dial(t.Context(), "x"); return err },
		"listen":        func() error { _, err := a.Listen("x"); return err },
		"listen others": func() error { _, err := b.Listen("z"); return err },
	} {
		if err := try(); !errors.Is(err, host.ErrUndeclared) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = log
}

func TestDialWaitsForARoleThatStarts(t *testing.T) {
	slow := echo("x")
	start := slow.Start
	slow.Start = func(ctx context.Context, e *host.Env) (*host.Running, error) {
		time.Sleep(100 * time.Millisecond)
		return start(ctx, e)
	}
	eager := host.Role{Name: "eager", Calls: []string{"x"}, Start: func(ctx context.Context, e *host.Env) (*host.Running, error) {
		c, err := e.Dial(ctx, "x")
		if err == nil {
			c.Close()
		}
		return nil, err
	}}
	cfg, _ := config(t, eager, slow)
	run(t, cfg)
}

func TestDialEndsWithItsContext(t *testing.T) {
	var a, b *host.Env
	cfg, _ := config(t, role("a", nil, []string{"x"}, &a), role("b", []string{"x"}, nil, &b)) // b never listens
	h := run(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := a.Dial(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ln, err := b.Listen("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Listen("x"); err == nil {
		t.Error("listened twice")
	}
	ln.Close()
	if _, err := a.Dial(t.Context(), "x"); !errors.Is(err, host.ErrRefused) {
		t.Error(err)
	}
	if ln, err = b.Listen("x"); err != nil {
		t.Error("listen again:", err)
	}
	h.Stop(t.Context())
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := a.Dial(t.Context(), "x"); !errors.Is(err, host.ErrRefused) {
		t.Error(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestTwoProcesses runs two hosts that meet over TCP with mutual TLS.
func TestTwoProcesses(t *testing.T) {
	var a *host.Env
	var s *host.Env
	caller, stranger := role("a", nil, []string{"x"}, &a), role("stranger", nil, nil, &s)
	server := echo("x")
	addr := freeAddr(t)

	there, log := config(t, caller, stranger, server)
	there.Only, there.Publish = []string{"echo"}, map[string]string{"x": addr}
	run(t, there)

	here, _ := config(t, caller, server)
	here.Only, here.Remote = []string{"a"}, map[string]string{"x": addr}
	copyCA(t, there.DataDir, here.DataDir)
	run(t, here)
	speak(t, a, "x")

	t.Run("a role that declared no call", func(t *testing.T) {
		var p *host.Env
		pretend := role("stranger", nil, []string{"x"}, &p) // here it says that it may; there it may not
		cfg, _ := config(t, pretend, server)
		cfg.Only, cfg.Remote = []string{"stranger"}, map[string]string{"x": addr}
		copyCA(t, there.DataDir, cfg.DataDir)
		run(t, cfg)
		refused(t, p)
	})
	t.Run("a certificate of another CA", func(t *testing.T) {
		var p *host.Env
		cfg, _ := config(t, role("a", nil, []string{"x"}, &p), server)
		cfg.Only, cfg.Remote = []string{"a"}, map[string]string{"x": addr}
		run(t, cfg)
		refused(t, p)
	})
	t.Run("no certificate, or TLS 1.2", func(t *testing.T) {
		for _, conf := range []*tls.Config{{InsecureSkipVerify: true}, {InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}} {
			c, err := tls.Dial("tcp", addr, conf)
			if err != nil {
				continue
			}
			c.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("got in")
			}
			c.Close()
		}
	})
	for end := time.Now().Add(5 * time.Second); strings.Count(log.String(), "call refused") < 4 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond) // the server's side ends a little later
	}
	if n := strings.Count(log.String(), "call refused"); n < 4 {
		t.Errorf("%d refusals in the log:\n%s", n, log)
	}
}

func refused(t *testing.T, e *host.Env) {
	t.Helper()
	c, err := e.Dial(t.Context(), "x")
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("got in:", err)
	}
}

// copyCA gives another data folder the CA, as an operator would.
func copyCA(t *testing.T, from, to string) {
	t.Helper()
	os.MkdirAll(filepath.Join(to, "tls"), 0o700)
	for _, name := range []string{"ca.crt", "ca.key"} {
		b, err := os.ReadFile(filepath.Join(from, "tls", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "tls", name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func web(name string, h http.HandlerFunc) host.Role {
	return host.Role{Name: name, Origins: []string{name}, Start: func(context.Context, *host.Env) (*host.Running, error) {
		return &host.Running{Web: map[string]http.Handler{name: h}}, nil
	}}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	c := host.LoopbackClient()
	defer c.CloseIdleConnections()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestFrontDoor(t *testing.T) {
	sick := web("bank", func(w http.ResponseWriter, r *http.Request) { panic("4539123412341234") })
	start := sick.Start
	sick.Start = func(ctx context.Context, e *host.Env) (*host.Running, error) {
		r, err := start(ctx, e)
		r.Ready = func() error { return errors.New("the link is down") }
		return r, err
	}
	cfg, log := config(t, web("pay", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "pay here") }), sick)
	h := run(t, cfg)
	if code, body := get(t, h.URL("pay")+"/frame/pay_1?key=secretkey"); code != 200 || body != "pay here" {
		t.Error(code, body)
	}
	if code, body := get(t, h.URL("nothing")); code != 421 || !strings.Contains(body, h.URL("pay")) {
		t.Error(code, body)
	}
	if code, _ := get(t, h.URL("nothing.pay")); code != 421 {
		t.Error("a name below an origin was answered:", code)
	}
	if code, body := get(t, h.URL("bank")); code != 500 || strings.Contains(body, "4539") {
		t.Error(code, body)
	}
	if code, body := get(t, h.URL("countersign")+"/healthz"); code != 200 || body != "ok\n" {
		t.Error(code, body)
	}
	if code, body := get(t, h.URL("countersign")+"/readyz"); code != 503 || !strings.Contains(body, "the link is down") {
		t.Error(code, body)
	}
	code, body := get(t, h.URL("countersign")+"/metrics")
	for _, want := range []string{`countersign_http_requests_total{origin="pay",method="GET",status="200"} 1`,
		`countersign_role_ready{role="bank"} 0`, `countersign_role_ready{role="pay"} 1`, `countersign_http_request_seconds_bucket{origin="pay",le="+Inf"} 1`} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("metrics lack %s:\n%s", want, body)
		}
	}
	text := log.String()
	if strings.Contains(text, "secretkey") || strings.Contains(text, "key=") {
		t.Error("the log has a query string")
	}
	if strings.Contains(text, "4539") || !strings.Contains(text, "panic in a handler") || !strings.Contains(text, "path=/frame/pay_1") {
		t.Error("the log tells too much or too little:", text)
	}
}

func TestStopOrderAndStreams(t *testing.T) {
	var mu sync.Mutex
	var order []string
	make := func(name string, serves, calls []string) host.Role {
		return host.Role{Name: name, Serves: serves, Calls: calls, Start: func(context.Context, *host.Env) (*host.Running, error) {
			return &host.Running{Stop: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
				return nil
			}}, nil
		}}
	}
	stream := web("bank", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	cfg, _ := config(t, make("issuer", []string{"i"}, nil), make("directory", []string{"d"}, []string{"g"}), make("checkout", []string{"g"}, []string{"i", "d"}), stream)
	h := run(t, cfg)
	c := host.LoopbackClient()
	resp, err := c.Get(h.URL("bank"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begin := time.Now()
	if err := h.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("an open event stream held the stop for %v", took)
	}
	if len(order) != 3 || order[2] != "issuer" {
		t.Error(order)
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	broken := host.Role{Name: "broken", Start: func(context.Context, *host.Env) (*host.Running, error) { return nil, errors.New("no luck") }}
	cfg, _ := config(t, echo("x"), broken)
	cfg.Listen = freeAddr(t)
	for range 2 { // the second time shows that port and folder are free again
		if _, err := host.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "no luck") {
			t.Fatal(err)
		}
	}
}

func TestDataFolderHasOneUser(t *testing.T) {
	cfg, _ := config(t)
	run(t, cfg)
	if _, err := host.Run(t.Context(), cfg); !errors.Is(err, host.ErrInUse) {
		t.Error(err)
	}
}

func TestConfigMistakesAllAtOnce(t *testing.T) {
	var e *host.Env
	cfg, _ := config(t, role("a", []string{"x"}, []string{"gone"}, &e), role("b", []string{"x"}, nil, &e), role("b", nil, nil, &e))
	cfg.Only = []string{"a", "nobody"}
	cfg.Remote = map[string]string{"x": "h:1", "q": "h:2"}
	cfg.Publish = map[string]string{"zzz": "h:3"}
	cfg.Cert = "only.pem"
	_, err := host.Run(t.Context(), cfg)
	if !errors.Is(err, host.ErrConfig) {
		t.Fatal(err)
	}
	for _, want := range []string{"both serve x", `"nobody"`, "gone", `"q"`, "also has a remote", "zzz", "certificate", `"b" appears twice`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s in\n%v", want, err)
		}
	}
}

func TestEgressStaysOutside(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
			return
		}
		fmt.Fprint(w, "inside")
	}))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	var e *host.Env
	cfg, _ := config(t, role("a", nil, nil, &e))
	cfg.EgressAllow = []string{"shop.localhost:" + port}
	run(t, cfg)
	defer e.Egress.CloseIdleConnections()
	for _, url := range []string{inside.URL, "http://localhost:" + port, "http://pay.localhost:" + port, "http://10.0.0.1/", "http://169.254.169.254/",
		"http://[::1]:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port, "http://[fd00::1]/", "http://100.64.0.1/", "http://192.0.2.1/"} {
		if _, err := e.Egress.Get(url); !errors.Is(err, host.ErrPrivate) {
			t.Errorf("%s: %v", url, err)
		}
	}
	resp, err := e.Egress.Get("http://shop.localhost:" + port + "/redirect")
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("the agreed address, without its redirect: %v %v", resp, err)
	}
	if err == nil {
		resp.Body.Close()
	}
	if _, err := host.LoopbackClient().Get("http://192.0.2.1/"); err == nil {
		t.Error("the loopback client left the machine")
	}
}

func TestFrontDoorOverTLS(t *testing.T) {
	cfg, _ := config(t, web("pay", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	files, err := host.Certify(cfg.DataDir, "front", time.Now, rand.Reader) // any certificate will do here
	if err != nil {
		t.Fatal(err)
	}
	cfg.Cert, cfg.Key = files[1], files[2]
	h := run(t, cfg)
	if !strings.HasPrefix(h.URL("pay"), "https://pay.localhost:") {
		t.Error(h.URL("pay"))
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, h.Addr().String())
		}}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get(h.URL("pay"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "HTTP/2.0" || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %v", b, resp.Header)
	}
}
