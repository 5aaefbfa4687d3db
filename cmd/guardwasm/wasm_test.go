package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
)

// absent skips, or fails when every test must run.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("COUNTERSIGN_TEST_ALL") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// TestSameInTheBrowser builds the WebAssembly program, runs it in Node, and compares its verdicts with the engine's, byte for byte. It
// also measures the size with the catalogue in it.
func TestSameInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a WebAssembly program")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		absent(t, "Node is absent")
	}
	dir := t.TempDir()
	wasm := filepath.Join(dir, "guard.wasm")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-trimpath", "-o", wasm, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if brotli, err := exec.LookPath("brotli"); err == nil {
		out, err := exec.Command(brotli, "-q", "9", "-c", wasm).Output() // -11, which is shipped and must be under 900 KB, is 11 % smaller and much slower: see bench
		if err != nil || len(out) > 1_000_000 {
			t.Errorf("%d bytes of brotli, %v", len(out), err)
		}
		t.Logf("%d bytes of brotli -9", len(out))
	}
	cat, err := brands.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := lookalike.New(cat, lookalike.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inputs := []string{"aliexpress.com", "https://aliexpres.com/x?y", "аliexpress.com", "example.org", "a..b", "https://paypal.com@x.top", "0x7f.1", "rnicrosoft-login.pages.dev", ""}
	list, _ := json.Marshal(inputs)
	root, _ := exec.Command("go", "env", "GOROOT").Output()
	js, _ := filepath.Abs("guard.js")
	script := `require(process.argv[1]); const {loadGuard} = require(process.argv[2]);
		loadGuard(require("fs").readFileSync(process.argv[3])).then(g => { for (const s of JSON.parse(process.argv[4])) console.log(JSON.stringify(g.explain(s))); process.exit(0); });`
	out, err := exec.Command(node, "-e", script, filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"), js, wasm, string(list)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, in := range inputs {
		v := e.Judge(in)
		var want, got any
		if json.Unmarshal(v.AppendJSON(nil), &want) != nil || i >= len(lines) || json.Unmarshal([]byte(lines[i]), &got) != nil {
			t.Fatalf("%q: %s", in, out)
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		if string(a) != string(b) {
			t.Errorf("%q:\n%s\n%s", in, a, b)
		}
	}
}
