package host

import (
	"net"
	"net/netip"
	"strings"
	"testing"
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
