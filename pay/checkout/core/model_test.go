package core

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/pay/masked"
	"countersign/pay/money"
	"countersign/pay/payment"
)

// model is one payment, its queue and an honest issuer, joined by a network that loses, delays and doubles, in
// a process that is killed now and then. What is stored survives; what is in flight may arrive later.
type model struct {
	t     player
	step  func(Payment, Event, World) (Payment, []Effect, error) // Step, or a mutant of it
	adapt func(QueueEffect) QueueEffect

	now    time.Time
	ids    int
	stored struct { // on the disk
		p       Payment
		advices map[string]Advice
		numbers Numbers
	}
	queue *Queue
	life  int // of the process

	auths   []flight // 0100s that have left and whose fate is open
	sends   []flight
	asking  int // attempt that an AReq is on its way for
	issuer  map[Trace]*issued
	answers map[string]Answer
	seen    map[Trace]string // every message that left: its content
	reached map[payment.State]int
}

type flight struct {
	life    int
	n       int   // of an attempt
	send    *Send // or an advice
	arrived bool  // at the issuer
}

type issued struct{ amount, captured, refunded, reversed int64 }

// player chooses what happens, and is told what is wrong.
type player interface {
	Pick(label string, n int) int // 0 to n-1
	Fatalf(format string, args ...any)
}

type byRapid struct{ *rapid.T }

func (r byRapid) Pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(r.T, label) }

// bySeed plays many payments fast; a complaint is a panic.
type bySeed struct{ *rand.Rand }

func (r bySeed) Pick(_ string, n int) int          { return r.IntN(n) }
func (r bySeed) Fatalf(format string, args ...any) { panic(complaint(fmt.Sprintf(format, args...))) }

type complaint string

func pick[T any](t player, label string, list ...T) T { return list[t.Pick(label, len(list))] }

func newModel(t player) *model {
	m := &model{t: t, step: Step, adapt: func(e QueueEffect) QueueEffect { return e }, now: start,
		issuer: map[Trace]*issued{}, answers: map[string]Answer{}, seen: map[Trace]string{}}
	m.stored.advices = map[string]Advice{}
	mode := pick(t, "mode", Automatic, Manual)
	p, _, err := New("pay_1", Order{Merchant: "m", Amount: eur(1000), Mode: mode}, m.world())
	if err != nil {
		t.Fatalf("%v", err)
	}
	m.stored.p = p
	m.queue = NewQueue(QueueConfig{})
	return m
}

func (m *model) world() World {
	return World{Now: m.now, Policy: Policy{}.WithDefaults(), ID: func(p string) string { m.ids++; return fmt.Sprintf("%s_%05d", p, m.ids) },
		Trace: func() Trace { var t Trace; m.stored.numbers, t = m.stored.numbers.Next(m.now); return t }}
}

// event is one commit and what follows it.
func (m *model) event(e Event) error {
	before := m.stored.p
	p, effects, err := m.step(before, e, m.world())
	if err != nil {
		var no *Refusal
		if !errors.As(err, &no) {
			m.t.Fatalf("%T: %v", e, err)
		}
		return err
	}
	records := 0
	for _, eff := range effects {
		if _, ok := eff.(Record); ok {
			records++
		}
	}
	if changed := p.Version != before.Version; changed != (len(effects) > 0) || changed && (records != 1 || p.Version != before.Version+1) {
		m.t.Fatalf("%T: version %d to %d with %d records", e, before.Version, p.Version, records)
	}
	m.stored.p = p
	for _, eff := range effects {
		switch eff := eff.(type) {
		case Enqueue:
			m.stored.advices[eff.Advice.ID] = eff.Advice
			m.tell(Added{Advice: eff.Advice})
		case Authenticate:
			m.asking = eff.N
		case Authorise:
			a := p.Attempts[eff.N-1]
			m.leave(a.Trace, "0100")
			m.auths = append(m.auths, flight{life: m.life, n: eff.N})
		}
	}
	m.check()
	return nil
}

// leave notes that a message goes out: its numbers were never used for anything else.
func (m *model) leave(t Trace, content string) {
	if t.STAN == 0 {
		m.t.Fatalf("a message without numbers")
	}
	if was, ok := m.seen[t]; ok && was != content {
		m.t.Fatalf("numbers used for %q and %q", was, content)
	}
	m.seen[t] = content
}

