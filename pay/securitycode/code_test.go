//go:build !canary

package securitycode_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"countersign/pay/securitycode"
)

func TestTakenOnceThenGone(t *testing.T) {
	in := []byte("739")
	c, err := securitycode.New(in)
	if err != nil {
		t.Fatal(err)
	}
	if string(in) != "\x00\x00\x00" {
		t.Error("the argument was not wiped")
	}
	var kept []byte
	if err := c.Use(func(d []byte) { kept = d; in = append(in[:0], d...) }); err != nil || string(in) != "739" {
		t.Fatalf("first use: %q %v", in, err)
	}
	if string(kept) != "\x00\x00\x00" {
		t.Error("digits outlive Use")
	}
	if err := c.Use(func([]byte) { t.Error("lent twice") }); !errors.Is(err, securitycode.ErrTaken) {
		t.Errorf("second use: %v", err)
	}
}

func TestWipedWhenTheUserPanics(t *testing.T) {
	c, _ := securitycode.New([]byte("739"))
	var kept []byte
	func() {
		defer func() { _ = recover() }()
		_ = c.Use(func(d []byte) { kept = d; panic("boom") })
	}()
	if string(kept) != "\x00\x00\x00" {
		t.Error("digits survive a panic")
	}
}

func TestBadCodes(t *testing.T) {
	for _, s := range []string{"", "1", "12", "12345", "12a", "１２３", " 12"} {
		b := []byte(s)
		if _, err := securitycode.New(b); !errors.Is(err, securitycode.ErrFormat) {
			t.Errorf("accepted %q", s)
		}
		if strings.Trim(string(b), "\x00") != "" {
			t.Errorf("a refused code of %d bytes was not wiped", len(s))
		}
	}
}

func TestCodeCannotBePrintedOrEncoded(t *testing.T) {
	c, _ := securitycode.New([]byte("739"))
	type in struct {
		C    securitycode.Code
		c    securitycode.Code
		P    *securitycode.Code
		Any  any
		List []securitycode.Code
	}
	for _, v := range []any{c, &c, in{c, c, &c, c, []securitycode.Code{c}}, []any{c}, map[string]any{"c": c}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "% x", "%T"} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "739") || strings.Contains(s, "373339") || strings.Contains(s, "37 33 39") || strings.Contains(s, "55 51 57") {
				t.Errorf("%s leaks", verb)
			}
		}
		if b, err := json.Marshal(v); err == nil && strings.Contains(string(b), "739") {
			t.Error("json leaks")
		}
	}
}
