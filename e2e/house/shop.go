package house

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"countersign/examples/shopper"
)

// Payment is what the shop API says of a payment.
type Payment struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Amount   int64  `json:"amount"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Order    string `json:"order"`
	FrameURL string `json:"frame_url"`
	Refunds  []struct {
		ID     string `json:"id"`
		Amount int64  `json:"amount"`
		Status string `json:"status"`
	} `json:"refunds"`
}

// API is a shop's side of the shop API.
type API struct {
	HTTP *http.Client
	URL  string
	Key  string
}

// API is the demo shop's, with its key from the data folder.
func (h *House) API() (*API, error) {
	key, err := os.ReadFile(filepath.Join(h.Data, "shop", "api-key"))
	return &API{HTTP: h.HTTP, URL: h.URL("pay"), Key: strings.TrimSpace(string(key))}, err
}

// Call makes a request; idem is the Idempotency-Key, "" for none. The raw answer is returned too.
func (a *API) Call(ctx context.Context, method, path, idem string, in, out any) (status int, raw []byte, err error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.URL+path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.Key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if idem != "" {
		req.Header.Set("Idempotency-Key", idem)
	}
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(resp.Body)
	if err == nil && out != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(raw, out)
	}
	return resp.StatusCode, raw, err
}

// Create makes a payment in euro.
func (a *API) Create(ctx context.Context, idem, order, description string, cents int64) (p Payment, err error) {
	status, raw, err := a.Call(ctx, "POST", "/v1/payments", idem, map[string]any{
		"amount": cents, "currency": "EUR", "order": order, "description": description, "capture": "automatic",
	}, &p)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("create: HTTP %d %.200s", status, raw)
	}
	return p, err
}

// Get reads a payment.
func (a *API) Get(ctx context.Context, id string) (p Payment, err error) {
	status, raw, err := a.Call(ctx, "GET", "/v1/payments/"+id, "", nil, &p)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("get: HTTP %d %.200s", status, raw)
	}
	return p, err
}

// Pay is a shopper who pays a payment with a card and the code from the SMS; the state is the last that the page saw.
func (h *House) Pay(ctx context.Context, frameURL string, c Customer, attempt string) (state string, err error) {
	page, err := shopper.Open(ctx, h.HTTP, frameURL)
	if err != nil {
		return "", err
	}
	phone := shopper.Phone{HTTP: h.HTTP, URL: h.URL("phone")}
	before, err := phone.Newest(ctx, c.Phone)
	if err != nil {
		return "", err
	}
	s, err := page.Pay(ctx, c.Card, attempt)
	if err != nil || s.State != "challenge" {
		return s.State, err
	}
	if bank, err := page.Confirm(ctx, s.URL, phone, c.Phone, before); err != nil {
		said := ""
		if bank != nil {
			said = bank.Text
		}
		return "", fmt.Errorf("%w; the bank's page says: %s", err, said)
	}
	s, err = page.Wait(ctx)
	return s.State, err
}
