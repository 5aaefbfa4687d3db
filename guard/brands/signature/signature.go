// Package signature signs and checks a catalogue of brands: Ed25519 over the SHA-256 of every file, by name.
//
// The signature lies beside the files as SIGNATURE, two words: the public key and the signature, both base64. Trust is in the public
// key that is compiled in (catalogue.pub); a catalogue from elsewhere is taken only if its signature is by that key or by one that
// the operator names.
package signature

import (
	"crypto/ed25519"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strings"
)

// File is the name of the signature file in a catalogue's folder.
const File = "SIGNATURE"

//go:embed catalogue.pub
var compiledIn string

// ErrSignature is wrapped by every refusal.
var ErrSignature = errors.New("catalogue signature")

// PublicKey gives the key that is compiled in, base64.
func PublicKey() string { return strings.TrimSpace(compiledIn) }

// Digest gives what is signed: a line "hex-SHA-256  name" for each *.brands and *.txt file of the folder, by name.
func Digest(fsys fs.FS, dir string) ([]byte, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var rows []string
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".brands") && !strings.HasSuffix(e.Name(), ".txt") {
			continue
		}
		text, err := fs.ReadFile(fsys, join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		rows = append(rows, hex.EncodeToString(sum[:])+"  "+e.Name()+"\n")
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i][66:] < rows[j][66:] })
	return []byte("countersign catalogue 1\n" + strings.Join(rows, "")), nil
}

func join(dir, name string) string {
	if dir == "." || dir == "" {
		return name
	}
	return dir + "/" + name
}

// Sign gives the content of the signature file.
func Sign(fsys fs.FS, dir string, key ed25519.PrivateKey) (string, error) {
	d, err := Digest(fsys, dir)
	if err != nil {
		return "", err
	}
	public := key.Public().(ed25519.PublicKey)
	return base64.StdEncoding.EncodeToString(public) + " " + base64.StdEncoding.EncodeToString(ed25519.Sign(key, d)) + "\n", nil
}

// Verify checks a folder against a public key (base64).
func Verify(fsys fs.FS, dir, publicKey string) error {
	d, err := Digest(fsys, dir)
	if err != nil {
		return err
	}
	text, err := fs.ReadFile(fsys, join(dir, File))
	if err != nil {
		return fmt.Errorf("%w: no file %s", ErrSignature, File)
	}
	f := strings.Fields(string(text))
	if len(f) != 2 {
		return fmt.Errorf("%w: %s is not two words", ErrSignature, File)
	}
	if f[0] != publicKey {
		return fmt.Errorf("%w: made with another key", ErrSignature)
	}
	key, err1 := base64.StdEncoding.DecodeString(f[0])
	sig, err2 := base64.StdEncoding.DecodeString(f[1])
	if err1 != nil || err2 != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, d, sig) {
		return fmt.Errorf("%w: the files are not those that were signed", ErrSignature)
	}
	return nil
}
