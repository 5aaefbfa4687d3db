package book

import (
	"slices"
	"time"

	"countersign/pay/ledger"
	"countersign/pay/money"
)

// attempt is one authorisation on its way down the check list.
type attempt struct {
	tx    Tx
	rules Rules
	f     *Purchase
	now   time.Time

	card    Card
	known   bool
	code    byte // DE 48.87 of the answer
	changes Changes
}

// check is one row of the list: it says Fine, or why not.
type check struct {
	name string
	look func(*attempt) (Reason, error)
}

// checkTable is the bank's check list. The order is part of the contract: what comes later says nothing
// to somebody who fails earlier, and a wrong code spends a try even when the money is short.
var checkTable = [...]check{
	{"format", (*attempt).format},
	{"card exists", (*attempt).exists},
	{"status", (*attempt).status},
	{"expiry", (*attempt).expiry},
	{"code counter", (*attempt).counter},
	{"code", (*attempt).compare},
	{"proof", (*attempt).proof},
	{"lock and limits", (*attempt).limits},
	{"funds", (*attempt).funds},
}

// Authorise decides about a purchase or an account check. A key that was seen before gets its stored
// decision (Stored is set), or KeyReused when the content differs.
func (r Rules) Authorise(tx Tx, f *Purchase, now time.Time) (Decision, error) {
	a := &attempt{tx: tx, rules: r, f: f, now: now}
	if f.Lifecycle == "" {
		f.Lifecycle = f.NewLifecycle
	}
	m := Message{Header: f.Header, Kind: KindPurchase, Amount: f.Amount, Expiry: f.Expiry, Keep: -1, At: now}
	if f.AccountCheck {
		m.Kind = KindCheck
	}
	if d, done, err := stored(tx, &m, f.NewLifecycle); err != nil || done {
		return d, err
	}
	reason, err := a.walk()
	if err != nil {
		return Decision{}, err
	}
	d := Decision{Response: reason.Response(), Reason: reason, Code: a.code, Lifecycle: f.Lifecycle}
	if reason == Fine {
		d.Approval = f.Approval
		if !f.AccountCheck {
			d.Hold = f.Hold
		}
	}
	if a.known {
		m.Card = a.card.ID
	}
	m.Decision = d
	return d, r.settle(tx, &a.changes, &m, a.card)
}

func (a *attempt) walk() (Reason, error) {
	for i := range checkTable {
		if reason, err := checkTable[i].look(a); err != nil || reason != Fine {
			return reason, err
		}
	}
	return Fine, nil
}

// format: the request is whole, its key and lifecycle are free.
func (a *attempt) format() (Reason, error) {
	f := a.f
	if f.Key == "" || f.Acquirer == "" || f.Acceptor == "" || f.Index == (Index{}) || !f.Amount.Currency().Known() {
		return BadFormat, nil
	}
	if f.AccountCheck != f.Amount.IsZero() {
		return BadAmount, nil
	}
	if early, err := a.tx.IsEarly(f.Key); err != nil || early {
		return ReversedBefore, err
	}
	before, found, err := a.tx.Lifecycle(f.Acquirer, f.Lifecycle)
	if err != nil || !found || f.AccountCheck {
		return Fine, err
	}
	h, _, err := a.tx.Hold(before.Decision.Hold)
	if err == nil && (h.State == ledger.Open || h.State == ledger.Captured) {
		return AlreadyHeld, nil
	}
	return Fine, err
}

func (a *attempt) exists() (reason Reason, err error) {
	if a.card, a.known, err = a.tx.CardByIndex(a.f.Index); err != nil || !a.known {
		return CardUnknown, err
	}
	return Fine, nil
}

func (a *attempt) status() (Reason, error) {
	switch a.card.Status {
	case Active:
		return Fine, nil
	case Frozen:
		return CardFrozen, nil
	case Inactive:
		return CardInactive, nil
	case Lost:
		return CardLost, nil
	case Stolen:
		return CardStolen, nil
	}
	return CardClosed, nil
}

func (a *attempt) expiry() (Reason, error) {
	if !a.now.Before(a.card.Ends) {
		return CardExpired, nil
	}
	if a.f.Expiry != a.card.Expiry {
		return ExpiryWrong, nil
	}
	return Fine, nil
}

// counter: three wrong codes in the window block the code, whoever the shops were, and the right one too.
func (a *attempt) counter() (Reason, error) {
	n, err := a.tx.WrongCodes(a.card.ID, a.now.Add(-a.rules.window()))
	if err != nil {
		return Fine, err
	}
	if n >= a.rules.tries() {
		a.code = CodeSkipped
		return TooManyCodes, nil
	}
	return Fine, nil
}

