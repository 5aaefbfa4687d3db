package store

import (
	"context"
	"time"

	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/sql"
)

// Payment is one try to pay with a card, as its holder sees it. Amounts are minor units.
type Payment struct {
	ID, Lifecycle, Card, Last4, Merchant string
	Amount                               money.Amount
	Captured, Refunded                   int64
	State                                ledger.HoldState // 0 when it was declined
	Response                             string
	Reason                               book.Reason
	At                                   time.Time
}

// Event is one line of the journal that concerns a holder.
type Event struct {
	Seq                            int64
	At                             time.Time
	Kind, Subject, Card, Lifecycle string
}

// CardByIndex finds a card and its holder by the keyed index of its number.
func (s *Store) CardByIndex(ctx context.Context, i book.Index) (card book.Card, holder book.Holder, found bool, err error) {
	err = s.DB.Read(ctx, func(c *sql.Conn) error {
		var err error
		if card, found, err = (tx{c}).CardByIndex(i); err != nil || !found {
			return err
		}
		holder, _, err = tx{c}.Holder(card.Holder)
		return err
	})
	return card, holder, found, err
}

// Card finds a card by its id.
func (s *Store) Card(ctx context.Context, id string) (card book.Card, found bool, err error) {
	err = s.DB.Read(ctx, func(c *sql.Conn) (err error) {
		card, found, err = tx{c}.Card(id)
		return err
	})
	return card, found, err
}

// Holder finds a holder with accounts and cards, in one snapshot.
func (s *Store) Holder(ctx context.Context, id string) (h book.Holder, accounts []ledger.Account, cards []book.Card, found bool, err error) {
	err = s.DB.Read(ctx, func(c *sql.Conn) error {
		var err error
		if h, found, err = (tx{c}).Holder(id); err != nil || !found {
			return err
		}
		err = c.Rows("SELECT "+accountColumns+" FROM account WHERE holder = ? ORDER BY id", []any{id}, func(s *sql.Stmt) error {
			a, err := scanAccount(s)
			accounts = append(accounts, a)
			return err
		})
		if err != nil {
			return err
		}
		cards, err = listCards(c, "WHERE holder = ? ORDER BY created, id", id)
		return err
	})
	return h, accounts, cards, found, err
}

// Cards are all cards, oldest first.
func (s *Store) Cards(ctx context.Context) (cards []book.Card, err error) {
	err = s.DB.Read(ctx, func(c *sql.Conn) (err error) {
		cards, err = listCards(c, "ORDER BY created, id")
		return err
	})
	return cards, err
}

func listCards(c *sql.Conn, where string, args ...any) (cards []book.Card, err error) {
	err = c.Rows("SELECT "+cardColumns+" FROM card "+where, args, func(s *sql.Stmt) error {
		card, err := scanCard(s)
		cards = append(cards, card)
		return err
	})
	return cards, err
}

// Payments are the newest payments of a holder, at most limit, older than the payment with id before ("" = all).
func (s *Store) Payments(ctx context.Context, holder, before string, limit int) (out []Payment, err error) {
	const query = `SELECT m.key, m.answered_lifecycle, m.card, c.last4, m.merchant, m.amount, m.currency,
		coalesce(h.captured, 0), coalesce(h.refunded, 0), coalesce(h.state, 0), m.response, m.reason, m.at
		FROM card c JOIN message m ON m.card = c.id LEFT JOIN hold h ON h.id = m.hold
		WHERE c.holder = ?1 AND m.kind = 'purchase'
		AND (?2 = '' OR (m.at, m.key) < (SELECT o.at, o.key FROM message o WHERE o.key = ?2))
		ORDER BY m.at DESC, m.key DESC LIMIT ?3`
	err = s.DB.Read(ctx, func(c *sql.Conn) error {
		return c.Rows(query, []any{holder, before, limit}, func(s *sql.Stmt) error {
			p := Payment{
				ID: s.Text(0), Lifecycle: s.Text(1), Card: s.Text(2), Last4: s.Text(3), Merchant: s.Text(4),
				Captured: s.Int64(7), Refunded: s.Int64(8), State: ledger.HoldState(s.Int(9)), Response: s.Text(10),
				Reason: book.Reason(s.Int(11)), At: s.Time(12),
			}
			cur, err := money.ByAlpha(s.Text(6))
			if err != nil { // a request without a currency: refused as badly formed
				out = append(out, p)
				return nil
			}
			p.Amount, err = money.New(s.Int64(5), cur)
			out = append(out, p)
			return err
		})
	})
	return out, err
}

// Events are the journal's lines about a holder after seq, at most limit, oldest first; and the journal's
// last seq, from which a new watcher reads on.
func (s *Store) Events(ctx context.Context, holder string, after int64, limit int) (out []Event, last int64, err error) {
	err = s.DB.Read(ctx, func(c *sql.Conn) error {
		if _, err := c.Row("SELECT coalesce(max(seq), 0) FROM journal", nil, func(s *sql.Stmt) { last = s.Int64(0) }); err != nil {
			return err
		}
		return c.Rows("SELECT seq, at, kind, subject, card, lifecycle FROM journal WHERE holder = ? AND seq > ? AND holder <> '' ORDER BY seq LIMIT ?",
			[]any{holder, after, limit}, func(s *sql.Stmt) error {
				out = append(out, Event{Seq: s.Int64(0), At: s.Time(1), Kind: s.Text(2), Subject: s.Text(3), Card: s.Text(4), Lifecycle: s.Text(5)})
				return nil
			})
	})
	return out, last, err
}
