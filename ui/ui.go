// Package ui is what all pages share: colours and parts (button, field, amount, card, table), the
// helpers that write them, and the headers that every page carries.
//
// Pages are plain html/template. Their scripts and styles are built files, embedded, served by a
// Bundle under an address that names their content, with a subresource integrity hash. No page has
// an inline script or style, and no page loads anything from another host.
package ui

import (
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed dist
var dist embed.FS

// Shared is the bundle of this package: base.css, and icon.svg, under /_ui/.
func Shared() *Bundle {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a constant and embedded
	}
	return NewBundle("/_ui/", files)
}

// Assets serves the shared files. Mount it at "/_ui/" on every origin that has pages.
func Assets() http.Handler { return Shared() }

// Bundle is a set of built files below one address prefix. It is read-only after NewBundle and is an
// http.Handler for everything below its prefix.
type Bundle struct {
	prefix string
	files  map[string]asset
}

type asset struct {
	data            []byte
	mime, version   string
	integrity, etag string
}

// NewBundle reads all files of the folder (built assets, see ui/build). The prefix starts and ends with a
// slash and is the path under which the bundle is mounted.
func NewBundle(prefix string, files fs.FS) *Bundle {
	b := &Bundle{prefix: prefix, files: map[string]asset{}}
	entries, _ := fs.ReadDir(files, ".")
	for _, e := range entries {
		data, err := fs.ReadFile(files, e.Name())
		if err != nil || e.IsDir() {
			continue
		}
		short, long := sha256.Sum256(data), sha512.Sum384(data)
		v := hex.EncodeToString(short[:6])
		b.files[e.Name()] = asset{
			data: data, mime: mime.TypeByExtension(path.Ext(e.Name())), version: v, etag: `"` + v + `"`,
			integrity: "sha384-" + base64.StdEncoding.EncodeToString(long[:]),
		}
	}
	return b
}

// URL is the address of a file with its content's version: "/_ui/base.css?v=0123456789ab".
// A file that is not there gets an address without a version (and answers 404).
func (b *Bundle) URL(name string) string {
	if a, ok := b.files[name]; ok {
		return b.prefix + name + "?v=" + a.version
	}
	return b.prefix + name
}

// Integrity is the subresource integrity hash of a file, "" when there is none.
func (b *Bundle) Integrity(name string) string { return b.files[name].integrity }

// Stylesheet is the link tag of a CSS file of the bundle.
func (b *Bundle) Stylesheet(name string) template.HTML {
	return template.HTML(`<link rel="stylesheet" href="` + b.URL(name) + `" integrity="` + b.Integrity(name) + `">`)
}

// Script is the script tag of a JavaScript file of the bundle; it runs after the page is parsed.
func (b *Bundle) Script(name string) template.HTML {
	return template.HTML(`<script defer src="` + b.URL(name) + `" integrity="` + b.Integrity(name) + `"></script>`)
}

// ServeHTTP answers GET and HEAD for the files of the bundle. A request with the right version may be
// kept for a year; others are checked each time.
func (b *Bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := b.files[strings.TrimPrefix(r.URL.Path, b.prefix)]
	if !ok || !strings.HasPrefix(r.URL.Path, b.prefix) {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(a.data)
}
