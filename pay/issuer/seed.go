package issuer

import (
	"context"
	"errors"
	"fmt"

	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
)

// Seed is what a new bank begins with: for the demo and for tests. Planting it again changes nothing:
// what exists by its id is left as it is.
type Seed struct {
	Holders  []SeedHolder
	Accounts []SeedAccount
	Cards    []SeedCard
}

// SeedHolder is a customer.
type SeedHolder struct{ ID, Name, Phone, Locale string }

// SeedAccount is an account with what is in it at the start.
type SeedAccount struct {
	ID      string
	Holder  string
	Opening money.Amount
	Limit   int64 // credit line, minor units
}

// SeedCard is a card. Number is for sample cards in number ranges of nobody; nil lets the bank make one.
type SeedCard struct {
	ID, Holder, Account string
	Name                string
	Number              []byte      // ASCII digits of a sample card, wiped when the bank starts; nil = made under Prefix
	Prefix              string      // "" = cards.DefaultPrefix
	Expiry              card.Expiry // zero = four years from now
	Kind                string      // normal, locked, single; "" = normal
	LimitEach, LimitDay int64       // minor units; 0 = none
	Status              string      // "" = active; frozen
}

func (s *Seed) plant(ctx context.Context, desk *cards.Desk) error {
	for _, h := range s.Holders {
		err := desk.AddHolder(ctx, book.Holder{ID: h.ID, Name: h.Name, Phone: h.Phone, Locale: h.Locale})
		if err != nil && !errors.Is(err, book.ErrTaken) {
			return fmt.Errorf("holder %s: %w", h.ID, err)
		}
	}
	for _, a := range s.Accounts {
		err := desk.OpenAccount(ctx, ledger.AccountID(a.ID), a.Holder, a.Opening, a.Limit)
		if errors.Is(err, book.ErrTaken) && !a.Opening.IsZero() { // killed between opening and deposit: once per id
			err = desk.Deposit(ctx, ledger.TransferID("opening/"+a.ID), ledger.AccountID(a.ID), a.Opening)
		}
		if err != nil && !errors.Is(err, book.ErrTaken) && !errors.Is(err, cards.ErrRefused) { // refused: opened with another amount once
			return fmt.Errorf("account %s: %w", a.ID, err)
		}
	}
	for _, c := range s.Cards {
		if err := plantCard(ctx, desk, c); err != nil {
			return fmt.Errorf("card %s: %w", c.ID, err)
		}
	}
	return nil
}

func plantCard(ctx context.Context, desk *cards.Desk, c SeedCard) error {
	defer clear(c.Number)
	if _, err := desk.Show(ctx, c.ID); !errors.Is(err, book.ErrUnknown) {
		return err
	}
	o := cards.Order{
		ID: c.ID, Holder: c.Holder, Account: ledger.AccountID(c.Account), Name: c.Name, Expiry: c.Expiry,
		Kind: book.CardKind(c.Kind), LimitEach: c.LimitEach, LimitDay: c.LimitDay, Number: c.Number, Prefix: c.Prefix,
	}
	if _, err := desk.Issue(ctx, o); err != nil {
		return err
	}
	if c.Status == string(book.Frozen) {
		_, err := desk.Freeze(ctx, c.ID, "")
		return err
	}
	return nil
}
