// Package keys keeps the secret keys of the roles: each with owner, purpose, lifetime and check value,
// wrapped at rest, readable by the roles it names.
//
// A Key lends its raw bytes to a function and never prints them. At rest they are wrapped with
// AES-256-GCM under a key-encryption key (KEK) in a file of its own, bound to id, purpose and owner: a
// blob moved to another name does not open.
package keys

import (
	"crypto/aes"
	"crypto/des"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"slices"
	"time"
)

var (
	// ErrNoKey: there is no such key, or this role may not use it (one answer for both).
	ErrNoKey = errors.New("keys: no such key for this role")
	// ErrUnwrap: a stored key does not open: wrong KEK, or changed, or moved.
	ErrUnwrap = errors.New("keys: a stored key does not open under this key-encryption key")
	// ErrSpec: a key was asked for that cannot be.
	ErrSpec = errors.New("keys: bad specification")
)

// Purpose says what a key is for; each purpose has one owner.
type Purpose string

// The purposes of the house.
const (
	VaultSeal   Purpose = "vault-seal"   // X25519: card numbers are sealed to the gateway's vault
	VaultStore  Purpose = "vault-store"  // AES-256: card numbers at rest at the gateway
	CodeSeal    Purpose = "code-seal"    // X25519: security codes are sealed to the issuing bank
	CardStore   Purpose = "card-store"   // AES-256: card numbers at rest at the bank
	CVK         Purpose = "cvk"          // two-key DES: security codes are computed with it
	PANIndex    Purpose = "pan-index"    // AES-256: card.IndexKey that bank and ACS share
	CAVV        Purpose = "cavv"         // HMAC: proof of the holder's confirmation, made by the ACS, checked by the bank
	OTP         Purpose = "otp"          // HMAC: one-time passwords at rest at the ACS
	Audit       Purpose = "audit"        // HMAC: the bank's audit chain
	BankSession Purpose = "bank-session" // HMAC: session tokens of Mobile Bank
)

// The algorithms.
const (
	X25519 = "X25519"      // private scalar, 32 bytes
	AES256 = "AES-256"     // 32 bytes
	HMAC   = "HMAC-SHA256" // 32 bytes
	TDES2  = "2TDES"       // two DES keys with odd parity, 16 bytes
)

// Spec asks for a key.
type Spec struct {
	Purpose   Purpose
	Algorithm string   // one of the algorithms above
	Owner     string   // the role that may rotate it; always a reader
	Readers   []string // other roles that may use it
}

// SpecTable is what the house needs. Read only.
var SpecTable = []Spec{
	{VaultSeal, X25519, "checkout", nil},
	{VaultStore, AES256, "checkout", nil},
	{CodeSeal, X25519, "issuer", nil},
	{CardStore, AES256, "issuer", nil},
	{CVK, TDES2, "issuer", nil},
	{PANIndex, AES256, "issuer", []string{"acs"}},
	{Audit, HMAC, "issuer", nil},
	{CAVV, HMAC, "acs", []string{"issuer"}},
	{OTP, HMAC, "acs", nil},
	{BankSession, HMAC, "mobile", nil},
}

// Key is one key. It cannot be compared, printed or encoded with its bytes.
type Key struct {
	ID        string    // PURPOSE-NUMBER, such as "code-seal-1": [a-z0-9-], at most 32
	Number    int       // 1, 2, 3… within the purpose; fits one byte where a protocol needs a key index
	Owner     string    // role
	Algorithm string    // such as X25519
	Check     string    // check value, 6 hexadecimal digits; tells keys apart and tells nothing about them
	Purpose   Purpose   // what it is for
	Readers   []string  // roles, the owner among them
	Created   time.Time // UTC
	Retired   time.Time // zero while current; afterwards the key still opens what it closed

	use    func(func(raw []byte))
	public []byte
}

// Use lends the raw key to f, which must not keep it.
func (k Key) Use(f func(raw []byte)) {
	if k.use != nil {
		k.use(f)
	}
}

// Public is the 32-byte public key of an X25519 key, nil for others.
func (k Key) Public() []byte { return slices.Clone(k.public) }

// Format writes id and check value under every verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, "Key("+k.ID+" "+k.Check+")") }

// LogValue is what log/slog prints.
func (k Key) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%v", k)) }

func (k Key) readableBy(role string) bool { return slices.Contains(k.Readers, role) }

// size of the raw key in bytes, 0 for an unknown algorithm.
func size(algorithm string) int {
	switch algorithm {
	case X25519, AES256, HMAC:
		return 32
	case TDES2:
		return 16
	}
	return 0
}

// generate makes raw key bytes.
func generate(algorithm string, rand io.Reader) ([]byte, error) {
	raw := make([]byte, size(algorithm))
	if len(raw) == 0 {
		return nil, fmt.Errorf("%w: algorithm %q", ErrSpec, algorithm)
	}
	for {
		if _, err := io.ReadFull(rand, raw); err != nil {
			return nil, err
		}
		if algorithm != TDES2 {
			return raw, nil
		}
		for i, b := range raw { // odd parity in the lowest bit (ANSI X3.92)
			b &^= 1
			raw[i] = b | byte(bits.OnesCount8(b)+1)&1
		}
		if !slices.Equal(raw[:8], raw[8:]) { // equal halves would be single DES
			return raw, nil
		}
	}
}

// derive sets the closure, the public key and the check value from raw bytes, which it keeps.
//
// The check value is the start of: AES or triple DES of a zero block (ANSI X9.24 for DES); SHA-256 of
// the public key; AES of a zero block for HMAC keys too.
func (k *Key) derive(raw []byte) error {
	if len(raw) != size(k.Algorithm) || len(raw) == 0 {
		return fmt.Errorf("%w: %s has a wrong length", ErrSpec, k.ID)
	}
	var block [16]byte
	switch k.Algorithm {
	case X25519:
		p, err := ecdh.X25519().NewPrivateKey(raw)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrSpec, k.ID)
		}
		k.public = p.PublicKey().Bytes()
		sum := sha256.Sum256(k.public)
		copy(block[:], sum[:])
	case TDES2:
		c, err := des.NewTripleDESCipher(slices.Concat(raw, raw[:8]))
		if err != nil {
			return fmt.Errorf("%w: %s", ErrSpec, k.ID)
		}
		c.Encrypt(block[:8], block[:8])
	default:
		c, err := aes.NewCipher(raw)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrSpec, k.ID)
		}
		c.Encrypt(block[:], block[:])
	}
	k.Check = hex.EncodeToString(block[:3])
	k.use = func(f func([]byte)) { f(raw) }
	return nil
}
