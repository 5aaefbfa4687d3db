package sim

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// engine is the clock and the list of what happens next. Everything runs on one goroutine.
type engine struct {
	now    time.Time
	seq    uint64
	queue  events
	rnd    *rand.Rand
	digest uint64 // of everything that happened, in order: two runs of one seed must agree
	counts map[string]int
}

type event struct {
	at  time.Time
	seq uint64
	do  func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is for container/heap.
func (q *events) Push(x any) { *q = append(*q, x.(event)) }

// Pop is for container/heap.
func (q *events) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func newEngine(seed uint64) *engine {
	return &engine{
		now: time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC), // the year, and the day's message numbers, turn over in the run
		rnd: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), counts: map[string]int{},
	}
}

// at lets f happen at a time, or now when that is past.
func (e *engine) at(t time.Time, f func()) {
	if t.Before(e.now) {
		t = e.now
	}
	e.seq++
	heap.Push(&e.queue, event{t, e.seq, f})
}

func (e *engine) after(d time.Duration, f func()) { e.at(e.now.Add(d), f) }

// run lets everything happen up to a time.
func (e *engine) run(until time.Time) {
	for len(e.queue) > 0 && !e.queue[0].at.After(until) {
		next := heap.Pop(&e.queue).(event)
		e.now = next.at
		next.do()
	}
	e.now = until
}

// chance is true with probability p.
func (e *engine) chance(p float64) bool { return p > 0 && e.rnd.Float64() < p }

// between is a uniformly drawn duration.
func (e *engine) between(from, to time.Duration) time.Duration {
	return from + time.Duration(e.rnd.Int64N(int64(to-from)+1))
}

// count notes that something happened: for the generator report and for the digest of the run.
func (e *engine) count(what string) {
	e.counts[what]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %d %s", e.digest, e.now.UnixNano(), what)
	e.digest = h.Sum64()
}

// faults are the rates of one world, drawn from its seed: some worlds are calm, some are not.
type faults struct {
	loseRequest, loseAnswer, double, late, linkDown, crashBefore, crashAfter float64
}

func drawFaults(e *engine) faults {
	rate := func(most float64) float64 {
		if e.chance(0.3) {
			return 0
		}
		return e.rnd.Float64() * most
	}
	return faults{
		loseRequest: rate(0.2), loseAnswer: rate(0.2), double: rate(0.3), late: rate(0.2),
		linkDown: rate(0.1), crashBefore: rate(0.02), crashAfter: rate(0.02),
	}
}
