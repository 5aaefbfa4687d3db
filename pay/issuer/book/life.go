package book

import "countersign/pay/ledger"

// life is the payment that a later message belongs to.
type life struct {
	found  bool
	origin Message
	hold   ledger.Hold
	card   Card
}

// find looks up the payment by the key of one of its messages, or by its lifecycle, and makes sure that
// it is this merchant's and this card's.
func find(tx Tx, h *Header, original string) (life, Reason, error) {
	var l life
	var err error
	if original != "" {
		l.origin, l.found, err = tx.Message(original)
	} else if h.Lifecycle != "" {
		l.origin, l.found, err = tx.Lifecycle(h.Acquirer, h.Lifecycle)
	}
	switch {
	case err != nil:
		return life{}, Fine, err
	case !l.found:
		return life{}, OriginalUnknown, nil
	case l.origin.Acquirer != h.Acquirer || l.origin.Acceptor != h.Acceptor:
		return life{}, OriginalForeign, nil
	case h.Index != Index{} && l.origin.Index != Index{} && h.Index != l.origin.Index:
		return life{}, OriginalForeign, nil
	}
	if l.origin.Card != "" {
		if l.card, _, err = tx.Card(l.origin.Card); err != nil {
			return life{}, Fine, err
		}
	}
	if l.origin.Decision.Hold != "" {
		if l.hold, _, err = tx.Hold(l.origin.Decision.Hold); err != nil {
			return life{}, Fine, err
		}
	}
	return l, Fine, nil
}
