package httpapi

import (
	"embed"
	"html/template"
	"net/http"
	"strings"

	"countersign/guard/lookalike"
	"countersign/guard/verdict"
	"countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed page.html
var templates embed.FS

var pagesTable = ui.NewPages("/_guard/", dist, templates, func(b *ui.Bundle) template.FuncMap {
	return template.FuncMap{"assets": func() template.HTML { return b.Stylesheet("guard.css") }}
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
	mux.Handle("/_guard/", pagesTable.Assets())
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
	_ = pagesTable.Write(w, "page.html", v)
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
