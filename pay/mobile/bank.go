package mobile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Errors of the bank's answers.
var (
	errNone  = errors.New("mobile: the bank has no such thing")
	errState = errors.New("mobile: the card's status does not allow this")
)

// holder is what the bank tells of its customer.
type holder struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Accounts []account `json:"accounts"`
	Cards    []cardRow `json:"cards"`
}

// account is an account, in minor units.
type account struct {
	ID        string `json:"id"`
	Currency  string `json:"currency"`
	Posted    int64  `json:"posted"`
	Held      int64  `json:"held"`
	Available int64  `json:"available"`
}

// cardRow is a card as its holder's app may know it.
type cardRow struct {
	ID      string `json:"id"`
	Last4   string `json:"last4"`
	Brand   string `json:"brand"`
	Name    string `json:"name"`
	Expiry  string `json:"expiry"` // YYMM
	Status  string `json:"status"` // active, frozen, closed, expired
	Account string `json:"account"`
	Lock    string `json:"lock"`
	Limit   int64  `json:"limit"`
}

// payment is one try to pay.
type payment struct {
	ID       string    `json:"id"`
	Last4    string    `json:"last4"`
	Merchant string    `json:"merchant"`
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"`
	Captured int64     `json:"captured"`
	Refunded int64     `json:"refunded"`
	Status   string    `json:"status"`
	Response string    `json:"response"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

// bank asks issuer.bank.
type bank struct{ http *http.Client }

const answerTime = 5 * time.Second

func newBank(dial func(context.Context) (net.Conn, error)) *bank {
	return &bank{&http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}}
}

func (b *bank) holder(ctx context.Context, id string) (h holder, err error) {
	return h, b.call(ctx, http.MethodGet, "/v1/holders/"+url.PathEscape(id), nil, &h)
}

func (b *bank) payments(ctx context.Context, id string, limit int) ([]payment, error) {
	var out struct {
		Items []payment `json:"items"`
	}
	err := b.call(ctx, http.MethodGet, fmt.Sprintf("/v1/holders/%s/payments?limit=%d", url.PathEscape(id), limit), nil, &out)
	return out.Items, err
}

// setFrozen freezes or unfreezes a card of the holder.
func (b *bank) setFrozen(ctx context.Context, holder, card string, frozen bool) error {
	what := "unfreeze"
	if frozen {
		what = "freeze"
	}
	return b.call(ctx, http.MethodPost, "/v1/cards/"+url.PathEscape(card)+"/"+what, map[string]string{"holder": holder}, nil)
}

// face asks for one look at the card's face and gives the address of the page.
func (b *bank) face(ctx context.Context, holder, card string) (string, error) {
	var out struct {
		URL string `json:"url"`
	}
	err := b.call(ctx, http.MethodPost, "/v1/cards/"+url.PathEscape(card)+"/face-ticket", map[string]string{"holder": holder}, &out)
	return out.URL, err
}

// events opens the stream of what happens to a holder; the caller closes it.
func (b *bank) events(ctx context.Context, id, last string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+toBank+"/v1/holders/"+url.PathEscape(id)+"/events", nil)
	if err != nil {
		return nil, err
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("mobile: the bank answered %d", resp.StatusCode)
	}
	return resp.Body, nil
}

func (b *bank) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+toBank+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound:
		return errNone
	case resp.StatusCode == http.StatusConflict:
		return errState
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("mobile: the bank answered %d", resp.StatusCode)
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}
