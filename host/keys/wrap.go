package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	kekFile  = "kek"
	keysFile = "keys.json"
)

// record is a key at rest. Blob is a 12-byte nonce and AES-256-GCM of the raw key.
type record struct {
	ID        string     `json:"id"`
	Number    int        `json:"number"`
	Purpose   Purpose    `json:"purpose"`
	Owner     string     `json:"owner"`
	Readers   []string   `json:"readers"`
	Algorithm string     `json:"algorithm"`
	Check     string     `json:"check"`
	Created   time.Time  `json:"created"`
	Retired   *time.Time `json:"retired,omitempty"`
	Blob      []byte     `json:"blob"`
}

// aad binds a blob to everything that says who may use it and for what.
func (r record) aad() []byte {
	b, _ := json.Marshal([]any{"countersign key v1", r.ID, r.Number, r.Purpose, r.Owner, r.Readers, r.Algorithm})
	return b
}

func gcm(kek []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

func seal(k Key, kek []byte, rand io.Reader) (record, error) {
	r := record{ID: k.ID, Number: k.Number, Purpose: k.Purpose, Owner: k.Owner, Readers: k.Readers,
		Algorithm: k.Algorithm, Check: k.Check, Created: k.Created}
	if !k.Retired.IsZero() {
		r.Retired = &k.Retired
	}
	a, err := gcm(kek)
	if err != nil {
		return r, err
	}
	nonce := make([]byte, a.NonceSize())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return r, err
	}
	k.Use(func(raw []byte) { r.Blob = a.Seal(nonce, nonce, raw, r.aad()) })
	return r, nil
}

func (r record) open(kek []byte) (Key, error) {
	a, err := gcm(kek)
	if err != nil {
		return Key{}, err
	}
	if len(r.Blob) < a.NonceSize() {
		return Key{}, fmt.Errorf("%w: %s", ErrUnwrap, r.ID)
	}
	n := a.NonceSize()
	raw, err := a.Open(nil, r.Blob[:n], r.Blob[n:], r.aad())
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s", ErrUnwrap, r.ID)
	}
	k := Key{ID: r.ID, Number: r.Number, Purpose: r.Purpose, Owner: r.Owner, Readers: r.Readers,
		Algorithm: r.Algorithm, Created: r.Created}
	if r.Retired != nil {
		k.Retired = *r.Retired
	}
	if err := k.derive(raw); err != nil {
		return Key{}, err
	}
	if k.Check != r.Check {
		return Key{}, fmt.Errorf("%w: %s has another check value", ErrUnwrap, r.ID)
	}
	return k, nil
}

// openKEK reads the key-encryption key, or makes it when there are no keys that would need an old one.
func openKEK(dir string, rand io.Reader) ([]byte, error) {
	path := filepath.Join(dir, kekFile)
	if err := private(path); err == nil {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		kek, err := hex.DecodeString(string(bytes.TrimSpace(text)))
		if err != nil || len(kek) != 32 {
			return nil, fmt.Errorf("keys: %s is not 64 hexadecimal digits", path)
		}
		return kek, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, keysFile)); err == nil {
		return nil, fmt.Errorf("%w: %s is missing", ErrUnwrap, path)
	}
	kek := make([]byte, 32)
	if _, err := io.ReadFull(rand, kek); err != nil {
		return nil, err
	}
	return kek, writeFile(path, []byte(hex.EncodeToString(kek)+"\n"))
}

// private refuses files that others may read.
func private(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("keys: %s has mode %04o, others could read it; want 0600", path, fi.Mode().Perm())
	}
	return nil
}

func readFile(path string) ([]record, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	var file struct {
		Keys []record `json:"keys"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("keys: %s: %w", path, err)
	}
	return file.Keys, nil
}

// save writes all keys, wrapped, in one atomic step. The caller holds the lock.
func (s *Store) save() error {
	if s.dir == "" {
		return nil
	}
	var file struct {
		Keys []record `json:"keys"`
	}
	for _, k := range s.keys {
		r, err := seal(k, s.kek, s.rand)
		if err != nil {
			return err
		}
		file.Keys = append(file.Keys, r)
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.dir, keysFile), append(text, '\n'))
}

// writeFile replaces a file atomically and durably, mode 0600.
func writeFile(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		var d *os.File
		if d, err = os.Open(dir); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}
