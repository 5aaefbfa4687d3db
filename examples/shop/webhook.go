package shop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tolerance is how old a webhook may be.
const tolerance = 5 * time.Minute

// genuine checks a webhook's signature (Standard Webhooks 1.0): HMAC-SHA256 over id "." timestamp "." body.
func genuine(secret string, h http.Header, body []byte, now time.Time) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	at, errAt := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || errAt != nil || len(key) == 0 || now.Sub(time.Unix(at, 0)).Abs() > tolerance {
		return false
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "."))
	m.Write(body)
	for _, sig := range strings.Fields(h.Get("webhook-signature")) {
		got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sig, "v1,"))
		if err == nil && hmac.Equal(got, m.Sum(nil)) {
			return true
		}
	}
	return false
}

// webhook hears that a payment changed. It takes only the payment's id from the message and asks the API
// for the rest, so messages may come late, twice and in any order.
func (s *Shop) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || !genuine(s.WebhookSecret, r.Header, body, s.Now()) {
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	var event struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &event) != nil || event.Data.ID == "" {
		http.Error(w, "no payment id", http.StatusBadRequest)
		return
	}
	order, ok := s.orders.byPayment(event.Data.ID)
	if !ok || s.orders.heard(r.Header.Get("webhook-id")) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if _, err := s.look(r, order); err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	s.orders.hear(r.Header.Get("webhook-id"))
	w.WriteHeader(http.StatusNoContent)
}
