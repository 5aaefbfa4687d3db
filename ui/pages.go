package ui

import (
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"sync"
)

// Pages are the templates, scripts and styles of one room. They are read at first use and never change.
type Pages struct {
	made func() (*Bundle, *template.Template)
}

// NewPages takes the room's files: dist with a folder "dist" of built scripts and styles, which Assets serves below
// prefix ("/_bank/"), and templates with *.html. Beside Funcs, templates know css and js (a built file by its name) and
// what more adds; more may be nil. Files that do not parse are a mistake of ours and panic at first use.
func NewPages(prefix string, dist, templates fs.FS, more func(*Bundle) template.FuncMap) *Pages {
	return &Pages{made: sync.OnceValues(func() (*Bundle, *template.Template) {
		files, err := fs.Sub(dist, "dist")
		if err != nil {
			panic(err) // "dist" is a constant and embedded
		}
		b := NewBundle(prefix, files)
		t := template.New("").Funcs(Funcs()).Funcs(template.FuncMap{"css": b.Stylesheet, "js": b.Script})
		if more != nil {
			t = t.Funcs(more(b))
		}
		return b, template.Must(t.ParseFS(templates, "*.html"))
	})}
}

// Write writes one page.
func (p *Pages) Write(w io.Writer, name string, data any) error {
	_, t := p.made()
	return t.ExecuteTemplate(w, name, data)
}

// Assets serves the scripts and styles. Mount it at the prefix.
func (p *Pages) Assets() http.Handler {
	b, _ := p.made()
	return b
}
