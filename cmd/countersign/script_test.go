package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program itself, in processes of its own: when it is called countersign.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"countersign": main})
}

// TestScripts runs testdata/script/*.txt. Beside the commands of testscript there is "exits N COMMAND", and $PORT is a port
// that is taken.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Defer(func() { ln.Close() })
			_, port, err := net.SplitHostPort(ln.Addr().String())
			e.Setenv("PORT", port)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command that must end with an exit code.
func exits(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstderr:\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// self is the program with arguments: this binary under its name.
func self(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Args[0] = "countersign"
	return cmd
}

// TestKilledAndStartedAgain kills a demo with no warning, many times, and measures how soon the next one is ready.
func TestKilledAndStartedAgain(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	data := t.TempDir()
	var worst, sum time.Duration
	for i := range rounds {
		cmd := self(t, "demo", "--data", data, "--listen", "127.0.0.1:0")
		out := &waiter{want: "Ctrl-C stops it", found: make(chan struct{})}
		cmd.Stdout, cmd.Stderr = out, out
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-out.found:
		case <-time.After(20 * time.Second):
			t.Errorf("round %d does not start:\n%s", i, out)
		}
		took := time.Since(begin)
		cmd.Process.Kill()
		cmd.Wait()
		if i > 0 { // the first one makes everything
			worst, sum = max(worst, took), sum+took
		}
	}
	t.Logf("start on an existing folder: mean %v, worst %v", sum/time.Duration(rounds-1), worst)
	if mean := sum / time.Duration(rounds-1); mean > 2*time.Second {
		t.Errorf("a start takes %v", mean)
	}
	p := &program{ctx: t.Context(), out: new(bytes.Buffer), err: new(bytes.Buffer), now: time.Now, rand: rand.Reader}
	if code := p.run([]string{"ledger", "check", "--data", data}); code != exitOK {
		t.Errorf("the books after the kills: %d %s", code, p.out)
	}
}

// waiter collects output and tells when some text came.
type waiter struct {
	mu    sync.Mutex
	b     bytes.Buffer
	want  string
	found chan struct{}
	once  sync.Once
}

func (w *waiter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.b.Write(p)
	if strings.Contains(w.b.String(), w.want) {
		w.once.Do(func() { close(w.found) })
	}
	return n, err
}

func (w *waiter) String() string { w.mu.Lock(); defer w.mu.Unlock(); return w.b.String() }
