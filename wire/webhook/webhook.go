// Package webhook signs and verifies webhooks as Standard Webhooks 1.0 has them: headers webhook-id,
// webhook-timestamp and webhook-signature, HMAC-SHA256 over id "." timestamp "." body.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp" // unix seconds
	HeaderSignature = "Webhook-Signature" // "v1," and base64, several separated by spaces
)

// Tolerance is how far a message's time may be from now.
const Tolerance = 5 * time.Minute

const (
	prefix    = "whsec_"
	version   = "v1,"
	minSecret = 24 // bytes, by the standard
	maxSecret = 64
)

var (
	// ErrSecret: not a secret: "whsec_" and 24 to 64 bytes in base64.
	ErrSecret = errors.New("webhook: not a signing secret")
	// ErrHeaders: a header is missing or ill-formed.
	ErrHeaders = errors.New("webhook: headers missing or ill-formed")
	// ErrTime: the message is too old, or from the future.
	ErrTime = errors.New("webhook: outside of the time tolerance")
	// ErrSignature: no signature fits.
	ErrSignature = errors.New("webhook: no signature fits")
)

// Signer holds the secrets of one endpoint. During a change of secrets there are two: messages carry both
// signatures, and either is accepted.
type Signer struct{ keys [][]byte }

// New reads one or more secrets, separated by spaces.
func New(secrets string) (*Signer, error) {
	s := &Signer{}
	for _, text := range strings.Fields(secrets) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, prefix))
		if err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, ErrSecret
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 {
		return nil, ErrSecret
	}
	return s, nil
}

// NewSecret writes a secret for 24 to 64 random bytes.
func NewSecret(random []byte) (string, error) {
	if len(random) < minSecret || len(random) > maxSecret {
		return "", ErrSecret
	}
	return prefix + base64.StdEncoding.EncodeToString(random), nil
}

func sign(key []byte, id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id))
	m.Write([]byte{'.'})
	m.Write([]byte(timestamp))
	m.Write([]byte{'.'})
	m.Write(body)
	return m.Sum(nil)
}

// Sign sets the three headers for a message that is sent at the given time. The id stays the same for all
// tries of one message; it must not contain a full stop.
func (s *Signer) Sign(h http.Header, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	list := make([]string, len(s.keys))
	for i, k := range s.keys {
		list[i] = version + base64.StdEncoding.EncodeToString(sign(k, id, timestamp, body))
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(list, " "))
}

// Verify checks a message that was received now. Receivers must also remember ids: a message may come twice.
func (s *Signer) Verify(h http.Header, body []byte, now time.Time) error {
	id, timestamp, list := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || list == "" || err != nil || len(list) > 4096 {
		return ErrHeaders
	}
	at := time.Unix(seconds, 0)
	if at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return ErrTime
	}
	for _, text := range strings.Fields(list) {
		b64, ok := strings.CutPrefix(text, version)
		if !ok {
			continue // of a version that this package does not know
		}
		got, err := base64.StdEncoding.DecodeString(b64)
		if err != nil {
			continue
		}
		for _, k := range s.keys {
			if hmac.Equal(got, sign(k, id, timestamp, body)) {
				return nil
			}
		}
	}
	return ErrSignature
}
