// Package cards is the bank's card desk: it issues, lists, shows and freezes cards, keeps their numbers
// encrypted, and knows the keys that make their codes.
//
// Numbers and codes exist in wiped scratch, for the time of one call. At rest a number is AES-256-GCM,
// bound to its card's id; it is found by its keyed index. A code is nowhere at rest: it is computed.
package cards

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"sync"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/internal/cvv"
)

// ErrSealed: a stored card number does not open: changed, moved to another card, or its key is gone.
var ErrSealed = errors.New("cards: a stored card number does not open")

// ErrKey: the bank lacks a key that it needs; the message names the purpose.
var ErrKey = errors.New("cards: a key is missing")

// Vault holds the bank's keys ready for use. It is safe for many goroutines.
type Vault struct {
	ring  *keys.Ring
	index card.IndexKey
	codes cvv.Engine
	pool  sync.Pool // *[64]byte, wiped

	mu    sync.RWMutex
	cvks  map[string]cvv.Key
	order map[string]cvv.Order
	store map[string]cipher.AEAD
}

// NewVault takes the keys pan-index, card-store and cvk out of the bank's ring. ErrKey when one is missing.
func NewVault(ring *keys.Ring) (*Vault, error) {
	v := &Vault{ring: ring, cvks: map[string]cvv.Key{}, order: map[string]cvv.Order{}, store: map[string]cipher.AEAD{}}
	k, err := ring.Current(keys.PANIndex)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, keys.PANIndex, err)
	}
	k.Use(func(raw []byte) { v.index, err = card.NewIndexKey(raw) })
	if err != nil {
		return nil, err
	}
	for _, p := range []keys.Purpose{keys.CardStore, keys.CVK} {
		if _, err := ring.Current(p); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrKey, p, err)
		}
	}
	return v, nil
}

// Learn tells the vault how card verification keys take the expiry. A key that was not learnt is not used.
func (v *Vault) Learn(known []book.CodeKey) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, k := range known {
		order := cvv.YYMM
		if k.Order == "MMYY" {
			order = cvv.MMYY
		}
		key, err := v.ring.ByID(keys.CVK, k.ID)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrKey, k.ID, err)
		}
		key.Use(func(raw []byte) { v.cvks[k.ID], err = cvv.NewKey(raw, order) })
		if err != nil {
			return err
		}
		v.order[k.ID] = order
	}
	return nil
}

// CurrentCVK is the id of the key for new cards.
func (v *Vault) CurrentCVK() (string, error) {
	k, err := v.ring.Current(keys.CVK)
	if err != nil {
		return "", fmt.Errorf("%w: %s", ErrKey, keys.CVK)
	}
	return k.ID, nil
}

// Index is the look-up form of a number.
func (v *Vault) Index(p card.PAN) book.Index { return book.Index(v.index.Of(p)) }

// Matches names the keys under which the typed code is the CVV2 of number and expiry. Every key is
// tried for every card, known or not, so the time says nothing.
func (v *Vault) Matches(p card.PAN, expiry card.Expiry, typed []byte) (ids []string) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	yymm := expiry.YYMM()
	p.Use(func(digits []byte) {
		for id, k := range v.cvks {
			if v.codes.Check(k, digits, yymm, cvv.CVV2, typed) {
				ids = append(ids, id)
			}
		}
	})
	return ids
}

// Code lends the CVV2 of a card to f.
func (v *Vault) Code(cvk string, digits []byte, yymm string, f func(code []byte)) error {
	v.mu.RLock()
	k, ok := v.cvks[cvk]
	v.mu.RUnlock()
	if !ok {
		return fmt.Errorf("%w: %s", ErrKey, cvk)
	}
	return v.codes.Value(k, digits, yymm, cvv.CVV2, f)
}

// Seal encrypts a number for the card id. It returns the key's id and nonce, ciphertext and tag in one.
func (v *Vault) Seal(id string, p card.PAN, rand io.Reader) (keyID string, sealed []byte, err error) {
	k, err := v.ring.Current(keys.CardStore)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s", ErrKey, keys.CardStore)
	}
	a, err := v.aead(k)
	if err != nil {
		return "", nil, err
	}
	nonce := make([]byte, a.NonceSize(), a.NonceSize()+card.MaxDigits+a.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return "", nil, err
	}
	p.Use(func(digits []byte) { sealed = a.Seal(nonce, nonce, digits, []byte(id)) })
	if sealed == nil {
		return "", nil, card.ErrPAN
	}
	return k.ID, sealed, nil
}

// Open lends the digits of a stored number to f; ErrSealed when it does not open.
func (v *Vault) Open(id, keyID string, sealed []byte, f func(digits []byte) error) error {
	k, err := v.ring.ByID(keys.CardStore, keyID)
	if err != nil {
		return ErrSealed
	}
	a, err := v.aead(k)
	if err != nil {
		return err
	}
	if len(sealed) < a.NonceSize() {
		return ErrSealed
	}
	v.scratch(func(buf []byte) {
		var digits []byte
		digits, err = a.Open(buf[:0], sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(id))
		if err != nil || len(digits) > card.MaxDigits {
			err = ErrSealed
			return
		}
		err = f(digits)
	})
	return err
}

// scratch lends a buffer on the heap and wipes it afterwards. (What lies on a stack is copied when the
// stack grows, and nobody wipes the old one.)
func (v *Vault) scratch(f func(buf []byte)) {
	buf, _ := v.pool.Get().(*[64]byte)
	if buf == nil {
		buf = new([64]byte)
	}
	defer func() {
		clear(buf[:])
		v.pool.Put(buf)
	}()
	f(buf[:])
}

func (v *Vault) aead(k keys.Key) (a cipher.AEAD, err error) {
	v.mu.RLock()
	a = v.store[k.ID]
	v.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	k.Use(func(raw []byte) {
		var b cipher.Block
		if b, err = aes.NewCipher(raw); err == nil {
			a, err = cipher.NewGCM(b)
		}
	})
	if err != nil || a == nil {
		return nil, errors.Join(ErrKey, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.store[k.ID] = a
	return a, nil
}
