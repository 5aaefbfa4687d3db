package sim

import (
	"fmt"
	"slices"
	"time"

	"countersign/pay/checkout/core"
)

// gateway is one checkout process and its disk. What is under "disk" survives a crash, the rest does not.
type gateway struct {
	w *world

	// disk
	payments map[string]core.Payment
	order    []string
	advices  map[string]core.Advice
	numbers  core.Numbers
	before   func() // undoes the last commit: for the mutant that does not flush

	// memory
	up       bool
	life     int // counts restarts: callbacks of an earlier life find nobody
	queue    *core.Queue
	inFlight int
	ids      int
	wake     time.Time
}

func newGateway(w *world) *gateway {
	return &gateway{w: w, payments: map[string]core.Payment{}, advices: map[string]core.Advice{}, queue: core.NewQueue(core.QueueConfig{}), up: true,
		numbers: core.Numbers{Last: 999_900}}
}

// core.World for one step; commit keeps the numbers that were handed out.
func (g *gateway) world() (cw core.World, commit func()) {
	n := g.numbers
	cw = core.World{
		Now:    g.w.now,
		Policy: core.Policy{}.WithDefaults(),
		ID:     func(prefix string) string { g.ids++; return fmt.Sprintf("%s_%08d", prefix, g.ids) },
		Trace: func() core.Trace {
			next, t := n.Next(g.w.now)
			n = next
			if t.STAN == 1 {
				g.w.count("numbers: around")
			}
			if g.w.bug == ReusedNumbers {
				t.STAN = t.STAN%7 + 1
				t.Transmitted = t.Transmitted.Truncate(time.Hour)
			}
			return t
		},
	}
	return cw, func() { g.numbers = n }
}

// live wraps a callback so that it finds only the process that asked for it.
func (g *gateway) live(f func()) func() {
	life := g.life
	return func() {
		if g.up && g.life == life {
			f()
		}
	}
}

// create stores a new payment.
func (g *gateway) create(o core.Order) (string, bool) {
	if !g.up {
		return "", false
	}
	cw, commit := g.world()
	id := cw.ID("pay")
	p, _, err := core.New(id, o, cw)
	if err != nil || g.crash(g.w.net.crashBefore) {
		return "", false
	}
	commit()
	g.payments[id] = p
	g.order = append(g.order, id)
	if g.crash(g.w.net.crashAfter) {
		return "", false
	}
	g.tickAt(p)
	return id, true
}

// apply takes one event through the core: decide, commit, then do. The process may die before or after the commit.
func (g *gateway) apply(id string, e core.Event) error {
	if !g.up {
		return errDown
	}
	old := g.payments[id]
	cw, commit := g.world()
	p, effects, err := core.Step(old, e, cw)
	if err != nil || len(effects) == 0 {
		return err
	}
	if g.w.bug == EffectBeforeCommit {
		g.carryOut(p, effects)
	}
	if g.crash(g.w.net.crashBefore) {
		return errDown
	}
	commit()
	added := g.store(old, p, effects)
	if g.crash(g.w.net.crashAfter) {
		return errDown
	}
	for _, a := range added {
		g.queueDo(g.queue.Step(core.Added{Advice: a}, g.w.now))
	}
	if g.w.bug != EffectBeforeCommit {
		g.carryOut(p, effects)
	}
	g.tickAt(p)
	g.w.observe(p)
	return nil
}

// store is the commit: the payment and what belongs to it.
func (g *gateway) store(old, p core.Payment, effects []core.Effect) (added []core.Advice) {
	g.payments[p.ID] = p
	for _, e := range effects {
		switch e := e.(type) {
		case core.Enqueue:
			if g.w.bug == ReversalNotStored && e.Advice.Kind == core.Reversal {
				continue
			}
			g.advices[e.Advice.ID] = e.Advice
			added = append(added, e.Advice)
		case core.Record:
			g.w.count(e.What)
		}
	}
	g.before = func() {
		g.payments[p.ID] = old
		for _, a := range added {
			delete(g.advices, a.ID)
		}
	}
	return added
}

// carryOut does the effects that reach out of the process.
func (g *gateway) carryOut(p core.Payment, effects []core.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case core.Authenticate:
			g.w.authenticate(p, e.N)
		case core.Authorise:
			g.authorise(p, p.Attempts[e.N-1])
		}
	}
}

func (g *gateway) authorise(p core.Payment, a core.Attempt) {
	g.inFlight++
	g.queueDo(g.queue.Step(core.Fresh{InFlight: g.inFlight}, g.w.now))
	done := func(e core.Event) {
		g.inFlight--
		g.queueDo(g.queue.Step(core.Fresh{InFlight: g.inFlight}, g.w.now))
		_ = g.apply(p.ID, e)
	}
	var ans core.Answer
	send(g.w.net, g.w.bank.purchase(p, a), &reply[core.Answer]{
		answer:  func(got core.Answer) { ans = got; g.live(func() { done(core.AuthAnswered{N: a.N, Answer: ans}) })() },
		none:    g.live(func() { g.noAnswer(p, a, done) }),
		notSent: g.live(func() { done(core.AuthNotSent{N: a.N}) }),
		tooLate: g.lateAnswer(p, a),
	})
}

func (g *gateway) noAnswer(p core.Payment, a core.Attempt, done func(core.Event)) {
	if g.w.bug == SilenceIsNo { // forgets that the request may have arrived
		done(core.AuthNotSent{N: a.N})
		return
	}
	done(core.AuthNoAnswer{N: a.N})
}

