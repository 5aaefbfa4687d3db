// Package cvv computes card verification values (CVV, CVV2, iCVV) by the published algorithm and
// compares them.
//
// The input is number ‖ expiry ‖ service code as BCD, padded with zeros to two DES blocks; the blocks go
// through what ISO 9797-1 calls MAC algorithm 3 (retail MAC) under two keys; the result is decimalised
// in two passes: first its digits 0–9, then its letters less ten. (Programs that leave out the
// second pass give a short code to one card in 17,000.)
//
// No code is ever a string here. Scratch comes from a pool and is wiped before it goes back; the compare
// and the decimalisation take the same time for every value.
package cvv

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"errors"
	"sync"
)

// Service codes that choose the kind of value.
const (
	CVV2 = "000" // printed on the card, typed by the shopper
	ICVV = "999" // in the chip
)

// Size of a value in digits.
const Size = 3

// ErrInput: number, expiry or service code are not digits of the right count. It carries none of them.
var ErrInput = errors.New("cvv: number, expiry or service code out of form")

// ErrKey: a key has not 16 bytes.
var ErrKey = errors.New("cvv: a card verification key has 16 bytes")

// Order says how the expiry goes in. Both are in use, so it belongs to the key.
type Order bool

// The orders.
const (
	YYMM Order = false
	MMYY Order = true
)

// Key is a card verification key pair (CVK-A, CVK-B) with its expiry order.
type Key struct {
	a, b  cipher.Block
	order Order
}

// NewKey takes CVK-A ‖ CVK-B. The parity bits are not looked at.
func NewKey(raw []byte, order Order) (Key, error) {
	if len(raw) != 16 {
		return Key{}, ErrKey
	}
	a, err := des.NewCipher(raw[:8])
	if err != nil {
		return Key{}, ErrKey
	}
	b, err := des.NewCipher(raw[8:])
	if err != nil {
		return Key{}, ErrKey
	}
	return Key{a: a, b: b, order: order}, nil
}

// scratch is all the memory that a computation writes to.
type scratch struct {
	in    [16]byte // the BCD input; afterwards the cipher block in in[:8]
	value [Size]byte
}

// pool lends scratch; what comes back was wiped.
type pool struct{ p sync.Pool }

func (p *pool) use(f func(*scratch)) {
	s, _ := p.p.Get().(*scratch)
	if s == nil {
		s = new(scratch)
	}
	defer func() {
		*s = scratch{}
		p.p.Put(s)
	}()
	f(s)
}

// Engine computes with pooled scratch. The zero value is ready; it is safe for many goroutines.
type Engine struct{ pool pool }

// Value lends the three ASCII digits for a number (12–19 ASCII digits), expiry (YYMM, whatever the key's
// order) and service code to f, which must not keep them; or ErrInput.
func (e *Engine) Value(k Key, pan []byte, yymm, service string, f func(digits []byte)) (err error) {
	e.pool.use(func(s *scratch) {
		if err = s.compute(k, pan, yymm, service); err == nil {
			f(s.value[:])
		}
	})
	return err
}

// Check says in constant time whether the given ASCII digits are the value; never for input out of form.
func (e *Engine) Check(k Key, pan []byte, yymm, service string, given []byte) (ok bool) {
	e.pool.use(func(s *scratch) {
		formed := subtle.ConstantTimeByteEq(boolByte(s.compute(k, pan, yymm, service) == nil), 1)
		ok = formed&same(s.value[:], given) == 1
	})
	return ok
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// compute fills s.value.
func (s *scratch) compute(k Key, pan []byte, yymm, service string) error {
	if k.a == nil || len(pan) < 12 || len(pan) > 19 || len(yymm) != 4 || len(service) != 3 {
		return ErrInput
	}
	n, bad := 0, byte(0)
	put := func(c byte) {
		d := c - '0'
		if d > 9 {
			bad = 1
		}
		s.in[n/2] |= (d & 0x0f) << (4 * (1 - n%2))
		n++
	}
	for _, c := range pan {
		put(c)
	}
	for i := range yymm {
		at := i
		if k.order == MMYY {
			at = (i + 2) % 4
		}
		put(yymm[at])
	}
	for i := range service {
		put(service[i])
	}
	if bad != 0 {
		return ErrInput
	}
	first, second := s.in[:8], s.in[8:]
	k.a.Encrypt(first, first)
	subtle.XORBytes(first, first, second)
	k.a.Encrypt(first, first)
	k.b.Decrypt(first, first)
	k.a.Encrypt(first, first)
	decimalise(s.value[:], first)
	return nil
}

// decimalise takes len(dst) digits out of a block of hex nibbles: pass one the nibbles 0–9 from left to
// right, pass two the nibbles A–F less ten. Every nibble and every place is looked at in both passes.
func decimalise(dst, block []byte) {
	n := 0
	for pass := range 2 {
		for i := range 2 * len(block) {
			v := int(block[i/2] >> (4 * (1 - i%2)) & 0x0f)
			letter := 1 - subtle.ConstantTimeLessOrEq(v, 9)
			take := subtle.ConstantTimeEq(int32(letter), int32(pass))
			digit := v - 10*letter + '0'
			for j := range dst {
				here := take & subtle.ConstantTimeEq(int32(n), int32(j))
				dst[j] = byte(subtle.ConstantTimeSelect(here, digit, int(dst[j])))
			}
			n += take
		}
	}
}
