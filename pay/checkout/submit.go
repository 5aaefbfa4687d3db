package checkout

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/fields"
	"countersign/pay/checkout/store"
	"countersign/pay/checkout/threeds"
	"countersign/pay/checkout/ui"
	"countersign/pay/checkout/vault"
	"countersign/pay/masked"
	"countersign/pay/sealed"
)

// patience is how long the card form's answer waits for the bank before it says "processing".
const patience = 12 * time.Second

var _ fields.Gateway = (*engine)(nil)

// View reads what the pages of a payment need.
func (e *engine) View(ctx context.Context, id string) (fields.View, error) {
	p, err := e.store.Payment(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return fields.View{}, fields.ErrNotFound
	} else if err != nil {
		return fields.View{}, err
	}
	m, ok := e.merchants[p.Merchant]
	if !ok {
		return fields.View{}, fields.ErrNotFound
	}
	keyID, public, err := e.vault.Public()
	if err != nil {
		return fields.View{}, err
	}
	v := fields.View{Payment: p, Shop: fields.Shop{Name: m.Name, Acceptor: m.Acceptor, SiteURL: m.SiteURL},
		Vault: ui.Key{ID: keyID, Public: base64.RawURLEncoding.EncodeToString(public)}}
	for _, r := range e.threeds.Ranges() {
		if r.KeyID != "" {
			v.Ranges = append(v.Ranges, ui.Range{Start: r.Start, End: r.End, Name: r.Name, KeyID: r.KeyID, Public: base64.RawURLEncoding.EncodeToString(r.Public)})
		}
	}
	return v, nil
}

// Pay begins an attempt with a sealed card, or finds the one that the same click has begun, and waits for what
// comes of it.
func (e *engine) Pay(ctx context.Context, v fields.View, f fields.Form) (core.Payment, core.Attempt, error) {
	if a, ok := v.Payment.ByNonce(f.Attempt); ok {
		return e.await(ctx, v.Payment.ID, a.N)
	}
	m := e.merchants[v.Payment.Merchant]
	number, err := e.vault.Open(f.Number, sealed.Context{Payment: v.Payment.ID, Merchant: m.Acceptor, Amount: v.Payment.Amount})
	switch {
	case errors.Is(err, vault.ErrExpiry):
		return core.Payment{}, core.Attempt{}, &fields.Problem{Field: "expiry", Message: "Please check the expiry date."}
	case err != nil:
		return core.Payment{}, core.Attempt{}, &fields.Problem{Field: "number", Message: "Please check the card number."}
	case number.Expiry.Past(e.now()):
		number.Wipe()
		return core.Payment{}, core.Attempt{}, &fields.Problem{Field: "expiry", Message: "This card has expired. Please use another card."}
	}
	n, err := e.enter(v.Payment, m, number, f)
	if err != nil {
		number.Wipe()
		var no *core.Refusal
		if errors.As(err, &no) && no.Code == core.RefuseSame {
			return e.await(ctx, v.Payment.ID, no.Attempt)
		}
		return core.Payment{}, core.Attempt{}, err
	}
	return e.await(ctx, v.Payment.ID, n)
}

// enter stores the attempt with its encrypted number, and begins to authenticate it. It takes over the number
// when it succeeds.
func (e *engine) enter(p core.Payment, m Merchant, number vault.Number, f fields.Form) (n int, err error) {
	shown := masked.Card{Brand: e.brand(number), Last4: number.PAN.Last4(), Holder: f.Name}
	next := len(p.Attempts) + 1
	keyID, box, err := e.vault.Keep(p.ID, next, number)
	if err != nil {
		return 0, err
	}
	var effects []core.Effect
	err = e.store.Write(e.life, func(tx *store.Tx) (err error) {
		if p, effects, err = tx.Step(p.ID, core.CardEntered{Nonce: f.Attempt, Card: shown}); err != nil {
			return err
		}
		if n = len(p.Attempts); n != next { // another attempt came in between: seal it for its own place
			if keyID, box, err = e.vault.Keep(p.ID, n, number); err != nil {
				return err
			}
		}
		return tx.KeepCard(p.ID, n, keyID, box)
	})
	if err != nil {
		return 0, err
	}
	e.shelf.put(ticket{p.ID, n}, f.Code, e.now().Add(e.cfg.CodeTTL))
	e.after(p, effects)
	e.work.start(func() {
		defer number.Wipe()
		e.must(p.ID, core.Authenticated{N: n, Outcome: e.authenticate(p, m, number, f)})
	})
	return n, nil
}

