package book

// stored looks for an earlier copy of the message and answers with its decision. made is the lifecycle
// that the caller made up for this copy, which is no part of its content.
func stored(tx Tx, m *Message, made string) (Decision, bool, error) {
	old, found, err := tx.Message(m.Key)
	if err != nil || !found {
		return Decision{}, false, err
	}
	if m.Lifecycle == made {
		m.Lifecycle = old.Lifecycle
	}
	if field := Difference(&old, m); field != "" {
		return Decision{Response: KeyReused.Response(), Reason: KeyReused, Lifecycle: old.Lifecycle, Stored: true, Field: field}, true, nil
	}
	d := old.Decision
	d.Stored = true
	return d, true, nil
}

// Difference names the first field in which two copies of one message differ, "" when they agree. The
// code and the proof are not stored and so cannot be compared; a repeat never reaches their checks.
func Difference(old, again *Message) string {
	switch {
	case old.Kind != again.Kind:
		return "kind"
	case old.Index != again.Index:
		return "card"
	case old.Amount != again.Amount:
		return "amount"
	case old.Acceptor != again.Acceptor:
		return "acceptor"
	case old.Expiry != again.Expiry:
		return "expiry"
	case old.RRN != again.RRN:
		return "rrn"
	case old.Lifecycle != again.Lifecycle:
		return "lifecycle"
	case old.Payment != again.Payment:
		return "payment"
	case old.Original != again.Original:
		return "original"
	case old.Keep != again.Keep:
		return "replacement amount"
	case old.N != again.N || old.M != again.M:
		return "capture number"
	}
	return ""
}

// settle stores a message with its decision, its effects and its journal record.
func (r Rules) settle(tx Tx, c *Changes, m *Message, card Card) error {
	c.Messages = append(c.Messages, *m)
	return r.record(tx, c, Record{
		At: m.At, Kind: string(m.Kind), Subject: m.Key, Holder: card.Holder, Card: m.Card, Lifecycle: m.Decision.Lifecycle,
	}, Body{
		Response: string(m.Decision.Response), Reason: int(m.Decision.Reason), Amount: m.Amount.Minor(),
		Currency: m.Amount.Currency().Alpha(), Hold: m.Decision.Hold,
	})
}
