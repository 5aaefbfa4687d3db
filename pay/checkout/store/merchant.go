package store

import (
	"context"
	"time"

	"countersign/sql"
)

// Merchant is a shop as the store knows it.
type Merchant struct {
	ID, Name, Acceptor, Site, Webhook string
	Terminal, MCC, Country            string
	Keys                              [][32]byte // SHA-256 of its API keys
}

// SetMerchants makes the given list the truth: others become inactive, other keys are retired. A changed
// webhook address is tried again even if the old one was switched off.
func (s *Store) SetMerchants(ctx context.Context, list []Merchant) error {
	return s.Write(ctx, func(tx *Tx) error {
		if err := tx.c.Exec("UPDATE merchant SET active = 0"); err != nil {
			return err
		}
		if err := tx.c.Exec("UPDATE api_key SET retired = ? WHERE retired IS NULL", tx.now); err != nil {
			return err
		}
		for _, m := range list {
			err := tx.c.Exec("INSERT INTO merchant (id, name, acceptor, site, webhook, active, changed, terminal, mcc, country) VALUES (?,?,?,?,?,1,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "+
				"name = excluded.name, acceptor = excluded.acceptor, site = excluded.site, active = 1, changed = excluded.changed, "+
				"terminal = excluded.terminal, mcc = excluded.mcc, country = excluded.country, "+
				"disabled = CASE WHEN webhook = excluded.webhook THEN disabled END, webhook = excluded.webhook",
				m.ID, m.Name, m.Acceptor, m.Site, m.Webhook, tx.now, m.Terminal, m.MCC, m.Country)
			for i := 0; err == nil && i < len(m.Keys); i++ {
				err = tx.c.Exec("INSERT INTO api_key (hash, merchant, created) VALUES (?,?,?) ON CONFLICT (hash) DO UPDATE SET retired = NULL, merchant = excluded.merchant",
					m.Keys[i][:], m.ID, tx.now)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// MerchantOf finds the shop of a payment, configured or not. Its Keys are not read.
func (s *Store) MerchantOf(ctx context.Context, payment string) (m Merchant, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		found, err := c.Row("SELECT m.id, m.name, m.acceptor, m.site, m.webhook, m.terminal, m.mcc, m.country FROM payment p JOIN merchant m ON m.id = p.merchant WHERE p.id = ?",
			[]any{payment}, func(r *sql.Stmt) {
				m = Merchant{ID: r.Text(0), Name: r.Text(1), Acceptor: r.Text(2), Site: r.Text(3), Webhook: r.Text(4), Terminal: r.Text(5), MCC: r.Text(6), Country: r.Text(7)}
			})
		if err == nil && !found {
			err = ErrNotFound
		}
		return err
	})
	return m, err
}

// KeyOwner finds the active merchant of an API key by the key's SHA-256.
func (s *Store) KeyOwner(ctx context.Context, hash [32]byte) (merchant string, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		found, err := c.Row("SELECT m.id FROM api_key k JOIN merchant m ON m.id = k.merchant WHERE k.hash = ? AND k.retired IS NULL AND m.active = 1",
			[]any{hash[:]}, func(r *sql.Stmt) { merchant = r.Text(0) })
		if err == nil && !found {
			err = ErrNotFound
		}
		return err
	})
	return merchant, err
}

// Webhook is a webhook to deliver.
type Webhook struct {
	ID, Merchant, Payment, Type string
	Seq                         int64
	Body                        []byte
	Created                     time.Time
	Tries                       int
}

// Webhooks lists deliveries that are due, at most limit: of each payment only the first that is not yet
// delivered, so that a shop gets them in order, and none of merchants whose address was switched off.
func (s *Store) Webhooks(ctx context.Context, now time.Time, limit int) (out []Webhook, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		return c.Rows("SELECT o.id, o.merchant, o.payment, o.type, o.seq, o.body, o.created, o.tries FROM outbox o JOIN merchant m ON m.id = o.merchant "+
			"WHERE o.next <= ? AND m.active = 1 AND m.disabled IS NULL AND m.webhook <> '' "+
			"AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.payment = o.payment AND e.seq < o.seq AND e.next IS NOT NULL) ORDER BY o.next LIMIT ?",
			[]any{now, limit}, func(r *sql.Stmt) error {
				out = append(out, Webhook{ID: r.Text(0), Merchant: r.Text(1), Payment: r.Text(2), Type: r.Text(3), Seq: r.Int64(4), Body: r.Bytes(5), Created: r.Time(6), Tries: r.Int(7)})
				return nil
			})
	})
	return out, err
}

// WebhookDone notes a delivery.
func (s *Store) WebhookDone(ctx context.Context, id string) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.c.Exec("UPDATE outbox SET next = NULL, delivered = ?, tries = tries + 1 WHERE id = ?", tx.now, id)
	})
}

// WebhookFailed notes a failed try; a zero next gives the webhook up.
func (s *Store) WebhookFailed(ctx context.Context, id string, next time.Time) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.c.Exec("UPDATE outbox SET next = ?, tries = tries + 1 WHERE id = ?", next, id)
	})
}

// WebhookOff switches a merchant's webhook address off (it answered 410 Gone). What waits stays stored, and
// goes when the address is changed.
func (s *Store) WebhookOff(ctx context.Context, merchant string) error {
	return s.Write(ctx, func(tx *Tx) error {
		return tx.c.Exec("UPDATE merchant SET disabled = ? WHERE id = ?", tx.now, merchant)
	})
}
