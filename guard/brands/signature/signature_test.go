package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"testing"
	"testing/fstest"
)

func TestSignedCatalogue(t *testing.T) {
	if err := Verify(os.DirFS("../catalogue"), ".", PublicKey()); err != nil {
		t.Errorf("%v: after a change run countersign brands sign", err)
	}
}

func TestAnyChangeIsSeen(t *testing.T) {
	public, key, _ := ed25519.GenerateKey(nil)
	pub := base64.StdEncoding.EncodeToString(public)
	fsys := fstest.MapFS{"a.brands": {Data: []byte("x")}, "budget.txt": {Data: []byte("y")}, "notes.md": {Data: []byte("z")}}
	sig, err := Sign(fsys, ".", key)
	if err != nil {
		t.Fatal(err)
	}
	fsys[File] = &fstest.MapFile{Data: []byte(sig)}
	if err := Verify(fsys, ".", pub); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"another key": func() { pub = "AAAA" },
		"content":     func() { fsys["a.brands"].Data = []byte("X") },
		"new file":    func() { fsys["b.brands"] = &fstest.MapFile{} },
		"renamed":     func() { fsys["c.brands"] = fsys["a.brands"]; delete(fsys, "a.brands") },
		"no file":     func() { delete(fsys, File) },
	} {
		old, oldPub := fstest.MapFS{}, pub
		for k, v := range fsys {
			c := *v
			old[k] = &c
		}
		change()
		if err := Verify(fsys, ".", pub); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
		fsys, pub = old, oldPub
	}
}
