package journey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/examples/shopper"
)

// bankShows reads Mobile Bank.
func (p *player) bankShows(ctx context.Context) error {
	row, available, err := p.bankUntil(ctx, func(r bankRow, left int64) bool { return r.Status == "Paid" && left == p.before-price })
	if err != nil {
		return err
	}
	if err := must(p.named(row.Merchant), "the bank names another shop: %s", row.Merchant); err != nil {
		return err
	}
	p.sees("holder", "%s to %s: %s; %s left", row.Amount, row.Merchant, row.Status, available)
	return nil
}

// named says whether a name at the bank is the shop's. ISO 8583 DE 43 is ASCII: other letters arrive as their nearest.
func (p *player) named(name string) bool {
	ascii := strings.IndexFunc(p.Shop, func(r rune) bool { return r > '~' }) < 0
	return strings.Contains(name, p.Shop) || !ascii && len(name) > 0 && name[:1] == p.Shop[:1]
}

// bankUntil waits until the newest payment at the bank is as wanted.
func (p *player) bankUntil(ctx context.Context, good func(r bankRow, left int64) bool) (bankRow, string, error) {
	for {
		available, rows, err := p.mobile(ctx)
		if err != nil {
			return bankRow{}, "", err
		}
		var row bankRow
		if len(rows) > 0 {
			row = rows[0]
		}
		if good(row, cents(available)) {
			return row, available, nil
		}
		select {
		case <-ctx.Done():
			return row, available, fmt.Errorf("the bank shows %q and %s", row.Status, available)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// refund gives back €5.00 and then the rest, at the shop's desk.
func (p *player) refund(ctx context.Context) error {
	desk := p.URL("shop") + "/desk/" + p.order
	page, err := visit(ctx, p.browser, desk, nil)
	if err != nil {
		return err
	}
	if _, err := visit(ctx, p.browser, desk+"/refund", url.Values{"nonce": {page.value("nonce")}, "amount": {"5.00"}}); err != nil {
		return err
	}
	if _, _, err = p.until(ctx, func(x payment) bool { return x.Refunded == 500 }); err != nil {
		return err
	}
	if _, _, err = p.bankUntil(ctx, func(r bankRow, left int64) bool { return left == p.before-price+500 }); err != nil {
		return err
	}
	p.held("a part of it: €5.00 is back on the account")
	if page, err = visit(ctx, p.browser, desk, nil); err != nil {
		return err
	}
	if _, err := visit(ctx, p.browser, desk+"/refund", url.Values{"nonce": {page.value("nonce") + "-all"}, "all": {"1"}}); err != nil {
		return err
	}
	pay, _, err := p.until(ctx, func(x payment) bool { return x.Refunded == price && x.Status == "refunded" })
	if err != nil {
		return err
	}
	row, available, err := p.bankUntil(ctx, func(r bankRow, left int64) bool { return r.Status == "Refunded" && left == p.before })
	if err != nil {
		return err
	}
	p.held("the rest: %s is back, not a cent more or less", euros(price))
	p.sees("shop", "refunded %s of %s", euros(pay.Refunded), euros(pay.Captured))
	p.sees("holder", "%s: %s; %s to spend, as before", row.Merchant, row.Status, available)
	return nil
}

// strangers tries what must not work.
func (p *player) strangers(ctx context.Context) error {
	path := "/v1/payments/" + p.payment.ID
	for _, t := range []struct {
		what, key, method, path string
		body                    any
		want                    int
	}{
		{"another shop asks for this payment", p.OtherKey, "GET", path, nil, http.StatusNotFound},
		{"another shop refunds it", p.OtherKey, "POST", path + "/refunds", map[string]any{"amount": 100}, http.StatusNotFound},
		{"an unknown API key", "csk_" + strings.Repeat("A", 43), "GET", path, nil, http.StatusUnauthorized},
		{"no such payment", p.APIKey, "GET", "/v1/payments/pay_00000000000000000000000000", nil, http.StatusNotFound},
		{"more back than was paid", p.APIKey, "POST", path + "/refunds", map[string]any{"amount": 1}, 0},
	} {
		nonce, err := p.attempt()
		if err != nil {
			return err
		}
		status, _, err := p.api(ctx, t.key, t.method, t.path, nonce, t.body, nil)
		if err != nil {
			return err
		}
		ok := status == t.want || t.want == 0 && status >= 400 && status < 500
		if err := must(ok, "%s: HTTP %d", t.what, status); err != nil {
			return err
		}
		p.held("%s: refused (%d)", t.what, status)
	}
	if err := p.idempotent(ctx); err != nil {
		return err
	}
	return p.replay(ctx)
}

// idempotent creates a payment twice under one key.
func (p *player) idempotent(ctx context.Context) error {
	nonce, err := p.attempt()
	if err != nil {
		return err
	}
	create := func(amount int64) (int, []byte, error) {
		return p.api(ctx, p.APIKey, "POST", "/v1/payments", nonce, map[string]any{
			"amount": amount, "currency": "EUR", "order": "once-" + nonce, "description": "asked twice", "capture": "automatic", "return_url": p.URL("shop") + "/",
		}, nil)
	}
	s1, one, err1 := create(100)
	s2, two, err2 := create(100)
	s3, _, err3 := create(200)
	if err := errors.Join(err1, err2, err3, must(s1 == http.StatusCreated, "a payment is created with HTTP %d", s1),
		must(s1 == s2 && bytes.Equal(one, two), "asked twice, two different answers"),
		must(s3 == http.StatusUnprocessableEntity, "the same key with other content: HTTP %d", s3)); err != nil {
		return err
	}
	p.held("the same request twice is one payment, with one answer; with other content it is refused (%d)", s3)
	return nil
}

// replay sends the card again to a payment that is over.
func (p *player) replay(ctx context.Context) error {
	nonce, err := p.attempt()
	if err != nil {
		return err
	}
	s, err := p.page.Pay(ctx, p.card, nonce)
	var refused *shopper.Refused
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	if err := must(s.State != "challenge" && s.State != "processing", "a finished payment takes a card again"); err != nil {
		return err
	}
	if _, _, err := p.bankUntil(ctx, func(r bankRow, left int64) bool { return left == p.before }); err != nil {
		return err
	}
	p.held("the card sent again to the finished payment moves no money (%s)", orRefused(s.State))
	return nil
}

// wrongCode orders once more and types a security code that is wrong by one.
func (p *player) wrongCode(ctx context.Context) error {
	if !p.Wrong {
		return errSkip
	}
	keep := *p.step
	if err := p.placeOrder(ctx); err != nil {
		return err
	}
	*p.step = keep // its sights were told before
	card := p.card
	card.Code = []byte(otherCode(string(p.card.Code)))
	nonce, err := p.attempt()
	if err != nil {
		return err
	}
	s, err := p.page.Pay(ctx, card, nonce)
	if err == nil && s.State == "challenge" {
		err = p.say(ctx, s)
	}
	if err != nil {
		return err
	}
	if s, err = p.page.Wait(ctx); err != nil {
		return err
	}
	pay, _, err := p.ask(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(must(s.State == "card" && s.Problem != nil, "after a wrong code the form is in state %q", s.State),
		must(pay.Declined != nil && pay.Declined.Code == "card_declined" && pay.Captured == 0, "after a wrong code the payment is %s", pay.Status)); err != nil {
		return err
	}
	row, _, err := p.bankUntil(ctx, func(r bankRow, left int64) bool { return r.Status == "Declined" && left == p.before })
	if err != nil {
		return err
	}
	p.held("declined, and no money moved")
	p.sees("shopper", "%s", s.Problem.Message)
	p.sees("shop", "%s, without the reason: it would help a thief", pay.Declined.Code)
	p.sees("holder", "%s", row.Reason)
	return nil
}

// say confirms a challenge with the right code.
func (p *player) say(ctx context.Context, s shopper.State) error {
	bank, m, err := p.challenge(ctx, p.page, s)
	if err != nil {
		return err
	}
	if bank, err = bank.Answer(ctx, m.Code); err != nil {
		return err
	}
	return bank.Return(ctx)
}

// after searches what is stored and what went over the wire, and checks the books.
func (p *player) after(ctx context.Context) error {
	needle := forms(p.card.Number)
	if err := must(needle.in(append([]byte("control "), p.card.Number...)), "the search does not find what was planted"); err != nil {
		return err
	}
	p.wire.mu.Lock()
	leaked, size := needle.in(p.wire.all.Bytes()), p.wire.all.Len()
	p.wire.mu.Unlock()
	if err := must(!leaked, "the card number went over HTTP in the clear"); err != nil {
		return err
	}
	files, total, err := needle.search(p.Data)
	if err != nil {
		return err
	}
	if err := must(len(files) == 0, "the card number is readable in %s", strings.Join(files, ", ")); err != nil {
		return err
	}
	p.held("the card number is in none of %d KiB that went over HTTP and in none of %d KiB of files and logs (plain, hex, base64, BCD)", size>>10, total>>10)
	if p.Books == nil {
		return nil
	}
	words, err := p.Books(ctx)
	if err != nil {
		return err
	}
	p.held("%s", words)
	return nil
}

// search looks through all files under dir.
func (n needles) search(dir string) (found []string, total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // a log that was folded meanwhile
		}
		total += int64(len(b))
		if n.in(b) {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	slices.Sort(found)
	return found, total, err
}
