package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/guard/verdict"
	"countersign/host"
)

func serve(t *testing.T, cfg Config) *httptest.Server {
	t.Helper()
	r, err := Role(cfg).Start(t.Context(), &host.Env{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r.Web[origin])
	t.Cleanup(func() {
		srv.Close()
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func ask(t *testing.T, srv *httptest.Server, kind, body string) (int, string) {
	t.Helper()
	res, err := http.Post(srv.URL+"/v1/check", kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func TestCheckEndpoint(t *testing.T) {
	srv := serve(t, Config{})
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ Responses map[string]any }
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	if err := json.Unmarshal(openapiJSON, &doc); err != nil || doc.OpenAPI != "3.0.3" {
		t.Fatal(err)
	}
	described := doc.Components.Schemas["Verdict"]
	if classes := verdict.Classes(); len(classes) != len(described.Properties["class"].Enum) || described.Properties["class"].Enum[len(classes)-1] != classes[len(classes)-1].String() {
		t.Error("the document does not name the classes of guard/verdict")
	}
	for _, c := range []struct {
		kind, body string
		status     int
		want       string
	}{
		{"application/json", `{"url":"https://aliexpres.com/"}`, 200, `"evidence":"aliexpre[s].com"`},
		{"application/json; charset=utf-8", `{"urls":["aliexpress.com","x"]}`, 200, `"level":"genuine"`},
		{"application/json", `{"url":"<script>"}`, 200, `"malformed"`},
		{"text/plain", `{}`, 415, "media-type"},
		{"application/json", `{`, 400, `"json"`},
		{"application/json", `{"url":5}`, 400, `"json"`},
		{"application/json", `{}`, 422, `"pointer":"/url"`},
		{"application/json", `{"url":"` + strings.Repeat("a", maxBody) + `"}`, 413, "too-large"},
		{"application/json", `{"urls":[` + strings.Repeat(`"a",`, maxMany) + `"a"]}`, 422, "too-many"},
	} {
		status, text := ask(t, srv, c.kind, c.body)
		if status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%.60s: %d %.300s", c.body, status, text)
		}
		if !json.Valid([]byte(text)) || strings.Contains(text, "<script>") {
			t.Errorf("%.60s: %s", c.body, text)
		}
		if _, ok := doc.Paths["/v1/check"]["post"].Responses[strconv.Itoa(status)]; !ok {
			t.Errorf("status %d is not described", status)
		}
		schema := "Problem"
		if status == 200 && strings.Contains(c.body, `"url"`) {
			schema = "Verdict"
		} else if status == 200 {
			schema = "Verdicts"
		}
		var got map[string]any
		json.Unmarshal([]byte(text), &got)
		for _, k := range doc.Components.Schemas[schema].Required {
			if _, ok := got[k]; !ok {
				t.Errorf("%.60s: no %s in %s", c.body, k, text)
			}
		}
		for k := range got {
			if _, ok := doc.Components.Schemas[schema].Properties[k]; !ok {
				t.Errorf("%.60s: %s is not described", c.body, k)
			}
		}
	}
}

func TestPage(t *testing.T) {
	srv := serve(t, Config{})
	for query, want := range map[string]string{
		"":                                      "Is this the genuine shop",
		"?address=rnicrosoft.com":               "<mark>rn</mark>icrosoft.com",
		"?address=aliexpress.com":               "Genuine: this is AliExpress",
		"?address=%3Cscript%3Ex":                "&lt;script&gt;x",
		"?address=" + strings.Repeat("a", 9000): "Caution",
	} {
		res, err := http.Get(srv.URL + "/" + query)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(text), want) || strings.Contains(string(text), "<script") {
			t.Errorf("%.50s: no %q in\n%.2000s", query, want, text)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'none'") {
			t.Error(csp)
		}
	}
}

func TestTakesUpFilesWithoutRestart(t *testing.T) {
	own := t.TempDir()
	srv := serve(t, Config{Own: own, Refresh: 10 * time.Millisecond})
	body := `{"url":"lanternlame.example"}`
	if _, text := ask(t, srv, "application/json", body); !strings.Contains(text, "unknown") {
		t.Fatal(text)
	}
	os.WriteFile(filepath.Join(own, "a.brands"), []byte("[lanternlane]\nname Lantern Lane\nsector own\ncountry --\nshop lanternlane.example\nsource me 2026-01-01\nchecked 2026-01-01\n"), 0o644)
	for i := 0; ; i++ {
		if _, text := ask(t, srv, "application/json", body); strings.Contains(text, "danger") {
			break
		} else if i > 300 {
			t.Fatal(text)
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.WriteFile(filepath.Join(own, "a.brands"), []byte("broken\n"), 0o644)
	time.Sleep(50 * time.Millisecond)
	if _, text := ask(t, srv, "application/json", body); !strings.Contains(text, "danger") {
		t.Fatal("a broken file replaced a good one", text)
	}
}
