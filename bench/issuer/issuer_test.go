package issuer

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := Run(&out, true, false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], "ratio ") || !strings.Contains(out.String(), "clean true") {
		t.Errorf("%s", &out)
	}
	if os.Getenv("BENCH_FULL") != "" {
		if err := Run(os.Stdout, false, false); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(out.String())
}
