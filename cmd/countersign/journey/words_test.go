package journey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

// TestSearch plants a number in each form, at each offset, and wants it found; and another one not.
func TestSearch(t *testing.T) {
	number, other := []byte("9999900123456784"), []byte("9999900876543211")
	n := forms(number)
	bcd, err := hex.DecodeString(string(number))
	if err != nil {
		t.Fatal(err)
	}
	for shift := range 6 {
		front := bytes.Repeat([]byte{'x'}, shift)
		whole := append(append(bytes.Clone(front), number...), "yz"...)
		for name, text := range map[string][]byte{
			"plain": whole, "hex": []byte(hex.EncodeToString(whole)), "bcd": append(bytes.Clone(front), bcd...), "spaced": []byte("9999 9001 2345 6784"),
			"base64": []byte(base64.StdEncoding.EncodeToString(whole)), "base64url": []byte(base64.RawURLEncoding.EncodeToString(whole)),
		} {
			if !n.in(text) {
				t.Errorf("%s at offset %d is not found", name, shift)
			}
		}
		if n.in(append(front, other...)) || n.in([]byte(base64.StdEncoding.EncodeToString(append(front, other...)))) {
			t.Error("another number is found")
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "leak.db"), append([]byte("..."), number...), 0o600); err != nil {
		t.Fatal(err)
	}
	if files, _, err := n.search(dir); err != nil || len(files) != 1 {
		t.Error("a planted file is not found:", files, err)
	}
}

func TestWords(t *testing.T) {
	if c := cents("€1 476.60"); c != 147660 {
		t.Error(c)
	}
	if cents("") != -1 {
		t.Error("nothing is an amount")
	}
	if otherCode("129") != "120" || otherCode("000") != "001" {
		t.Error(otherCode("129"), otherCode("000"))
	}
	for _, box := range []string{"v1.key.AAAAAAAAAAAAAAAA", "v1.key.BCDEFGHIJKLM"} {
		if f := flip(box); f == box || len(f) != len(box) || f[:7] != box[:7] {
			t.Error(box, f)
		}
	}
	if short("pay_01m82182vf4cckh0cwrnebm6pb") != "pay_…bm6pb" && short("pay_01m82182vf4cckh0cwrnebm6pb") != "pay_…ebm6pb" {
		t.Error(short("pay_01m82182vf4cckh0cwrnebm6pb"))
	}
}
