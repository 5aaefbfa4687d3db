// Package shopper is a shopper without a browser: it opens the card frame's page, seals number and code as the
// page's script does, posts what the pages' forms would post, reads the SMS code from the demo phone, and waits for
// the answer. `countersign demo --once`, the canary, the kill loop and the benchmarks pay with it; the browser tests
// do the same in Chromium.
package shopper

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/pay/money"
	"countersign/pay/sealed"
)

// Card is what is printed on a card.
type Card struct {
	Number []byte // ASCII digits
	Expiry string // YYMM
	Code   []byte // ASCII digits
	Name   string
}

// Page is the card frame (or the hosted page) of one payment, opened.
type Page struct {
	HTTP *http.Client
	URL  *url.URL
	Config
}

// Config is what the page tells its script.
type Config struct {
	Payment   string   `json:"payment"`
	Acceptor  string   `json:"acceptor"`
	Amount    int64    `json:"amount"`
	Currency  string   `json:"currency"`
	State     string   `json:"state"`
	Vault     Key      `json:"vault"`
	Ranges    []Range  `json:"ranges"`
	Submit    string   `json:"submit"`
	Status    string   `json:"status"`
	Challenge string   `json:"challenge"`
	Problem   *Problem `json:"problem"`
}

// Key is a public key of the page.
type Key struct {
	ID     string `json:"id"`
	Public string `json:"public"` // base64url
}

// Range is a card range and the key of its bank; Start and End have 19 digits.
type Range struct {
	Start  string `json:"start"`
	End    string `json:"end"`
	KeyID  string `json:"key_id"`
	Public string `json:"public"`
}

// Problem is why the card form is shown again.
type Problem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// State is an answer of the gateway to the page.
type State struct {
	State   string   `json:"state"` // card, challenge, processing, paid, closed
	URL     string   `json:"url"`
	Problem *Problem `json:"problem"`
}

// ErrNoRange: no bank of the page's list has this card.
var ErrNoRange = errors.New("shopper: no bank here has this card")

// Open gets a frame_url or pay_url and reads what the page tells its script.
func Open(ctx context.Context, client *http.Client, address string) (*Page, error) {
	p := &Page{HTTP: client}
	var err error
	if p.URL, err = url.Parse(address); err != nil {
		return nil, err
	}
	doc, _, err := p.get(ctx, address)
	if err != nil {
		return nil, err
	}
	text, ok := attribute(doc, "data-config")
	if !ok {
		return nil, errors.New("shopper: the page has no data-config")
	}
	return p, json.Unmarshal([]byte(text), &p.Config)
}

// Sealed is what the page sends: both boxes and the name.
type Sealed struct {
	Number  string         `json:"number"`
	Code    string         `json:"code"`
	Name    string         `json:"name"`
	Attempt string         `json:"attempt"`
	Browser map[string]any `json:"browser"`
}

// Seal does what the page's script does: the number to the vault's key, the code to the bank's.
func (p *Page) Seal(c Card, attempt string) (Sealed, error) {
	cur, err := money.ByAlpha(p.Currency)
	if err != nil {
		return Sealed{}, err
	}
	amount, err := money.New(p.Amount, cur)
	if err != nil {
		return Sealed{}, err
	}
	to := sealed.Context{Payment: p.Payment, Merchant: p.Acceptor, Amount: amount}
	number := make([]byte, 0, sealed.NumberSize)
	number = append(append(append(number, c.Number...), 'D'), c.Expiry...)
	nbox, err := seal(sealed.Number, p.Vault.ID, p.Vault.Public, to.NumberAAD(), pad(number, sealed.NumberSize))
	if err != nil {
		return Sealed{}, err
	}
	bank, err := p.bank(c.Number)
	if err != nil {
		return Sealed{}, err
	}
	code := pad(append([]byte(nil), c.Code...), sealed.CodeSize)
	cbox, err := seal(sealed.Code, bank.KeyID, bank.Public, to.AppendCodeAAD(nil, c.Number, c.Expiry), code)
	return Sealed{Number: nbox, Code: cbox, Name: c.Name, Attempt: attempt, Browser: map[string]any{
		"language": "en-GB", "colorDepth": 24, "height": 844, "width": 390, "tz": -60, "java": false,
	}}, err
}

func pad(b []byte, n int) []byte {
	for len(b) < n {
		b = append(b, 0)
	}
	return b
}

func seal(k sealed.Kind, id, public string, aad, plain []byte) (string, error) {
	key, err := base64.RawURLEncoding.DecodeString(public)
	if err != nil {
		return "", err
	}
	box, err := sealed.Seal(k, id, key, aad, plain)
	return box.String(), err
}

func (p *Page) bank(number []byte) (Range, error) {
	n := string(number) + strings.Repeat("0", 19-len(number))
	for _, r := range p.Ranges {
		if r.Start <= n && n <= r.End {
			return r, nil
		}
	}
	return Range{}, ErrNoRange
}

// Pay seals and sends the card; attempt is the click's nonce.
func (p *Page) Pay(ctx context.Context, c Card, attempt string) (State, error) {
	body, err := p.Seal(c, attempt)
	if err != nil {
		return State{}, err
	}
	return p.Send(ctx, body)
}

// Send posts sealed card data.
func (p *Page) Send(ctx context.Context, s Sealed) (State, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return State{}, err
	}
	return p.state(ctx, http.MethodPost, p.Submit, bytes.NewReader(body))
}

// Now asks where the payment stands.
func (p *Page) Now(ctx context.Context) (State, error) {
	return p.state(ctx, http.MethodGet, p.Status, nil)
}

// Wait asks until the payment is paid, closed, or needs the shopper.
func (p *Page) Wait(ctx context.Context) (State, error) {
	for {
		s, err := p.Now(ctx)
		if err != nil || s.State != "processing" {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *Page) state(ctx context.Context, method, ref string, body io.Reader) (State, error) {
	to, err := p.URL.Parse(ref)
	if err != nil {
		return State{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return State{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "countersign-shopper")
	resp, err := p.HTTP.Do(req)
	if err != nil {
		return State{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return State{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return State{}, &Refused{Status: resp.StatusCode, Body: string(b)}
	}
	var s State
	return s, json.Unmarshal(b, &s)
}

// Refused is an answer other than 200.
type Refused struct {
	Status int
	Body   string
}

// Error says the status and the body, which never holds card data.
func (r *Refused) Error() string { return fmt.Sprintf("shopper: HTTP %d: %.300s", r.Status, r.Body) }
