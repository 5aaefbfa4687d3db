package payment

// ResponseCode is ISO 8583 DE 39: two characters.
type ResponseCode string

// The response codes of the house dialect (ISO 8583:1987, with the network codes in common use).
const (
	Approved        ResponseCode = "00"
	DoNotHonour     ResponseCode = "05"
	PartialApproval ResponseCode = "10"
	InvalidTx       ResponseCode = "12"
	InvalidAmount   ResponseCode = "13"
	NoSuchCard      ResponseCode = "14"
	NoSuchOriginal  ResponseCode = "25"
	FormatError     ResponseCode = "30"
	LostCard        ResponseCode = "41"
	StolenCard      ResponseCode = "43"
	ClosedCard      ResponseCode = "46"
	NoFunds         ResponseCode = "51"
	ExpiredCard     ResponseCode = "54"
	NotForHolder    ResponseCode = "57"
	NotForMerchant  ResponseCode = "58"
	SuspectedFraud  ResponseCode = "59"
	AmountLimit     ResponseCode = "61"
	Restricted      ResponseCode = "62" // frozen, locked to another shop, country
	SecurityFailure ResponseCode = "63" // message authentication
	CountLimit      ResponseCode = "65" // count limit, or confirmation required (SCARequired is the reason)
	TooManyCodes    ResponseCode = "75"
	NotActivated    ResponseCode = "78"
	IssuerDown      ResponseCode = "91"
	Duplicate       ResponseCode = "94"
	Malfunction     ResponseCode = "96"
	WrongCode       ResponseCode = "N7"
	noResponse      ResponseCode = ""
)

// OK says whether money was approved, wholly or in part.
func (c ResponseCode) OK() bool { return c == Approved || c == PartialApproval }

// Decline is what the shop and the shopper are told of a refusal.
type Decline struct {
	Code    string `json:"code"`    // for programs: one of the Decline… constants
	Message string `json:"message"` // for people, in English
	Retry   bool   `json:"retry"`   // whether another try with the same card can help
}

// The decline codes that leave the gateway. They are coarse on purpose: a wrong number, expiry or code, a
// card that does not exist, is stopped, is locked to another shop or has no money look the same from
// outside, because the difference would help a thief. The holder reads the true reason in Mobile Bank.
const (
	DeclineCard         = "card_declined"     // the bank said no
	DeclineConfirmation = "not_confirmed"     // the holder did not confirm, or could not
	DeclineTechnical    = "bank_unavailable"  // no answer in time; nothing was taken
	DeclineUnsupported  = "card_not_accepted" // the bank of this card is not connected here
)

// DeclineFor is the outside face of a response code.
func DeclineFor(c ResponseCode) Decline {
	switch c {
	case IssuerDown, Malfunction, FormatError, SecurityFailure, Duplicate, noResponse:
		return Decline{DeclineTechnical, "The bank could not be reached. No money was taken. Please try again.", true}
	}
	return Decline{DeclineCard, "The bank declined this card. Check the details, use another card, or ask your bank: its app shows the reason.", true}
}
