package book

import (
	"countersign/pay/ledger"
	"countersign/pay/payment"
)

// Reason is why the bank decided as it did: for the holder and for staff, never for the wire. The
// texts are what Mobile Bank shows.
type Reason uint8

// The reasons. The numbers are stored and never reused.
const (
	Fine            Reason = 0
	BadFormat       Reason = 1
	BadAmount       Reason = 2
	AlreadyHeld     Reason = 3
	ReversedBefore  Reason = 4
	CardUnknown     Reason = 5
	CardFrozen      Reason = 6
	CardInactive    Reason = 7
	CardLost        Reason = 8
	CardStolen      Reason = 9
	CardClosed      Reason = 10
	CardExpired     Reason = 11
	ExpiryWrong     Reason = 12
	TooManyCodes    Reason = 13
	CodeMissing     Reason = 14
	CodeWrong       Reason = 15
	CodeTampered    Reason = 16
	ProofMissing    Reason = 17
	ProofBad        Reason = 18
	ProofSpent      Reason = 19
	OtherShop       Reason = 20
	SingleUsed      Reason = 21
	OverEachLimit   Reason = 22
	OverDayLimit    Reason = 23
	WrongCurrency   Reason = 24
	FundsShort      Reason = 25
	OriginalUnknown Reason = 26
	OriginalRefused Reason = 27
	OriginalForeign Reason = 28
	HoldGone        Reason = 29
	HoldTimedOut    Reason = 30
	OverHold        Reason = 31
	OverCaptured    Reason = 32
	CapturedAlready Reason = 33
	KeyReused       Reason = 34
	NothingHeld     Reason = 35
	Impossible      Reason = 36
)

type reasonRow struct {
	response payment.ResponseCode
	text     string
}

// reasonTable gives each reason its response code and its words.
var reasonTable = [...]reasonRow{
	Fine:            {payment.Approved, ""},
	BadFormat:       {payment.FormatError, "The request was not complete."},
	BadAmount:       {payment.InvalidAmount, "The amount was not valid."},
	AlreadyHeld:     {payment.Duplicate, "This payment was authorised already."},
	ReversedBefore:  {payment.Duplicate, "The shop's side took this payment back before it arrived."},
	CardUnknown:     {payment.NoSuchCard, "There is no card with this number."},
	CardFrozen:      {payment.Restricted, "You have frozen this card."},
	CardInactive:    {payment.NotActivated, "This card is not active yet."},
	CardLost:        {payment.LostCard, "This card was reported lost."},
	CardStolen:      {payment.StolenCard, "This card was reported stolen."},
	CardClosed:      {payment.ClosedCard, "This card is closed."},
	CardExpired:     {payment.ExpiredCard, "This card has expired."},
	ExpiryWrong:     {payment.ExpiredCard, "The expiry date was not the one of this card."},
	TooManyCodes:    {payment.TooManyCodes, "The security code was wrong too often; it is blocked for 24 hours."},
	CodeMissing:     {payment.WrongCode, "The security code was missing."},
	CodeWrong:       {payment.WrongCode, "The security code was wrong."},
	CodeTampered:    {payment.DoNotHonour, "The sealed security code did not belong to this payment."},
	ProofMissing:    {payment.CountLimit, "You did not confirm this payment."},
	ProofBad:        {payment.DoNotHonour, "Your confirmation was not for this payment."},
	ProofSpent:      {payment.DoNotHonour, "Your confirmation was used before."},
	OtherShop:       {payment.Restricted, "This card works in another shop only."},
	SingleUsed:      {payment.NotForHolder, "This card was for one payment, which is made."},
	OverEachLimit:   {payment.AmountLimit, "The amount is above this card's limit for one payment."},
	OverDayLimit:    {payment.AmountLimit, "The amount is above what this card may spend in 24 hours."},
	WrongCurrency:   {payment.InvalidTx, "The account does not keep this currency."},
	FundsShort:      {payment.NoFunds, "There was not enough money in the account."},
	OriginalUnknown: {payment.NoSuchOriginal, "The payment that this belongs to is not known."},
	OriginalRefused: {payment.InvalidTx, "The payment that this belongs to was not approved."},
	OriginalForeign: {payment.NoSuchOriginal, "The payment that this belongs to is another merchant's or another card's."},
	HoldGone:        {payment.InvalidTx, "The money was given back before."},
	HoldTimedOut:    {payment.InvalidTx, "The shop did not take the money in time; it was given back."},
	OverHold:        {payment.InvalidAmount, "More was asked for than is held."},
	OverCaptured:    {payment.InvalidAmount, "More was to be refunded than was taken."},
	CapturedAlready: {payment.InvalidTx, "The money was taken already; only a refund can give it back."},
	KeyReused:       {payment.Duplicate, "This message's number was used before for something else."},
	NothingHeld:     {payment.Approved, "There was nothing to give back."},
	Impossible:      {payment.Malfunction, "The books refused this; a person should look."},
}

// String is the reason in plain English, one sentence; "" when there is nothing to explain.
func (r Reason) String() string {
	if int(r) < len(reasonTable) {
		return reasonTable[r].text
	}
	return ""
}

// Response is the response code that goes with the reason (ISO 8583 DE 39).
func (r Reason) Response() payment.ResponseCode {
	if int(r) < len(reasonTable) {
		return reasonTable[r].response
	}
	return payment.Malfunction
}

// fromLedger is the reason for a refusal of the ledger.
func fromLedger(s ledger.Status, h ledger.Hold) Reason {
	switch s {
	case ledger.ExceedsAvailable:
		return FundsShort
	case ledger.CurrencyDiffers:
		return WrongCurrency
	case ledger.AmountZero:
		return BadAmount
	case ledger.HoldExpired:
		return HoldTimedOut
	case ledger.ExceedsHold:
		return OverHold
	case ledger.ExceedsCaptured:
		return OverCaptured
	case ledger.HoldClosed:
		return closed(h)
	}
	return Impossible
}

func closed(h ledger.Hold) Reason {
	switch h.State {
	case ledger.Captured:
		return CapturedAlready
	case ledger.Expired:
		return HoldTimedOut
	}
	return HoldGone
}