func (m *model) tell(e QueueEvent) {
	for _, eff := range m.queue.Step(e, m.now) {
		switch eff := m.adapt(eff).(type) {
		case Send:
			if _, ok := m.stored.advices[eff.Advice.ID]; !ok {
				m.t.Fatalf("an advice is sent that is not stored")
			}
			m.leave(eff.Advice.Trace, fmt.Sprint(eff.Advice.Kind, eff.Advice.Movement, eff.Advice.Amount.Minor(), eff.Advice.Original))
			m.sends = append(m.sends, flight{life: m.life, send: &eff})
		case Save:
			m.stored.advices[eff.Advice.ID] = eff.Advice
		case Replace:
			a := eff.Advice
			m.stored.numbers, a.Trace = m.stored.numbers.Next(m.now)
			m.stored.advices[a.ID] = a
			m.tell(Added{Advice: a})
		case Done:
			delete(m.stored.advices, eff.Advice.ID)
			if err := m.event(AdviceAnswered{eff.Advice, eff.Answer}); err != nil {
				m.t.Fatalf("%v", err)
			}
		}
	}
}

// arrive lets the issuer see an authorisation, perhaps again.
func (m *model) arrive(f flight) Answer {
	if f.send != nil {
		a := f.send.Advice
		key := fmt.Sprint(a.Kind, a.Trace)
		if ans, ok := m.answers[key]; ok {
			return ans
		}
		ans := m.move(a)
		m.answers[key] = ans
		return ans
	}
	t := m.stored.p.Attempts[f.n-1].Trace
	key := fmt.Sprint("0100", t)
	if ans, ok := m.answers[key]; ok {
		return ans
	}
	ans := Answer{Response: payment.Approved, Approval: "1"}
	if h := m.issuer[t]; h != nil { // the reversal came first
		ans = Answer{Response: payment.Duplicate}
	} else if m.t.Pick("issuer", 5) == 0 {
		ans.Response = pick(m.t, "no", payment.DoNotHonour, payment.NoFunds, payment.Malfunction)
	}
	if ans.Response == payment.Approved {
		m.issuer[t] = &issued{amount: 1000}
	}
	m.answers[key] = ans
	return ans
}

func (m *model) move(a Advice) Answer {
	h, n := m.issuer[a.Original], a.Amount.Minor()
	no, ok := Answer{Response: payment.InvalidTx}, Answer{Response: payment.Approved}
	switch a.Kind {
	case CaptureAdvice:
		if h == nil || h.reversed > 0 || h.captured+n > h.amount {
			return no
		}
		h.captured += n
	case RefundAdvice:
		if h == nil {
			return no
		}
		h.refunded += n // an issuer does not check refunds against captures: the gateway must
	default:
		if h == nil {
			m.issuer[a.Original] = &issued{reversed: 1}
			return Answer{Response: payment.NoSuchOriginal}
		}
		h.reversed++
	}
	return ok
}

// check is what must hold after every commit.
func (m *model) check() {
	p := m.stored.p
	le := func(a, b money.Amount, what string) {
		if c, err := a.Cmp(b); err != nil || c > 0 {
			m.t.Fatalf("%s: %v > %v", what, a, b)
		}
	}
	le(p.Refunded, p.Captured, "refunded > captured")
	le(p.Captured, p.Authorised, "captured > authorised")
	le(p.Authorised, p.Amount, "authorised > amount")
	sum := map[Kind]int64{}
	promised := map[Kind]int64{}
	for _, mv := range p.Movements {
		if mv.State == Succeeded {
			sum[mv.Kind] += mv.Amount.Minor()
		}
		if mv.State != Failed {
			promised[mv.Kind] += mv.Amount.Minor()
		}
		queued := false
		for _, a := range m.stored.advices {
			queued = queued || a.Movement == mv.ID
		}
		if queued != (mv.State == Pending) {
			m.t.Fatalf("movement %s is %s, queued %v", mv.ID, mv.State, queued)
		}
	}
	if sum[CaptureKind] != p.Captured.Minor() || sum[RefundKind] != p.Refunded.Minor() || promised[RefundKind] > p.Captured.Minor() || promised[CaptureKind] > p.Authorised.Minor() {
		m.t.Fatalf("sums: %v %v %+v", sum, promised, p)
	}
	live := 0
	for _, a := range p.Attempts {
		if a.State == Approved || a.InFlight() {
			live++
		}
		queued := false
		for _, v := range m.stored.advices {
			queued = queued || v.Attempt == a.N && (v.Kind == Reversal || v.Kind == CancelRequest)
		}
		if queued != (a.State == Reversing) {
			m.t.Fatalf("attempt %d is %s, reversal queued: %v", a.N, a.State, queued)
		}
		if a.State == Reversing && !a.PANKept {
			m.t.Fatalf("the card number is gone before the reversal is answered")
		}
		if (a.State == Refused || a.State == Abandoned || a.State == Reversed) && a.PANKept {
			m.t.Fatalf("a card number is kept for nothing")
		}
	}
	if live > 1 {
		m.t.Fatalf("two attempts at once")
	}
}

