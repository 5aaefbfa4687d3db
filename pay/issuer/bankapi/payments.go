package bankapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"countersign/pay/issuer/store"
	"countersign/pay/ledger"
)

// Payment is one try to pay, as its holder sees it. Amounts are minor units.
type Payment struct {
	ID        string `json:"id"`
	Lifecycle string `json:"lifecycle"`
	Card      string `json:"card"`
	Last4     string `json:"last4"`
	Merchant  string `json:"merchant"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Captured  int64  `json:"captured"`
	Refunded  int64  `json:"refunded"`
	Status    string `json:"status"` // declined, held, captured, partly_refunded, refunded, released, expired
	Response  string `json:"response"`
	Reason    string `json:"reason"` // why it was declined, in plain words
	At        string `json:"at"`     // RFC 3339, UTC
}

func render(p store.Payment) Payment {
	out := Payment{
		ID: p.ID, Lifecycle: p.Lifecycle, Card: p.Card, Last4: p.Last4, Merchant: p.Merchant, Amount: p.Amount.Minor(),
		Captured: p.Captured, Refunded: p.Refunded, Status: standing(p), Response: p.Response,
		Reason: p.Reason.String(), At: p.At.UTC().Format(time.RFC3339Nano),
	}
	if p.Amount.Currency().Known() {
		out.Currency = p.Amount.Currency().Alpha()
	}
	return out
}

func standing(p store.Payment) string {
	switch {
	case p.State == 0:
		return "declined"
	case p.Refunded > 0 && p.Refunded == p.Captured:
		return "refunded"
	case p.Refunded > 0:
		return "partly_refunded"
	case p.Captured > 0:
		return "captured"
	case p.State == ledger.Released:
		return "released"
	case p.State == ledger.Expired:
		return "expired"
	}
	return "held"
}

func (a *api) payments(w http.ResponseWriter, r *http.Request) {
	rows, err := a.Books.Payments(r.Context(), r.PathValue("id"), r.URL.Query().Get("before"), limit(r))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	items := []Payment{}
	for _, p := range rows {
		items = append(items, render(p))
	}
	answer(w, http.StatusOK, map[string]any{"items": items})
}

// event is the data of one line of the stream.
type event struct {
	Seq       int64  `json:"seq"`
	Kind      string `json:"kind"` // what happened: purchase, capture, refund, reversal, expiry, card …
	Subject   string `json:"subject"`
	Card      string `json:"card,omitempty"`
	Lifecycle string `json:"lifecycle,omitempty"`
	At        string `json:"at"`
}

// events streams what the journal says about a holder, from now on or after Last-Event-ID. The journal is
// the source, not this process's memory: what was written by another process is told too, and a reader
// that comes back misses nothing.
func (a *api) events(w http.ResponseWriter, r *http.Request) {
	ctx, id := r.Context(), r.PathValue("id")
	_, last, err := a.Books.Events(ctx, id, 1<<62, 1)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if from, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64); err == nil && from >= 0 && from <= last {
		last = from
	}
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	fmt.Fprintf(w, "retry: 1000\n: from %d\n\n", last)
	if out.Flush() != nil {
		return
	}
	poll, beat := time.NewTicker(a.Poll), time.NewTicker(a.Heartbeat)
	defer poll.Stop()
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			fmt.Fprint(w, ": alive\n\n")
		case <-poll.C:
			rows, _, err := a.Books.Events(ctx, id, last, 100)
			if err != nil {
				return // the reader comes back with Last-Event-ID
			}
			for _, e := range rows {
				write(w, e)
				last = e.Seq
			}
			if len(rows) == 0 {
				continue
			}
		}
		if out.Flush() != nil {
			return
		}
	}
}

func write(w http.ResponseWriter, e store.Event) {
	name := "payment"
	switch e.Kind {
	case "card", "holder", "account", "deposit":
		name = "card"
	}
	data, _ := json.Marshal(event{e.Seq, e.Kind, e.Subject, e.Card, e.Lifecycle, e.At.UTC().Format(time.RFC3339Nano)}) // cannot fail
	fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, name, data)
}
