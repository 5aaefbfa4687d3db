// Package ui is the bank's card face: the page that shows number, expiry and security code to the holder.
//
// The page makes an X25519 key pair, sends the public key with its one-time ticket, and opens the sealed answer
// itself; so no HTTP stack, log or memory outside the issuer's opening function and the holder's browser ever
// holds the card in clear. What it shows lives in a closed shadow root and goes away after a minute.
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

// PageData is what the card face needs. The sealed answer to OpenURL is JSON {"box": "v1.page.BASE64URL"}, made by
//
//	sealed.Seal(sealed.Face, "page", public, []byte("face "+ticket), json)
//
// with json = {"number": digits, "expiry": "YYMM", "code": digits, "name": holder}.
type PageData struct {
	Ticket  string // the one-time ticket of the address
	OpenURL string // POST {"ticket","public"}; "/card/open" when empty
	Brand   string // "Demo Bank"; may be empty
	Ask     bool   // show a button first instead of opening at once
}

// Page writes the card face. Headers: countersign/ui.SecureWith(h, CSP(…)).
func Page(w io.Writer, d PageData) error {
	if d.OpenURL == "" {
		d.OpenURL = "/card/open"
	}
	return render(w, "face.html", d)
}

// Gone writes the page for a ticket that is used, expired or unknown.
func Gone(w io.Writer) error { return render(w, "gone.html", nil) }

// CSP is the policy of both pages; the given origins may frame them (Mobile Bank, and the tour in the demo).
func CSP(ancestors ...string) string {
	return base.Policy{Form: []string{"'none'"}, Ancestors: ancestors}.String()
}

// Assets serves script and style. Mount it at "/_face/" on origin face.bank, and countersign/ui.Assets at "/_ui/".
func Assets() http.Handler { return pagesTable.Assets() }

var pagesTable = base.NewPages("/_face/", dist, templates, func(b *base.Bundle) template.FuncMap {
	return template.FuncMap{"cssURL": b.URL}
})

func render(w io.Writer, name string, data any) error { return pagesTable.Write(w, name, data) }
