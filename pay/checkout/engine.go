package checkout

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/store"
	"countersign/pay/checkout/threeds"
	"countersign/pay/checkout/vault"
	"countersign/sql"
)

// engine carries out what core decides.
type engine struct {
	cfg       Config
	merchants map[string]Merchant
	store     *store.Store
	vault     *vault.Vault
	bank      Bank
	threeds   ThreeDS
	shelf     *shelf
	hub       *hub
	forward   *forwarder
	notify    func() // wakes the delivery of webhooks
	log       *slog.Logger
	now       func() time.Time
	rand      io.Reader

	life  context.Context // of the role: what has begun is finished, whoever hangs up
	work  crew
	fresh atomic.Int64 // authorisations in flight

	starts []func(context.Context) // of the links
}

// apply lets core decide on an event and carries out what follows.
func (e *engine) apply(ctx context.Context, id string, ev core.Event) (core.Payment, error) {
	var p core.Payment
	var effects []core.Effect
	err := e.store.Write(ctx, func(tx *store.Tx) (err error) {
		p, effects, err = tx.Step(id, ev)
		return err
	})
	if err == nil {
		e.after(p, effects)
	}
	return p, err
}

// must applies an event that has happened in the world and so cannot be refused: it tries until the store
// takes it or the role ends (then the restart resolves the payment).
func (e *engine) must(id string, ev core.Event) {
	e.insist("event", func() error { _, err := e.apply(e.life, id, ev); return err })
}

// insist repeats a write that only a fault of the disk can refuse.
func (e *engine) insist(what string, write func() error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := write()
		var no *core.Refusal
		if err == nil || errors.As(err, &no) || errors.Is(err, sql.ErrClosed) || e.life.Err() != nil {
			return
		}
		e.log.Error("cannot store", "what", what, "error", err)
		select {
		case <-e.life.Done():
			return
		case <-time.After(wait):
		}
	}
}

// after carries out the effects of a commit that lie outside of it.
func (e *engine) after(p core.Payment, effects []core.Effect) {
	for _, eff := range effects {
		switch eff := eff.(type) {
		case core.Authorise:
			e.goAuthorise(p, eff.N)
		case core.Enqueue:
			e.forward.add(eff.Advice, false)
		case core.DropCode:
			e.shelf.drop(ticket{p.ID, eff.N})
		case core.Notify:
			e.notify()
		}
	}
	if len(effects) > 0 {
		e.hub.changed(p.ID)
	}
}

func (e *engine) goAuthorise(p core.Payment, n int) {
	e.work.start(func() {
		e.forward.fresh(e.fresh.Add(1))
		defer func() { e.forward.fresh(e.fresh.Add(-1)) }()
		e.must(p.ID, e.authorise(p, n))
	})
}

// authorise sends the 0100 of attempt n, whose numbers are stored, and says what came of it.
func (e *engine) authorise(p core.Payment, n int) core.Event {
	code, ok := e.shelf.take(ticket{p.ID, n}, e.now())
	if !ok {
		return core.AuthNotSent{N: n, CodeGone: true}
	}
	defer clear(code.Data)
	number, err := e.number(e.life, p.ID, n)
	if err != nil {
		e.log.Error("no card number for an authorisation", "payment", p.ID, "error", err)
		return core.AuthNotSent{N: n}
	}
	defer number.Wipe()
	ctx, cancel := context.WithTimeout(e.life, e.cfg.BankTimeout)
	defer cancel()
	answer, err := e.bank.Authorise(ctx, Authorisation{
		Payment: p, Attempt: p.Attempts[n-1], Merchant: e.merchants[p.Merchant], PAN: number.PAN, Expiry: number.Expiry, Code: code,
	})
	switch {
	case err == nil:
		return core.AuthAnswered{N: n, Answer: answer}
	case errors.Is(err, ErrNotSent):
		return core.AuthNotSent{N: n}
	}
	e.log.Warn("authorisation in doubt", "payment", p.ID, "attempt", n)
	return core.AuthNoAnswer{N: n}
}

