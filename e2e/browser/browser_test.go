package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/ui"
)

// The controls: what must not be on our pages is noticed when it is there.
func TestPlantedFaultsAreNoticed(t *testing.T) {
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }))
	defer foreign.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a.js" {
			w.Header().Set("Content-Type", "text/javascript")
			io.WriteString(w, `document.body.innerHTML = "<p>x</p>"`)
			return
		}
		ui.Secure(w.Header(), ui.Policy{})
		io.WriteString(w, map[string]string{
			"/inline":  `<!doctype html><html lang="en"><title>t</title><main><h1>t</h1></main><script>document.title = "run"</script></html>`,
			"/style":   `<!doctype html><html lang="en"><title>t</title><main><h1 style="color:red">t</h1></main></html>`,
			"/foreign": `<!doctype html><html lang="en"><title>t</title><main><h1>t</h1><img alt="x" src="` + foreign.URL + `"></main></html>`,
			"/sink":    `<!doctype html><html lang="en"><title>t</title><body><main><h1>t</h1></main><script defer src="/a.js"></script></html>`,
			"/axe":     `<!doctype html><html><title>t</title><main><h1>t</h1><input><img src="/x.png"></main></html>`,
			"/good":    `<!doctype html><html lang="en"><title>t</title><main><h1>t</h1><p>Fine.</p></main></html>`,
		}[r.URL.Path])
	}))
	defer srv.Close()
	b := Start(t)
	for path, want := range map[string]string{"/inline": "Content Security Policy", "/style": "Content Security Policy", "/foreign": "Content Security Policy", "/sink": "TrustedHTML", "/axe": "label", "/good": ""} {
		tab := b.Tab(t, Phone())
		tab.Goto(srv.URL + path)
		time.Sleep(200 * time.Millisecond)
		got := strings.Join(append(tab.Complaints("404 (Not Found)"), tab.Violations()...), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: heard %q, want %q", path, got, want)
		}
		if path == "/inline" && Eval[string](tab, "", "document.title") == "run" {
			t.Error("an inline script ran")
		}
	}
}
