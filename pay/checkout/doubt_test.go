package checkout

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/payment"
)

// TestLostAnswer: the bank held the money, and its answer was lost.
func TestLostAnswer(t *testing.T) {
	for _, lost := range []string{"answer lost", "lost"} {
		t.Run(lost, func(t *testing.T) {
			h := newHouse(t)
			p := h.create(2340, "automatic")
			h.bank.say([]string{lost}, []string{"lost", "answer lost", "not sent", "96"})
			if r := h.pay(p); r.State != "card" || !strings.Contains(r.Problem.Message, "No money was taken") {
				t.Fatalf("%+v", r)
			}
			h.until(p.ID, func(paid) bool { held, _, _ := h.bank.totals(); return held == 0 })
			if r := h.pay(p); r.State != "paid" {
				t.Fatalf("the second try: %+v", r)
			}
			h.untilStatus(p.ID, "captured")
			if held, captured, _ := h.bank.totals(); held != 0 || captured != 2340 {
				t.Error(held, captured)
			}
			if h.bank.repeats == 0 {
				t.Error("the reversal was not repeated as such")
			}
		})
	}
}

// TestLateApproval: the answer comes after the reversal was stored; it is discarded and recorded.
func TestLateApproval(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.bank.say([]string{"answer lost"}, nil)
	h.pay(p)
	h.untilStatus(p.ID, "needs_card")
	cur, err := h.engine.store.Payment(context.Background(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.engine.late(cur.Attempts[0].Trace, core.Answer{Response: payment.Approved, Approval: "123456"})
	h.engine.late(core.Trace{STAN: 1, Transmitted: time.Unix(1, 0)}, core.Answer{Response: payment.Approved})
	time.Sleep(100 * time.Millisecond)
	if got := h.get(p.ID); got.Status != "needs_card" || got.Authorised != 0 {
		t.Errorf("%+v", got)
	}
}

// TestCaptureAndRefundRepeat: capture and refund reach the bank once, however often they are lost.
func TestCaptureAndRefundRepeat(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.bank.say(nil, []string{"lost", "answer lost", "91", "30"})
	if r := h.pay(p); r.State != "paid" {
		t.Fatalf("%+v", r)
	}
	h.untilStatus(p.ID, "captured")
	h.bank.say(nil, []string{"answer lost", "answer lost", "not sent"})
	read(t, h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), `{"amount":40}`), 201)
	h.until(p.ID, func(p paid) bool { return p.Refunded == 40 })
	if _, captured, refunded := h.bank.totals(); captured != 2340 || refunded != 40 {
		t.Error(captured, refunded)
	}
	h.bank.say(nil, []string{"57"})
	read(t, h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), `{"amount":60}`), 201)
	got := h.until(p.ID, func(p paid) bool { return len(p.Refunds) == 2 && p.Refunds[1].Status == "failed" })
	if got.Refunded != 40 || got.Refundable != 2300 {
		t.Errorf("%+v", got)
	}
}

func TestCancelWithoutAnswer(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "manual")
	h.pay(p)
	h.bank.say(nil, []string{"lost", "lost"})
	read(t, h.api("POST", "/v1/payments/"+p.ID+"/cancel", fresh(), ``), 200)
	h.until(p.ID, func(paid) bool { held, _, _ := h.bank.totals(); return held == 0 })
	if got := h.get(p.ID); got.Status != "cancelled" {
		t.Errorf("%+v", got)
	}
	if m := strings.Join(h.bank.messages, " "); !strings.HasPrefix(m, "0100 cancel reversal") {
		t.Error("0400 and then 0420 are expected:", m)
	}
}

// TestLinkDown: nothing leaves the house, nothing is held, and the shopper is told.
func TestLinkDown(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.bank.mu.Lock()
	h.bank.down = true
	h.bank.mu.Unlock()
	if h.run.Ready() == nil {
		t.Error("ready without a bank")
	}
	if r := h.pay(p); r.State != "card" || !strings.Contains(r.Problem.Message, "could not be reached") {
		t.Errorf("%+v", r)
	}
	h.bank.mu.Lock()
	h.bank.down = false
	h.bank.mu.Unlock()
	if r := h.pay(p); r.State != "paid" {
		t.Errorf("%+v", r)
	}
}

