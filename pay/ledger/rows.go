package ledger

import "countersign/pay/money"

type currency = money.Currency

// account, hold and transfer are the rows as this chain has left them so far.
func (w *work) account(id AccountID) (Account, bool, error) {
	for i := range w.effects.Accounts {
		if w.effects.Accounts[i].ID == id {
			return w.effects.Accounts[i], true, nil
		}
	}
	return w.view.Account(id)
}

func (w *work) hold(id HoldID) (Hold, bool, error) {
	for i := range w.effects.Holds {
		if w.effects.Holds[i].ID == id {
			return w.effects.Holds[i], true, nil
		}
	}
	return w.view.Hold(id)
}

func (w *work) transfer(id TransferID) (Transfer, bool, error) {
	for i := range w.effects.Transfers {
		if w.effects.Transfers[i].ID == id {
			return w.effects.Transfers[i], true, nil
		}
	}
	return w.view.Transfer(id)
}

func (w *work) setAccount(a Account) {
	for i := range w.effects.Accounts {
		if w.effects.Accounts[i].ID == a.ID {
			w.effects.Accounts[i] = a
			return
		}
	}
	w.effects.Accounts = append(w.effects.Accounts, a)
}

func (w *work) setHold(h Hold) {
	for i := range w.effects.Holds {
		if w.effects.Holds[i].ID == h.ID {
			w.effects.Holds[i] = h
			return
		}
	}
	w.effects.Holds = append(w.effects.Holds, h)
}

// maxID bounds ids; they go into the canonical form line by line, so they hold no line ends.
const maxID = 128

func validID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}
