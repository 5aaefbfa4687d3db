package hostile

import (
	"bytes"
	"net/url"
	"testing"

	"golang.org/x/net/html"

	"countersign/examples/shopper"
)

// form reads the form with a field from a page, as a browser would send it.
func (w *world) form(t *testing.T, address, field string) shopper.Form {
	t.Helper()
	r := w.fetch(t, "GET", address, "", nil)
	doc, err := html.Parse(bytes.NewReader(r.body))
	must(t, err)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f := shopper.Form{Values: url.Values{}}
		f.Action = ref(address).ResolveReference(ref(attr(n, "action")))
		for i := range n.Descendants() {
			if i.Type == html.ElementNode && i.Data == "input" && attr(i, "name") != "" {
				f.Values.Set(attr(i, "name"), attr(i, "value"))
			}
		}
		if f.Values.Has(field) {
			return f
		}
	}
	t.Fatalf("no form with %s at %s: HTTP %d %.300s", field, address, r.status, r.body)
	return shopper.Form{}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
