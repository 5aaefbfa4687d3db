package e2e

import (
	"strings"
	"testing"

	"countersign/e2e/browser"
)

// The guard's page: an address is pasted, the verdict names the brand and shows the differing letters, on a telephone
// and on a desktop, in both themes.
func TestGuardPage(t *testing.T) {
	b := browser.Start(t)
	d := startDemo(t)
	for _, size := range []browser.Size{browser.Phone(), browser.Desktop()} {
		t.Run(size.Name, func(t *testing.T) {
			pic := newPictures(t, *updateDocs)
			tab := b.Tab(t, size)
			tab.Goto(d.url("guard") + "/")
			look(tab, "guard")
			tab.Type("", "#address", "https://aliexpres.com/item/1")
			tab.Click("", "form button")
			tab.Visible("", "#headline")
			look(tab, "danger")
			pic.shot(tab, "guard-"+size.Name)
			if s := tab.Text("", "main"); !strings.Contains(s, "AliExpress") || !strings.Contains(s, "aliexpress.com") || !strings.Contains(s, "danger") {
				t.Errorf("the verdict does not name brand and genuine address: %s", s)
			}
			if m := tab.Text("", "mark"); m != "s" {
				t.Errorf("marked is %q, not the s", m)
			}
			for address, level := range map[string]string{"aliexpress.com": "genuine", "example.org": "unknown", "<script>alert(1)</script>": "caution"} {
				tab.Goto(d.url("guard") + "/")
				tab.Type("", "#address", address)
				tab.Click("", "form button")
				tab.Visible("", "#headline")
				look(tab, level)
				if s := tab.Text("", ".answer .tag"); s != level {
					t.Errorf("%q is called %q", address, s)
				}
			}
			tab.Quiet()
		})
	}
}