// copied copies the database of a gateway that has stopped.
func (h *house) copied(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "checkout.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkout.db")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// killed copies the database as a kill -9 would leave it, and starts another gateway on the copy.
func (h *house) killed(t *testing.T) *house {
	t.Helper()
	h.cable.dead.Store(true)
	dir := t.TempDir()
	for _, name := range []string{"checkout.db", "checkout.db-wal"} {
		from, err := os.Open(filepath.Join(h.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		to, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(to, from); err != nil {
			t.Fatal(err)
		}
		from.Close()
		to.Close()
	}
	again := &house{t: t, dir: dir, cfg: h.cfg, bank: h.bank, ds: h.ds, keys: h.keys, hooks: h.hooks}
	if _, err := Check(context.Background(), dir+"/checkout.db"); err != nil {
		t.Errorf("the books when killed: %v", err)
	}
	again.start()
	t.Cleanup(func() {
		again.stop()
		if _, err := Check(context.Background(), dir+"/checkout.db"); err != nil {
			t.Errorf("the books after the restart: %v", err)
		}
	})
	return again
}

// TestKilledWhileAuthorising: the 0100 was on its way; the next life reverses it, and the shopper pays again.
func TestKilledWhileAuthorising(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.bank.slow = 300 * time.Millisecond
	done := make(chan reply, 1)
	go func() { done <- h.pay(p) }()
	h.until(p.ID, func(paid) bool {
		cur, _ := h.engine.store.Payment(context.Background(), p.ID)
		return len(cur.Attempts) == 1 && cur.Attempts[0].State == core.Authorising
	})
	again := h.killed(t)
	<-done // the dead process's message arrives at the bank all the same, before or after its reversal
	again.until(p.ID, func(p paid) bool { return p.Status == "needs_card" })
	h.bank.mu.Lock()
	h.bank.slow = 0
	h.bank.mu.Unlock()
	if r := again.pay(p); r.State != "paid" {
		t.Errorf("%+v", r)
	}
	again.untilStatus(p.ID, "captured")
	if held, captured, _ := h.bank.totals(); held != 0 || captured != 2340 {
		t.Error(held, captured)
	}
}

// TestKilledWithAdvices: captures and refunds that the bank has not answered are sent again as repeats.
func TestKilledWithAdvices(t *testing.T) {
	h := newHouse(t)
	p, q := h.create(2340, "automatic"), h.create(1000, "manual")
	h.pay(q)
	h.bank.say(nil, []string{"answer lost", "answer lost", "answer lost", "answer lost", "answer lost", "answer lost"})
	h.pay(p)
	read(t, h.api("POST", "/v1/payments/"+q.ID+"/cancel", fresh(), ``), 200)
	h.until(p.ID, func(paid) bool { _, captured, _ := h.bank.totals(); return captured == 2340 })
	again := h.killed(t)
	again.untilStatus(p.ID, "captured")
	again.until(q.ID, func(p paid) bool { return p.Status == "cancelled" })
	again.until(q.ID, func(paid) bool { held, _, _ := h.bank.totals(); return held == 0 })
	if _, captured, _ := h.bank.totals(); captured != 2340 || h.bank.repeats == 0 {
		t.Error(captured, h.bank.repeats)
	}
}

// TestKilledDuringChallenge: the sealed code was in memory only: the shopper types the card again; a yes of the bank
// that comes later does nothing.
func TestKilledDuringChallenge(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.ds.status = []string{"C"}
	h.pay(p)
	again := h.killed(t)
	if got := again.get(p.ID); got.Status != "needs_card" {
		t.Fatalf("%+v", got)
	}
	if err := again.confirm(p.ID, "Y"); err != nil {
		t.Error(err)
	}
	if got := again.get(p.ID); got.Status != "needs_card" || len(h.bank.messages) != 0 {
		t.Errorf("%+v %v", got, h.bank.messages)
	}
	if r := again.pay(p); r.State != "paid" {
		t.Errorf("%+v", r)
	}
}

// TestShopGone: a shop that is no longer configured can do nothing, and its money is settled all the same.
func TestShopGone(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.bank.mu.Lock()
	h.bank.advice = []string{"lost", "lost", "lost", "lost", "lost", "lost"}
	h.bank.mu.Unlock()
	if r := h.pay(p); r.State != "paid" {
		t.Fatalf("%+v", r)
	}
	h.stop()
	h.cfg.Merchants = h.cfg.Merchants[1:]
	h.start()
	if w := h.api("GET", "/v1/payments/"+p.ID, "", ""); w.Code != 401 {
		t.Error(w.Code)
	}
	if w := h.do("GET", h.framePath(p, ""), nil, ""); w.Code != 404 {
		t.Error(w.Code)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, captured, _ := h.bank.totals(); captured == 2340 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("never captured")
		}
	}
}

// TestSlowHolder: the sealed code does not wait longer than its time.
func TestSlowHolder(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.ds.status = []string{"C", "C"}
	h.pay(p)
	h.clock.Add(int64(10*time.Minute + time.Second))
	if err := h.confirm(p.ID, "Y"); err != nil {
		t.Fatal(err)
	}
	got := h.untilStatus(p.ID, "needs_card")
	if !strings.Contains(got.Declined.Message, "too long") || len(h.bank.messages) != 0 || h.engine.shelf.size() != 0 {
		t.Errorf("%+v %v", got.Declined, h.bank.messages)
	}
	h.pay(p) // challenged again, and nobody answers
	h.clock.Add(int64(11*time.Minute + time.Second))
	h.untilStatus(p.ID, "needs_card")
	h.clock.Add(int64(25 * time.Hour))
	h.untilStatus(p.ID, "expired")
	if r := h.pay(p); r.HTTP != 409 || r.Code != "payment_closed" {
		t.Errorf("%+v", r)
	}
}

// TestForgetting: the encrypted number goes when it is not needed any more.
func TestForgetting(t *testing.T) {
	h := newHouse(t)
	cards := func() int64 {
		s, err := h.engine.store.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s.Cards
	}
	p := h.create(2340, "automatic")
	h.bank.say([]string{"51"}, nil)
	h.pay(p)
	if cards() != 0 {
		t.Error("kept after a refusal")
	}
	h.pay(p)
	h.untilStatus(p.ID, "captured")
	if cards() != 1 {
		t.Error("a refund needs it")
	}
	h.clock.Add(int64(181 * 24 * time.Hour))
	h.until(p.ID, func(paid) bool { return cards() == 0 })
	if w := h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), ``); w.Code != 409 || !strings.Contains(w.Body.String(), "refund_window_closed") {
		t.Error(w.Code, w.Body)
	}
	q := h.create(100, "manual")
	h.pay(q)
	h.clock.Add(int64(8 * 24 * time.Hour))
	h.untilStatus(q.ID, "expired")
	h.until(q.ID, func(paid) bool { held, _, _ := h.bank.totals(); return held == 0 && cards() == 0 })
}
