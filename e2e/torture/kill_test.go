package torture

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	mrand "math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/e2e/house"
	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
)

var killsFlag = flag.Int("kills", 0, "how often to kill the program (0 = 200 under ./test, 8 with plain go test)")

// promise is what the shop was told, written down outside the program: the intent before it asks, the answer when it came.
type promise struct {
	idem, order string
	cents       int64
	create      []byte // the 201, byte for byte
	payment     house.Payment
	paid        bool // the shop API said captured
	refunds     []*refund
}

type refund struct {
	idem   string
	amount int64
	answer []byte // nil = never answered
}

// shopkeeper is one worker: a shopper and a shop with a customer of their own.
type shopkeeper struct {
	h        *house.House
	api      *house.API
	n        int
	customer house.Customer
	promises []*promise
}

// TestKilledAtAnyMoment kills the program again and again while four workers pay and refund, and then asks both
// sides' books: nothing that was acknowledged is lost, nothing happened twice, no cent is missing.
func TestKilledAtAnyMoment(t *testing.T) {
	kills := size(8, 200, 10_000)
	if *killsFlag > 0 {
		kills = *killsFlag
	}
	h := start(t, "")
	customers, err := h.Customers("kill", 4)
	must(t, err)
	api, err := h.API()
	must(t, err)
	var workers []*shopkeeper
	for i, c := range customers {
		workers = append(workers, &shopkeeper{h: h, api: api, n: i, customer: c})
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var acked atomic.Int64
	for _, w := range workers {
		wg.Add(1)
		go func() { defer wg.Done(); w.work(ctx, &acked) }()
	}
	var slowest time.Duration
	for range kills {
		time.Sleep(time.Duration(30+mrand.IntN(400)) * time.Millisecond)
		h.Kill()
		began := time.Now()
		must(t, h.Start())
		slowest = max(slowest, time.Since(began))
	}
	time.Sleep(time.Second)
	stop()
	wg.Wait()
	for _, w := range workers {
		w.finish(t)
	}
	t.Logf("%d kills, %d acknowledged answers, slowest start %v", kills, acked.Load(), slowest.Round(time.Millisecond))
	if acked.Load() < int64(kills) {
		t.Errorf("only %d answers in %d kills: the program hardly worked between them", acked.Load(), kills)
	}
	if out, err := h.Command("ledger", "check"); err != nil {
		t.Errorf("ledger check: %v\n%s", err, out)
	}
	for _, w := range workers {
		w.audit(t)
	}
}

// work pays and refunds until the context ends; answers that do not come are asked for again with the same key.
func (w *shopkeeper) work(ctx context.Context, acked *atomic.Int64) {
	for i := 0; ctx.Err() == nil; i++ {
		p := &promise{idem: fmt.Sprintf("kill-%d-%d", w.n, i), order: fmt.Sprintf("order-%d-%d", w.n, i), cents: int64(1000 + i%500)}
		w.promises = append(w.promises, p)
		for ctx.Err() == nil && p.create == nil {
			w.create(ctx, p, acked)
		}
		for try := 0; ctx.Err() == nil && !p.paid && try < 6; try++ {
			w.pay(ctx, p, try, acked)
		}
		if p.paid && i%2 == 0 {
			r := &refund{idem: p.idem + "-refund", amount: 300}
			p.refunds = append(p.refunds, r)
			for ctx.Err() == nil && r.answer == nil {
				w.refund(ctx, p, r, acked)
			}
		}
	}
}

func (w *shopkeeper) create(ctx context.Context, p *promise, acked *atomic.Int64) {
	status, raw, err := w.api.Call(ctx, "POST", "/v1/payments", p.idem, map[string]any{
		"amount": p.cents, "currency": "EUR", "order": p.order, "capture": "automatic"}, &p.payment)
	if err == nil && status == http.StatusCreated {
		p.create = raw
		acked.Add(1)
		return
	}
	pause(ctx)
}

func (w *shopkeeper) pay(ctx context.Context, p *promise, try int, acked *atomic.Int64) {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	_, _ = w.h.Pay(ctx, p.payment.FrameURL, w.customer, fmt.Sprintf("%s-try-%d-attempt", p.idem, try))
	for range 40 { // what the shopper's page saw is not what counts
		now, err := w.api.Get(ctx, p.payment.ID)
		if err == nil && (now.Status == "captured" || now.Status == "refunded") {
			p.paid = true
			acked.Add(1)
			return
		}
		if err == nil && now.Status == "needs_card" || ctx.Err() != nil {
			return
		}
		pause(ctx)
	}
}

func (w *shopkeeper) refund(ctx context.Context, p *promise, r *refund, acked *atomic.Int64) {
	status, raw, err := w.api.Call(ctx, "POST", "/v1/payments/"+p.payment.ID+"/refunds", r.idem, map[string]any{"amount": r.amount}, nil)
	if err == nil && status < 300 {
		r.answer = raw
		acked.Add(1)
		return
	}
	pause(ctx)
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(25 * time.Millisecond):
	}
}