// settle heals the network, lets time pass, and compares the gateway with the issuer.
func (m *model) settle() {
	if m.asking != 0 {
		_ = m.event(Authenticated{m.asking, outcome("N")})
		m.asking = 0
	}
	for len(m.auths) > 0 {
		m.deliverAuth(0, true)
	}
	for i := 0; len(m.stored.advices) > 0 || len(m.sends) > 0; i++ {
		if i > 1000 {
			m.t.Fatalf("never settles: %v", m.stored.advices)
		}
		for len(m.sends) > 0 {
			m.deliverSend(0, true)
		}
		m.now = m.now.Add(time.Minute)
		m.tell(Wake{})
	}
	if due := m.stored.p.Due(); !due.IsZero() && due.Before(m.now.Add(time.Hour)) {
		m.now = due
		_ = m.event(Tick{})
	}
	p := m.stored.p
	if p.State == payment.Processing {
		m.t.Fatalf("still in doubt: %+v", p)
	}
	var captured, refunded int64
	for _, a := range p.Attempts {
		h := m.issuer[a.Trace]
		if a.Trace.STAN == 0 || h == nil {
			if a.State == Approved {
				m.t.Fatalf("approved here, unknown there")
			}
			continue
		}
		captured += h.captured
		refunded += h.refunded
		if held := h.amount > 0 && h.reversed == 0; held != (a.State == Approved) {
			m.t.Fatalf("attempt %d is %s, held at the issuer: %v", a.N, a.State, held)
		}
	}
	if captured != p.Captured.Minor() || refunded != p.Refunded.Minor() {
		m.t.Fatalf("captured %d here, %d there; refunded %d here, %d there", p.Captured.Minor(), captured, p.Refunded.Minor(), refunded)
	}
}

func (m *model) deliverAuth(i int, good bool) {
	f := m.auths[i]
	fate := "good"
	if !good {
		fate = pick(m.t, "fate", "good", "good", "lost", "answer lost", "not sent", "arrives only")
	}
	if fate == "arrives only" {
		m.arrive(f)
		m.auths[i].arrived = true
		return
	}
	m.auths = append(m.auths[:i:i], m.auths[i+1:]...)
	var ans Answer
	if fate == "good" || fate == "answer lost" {
		ans = m.arrive(f)
	}
	a := m.stored.p.Attempts[f.n-1]
	late := f.life != m.life || a.State != Authorising
	var err error
	switch {
	case late && fate == "good":
		err = m.event(AuthLate{f.n, ans})
	case late:
	case fate == "good":
		err = m.event(AuthAnswered{f.n, ans})
	case fate == "not sent" && !f.arrived:
		err = m.event(AuthNotSent{N: f.n})
	default:
		err = m.event(AuthNoAnswer{f.n})
		m.auths = append(m.auths, f) // it may still arrive, after the reversal
	}
	if err != nil {
		m.t.Fatalf("%v", err)
	}
}

func (m *model) deliverSend(i int, good bool) {
	f := m.sends[i]
	m.sends = append(m.sends[:i:i], m.sends[i+1:]...)
	fate := "good"
	if !good {
		fate = pick(m.t, "fate", "good", "good", "lost", "answer lost", "not sent", "fault")
	}
	var ans Answer
	if fate == "good" || fate == "answer lost" {
		ans = m.arrive(f)
	}
	if f.life != m.life {
		return // its sender is dead; at most the message arrived
	}
	switch fate {
	case "good":
		m.tell(Answered{f.send.Advice.ID, ans})
	case "not sent":
		m.tell(NotSent{f.send.Advice.ID})
	case "fault":
		m.tell(Answered{f.send.Advice.ID, Answer{Response: payment.Malfunction}})
	default:
		m.tell(NoAnswer{f.send.Advice.ID})
	}
}

