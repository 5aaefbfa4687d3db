package threeds

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestRun: a short run measures all rows and ends as the package says.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := Run(&out, true, false); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], "ratio ") {
		t.Error("last line:", lines[len(lines)-1])
	}
	out.Reset()
	var r Result
	if err := Run(&out, true, true); err != nil || json.Unmarshal(out.Bytes(), &r) != nil || len(r.Rows) != 9 || r.Ratio <= 0 {
		t.Error(err, out.String())
	}
}
