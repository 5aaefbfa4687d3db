package issuer

import (
	"time"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/proof"
	"countersign/pay/sealed"
)

// withScratch lends a buffer for the additional data of a code box, which holds the card number; what f
// returns of it is wiped, and all the rest too.
func (b *Bank) withScratch(f func(buf []byte) []byte) {
	p, _ := b.aads.Get().(*[]byte)
	if p == nil {
		made := make([]byte, 0, 512)
		p = &made
	}
	defer b.aads.Put(p)
	used := f((*p)[:0])
	clear(used)
	clear((*p)[:cap(*p)])
}

// openCode takes the code out of its box, or from the message, and says under which keys it is right.
// The digits live in one buffer, for the time of this call.
func (b *Bank) openCode(r *Request) (state byte, matches []string) {
	switch {
	case r.Plain.Present():
		state = book.CodeUnable
		_ = r.Plain.Use(func(digits []byte) { // an error means that it was taken before: unable
			state, matches = book.CodeGiven, b.vault.Matches(r.PAN, r.Expiry, digits)
		})
		return state, matches
	case len(r.Code.Data) == 0:
		return book.CodeAbsent, nil
	}
	k, err := b.ring.ByID(keys.CodeSeal, r.Code.KeyID)
	if err != nil {
		return book.CodeUnable, nil
	}
	state = book.CodeUnable
	b.withScratch(func(buf []byte) []byte {
		aad := buf
		r.PAN.Use(func(digits []byte) {
			where := sealed.Context{Payment: r.Payment, Merchant: r.Merchant.Acceptor, Amount: r.Amount}
			aad = where.AppendCodeAAD(buf, digits, r.Expiry.YYMM())
		})
		k.Use(func(private []byte) {
			plain, err := sealed.Open(sealed.Code, private, r.Code, aad)
			if err != nil {
				return
			}
			defer clear(plain[:cap(plain)])
			state, matches = book.CodeGiven, b.vault.Matches(r.PAN, r.Expiry, trimZeros(plain))
		})
		return aad
	})
	return state, matches
}

// trimZeros cuts the zero bytes that pad a code (sealed.CodeSize).
func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// checkProof says whether the CAVV proves that the holder confirmed this amount, at this merchant, with
// this card, in this 3DS transaction.
func (b *Bank) checkProof(r *Request, index book.Index, now time.Time) (ok bool) {
	if len(r.CAVV) != proof.Size {
		return false
	}
	claim := proof.Claim{PAN: card.Index(index), Acceptor: r.Merchant.Acceptor, Amount: r.Amount, DSTransID: r.DSTransID}
	for _, k := range b.ring.All(keys.CAVV) {
		if byte(k.Number) != r.CAVV[1] {
			continue
		}
		k.Use(func(raw []byte) {
			_, err := proof.Check(func(byte) []byte { return raw }, r.CAVV, claim, now)
			ok = ok || err == nil
		})
	}
	return ok
}
