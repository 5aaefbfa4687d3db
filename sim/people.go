package sim

import (
	"encoding/base64"
	"fmt"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/masked"
	"countersign/pay/money"
	"countersign/pay/payment"
)

// typed is what a shopper entered for one attempt.
type typed struct {
	card   int  // number of the card at the bank
	right  bool // the security code
	expiry string
}

// holders are the shoppers: what they typed, and what they were asked to confirm.
type holders struct {
	typed     map[string]typed // by nonce
	confirmed map[string]confirmation
	seen      map[string]payment.State
	proofs    int
	nonces    int
}

// confirmation is what a proof proves, as the ACS knows it.
type confirmation struct {
	payment string
	card    int
	amount  money.Amount
}

func newHolders(*world) *holders {
	return &holders{typed: map[string]typed{}, confirmed: map[string]confirmation{}, seen: map[string]payment.State{}}
}

func (w *world) amount(minor int64) money.Amount {
	a, err := money.New(minor, w.eur)
	if err != nil {
		panic(err)
	}
	return a
}

// order is one shopper at the shop's button.
func (w *world) order() {
	o := core.Order{Merchant: "mer_sim", Amount: w.amount(100 + w.rnd.Int64N(9900)), Mode: core.Automatic}
	if w.chance(0.4) {
		o.Mode = core.Manual
	}
	id, ok := w.gw.create(o)
	if !ok {
		w.after(w.between(time.Second, time.Minute), w.order) // the shop tries again
		return
	}
	w.after(w.between(5*time.Second, 2*time.Minute), func() { w.enterCard(id) })
	if w.chance(0.05) {
		w.after(w.between(0, 20*time.Minute), func() { w.command(id, "cancel", core.Cancel{}) })
	}
}

// enterCard presses Pay, sometimes twice, sometimes in two tabs.
func (w *world) enterCard(id string) {
	t := typed{card: w.rnd.IntN(w.bank.cards), right: true, expiry: w.bank.expiry}
	switch {
	case w.chance(0.08):
		t.right = false
	case w.chance(0.03):
		t.expiry = "2701"
	}
	press := func() {
		w.holder.nonces++
		nonce := fmt.Sprintf("nonce%d", w.holder.nonces)
		w.holder.typed[nonce] = t
		e := core.CardEntered{Nonce: nonce, Card: masked.Card{Brand: "Sim", Last4: "0000"}}
		w.command(id, "card", e)
		if w.chance(0.2) {
			w.count("double click")
			w.command(id, "card", e)
		}
	}
	press()
	if w.chance(0.1) {
		w.count("two tabs")
		w.after(w.between(0, 5*time.Second), press)
	}
}

// command gives a command to the gateway and tries again when the gateway was down.
func (w *world) command(id, what string, e core.Event) {
	err := w.gw.apply(id, e)
	switch refusal, _ := err.(*core.Refusal); {
	case err == errDown:
		w.after(w.between(time.Second, 40*time.Second), func() { w.command(id, what, e) })
	case refusal != nil:
		w.count("refused: " + what + " " + refusal.Code)
	case err != nil:
		w.violation("command %s of %s: %v", what, id, err)
	}
}

// authenticate is 3-D Secure as the gateway sees it: an ARes, and later, perhaps, an RReq.
func (w *world) authenticate(p core.Payment, n int) {
	a := p.Attempts[n-1]
	server := fmt.Sprintf("srv-%s-%d", p.ID, n)
	out := core.Outcome{Status: "C", ServerTransID: server, ACSTransID: "acs-" + server, DSTransID: "ds-" + server, ACSURL: "https://acs.test", CReq: "x", Version: "2.2.0"}
	switch {
	case w.chance(0.05):
		out.Status, out.Reason = "N", "01"
	case w.chance(0.03):
		out = core.Outcome{}
	}
	w.after(w.between(10*time.Millisecond, 3*time.Second), func() { w.tellTwice(p.ID, core.Authenticated{N: n, Outcome: out}, 0.02) })
	if out.Status != "C" || w.chance(0.05) { // the tab was closed
		return
	}
	res := out
	res.ACSURL, res.CReq, res.Status = "", "", "N"
	if w.chance(0.9) {
		w.holder.proofs++
		raw := fmt.Appendf(nil, "%021d", w.holder.proofs)
		res.Status, res.ECI, res.CAVV = "Y", "05", base64.StdEncoding.EncodeToString(raw)
		w.holder.confirmed[string(raw)] = confirmation{p.ID, w.holder.typed[a.Nonce].card, p.Amount}
	}
	d := w.between(4*time.Second, 3*time.Minute)
	if w.chance(0.04) {
		w.count("confirmed too late")
		d = 12 * time.Minute
	}
	w.after(d, func() { w.tellTwice(p.ID, core.Confirmed{N: n, Outcome: res}, 0.1) })
	if w.chance(0.05) {
		w.after(d/2, func() { w.command(p.ID, "abandon", core.Abandon{N: n}) })
	}
}

// tellTwice delivers a 3-D Secure result, which its sender repeats until the gateway has stored it.
func (w *world) tellTwice(id string, e core.Event, again float64) {
	if err := w.gw.apply(id, e); err == errDown {
		w.after(w.between(time.Second, 10*time.Second), func() { w.tellTwice(id, e, again) })
		return
	}
	if w.chance(again) {
		w.count("result told twice")
		w.after(w.between(0, time.Minute), func() { _ = w.gw.apply(id, e) })
	}
}

// observe is how shopper and shop react to a committed step.
func (w *world) observe(p core.Payment) {
	before := w.holder.seen[p.ID]
	if before == p.State {
		return
	}
	w.holder.seen[p.ID] = p.State
	w.count("state: " + string(p.State))
	switch p.State {
	case payment.NeedsCard:
		if w.chance(0.7) {
			w.after(w.between(time.Second, 4*time.Minute), func() { w.enterCard(p.ID) })
		}
	case payment.Authorised:
		if p.Mode == core.Manual {
			w.shipOrNot(p)
		}
	case payment.Captured:
		w.regret(p)
	}
}

// shipOrNot: the shop captures all, a part, too much, cancels, or forgets the order.
func (w *world) shipOrNot(p core.Payment) {
	soon := w.between(time.Second, time.Hour)
	switch r := w.rnd.Float64(); {
	case r < 0.5:
		w.after(soon, func() { w.command(p.ID, "capture", core.Capture{}) })
	case r < 0.65:
		part := w.amount(1 + w.rnd.Int64N(p.Amount.Minor()))
		w.after(soon, func() { w.command(p.ID, "capture", core.Capture{Amount: part}) })
	case r < 0.7:
		w.after(soon, func() { w.command(p.ID, "capture", core.Capture{Amount: w.amount(p.Amount.Minor() + 1)}) })
	case r < 0.85:
		w.after(soon, func() { w.command(p.ID, "cancel", core.Cancel{}) })
	}
	if w.chance(0.1) { // two people in the shop at once
		w.after(soon, func() { w.command(p.ID, "capture", core.Capture{}) })
	}
}

// regret: refunds, in parts, twice, too much.
func (w *world) regret(p core.Payment) {
	if !w.chance(0.4) {
		return
	}
	for range 1 + w.rnd.IntN(3) {
		e := core.Refund{}
		if w.chance(0.7) {
			e.Amount = w.amount(1 + w.rnd.Int64N(p.Captured.Minor()+5))
		}
		w.after(w.between(time.Second, 2*time.Hour), func() { w.command(p.ID, "refund", e) })
	}
}