// kill ends the process and starts it again from what is stored.
func (m *model) kill() {
	m.life++
	m.asking = 0
	m.queue = NewQueue(QueueConfig{})
	ids := make([]string, 0, len(m.stored.advices))
	for id := range m.stored.advices {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		m.tell(Added{Advice: m.stored.advices[id], Known: true})
	}
	if err := m.event(Restarted{}); err != nil {
		m.t.Fatalf("%v", err)
	}
}

func (m *model) play() {
	t := m.t
	clicks := 0
	for range 20 + t.Pick("steps", 60) {
		p := m.stored.p
		switch n := len(p.Attempts); pick(t, "action", "card", "card", "authenticated", "authenticated", "confirmed", "0110", "0110", "0110", "advice", "advice", "advice", "capture", "refund", "refund", "cancel", "abandon", "time", "kill") {
		case "card":
			if m.event(CardEntered{Nonce: fmt.Sprint("n", t.Pick("nonce", clicks+1)), Card: masked.Card{Last4: "4242"}}) == nil {
				clicks++
			}
		case "authenticated":
			if m.asking != 0 {
				_ = m.event(Authenticated{m.asking, outcome(pick(t, "status", "Y", "C", "C", "N"))})
				m.asking = 0
			}
		case "confirmed":
			if n > 0 {
				_ = m.event(Confirmed{1 + t.Pick("n", n), outcome(pick(t, "status", "Y", "Y", "N"))})
			}
		case "abandon":
			if t.Pick("really", 3) == 0 {
				_ = m.event(Abandon{n})
			}
		case "0110":
			if len(m.auths) > 0 {
				m.deliverAuth(t.Pick("i", len(m.auths)), false)
			}
		case "advice":
			if len(m.sends) > 0 {
				m.deliverSend(t.Pick("i", len(m.sends)), false)
			}
		case "capture":
			_ = m.event(Capture{Amount: eur(int64(1 + t.Pick("amount", 1100)))})
		case "refund":
			all := Refund{}
			if t.Pick("part", 2) == 0 {
				all.Amount = eur(int64(1 + t.Pick("amount", 1000)))
			}
			_ = m.event(all)
		case "cancel":
			if t.Pick("really", 4) == 0 {
				_ = m.event(Cancel{})
			}
		case "time":
			m.now = m.now.Add(pick(t, "d", time.Second, time.Second, time.Second, 15*time.Second, 15*time.Second, 15*time.Second, 12*time.Minute, 12*time.Minute, 25*time.Hour, 8*24*time.Hour))
			m.tell(Wake{})
			_ = m.event(Tick{})
		case "kill":
			m.kill()
		}
		m.count(p.State)
	}
	m.settle()
}

// count notes how often each state was reached, so that a model that plays nothing is noticed.
func (m *model) count(before payment.State) {
	if m.reached != nil && m.stored.p.State != before {
		m.reached[m.stored.p.State]++
	}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { newModel(byRapid{t}).play() })
}

// TestModelBroad plays 20,000 payments from seeds, and says how often each state was reached.
func TestModelBroad(t *testing.T) {
	reached := map[payment.State]int{}
	for seed := range uint64(20_000) {
		if c := played(seed, reached, Step, nil); c != "" {
			t.Fatalf("seed %d: %s", seed, c)
		}
	}
	for _, s := range []payment.State{payment.NeedsCard, payment.NeedsConfirmation, payment.Processing, payment.Authorised, payment.Captured, payment.Refunded, payment.Cancelled, payment.Expired} {
		if reached[s] < 50 {
			t.Errorf("%s was reached %d times only", s, reached[s])
		}
	}
	t.Log(reached)
}

// played plays one payment and returns the model's complaint, "" for none.
func played(seed uint64, reached map[payment.State]int, step func(Payment, Event, World) (Payment, []Effect, error), adapt func(QueueEffect) QueueEffect) (complained string) {
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(complaint)
			if !ok {
				panic(r)
			}
			complained = string(c)
		}
	}()
	m := newModel(bySeed{rand.New(rand.NewPCG(seed, 1))})
	m.step, m.reached = step, reached
	if adapt != nil {
		m.adapt = adapt
	}
	m.play()
	return ""
}

