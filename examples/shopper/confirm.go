package shopper

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// Form is a form of a page, as it would be sent.
type Form struct {
	Action *url.URL
	Method string
	Values url.Values
	Code   string   // name of the field for a one-time code, "" when there is none
	Submit []string // "name=value" of each named button
}

// ErrChallenge: the bank's page is not what a shopper could go on with.
var ErrChallenge = errors.New("shopper: cannot go on from the bank's page")

// Challenge opens the page around the bank's confirmation and posts the CReq: what comes back is the bank's page,
// and its text.
func (p *Page) Challenge(ctx context.Context, ref string) (*Bank, error) {
	at, err := p.URL.Parse(ref)
	if err != nil {
		return nil, err
	}
	doc, _, err := p.get(ctx, at.String())
	if err != nil {
		return nil, err
	}
	for _, f := range forms(doc, at) {
		if f.Values.Has("creq") {
			return p.bankPage(ctx, f)
		}
	}
	return nil, ErrChallenge
}

// Bank is the bank's page in the shopper's hands.
type Bank struct {
	Text  string // what it says
	Forms []Form
	page  *Page
}

func (p *Page) bankPage(ctx context.Context, f Form) (*Bank, error) {
	doc, at, err := p.send(ctx, f)
	if err != nil {
		return nil, err
	}
	return &Bank{Text: text(doc), Forms: forms(doc, at), page: p}, nil
}

// Answer types a code into the bank's page and sends it.
func (b *Bank) Answer(ctx context.Context, code string) (*Bank, error) {
	for _, f := range b.Forms {
		if f.Code != "" {
			f.Values.Set(f.Code, code)
			return b.page.bankPage(ctx, f)
		}
	}
	return nil, ErrChallenge
}

// Done says whether the bank's page is the last one: it carries the CRes back to the gateway.
func (b *Bank) Done() bool { return b.final() != nil }

func (b *Bank) final() *Form {
	for i := range b.Forms {
		if b.Forms[i].Values.Has("cres") {
			return &b.Forms[i]
		}
	}
	return nil
}

// Return posts the CRes, as the last page does by itself.
func (b *Bank) Return(ctx context.Context) error {
	f := b.final()
	if f == nil {
		return ErrChallenge
	}
	_, _, err := b.page.send(ctx, *f)
	return err
}

func (p *Page) get(ctx context.Context, address string) (*html.Node, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	return p.document(req)
}

func (p *Page) send(ctx context.Context, f Form) (*html.Node, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.Action.String(), strings.NewReader(f.Values.Encode()))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.document(req)
}

func (p *Page) document(req *http.Request) (*html.Node, *url.URL, error) {
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Accept-Language", "en-GB,en;q=0.9")
	req.Header.Set("User-Agent", "countersign-shopper")
	resp, err := p.HTTP.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	doc, err := html.Parse(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode >= 400 {
		return doc, resp.Request.URL, &Refused{Status: resp.StatusCode, Body: text(doc)}
	}
	return doc, resp.Request.URL, nil
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// attribute finds the first element with an attribute.
func attribute(doc *html.Node, key string) (string, bool) {
	for n := range doc.Descendants() {
		if v, ok := attr(n, key); ok {
			return v, true
		}
	}
	return "", false
}

func text(doc *html.Node) string {
	var words []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent != nil && n.Parent.Data != "script" && n.Parent.Data != "style" {
			words = append(words, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(words, " ")
}

func forms(doc *html.Node, base *url.URL) []Form {
	var out []Form
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f := Form{Action: base, Method: "get", Values: url.Values{}}
		if a, ok := attr(n, "action"); ok {
			if u, err := base.Parse(a); err == nil {
				f.Action = u
			}
		}
		if m, ok := attr(n, "method"); ok {
			f.Method = strings.ToLower(m)
		}
		f.fields(n)
		out = append(out, f)
	}
	return out
}

func (f *Form) fields(form *html.Node) {
	for n := range form.Descendants() {
		name, named := attr(n, "name")
		if n.Type != html.ElementNode || !named {
			continue
		}
		value, _ := attr(n, "value")
		kind, _ := attr(n, "type")
		complete, _ := attr(n, "autocomplete")
		switch {
		case n.Data == "button" || kind == "submit":
			f.Submit = append(f.Submit, name+"="+value)
		case n.Data == "input" && complete == "one-time-code":
			f.Code = name
			f.Values.Set(name, value)
		case n.Data == "input":
			f.Values.Set(name, value)
		}
	}
}

// Press sends the form with one of its named buttons, such as "do=resend" or "do=cancel".
func (b *Bank) Press(ctx context.Context, button string) (*Bank, error) {
	name, value, _ := strings.Cut(button, "=")
	for _, f := range b.Forms {
		if slices.Contains(f.Submit, button) || f.Values.Get(name) == value {
			f.Values.Set(name, value)
			return b.page.bankPage(ctx, f)
		}
	}
	return nil, ErrChallenge
}

// Confirm goes through the whole confirmation with the code that arrives on the phone: it asks for another one when
// none comes, looks again while the bank is slow, and returns to the gateway. The page is the last that was shown.
func (p *Page) Confirm(ctx context.Context, ref string, phone Phone, number string, after int64) (*Bank, error) {
	bank, err := p.Challenge(ctx, ref)
	if err != nil {
		return nil, err
	}
	if !bank.Done() {
		m, err := phone.Code(ctx, number, after)
		for errors.Is(err, ErrNoMessage) {
			again, e := bank.Press(ctx, "do=resend")
			if e != nil {
				return bank, err
			}
			bank = again
			m, err = phone.Code(ctx, number, after)
		}
		if err != nil {
			return bank, err
		}
		if bank, err = bank.Answer(ctx, m.Code); err != nil {
			return nil, err
		}
	}
	for !bank.Done() {
		next, err := bank.Press(ctx, "do=look")
		if err != nil {
			return bank, err
		}
		bank = next
		select {
		case <-ctx.Done():
			return bank, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return bank, bank.Return(ctx)
}
