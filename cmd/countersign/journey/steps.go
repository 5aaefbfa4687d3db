package journey

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/examples/shopper"
)

// candles are what is bought: two for €23.40.
const (
	candles = "candles"
	price   = 2340
)

// lookAtCard signs in to Mobile Bank and opens the card's face.
func (p *player) lookAtCard(ctx context.Context) error {
	if _, err := visit(ctx, p.holder, p.URL("bank")+"/sign-in", url.Values{}); err != nil {
		return err
	}
	available, _, err := p.mobile(ctx)
	if err != nil {
		return err
	}
	p.before = cents(available)
	page, err := visit(ctx, p.holder, p.URL("bank")+"/cards/"+p.Card+"/face", url.Values{})
	if err != nil {
		return err
	}
	face := page.attr("iframe", "src")
	if err := must(strings.HasPrefix(face, p.URL("face.bank")+"/"), "Mobile Bank shows no card face"); err != nil {
		return err
	}
	if p.card, err = shopper.Face(ctx, &http.Client{Transport: p.wire}, face, p.Rand); err != nil {
		return err
	}
	p.sees("holder", "the card %s with number, expiry date and security code, and %s to spend", mask(p.card.Number), available)
	p.sees("bank", "that a card face was opened; the answer is sealed to the key of that one page")
	if _, err := shopper.Face(ctx, &http.Client{Transport: p.wire}, face, p.Rand); err == nil {
		return errors.New("the ticket for the card face was good twice")
	}
	p.held("the ticket for the card face is good once")
	return nil
}

// placeOrder fills a basket and orders.
func (p *player) placeOrder(ctx context.Context) error {
	if _, err := visit(ctx, p.browser, p.URL("shop")+"/basket", url.Values{"item": {candles}, "count": {"2"}}); err != nil {
		return err
	}
	basket, err := visit(ctx, p.browser, p.URL("shop")+"/basket", nil)
	if err != nil {
		return err
	}
	p.order = basket.value("order")
	if err := must(p.order != "", "the basket has no order button"); err != nil {
		return err
	}
	page, err := visit(ctx, p.browser, p.URL("shop")+"/orders", url.Values{"order": {p.order}})
	if err != nil {
		return err
	}
	frame := page.attr("", "data-frame")
	if err := must(frame != "", "the shop shows no payment form"); err != nil {
		return err
	}
	u, err := url.Parse(frame)
	if err != nil {
		return err
	}
	p.payment.ID = u.Path[strings.LastIndex(u.Path, "/")+1:]
	if p.page, err = shopper.Open(ctx, &http.Client{Transport: p.wire}, frame); err != nil {
		return err
	}
	p.sees("shopper", "two beeswax candles, %s, and a form for the card inside the shop's page", euros(price))
	p.sees("shop", "order %s over %s, payment %s; no card", short(p.order), euros(price), short(p.payment.ID))
	return nil
}