// TestMutants plants mistakes; the model must catch each of them.
func TestMutants(t *testing.T) {
	same := func(e QueueEffect) QueueEffect { return e }
	for _, mu := range []struct {
		name  string
		step  func(Payment, Event, World) (Payment, []Effect, error)
		adapt func(QueueEffect) QueueEffect
	}{
		{"an answer lost counts as not sent", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if x, ok := e.(AuthNoAnswer); ok {
				e = AuthNotSent{N: x.N}
			}
			return Step(p, e, w)
		}, same},
		{"a late approval is taken", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if x, ok := e.(AuthLate); ok && x.Answer.Response == payment.Approved {
				p = p.clone()
				if a := &p.Attempts[x.N-1]; a.State == Reversing || a.State == Reversed {
					a.State = Authorising
					return Step(p, AuthAnswered{x.N, x.Answer}, w)
				}
			}
			return Step(p, e, w)
		}, same},
		{"a restart forgets authorisations in flight", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if _, ok := e.(Restarted); ok {
				if a, ok := p.Current(); ok && a.State == Authorising {
					return Step(p, AuthNotSent{N: a.N}, w)
				}
			}
			return Step(p, e, w)
		}, same},
		{"the reversal is not stored", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			p, eff, err := Step(p, e, w)
			var out []Effect
			for _, x := range eff {
				if q, ok := x.(Enqueue); !ok || q.Advice.Kind != Reversal {
					out = append(out, x)
				}
			}
			return p, out, err
		}, same},
		{"the reversal names itself", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			p, eff, err := Step(p, e, w)
			for i, x := range eff {
				if q, ok := x.(Enqueue); ok && q.Advice.Kind == Reversal {
					q.Advice.Original = q.Advice.Trace
					eff[i] = q
				}
			}
			return p, eff, err
		}, same},
		{"refunds are checked against what was captured only", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if _, ok := e.(Refund); ok && p.State == payment.Captured {
				q := p.clone()
				for i := range q.Movements {
					if q.Movements[i].Kind == RefundKind && q.Movements[i].State == Pending {
						q.Movements[i].State = Failed
					}
				}
				r, eff, err := Step(q, e, w)
				for i := range p.Movements {
					if i < len(r.Movements) {
						r.Movements[i].State = p.Movements[i].State
					}
				}
				if err != nil {
					r = p
				}
				return r, eff, err
			}
			return Step(p, e, w)
		}, same},
		{"every repeat has new numbers", Step, func() func(QueueEffect) QueueEffect {
			n := Numbers{Last: 500_000}
			return func(e QueueEffect) QueueEffect {
				if s, ok := e.(Send); ok && s.Repeat {
					n, s.Advice.Trace = n.Next(start)
					return s
				}
				return e
			}
		}()},
		{"an unanswered cancel is not repeated", Step, func(e QueueEffect) QueueEffect {
			if r, ok := e.(Replace); ok {
				return Done{r.Advice, Answer{Response: payment.Approved}}
			}
			return e
		}},
		{"the same click is two attempts", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if c, ok := e.(CardEntered); ok && p.State == payment.NeedsConfirmation {
				c.Nonce += "x"
				q := p
				q.State = payment.NeedsCard
				if r, eff, err := Step(q, c, w); err == nil {
					return r, eff, nil
				}
			}
			return Step(p, e, w)
		}, same},
		{"a second capture", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if _, ok := e.(Capture); ok && p.State == payment.Captured {
				q := p
				q.State = payment.Authorised
				if r, eff, err := Step(q, e, w); err == nil {
					return r, eff, nil
				}
			}
			return Step(p, e, w)
		}, same},
		{"the card number is forgotten at once", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			p, eff, err := Step(p, e, w)
			if _, ok := e.(AuthNoAnswer); ok && err == nil {
				p = p.clone()
				for i := range p.Attempts {
					p.Attempts[i].PANKept = false
				}
			}
			return p, eff, err
		}, same},
		{"a 96 is a plain no", func(p Payment, e Event, w World) (Payment, []Effect, error) {
			if x, ok := e.(AuthAnswered); ok && x.Answer.Response == payment.Malfunction {
				w.Trace() // as if
				p = p.clone()
				p.Attempts[x.N-1].State = Reversing
				p.Version++
				return p, []Effect{Record{What: "x"}}, nil
			}
			return Step(p, e, w)
		}, same},
	} {
		t.Run(mu.name, func(t *testing.T) {
			for seed := range uint64(20_000) {
				if c := played(seed, nil, mu.step, mu.adapt); c != "" {
					t.Logf("caught after %d payments: %s", seed+1, c)
					return
				}
			}
			t.Error("not caught")
		})
	}
}
