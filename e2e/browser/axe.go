package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Axe checks the page and all its frames with axe-core (WCAG 2.2 A and AA, and its best practices) and fails the
// test on any violation. axe-core comes from npm into e2e/node_modules; without it the check says so.
func (tab *Tab) Axe(what string) {
	tab.t.Helper()
	for _, v := range tab.Violations() {
		tab.t.Errorf("%s, %s", what, v)
	}
}

// Violations are what Axe would fail for.
func (tab *Tab) Violations() (all []string) {
	tab.t.Helper()
	source, err := os.ReadFile(filepath.Join(root(), "e2e", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		Missing(tab.t, "axe-core is not installed (cd e2e && npm ci)")
	}
	for _, url := range tab.Frames() {
		if !strings.HasPrefix(url, "http") {
			continue
		}
		found := Eval[[]string](tab, url, string(source)+axeRun)
		for _, f := range found {
			all = append(all, short(url)+": "+f)
		}
	}
	return all
}

const axeRun = `;axe.run(document, {iframes: false, resultTypes: ["violations"], runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"],
  rules: window.top === window ? {} : {"region": {enabled: false}}})
.then(r => r.violations.map(v => v.id + " (" + v.help + "): " + v.nodes.map(n => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).slice(0, 4).join(" | ")))`

// Fits fails the test if the page can be scrolled sideways.
func (tab *Tab) Fits(what string) {
	tab.t.Helper()
	if d := Eval[[2]int](tab, "", "[document.documentElement.scrollWidth, innerWidth]"); d[0] > d[1] {
		tab.t.Errorf("%s is %d px wide in a window of %d px", what, d[0], d[1])
	}
}

func short(url string) string {
	s, _, _ := strings.Cut(url, "?")
	return s
}

// root is the folder of go.mod above the working directory.
func root() string {
	dir, _ := os.Getwd()
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	panic(fmt.Sprint("no go.mod above the test"))
}
