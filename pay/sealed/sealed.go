// Package sealed is ciphertext that travels: the card number sealed to the gateway's vault, the
// security code sealed to the issuing bank.
//
// A Box is HPKE (RFC 9180, mode base): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. The
// browser makes it with WebCrypto, Go opens it with crypto/hpke. What it is bound to (Context) is
// the additional data: a box moved to another payment, merchant, amount, currency or card does not open.
//
// Whoever holds a Box and not the key knows nothing, so this package may be imported by all of PAY.
package sealed

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"countersign/pay/money"
)

// ErrFormat: the text is not a Box.
var ErrFormat = errors.New("sealed: not a sealed value")

// ErrOpen: wrong key, or changed, or sealed for something else. There is no finer answer.
var ErrOpen = errors.New("sealed: does not open")

// Kind says what is inside; it is part of what the box is bound to.
type Kind string

// The kinds. Number plaintext is PAN, 'D', expiry YYMM, zero-padded to NumberSize; Code plaintext is the
// ASCII digits, zero-padded to CodeSize; Face is the answer of the bank's card face (JSON).
const (
	Number Kind = "number"
	Code   Kind = "code"
	Face   Kind = "face"
)

// Plaintext sizes in bytes: all numbers look alike from outside, and so do all codes.
const (
	NumberSize = 24
	CodeSize   = 4
)

// Box is one sealed value: the id of the key it was sealed to and HPKE's enc ‖ ciphertext.
type Box struct {
	KeyID string // [a-z0-9-], at most 32
	Data  []byte // 32 bytes enc, then ciphertext with its 16-byte tag
}

// maxData bounds what Parse accepts (a canary code makes the longest box).
const maxData = 512

// String writes "v1.KEYID.BASE64URL" (no padding).
func (b Box) String() string {
	return "v1." + b.KeyID + "." + base64.RawURLEncoding.EncodeToString(b.Data)
}

// Parse reads what String writes. The error never carries the text.
func Parse(s string) (Box, error) {
	rest, ok := strings.CutPrefix(s, "v1.")
	id, b64, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || id == "" || len(id) > 32 || len(b64) > maxData*4/3+4 {
		return Box{}, ErrFormat
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return Box{}, ErrFormat
		}
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(b64)
	if err != nil || len(data) < 32+16 || strings.ContainsAny(b64, "\r\n") { // the decoder skips line ends
		return Box{}, ErrFormat
	}
	return Box{KeyID: id, Data: data}, nil
}

// Context is what a Number or Code box is bound to.
type Context struct {
	Payment  string       // payment id
	Merchant string       // card acceptor id, ISO 8583 DE 42, without padding
	Amount   money.Amount // of the payment
}

// NumberAAD is the additional data of a Number box:
//
//	countersign v1 number\npayment=ID\nmerchant=ACCEPTOR\namount=MINOR\ncurrency=EUR\n
func (c Context) NumberAAD() []byte { return c.append(nil, Number) }

// AppendCodeAAD appends the additional data of a Code box to dst: as NumberAAD with "code", and then
//
//	pan=DIGITS\nexpiry=YYMM\n
//
// so that a code opens for one card only. The caller wipes the result.
func (c Context) AppendCodeAAD(dst, pan []byte, expiryYYMM string) []byte {
	dst = c.append(dst, Code)
	dst = append(dst, "pan="...)
	dst = append(dst, pan...)
	dst = append(dst, "\nexpiry="...)
	dst = append(dst, expiryYYMM...)
	return append(dst, '\n')
}

func (c Context) append(dst []byte, k Kind) []byte {
	dst = append(dst, "countersign v1 "...)
	dst = append(dst, k...)
	dst = append(dst, "\npayment="...)
	dst = append(dst, c.Payment...)
	dst = append(dst, "\nmerchant="...)
	dst = append(dst, c.Merchant...)
	dst = append(dst, "\namount="...)
	dst = strconv.AppendInt(dst, c.Amount.Minor(), 10)
	dst = append(dst, "\ncurrency="...)
	dst = append(dst, c.Amount.Currency().Alpha()...)
	return append(dst, '\n')
}

// info is HPKE's info parameter: it keeps the kinds apart even under one key.
func info(k Kind) []byte { return []byte("countersign/v1/" + string(k)) }

// Seal encrypts plaintext to an X25519 public key (32 bytes). The browser does the same; Go needs it
// for tests, for `demo --once`, and for the bank's card face.
func Seal(k Kind, keyID string, public, aad, plaintext []byte) (Box, error) {
	pub, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return Box{}, ErrFormat
	}
	pk, err := hpke.NewDHKEMPublicKey(pub)
	if err != nil {
		return Box{}, ErrFormat
	}
	enc, s, err := hpke.NewSender(pk, hpke.HKDFSHA256(), hpke.AES256GCM(), info(k))
	if err != nil {
		return Box{}, err
	}
	ct, err := s.Seal(aad, plaintext)
	if err != nil {
		return Box{}, err
	}
	return Box{KeyID: keyID, Data: append(enc, ct...)}, nil
}

// Open decrypts a box with an X25519 private key (32 bytes) and returns the plaintext, which the caller
// wipes; or ErrOpen.
func Open(k Kind, private []byte, b Box, aad []byte) ([]byte, error) {
	if len(b.Data) < 32+16 {
		return nil, ErrOpen
	}
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, ErrOpen
	}
	sk, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, ErrOpen
	}
	r, err := hpke.NewRecipient(b.Data[:32], sk, hpke.HKDFSHA256(), hpke.AES256GCM(), info(k))
	if err != nil {
		return nil, ErrOpen
	}
	plain, err := r.Open(aad, b.Data[32:])
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}
