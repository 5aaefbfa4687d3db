package sim

import (
	"encoding/base64"
	"fmt"

	"countersign/pay/checkout/core"
	"countersign/pay/issuer/book"
	"countersign/pay/payment"
)

// thief tries what somebody on the acquirer's side, with a stolen card and recorded messages, could try. Nothing
// of it may be approved.
func (w *world) thief() {
	p, a, ok := w.victim()
	if !ok {
		return
	}
	t := w.holder.typed[a.Nonce]
	raw, _ := base64.StdEncoding.DecodeString(a.CAVV)
	fresh := func() core.Trace {
		w.holder.proofs++
		return core.Trace{STAN: uint32(900_000 + w.holder.proofs%90_000), Transmitted: w.now.Truncate(1e9), RRN: "999999999999"}
	}
	buy := func(what string, amount int64, right bool, proof []byte, proofOK bool) {
		life := fmt.Sprintf("life_thief%d", w.holder.proofs)
		f := book.Purchase{Header: w.bank.header("0100", fresh(), life, p.ID, t.card), Amount: w.amount(amount), Expiry: w.bank.expiry, Code: book.CodeGiven, Matches: matches(right), Proof: proof, ProofOK: proofOK}
		if ans, heard := w.bank.ask(f); heard && ans.Response.OK() {
			w.violation("I9: a thief was approved: %s", what)
		}
		w.count("thief: " + what)
	}
	switch w.rnd.IntN(5) {
	case 0:
		buy("stolen card without confirmation", 500, true, nil, false)
	case 1:
		buy("confirmation of another amount", p.Amount.Minor()+1, true, raw, false)
	case 2:
		buy("confirmation used before", p.Amount.Minor(), true, raw, true)
	case 3:
		for range 6 {
			buy("guessed code", 500, false, raw, true)
		}
	case 4:
		w.insider(p, a, t, fresh)
	}
}

// insider sends a capture or a refund again under a number of its own, for a payment that is settled.
func (w *world) insider(p core.Payment, a core.Attempt, t typed, fresh func() core.Trace) {
	f := book.Advice{Kind: book.Capture, Amount: p.Captured, N: 1, M: 1, Original: key("0100", a.Trace)}
	if p.State == payment.Refunded {
		f.Kind, f.N, f.M = book.Refund, 0, 0
	}
	f.Header = w.bank.header("0220", fresh(), a.Lifecycle, p.ID, t.card)
	if ans, heard := w.bank.advise(f); heard && ans.Response.OK() {
		w.violation("I2: money moved twice for %s", p.ID)
	}
	w.count("thief: insider")
}

// victim is a settled payment.
func (w *world) victim() (core.Payment, core.Attempt, bool) {
	if len(w.gw.order) == 0 {
		return core.Payment{}, core.Attempt{}, false
	}
	from := w.rnd.IntN(len(w.gw.order))
	for i := range w.gw.order {
		p := w.gw.payments[w.gw.order[(from+i)%len(w.gw.order)]]
		if a, ok := p.Winner(); ok && (p.State == payment.Captured || p.State == payment.Refunded) {
			return p, a, true
		}
	}
	return core.Payment{}, core.Attempt{}, false
}
