package checkout

import (
	"context"
	"errors"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/store"
)

// forwarder drives core.Queue: one goroutine owns the queue, others send and store.
type forwarder struct {
	e     *engine
	queue *core.Queue
	in    chan core.QueueEvent
	wake  time.Duration // longest sleep
}

func newForwarder(e *engine, cfg core.QueueConfig) *forwarder {
	return &forwarder{e: e, queue: core.NewQueue(cfg), in: make(chan core.QueueEvent, 1024), wake: 250 * time.Millisecond}
}

// add gives the queue an advice that is stored.
func (f *forwarder) add(a core.Advice, known bool) { f.tell(core.Added{Advice: a, Known: known}) }

// fresh tells how many authorisations are in flight.
func (f *forwarder) fresh(n int64) { f.tell(core.Fresh{InFlight: int(n)}) }

func (f *forwarder) tell(ev core.QueueEvent) {
	select {
	case f.in <- ev:
	case <-f.e.life.Done(): // what is stored is found again at the next start
	}
}

// run drives the queue until ctx ends.
func (f *forwarder) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	up := f.e.bank.Up()
	for {
		var ev core.QueueEvent = core.Wake{}
		select {
		case <-ctx.Done():
			return
		case ev = <-f.in:
		case <-timer.C:
		}
		effects := f.queue.Step(ev, f.e.now())
		if now := f.e.bank.Up(); now != up {
			if up = now; up {
				effects = append(effects, f.queue.Step(core.LinkUp{}, f.e.now())...)
			}
		}
		for _, eff := range effects {
			f.do(eff)
		}
		timer.Reset(f.sleep())
	}
}

// sleep is the time to the next message that is due; never so long that the link's state goes unnoticed.
func (f *forwarder) sleep() time.Duration {
	next := f.queue.NextWake()
	if next.IsZero() {
		return f.wake
	}
	if d := next.Sub(f.e.now()); d > 0 {
		return min(d, f.wake)
	}
	return f.wake // due and held back by a bound: an answer will wake us first
}

// do carries out one effect without holding up the queue.
func (f *forwarder) do(eff core.QueueEffect) {
	f.e.work.start(func() {
		switch eff := eff.(type) {
		case core.Send:
			f.tell(f.send(eff))
		case core.Save:
			f.e.insist("advice", func() error {
				return f.e.store.Write(f.e.life, func(tx *store.Tx) error { return tx.SaveAdvice(eff.Advice) })
			})
		case core.Replace:
			f.replace(eff.Advice)
		case core.Done:
			f.done(eff)
		}
	})
}

func (f *forwarder) send(s core.Send) core.QueueEvent {
	a := s.Advice
	number, err := f.e.number(f.e.life, a.Payment, a.Attempt)
	if err != nil {
		if f.e.life.Err() == nil {
			f.e.log.Error("no card number for an advice", "payment", a.Payment, "error", err)
		}
		return core.NotSent{ID: a.ID}
	}
	defer number.Wipe()
	ctx, cancel := context.WithTimeout(f.e.life, f.e.cfg.BankTimeout)
	defer cancel()
	merchant, err := f.e.merchantOf(ctx, a.Payment)
	if err != nil {
		return core.NotSent{ID: a.ID}
	}
	answer, err := f.e.bank.Forward(ctx, Forwarding{Advice: a, Repeat: s.Repeat, Merchant: merchant, PAN: number.PAN})
	switch {
	case err == nil:
		return core.Answered{ID: a.ID, Answer: answer}
	case errors.Is(err, ErrNotSent):
		return core.NotSent{ID: a.ID}
	}
	f.e.log.Warn("no answer to an advice; it is repeated", "payment", a.Payment, "kind", string(a.Kind), "tries", a.Tries+1)
	return core.NoAnswer{ID: a.ID}
}

func (f *forwarder) replace(a core.Advice) {
	f.e.insist("advice", func() error {
		var fresh core.Advice
		err := f.e.store.Write(f.e.life, func(tx *store.Tx) (err error) { fresh, err = tx.ReplaceAdvice(a); return err })
		if err == nil {
			f.add(fresh, false)
		}
		return err
	})
}

func (f *forwarder) done(d core.Done) {
	f.e.insist("answer to an advice", func() error {
		var p core.Payment
		var effects []core.Effect
		err := f.e.store.Write(f.e.life, func(tx *store.Tx) (err error) {
			p, effects, err = tx.FinishAdvice(d.Advice, d.Answer)
			return err
		})
		if err == nil {
			f.e.after(p, effects)
		}
		return err
	})
}

// merchantOf is the shop of a payment; also of one that is no longer configured, whose money must still be settled.
func (e *engine) merchantOf(ctx context.Context, id string) (Merchant, error) {
	m, err := e.store.MerchantOf(ctx, id)
	return Merchant{ID: m.ID, Name: m.Name, Acceptor: m.Acceptor, Terminal: m.Terminal, MCC: m.MCC, Country: m.Country, SiteURL: m.Site}, err
}
