package ui

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/pay/money"
)

func TestDisplay(t *testing.T) {
	for _, c := range []struct {
		minor int64
		cur   string
		want  string
	}{
		{2340, "EUR", "€23.40"}, {5, "EUR", "€0.05"}, {123456789, "USD", "$1,234,567.89"}, {1200, "JPY", "¥1,200"},
		{500, "CHF", "CHF 5.00"}, {100000, "UAH", "₴1,000.00"}, {1, "GBP", "£0.01"}, {7, "", "? "}, {-150, "EUR", "−€1.50"}, {1234, "KWD", "KWD 1.234"},
	} {
		if got := Display(c.minor, c.cur); got != c.want {
			t.Errorf("Display(%d, %s) = %q, want %q", c.minor, c.cur, got, c.want)
		}
	}
}

// The decimals of every currency agree with the money package.
func TestDecimalsOfAllCurrencies(t *testing.T) {
	known := 0
	for n := range uint16(1000) {
		cur, err := money.ByNumeric(n)
		if err != nil {
			continue
		}
		known++
		a, err := money.New(123456, cur)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(Display(123456, cur.Alpha()), ",", ""); !strings.HasSuffix(got, a.Decimal()) || len(got) > len(a.Decimal())+4 {
			t.Errorf("%s: %s, money says %s", cur, got, a.Decimal())
		}
	}
	if known < 150 {
		t.Errorf("only %d currencies", known)
	}
}

func TestPolicy(t *testing.T) {
	p := Policy{}.String()
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'", "frame-src 'none'", "form-action 'self'"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %s in %s", want, p)
		}
	}
	if strings.Contains(p, "unsafe") || strings.Contains(p, "*") || strings.Contains(p, "data:") {
		t.Error("something loose in ", p)
	}
	p = Policy{NoScript: true, Form: []string{"'none'"}, Ancestors: []string{"https://shop.example"}}.String()
	for _, want := range []string{"script-src 'none'", "form-action 'none'", "frame-ancestors https://shop.example"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %s in %s", want, p)
		}
	}
}

func TestBundleServes(t *testing.T) {
	b := Shared()
	get := func(method, url string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, url, nil)
		if len(header) > 0 {
			r.Header.Set("If-None-Match", header[0])
		}
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		return w
	}
	w := get("GET", b.URL("base.css"))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Error(w.Code, w.Header())
	}
	if w := get("GET", "/_ui/base.css?v=old"); strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Error("a wrong version may be kept for ever")
	}
	if w := get("GET", "/_ui/base.css", w.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Error("not modified gives ", w.Code)
	}
	for _, bad := range []string{"/_ui/", "/_ui/../ui.go", "/_ui/none.css", "/other/base.css"} {
		if w := get("GET", bad); w.Code != 404 {
			t.Errorf("%s gives %d", bad, w.Code)
		}
	}
	if w := get("POST", "/_ui/base.css"); w.Code != http.StatusMethodNotAllowed {
		t.Error("POST gives ", w.Code)
	}
}

// The shared style stays small.
func TestWeight(t *testing.T) {
	data, err := fs.ReadFile(dist, "dist/base.css")
	if err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	w.Write(data)
	w.Close()
	t.Logf("base.css: %d bytes, %d gzip", len(data), z.Len())
	if z.Len() > 4096 {
		t.Errorf("base.css is %d bytes gzip, at most 4096", z.Len())
	}
}
