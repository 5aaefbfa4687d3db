// Package ui has the pages of Mobile Bank. They work without script; with it, money and payments change as they happen.
package ui

import (
	"embed"
	"html/template"
	"io"
	"net/http"

	base "countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed *.html
var templates embed.FS

// Page is the whole app: cards and payments of one holder. Amounts are ready to be read. Its JSON is what the page's
// script asks for when something happened.
type Page struct {
	Bank     string    `json:"-"`
	Name     string    `json:"-"`
	Cards    []Card    `json:"cards"`
	Payments []Payment `json:"payments"` // newest first
	Look     Look      `json:"-"`
	Problem  string    `json:"-"`
}

// Card is one card.
type Card struct {
	ID        string `json:"id"`
	Brand     string `json:"brand"`
	Last4     string `json:"last4"`
	Name      string `json:"name"`
	Expiry    string `json:"expiry"` // MM/YY
	Status    string `json:"status"` // active, frozen, closed, expired
	Available string `json:"available"`
	Held      string `json:"held"`  // "" = nothing
	Limit     string `json:"limit"` // for one payment; "" = none
	Lock      string `json:"lock"`  // shop that the card is locked to; "" = none
}

// Frozen says whether the card can be unfrozen.
func (c Card) Frozen() bool { return c.Status == "frozen" }

// Usable says whether the card can be frozen.
func (c Card) Usable() bool { return c.Status == "active" }

// Payment is one try to pay.
type Payment struct {
	ID       string `json:"id"`
	Merchant string `json:"merchant"`
	Amount   string `json:"amount"`
	Last4    string `json:"last4"`
	Status   string `json:"status"`
	Tone     string `json:"tone"`   // good, bad, warn or ""
	Reason   string `json:"reason"` // "" = nothing to explain
	At       string `json:"at"`     // RFC 3339
	Day      string `json:"day"`
}

// Look is a look at a card's face, in a frame of the bank's own.
type Look struct{ Card, URL string }

// Home writes the app.
func Home(w io.Writer, p Page) error { return pagesTable.Write(w, "home.html", p) }

// SignInPage asks who is there. Again makes the browser ask once more for itself, with its cookie.
type SignInPage struct {
	Bank  string
	Demo  bool
	Again bool
}

// SignIn writes it.
func SignIn(w io.Writer, p SignInPage) error { return pagesTable.Write(w, "signin.html", p) }

// Note writes a page that says one thing.
func Note(w io.Writer, title, text string) error {
	return pagesTable.Write(w, "note.html", struct{ Title, Text string }{title, text})
}

// Assets serves script and style. Mount it at "/_bank/", and countersign/ui.Assets at "/_ui/".
func Assets() http.Handler { return pagesTable.Assets() }

var pagesTable = base.NewPages("/_bank/", dist, templates, func(b *base.Bundle) template.FuncMap {
	return template.FuncMap{
		"style":  func() template.HTML { return b.Stylesheet("bank.css") },
		"script": func() template.HTML { return b.Script("bank.js") },
	}
})
