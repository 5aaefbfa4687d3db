package store

import (
	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/sql"
)

const messageColumns = "key, kind, card, pan_index, acquirer, acceptor, terminal, merchant, country, mcc, rrn, lifecycle, payment, " +
	"amount, currency, expiry, n, m, keep, original, response, approval, code_result, reason, answered_lifecycle, hold, at"

func scanMessage(s *sql.Stmt) (m book.Message, err error) {
	m = book.Message{
		Header: book.Header{
			Key: s.Text(0), Acquirer: s.Text(4), Acceptor: s.Text(5), Terminal: s.Text(6), Merchant: s.Text(7),
			Country: s.Text(8), MCC: s.Text(9), RRN: s.Text(10), Lifecycle: s.Text(11), Payment: s.Text(12),
		},
		Kind: book.MessageKind(s.Text(1)), Card: s.Text(2), Expiry: s.Text(15), N: s.Int(16), M: s.Int(17), Keep: s.Int64(18), Original: s.Text(19),
		Decision: book.Decision{
			Response: payment.ResponseCode(s.Text(20)), Approval: s.Text(21), Code: byte(s.Int(22)), Reason: book.Reason(s.Int(23)),
			Lifecycle: s.Text(24), Hold: ledger.HoldID(s.Text(25)),
		},
		At: s.Time(26),
	}
	s.CopyBytes(3, m.Index[:])
	if alpha := s.Text(14); alpha != "" {
		var cur money.Currency
		if cur, err = money.ByAlpha(alpha); err == nil {
			m.Amount, err = money.New(s.Int64(13), cur)
		}
	}
	return m, err
}

func (t tx) Message(key string) (book.Message, bool, error) {
	return one(t.c, scanMessage, "SELECT "+messageColumns+" FROM message WHERE key = ?", key)
}

func (t tx) Lifecycle(acquirer, lifecycle string) (book.Message, bool, error) {
	return one(t.c, scanMessage, "SELECT "+messageColumns+" FROM message WHERE lifecycle = ? AND acquirer = ? "+
		"AND kind = 'purchase' AND hold IS NOT NULL ORDER BY at DESC LIMIT 1", lifecycle, acquirer)
}

func (t tx) MessageOfHold(id ledger.HoldID) (book.Message, bool, error) {
	return one(t.c, scanMessage, "SELECT "+messageColumns+" FROM message WHERE hold = ? AND kind = 'purchase' AND hold IS NOT NULL", id)
}

func (t tx) saveMessage(m *book.Message) error {
	alpha := ""
	if m.Amount.Currency().Known() {
		alpha = m.Amount.Currency().Alpha()
	}
	d := &m.Decision
	return t.c.Exec("INSERT INTO message ("+messageColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		m.Key, string(m.Kind), null(m.Card), m.Index[:], m.Acquirer, m.Acceptor, m.Terminal, m.Merchant, m.Country, m.MCC,
		m.RRN, m.Lifecycle, m.Payment, m.Amount.Minor(), alpha, m.Expiry, m.N, m.M, m.Keep, m.Original,
		string(d.Response), d.Approval, int(d.Code), int(d.Reason), d.Lifecycle, null(string(d.Hold)), m.At)
}

// null turns "" into NULL.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