func (a *attempt) compare() (Reason, error) {
	switch a.f.Code {
	case CodeGiven:
		if slices.Contains(a.f.Matches, a.card.CVK) {
			a.code = CodeMatch
			return Fine, nil
		}
		a.code = CodeNoMatch
		a.changes.Tries = append(a.changes.Tries, Try{Card: a.card.ID, Key: a.f.Key, At: a.now})
		return CodeWrong, nil
	case CodeAbsent:
		if a.f.AccountCheck {
			return Fine, nil
		}
		a.code = CodeSkipped
		return CodeMissing, nil
	}
	a.code = CodeUnable
	return CodeTampered, nil
}

// proof: the holder confirmed this payment, and the confirmation bought nothing yet.
func (a *attempt) proof() (Reason, error) {
	switch {
	case len(a.f.Proof) == 0 && a.f.AccountCheck:
		return Fine, nil
	case len(a.f.Proof) == 0:
		return ProofMissing, nil
	case !a.f.ProofOK:
		return ProofBad, nil
	}
	used, err := a.tx.ProofUsed(a.f.Proof)
	if err != nil || used {
		return ProofSpent, err
	}
	return Fine, nil
}

func (a *attempt) limits() (Reason, error) {
	c := &a.card
	switch {
	case a.f.AccountCheck:
		return Fine, nil
	case c.Kind == Locked && c.LockAcceptor != "" && (c.LockAcceptor != a.f.Acceptor || c.LockAcquirer != a.f.Acquirer):
		return OtherShop, nil
	case c.Kind == SingleUse && c.Used != "":
		return SingleUsed, nil
	case c.LimitEach > 0 && a.f.Amount.Minor() > c.LimitEach:
		return OverEachLimit, nil
	case c.LimitDay <= 0:
		return Fine, nil
	}
	spent, err := a.tx.Spent(c.ID, a.now.Add(-24*time.Hour))
	if err != nil {
		return Fine, err
	}
	if a.f.Amount.Minor() > c.LimitDay-spent {
		return OverDayLimit, nil
	}
	return Fine, nil
}

// funds: the ledger reserves the money; this is the last check, and the only one with an effect.
func (a *attempt) funds() (Reason, error) {
	if a.f.AccountCheck {
		return Fine, nil
	}
	hold := ledger.Transfer{
		ID: ledger.TransferID("hold/" + a.f.Key), Kind: ledger.Pending, Code: ledger.Purchase, Hold: a.f.Hold,
		Debit: a.card.Account, Credit: SettlementAccount(a.f.Amount.Currency()),
		Amount: a.f.Amount, Expires: a.now.Add(a.rules.holdFor()),
	}
	res, err := ledger.Apply(a.tx, a.now, hold)
	if err != nil {
		return Fine, err
	}
	if res.Refusal() == ledger.ExceedsAvailable { // a hold whose time is over must not stand in the way
		chain, err := expired(a.tx, a.card.Account, a.now, 16)
		if err != nil {
			return Fine, err
		}
		if len(chain) > 0 {
			if res, err = ledger.Apply(a.tx, a.now, append(chain, hold)...); err != nil {
				return Fine, err
			}
		}
	}
	if !res.OK() {
		return fromLedger(res.Refusal(), ledger.Hold{}), nil
	}
	a.changes.Ledger = res.Effects
	a.mark()
	return Fine, nil
}

// mark spends the proof, and locks the card to this shop or uses it up.
func (a *attempt) mark() {
	a.changes.Proofs = append(a.changes.Proofs, Proof{Value: a.f.Proof, Key: a.f.Key, At: a.now})
	switch {
	case a.card.Kind == SingleUse:
		a.card.Used = a.f.Lifecycle
	case a.card.Kind == Locked && a.card.LockAcceptor == "":
		a.card.LockAcquirer, a.card.LockAcceptor = a.f.Acquirer, a.f.Acceptor
	default:
		return
	}
	a.changes.Cards = append(a.changes.Cards, a.card)
}

// SettlementAccount is what the bank owes the acquirers in a currency.
func SettlementAccount(cur money.Currency) ledger.AccountID {
	return ledger.AccountID("settlement." + cur.Alpha())
}

// FundingAccount is where deposits of a currency come from.
func FundingAccount(cur money.Currency) ledger.AccountID {
	return ledger.AccountID("funding." + cur.Alpha())
}
