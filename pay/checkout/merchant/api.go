// Package merchant is the shop's side of the gateway: the shop API with its OpenAPI document, and the
// delivery of webhooks. It cannot name a card number: what it knows of cards is masked.
//
// Every POST carries an Idempotency-Key, and its answer is stored in the commit of its effect: asked again,
// the same bytes come back and nothing happens twice.
package merchant

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/internal/limit"
	"countersign/pay/checkout/internal/problem"
	"countersign/pay/checkout/store"
	"countersign/pay/money"
	"countersign/pay/payment"
)

// Merchant is a shop that may use the API.
type Merchant struct {
	ID      string
	SiteURL string     // return_url must lie on it
	Keys    [][32]byte // SHA-256 of its API keys
}

// Config is what the API is made of. All fields are required.
type Config struct {
	Merchants []Merchant
	Store     *store.Store
	Origin    string // of this API, such as "http://pay.localhost:8080"
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
	After     func(p core.Payment, effects []core.Effect) // carries out what lies outside of the commit
	CardLike  func(text string) bool                      // says whether a text contains a card number
}

type server struct {
	Config
	failed *limit.Limiter // wrong keys, by address

	mu     sync.Mutex
	flying map[string]bool // idempotency keys being worked on
}

// Mount adds the API to a mux.
func Mount(mux *http.ServeMux, cfg Config) {
	s := &server{Config: cfg, failed: limit.New(cfg.Now, 10, 6*time.Second, 100_000), flying: map[string]bool{}}
	mux.HandleFunc("GET /v1/openapi.json", openAPI)
	mux.Handle("GET /v1/payments", s.auth(s.list))
	mux.Handle("GET /v1/payments/{id}", s.auth(s.get))
	mux.Handle("POST /v1/payments", s.auth(s.create))
	mux.Handle("POST /v1/payments/{id}/capture", s.auth(s.capture))
	mux.Handle("POST /v1/payments/{id}/cancel", s.auth(s.cancel))
	mux.Handle("POST /v1/payments/{id}/refunds", s.auth(s.refundPayment))
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		problem.New(http.StatusNotFound, "not_found", "There is nothing at this address. See /v1/openapi.json.").Write(w)
	})
}

// auth finds the merchant of a request's API key.
func (s *server) auth(next func(http.ResponseWriter, *http.Request, Merchant)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, ok := s.owner(r.Header.Get("Authorization"))
		if ok {
			next(w, r, m)
			return
		}
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		if !s.failed.Allow(address) {
			p := problem.New(http.StatusTooManyRequests, "too_many_requests", "Too many requests without a valid API key.")
			p.RetryAfter = 6
			p.Write(w)
			return
		}
		problem.New(http.StatusUnauthorized, "unauthorised", "A valid API key is required: Authorization: Bearer csk_…").Write(w)
	})
}

// owner compares the key with all keys, in the same time whichever fits.
func (s *server) owner(header string) (found Merchant, ok bool) {
	scheme, key, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(key, "csk_") {
		return Merchant{}, false
	}
	h := sha256.Sum256([]byte(key))
	for _, m := range s.Merchants {
		for _, k := range m.Keys {
			if subtle.ConstantTimeCompare(h[:], k[:]) == 1 {
				found, ok = m, true
			}
		}
	}
	return found, ok
}

func notFound() *problem.Problem {
	return problem.New(http.StatusNotFound, "not_found", "There is no such payment.")
}

// own reads a merchant's payment. Another merchant's is as unknown as none.
func own(p core.Payment, err error, m Merchant) (core.Payment, error) {
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Merchant != m.ID {
		return core.Payment{}, notFound()
	}
	return p, err
}

func (s *server) get(w http.ResponseWriter, r *http.Request, m Merchant) {
	p, err := s.Store.Payment(r.Context(), r.PathValue("id"))
	if p, err = own(p, err, m); err != nil {
		s.fail(w, err)
		return
	}
	s.send(w, http.StatusOK, body(view(p, s.Origin)))
}

func (s *server) list(w http.ResponseWriter, r *http.Request, m Merchant) {
	q := r.URL.Query()
	limit, bad := 20, problem.New(http.StatusUnprocessableEntity, "invalid", "Some parameters cannot be used.")
	if t := q.Get("limit"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 100 {
			bad.Errors = append(bad.Errors, problem.Field{Pointer: "/limit", Message: "must be 1 to 100"})
		}
		limit = n
	}
	cursor := q.Get("cursor")
	if cursor != "" && (!strings.HasPrefix(cursor, "pay_") || len(cursor) != 30) {
		bad.Errors = append(bad.Errors, problem.Field{Pointer: "/cursor", Message: "must be the next of an earlier answer"})
	}
	state := payment.State(q.Get("status"))
	if state != "" && !known(state) {
		bad.Errors = append(bad.Errors, problem.Field{Pointer: "/status", Message: "must be a status of a payment"})
	}
	if len(bad.Errors) > 0 {
		bad.Write(w)
		return
	}
	list, err := s.Store.List(r.Context(), m.ID, cursor, state, limit+1)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := struct {
		Object string        `json:"object"`
		Items  []paymentJSON `json:"items"`
		Next   *string       `json:"next"`
	}{"list", []paymentJSON{}, nil}
	if len(list) > limit {
		list = list[:limit]
		out.Next = &list[limit-1].ID
	}
	for _, p := range list {
		out.Items = append(out.Items, view(p, s.Origin))
	}
	s.send(w, http.StatusOK, body(out))
}

