package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// shopSecrets are what the demo's shop needs to use the shop API; made on the first run, mode 0600.
type shopSecrets struct {
	apiKey  string // "csk_…"
	webhook string // "whsec_…"
}

func (s shopSecrets) keyHash() string { return hashKey(s.apiKey) }

func hashKey(apiKey string) string {
	sum := sha256.Sum256([]byte(apiKey))
	return hex.EncodeToString(sum[:])
}

func openShopSecrets(data, shop string, rand io.Reader) (s shopSecrets, err error) {
	dir := filepath.Join(data, shop)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	if s.apiKey, err = secretFile(filepath.Join(dir, "api-key"), "csk_", base64.RawURLEncoding, rand); err != nil {
		return s, err
	}
	s.webhook, err = secretFile(filepath.Join(dir, "webhook-secret"), "whsec_", base64.StdEncoding, rand)
	return s, err
}

// secretFile reads a secret, or makes one of 32 random bytes.
func secretFile(path, prefix string, enc *base64.Encoding, rand io.Reader) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		s := strings.TrimSpace(string(text))
		if !strings.HasPrefix(s, prefix) || len(s) < len(prefix)+40 {
			return "", withHint(exitFailed, fmt.Errorf("%s is damaged", path), "remove it; a new one is made at the next start")
		}
		return s, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	b := make([]byte, 32)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", err
	}
	s := prefix + enc.EncodeToString(b)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(s + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return s, os.Rename(path+".new", path)
}