// number reads a card number from the vault; the caller wipes it.
func (e *engine) number(ctx context.Context, id string, n int) (vault.Number, error) {
	keyID, box, err := e.store.Card(ctx, id, n)
	if err != nil {
		return vault.Number{}, err
	}
	return e.vault.Take(id, n, keyID, box)
}

// late notes an answer that came after its attempt was given up.
func (e *engine) late(t core.Trace, a core.Answer) {
	e.work.start(func() {
		e.insist("late answer", func() error {
			return e.store.Write(e.life, func(tx *store.Tx) error {
				id, n, err := tx.ByTrace(t)
				if errors.Is(err, store.ErrNotFound) {
					return nil
				} else if err != nil {
					return err
				}
				_, _, err = tx.Step(id, core.AuthLate{N: n, Answer: a})
				return err
			})
		})
	})
}

// result takes an RReq: it is durable when this returns, and the authorisation goes on without the shopper.
func (e *engine) result(ctx context.Context, r threeds.Result) error {
	var p core.Payment
	var effects []core.Effect
	err := e.store.Write(ctx, func(tx *store.Tx) error {
		id, n, err := tx.ByServerTrans(r.ServerTransID)
		if err != nil {
			return err
		}
		p, effects, err = tx.Step(id, core.Confirmed{N: n, Outcome: core.Outcome{
			Status: r.Status, Reason: r.Reason, ServerTransID: r.ServerTransID, ACSTransID: r.ACSTransID, DSTransID: r.DSTransID,
			ECI: r.ECI, CAVV: r.CAVV,
		}})
		return err
	})
	var no *core.Refusal
	switch {
	case err == nil:
		e.after(p, effects)
		return nil
	case errors.Is(err, store.ErrNotFound):
		return threeds.ErrUnknown
	case !errors.As(err, &no):
		return err
	}
	switch no.Code {
	case core.RefuseDuplicate:
		return threeds.ErrDuplicate
	case core.RefuseNoQuestion:
		return threeds.ErrNoChallenge
	}
	return threeds.ErrUnknown
}

// recover resolves what was in flight when the last process ended.
func (e *engine) recover(ctx context.Context) error {
	waiting, err := e.store.Advices(ctx)
	if err != nil {
		return err
	}
	for _, a := range waiting {
		e.forward.add(a, true)
	}
	open, err := e.store.Open(ctx)
	if err != nil {
		return err
	}
	for _, id := range open {
		if _, err := e.apply(ctx, id, core.Restarted{}); err != nil {
			return err
		}
	}
	if len(open)+len(waiting) > 0 {
		e.log.Info("resolved after restart", "payments", len(open), "advices", len(waiting))
	}
	return nil
}

// janitor does what only time brings: deadlines, expiry, forgetting.
func (e *engine) janitor(ctx context.Context) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	sweep := e.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := e.now()
		e.shelf.sweep(now)
		if err := e.tick(ctx, now); err != nil && ctx.Err() == nil {
			e.log.Error("deadlines", "error", err)
		}
		if now.Sub(sweep) >= time.Hour || now.Before(sweep) {
			sweep = now
			if err := e.store.Sweep(ctx, now.Add(-72*time.Hour), now.Add(-30*24*time.Hour)); err != nil {
				e.log.Error("sweep", "error", err)
			}
		}
	}
}

// tick lets payments know that their time has come.
func (e *engine) tick(ctx context.Context, now time.Time) error {
	for {
		due, err := e.store.Due(ctx, now, 256)
		if err != nil {
			return err
		}
		for _, id := range due {
			if _, err := e.apply(ctx, id, core.Tick{}); err != nil {
				return err
			}
		}
		if len(due) < 256 {
			return nil
		}
	}
}
