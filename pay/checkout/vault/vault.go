// Package vault is the only part of the gateway that opens card numbers: from the box that the shopper's
// page sealed, and from the encrypted form in the store. What comes out is a card.PAN, which cannot be
// printed and is wiped by whoever asked for it; scratch memory is pooled and wiped.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/sealed"
)

var (
	// ErrBox: the box does not open, or holds no card number. There is no finer answer.
	ErrBox = errors.New("vault: not a card number sealed for this payment")
	// ErrExpiry: the box holds a number, and an expiry that is not a month.
	ErrExpiry = errors.New("vault: not an expiry month")
	// ErrStored: a stored number does not open: wrong key, or changed, or moved to another payment.
	ErrStored = errors.New("vault: a stored card number does not open")
)

// Number is a card number with its expiry. The caller wipes it.
type Number struct {
	PAN    card.PAN
	Expiry card.Expiry
}

// Wipe overwrites the digits.
func (n Number) Wipe() { n.PAN.Wipe() }

// Vault opens and keeps card numbers. It is safe for many goroutines.
type Vault struct {
	keys    *keys.Ring
	rand    io.Reader
	scratch sync.Pool
}

// New makes a vault over the gateway's keys.
func New(ring *keys.Ring, rand io.Reader) *Vault {
	return &Vault{keys: ring, rand: rand, scratch: sync.Pool{New: func() any { return new([sealed.NumberSize]byte) }}}
}

// Ready says what is missing for the vault to work; nil when nothing is.
func (v *Vault) Ready() error {
	for _, p := range []keys.Purpose{keys.VaultSeal, keys.VaultStore} {
		if _, err := v.keys.Current(p); err != nil {
			return fmt.Errorf("vault: %s: %w", p, err)
		}
	}
	return nil
}

// Public is the key that pages seal card numbers to: its id and 32 bytes.
func (v *Vault) Public() (id string, public []byte, err error) {
	k, err := v.keys.Current(keys.VaultSeal)
	if err != nil {
		return "", nil, err
	}
	return k.ID, k.Public(), nil
}

// Open opens a Number box (see sealed.Number for its plaintext) that was sealed for the context.
func (v *Vault) Open(b sealed.Box, c sealed.Context) (Number, error) {
	k, err := v.keys.ByID(keys.VaultSeal, b.KeyID)
	if err != nil {
		return Number{}, ErrBox
	}
	var plain []byte
	k.Use(func(raw []byte) { plain, err = sealed.Open(sealed.Number, raw, b, c.NumberAAD()) })
	if err != nil {
		return Number{}, ErrBox
	}
	defer clear(plain[:cap(plain)])
	return parse(plain)
}

// parse reads PAN, 'D', expiry YYMM and zeros.
func parse(plain []byte) (Number, error) {
	if len(plain) != sealed.NumberSize {
		return Number{}, ErrBox
	}
	d := -1
	for i, c := range plain {
		if c == 'D' {
			d = i
			break
		}
	}
	if d < 0 || d+5 > len(plain) {
		return Number{}, ErrBox
	}
	for _, c := range plain[d+5:] {
		if c != 0 {
			return Number{}, ErrBox
		}
	}
	pan, err := card.ParsePAN(plain[:d])
	if err != nil {
		return Number{}, ErrBox
	}
	expiry, err := card.ParseExpiry(string(plain[d+1 : d+5]))
	if err != nil {
		pan.Wipe()
		return Number{}, ErrExpiry
	}
	return Number{pan, expiry}, nil
}

// aad binds a stored number to its place.
func aad(payment string, attempt int) []byte {
	return []byte("countersign v1 stored number\npayment=" + payment + "\nattempt=" + strconv.Itoa(attempt) + "\n")
}

// Keep encrypts a number for the store: the key's id, and nonce ‖ ciphertext.
func (v *Vault) Keep(payment string, attempt int, n Number) (keyID string, box []byte, err error) {
	k, err := v.keys.Current(keys.VaultStore)
	if err != nil {
		return "", nil, err
	}
	gcm, err := aead(k)
	if err != nil {
		return "", nil, err
	}
	nonce := make([]byte, gcm.NonceSize(), gcm.NonceSize()+sealed.NumberSize+gcm.Overhead())
	if _, err := io.ReadFull(v.rand, nonce); err != nil {
		return "", nil, err
	}
	buf := v.scratch.Get().(*[sealed.NumberSize]byte)
	defer func() { clear(buf[:]); v.scratch.Put(buf) }()
	size := 0
	n.PAN.Use(func(digits []byte) { size = copy(buf[:], digits) })
	if size == 0 {
		return "", nil, card.ErrPAN
	}
	buf[size] = 'D'
	copy(buf[size+1:], n.Expiry.YYMM())
	return k.ID, gcm.Seal(nonce, nonce, buf[:], aad(payment, attempt)), nil
}

// Take decrypts what Keep made.
func (v *Vault) Take(payment string, attempt int, keyID string, box []byte) (Number, error) {
	k, err := v.keys.ByID(keys.VaultStore, keyID)
	if err != nil {
		return Number{}, err
	}
	gcm, err := aead(k)
	if err != nil {
		return Number{}, err
	}
	if len(box) != gcm.NonceSize()+sealed.NumberSize+gcm.Overhead() {
		return Number{}, ErrStored
	}
	buf := v.scratch.Get().(*[sealed.NumberSize]byte)
	defer func() { clear(buf[:]); v.scratch.Put(buf) }()
	plain, err := gcm.Open(buf[:0], box[:gcm.NonceSize()], box[gcm.NonceSize():], aad(payment, attempt))
	if err != nil {
		return Number{}, ErrStored
	}
	n, err := parse(plain)
	if err != nil {
		return Number{}, ErrStored
	}
	return n, nil
}

func aead(k keys.Key) (gcm cipher.AEAD, err error) {
	k.Use(func(raw []byte) {
		var block cipher.Block
		if block, err = aes.NewCipher(raw); err == nil {
			gcm, err = cipher.NewGCM(block)
		}
	})
	if gcm == nil && err == nil {
		err = keys.ErrNoKey
	}
	return gcm, err
}
