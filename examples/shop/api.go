package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// API talks to the gateway's shop API.
type API struct {
	Base   string // "https://pay.example"
	Key    string // "csk_…"
	Client *http.Client
}

// Payment is what a shop may know of a payment.
type Payment struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Amount   int64  `json:"amount"` // minor units, as all amounts
	Currency string `json:"currency"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Refunds  []struct {
		Amount int64  `json:"amount"`
		Status string `json:"status"` // "pending" until the bank has answered, "succeeded"
	} `json:"refunds"`
	Card *struct {
		Brand  string `json:"brand"`
		Last4  string `json:"last4"`
		Holder string `json:"holder"`
	} `json:"card"`
	Declined *struct {
		Message string `json:"message"`
	} `json:"declined"`
	FrameURL string `json:"frame_url"`
	PayURL   string `json:"pay_url"`
}

// Refusal is a problem+json answer (RFC 9457).
type Refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Error is the refusal in words.
func (r *Refusal) Error() string {
	if r.Detail != "" {
		return r.Detail
	}
	return r.Title
}

// Create makes a payment for an order. The order's id is the idempotency key: asked twice, there is one payment.
func (a API) Create(ctx context.Context, o Order, returnURL string) (Payment, error) {
	return a.call(ctx, "POST", "/v1/payments", "create-"+o.ID, map[string]any{
		"amount": o.Total, "currency": Currency, "order": o.ID, "description": fmt.Sprintf("Lantern Lane, %d things", count(o.Lines)),
		"capture": "automatic", "return_url": returnURL,
	})
}

// Get reads a payment.
func (a API) Get(ctx context.Context, id string) (Payment, error) {
	return a.call(ctx, "GET", "/v1/payments/"+id, "", nil)
}

// Cancel gives up a payment.
func (a API) Cancel(ctx context.Context, id string) (Payment, error) {
	return a.call(ctx, "POST", "/v1/payments/"+id+"/cancel", "cancel-"+id, map[string]any{})
}

// Refund gives back some of what was captured; the key makes a double click one refund.
func (a API) Refund(ctx context.Context, id, key string, amount int64) error {
	_, err := a.call(ctx, "POST", "/v1/payments/"+id+"/refunds", key, map[string]any{"amount": amount, "reason": "requested by the customer"})
	return err
}

// call asks, and asks again with the same key while the first asking is still being worked on or got no answer: the
// key makes that harmless.
func (a API) call(ctx context.Context, method, path, key string, body any) (Payment, error) {
	for try := 1; ; try++ {
		p, err := a.once(ctx, method, path, key, body)
		var no *Refusal
		busy := errors.As(err, &no) && (no.Code == "idempotency_key_in_use" || no.Status == http.StatusServiceUnavailable)
		if err == nil || !busy && no != nil || try == 5 {
			return p, err
		}
		select {
		case <-ctx.Done():
			return p, err
		case <-time.After(time.Duration(try) * 150 * time.Millisecond):
		}
	}
}

func (a API) once(ctx context.Context, method, path, key string, body any) (Payment, error) {
	var p Payment
	data, err := json.Marshal(body)
	if err != nil {
		return p, err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.Base+path, bytes.NewReader(data))
	if err != nil {
		return p, err
	}
	req.Header.Set("Authorization", "Bearer "+a.Key)
	req.Header.Set("Accept", "application/json")
	if method == "POST" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := a.Client.Do(req)
	if err != nil {
		return p, fmt.Errorf("the payment service does not answer: %w", err)
	}
	defer res.Body.Close()
	data, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return p, err
	}
	if res.StatusCode >= 400 {
		r := &Refusal{Status: res.StatusCode}
		if json.Unmarshal(data, r) != nil || r.Error() == "" {
			return p, errors.New("the payment service answered " + res.Status)
		}
		return p, r
	}
	return p, json.Unmarshal(data, &p)
}
