// Package securitycode holds the three or four digits on a card (CVV2, CVC2, CID): taken once, then gone.
//
// The packages that may import it are listed in internal/tidy; that list is the code's path. No store
// is on it, and no store can reach it. The digits live in one fixed array, come out of Use exactly
// once, and are overwritten when Use returns.
package securitycode

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

var (
	// ErrFormat: not three or four digits. The error never carries them.
	ErrFormat = errors.New("securitycode: not a security code")
	// ErrTaken: the code was used already, and is gone.
	ErrTaken = errors.New("securitycode: already taken")
	// ErrEncode: somebody tried to encode a code.
	ErrEncode = errors.New("securitycode: a code is never encoded")
)

// Code is a security code that can be used once. The zero value is "no code".
type Code struct {
	take func(func([]byte)) error
}

type secret struct {
	mu     sync.Mutex
	digits [maxLen]byte
	n      int
}

// New copies three or four ASCII digits and wipes the argument, whatever the outcome.
func New(digits []byte) (Code, error) {
	defer clear(digits)
	if !valid(digits) {
		return Code{}, ErrFormat
	}
	s := &secret{n: len(digits)}
	copy(s.digits[:], digits)
	return Code{take: s.take}, nil
}

func (s *secret) take(f func([]byte)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 {
		return ErrTaken
	}
	defer func() { clear(s.digits[:]); s.n = 0 }()
	f(s.digits[:s.n])
	return nil
}

// Present says whether there was a code (it may be taken by now).
func (c Code) Present() bool { return c.take != nil }

// Use lends the digits to f, once, and wipes them when f returns or panics. ErrTaken ever after.
func (c Code) Use(f func(digits []byte)) error {
	if c.take == nil {
		return ErrTaken
	}
	return c.take(f)
}

// Wipe drops the code unused.
func (c Code) Wipe() { _ = c.Use(func([]byte) {}) }

// Format hides the digits and their count under every verb.
func (c Code) Format(f fmt.State, _ rune) { io.WriteString(f, "Code(•••)") }

// MarshalText always fails.
func (c Code) MarshalText() ([]byte, error) { return nil, ErrEncode }

// MarshalBinary always fails.
func (c Code) MarshalBinary() ([]byte, error) { return nil, ErrEncode }

// LogValue is what log/slog prints.
func (c Code) LogValue() slog.Value { return slog.StringValue("Code(•••)") }

// Result is the answer to a check of a code, as the networks write it (ISO 8583 DE 48.87 here).
type Result byte

// The results.
const (
	Match        Result = 'M'
	NoMatch      Result = 'N'
	NotProcessed Result = 'P'
	NotOnCard    Result = 'S'
	Unable       Result = 'U'
)
