package keys_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/host/keys"
)

func now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T, dir string) *keys.Store {
	t.Helper()
	s, err := keys.Open(dir, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func raw(k keys.Key) (b []byte) {
	k.Use(func(r []byte) { b = bytes.Clone(r) })
	return b
}

func TestStoredAndReadAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	s := open(t, dir)
	if err := s.Ensure(keys.SpecTable...); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if len(again.List()) != len(keys.SpecTable) {
		t.Fatalf("%d keys", len(again.List()))
	}
	for i, k := range s.List() {
		b := again.List()[i]
		if !bytes.Equal(raw(k), raw(b)) || k.ID != b.ID || k.Check != b.Check || !bytes.Equal(k.Public(), b.Public()) || !k.Created.Equal(b.Created) {
			t.Errorf("%v came back as %v", k, b)
		}
		if k.Algorithm == keys.TDES2 {
			for _, c := range raw(k) {
				if bits.OnesCount8(c)%2 != 1 {
					t.Error("a DES key without odd parity")
				}
			}
		}
		if (k.Public() != nil) != (k.Algorithm == keys.X25519) {
			t.Errorf("%v: public key", k)
		}
	}
	for _, name := range []string{"kek", "keys.json"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, fi.Mode(), err)
		}
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v", fi.Mode(), err)
	}
}

func TestRingsShowWhatTheyMay(t *testing.T) {
	s, err := keys.InMemory(now, rand.Reader, keys.SpecTable...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		role    string
		purpose keys.Purpose
		ok      bool
	}{
		{"checkout", keys.VaultSeal, true}, {"checkout", keys.CodeSeal, false}, {"checkout", keys.CVK, false}, {"checkout", keys.PANIndex, false},
		{"issuer", keys.CodeSeal, true}, {"issuer", keys.VaultSeal, false}, {"issuer", keys.CAVV, true}, {"issuer", keys.OTP, false},
		{"acs", keys.PANIndex, true}, {"acs", keys.CodeSeal, false}, {"acs", keys.CVK, false}, {"acs", keys.CardStore, false},
		{"mobile", keys.CardStore, false}, {"directory", keys.CodeSeal, false}, {"shop", keys.VaultSeal, false}, {"", keys.OTP, false},
	} {
		k, err := s.For(c.role).Current(c.purpose)
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("%s reads %s: %v", c.role, c.purpose, err)
		}
		if c.ok {
			if _, err := s.For(c.role).ByID(keys.Audit+"x", k.ID); err == nil {
				t.Error("an id opened a key of another purpose")
			}
		}
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o700)
	s := open(t, dir)
	if err := s.Ensure(keys.SpecTable...); err != nil {
		t.Fatal(err)
	}
	ring := s.For("issuer") // taken before: it must follow
	old, _ := ring.Current(keys.CodeSeal)
	fresh, err := s.Rotate(keys.CodeSeal)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.ID != "code-seal-2" || fresh.Number != 2 || bytes.Equal(raw(fresh), raw(old)) {
		t.Errorf("rotated %v to %v", old, fresh)
	}
	for _, r := range []*keys.Ring{ring, open(t, dir).For("issuer")} {
		if cur, err := r.Current(keys.CodeSeal); err != nil || cur.ID != fresh.ID {
			t.Errorf("current: %v %v", cur, err)
		}
		was, err := r.ByID(keys.CodeSeal, old.ID)
		if err != nil || was.Retired.IsZero() || !bytes.Equal(raw(was), raw(old)) {
			t.Errorf("the retired key: %v %v", was, err)
		}
		if all := r.All(keys.CodeSeal); len(all) != 2 || all[0].ID != fresh.ID {
			t.Errorf("all: %v", all)
		}
	}
	if _, err := s.Rotate("nothing"); !errors.Is(err, keys.ErrNoKey) {
		t.Error(err)
	}
	if err := s.Ensure(keys.SpecTable...); err != nil || len(s.List()) != len(keys.SpecTable)+1 {
		t.Error("Ensure after Rotate", err)
	}
}

// TestShared: two installations of which one runs the bank and one the access control server.
func TestShared(t *testing.T) {
	owned := func(owner string) (list []keys.Spec) {
		for _, sp := range keys.SpecTable {
			if sp.Owner == owner {
				list = append(list, sp)
			}
		}
		return list
	}
	bankDir, acsDir := t.TempDir(), t.TempDir()
	os.Chmod(bankDir, 0o700)
	os.Chmod(acsDir, 0o700)
	bank, acs := open(t, bankDir), open(t, acsDir)
	if err := errors.Join(bank.Ensure(owned("issuer")...), acs.Ensure(owned("acs")...)); err != nil {
		t.Fatal(err)
	}
	given, err := bank.Share("acs", acs)
	if err != nil || len(given) != 1 || given[0].Purpose != keys.PANIndex {
		t.Fatal(given, err)
	}
	if _, err := acs.Share("issuer", bank); err != nil {
		t.Fatal(err)
	}
	if given, err = bank.Share("acs", acs); err != nil || len(given) != 0 {
		t.Error("a second time:", given, err)
	}
	mine, _ := bank.For("issuer").Current(keys.PANIndex)
	theirs, err := open(t, acsDir).For("acs").Current(keys.PANIndex)
	if err != nil || !bytes.Equal(raw(mine), raw(theirs)) {
		t.Error("not the same key after reading it again", err)
	}
	for _, p := range []keys.Purpose{keys.CardStore, keys.CVK, keys.CodeSeal, keys.Audit} {
		if len(acs.For("issuer").All(p)) > 0 {
			t.Errorf("%s left the bank", p)
		}
	}
	// After a rotation at the owner, the reader gets the new key and knows that the old one is retired.
	if _, err := acs.Rotate(keys.CAVV); err != nil {
		t.Fatal(err)
	}
	if given, err = acs.Share("issuer", bank); err != nil || len(given) != 2 {
		t.Error(given, err)
	}
	if k, err := bank.For("issuer").Current(keys.CAVV); err != nil || k.ID != "cavv-2" {
		t.Error(k, err)
	}
	// A process that made the key for itself is told so, and loses nothing.
	stray := open(t, filepath.Join(t.TempDir(), "keys"))
	if err := stray.Ensure(keys.SpecTable...); err != nil {
		t.Fatal(err)
	}
	was, _ := stray.For("acs").Current(keys.PANIndex)
	if _, err := bank.Share("acs", stray); !errors.Is(err, keys.ErrSpec) {
		t.Error(err)
	}
	if k, _ := stray.For("acs").Current(keys.PANIndex); k.Check != was.Check {
		t.Error("it was replaced")
	}
}