func known(st payment.State) bool {
	switch st {
	case payment.NeedsCard, payment.NeedsConfirmation, payment.Processing, payment.Authorised, payment.Captured, payment.Refunded, payment.Cancelled, payment.Expired:
		return true
	}
	return false
}

func (s *server) create(w http.ResponseWriter, r *http.Request, m Merchant) {
	s.command(w, r, m, http.StatusCreated, func(text []byte) (action, *problem.Problem) {
		o, bad := s.order(m, text)
		if bad != nil {
			return nil, bad
		}
		return func(tx *store.Tx) (core.Payment, []core.Effect, error) {
			var key [16]byte
			if _, err := io.ReadFull(s.Rand, key[:]); err != nil {
				return core.Payment{}, nil, err
			}
			o.FrameKey = base64.RawURLEncoding.EncodeToString(key[:])
			p, err := tx.Create(o)
			return p, nil, err
		}, nil
	})
}

// step is the action of an event on the payment that the address names.
func step(id string, m Merchant, event func(p core.Payment) core.Event) action {
	return func(tx *store.Tx) (core.Payment, []core.Effect, error) {
		p, err := tx.Payment(id)
		if p, err = own(p, err, m); err != nil {
			return p, nil, err
		}
		return tx.Step(id, event(p))
	}
}

// part is minor units of the payment's currency, nothing for all.
func part(p core.Payment, minor int64) money.Amount {
	if minor == 0 {
		return money.Amount{}
	}
	a, err := money.New(minor, p.Amount.Currency())
	if err != nil {
		return money.Zero(p.Amount.Currency())
	}
	return a
}

func (s *server) capture(w http.ResponseWriter, r *http.Request, m Merchant) {
	s.command(w, r, m, http.StatusOK, func(text []byte) (action, *problem.Problem) {
		minor, bad := partial(text)
		return step(r.PathValue("id"), m, func(p core.Payment) core.Event { return core.Capture{Amount: part(p, minor)} }), bad
	})
}

func (s *server) cancel(w http.ResponseWriter, r *http.Request, m Merchant) {
	s.command(w, r, m, http.StatusOK, func(text []byte) (action, *problem.Problem) {
		return step(r.PathValue("id"), m, func(core.Payment) core.Event { return core.Cancel{} }), nothing(text)
	})
}

func (s *server) refundPayment(w http.ResponseWriter, r *http.Request, m Merchant) {
	s.command(w, r, m, http.StatusCreated, func(text []byte) (action, *problem.Problem) {
		minor, reason, bad := s.refund(text)
		return step(r.PathValue("id"), m, func(p core.Payment) core.Event { return core.Refund{Amount: part(p, minor), Reason: reason} }), bad
	})
}

func (s *server) send(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if status >= 400 {
		h.Set("Content-Type", "application/problem+json")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
}

// fail answers with a problem; a fault of ours says nothing of its nature.
func (s *server) fail(w http.ResponseWriter, err error) {
	var p *problem.Problem
	var no *core.Refusal
	switch {
	case errors.As(err, &p):
	case errors.As(err, &no):
		p = refused(no)
	default:
		if !errors.Is(err, context.Canceled) {
			s.Log.Error("shop API", "error", err)
		}
		p = problem.New(http.StatusServiceUnavailable, "unavailable", "Not possible just now. Ask again with the same Idempotency-Key.")
		p.RetryAfter = 1
	}
	p.Write(w)
}

// refused has the words for a refusal of core.
func refused(no *core.Refusal) *problem.Problem {
	text := map[string]string{
		core.RefuseClosed:     "The payment was cancelled or has expired.",
		core.RefuseProcessing: "The bank is being asked. Ask again in a moment.",
		core.RefuseNotHeld:    "Nothing is authorised, so nothing can be captured.",
		core.RefuseCaptured:   "The payment was captured; it can be refunded.",
		core.RefuseCapturing:  "A capture is on its way to the bank.",
		core.RefuseAmount:     "The amount is larger than what is left.",
		core.RefuseZero:       "The amount must be above zero.",
		core.RefuseNoCapture:  "Nothing was captured, so nothing can be refunded.",
		core.RefuseRefunded:   "All that was captured was refunded, or is on its way back.",
		core.RefuseWindow:     "The time for refunds is over: the card number was deleted.",
	}[no.Code]
	p := problem.New(http.StatusConflict, no.Code, text)
	if no.Later {
		p.RetryAfter = 1
	}
	return p
}

// text reads a request's body within its bounds.
func text(w http.ResponseWriter, r *http.Request) ([]byte, *problem.Problem) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, problem.New(http.StatusRequestEntityTooLarge, "too_large", "The body is too large.")
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, problem.New(http.StatusUnsupportedMediaType, "media_type", "Bodies are application/json.")
	}
	return b, nil
}