// finish asks again for every answer that never came, now that nobody kills, and waits until nothing is in doubt.
func (w *shopkeeper) finish(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	var acked atomic.Int64
	for _, p := range w.promises {
		for ctx.Err() == nil && p.create == nil {
			w.create(ctx, p, &acked)
		}
		for _, r := range p.refunds {
			for ctx.Err() == nil && r.answer == nil {
				w.refund(ctx, p, r, &acked)
			}
		}
		for ctx.Err() == nil {
			now, err := w.api.Get(ctx, p.payment.ID)
			if err == nil && now.Status != "processing" && now.Status != "authorised" && settled(now) {
				p.payment = now
				break
			}
			pause(ctx)
		}
	}
	if ctx.Err() != nil {
		t.Errorf("worker %d: something is still in doubt 90 s after the last kill", w.n)
	}
}

func settled(p house.Payment) bool {
	for _, r := range p.Refunds {
		if r.Status == "pending" {
			return false
		}
	}
	return true
}

// audit compares what was answered with what both sides keep.
func (w *shopkeeper) audit(t *testing.T) {
	ctx := context.Background()
	var taken int64
	for _, p := range w.promises {
		var again house.Payment
		status, raw, err := w.api.Call(ctx, "POST", "/v1/payments", p.idem, map[string]any{
			"amount": p.cents, "currency": "EUR", "order": p.order, "capture": "automatic"}, &again)
		if err != nil || status != http.StatusCreated || again.ID != p.payment.ID || !bytes.Equal(raw, p.create) {
			t.Errorf("%s: the same key got another answer (HTTP %d, %v)", p.idem, status, err)
		}
		if p.paid && p.payment.Captured != p.payment.Amount {
			t.Errorf("%s: was captured once, now %d of %d are (%s)", p.idem, p.payment.Captured, p.payment.Amount, p.payment.Status)
		}
		var refunded int64
		for _, r := range p.refunds {
			refunded += r.amount
		}
		if p.payment.Refunded != refunded {
			t.Errorf("%s: %d refunded, %d asked for", p.idem, p.payment.Refunded, refunded)
		}
		taken += p.payment.Captured - p.payment.Refunded
	}
	w.balance(t, taken)
}

// balance asks the bank what the customer has left: nothing but these payments touched the account.
func (w *shopkeeper) balance(t *testing.T, taken int64) {
	ctx := context.Background()
	desk, err := w.h.Desk()
	must(t, err)
	defer desk.Close()
	must(t, desk.Books.Read(ctx, func(tx book.Tx) error {
		a, ok, err := tx.Account(ledger.AccountID(w.customer.Account))
		if err != nil || !ok {
			return fmt.Errorf("account: %v %v", ok, err)
		}
		if a.Posted != house.Opening-taken || a.Held != 0 {
			t.Errorf("worker %d: the bank has %d posted and %d held, the shop's view leaves %d and 0", w.n, a.Posted, a.Held, house.Opening-taken)
		}
		return nil
	}))
}
