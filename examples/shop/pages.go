package shop

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed *.html
var templates embed.FS

// page is what every page of the shop gets.
type page struct {
	Title   string
	Text    string
	Basket  int // things in the basket
	Goods   []Item
	Lines   []Line
	Total   int64
	Nonce   string // the id that makes a form's second sending harmless
	Order   *Order
	Orders  []Order
	Loader  string // address of the gateway's loader
	Problem string
	Desk    bool
	Wait    bool // something is on its way: the page looks again by itself
}

var pagesTable = ui.NewPages("/_shop/", dist, templates, func(*ui.Bundle) template.FuncMap {
	return template.FuncMap{
		"currency": func() string { return Currency },
		"counts":   func() []int { return []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9} },
	}
})

func (s *Shop) render(w http.ResponseWriter, status int, name string, p page) {
	var b bytes.Buffer
	if err := pagesTable.Write(&b, name, p); err != nil {
		s.fail(w, err)
		return
	}
	policy := ui.Policy{}
	if p.Loader != "" { // only the page with the frame may load anything from the gateway
		policy.Script, policy.Frame = []string{s.API.Base}, []string{s.API.Base}
	}
	ui.Secure(w.Header(), policy)
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func (s *Shop) front(w http.ResponseWriter, r *http.Request) {
	s.render(w, http.StatusOK, "front.html", page{Title: "Lantern Lane", Basket: count(basketOf(r)), Goods: goodsTable})
}

func (s *Shop) say(w http.ResponseWriter, status int, title, text string) {
	s.render(w, status, "say.html", page{Title: title, Text: text})
}

func (s *Shop) noOrder(w http.ResponseWriter) {
	s.say(w, http.StatusNotFound, "No such order", "We have no order under this address. Perhaps it was cut off when it was copied.")
}

func (s *Shop) fail(w http.ResponseWriter, err error) {
	s.Log.Error("shop", "err", err)
	http.Error(w, "Something went wrong in the shop. Nothing was paid by this. Please go back and try again.", http.StatusInternalServerError)
}
