package acs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"countersign/host/keys"
	"countersign/pay/acs/challenge"
)

// codeDigits is the length of a one-time code.
const codeDigits = 6

// newCode draws six digits, each code equally likely.
func newCode(rand io.Reader) (string, error) {
	const codes, limit = 1_000_000, 4_294_000_000 // the largest multiple of codes below 2³²
	for {
		var b [4]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return "", err
		}
		if n := binary.BigEndian.Uint32(b[:]); n < limit {
			return fmt.Sprintf("%0*d", codeDigits, n%codes), nil
		}
	}
}

// codeMAC is the stored form of a code. It is bound to the transaction, the amount and the payee, so a code is
// worth nothing if any of them were changed in the store (Regulation (EU) 2018/389, art. 5: dynamic linking).
func (s *server) codeMAC(d challenge.Deal, code string) ([32]byte, error) {
	return s.mac(d.KeyID, fmt.Sprintf("code\n%s\n%s\n%d\n%s\n%q\n%q\n%q\n%s\n", d.ACSTransID, d.DSTransID, d.Amount.Minor(),
		d.Amount.Currency().Alpha(), d.Acceptor, d.Payee, d.Site, code))
}

// session is the token that the forms of a challenge carry.
func (s *server) session(d challenge.Deal) (string, error) {
	m, err := s.mac(d.KeyID, "session\n"+d.ACSTransID+"\n")
	return hex.EncodeToString(m[:16]), err
}

func (s *server) mac(keyID, text string) (sum [32]byte, err error) {
	k, err := s.env.Keys.ByID(keys.OTP, keyID)
	if err != nil {
		return sum, err
	}
	k.Use(func(raw []byte) {
		h := hmac.New(sha256.New, raw)
		h.Write([]byte(text))
		h.Sum(sum[:0])
	})
	return sum, nil
}

// cleanCode takes the spaces and hyphens out that people type; ok is false when six digits are not what is left.
func cleanCode(typed string) (code string, ok bool) {
	if len(typed) > 64 {
		return "", false
	}
	out := make([]byte, 0, codeDigits)
	for i := range len(typed) {
		switch c := typed[i]; {
		case c >= '0' && c <= '9' && len(out) < codeDigits:
			out = append(out, c)
		case c == ' ' || c == '-' || c == '\t':
		default:
			return "", false
		}
	}
	return string(out), len(out) == codeDigits
}
