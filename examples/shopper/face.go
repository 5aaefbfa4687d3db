package shopper

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"countersign/pay/sealed"
)

// Face looks at a card as its holder does: it opens the bank's card face with a one-time ticket and a key pair of its
// own, so that only the reader of the answer sees number and code. address is the page's address with its ticket;
// rand makes the key.
func Face(ctx context.Context, client *http.Client, address string, rand io.Reader) (Card, error) {
	page, err := url.Parse(address)
	if err != nil {
		return Card{}, err
	}
	private := make([]byte, 32)
	if _, err := io.ReadFull(rand, private); err != nil {
		return Card{}, err
	}
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return Card{}, err
	}
	ticket := page.Query().Get("ticket")
	body, err := json.Marshal(map[string]string{"ticket": ticket, "public": base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes())})
	if err != nil {
		return Card{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page.Scheme+"://"+page.Host+"/card/open", bytes.NewReader(body))
	if err != nil {
		return Card{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return Card{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return Card{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return Card{}, &Refused{Status: resp.StatusCode, Body: string(b)}
	}
	return openFace(b, ticket, private)
}

func openFace(answer []byte, ticket string, private []byte) (Card, error) {
	var a struct {
		Box string `json:"box"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return Card{}, err
	}
	box, err := sealed.Parse(a.Box)
	if err != nil {
		return Card{}, err
	}
	plain, err := sealed.Open(sealed.Face, private, box, []byte("face "+ticket))
	if err != nil {
		return Card{}, err
	}
	defer clear(plain)
	var c struct {
		Number string `json:"number"`
		Expiry string `json:"expiry"`
		Code   string `json:"code"`
		Name   string `json:"name"`
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return Card{}, err
	}
	return Card{Number: []byte(c.Number), Expiry: c.Expiry, Code: []byte(c.Code), Name: c.Name}, nil
}
