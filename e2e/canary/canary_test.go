package canary

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const secret = "739canaryQx81ZpLm40" // the control everywhere

func set(t testing.TB, secrets ...string) *Set {
	t.Helper()
	s, err := NewSet(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryFormIsFoundAtEveryOffset(t *testing.T) {
	number := "9752000000000001"
	s := set(t, secret, number)
	for name, b := range map[string][]byte{
		"raw":  []byte(secret),
		"hex":  []byte(hex.EncodeToString([]byte(secret))),
		"json": jsonEscape([]byte(secret)),
		"bcd":  bcd([]byte(number)),
		"odd":  append([]byte{0x09}, bcd([]byte(number)[1:])...),
	} {
		if hits, _ := s.Reader(name, bytes.NewReader(append([]byte("x"), b...))); len(hits) == 0 {
			t.Errorf("%s not found", name)
		}
	}
	for shift := range 5 {
		text := strings.Repeat("y", shift) + secret + "zz"
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			if hits, _ := s.Reader("b64", strings.NewReader(enc.EncodeToString([]byte(text)))); len(hits) == 0 {
				t.Errorf("base64 at shift %d not found", shift)
			}
		}
	}
	if hits, _ := s.Reader("none", strings.NewReader(strings.Repeat("739 9752 canary ", 10000))); len(hits) != 0 {
		t.Errorf("found what is not there: %v", hits[0])
	}
}

func TestAcrossChunks(t *testing.T) {
	s := set(t, secret)
	for d := -len(secret) - 1; d <= 1; d++ {
		b := bytes.Repeat([]byte{'.'}, 2*chunk)
		copy(b[chunk+d:], secret)
		hits, err := s.Reader("r", bytes.NewReader(b))
		if err != nil || len(hits) != 1 || hits[0].Offset != int64(chunk+d) {
			t.Fatalf("at chunk%+d: %v %v", d, hits, err)
		}
	}
}

func TestFilesMemoryAndTraffic(t *testing.T) {
	s := set(t, secret)
	dir := t.TempDir()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	fmt.Fprint(w, "log line ", secret)
	w.Close()
	for name, b := range map[string][]byte{"a/plain": []byte(secret), "packed.gz": z.Bytes(), "clean": []byte("nothing")} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hits, n, err := s.Files(dir)
	if err != nil || n != 3 || len(hits) != 2 {
		t.Errorf("files: %d scanned, %v, %v", n, hits, err)
	}
	planted := []byte(strings.ToLower(secret + "!"))
	copy(planted, secret)
	mem, _, err := s.Process(os.Getpid())
	if err != nil || len(mem) == 0 {
		t.Errorf("memory: %d hits, %v", len(mem), err)
	}
	runtime.KeepAlive(planted)
	traffic(t, s)
}

func traffic(t *testing.T, s *Set) {
	c, err := StartCapture()
	if err != nil {
		if os.Getenv("COUNTERSIGN_TEST_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skipf("cannot listen on the loopback interface (needs root): %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if conn, err := ln.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 100))
			conn.Close()
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, secret)
	conn.Close()
	if hits, _ := s.Reader("traffic", bytes.NewReader(c.Stop())); len(hits) == 0 {
		t.Error("nothing found in captured traffic")
	}
}
