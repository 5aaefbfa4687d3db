package book

import (
	"errors"
	"time"

	"countersign/pay/ledger"
	"countersign/pay/money"
)

var (
	// ErrUnknown: there is no such card, holder or account, or it is somebody else's.
	ErrUnknown = errors.New("book: no such card, holder or account")
	// ErrState: the card's status does not allow it, such as to freeze a closed card.
	ErrState = errors.New("book: the card's status does not allow this")
	// ErrTaken: the id or the number is in use.
	ErrTaken = errors.New("book: the id is in use")
)

// AddHolder writes a new customer down. ErrTaken when the id is in use.
func (r Rules) AddHolder(tx Tx, h Holder, now time.Time) error {
	if _, found, err := tx.Holder(h.ID); err != nil {
		return err
	} else if found {
		return ErrTaken
	}
	c := Changes{Holders: []Holder{h}}
	return r.record(tx, &c, Record{At: now, Kind: "holder", Subject: h.ID, Holder: h.ID}, Body{})
}

// OpenAccount opens an account. ErrTaken when the id is in use; ErrUnknown for an unknown holder. System
// accounts (settlement, funding) have no holder and are opened with the first account of a currency.
func (r Rules) OpenAccount(tx Tx, a ledger.Account, holder string, now time.Time) error {
	if _, found, err := tx.Holder(holder); err != nil {
		return err
	} else if !found {
		return ErrUnknown
	}
	if _, found, err := tx.Account(a.ID); err != nil {
		return err
	} else if found {
		return ErrTaken
	}
	a.Kind, a.Posted, a.Held = ledger.Holder, 0, 0
	c := Changes{Owners: []Owner{{Account: a.ID, Holder: holder}}}
	c.Ledger.Accounts = append(c.Ledger.Accounts, a)
	for _, s := range []ledger.Account{
		{ID: SettlementAccount(a.Currency), Kind: ledger.Settlement, Currency: a.Currency},
		{ID: FundingAccount(a.Currency), Kind: ledger.Funding, Currency: a.Currency},
	} {
		if _, found, err := tx.Account(s.ID); err != nil {
			return err
		} else if !found {
			c.Ledger.Accounts = append(c.Ledger.Accounts, s)
		}
	}
	return r.record(tx, &c, Record{At: now, Kind: "account", Subject: string(a.ID), Holder: holder},
		Body{Amount: a.Limit, Currency: a.Currency.Alpha()})
}

// Deposit puts money into an account, once per id; the status says what the ledger made of it.
func (r Rules) Deposit(tx Tx, id ledger.TransferID, to ledger.AccountID, amount money.Amount, now time.Time) (ledger.Status, error) {
	res, err := ledger.Apply(tx, now, ledger.Transfer{
		ID: id, Kind: ledger.Single, Code: ledger.Deposit, Debit: FundingAccount(amount.Currency()), Credit: to, Amount: amount,
	})
	if err != nil {
		return 0, err
	}
	if len(res.Effects.Transfers) == 0 {
		return res.Statuses[0], nil
	}
	c := Changes{Ledger: res.Effects}
	return ledger.Created, r.record(tx, &c, Record{At: now, Kind: "deposit", Subject: string(to)},
		Body{Amount: amount.Minor(), Currency: amount.Currency().Alpha()})
}

// AddCard puts a new card into the books. ErrTaken when its id or number is in use, ErrUnknown when its
// holder or account is not known.
func (r Rules) AddCard(tx Tx, card Card, now time.Time) error {
	_, known, err := tx.Holder(card.Holder)
	if err != nil {
		return err
	}
	_, open, err := tx.Account(card.Account)
	if err != nil {
		return err
	}
	if !known || !open {
		return ErrUnknown
	}
	_, sameID, err := tx.Card(card.ID)
	if err != nil {
		return err
	}
	_, sameNumber, err := tx.CardByIndex(card.Index)
	if err != nil {
		return err
	}
	if sameID || sameNumber {
		return ErrTaken
	}
	return r.saveCard(tx, card, now)
}

// SetFrozen freezes a card or lifts the holder's own freeze. holder "" is the bank's staff. To freeze a
// frozen card is no error and no change. ErrUnknown for another holder's card, ErrState for a card
// that is closed, lost, stolen or inactive.
func (r Rules) SetFrozen(tx Tx, id, holder string, frozen bool, now time.Time) (Card, error) {
	card, found, err := tx.Card(id)
	switch {
	case err != nil:
		return Card{}, err
	case !found || (holder != "" && holder != card.Holder):
		return Card{}, ErrUnknown
	case card.Status != Active && card.Status != Frozen:
		return Card{}, ErrState
	}
	want := Active
	if frozen {
		want = Frozen
	}
	if card.Status == want {
		return card, nil
	}
	card.Status = want
	return card, r.saveCard(tx, card, now)
}

func (r Rules) saveCard(tx Tx, card Card, now time.Time) error {
	c := Changes{Cards: []Card{card}}
	return r.record(tx, &c, Record{At: now, Kind: "card", Subject: card.ID, Holder: card.Holder, Card: card.ID},
		Body{Status: string(card.Status)})
}

// AddCodeKey writes down how a card verification key takes the expiry. A key that is known is left as it is.
func (r Rules) AddCodeKey(tx Tx, k CodeKey, now time.Time) error {
	known, err := tx.CodeKeys()
	if err != nil {
		return err
	}
	for _, have := range known {
		if have.ID == k.ID {
			return nil
		}
	}
	c := Changes{CodeKeys: []CodeKey{k}}
	return r.record(tx, &c, Record{At: now, Kind: "code key", Subject: k.ID}, Body{Status: k.Order})
}
