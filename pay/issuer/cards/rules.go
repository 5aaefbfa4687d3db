package cards

import (
	"crypto/hmac"
	"crypto/sha256"

	"countersign/host/keys"
	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
)

// Rules are the bank's rules with the journal linked under the ring's audit key; without one the links
// are plain SHA-256, which shows accidents but not a forger.
func Rules(ring *keys.Ring) book.Rules {
	all := ring.All(keys.Audit)
	if len(all) == 0 {
		return book.Rules{}
	}
	first := all[len(all)-1] // one key for the whole journal: its links must be checkable from the first on
	return book.Rules{Link: func(canonical []byte) (d ledger.Digest) {
		first.Use(func(raw []byte) {
			m := hmac.New(sha256.New, raw)
			m.Write(canonical)
			m.Sum(d[:0])
		})
		return d
	}}
}
