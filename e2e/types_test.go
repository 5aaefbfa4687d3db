package e2e

import (
	"os"
	"os/exec"
	"testing"

	"countersign/e2e/browser"
)

// The bundler drops types without looking at them; the TypeScript compiler looks.
func TestTypes(t *testing.T) {
	const tsc = "node_modules/.bin/tsc"
	if _, err := os.Stat(tsc); err != nil {
		browser.Missing(t, "TypeScript is not installed (cd e2e && npm ci)")
	}
	if out, err := exec.Command(tsc, "-p", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
