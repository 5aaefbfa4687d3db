package phone

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed inbox.html
var templates embed.FS

var pagesTable = ui.NewPages("/_phone/", dist, templates, func(b *ui.Bundle) template.FuncMap {
	return template.FuncMap{
		"assets": func() template.HTML { return b.Stylesheet("phone.css") + b.Script("phone.js") },
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
})

const shown = 50

func (b *inbox) routes(life context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.page)
	mux.HandleFunc("GET /messages.json", b.json)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { b.events(life, w, r) })
	mux.Handle("/_ui/", ui.Assets())
	mux.Handle("/_phone/", pagesTable.Assets())
	return mux
}

func (b *inbox) page(w http.ResponseWriter, r *http.Request) {
	list, err := b.list(r.Context(), "", shown)
	if err != nil {
		b.broken(w, err)
		return
	}
	ui.Secure(w.Header(), ui.Policy{})
	_ = pagesTable.Write(w, "inbox.html", struct {
		Messages []Message
		Now      time.Time
	}{list, b.now()})
}

// json is for programs: newest first, ?to=NUMBER for one telephone.
func (b *inbox) json(w http.ResponseWriter, r *http.Request) {
	list, err := b.list(r.Context(), r.URL.Query().Get("to"), shown)
	if err != nil {
		b.broken(w, err)
		return
	}
	if list == nil {
		list = []Message{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": list})
}

func (b *inbox) broken(w http.ResponseWriter, err error) {
	b.log.Error("cannot read messages", "error", err)
	http.Error(w, "The messages cannot be read at the moment.", http.StatusServiceUnavailable)
}

// events tells the page that a message came; the page then asks for the list.
func (b *inbox) events(life context.Context, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	fmt.Fprint(w, "retry: 1000\n\n")
	alive := time.NewTicker(15 * time.Second)
	defer alive.Stop()
	for {
		next := b.next()
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-life.Done():
			return
		case <-next:
			fmt.Fprint(w, "event: message\ndata: {}\n\n")
		case <-alive.C:
			fmt.Fprint(w, ": alive\n\n")
		}
	}
}
