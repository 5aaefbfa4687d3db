package merchant

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/internal/problem"
	"countersign/pay/checkout/store"
)

// action is what a command does inside the commit.
type action func(tx *store.Tx) (core.Payment, []core.Effect, error)

// errReplay ends a write that found its answer kept.
var errReplay = errors.New("merchant: answered before")

// command runs a POST once per idempotency key: effect and answer are one commit. Asked again, the same bytes
// come back. While it runs, the same key gets 409; with another request, 422.
func (s *server) command(w http.ResponseWriter, r *http.Request, m Merchant, status int, prepare func(text []byte) (action, *problem.Problem)) {
	key := r.Header.Get("Idempotency-Key")
	bad := checkKey(key)
	if bad == nil && strings.Trim(key, "0123456789-.") == "" && s.CardLike(key) { // it would be kept as it is
		bad = problem.New(http.StatusBadRequest, "idempotency_key_invalid", "An Idempotency-Key is a fresh random text, not a card number.")
	}
	if bad != nil {
		bad.Write(w)
		return
	}
	in, bad := text(w, r)
	if bad != nil {
		bad.Write(w)
		return
	}
	slot := m.ID + "\x00" + key
	if !s.begin(slot) {
		p := problem.New(http.StatusConflict, "idempotency_key_in_use", "A request with this Idempotency-Key is being worked on.")
		p.RetryAfter = 1
		p.Write(w)
		return
	}
	defer s.end(slot)
	request := fingerprint(r, in)
	run, bad := prepare(in)
	kept, err := s.once(r, m, key, request, status, run, bad)
	switch {
	case err == nil:
		s.send(w, kept.Status, kept.Body)
	case errors.Is(err, errReplay):
		w.Header().Set("Idempotent-Replayed", "true")
		s.send(w, kept.Status, kept.Body)
	default:
		s.fail(w, err)
	}
}

// once looks the key up, and if it is new, acts and keeps the answer. A request that could not even be read
// keeps nothing.
func (s *server) once(r *http.Request, m Merchant, key string, request [32]byte, status int, run action, bad *problem.Problem) (store.Kept, error) {
	var kept store.Kept
	var p core.Payment
	var effects []core.Effect
	err := s.Store.Write(r.Context(), func(tx *store.Tx) error {
		var err error
		if kept, err = tx.Kept(m.ID, key); err == nil {
			if kept.Request != request {
				return problem.New(http.StatusUnprocessableEntity, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
			}
			return errReplay
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if bad != nil {
			return bad
		}
		p, effects, err = run(tx)
		kept = store.Kept{Request: request, Status: status}
		var no *core.Refusal
		switch {
		case errors.As(err, &no) && !no.Later: // a definite no is an answer like any other
			refusal := refused(no)
			kept.Status, kept.Body, effects = refusal.Status, refusal.Body(), nil
		case err != nil:
			return err
		default:
			kept.Body = body(view(p, s.Origin))
		}
		return tx.Keep(m.ID, key, p.ID, kept)
	})
	if err == nil {
		s.After(p, effects)
	}
	return kept, err
}

func (s *server) begin(slot string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flying[slot] {
		return false
	}
	s.flying[slot] = true
	return true
}

func (s *server) end(slot string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flying, slot)
}

// fingerprint is SHA-256 of method, path and body. None of them can hold card data: free texts with card
// numbers are refused before anything is kept.
func fingerprint(r *http.Request, text []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(r.Method + " " + r.URL.Path + "\n"))
	h.Write(text)
	return [32]byte(h.Sum(nil))
}

func checkKey(key string) *problem.Problem {
	if key == "" {
		return problem.New(http.StatusBadRequest, "idempotency_key_required", "Every POST needs an Idempotency-Key header, fresh for each intention.")
	}
	for _, c := range []byte(key) {
		if c < 0x21 || c > 0x7e || len(key) > 255 {
			return problem.New(http.StatusBadRequest, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 visible ASCII characters.")
		}
	}
	return nil
}
