// Package bankapi is the bank's HTTP face for its own other roles, on endpoint issuer.bank: the access
// control server asks who is enrolled, Mobile Bank asks for cards and payments and freezes cards.
//
// No card number and no code ever passes here: cards go by id, by keyed index, and by their last four.
package bankapi

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"countersign/pay/issuer/book"
	"countersign/pay/issuer/store"
	"countersign/pay/ledger"
)

// Books is what the API reads.
type Books interface {
	CardByIndex(ctx context.Context, i book.Index) (book.Card, book.Holder, bool, error)
	Card(ctx context.Context, id string) (book.Card, bool, error)
	Holder(ctx context.Context, id string) (book.Holder, []ledger.Account, []book.Card, bool, error)
	Payments(ctx context.Context, holder, before string, limit int) ([]store.Payment, error)
	Events(ctx context.Context, holder string, after int64, limit int) ([]store.Event, int64, error)
}

// Desk is what the API changes.
type Desk interface {
	Freeze(ctx context.Context, id, holder string) (book.Card, error)
	Unfreeze(ctx context.Context, id, holder string) (book.Card, error)
}

// Config is what New needs; all fields but Poll and Heartbeat are.
type Config struct {
	Books  Books
	Desk   Desk
	Ticket func(card string) (ticket, url string, err error) // one look at the card's face
	Now    func() time.Time
	Log    *slog.Logger

	Poll      time.Duration // how often an event stream looks at the journal; 0 = 250 ms
	Heartbeat time.Duration // how often a silent stream writes a comment; 0 = 15 s
}

type api struct{ Config }

// New is the API.
func New(c Config) http.Handler {
	if c.Poll <= 0 {
		c.Poll = 250 * time.Millisecond
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 15 * time.Second
	}
	a := &api{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/enrolment/{index}", a.enrolment)
	mux.HandleFunc("GET /v1/holders/{id}", a.holder)
	mux.HandleFunc("GET /v1/holders/{id}/payments", a.payments)
	mux.HandleFunc("GET /v1/holders/{id}/events", a.events)
	mux.HandleFunc("POST /v1/cards/{id}/freeze", a.freeze(c.Desk.Freeze))
	mux.HandleFunc("POST /v1/cards/{id}/unfreeze", a.freeze(c.Desk.Unfreeze))
	mux.HandleFunc("POST /v1/cards/{id}/face-ticket", a.faceTicket)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { notFound(w) })
	return http.MaxBytesHandler(mux, 4<<10)
}

// Enrolment is the answer about a card to the access control server.
type Enrolment struct {
	Card   string `json:"card"`
	Last4  string `json:"last4"`
	Brand  string `json:"brand"`
	Holder string `json:"holder"`
	Name   string `json:"name"`
	Phone  string `json:"phone"`
	Locale string `json:"locale"`
	Status string `json:"status"` // active, frozen, closed, expired
	Expiry string `json:"expiry"` // YYMM
}

func (a *api) enrolment(w http.ResponseWriter, r *http.Request) {
	raw, err := hex.DecodeString(r.PathValue("index"))
	if err != nil || len(raw) != len(book.Index{}) {
		problem(w, http.StatusBadRequest, "bad_index", "The index has 32 hexadecimal digits.")
		return
	}
	c, h, found, err := a.Books.CardByIndex(r.Context(), book.Index(raw))
	switch {
	case err != nil:
		a.fail(w, r, err)
	case !found:
		notFound(w)
	default:
		answer(w, http.StatusOK, Enrolment{
			Card: c.ID, Last4: c.Last4, Brand: c.Brand, Holder: h.ID, Name: h.Name, Phone: h.Phone, Locale: h.Locale,
			Status: status(c, a.Now()), Expiry: c.Expiry,
		})
	}
}

// status is a card's standing for its holder.
func status(c book.Card, now time.Time) string {
	switch {
	case c.Status == book.Frozen:
		return "frozen"
	case c.Status != book.Active:
		return "closed"
	case !now.Before(c.Ends):
		return "expired"
	}
	return "active"
}

// Holder is the answer about a holder.
type Holder struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Phone    string    `json:"phone"`
	Locale   string    `json:"locale"`
	Accounts []Account `json:"accounts"`
	Cards    []Card    `json:"cards"`
}

