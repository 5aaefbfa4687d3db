package link

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener of net.Pipe connections.
type pipes struct {
	in     chan net.Conn
	closed chan struct{}
	once   sync.Once
	dials  atomic.Int32
	wrap   func(net.Conn) net.Conn
}

func newPipes() *pipes { return &pipes{in: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.in:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
func (p *pipes) Dial(ctx context.Context) (net.Conn, error) {
	p.dials.Add(1)
	a, b := net.Pipe()
	select {
	case p.in <- b:
		if p.wrap != nil {
			return p.wrap(a), nil
		}
		return a, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve runs a server for a test and returns how to reach it.
func serve(t testing.TB, h Handler) (*pipes, *Client) {
	p := newPipes()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, p, h) }()
	c := &Client{Dial: p.Dial, Path: "/3ds", Host: "x"}
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p, c
}

func echo(_ context.Context, body []byte) []byte { return append([]byte("<"), append(body, '>')...) }

func TestPost(t *testing.T) {
	p, c := serve(t, echo)
	for i, body := range []string{"hello", "", strings.Repeat("x", 100_000), strings.Repeat("y", MaxBody-2), "again"} {
		got, err := c.Post(t.Context(), []byte(body))
		if err != nil || string(got) != "<"+body+">" {
			t.Fatalf("%d: %d bytes, %v", i, len(got), err)
		}
	}
	if n := p.dials.Load(); n != 1 {
		t.Error(n, "connections for posts one after the other")
	}
}

func TestConcurrent(t *testing.T) {
	_, c := serve(t, echo)
	var all sync.WaitGroup
	for w := range 20 {
		all.Go(func() {
			for i := range 50 {
				body := fmt.Sprint(w, " ", i, strings.Repeat("z", 300*i))
				if got, err := c.Post(t.Context(), []byte(body)); err != nil || string(got) != "<"+body+">" {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestNetHTTP: Go's own client and server understand ours, and ours theirs, over TCP.
func TestNetHTTP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go Serve(ctx, ln, echo)
	for range 3 {
		res, err := http.Post("http://"+ln.Addr().String()+"/3ds", ContentType, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || string(b) != "<body>" || res.Header.Get("Content-Type") != ContentType {
			t.Error(res.Status, string(b))
		}
	}
	res, err := http.Get("http://" + ln.Addr().String() + "/3ds")
	if err != nil || res.StatusCode != 405 {
		t.Error(res, err)
	}
	other := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		w.Write(b)
	})}
	ln2, _ := net.Listen("tcp", "127.0.0.1:0")
	go other.Serve(ln2)
	defer other.Close()
	c := &Client{Host: "x", Dial: func(ctx context.Context) (net.Conn, error) { return net.Dial("tcp", ln2.Addr().String()) }}
	defer c.Close()
	for range 3 {
		if got, err := c.Post(t.Context(), []byte("body")); err != nil || string(got) != "body" {
			t.Error(string(got), err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
		{"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "411"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", "411"},
		{"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n", "413"},
		{"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"},
		{"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", "400"},
		{"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400"},
		{"POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\nx", "400"},
		{"POST / HTTP/1.1\r\nno colon\r\n\r\n", "400"},
		{"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "400"},
		{"POST /\r\n\r\n", "400"},
		{"\x16\x03\x01 hello TLS\r\n\r\n", "400"},
		{"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", "417"},
		{"POST / HTTP/1.1\r\nX: " + strings.Repeat("x", 2*MaxHead) + "\r\n\r\n", "413"},
	} {
		p, _ := serve(t, func(context.Context, []byte) []byte { t.Error("handler called for", c.in); return nil })
		conn, err := p.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go conn.Write([]byte(c.in))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+c.want+" ") {
			t.Errorf("%.60q: %q %v", c.in, line, err)
		}
		conn.Close()
	}
}

// TestSlowWriter: a request may come in any pieces.
func TestSlowWriter(t *testing.T) {
	p, _ := serve(t, echo)
	conn, _ := p.Dial(t.Context())
	defer conn.Close()
	go func() {
		for _, b := range []byte("POST / HTTP/1.1\r\ncontent-length:5\r\n\r\nhello") {
			conn.Write([]byte{b})
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(res.Body); string(b) != "<hello>" {
		t.Errorf("%q", b)
	}
}

func TestClientFaults(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   error
	}{
		"status":      {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", ErrStatus},
		"not HTTP":    {"hello\r\n\r\n", ErrBroken},
		"HTTP/2":      {"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", ErrBroken},
		"no length":   {"HTTP/1.1 200 OK\r\n\r\n", ErrBroken},
		"chunked":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ErrBroken},
		"too long":    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", ErrBroken},
		"cut":         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", ErrBroken},
		"cut in head": {"HTTP/1.1 200", ErrBroken},
		"nothing":     {"", ErrBroken},
	} {
		p := newPipes()
		go func() {
			for {
				conn, err := p.Accept()
				if err != nil {
					return
				}
				go func() {
					http.ReadRequest(bufio.NewReader(conn))
					conn.Write([]byte(c.answer))
					conn.Close()
				}()
			}
		}()
		client := &Client{Dial: p.Dial}
		if _, err := client.Post(t.Context(), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if n := p.dials.Load(); n != 1 {
			t.Errorf("%s: %d connections", name, n)
		}
		p.Close()
		if _, err := client.Post(t.Context(), nil); !errors.Is(err, ErrConnect) {
			t.Errorf("%s, closed: %v", name, err)
		}
	}
}

// TestDeadKeptConnection: a kept connection that the other side closed is replaced, once and unseen.
func TestDeadKeptConnection(t *testing.T) {
	var mu sync.Mutex
	var last net.Conn
	p, c := serve(t, echo)
	p.wrap = func(n net.Conn) net.Conn { mu.Lock(); last = n; mu.Unlock(); return n }
	for i := range 3 {
		if got, err := c.Post(t.Context(), []byte("x")); err != nil || string(got) != "<x>" {
			t.Fatal(i, err)
		}
		mu.Lock()
		last.Close()
		mu.Unlock()
	}
	if n := p.dials.Load(); n != 3 {
		t.Error(n, "connections")
	}
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, c := serve(t, func(context.Context, []byte) []byte { <-release; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		from := time.Now()
		if _, err := c.Post(ctx, []byte("x")); !errors.Is(err, ErrTimeout) {
			t.Error(err)
		}
		if d := time.Since(from); d != 5*time.Second {
			t.Error(d)
		}
		close(release)
		synctest.Wait()
	})
}

func TestSlowClientIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := serve(t, echo)
		for in, limit := range map[string]time.Duration{"": serverIdle, "POST / HT": serverRead, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc": serverRead} {
			conn, _ := p.Dial(t.Context())
			from := time.Now()
			io.WriteString(conn, in)
			io.ReadAll(conn)
			if d := time.Since(from); d != limit {
				t.Errorf("%q: dropped after %v, want %v", in, d, limit)
			}
			conn.Close()
		}
	})
}

func TestKeptConnectionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := serve(t, echo)
		c.Post(t.Context(), nil)
		time.Sleep(clientIdle + time.Second)
		c.Post(t.Context(), nil)
		if n := p.dials.Load(); n != 2 {
			t.Error(n, "connections")
		}
	})
}

func TestServeStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		started, finish := make(chan struct{}), make(chan struct{})
		go func() {
			done <- Serve(ctx, p, func(ctx context.Context, b []byte) []byte { close(started); <-finish; return []byte("late") })
		}()
		c := &Client{Dial: p.Dial}
		got := make(chan string, 1)
		go func() { b, _ := c.Post(t.Context(), nil); got <- string(b) }()
		<-started
		cancel()
		synctest.Wait()
		select {
		case <-done:
			t.Error("ended with a request under way")
		default:
		}
		close(finish)
		if s := <-got; s != "late" {
			t.Errorf("%q", s)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

// spy is a connection that remembers every buffer it was given, to look into them later.
type spy struct {
	net.Conn
	mu   *sync.Mutex
	seen *[][]byte
}

func (s spy) Read(b []byte) (int, error) { s.note(b); return s.Conn.Read(b) }
func (s spy) Write(b []byte) (int, error) {
	s.note(b)
	return s.Conn.Write(b)
}
func (s spy) note(b []byte) {
	s.mu.Lock()
	*s.seen = append(*s.seen, b[:cap(b)])
	s.mu.Unlock()
}

// TestWiped looks into every buffer of both ends after the exchange.
func TestWiped(t *testing.T) {
	var mu sync.Mutex
	var seen [][]byte
	var lent []byte
	p := newPipes()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	c := &Client{Dial: p.Dial}
	go func() {
		ended <- Serve(ctx, p, func(_ context.Context, b []byte) []byte {
			lent = b
			out := []byte("answer 4000001234567899")
			mu.Lock()
			seen = append(seen, out)
			mu.Unlock()
			return out
		})
	}()
	p.wrap = func(n net.Conn) net.Conn { return spy{n, &mu, &seen} }
	secret := []byte("4000001234567899")
	for _, n := range []int{10, 9000, 60000} {
		body := append(bytes.Repeat([]byte("x"), n), secret...)
		got, err := c.Post(t.Context(), body)
		if err != nil || !bytes.Contains(got, secret) {
			t.Fatal(err)
		}
	}
	c.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	seen = append(seen, lent)
	for i, b := range seen {
		if bytes.Contains(b, secret) {
			t.Error("buffer", i, "was not wiped")
		}
	}
	t.Log(len(seen), "buffers looked at")
}

func FuzzLink(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), []byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, request, answer []byte) {
		in := newBuffer()
		conn := sent(request)
		body, _, status := readRequest(conn, in)
		conn.Close()
		if status == 0 {
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
			if err == nil && r.ContentLength >= 0 {
				other, _ := io.ReadAll(r.Body)
				if !bytes.Equal(body, other) {
					t.Fatalf("body %q, net/http has %q", body, other)
				}
			}
		}
		k := &kept{Conn: sent(answer), in: newBuffer(), out: newBuffer()}
		k.answer()
		k.Close()
	})
}

// kept is conn under a name that the variables above do not hide.
type kept = conn

// sent is a connection from which data comes, and then its end.
func sent(data []byte) net.Conn {
	a, b := net.Pipe()
	go func() { a.Write(data); a.Close() }()
	return b
}