func (g *gateway) lateAnswer(p core.Payment, a core.Attempt) func(core.Answer) {
	life := g.life
	return func(got core.Answer) {
		if !g.up || g.life != life {
			return
		}
		if g.w.bug == LateApprovalCounts && got.Response.OK() {
			q := g.payments[p.ID]
			q.Attempts = slices.Clone(q.Attempts)
			q.Attempts[a.N-1].State = core.Approved
			q.State, q.Authorised, q.HoldUntil = "authorised", q.Amount, g.w.now.Add(24*time.Hour)
			g.payments[p.ID] = q
			return
		}
		_ = g.apply(p.ID, core.AuthLate{N: a.N, Answer: got})
	}
}

// queueDo does what the queue asks for.
func (g *gateway) queueDo(effects []core.QueueEffect) {
	for _, e := range effects {
		if !g.up {
			return
		}
		switch e := e.(type) {
		case core.Send:
			g.advise(e.Advice, e.Repeat)
		case core.Save:
			g.advices[e.Advice.ID] = e.Advice
		case core.Replace:
			g.replace(e.Advice)
		case core.Done:
			g.settled(e)
		}
	}
	if next := g.queue.NextWake(); next.After(g.w.now) && !next.Equal(g.wake) { // what is due and still waits, waits for a free place
		g.wake = next
		g.w.at(next, g.live(func() { g.wake = time.Time{}; g.queueDo(g.queue.Step(core.Wake{}, g.w.now)) }))
	}
}

func (g *gateway) replace(a core.Advice) {
	cw, commit := g.world()
	a.Trace = cw.Trace()
	commit()
	g.advices[a.ID] = a
	g.queueDo(g.queue.Step(core.Added{Advice: a}, g.w.now))
}

// settled applies the answer to the payment and deletes the advice, in one commit.
func (g *gateway) settled(e core.Done) {
	delete(g.advices, e.Advice.ID)
	if err := g.apply(e.Advice.Payment, core.AdviceAnswered{Advice: e.Advice, Answer: e.Answer}); err == errDown {
		if _, known := g.payments[e.Advice.Payment]; known && !g.applied(e) {
			g.advices[e.Advice.ID] = e.Advice // the commit did not happen
		}
	}
}

// applied says whether the payment on disk has the answer.
func (g *gateway) applied(e core.Done) bool {
	p := g.payments[e.Advice.Payment]
	for _, m := range p.Movements {
		if m.ID == e.Advice.Movement {
			return m.State != core.Pending
		}
	}
	return p.Attempts[e.Advice.Attempt-1].State == core.Reversed
}

func (g *gateway) advise(a core.Advice, repeat bool) {
	if repeat {
		g.w.count("advice repeated")
		if g.w.bug == FreshNumbersForRepeats {
			cw, commit := g.world()
			a.Trace = cw.Trace()
			commit()
		}
	}
	id := a.ID
	step := func(e core.QueueEvent) func() { return g.live(func() { g.queueDo(g.queue.Step(e, g.w.now)) }) }
	none := step(core.NoAnswer{ID: id})
	if g.w.bug == SentOnce {
		none = g.live(func() { g.queueDo(g.queue.Step(core.Answered{ID: id, Answer: core.Answer{Response: "00"}}, g.w.now)) })
	}
	send(g.w.net, g.w.bank.advice(g.payments[a.Payment], a), &reply[core.Answer]{
		answer:  func(got core.Answer) { step(core.Answered{ID: id, Answer: got})() },
		none:    none,
		notSent: step(core.NotSent{ID: id}),
		tooLate: func(core.Answer) {},
	})
}

func (g *gateway) tickAt(p core.Payment) {
	if due := p.Due(); !due.IsZero() {
		g.w.at(due, g.live(func() { _ = g.apply(p.ID, core.Tick{}) }))
	}
}

// crash kills the process with a probability, and lets it start again a little later.
func (g *gateway) crash(p float64) bool {
	if g.w.net.healed || !g.w.chance(p) {
		return false
	}
	g.kill()
	return true
}

func (g *gateway) kill() {
	if !g.up {
		return
	}
	g.w.count("fault: gateway killed")
	g.up, g.life, g.inFlight, g.wake = false, g.life+1, 0, time.Time{}
	if g.w.bug == NotFlushed && g.before != nil {
		g.before()
	}
	g.before = nil
	g.w.after(g.w.between(50*time.Millisecond, 20*time.Second), g.start)
}

// start is recovery: the queue first, then every payment that was in flight.
func (g *gateway) start() {
	g.up, g.queue = true, core.NewQueue(core.QueueConfig{})
	ids := make([]string, 0, len(g.advices))
	for id := range g.advices {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		if c := g.advices[a].Created.Compare(g.advices[b].Created); c != 0 {
			return c
		}
		return slices.Compare([]byte(a), []byte(b))
	})
	for _, id := range ids {
		g.queueDo(g.queue.Step(core.Added{Advice: g.advices[id], Known: true}, g.w.now))
	}
	for _, id := range g.order {
		if !g.up {
			return
		}
		if g.w.bug != NoRecovery {
			_ = g.apply(id, core.Restarted{})
		}
		g.tickAt(g.payments[id])
	}
	g.queueDo(g.queue.Step(core.Wake{}, g.w.now))
}
