package core

import (
	"container/heap"
	"time"

	"countersign/pay/money"
	"countersign/pay/payment"
)

// AdviceKind says which message an Advice becomes.
type AdviceKind string

// The kinds of advice.
const (
	CaptureAdvice AdviceKind = "capture"  // 0220, DE 3 = 000000
	RefundAdvice  AdviceKind = "refund"   // 0220, DE 3 = 200000
	CancelRequest AdviceKind = "cancel"   // 0400; without an answer it becomes a Reversal
	Reversal      AdviceKind = "reversal" // 0420
)

// Advice is a message that the bank must get: stored first, then sent, and sent again as a repeat (0221,
// 0421; same numbers) until it is answered.
type Advice struct {
	ID        string // adv_…
	Payment   string
	Attempt   int
	Kind      AdviceKind
	Movement  string // for captures and refunds
	Trace     Trace  // zero in Replace: a fresh one is chosen when it is stored
	Original  Trace  // of the 0100
	Amount    money.Amount
	Lifecycle string
	N, M      int // this is capture N of M
	Created   time.Time
	Next      time.Time // not before
	Tries     int       // that had no answer
	Sent      bool      // may have reached the bank: the next one is a repeat
}

// line keeps the messages about one hold in order.
type line struct {
	payment string
	attempt int
}

// QueueConfig bounds a Queue. The zero value of a field means its default.
type QueueConfig struct {
	First   time.Duration // wait after the first try without an answer; default 1 s
	Longest time.Duration // waits double up to here; default 1 min
	Width   int           // most messages in flight; default 64
	Backlog int           // most repeats in flight; default 8
	Busy    int           // most repeats in flight while fresh payments are being authorised; default 2
}

// WithDefaults fills the zero fields.
func (c QueueConfig) WithDefaults() QueueConfig {
	if c.First <= 0 {
		c.First = time.Second
	}
	if c.Longest <= 0 {
		c.Longest = time.Minute
	}
	if c.Width <= 0 {
		c.Width = 64
	}
	if c.Backlog <= 0 {
		c.Backlog = 8
	}
	if c.Busy <= 0 {
		c.Busy = 2
	}
	return c
}

// Queue is the store-and-forward queue: what waits, what is in flight, and when each goes next. It holds
// what the store holds, plus what is in flight. It is not for use by two goroutines at once.
type Queue struct {
	cfg     QueueConfig
	lines   map[line][]*item
	waiting items // heads of lines that are not in flight, by time
	flying  map[string]*item
	repeats int // of flying
	fresh   int // authorisations in flight
	size    int
}

type item struct {
	Advice
	fresh bool // stored in this life of the process and not tried yet
	slot  bool // in flight as a repeat
	index int  // in waiting; -1 when not there
}

// NewQueue makes an empty queue.
func NewQueue(cfg QueueConfig) *Queue {
	return &Queue{cfg: cfg.WithDefaults(), lines: map[line][]*item{}, flying: map[string]*item{}}
}

// QueueEvent is what can happen to the queue.
type QueueEvent interface{ queueEvent() }

// The events of the queue.
type (
	// Added: the advice was stored. Known says that it comes from an earlier life of the process, in which it
	// may have been sent.
	Added struct {
		Advice Advice
		Known  bool
	}
	// Answered: the bank's answer to the advice in flight.
	Answered struct {
		ID     string
		Answer Answer
	}
	// NoAnswer: the advice in flight may have arrived; no answer came in time.
	NoAnswer struct{ ID string }
	// NotSent: the advice did not leave the house.
	NotSent struct{ ID string }
	// Fresh: so many authorisations are in flight now.
	Fresh struct{ InFlight int }
	// LinkUp: the link to the bank is back; what waits for it may go now.
	LinkUp struct{}
	// Wake: time has passed.
	Wake struct{}
)

func (Added) queueEvent()    {}
func (Answered) queueEvent() {}
func (NoAnswer) queueEvent() {}
func (NotSent) queueEvent()  {}
func (Fresh) queueEvent()    {}
func (LinkUp) queueEvent()   {}
func (Wake) queueEvent()     {}

// QueueEffect is what the caller must do for the queue.
type QueueEffect interface{ queueEffect() }

// The effects of the queue.
type (
	// Send sends the advice and answers with Answered, NoAnswer or NotSent.
	Send struct {
		Advice Advice
		Repeat bool
	}
	// Save stores the advice's new time and count of tries.
	Save struct{ Advice Advice }
	// Replace stores the advice under the same id with a fresh trace, and gives it back as Added.
	Replace struct{ Advice Advice }
	// Done applies AdviceAnswered to the payment and deletes the advice, in one commit.
	Done struct {
		Advice Advice
		Answer Answer
	}
)

func (Send) queueEffect()    {}
func (Save) queueEffect()    {}
func (Replace) queueEffect() {}
func (Done) queueEffect()    {}

// Len is the number of advices that are not answered.
func (q *Queue) Len() int { return q.size }

// Step is what follows from an event: changes to the queue, and effects in the order to do them.
func (q *Queue) Step(e QueueEvent, now time.Time) []QueueEffect {
	var out []QueueEffect
	switch e := e.(type) {
	case Added:
		out = q.added(e)
	case Answered:
		out = q.answered(e, now)
	case NoAnswer:
		out = q.failed(e.ID, true, now)
	case NotSent:
		out = q.failed(e.ID, false, now)
	case Fresh:
		q.fresh = e.InFlight
	case LinkUp:
		for _, it := range q.waiting {
			if it.Next.After(now) {
				it.Next = now
			}
		}
		heap.Init(&q.waiting)
	}
	return append(out, q.send(now)...)
}

