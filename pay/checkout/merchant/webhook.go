package merchant

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"countersign/pay/checkout/store"
	"countersign/wire/webhook"
)

// Endpoint is where a merchant wants its webhooks.
type Endpoint struct {
	URL    string
	Signer *webhook.Signer
}

// Delivery is what the delivery of webhooks is made of. All fields are required but Plain.
type Delivery struct {
	Store     *store.Store
	Endpoints map[string]Endpoint // by merchant id
	Client    *http.Client
	Now       func() time.Time
	Rand      io.Reader // for jitter
	Log       *slog.Logger
	Plain     bool // allow http:// addresses
}

const (
	firstWait   = 5 * time.Second
	longestWait = 6 * time.Hour
	giveUpAfter = 14 * 24 * time.Hour // a receiver may be down for days
	tryTime     = 15 * time.Second
	perMerchant = 8  // tries at once
	atOnce      = 32 // tries at once, in all
)

// Courier delivers webhooks from the outbox: at least once, in order for each payment, so that one receiver's
// trouble holds up nobody else.
type Courier struct {
	Delivery
	poke   chan struct{}
	client *http.Client

	mu     sync.Mutex
	flying map[string]bool // by webhook id
	busy   map[string]int  // by merchant
	work   sync.WaitGroup
}

// NewCourier makes a courier; Run lets it work.
func NewCourier(d Delivery) *Courier {
	c := *d.Client
	c.Timeout = tryTime
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Courier{Delivery: d, poke: make(chan struct{}, 1), client: &c, flying: map[string]bool{}, busy: map[string]int{}}
}

// Poke says that there may be something to deliver.
func (c *Courier) Poke() {
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends.
func (c *Courier) Run(ctx context.Context) {
	defer c.work.Wait()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.poke:
		case <-tick.C:
		}
		before := c.inFlight()
		list, err := c.Store.Webhooks(ctx, c.Now(), 8*atOnce)
		if err != nil {
			if ctx.Err() == nil {
				c.Log.Error("webhooks", "error", err)
			}
			continue
		}
		for _, w := range list {
			if !before[w.ID] && c.begin(w) { // what was in flight may have been delivered since the list was read
				c.work.Go(func() {
					defer c.end(w)
					c.deliver(ctx, w)
				})
			}
		}
	}
}

func (c *Courier) inFlight() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.flying)
}

func (c *Courier) begin(w store.Webhook) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flying[w.ID] || len(c.flying) >= atOnce || c.busy[w.Merchant] >= perMerchant {
		return false
	}
	c.flying[w.ID] = true
	c.busy[w.Merchant]++
	return true
}

func (c *Courier) end(w store.Webhook) {
	c.mu.Lock()
	delete(c.flying, w.ID)
	if c.busy[w.Merchant]--; c.busy[w.Merchant] == 0 {
		delete(c.busy, w.Merchant)
	}
	c.mu.Unlock()
	c.Poke() // for the next one of the payment
}

// deliver makes one try and stores what came of it.
func (c *Courier) deliver(ctx context.Context, w store.Webhook) {
	status, after, err := c.post(ctx, w)
	if ctx.Err() != nil {
		return // the role ends; the same message goes again at the next start
	}
	switch {
	case err == nil && status >= 200 && status < 300:
		err = c.Store.WebhookDone(ctx, w.ID)
	case err == nil && status == http.StatusGone:
		c.Log.Warn("webhook address is gone; switched off", "merchant", w.Merchant)
		err = c.Store.WebhookOff(ctx, w.Merchant)
	default:
		c.Log.Info("webhook not delivered", "merchant", w.Merchant, "id", w.ID, "status", status, "tries", w.Tries+1)
		err = c.Store.WebhookFailed(ctx, w.ID, c.next(w, after))
	}
	if err != nil && ctx.Err() == nil {
		c.Log.Error("webhook outcome not stored; it will go again", "id", w.ID, "error", err)
	}
}

// errAddress: the merchant's webhook address cannot be used.
var errAddress = errors.New("merchant: webhook address cannot be used")

// post sends the message. after is what Retry-After asks for.
func (c *Courier) post(ctx context.Context, w store.Webhook) (status int, after time.Duration, err error) {
	e, ok := c.Endpoints[w.Merchant]
	if !ok || e.Signer == nil {
		return 0, 0, errAddress
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "https" && !(c.Plain && u.Scheme == "http") {
		return 0, 0, errAddress
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(w.Body))
	if err != nil {
		return 0, 0, errAddress
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Countersign-Webhook/1")
	now := c.Now()
	e.Signer.Sign(req.Header, w.ID, now, w.Body)
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // so that the connection can be used again
	return resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), now), nil
}

// retryAfter reads the header in both its forms; 0 when there is none.
func retryAfter(h string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(h); err == nil && n > 0 {
		return min(time.Duration(min(n, 1<<30))*time.Second, 24*time.Hour)
	}
	if t, err := http.ParseTime(h); err == nil && t.After(now) {
		return min(t.Sub(now), 24*time.Hour)
	}
	return 0
}

// next is the time of the next try: waits double, with up to a quarter of jitter, and not before the receiver's
// own wish. Zero when it is time to give up.
func (c *Courier) next(w store.Webhook, after time.Duration) time.Time {
	now := c.Now()
	if now.Sub(w.Created) > giveUpAfter {
		c.Log.Error("webhook given up", "merchant", w.Merchant, "id", w.ID)
		return time.Time{}
	}
	wait := longestWait
	if w.Tries < 13 {
		wait = min(firstWait<<w.Tries, longestWait)
	}
	var b [2]byte
	if _, err := io.ReadFull(c.Rand, b[:]); err == nil {
		wait += wait / 4 * time.Duration(binary.BigEndian.Uint16(b[:])) / 65536
	}
	return now.Add(max(wait, after))
}
