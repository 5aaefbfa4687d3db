package checkout

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	official "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// events waits for n webhooks and reads them.
func (h *house) events(n int) (types []string, seq []int64) {
	h.t.Helper()
	for end := time.Now().Add(8 * time.Second); len(h.hooks.list()) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%d webhooks, want %d", len(h.hooks.list()), n)
		}
	}
	for _, k := range h.hooks.list() {
		var e struct {
			Type     string
			Sequence int64
			Data     paid
		}
		if err := json.Unmarshal(k.body, &e); err != nil {
			h.t.Fatal(err)
		}
		types, seq = append(types, e.Type), append(seq, e.Sequence)
		if len(k.body) > 20_000 {
			h.t.Error("larger than the standard wants")
		}
	}
	return types, seq
}

func TestWebhooks(t *testing.T) {
	h := newHouse(t)
	p := h.create(2340, "automatic")
	h.bank.say([]string{"51"}, nil)
	h.pay(p)
	h.pay(p)
	h.untilStatus(p.ID, "captured")
	h.api("POST", "/v1/payments/"+p.ID+"/refunds", fresh(), ``)
	types, seq := h.events(4)
	want := []string{"payment.declined", "payment.authorised", "payment.captured", "refund.succeeded"}
	for i := range want {
		if types[i] != want[i] || seq[i] != int64(i+1) {
			t.Fatalf("%v %v, want %v", types, seq, want)
		}
	}
	peer, err := official.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range h.hooks.list() {
		if err := peer.Verify(k.body, k.h); err != nil {
			t.Errorf("the official library refuses: %v", err)
		}
		var v map[string]any
		if err := json.Unmarshal(k.body, &v); err != nil {
			t.Fatal(err)
		}
		if err := document(t).Components.Schemas["WebhookEvent"].Value.VisitJSON(v); err != nil {
			t.Errorf("not as documented: %v", err)
		}
	}
}

// TestWebhookRetries: a receiver that fails gets the same message again, with the same id, and nothing overtakes it.
func TestWebhookRetries(t *testing.T) {
	h := newHouse(t)
	h.hooks.mu.Lock()
	h.hooks.status = []int{500, 302}
	h.hooks.mu.Unlock()
	p := h.create(2340, "automatic")
	h.pay(p)
	h.events(1)
	time.Sleep(100 * time.Millisecond)
	if n := len(h.hooks.list()); n != 1 {
		t.Fatalf("%d messages: a later one has overtaken the first, or a retry did not wait", n)
	}
	h.clock.Add(int64(10 * time.Second))
	h.events(2)
	time.Sleep(100 * time.Millisecond)
	h.clock.Add(int64(20 * time.Second))
	types, seq := h.events(4)
	if got := h.hooks.list(); got[0].h.Get("webhook-id") != got[2].h.Get("webhook-id") || got[2].h.Get("webhook-id") == got[3].h.Get("webhook-id") || seq[2] != 1 || seq[3] != 2 {
		t.Error(types, seq)
	}
}

func TestWebhookRetryAfter(t *testing.T) {
	h := newHouse(t)
	h.hooks.mu.Lock()
	h.hooks.status = []int{503}
	h.hooks.header.Set("Retry-After", "3600")
	h.hooks.mu.Unlock()
	p := h.create(2340, "automatic")
	h.pay(p)
	h.events(1)
	time.Sleep(50 * time.Millisecond)
	h.clock.Add(int64(59 * time.Minute))
	time.Sleep(1300 * time.Millisecond)
	if n := len(h.hooks.list()); n != 1 {
		t.Error("asked again before the time it wished:", n)
	}
	h.clock.Add(int64(2 * time.Minute))
	h.events(2)
}

// TestWebhookGone: 410 switches the address off, and a new address gets what has waited.
func TestWebhookGone(t *testing.T) {
	h := newHouse(t)
	h.hooks.mu.Lock()
	h.hooks.status = []int{http.StatusGone}
	h.hooks.mu.Unlock()
	p := h.create(2340, "automatic")
	h.pay(p)
	h.events(1)
	h.clock.Add(int64(24 * time.Hour))
	time.Sleep(1300 * time.Millisecond)
	if n := len(h.hooks.list()); n != 1 {
		t.Error("asked again after 410:", n)
	}
	h.stop()
	h.cfg.Merchants[0].WebhookURL += "/new"
	h.start()
	if _, seq := h.events(3); seq[1] != 1 || seq[2] != 2 {
		t.Error(seq)
	}
}
