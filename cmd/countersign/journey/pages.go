package journey

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// maxBody bounds what is read of an answer.
const maxBody = 2 << 20

// recorder keeps all bodies that go over the wire, to search them for the card number.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  bytes.Buffer
}

// RoundTrip sends a request and keeps both bodies.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.keep([]byte(req.URL.String()))
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
		r.keep(b)
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(b))
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	resp.Body.Close()
	r.keep(b)
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp, err
}

func (r *recorder) keep(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Write(b)
	r.all.WriteByte('\n')
}

// document is an HTML answer.
type document struct {
	*html.Node
	url  *url.URL
	text string
	raw  []byte
}

func (d *document) attr(tag, name string) string {
	for n := range d.Descendants() {
		if n.Type != html.ElementNode || tag != "" && n.Data != tag {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
	}
	return ""
}

// value is the value of an input by its name.
func (d *document) value(name string) string {
	for n := range d.Descendants() {
		if n.Data != "input" {
			continue
		}
		found, value := false, ""
		for _, a := range n.Attr {
			found = found || a.Key == "name" && a.Val == name
			if a.Key == "value" {
				value = a.Val
			}
		}
		if found {
			return value
		}
	}
	return ""
}

// visit opens a page, or sends a form when there are values.
func visit(ctx context.Context, c *http.Client, address string, form url.Values) (*document, error) {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("User-Agent", "countersign-journey")
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers HTTP %d", bare(resp.Request.URL), resp.StatusCode)
	}
	n, err := html.Parse(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return &document{n, resp.Request.URL, words(n), raw}, nil
}

// bare is an address without its query, which may carry a key.
func bare(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

func words(doc *html.Node) string {
	var out []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent != nil && n.Parent.Data != "script" && n.Parent.Data != "style" {
			out = append(out, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(out, " ")
}

// payment is what the shop API tells a shop.
type payment struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Order    string `json:"order"`
	Card     *struct {
		Brand  string `json:"brand"`
		Last4  string `json:"last4"`
		Holder string `json:"holder"`
	} `json:"card"`
	Declined *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"declined"`
}

// api asks the shop API and decodes the answer, unless into is nil.
func (p *player) api(ctx context.Context, key, method, path, idempotency string, body, into any) (status int, raw []byte, err error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL("pay")+path, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", idempotency)
	}
	c := &http.Client{Transport: p.wire, Timeout: p.HTTP.Timeout}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(io.LimitReader(resp.Body, maxBody)); err != nil {
		return resp.StatusCode, nil, err
	}
	if into != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(raw, into)
	}
	return resp.StatusCode, raw, err
}

// ask reads the payment as the shop.
func (p *player) ask(ctx context.Context) (payment, []byte, error) {
	var pay payment
	status, raw, err := p.api(ctx, p.APIKey, "GET", "/v1/payments/"+p.payment.ID, "", nil, &pay)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the shop API answers HTTP %d", status)
	}
	return pay, raw, err
}

// bankRow is a payment as Mobile Bank shows it.
type bankRow struct {
	Merchant string `json:"merchant"`
	Amount   string `json:"amount"`
	Last4    string `json:"last4"`
	Status   string `json:"status"`
	Reason   string `json:"reason"`
}

// mobile reads Mobile Bank: what can be spent, as it is written there, and the payments.
func (p *player) mobile(ctx context.Context) (available string, rows []bankRow, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL("bank")+"/state.json", nil)
	if err != nil {
		return "", nil, err
	}
	resp, err := p.holder.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("Mobile Bank answers HTTP %d", resp.StatusCode)
	}
	var s struct {
		Cards []struct {
			ID        string `json:"id"`
			Available string `json:"available"`
		} `json:"cards"`
		Payments []bankRow `json:"payments"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return "", nil, err
	}
	for _, c := range s.Cards {
		if c.ID == p.Card {
			return c.Available, s.Payments, nil
		}
	}
	return "", nil, fmt.Errorf("Mobile Bank does not show card %s", p.Card)
}
