// Package proof makes and checks this house's CAVV: the short value by which the access control
// server tells the issuer "the holder confirmed exactly this payment".
//
// It has 21 bytes, which are 28 base64 characters, so it fits the field that 3-D Secure
// (authenticationValue) and the card networks carry for it:
//
//	1  version 1 in the high four bits, method in the low four
//	1  key index (the key's number in its ring, keys.Key.Number)
//	3  hours since 2020-01-01 00:00 UTC, big endian
//	16 HMAC-SHA-256, cut to 128 bits
//
// The HMAC runs over those five bytes and a fixed-width form of the Claim: card index, acceptor,
// amount, currency, directory's transaction id. Nothing that it binds can be swapped for another
// value, and since every part has one width, no two claims share an encoding.
//
// The published scheme values (Visa's CVV with ATN, Mastercard's SPA1 and SPA2) bind less: a rough
// amount at most, and no transaction. Single use is the issuer's to keep: a value checks for ever
// until it is MaxAge old.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
)

// Size of a value in bytes; 28 characters in base64.
const Size = 21

// MaxAge is how long after the confirmation a value is good for (the networks' usual 90 days).
const MaxAge = 90 * 24 * time.Hour

// The ways a holder confirmed, as the value carries them. The numbers are EMV 3DS 2.3.1.1
// authenticationMethod codes, which fit in four bits as far as they are used here.
const (
	MethodSMS     byte = 2  // code by SMS
	MethodApp     byte = 11 // prompt in the bank's app
	MethodPasskey byte = 13 // WebAuthn
	MethodSPC     byte = 14 // Secure Payment Confirmation
)

// ErrProof: the value does not prove the claim. There is no finer answer, on purpose.
var ErrProof = errors.New("proof: does not prove this payment")

// Claim is what the holder confirmed.
type Claim struct {
	PAN       card.Index   // keyed index of the card number (key "pan-index")
	Acceptor  string       // card acceptor id: AReq acquirerMerchantID, ISO 8583 DE 42; trailing spaces do not count; at most 35 bytes
	Amount    money.Amount // exactly this amount, in exactly this currency
	DSTransID string       // the directory's transaction id: UUID, 36 characters
	Method    byte         // 1–15, a Method… constant; Check accepts any when it is 0
}

const (
	version      = 1
	headSize     = 5
	macSize      = 16
	maxAcceptor  = 35
	maxTransID   = 36
	clockSkew    = 2 * time.Hour // hours are cut, clocks differ
	claimEncoded = len(domain) + headSize + card.IndexSize + 1 + maxAcceptor + 8 + 2 + 1 + maxTransID
	domain       = "countersign cavv v1\x00"
)

// epoch is where the hours of a value start.
func epoch() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

// Make proves a claim at a time with a 32-byte key. It panics on a claim that cannot be encoded:
// a method outside 1–15, an acceptor or transaction id that is too long, an amount without currency.
func Make(keyIndex byte, key []byte, c Claim, at time.Time) [Size]byte {
	var v [Size]byte
	v[0] = version<<4 | c.Method&0x0f
	v[1] = keyIndex
	hours := uint32(at.Sub(epoch()) / time.Hour)
	v[2], v[3], v[4] = byte(hours>>16), byte(hours>>8), byte(hours)
	if c.Method == 0 || c.Method > 15 || at.Before(epoch()) || !encodable(c) {
		panic("proof: a claim that cannot be encoded")
	}
	sum := mac(key, v[:headSize], c)
	copy(v[headSize:], sum[:macSize])
	return v
}

// Check says when the value was made, or ErrProof: not of this claim, not by this key, from the
// future, or older than MaxAge. key lends the key of an index, nil when there is none.
func Check(key func(index byte) []byte, value []byte, c Claim, now time.Time) (at time.Time, err error) {
	if len(value) != Size || value[0]>>4 != version || !encodable(c) {
		return time.Time{}, ErrProof
	}
	if m := value[0] & 0x0f; m == 0 || (c.Method != 0 && c.Method != m) {
		return time.Time{}, ErrProof
	}
	k := key(value[1])
	if len(k) == 0 {
		return time.Time{}, ErrProof
	}
	sum := mac(k, value[:headSize], c)
	if !hmac.Equal(sum[:macSize], value[headSize:]) {
		return time.Time{}, ErrProof
	}
	hours := uint32(value[2])<<16 | uint32(value[3])<<8 | uint32(value[4])
	at = epoch().Add(time.Duration(hours) * time.Hour)
	if at.After(now.Add(clockSkew)) || now.Sub(at) > MaxAge {
		return time.Time{}, ErrProof
	}
	return at, nil
}

// Method is the way of confirmation that a value carries; 0 when it is not a value of this house.
// It is a claim of the value's maker only after Check.
func Method(value []byte) byte {
	if len(value) != Size || value[0]>>4 != version {
		return 0
	}
	return value[0] & 0x0f
}

// Text is the 28 base64 characters of EMV 3DS authenticationValue.
func Text(value [Size]byte) string { return base64.StdEncoding.EncodeToString(value[:]) }

// Parse reads what Text writes, or ErrProof.
func Parse(text string) ([]byte, error) {
	v, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(v) != Size || len(text) != Size/3*4 { // the decoder skips line ends
		return nil, ErrProof
	}
	return v, nil
}

func encodable(c Claim) bool {
	return len(acceptor(c)) <= maxAcceptor && len(c.DSTransID) <= maxTransID && c.Amount.Currency().Known()
}

func acceptor(c Claim) string { return strings.TrimRight(c.Acceptor, " ") }

// mac encodes the claim: domain, head, then every part at its one width; texts are preceded by their
// length and followed by zeros.
func mac(key, head []byte, c Claim) []byte {
	b := make([]byte, 0, claimEncoded)
	b = append(b, domain...)
	b = append(b, head...)
	b = append(b, c.PAN[:]...)
	b = appendText(b, acceptor(c), maxAcceptor)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Amount.Minor()))
	b = binary.BigEndian.AppendUint16(b, c.Amount.Currency().Numeric)
	b = appendText(b, strings.ToLower(c.DSTransID), maxTransID)
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

func appendText(b []byte, s string, width int) []byte {
	b = append(b, byte(len(s)))
	b = append(b, s...)
	return append(b, make([]byte, width-len(s))...)
}
