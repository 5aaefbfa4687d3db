// Package card holds the primary account number (PAN) so that it cannot be printed, encoded or
// compared by accident.
//
// A PAN is a closure over bytes: fmt, encoding/json, log/slog, encoding/gob and the usual dumpers
// find a func and nothing else. The digits come out in one way only, Use, whose callers are
// listed in internal/tidy, and they can be wiped. No function here makes a string of digits.
package card

import (
	"crypto/aes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// ErrPAN: the digits are not a card number: 12 to 19 digits with a valid Luhn check digit
// (ISO/IEC 7812-1). The error never carries the digits.
var ErrPAN = errors.New("card: not a card number")

// ErrEncode: somebody tried to encode a PAN. Use masked.Card or an encrypted form instead.
var ErrEncode = errors.New("card: a card number is never encoded")

// MaxDigits is the longest PAN of ISO/IEC 7812-1.
const MaxDigits = 19

// PAN is a primary account number. The zero value is "no number".
type PAN struct {
	use func(func([]byte))
}

type secret struct {
	digits [MaxDigits]byte
	n      int
}

// ParsePAN copies 12 to 19 ASCII digits into a PAN. The caller wipes its own copy.
func ParsePAN(digits []byte) (PAN, error) {
	if len(digits) < 12 || len(digits) > MaxDigits || !Luhn(digits) {
		return PAN{}, ErrPAN
	}
	s := &secret{n: len(digits)}
	copy(s.digits[:], digits)
	return PAN{use: func(f func([]byte)) { f(s.digits[:s.n]) }}, nil
}

// Luhn says whether the digits end with the right check digit (ISO/IEC 7812-1, annex B).
func Luhn(digits []byte) bool {
	sum, double := 0, false
	for i := len(digits) - 1; i >= 0; i-- {
		d := int(digits[i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return len(digits) > 0 && sum%10 == 0
}

// Present says whether there is a number.
func (p PAN) Present() bool { return p.use != nil }

// Use lends the ASCII digits to f. They must not be kept, copied into a string or changed.
// It is the only way to the digits; f is not called for the zero value or a wiped PAN.
func (p PAN) Use(f func(digits []byte)) {
	if p.use == nil {
		return
	}
	p.use(func(d []byte) {
		if len(d) > 0 && d[0] != 0 {
			f(d)
		}
	})
}

// Wipe overwrites the digits; all copies of p share them.
func (p PAN) Wipe() {
	if p.use != nil {
		p.use(func(d []byte) { clear(d) })
	}
}

// Last4 is the last four digits, "" when there are none.
func (p PAN) Last4() string {
	var s string
	p.Use(func(d []byte) { s = string(d[len(d)-4:]) })
	return s
}

// BIN is the first six digits (eight would be allowed; six is what is kept), "" when there are none.
func (p PAN) BIN() string {
	var s string
	p.Use(func(d []byte) { s = string(d[:6]) })
	return s
}

// Equal compares in constant time. (== does not compile on a PAN.)
func (p PAN) Equal(q PAN) bool {
	same := false
	p.Use(func(a []byte) { q.Use(func(b []byte) { same = subtle.ConstantTimeCompare(a, b) == 1 }) })
	return same
}

// IndexSize is the size of an Index in bytes.
const IndexSize = aes.BlockSize

// Index is the keyed look-up form of a PAN: stable for one key, useless without it.
type Index [IndexSize]byte

// IndexKey makes Indexes. Key it with 32 random bytes used for nothing else.
type IndexKey struct{ encrypt func(dst, src []byte) }

// NewIndexKey takes a 32-byte AES-256 key.
func NewIndexKey(key []byte) (IndexKey, error) {
	if len(key) != 32 {
		return IndexKey{}, errors.New("card: an index key has 32 bytes")
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return IndexKey{}, err
	}
	return IndexKey{encrypt: b.Encrypt}, nil
}

// Of is the index of a PAN: AES-256 of one block that holds the digit count and the digits as BCD,
// padded with F. One block of a block cipher is a pseudo-random permutation, and unlike a hash it
// leaves no copy of its input behind.
func (k IndexKey) Of(p PAN) Index {
	x := new(Index)
	p.Use(func(d []byte) {
		x[0] = byte(len(d))
		for i := 1; i < len(x); i++ {
			x[i] = 0xff
		}
		for i, c := range d {
			at := 1 + i/2
			if i%2 == 0 {
				x[at] = (c-'0')<<4 | 0x0f
			} else {
				x[at] = x[at]&0xf0 | (c - '0')
			}
		}
		k.encrypt(x[:], x[:])
	})
	return *x
}

// Format hides the digits under every verb of fmt: "PAN(••••4242)".
func (p PAN) Format(f fmt.State, _ rune) {
	if !p.Present() {
		io.WriteString(f, "PAN(none)")
		return
	}
	io.WriteString(f, "PAN(••••"+p.Last4()+")")
}

// MarshalText always fails: text, JSON and XML encoders are refused.
func (p PAN) MarshalText() ([]byte, error) { return nil, ErrEncode }

// MarshalBinary always fails: gob is refused.
func (p PAN) MarshalBinary() ([]byte, error) { return nil, ErrEncode }

// LogValue is what log/slog prints.
func (p PAN) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%v", p)) }
