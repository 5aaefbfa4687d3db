package bankapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/pay/issuer/bankapi"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/store"
	"countersign/pay/ledger"
)

// stub knows one card.
type stub struct{ err error }

func (s stub) CardByIndex(context.Context, book.Index) (book.Card, book.Holder, bool, error) {
	return book.Card{}, book.Holder{}, false, s.err
}

func (s stub) Card(_ context.Context, id string) (book.Card, bool, error) {
	return book.Card{ID: "c", Holder: "h"}, id == "c", s.err
}

func (s stub) Holder(context.Context, string) (book.Holder, []ledger.Account, []book.Card, bool, error) {
	return book.Holder{}, nil, nil, false, s.err
}

func (s stub) Payments(context.Context, string, string, int) ([]store.Payment, error) {
	return nil, s.err
}

func (s stub) Events(context.Context, string, int64, int) ([]store.Event, int64, error) {
	return nil, 0, s.err
}

func (s stub) Freeze(_ context.Context, id, holder string) (book.Card, error) {
	if id != "c" || holder != "h" {
		return book.Card{}, book.ErrUnknown
	}
	return book.Card{ID: "c"}, s.err
}

func (s stub) Unfreeze(ctx context.Context, id, holder string) (book.Card, error) {
	return s.Freeze(ctx, id, holder)
}

func handler(s stub) http.Handler {
	return bankapi.New(bankapi.Config{
		Books: s, Desk: s, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Ticket: func(string) (string, string, error) { return "t", "u", s.err },
	})
}

func FuzzRequests(f *testing.F) {
	f.Add("GET", "/v1/enrolment/00112233445566778899aabbccddeeff", "")
	f.Add("POST", "/v1/cards/c/freeze", `{"holder":"h"}`)
	f.Add("POST", "/v1/cards/c/face-ticket", `{"holder":"h","x":[{}]}`)
	f.Add("GET", "/v1/holders/h/payments?limit=-1&before=%00", "")
	h := handler(stub{})
	f.Fuzz(func(t *testing.T, method, target, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || strings.HasSuffix(u.Path, "/events") {
			t.Skip()
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Method, r.URL = method, u
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") == "application/problem+json" {
			var p struct {
				Status int
				Code   string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Code == "" {
				t.Fatalf("%s", w.Body)
			}
		}
	})
}

func TestFailuresAreProblems(t *testing.T) {
	h := handler(stub{err: errors.New("disk: secret detail")})
	for _, target := range []string{"/v1/enrolment/00112233445566778899aabbccddeeff", "/v1/holders/h", "/v1/holders/h/payments", "/v1/holders/h/events"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
