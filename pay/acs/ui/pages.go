// Package ui is the bank's challenge page, which the shop's checkout shows in a frame of at least 250 by 400
// pixels. It works without script; the script only counts the time down and sends the last form by itself.
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

// Deal is what every page says about the payment.
type Deal struct {
	Bank     string // the bank's name
	Payee    string // the shop's name
	Site     string // the shop's address without scheme
	Minor    int64
	Currency string // ISO 4217
	Brand    string
	Last4    string
}

// Ask is the page that asks for the code. Its upper half (Top) names amount, payee and card and is sent before the
// message goes out; the lower half (Bottom) knows what became of the message.
type Ask struct {
	Deal
	Action   string // where the form goes
	ID       string // acsTransID
	Session  string // unguessable, bound to the ID
	Form     int    // number of the form
	Phone    string // masked number
	Status   string // about the message: "sent", "failed", "unknown", "none"
	Error    string // about the last answer, in plain words; shown as an alert
	Notice   string // good news
	CodeLeft int    // seconds; 0 = the code is over
	ResendIn int    // seconds until another code may be asked for; negative = never
	Focus    bool   // put the cursor into the field
}

// Top writes the upper half.
func Top(w io.Writer, a Ask) error { return render(w, "top", a) }

// Bottom writes the lower half.
func Bottom(w io.Writer, a Ask) error { return render(w, "bottom", a) }

// Back is a page without a question: it goes back to the shop with a CRes or an Erro.
type Back struct {
	Deal
	Title   string
	Text    string
	Good    bool
	Target  string // notificationURL
	CRes    string
	Session string // threeDSSessionData; "" = none was given
	Auto    bool   // go by itself
}

// Return writes a Back page.
func Return(w io.Writer, b Back) error { return render(w, "return.html", b) }

// Wait is the page while the result is on its way.
type Wait struct {
	Deal
	Action, ID, Session string
}

// Waiting writes a Wait page.
func Waiting(w io.Writer, p Wait) error { return render(w, "wait.html", p) }

// Plain writes a page that knows of no payment.
func Plain(w io.Writer, title, text string) error {
	return render(w, "plain.html", struct{ Title, Text string }{title, text})
}

// CSP is the policy of a page: framed by the given origins only, its forms go to itself and to form.
func CSP(ancestors []string, form ...string) string {
	return base.Policy{Form: form, Ancestors: ancestors}.String()
}

// Assets serves script and style. Mount it at "/_acs/", and countersign/ui.Assets at "/_ui/".
func Assets() http.Handler { return pagesTable.Assets() }

var pagesTable = base.NewPages("/_acs/", dist, templates, func(b *base.Bundle) template.FuncMap {
	return template.FuncMap{
		"assets":  func() template.HTML { return b.Stylesheet("acs.css") + b.Script("acs.js") },
		"minutes": func(seconds int) int { return (seconds + 59) / 60 },
	}
})

func render(w io.Writer, name string, data any) error {
	return pagesTable.Write(w, name, data)
}
