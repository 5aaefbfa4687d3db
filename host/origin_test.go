package host

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestOrigin(t *testing.T) {
	b := base{"http", "localhost", "8080"}
	for header, want := range map[string]string{
		"pay.localhost:8080": "pay", "PAY.LOCALHOST": "pay", "pay.localhost.": "pay", "face.bank.localhost": "face.bank",
		"localhost": "", "pay.localhost.evil.example": "", "evil-localhost": "", "": "", ".localhost": "", "pay.localhost:8080:1": "", "[::1]:8080": "",
	} {
		if got := b.origin(header); got != want {
			t.Errorf("%q is %q, want %q", header, got, want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	addr := &net.TCPAddr{Port: 8080}
	for text, want := range map[string]string{
		"": "http://pay.localhost:8080", "https://Example.com": "https://pay.example.com", "https://example.com:443/": "https://pay.example.com",
		"http://example.com:80": "http://pay.example.com", "http://localhost:9": "http://pay.localhost:9",
		"ftp://x": "", "example.com": "", "https://example.com/path": "", "https://u@example.com": "", "https://example.com?x": "", "::": "",
	} {
		b, err := parseBase(text, addr, false)
		if (err == nil) != (want != "") || err == nil && b.url("pay") != want {
			t.Errorf("%q: %q %v", text, b.url("pay"), err)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"pay.localhost:8080", "localhost", "[::1]:80", "a.b.localhost.", "\x00.localhost"} {
		f.Add(s)
	}
	b := base{"http", "localhost", "8080"}
	f.Fuzz(func(t *testing.T, header string) {
		o := b.origin(header)
		if o != "" && !strings.Contains(strings.ToLower(header), o+".localhost") {
			t.Errorf("%q is %q", header, o)
		}
	})
}

func TestPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false, "169.254.169.254": false,
		"100.100.0.1": false, "0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fc00::1": false,
		"::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001:db8::1": false, "2001::1": false, "ff02::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s public: %v", text, got)
		}
	}
}

// TestSlowBody: a body that dribbles in is cut off, and a stream that lasts longer is not.
func TestSlowBody(t *testing.T) {
	role := Role{Name: "pay", Origins: []string{"pay"}, Start: func(context.Context, *Env) (*Running, error) {
		return &Running{Web: map[string]http.Handler{"pay": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				time.Sleep(400 * time.Millisecond)
				fmt.Fprint(w, r.Context().Err())
				return
			}
			_, err := io.ReadAll(r.Body)
			if err == nil {
				t.Error("half a body was read without an error")
			}
			w.WriteHeader(http.StatusRequestTimeout)
		})}}, nil
	}}
	h, err := Run(t.Context(), Config{Roles: []Role{role}, Listen: "127.0.0.1:0", DataDir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Stop(t.Context())
	h.door.body = 150 * time.Millisecond
	for request, want := range map[string]string{
		"POST / HTTP/1.1\r\nHost: pay.localhost\r\nContent-Length: 10\r\n\r\nhalf": "408", "GET / HTTP/1.1\r\nHost: pay.localhost\r\n\r\n": "200",
	} {
		c, err := net.Dial("tcp", h.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(c, request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || !strings.HasPrefix(resp.Status, want) {
			t.Errorf("%.4s: %v %v", request, resp, err)
		} else if body, _ := io.ReadAll(resp.Body); want == "200" && string(body) != "%!v(<nil>)" && string(body) != "<nil>" {
			t.Errorf("a long answer was cut off: %s", body)
		}
		c.Close()
	}
}
