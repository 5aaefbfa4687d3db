package lookalike

import (
	"bytes"
	"os"
	"testing"
)

func TestRun(t *testing.T) {
	if testing.Short() && os.Getenv("COUNTERSIGN_TEST_ALL") == "" {
		t.Skip("measures")
	}
	var out bytes.Buffer
	if err := Run(&out, true, false); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	if !bytes.Contains(out.Bytes(), []byte("\nratio ")) {
		t.Error("no ratio")
	}
}