// NextWake is when Step(Wake) is needed; zero when nothing waits for time.
func (q *Queue) NextWake() time.Time {
	if len(q.waiting) == 0 {
		return time.Time{}
	}
	return q.waiting[0].Next
}

func (q *Queue) added(e Added) []QueueEffect {
	a := e.Advice
	if e.Known {
		if a.Kind == CancelRequest { // its 0400 may have been sent: go on with advices
			return []QueueEffect{Replace{asReversal(a)}}
		}
		a.Sent = true
	}
	it := &item{Advice: a, fresh: !e.Known && a.Tries == 0, index: -1}
	l := line{a.Payment, a.Attempt}
	q.lines[l] = append(q.lines[l], it)
	q.size++
	if len(q.lines[l]) == 1 {
		heap.Push(&q.waiting, it)
	}
	return nil
}

func asReversal(a Advice) Advice {
	a.Kind, a.Trace, a.Sent = Reversal, Trace{}, false
	return a
}

// land takes an advice out of flight; nil when it was not flying.
func (q *Queue) land(id string) *item {
	it := q.flying[id]
	if it == nil {
		return nil
	}
	delete(q.flying, id)
	if it.slot {
		q.repeats--
		it.slot = false
	}
	it.fresh = false
	return it
}

// remove takes the head of a line out of the queue, and lets the next one come.
func (q *Queue) remove(it *item) {
	l := line{it.Payment, it.Attempt}
	q.size--
	if q.lines[l] = q.lines[l][1:]; len(q.lines[l]) == 0 {
		delete(q.lines, l)
		return
	}
	heap.Push(&q.waiting, q.lines[l][0])
}

func (q *Queue) answered(e Answered, now time.Time) []QueueEffect {
	it := q.flying[e.ID]
	if it == nil {
		return nil
	}
	if !Conclusive(it.Kind, e.Answer.Response) {
		return q.failed(e.ID, true, now)
	}
	q.land(e.ID)
	q.remove(it)
	return []QueueEffect{Done{it.Advice, e.Answer}}
}

// Conclusive says whether a response settles an advice. An issuer that could not decide (91, 96) or not
// read (30, 63) is asked again: money must not hang on a fault.
func Conclusive(k AdviceKind, r payment.ResponseCode) bool {
	switch r {
	case payment.IssuerDown, payment.Malfunction, payment.FormatError, payment.SecurityFailure, "":
		return false
	}
	return true
}

func (q *Queue) failed(id string, sent bool, now time.Time) []QueueEffect {
	it := q.land(id)
	if it == nil {
		return nil
	}
	it.Tries++
	it.Sent = it.Sent || sent
	it.Next = now.Add(q.wait(it.Advice))
	if it.Kind == CancelRequest && sent {
		q.remove(it)
		return []QueueEffect{Replace{asReversal(it.Advice)}}
	}
	heap.Push(&q.waiting, it)
	return []QueueEffect{Save{it.Advice}}
}

// wait doubles with each try up to the bound, less up to an eighth, so that a backlog spreads out.
func (q *Queue) wait(a Advice) time.Duration {
	d := q.cfg.First
	for i := 1; i < a.Tries && d < q.cfg.Longest; i++ {
		d *= 2
	}
	d = min(d, q.cfg.Longest)
	h := uint32(2166136261) // FNV-1a of the id and the count: the same in every run
	for i := range len(a.ID) {
		h = (h ^ uint32(a.ID[i])) * 16777619
	}
	h = (h ^ uint32(a.Tries)) * 16777619
	return d - d/8*time.Duration(h%1024)/1024
}

// send lets go what is due, fresh advices first, within the bounds.
func (q *Queue) send(now time.Time) []QueueEffect {
	var out []QueueEffect
	var later []*item
	limit := q.cfg.Backlog
	if q.fresh > 0 {
		limit = q.cfg.Busy
	}
	for len(q.waiting) > 0 && len(q.flying) < q.cfg.Width && q.due(q.waiting[0], now) {
		it := heap.Pop(&q.waiting).(*item)
		if !it.fresh && q.repeats >= limit {
			later = append(later, it)
			if q.repeats > 0 && len(later) > 64 { // enough looked at: the rest is backlog as well
				break
			}
			continue
		}
		if !it.fresh {
			it.slot = true
			q.repeats++
		}
		q.flying[it.ID] = it
		out = append(out, Send{it.Advice, it.Sent})
	}
	for _, it := range later {
		heap.Push(&q.waiting, it)
	}
	return out
}

// due says whether an advice may go. A time that no wait can explain comes from a clock that was set back.
func (q *Queue) due(it *item, now time.Time) bool {
	return it.fresh || !it.Next.After(now) || it.Next.After(now.Add(2*q.cfg.Longest))
}

// items is a heap by fresh first, then time, then age, then id.
type items []*item

// Len is part of heap.Interface.
func (h items) Len() int { return len(h) }

// Less is part of heap.Interface.
func (h items) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.fresh != b.fresh:
		return a.fresh
	case !a.Next.Equal(b.Next):
		return a.Next.Before(b.Next)
	case !a.Created.Equal(b.Created):
		return a.Created.Before(b.Created)
	}
	return a.ID < b.ID
}

// Swap is part of heap.Interface.
func (h items) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }

// Push is part of heap.Interface.
func (h *items) Push(x any) { it := x.(*item); it.index = len(*h); *h = append(*h, it) }

// Pop is part of heap.Interface.
func (h *items) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	it.index = -1
	return it
}
