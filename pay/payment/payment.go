// Package payment holds the words that gateway, bank and shop share: ids, states, response codes
// and the reasons behind them.
package payment

import (
	"encoding/binary"
	"io"
	"time"
)

// State is where a payment stands, as the shop API writes it.
type State string

// The states. A payment ends in Captured (then perhaps Refunded), Cancelled or Expired; in every
// state before that the shopper can try again or leave.
const (
	NeedsCard         State = "needs_card"         // waiting for a card; also after a decline: Declined tells why
	NeedsConfirmation State = "needs_confirmation" // the bank is asking the holder
	Processing        State = "processing"         // the authorisation is on its way, or in doubt
	Authorised        State = "authorised"         // money is held
	Captured          State = "captured"           // held money was taken, wholly or in part
	Refunded          State = "refunded"           // all that was captured went back
	Cancelled         State = "cancelled"          // by the shop; a hold was given back
	Expired           State = "expired"            // nobody paid in time, or the hold ran out
)

// Final says whether nothing more can happen but refunds.
func (s State) Final() bool {
	return s == Captured || s == Refunded || s == Cancelled || s == Expired
}

// NewID makes an id: the prefix, '_', and 26 characters of Crockford base32: 48 bits of milliseconds,
// then 80 random bits (the shape of a ULID), so that ids sort by time and cannot be guessed.
func NewID(prefix string, now time.Time, rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[6:]); err != nil {
		return "", err
	}
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(now.UnixMilli()))
	copy(b[:6], t[2:])
	return prefix + "_" + base32(b), nil
}

func base32(b [16]byte) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := 25; i >= 0; i-- {
		out[i] = digits[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}
