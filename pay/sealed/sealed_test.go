package sealed_test

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"testing"

	"countersign/pay/money"
	"countersign/pay/sealed"

	"crypto/rand"
)

func keyPair(t testing.TB) (private, public []byte) {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k.Bytes(), k.PublicKey().Bytes()
}

func eur(t testing.TB, minor int64) money.Amount {
	t.Helper()
	cur, _ := money.ByAlpha("EUR")
	a, err := money.New(minor, cur)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestACodeOpensForItsPaymentOnly(t *testing.T) {
	private, public := keyPair(t)
	ctx := sealed.Context{Payment: "pay_1", Merchant: "SHOP1", Amount: eur(t, 2340)}
	pan, plain := []byte("9752000000000001"), []byte("739\x00")
	aad := ctx.AppendCodeAAD(nil, pan, "2911")
	box, err := sealed.Seal(sealed.Code, "k1", public, aad, plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sealed.Open(sealed.Code, private, box, aad)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("does not open for its own payment: %v", err)
	}
	sek, _ := money.ByAlpha("SEK")
	kronor, _ := money.New(2340, sek)
	otherPrivate, _ := keyPair(t)
	changed := sealed.Box{KeyID: box.KeyID, Data: bytes.Clone(box.Data)}
	changed.Data[len(changed.Data)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another payment": func() ([]byte, error) {
			c := ctx
			c.Payment = "pay_2"
			return sealed.Open(sealed.Code, private, box, c.AppendCodeAAD(nil, pan, "2911"))
		},
		"another shop": func() ([]byte, error) {
			c := ctx
			c.Merchant = "SHOP2"
			return sealed.Open(sealed.Code, private, box, c.AppendCodeAAD(nil, pan, "2911"))
		},
		"another amount": func() ([]byte, error) {
			c := ctx
			c.Amount = eur(t, 2341)
			return sealed.Open(sealed.Code, private, box, c.AppendCodeAAD(nil, pan, "2911"))
		},
		"another currency": func() ([]byte, error) {
			c := ctx
			c.Amount = kronor
			return sealed.Open(sealed.Code, private, box, c.AppendCodeAAD(nil, pan, "2911"))
		},
		"another card": func() ([]byte, error) {
			return sealed.Open(sealed.Code, private, box, ctx.AppendCodeAAD(nil, []byte("4111111111111111"), "2911"))
		},
		"another expiry": func() ([]byte, error) {
			return sealed.Open(sealed.Code, private, box, ctx.AppendCodeAAD(nil, pan, "2912"))
		},
		"another kind":   func() ([]byte, error) { return sealed.Open(sealed.Number, private, box, aad) },
		"another key":    func() ([]byte, error) { return sealed.Open(sealed.Code, otherPrivate, box, aad) },
		"a changed byte": func() ([]byte, error) { return sealed.Open(sealed.Code, private, changed, aad) },
	} {
		if _, err := open(); !errors.Is(err, sealed.ErrOpen) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBoxText(t *testing.T) {
	_, public := keyPair(t)
	box, _ := sealed.Seal(sealed.Number, "vault-seal-1", public, nil, make([]byte, sealed.NumberSize))
	got, err := sealed.Parse(box.String())
	if err != nil || got.KeyID != box.KeyID || !bytes.Equal(got.Data, box.Data) {
		t.Errorf("does not come back: %v", err)
	}
	for _, bad := range []string{"", "v1", "v1..", "v1.k.", "v2.k.AAAA", "v1.K.AAAA", "v1.k.A*A", "v1.k.AAAA", box.String() + "=", box.String() + "\n"} {
		if _, err := sealed.Parse(bad); !errors.Is(err, sealed.ErrFormat) {
			t.Errorf("accepted a bad box of %d bytes", len(bad))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v1.k." + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := sealed.Parse(s)
		if err == nil && b.String() != s {
			t.Error("two texts for one box")
		}
	})
}
