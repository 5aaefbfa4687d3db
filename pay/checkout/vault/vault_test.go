package vault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/pay/sealed"
)

func testVault(t *testing.T) (*Vault, *keys.Store) {
	t.Helper()
	ks, err := keys.InMemory(time.Now, rand.Reader, keys.Spec{Purpose: keys.VaultSeal, Algorithm: keys.X25519, Owner: "checkout"},
		keys.Spec{Purpose: keys.VaultStore, Algorithm: keys.AES256, Owner: "checkout"})
	if err != nil {
		t.Fatal(err)
	}
	return New(ks.For("checkout"), rand.Reader), ks
}

func number(pan, expiry string) []byte {
	b := make([]byte, sealed.NumberSize)
	copy(b, pan+"D"+expiry)
	return b
}

func testContext(t testing.TB, minor int64) sealed.Context {
	eur, _ := money.ByAlpha("EUR")
	a, err := money.New(minor, eur)
	if err != nil {
		t.Fatal(err)
	}
	return sealed.Context{Payment: "pay_1", Merchant: "SHOP1", Amount: a}
}

func seal(t *testing.T, v *Vault, c sealed.Context, plain []byte) sealed.Box {
	t.Helper()
	id, pub, err := v.Public()
	if err != nil {
		t.Fatal(err)
	}
	b, err := sealed.Seal(sealed.Number, id, pub, c.NumberAAD(), plain)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digits(p card.PAN) string {
	var s string
	p.Use(func(d []byte) { s = string(d) })
	return s
}

func TestOpenAndKeep(t *testing.T) {
	v, ks := testVault(t)
	c := testContext(t, 2340)
	for _, pan := range []string{"4242424242424242", "378282246310005", "6304000000000000"} {
		box := seal(t, v, c, number(pan, "2911"))
		if _, err := ks.Rotate(keys.VaultSeal); err != nil { // a page that was open during a change of keys still works
			t.Fatal(err)
		}
		n, err := v.Open(box, c)
		if err != nil {
			t.Fatal(err)
		}
		if digits(n.PAN) != pan || n.Expiry.YYMM() != "2911" {
			t.Errorf("opened another card")
		}
		id, stored, err := v.Keep("pay_1", 1, n)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stored, []byte(pan[4:12])) {
			t.Error("stored in the clear")
		}
		if _, err := ks.Rotate(keys.VaultStore); err != nil {
			t.Fatal(err)
		}
		again, err := v.Take("pay_1", 1, id, stored)
		if err != nil || !again.PAN.Equal(n.PAN) || again.Expiry != n.Expiry {
			t.Errorf("Take: %v", err)
		}
		if _, err := v.Take("pay_2", 1, id, stored); !errors.Is(err, ErrStored) {
			t.Errorf("opened for another payment: %v", err)
		}
		if _, err := v.Take("pay_1", 2, id, stored); !errors.Is(err, ErrStored) {
			t.Errorf("opened for another attempt: %v", err)
		}
		stored[len(stored)-1] ^= 1
		if _, err := v.Take("pay_1", 1, id, stored); !errors.Is(err, ErrStored) {
			t.Errorf("opened though changed: %v", err)
		}
		n.Wipe()
		if n.PAN.Last4() != "" {
			t.Error("not wiped")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	v, _ := testVault(t)
	c := testContext(t, 2340)
	plains := map[string][]byte{
		"luhn": number("4242424242424241", "2911"), "short": number("42", "2911"), "no D": number("4242424242424242", "")[:sealed.NumberSize],
		"letters": number("42424242424242x2", "2911"), "size": []byte("4242424242424242D2911"), "tail": append(number("4242424242424242", "2911")[:23], 1),
		"empty": make([]byte, sealed.NumberSize),
	}
	plains["no D"][16] = 'x'
	for name, plain := range plains {
		if _, err := v.Open(seal(t, v, c, plain), c); !errors.Is(err, ErrBox) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := v.Open(seal(t, v, c, number("4242424242424242", "2913")), c); !errors.Is(err, ErrExpiry) {
		t.Errorf("month 13: %v", err)
	}
	box := seal(t, v, c, number("4242424242424242", "2911"))
	if _, err := v.Open(box, testContext(t, 2341)); !errors.Is(err, ErrBox) {
		t.Errorf("another amount: %v", err)
	}
	other := c
	other.Payment = "pay_2"
	if _, err := v.Open(box, other); !errors.Is(err, ErrBox) {
		t.Errorf("another payment: %v", err)
	}
	box.KeyID = "vault-seal-9"
	if _, err := v.Open(box, c); !errors.Is(err, ErrBox) {
		t.Errorf("another key: %v", err)
	}
}

func TestBrandAndRange(t *testing.T) {
	for pan, want := range map[string]string{
		"4242424242424242": "Visa", "5555555555554444": "Mastercard", "2223003122003222": "Mastercard", "378282246310005": "American Express",
		"3530111333300000": "JCB", "6011111111111117": "Discover", "6200000000000005": "UnionPay", "30569309025904": "Diners Club", "9999999999999995": "",
	} {
		p, err := card.ParsePAN([]byte(pan))
		if err != nil {
			t.Fatal(pan, err)
		}
		if got := Brand(p); got != want {
			t.Errorf("%v: %q, want %q", p, got, want)
		}
	}
	p, _ := card.ParsePAN([]byte("4242424242424242"))
	for _, c := range []struct {
		start, end string
		in         bool
	}{{"4242420000000000000", "4242429999999999999", true}, {"4242424242424242000", "4242424242424242000", true}, {"4242424242424242001", "4999999999999999999", false}, {"4000000000000000000", "4242424242424241999", false}} {
		if InRange(p, c.start, c.end) != c.in {
			t.Error(c)
		}
	}
}

func TestCardLike(t *testing.T) {
	for text, want := range map[string]bool{
		"4242424242424242": true, "card 4242 4242 4242 4242 please": true, "4242-4242-4242-4242": true, "3782 822463 10005": true, "x4242424242424242x": true,
		"4242 4242 4242 4242 1129": true, "no. 17 4242.4242.4242.4242": true,
		"4242424242424241": false, "": false, "order 20261122160000123": false, "2026-11-22 16:09:18": false, "1234567890123": false, "14242424242424242": false,
		"+49 30 1234567890": false, "order 9999900000000005": true, "9999800000000007": false,
	} {
		if CardLike(text, func(d []byte) bool { return Within(d, "9999900000000000", "9999909999999999") }) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(number("4242424242424242", "2911"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := parse(b)
		if err == nil && fmt.Sprint(n.PAN) == "" {
			t.Error("empty")
		}
		if err == nil && !n.PAN.Present() {
			t.Error("no error and no number")
		}
	})
}