// Account is an account with its sums in minor units.
type Account struct {
	ID        string `json:"id"`
	Currency  string `json:"currency"`
	Posted    int64  `json:"posted"`
	Held      int64  `json:"held"`
	Available int64  `json:"available"`
}

// Card is a card as its holder's app may know it.
type Card struct {
	ID      string `json:"id"`
	Last4   string `json:"last4"`
	Brand   string `json:"brand"`
	Name    string `json:"name"`
	Expiry  string `json:"expiry"` // YYMM
	Status  string `json:"status"`
	Kind    string `json:"kind"`
	Account string `json:"account"`
	Lock    string `json:"lock,omitempty"`      // card acceptor id that it is locked to
	Limit   int64  `json:"limit,omitempty"`     // for one payment, minor units
	Daily   int64  `json:"limit_day,omitempty"` // for 24 hours, minor units
}

func (a *api) card(c book.Card) Card {
	return Card{
		ID: c.ID, Last4: c.Last4, Brand: c.Brand, Name: c.Name, Expiry: c.Expiry, Status: status(c, a.Now()),
		Kind: string(c.Kind), Account: string(c.Account), Lock: c.LockAcceptor, Limit: c.LimitEach, Daily: c.LimitDay,
	}
}

func (a *api) holder(w http.ResponseWriter, r *http.Request) {
	h, accounts, cards, found, err := a.Books.Holder(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		a.fail(w, r, err)
		return
	case !found:
		notFound(w)
		return
	}
	out := Holder{ID: h.ID, Name: h.Name, Phone: h.Phone, Locale: h.Locale, Accounts: []Account{}, Cards: []Card{}}
	for _, x := range accounts {
		out.Accounts = append(out.Accounts, Account{string(x.ID), x.Currency.Alpha(), x.Posted, x.Held, x.Available()})
	}
	for _, c := range cards {
		out.Cards = append(out.Cards, a.card(c))
	}
	answer(w, http.StatusOK, out)
}

// ask is the body of a POST.
type ask struct {
	Holder string `json:"holder"`
}

func readAsk(w http.ResponseWriter, r *http.Request) (in ask, ok bool) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil || in.Holder == "" || d.More() {
		problem(w, http.StatusBadRequest, "bad_body", `The body is {"holder": "…"}.`)
		return in, false
	}
	return in, true
}

func (a *api) freeze(do func(ctx context.Context, id, holder string) (book.Card, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, ok := readAsk(w, r)
		if !ok {
			return
		}
		c, err := do(r.Context(), r.PathValue("id"), in.Holder)
		switch {
		case errors.Is(err, book.ErrUnknown):
			notFound(w)
		case errors.Is(err, book.ErrState):
			problem(w, http.StatusConflict, "card_state", "The card's status does not allow this.")
		case err != nil:
			a.fail(w, r, err)
		default:
			answer(w, http.StatusOK, a.card(c))
		}
	}
}

func (a *api) faceTicket(w http.ResponseWriter, r *http.Request) {
	in, ok := readAsk(w, r)
	if !ok {
		return
	}
	c, found, err := a.Books.Card(r.Context(), r.PathValue("id"))
	if err == nil && (!found || c.Holder != in.Holder) {
		notFound(w)
		return
	}
	var ticket, url string
	if err == nil {
		ticket, url, err = a.Ticket(c.ID)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, map[string]string{"ticket": ticket, "url": url})
}

// limit reads ?limit=, 1 to 200, otherwise 50.
func limit(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || n < 1 || n > 200 {
		return 50
	}
	return n
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		a.Log.ErrorContext(r.Context(), "bank API", "route", r.Pattern, "error", err)
	}
	problem(w, http.StatusInternalServerError, "internal", "The bank could not answer. Nothing is known to have changed.")
}

func notFound(w http.ResponseWriter) {
	problem(w, http.StatusNotFound, "not_found", "There is no such thing here.")
}

// problem answers as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, code, detail string) {
	b, _ := json.Marshal(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	}) // strings and an int: cannot fail
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		problem(w, http.StatusInternalServerError, "internal", "The answer could not be written.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, string(b)+"\n")
}
