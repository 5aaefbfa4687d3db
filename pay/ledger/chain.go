package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Digest is a SHA-256 value.
type Digest [sha256.Size]byte

// String is the digest in hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Head is the last link of the chain of transfers. The zero value is the head of an empty ledger.
type Head struct {
	Seq  int64
	Hash Digest
}

// AppendCanonical appends what Hash is the SHA-256 of: one line per field, in this order, each ended
// by '\n', so that anybody can check the chain with a dozen lines of any language:
//
//	countersign transfer v1 · seq · id · kind · code · hold · debit · credit · minor units · currency ·
//	expires and at, both in Unix milliseconds (0 for none) · hash of the transfer before, in hex
func (t Transfer) AppendCanonical(dst []byte) []byte {
	text := func(s string) { dst = append(append(dst, s...), '\n') }
	num := func(n int64) { dst = append(strconv.AppendInt(dst, n, 10), '\n') }
	text("countersign transfer v1")
	num(t.Seq)
	text(string(t.ID))
	num(int64(t.Kind))
	num(int64(t.Code))
	text(string(t.Hold))
	text(string(t.Debit))
	text(string(t.Credit))
	num(t.Amount.Minor())
	text(t.Amount.Currency().Alpha())
	expires := int64(0)
	if !t.Expires.IsZero() {
		expires = t.Expires.UnixMilli()
	}
	num(expires)
	num(t.At.UnixMilli())
	dst = hex.AppendEncode(dst, t.Prev[:])
	return append(dst, '\n')
}

// sum is the transfer's own link.
func (t Transfer) sum() Digest {
	var scratch [512]byte
	return sha256.Sum256(t.AppendCanonical(scratch[:0]))
}
