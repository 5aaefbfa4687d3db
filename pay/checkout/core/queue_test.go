package core

import (
	"fmt"
	"testing"
	"time"

	"countersign/pay/payment"
)

func advice(i int) Advice {
	return Advice{ID: fmt.Sprintf("adv_%05d", i), Payment: fmt.Sprint("pay_", i), Attempt: 1, Kind: Reversal, Trace: Trace{STAN: uint32(i + 1)}, Created: start.Add(time.Duration(i) * time.Millisecond), Next: start, Amount: eur(1)}
}

func sends(eff []QueueEffect) (out []Send) {
	for _, e := range eff {
		if s, ok := e.(Send); ok {
			out = append(out, s)
		}
	}
	return out
}

func TestQueueRepeats(t *testing.T) {
	q, now := NewQueue(QueueConfig{}), start
	got := sends(q.Step(Added{Advice: advice(1)}, now))
	if len(got) != 1 || got[0].Repeat {
		t.Fatal(got)
	}
	var waits []time.Duration
	for range 9 {
		if s := sends(q.Step(NoAnswer{"adv_00001"}, now)); len(s) != 0 {
			t.Fatal("sent at once again")
		}
		wait := q.NextWake().Sub(now)
		waits = append(waits, wait)
		if s := sends(q.Step(Wake{}, now.Add(wait-1))); len(s) != 0 {
			t.Fatal("too early")
		}
		now = now.Add(wait)
		s := sends(q.Step(Wake{}, now))
		if len(s) != 1 || !s[0].Repeat || s[0].Advice.Trace.STAN != 2 {
			t.Fatalf("%+v", s)
		}
	}
	for i, w := range waits {
		most := min(time.Second<<i, time.Minute)
		if w > most || w < most*7/8 {
			t.Errorf("wait %d is %v, of %v", i, w, most)
		}
	}
	for _, r := range []payment.ResponseCode{payment.IssuerDown, payment.Malfunction, payment.FormatError, payment.SecurityFailure} {
		for _, e := range q.Step(Answered{"adv_00001", Answer{Response: r}}, now) {
			if _, done := e.(Done); done {
				t.Errorf("%s settles an advice", r)
			}
		}
		now = now.Add(2 * time.Minute)
		q.Step(Wake{}, now)
	}
	eff := q.Step(Answered{"adv_00001", Answer{Response: payment.NoSuchOriginal}}, now)
	if _, ok := eff[0].(Done); !ok || q.Len() != 0 {
		t.Error(eff)
	}
	if eff := q.Step(Answered{"adv_00001", Answer{Response: payment.Approved}}, now); len(eff) != 0 {
		t.Error("answered twice:", eff)
	}
}

func TestQueueNotSentIsNoRepeat(t *testing.T) {
	q := NewQueue(QueueConfig{})
	q.Step(Added{Advice: advice(1)}, start)
	q.Step(NotSent{"adv_00001"}, start)
	s := sends(q.Step(LinkUp{}, start.Add(time.Millisecond)))
	if len(s) != 1 || s[0].Repeat {
		t.Error("after the link is back:", s)
	}
	known := NewQueue(QueueConfig{})
	if s := sends(known.Step(Added{Advice: advice(1), Known: true}, start)); len(s) != 1 || !s[0].Repeat {
		t.Error("after a restart it may have been sent:", s)
	}
}

func TestQueueCancel(t *testing.T) {
	a := advice(1)
	a.Kind = CancelRequest
	q := NewQueue(QueueConfig{})
	q.Step(Added{Advice: a}, start)
	r, ok := q.Step(NoAnswer{a.ID}, start)[0].(Replace)
	if !ok || r.Advice.Kind != Reversal || r.Advice.Trace != (Trace{}) || q.Len() != 0 {
		t.Fatal(r)
	}
	if r, ok := NewQueue(QueueConfig{}).Step(Added{Advice: a, Known: true}, start)[0].(Replace); !ok || r.Advice.Kind != Reversal {
		t.Error("after a restart:", r)
	}
	r.Advice.Trace = Trace{STAN: 9}
	if s := sends(q.Step(Added{Advice: r.Advice}, start.Add(time.Minute))); len(s) != 1 || s[0].Repeat {
		t.Error("the reversal's first try:", s)
	}
}

func TestQueueOrder(t *testing.T) {
	q := NewQueue(QueueConfig{})
	capture, refund := advice(1), advice(2)
	capture.Kind, refund.Kind, refund.Payment = CaptureAdvice, RefundAdvice, capture.Payment
	q.Step(Added{Advice: capture}, start)
	if s := sends(q.Step(Added{Advice: refund}, start)); len(s) != 0 {
		t.Error("the refund overtakes the capture")
	}
	q.Step(NoAnswer{capture.ID}, start)
	if s := sends(q.Step(Wake{}, start.Add(time.Minute))); len(s) != 1 || s[0].Advice.ID != capture.ID {
		t.Error(s)
	}
	if s := sends(q.Step(Answered{capture.ID, Answer{Response: payment.Approved}}, start.Add(time.Minute))); len(s) != 1 || s[0].Advice.ID != refund.ID {
		t.Error(s)
	}
}

// TestQueueStorm: after an outage the backlog drains within bounds, and fresh messages go first.
func TestQueueStorm(t *testing.T) {
	cfg := QueueConfig{}.WithDefaults()
	q := NewQueue(cfg)
	q.Step(Fresh{1}, start)
	flying := map[string]bool{}
	send := func(eff []QueueEffect) {
		for _, s := range sends(eff) {
			flying[s.Advice.ID] = true
		}
	}
	const n = 5000
	for i := range n {
		send(q.Step(Added{Advice: advice(i), Known: true}, start))
	}
	if len(flying) != cfg.Busy {
		t.Errorf("%d repeats in flight while payments are authorised, want %d", len(flying), cfg.Busy)
	}
	send(q.Step(Fresh{0}, start))
	if len(flying) != cfg.Backlog {
		t.Errorf("%d repeats in flight, want %d", len(flying), cfg.Backlog)
	}
	if s := sends(q.Step(Added{Advice: advice(n)}, start)); len(s) != 1 || s[0].Advice.ID != advice(n).ID {
		t.Error("a fresh advice waits behind the backlog")
	}
	q.Step(Answered{advice(n).ID, Answer{Response: payment.Approved}}, start)
	done := 0
	for len(flying) > 0 {
		for id := range flying {
			delete(flying, id)
			send(q.Step(Answered{id, Answer{Response: payment.Approved}}, start))
			done++
			break
		}
		if len(flying) > cfg.Backlog {
			t.Fatal("bound broken:", len(flying))
		}
	}
	if done != n || q.Len() != 0 {
		t.Errorf("%d of %d answered, %d left", done, n, q.Len())
	}
}

// TestQueueClockSetBack: a clock that jumps back years does not stop the queue.
func TestQueueClockSetBack(t *testing.T) {
	q := NewQueue(QueueConfig{})
	q.Step(Added{Advice: advice(1)}, start)
	q.Step(NoAnswer{"adv_00001"}, start)
	if s := sends(q.Step(Wake{}, start.AddDate(-10, 0, 0))); len(s) != 1 {
		t.Error("the queue stands still")
	}
}