// brand is the card's scheme, or the name of its range.
func (e *engine) brand(n vault.Number) string {
	if b := vault.Brand(n.PAN); b != "" {
		return b
	}
	for _, r := range e.threeds.Ranges() {
		if vault.InRange(n.PAN, r.Start, r.End) {
			return r.Name
		}
	}
	return "Card"
}

func (e *engine) supported(n vault.Number) bool {
	for _, r := range e.threeds.Ranges() {
		if vault.InRange(n.PAN, r.Start, r.End) {
			return true
		}
	}
	return false
}

// authenticate asks the bank to confirm.
func (e *engine) authenticate(p core.Payment, m Merchant, number vault.Number, f fields.Form) core.Outcome {
	if !e.supported(number) {
		return core.Outcome{Unsupported: true}
	}
	ctx, cancel := context.WithTimeout(e.life, 30*time.Second)
	defer cancel()
	b := f.Browser
	out, err := e.threeds.Authenticate(ctx, threeds.Request{
		Payment: p.ID, PAN: number.PAN, Expiry: number.Expiry, Amount: p.Amount,
		Merchant: threeds.Merchant{Acquirer: e.cfg.Acquirer, Acceptor: m.Acceptor, Name: m.Name, Country: m.Country, MCC: m.MCC, URL: m.SiteURL},
		Holder:   f.Name, WindowSize: "02",
		Browser: threeds.Browser{
			Accept: b.Accept, UserAgent: b.UserAgent, Language: b.Language, IP: b.IP, JavaScript: true, Java: b.Java,
			ColorDepth: b.ColorDepth, Height: b.Height, Width: b.Width, TZ: b.TZ,
		},
	})
	if err != nil {
		e.log.Error("cannot ask for confirmation", "payment", p.ID, "error", err)
		return core.Outcome{}
	}
	if out.Problem != "" {
		e.log.Warn("confirmation failed", "payment", p.ID, "problem", out.Problem, "code", out.Code)
	}
	return core.Outcome{
		Status: out.Status, Reason: out.Reason, ServerTransID: out.ServerTransID, ACSTransID: out.ACSTransID, DSTransID: out.DSTransID,
		ECI: out.ECI, CAVV: out.CAVV, Version: out.Version, ACSURL: out.ACSURL, CReq: out.CReq,
	}
}

// await waits until attempt n needs the shopper or is over, or patience ends.
func (e *engine) await(ctx context.Context, id string, n int) (core.Payment, core.Attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		changed, stop := e.hub.watch(id)
		p, err := e.store.Payment(context.WithoutCancel(ctx), id)
		if err != nil {
			stop()
			return p, core.Attempt{}, err
		}
		a := p.Attempts[n-1]
		busy := a.State == core.Authenticating || a.State == core.Authorising || a.State == core.Reversing && !a.Until.IsZero()
		if !busy {
			stop()
			return p, a, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			stop()
			return p, a, nil
		}
	}
}

// Abandon gives up the attempt that the bank is asking about.
func (e *engine) Abandon(ctx context.Context, v fields.View) (core.Payment, error) {
	a, ok := v.Payment.Current()
	if !ok {
		return v.Payment, nil
	}
	return e.apply(e.life, v.Payment.ID, core.Abandon{N: a.N})
}
