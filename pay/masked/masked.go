// Package masked is what may leave the card zone: brand, last four digits and the holder's name.
//
// The shop, Mobile Bank, mails and logs know cards in this form only. It imports nothing, so
// whoever can name a masked card still cannot name a card.
package masked

// Card is a card as everybody may see it.
type Card struct {
	Brand  string `json:"brand"`  // such as "Visa", "Mastercard", "Demo Bank"
	Last4  string `json:"last4"`  // four digits
	Holder string `json:"holder"` // as typed by the shopper; may be empty
}

// String writes the card for people: "Visa •••• 4242".
func (c Card) String() string {
	if c.Last4 == "" {
		return "no card"
	}
	return c.Brand + " •••• " + c.Last4
}
