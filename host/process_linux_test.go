package host_test

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"countersign/host"
)

// TestHarden looks at a process of its own.
func TestHarden(t *testing.T) {
	if os.Getenv("HOST_TEST_HARDEN") == "1" {
		var core unix.Rlimit
		if err := host.Harden(); err != nil {
			t.Fatal(err)
		}
		dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if os.Getenv("COUNTERSIGN_DUMPABLE") == "1" {
			want = 1
		}
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 || dumpable != want {
			t.Fatalf("core files up to %d bytes, dumpable %d (%v)", core.Cur, dumpable, err)
		}
		return
	}
	for _, dumpable := range []string{"", "1"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHarden$")
		cmd.Env = append(os.Environ(), "HOST_TEST_HARDEN=1", "COUNTERSIGN_DUMPABLE="+dumpable)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("COUNTERSIGN_DUMPABLE=%q: %v\n%s", dumpable, err, out)
		}
	}
}