// edit changes the stored file by hand, as somebody with the disk could.
func edit(t *testing.T, dir string, f func(list []map[string]any)) {
	t.Helper()
	path := filepath.Join(dir, "keys.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	f(file.Keys)
	text, err = json.Marshal(file)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTamperingIsRefused(t *testing.T) {
	find := func(list []map[string]any, id string) map[string]any {
		for _, k := range list {
			if k["id"] == id {
				return k
			}
		}
		t.Fatal(id)
		return nil
	}
	tests := map[string]func(t *testing.T, dir string){
		"blobs swapped": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) {
				a, b := find(l, "vault-store-1"), find(l, "card-store-1")
				a["blob"], b["blob"] = b["blob"], a["blob"]
			})
		},
		"another reader": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) { find(l, "code-seal-1")["readers"] = []string{"checkout", "issuer"} })
		},
		"another owner": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) { find(l, "otp-1")["owner"] = "shop" })
		},
		"another purpose": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) { find(l, "otp-1")["purpose"] = "cavv" })
		},
		"another number": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) { find(l, "otp-1")["number"] = 2 })
		},
		"cut short": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) { find(l, "otp-1")["blob"] = "AAAA" })
		},
		"another check": func(t *testing.T, dir string) {
			edit(t, dir, func(l []map[string]any) { find(l, "otp-1")["check"] = "000000" })
		},
		"another KEK": func(t *testing.T, dir string) {
			os.WriteFile(filepath.Join(dir, "kek"), []byte(strings.Repeat("ab", 32)+"\n"), 0o600)
		},
		"KEK lost": func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "kek")) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := open(t, dir).Ensure(keys.SpecTable...); err != nil {
				t.Fatal(err)
			}
			spoil(t, dir)
			if _, err := keys.Open(dir, now, rand.Reader); !errors.Is(err, keys.ErrUnwrap) {
				t.Errorf("opened, or another error: %v", err)
			}
		})
	}
	for _, name := range []string{"kek", "keys.json"} {
		dir := t.TempDir()
		if err := open(t, dir).Ensure(keys.SpecTable...); err != nil {
			t.Fatal(err)
		}
		os.Chmod(filepath.Join(dir, name), 0o640)
		if _, err := keys.Open(dir, now, rand.Reader); err == nil {
			t.Errorf("%s with mode 0640 was read", name)
		}
	}
}

func TestChangedSpecIsRefused(t *testing.T) {
	s, err := keys.InMemory(now, rand.Reader, keys.SpecTable...)
	if err != nil {
		t.Fatal(err)
	}
	for _, sp := range []keys.Spec{
		{keys.OTP, keys.HMAC, "issuer", nil}, {keys.OTP, keys.AES256, "acs", nil}, {keys.OTP, keys.HMAC, "acs", []string{"shop"}},
		{"Bad Name", keys.HMAC, "acs", nil}, {"fine", "ROT13", "acs", nil}, {"fine", keys.HMAC, "", nil},
	} {
		if err := s.Ensure(sp); !errors.Is(err, keys.ErrSpec) {
			t.Errorf("%v: %v", sp, err)
		}
	}
}

// TestCheckValues compares with known answers.
func TestCheckValues(t *testing.T) {
	zero := &fixed{b: make([]byte, 1<<12)}
	s, err := keys.InMemory(now, zero, keys.Spec{Purpose: "aes", Algorithm: keys.AES256, Owner: "x"}, keys.Spec{Purpose: "dh", Algorithm: keys.X25519, Owner: "x"})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := s.For("x").Current("aes")
	if a.Check != "dc95c0" { // AES-256 of a zero block under a zero key: dc95c078a2408989ad48a21492842087
		t.Error(a.Check)
	}
	d, _ := s.For("x").Current("dh")
	if got := hex.EncodeToString(d.Public()); got != "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74" { // RFC 7748 base point, scalar 0 clamped
		t.Error(got)
	}
}

type fixed struct{ b []byte }

func (f *fixed) Read(p []byte) (int, error) { n := copy(p, f.b); f.b = f.b[n:]; return n, nil }

func TestNeverPrinted(t *testing.T) {
	s, err := keys.InMemory(now, rand.Reader, keys.SpecTable...)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range s.List() {
		var out bytes.Buffer
		for _, v := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			fmt.Fprintf(&out, v, k)
			fmt.Fprintf(&out, v, &k)
			fmt.Fprintf(&out, v, []keys.Key{k})
			fmt.Fprintf(&out, v, struct{ K keys.Key }{k})
		}
		if b, err := json.Marshal(k); err == nil {
			out.Write(b)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", k, "keys", []keys.Key{k})
		text := strings.ToLower(out.String())
		r := raw(k)
		for _, form := range []string{string(r), hex.EncodeToString(r), strings.Trim(fmt.Sprint(r), "[]")} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Errorf("%s is printed", k.ID)
			}
		}
	}
}
