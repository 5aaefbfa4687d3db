package store

import (
	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
)

// Save writes all rows of one decision.
func (t tx) Save(c book.Changes) error {
	for _, h := range c.Holders {
		if err := t.c.Exec("INSERT INTO holder (id, name, phone, locale) VALUES (?,?,?,?)", h.ID, h.Name, h.Phone, h.Locale); err != nil {
			return err
		}
	}
	if err := t.saveLedger(&c.Ledger); err != nil {
		return err
	}
	for _, o := range c.Owners {
		if err := t.c.Exec("UPDATE account SET holder = ? WHERE id = ?", o.Holder, string(o.Account)); err != nil {
			return err
		}
	}
	for _, k := range c.CodeKeys {
		if err := t.c.Exec("INSERT INTO code_key (id, expiry_order) VALUES (?,?)", k.ID, k.Order); err != nil {
			return err
		}
	}
	for i := range c.Cards {
		if err := t.saveCard(&c.Cards[i]); err != nil {
			return err
		}
	}
	for i := range c.Messages {
		if err := t.saveMessage(&c.Messages[i]); err != nil {
			return err
		}
	}
	return t.saveMarks(&c)
}

func (t tx) saveLedger(e *ledger.Effects) error {
	for i := range e.Accounts {
		a := &e.Accounts[i]
		if err := t.c.Exec("INSERT INTO account ("+accountColumns+") VALUES (?,?,?,?,?,?) "+
			"ON CONFLICT (id) DO UPDATE SET posted = excluded.posted, held = excluded.held, credit_line = excluded.credit_line",
			string(a.ID), int(a.Kind), a.Currency.Alpha(), a.Posted, a.Held, a.Limit); err != nil {
			return err
		}
	}
	for i := range e.Holds {
		h := &e.Holds[i]
		if err := t.c.Exec("INSERT INTO hold ("+holdColumns+") VALUES (?,?,?,?,?,?,?,?,?,?) "+
			"ON CONFLICT (id) DO UPDATE SET authorised = excluded.authorised, captured = excluded.captured, "+
			"released = excluded.released, refunded = excluded.refunded, expires = excluded.expires, state = excluded.state",
			string(h.ID), string(h.Account), string(h.Counter), h.Currency.Alpha(), h.Authorised, h.Captured, h.Released, h.Refunded,
			h.Expires, int(h.State)); err != nil {
			return err
		}
	}
	for i := range e.Transfers {
		x := &e.Transfers[i]
		if err := t.c.Exec("INSERT INTO transfer (seq, id, kind, code, hold, debit, credit, amount, currency, expires, at, prev, hash) "+
			"VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
			x.Seq, string(x.ID), int(x.Kind), int(x.Code), null(string(x.Hold)), string(x.Debit), string(x.Credit),
			x.Amount.Minor(), x.Amount.Currency().Alpha(), x.Expires, x.At, x.Prev[:], x.Hash[:]); err != nil {
			return err
		}
	}
	return nil
}

// saveCard inserts a card, or changes what may change of one.
func (t tx) saveCard(c *book.Card) error {
	return t.c.Exec("INSERT INTO card ("+cardColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "+
		"ON CONFLICT (id) DO UPDATE SET status = excluded.status, kind = excluded.kind, lock_acquirer = excluded.lock_acquirer, "+
		"lock_acceptor = excluded.lock_acceptor, limit_each = excluded.limit_each, limit_day = excluded.limit_day, used = excluded.used",
		c.ID, c.Holder, string(c.Account), c.Index[:], c.Last4, c.Brand, c.Name, c.Expiry, c.Ends, c.CVK, string(c.Status), string(c.Kind),
		c.LockAcquirer, c.LockAcceptor, c.LimitEach, c.LimitDay, c.Used, c.SealKey, c.Sealed, c.Created)
}

// saveMarks writes the wrong codes, spent proofs, early reversals and the journal.
func (t tx) saveMarks(c *book.Changes) error {
	for _, w := range c.Tries {
		if err := t.c.Exec("INSERT INTO wrong_code (card, at, key) VALUES (?,?,?)", w.Card, w.At, w.Key); err != nil {
			return err
		}
	}
	for _, p := range c.Proofs {
		if err := t.c.Exec("INSERT INTO spent_proof (value, key, at) VALUES (?,?,?)", p.Value, p.Key, p.At); err != nil {
			return err
		}
	}
	for _, e := range c.Early {
		if err := t.c.Exec("INSERT INTO early_reversal (original, key, at) VALUES (?,?,?)", e.Original, e.Key, e.At); err != nil {
			return err
		}
	}
	for i := range c.Trail {
		r := &c.Trail[i]
		if err := t.c.Exec("INSERT INTO journal (seq, at, kind, subject, holder, card, lifecycle, body, prev, link) VALUES (?,?,?,?,?,?,?,?,?,?)",
			r.Seq, r.At, r.Kind, r.Subject, r.Holder, r.Card, r.Lifecycle, r.Body, r.Prev[:], r.Link[:]); err != nil {
			return err
		}
	}
	return nil
}
