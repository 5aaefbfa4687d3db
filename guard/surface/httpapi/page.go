package httpapi

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"countersign/guard/lookalike"
	"countersign/guard/verdict"
	"countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed page.html
var pageHTML string

// bundleTable is made once.
var bundleTable = sync.OnceValue(func() *ui.Bundle {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a constant and embedded
	}
	return ui.NewBundle("/_guard/", files)
})

// pageTable is parsed once.
var pageTable = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(ui.Funcs()).Funcs(template.FuncMap{
		"assets": func() template.HTML { return bundleTable().Stylesheet("guard.css") },
	}).Parse(pageHTML))
})

// examples are offered below the field.
var examplesTable = [...]string{"https://www.aliexpress.com/", "aliexpres.com", "rnicrosoft.com", "аliexpress.com", "paypal.com.secure-id.top", "https://aliexpress.com@x.top/"}

const maxAsked = 4096 // characters of an address that the page takes

// view is what the page shows.
type view struct {
	Asked    string
	Verdict  *verdict.Verdict
	Tone     string // good, warn, bad or ""
	Headline string
	Marks    []lookalike.Mark
	Examples []string
	Brands   int
}

func (s *service) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.page)
	mux.Handle("/_ui/", ui.Assets())
	mux.Handle("/_guard/", bundleTable())
}

func (s *service) page(w http.ResponseWriter, r *http.Request) {
	e := s.engine.Load()
	v := view{Asked: strings.TrimSpace(r.URL.Query().Get("address")), Examples: examplesTable[:], Brands: len(e.Catalogue().Brands)}
	if len(v.Asked) > maxAsked {
		v.Asked = strings.ToValidUTF8(v.Asked[:maxAsked], "")
	}
	if v.Asked != "" {
		found := e.Judge(v.Asked)
		v.Verdict, v.Marks = &found, e.Show(v.Asked)
		v.Tone, v.Headline = headline(&found)
	}
	ui.Secure(w.Header(), ui.Policy{NoScript: true})
	w.Header().Set("Referrer-Policy", "no-referrer") // the address that was asked about stands in ours
	_ = pageTable().Execute(w, v)
}

func headline(v *verdict.Verdict) (tone, text string) {
	switch v.Level {
	case verdict.Genuine:
		return "good", "Genuine: this is " + v.Name
	case verdict.Danger:
		if v.Name == "" {
			return "bad", "Danger: do not type anything there"
		}
		return "bad", "Danger: this imitates " + v.Name
	case verdict.Caution:
		if v.Name == "" {
			return "warn", "Caution: look twice"
		}
		return "warn", "Caution: this may imitate " + v.Name
	}
	if v.Class == verdict.Owned {
		return "", "Belongs to " + v.Name + ", not a place to pay"
	}
	if v.Name != "" {
		return "", "Unknown: not a listed address of " + v.Name
	}
	return "", "Unknown: no shop or bank that we know"
}
