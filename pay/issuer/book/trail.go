package book

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"countersign/pay/ledger"
)

// Record is one link of the bank's journal: one per state change, in the same commit. Who watches the
// bank (Mobile Bank's live list) reads on from a Seq.
type Record struct {
	Seq       int64 // 1, 2, 3 … without a gap
	At        time.Time
	Kind      string // purchase, check, capture, refund, reversal, expiry, card, holder, account, deposit
	Subject   string // message key, card id …
	Holder    string
	Card      string
	Lifecycle string
	Body      string // one line of JSON (type Body); never card data
	Prev      ledger.Digest
	Link      ledger.Digest
}

// Body is what a Record says.
type Body struct {
	Response  string        `json:"response,omitempty"`
	Reason    int           `json:"reason,omitempty"`
	Amount    int64         `json:"amount,omitempty"`
	Currency  string        `json:"currency,omitempty"`
	Hold      ledger.HoldID `json:"hold,omitempty"`
	Status    string        `json:"status,omitempty"`    // of a card
	Transfers int           `json:"transfers,omitempty"` // how many ledger transfers this record covers
	Ledger    int64         `json:"ledger"`              // head of the ledger after it
	Hash      string        `json:"hash"`
}

// TrailHead is the last link of the journal.
type TrailHead struct {
	Seq  int64
	Link ledger.Digest
}

// AppendCanonical appends what Link is made of, one line per field:
//
//	countersign journal v1 · seq · at in Unix milliseconds · kind · subject · holder · card ·
//	lifecycle · body · link of the record before, in hex
func (r Record) AppendCanonical(dst []byte) []byte {
	text := func(s string) { dst = append(append(dst, s...), '\n') }
	text("countersign journal v1")
	dst = append(strconv.AppendInt(dst, r.Seq, 10), '\n')
	dst = append(strconv.AppendInt(dst, r.At.UnixMilli(), 10), '\n')
	text(r.Kind)
	text(r.Subject)
	text(r.Holder)
	text(r.Card)
	text(r.Lifecycle)
	text(r.Body)
	return append(hex.AppendEncode(dst, r.Prev[:]), '\n')
}

// record links one more record behind those in c, and saves c.
func (r Rules) record(tx Tx, c *Changes, rec Record, b Body) error {
	head, err := tx.TrailHead()
	if err != nil {
		return err
	}
	books, err := tx.Head()
	if err != nil {
		return err
	}
	if n := len(c.Ledger.Transfers); n > 0 {
		last := c.Ledger.Transfers[n-1]
		books = ledger.Head{Seq: last.Seq, Hash: last.Hash}
	}
	b.Transfers, b.Ledger, b.Hash = len(c.Ledger.Transfers), books.Seq, books.Hash.String()
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	rec.Seq, rec.Prev, rec.Body = head.Seq+1, head.Link, string(body)
	var scratch [768]byte
	rec.Link = r.link(rec.AppendCanonical(scratch[:0]))
	c.Trail = append(c.Trail, rec)
	return tx.Save(*c)
}

func (r Rules) link(canonical []byte) ledger.Digest {
	if r.Link != nil {
		return r.Link(canonical)
	}
	return sha256.Sum256(canonical)
}