// openForm looks at what the form's page carries.
func (p *player) openForm(ctx context.Context) error {
	pay, _, err := p.ask(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(
		must(pay.Status == "needs_card" && pay.Amount == price && pay.Card == nil, "the payment is %s over %d", pay.Status, pay.Amount),
		must(p.page.State == "card" && p.page.Amount == price && p.page.Payment == pay.ID, "the form is in state %q over %d", p.page.State, p.page.Amount),
		must(p.page.Vault.ID != "" && len(p.page.Ranges) > 0, "the form has no keys to seal to"),
	); err != nil {
		return err
	}
	p.sees("shopper", "the form for number, expiry, name and code; it seals the number to %s (gateway) and the code to %s (bank)", p.page.Vault.ID, p.page.Ranges[0].KeyID)
	p.sees("shop", "a frame of another origin that it cannot look into")
	p.sees("gateway", "payment %s waits for a card", short(pay.ID))
	wrong := *p.page.URL
	q := wrong.Query()
	q.Set("key", strings.Repeat("A", len(q.Get("key"))))
	wrong.RawQuery = q.Encode()
	if _, err := shopper.Open(ctx, &http.Client{Transport: p.wire}, wrong.String()); err == nil {
		return errors.New("the form opens with a wrong key")
	}
	p.held("the form does not open without its key")
	return nil
}

// attempt makes the nonce of one click.
func (p *player) attempt() (string, error) {
	var b [12]byte
	_, err := io.ReadFull(p.Rand, b[:])
	return hex.EncodeToString(b[:]), err
}

// sendCard seals and sends the card; first with a changed box.
func (p *player) sendCard(ctx context.Context) error {
	nonce, err := p.attempt()
	if err != nil {
		return err
	}
	bad, err := p.page.Seal(p.card, nonce)
	if err != nil {
		return err
	}
	bad.Number = flip(bad.Number)
	s, err := p.page.Send(ctx, bad)
	var refused *shopper.Refused
	if err == nil && s.State != "card" || err != nil && !errors.As(err, &refused) {
		return errors.Join(errors.New("a changed box was taken"), err)
	}
	p.held("a box with one changed character does not open")
	if nonce, err = p.attempt(); err != nil {
		return err
	}
	box, err := p.page.Seal(p.card, nonce)
	if err != nil {
		return err
	}
	if p.state, err = p.page.Send(ctx, box); err != nil {
		return err
	}
	if err := must(p.state.State == "challenge", "after the card the form is in state %q", p.state.State); err != nil {
		return err
	}
	again, err := p.page.Send(ctx, box)
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	p.held("the same click twice is one attempt (second answer: %s)", orRefused(again.State))
	p.sees("shopper", "that the bank now asks for a confirmation")
	p.sees("shop", "nothing new")
	p.sees("gateway", "the number %s, which it opens in its vault; the code only as %d characters that it cannot open", mask(p.card.Number), len(box.Code))
	p.sees("bank", "an AReq over the 3DS directory: card, %s, %s", p.Shop, euros(price))
	return nil
}

// confirm answers the bank's page, once wrongly, then with the code from the SMS.
func (p *player) confirm(ctx context.Context) error {
	bank, message, err := p.challenge(ctx, p.page, p.state)
	if err != nil {
		return err
	}
	last4 := string(p.card.Number[len(p.card.Number)-4:])
	for _, want := range []string{p.Shop, "23.40", last4} {
		if err := errors.Join(must(strings.Contains(bank.Text, want), "the bank's page does not say %q", want),
			must(strings.Contains(message.Text, want), "the SMS does not say %q", want)); err != nil {
			return err
		}
	}
	p.sees("holder", "on the bank's page and in the SMS: %s, %s, card ending in %s", p.Shop, euros(price), last4)
	bank, err = bank.Answer(ctx, otherCode(message.Code))
	if err != nil {
		return err
	}
	if err := must(!bank.Done(), "a wrong SMS code ended the confirmation"); err != nil {
		return err
	}
	p.held("a wrong SMS code is refused; two tries are left")
	if bank, err = bank.Answer(ctx, message.Code); err != nil {
		return err
	}
	if err := must(bank.Done(), "the right SMS code did not end the confirmation: %s", bank.Text); err != nil {
		return err
	}
	p.sees("bank", "the right code for this payment; it tells the gateway through the directory (RReq), with a proof bound to card, shop and amount")
	p.sees("shop", "nothing of the SMS")
	return bank.Return(ctx)
}

// challenge opens the bank's page and waits for its SMS.
func (p *player) challenge(ctx context.Context, page *shopper.Page, s shopper.State) (*shopper.Bank, shopper.Message, error) {
	phone := shopper.Phone{HTTP: &http.Client{Transport: p.wire}, URL: p.URL("phone")}
	seen, err := phone.Newest(ctx, p.Phone)
	if err != nil {
		return nil, shopper.Message{}, err
	}
	bank, err := page.Challenge(ctx, s.URL)
	if err != nil {
		return nil, shopper.Message{}, err
	}
	m, err := phone.Code(ctx, p.Phone, seen)
	return bank, m, err
}

// shopLearns waits for the money and reads what the shop is told.
func (p *player) shopLearns(ctx context.Context) error {
	s, err := p.page.Wait(ctx)
	if err != nil {
		return err
	}
	if err := must(s.State == "paid", "the payment ended in state %q", s.State); err != nil {
		return err
	}
	pay, raw, err := p.until(ctx, func(x payment) bool { return x.Captured == price })
	if err != nil {
		return err
	}
	page, err := visit(ctx, p.browser, p.URL("shop")+"/orders/"+p.order, nil)
	if err != nil {
		return err
	}
	last4 := string(p.card.Number[len(p.card.Number)-4:])
	if err := errors.Join(
		must(pay.Card != nil && pay.Card.Last4 == last4 && pay.Card.Holder != "", "the shop API does not name card and holder"),
		must(strings.Contains(page.text, last4), "the order's page does not show the masked card"),
		must(page.attr("dd", "data-state") == "captured" || page.attr("dd", "data-state") == "authorised", "the order's page says %q", page.attr("dd", "data-state")),
		must(!forms(p.card.Number).in(raw) && !forms(p.card.Number).in(page.raw), "the shop is told the card number"),
	); err != nil {
		return err
	}
	p.sees("shopper", "thank you, it is on its way")
	p.sees("shop", "paid %s by %s •••• %s, %s; nothing more of the card", euros(pay.Captured), pay.Card.Brand, pay.Card.Last4, pay.Card.Holder)
	p.sees("gateway", "approval, hold and capture; the sealed code is dropped")
	p.sees("bank", "code right, proof right, money there: hold placed, then taken")
	return nil
}

// until reads the payment until it is as wanted.
func (p *player) until(ctx context.Context, good func(payment) bool) (payment, []byte, error) {
	for {
		pay, raw, err := p.ask(ctx)
		if err != nil || good(pay) {
			return pay, raw, err
		}
		select {
		case <-ctx.Done():
			return pay, raw, errors.New("the payment stays " + pay.Status)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
