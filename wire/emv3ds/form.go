package emv3ds

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
)

// ErrForm: a form value is not base64url.
var ErrForm = errors.New("emv3ds: not base64url")

// MaxForm is the longest form value that DecodeForm accepts, in characters.
const MaxForm = 128 << 10

// EncodeForm is base64url without padding (RFC 4648 §5), as creq, cres and threeDSMethodData travel.
func EncodeForm(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// DecodeForm reads base64url with or without padding; anything else is ErrForm.
func DecodeForm(s string) ([]byte, error) {
	if len(s) > MaxForm || strings.ContainsAny(s, "\r\n") {
		return nil, ErrForm
	}
	body := strings.TrimRight(s, "=")
	if pad := len(s) - len(body); pad > 2 || pad > 0 && len(s)%4 != 0 {
		return nil, ErrForm
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, ErrForm
	}
	return b, nil
}

// NewID makes a transaction id: a random UUID (RFC 4122, version 4) in lower-case canonical text.
func NewID(rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	const hex = "0123456789abcdef"
	out := make([]byte, 0, 36)
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, hex[c>>4], hex[c&15])
	}
	return string(out), nil
}

// isUUID says whether s is a UUID in lower-case canonical text.
func isUUID[T string | []byte](s T) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
