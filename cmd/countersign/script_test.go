package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain lets the test binary be the program itself, in processes of its own.
func TestMain(m *testing.M) {
	if os.Getenv("COUNTERSIGN_TEST_PROGRAM") == "1" {
		os.Unsetenv("COUNTERSIGN_TEST_PROGRAM")
		main()
	}
	os.Exit(m.Run())
}

// TestScripts runs testdata/script/*.txt. The language is a small part of rogpeppe/go-internal/testscript:
//
//	exec countersign ARGS   must end with code 0; ! exec: must not
//	code N                  exit code of the last exec
//	stdout RE, stderr RE    must match, with ! must not
//	env NAME=VALUE          for what follows; $WORK and $PORT (a taken port) are known
//	-- NAME --              begins a file
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runScript(t, f) })
	}
}

type script struct {
	t              *testing.T
	work           string
	env            []string
	stdout, stderr string
	code           int
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s := &script{t: t, work: t.TempDir()}
	s.env = []string{"WORK=" + s.work, "PORT=" + port, "HOME=" + s.work, "PATH=" + os.Getenv("PATH")}
	parts := regexp.MustCompile(`(?m)^-- (.+) --$`).Split(string(text), -1)
	for i, m := range regexp.MustCompile(`(?m)^-- (.+) --$`).FindAllStringSubmatch(string(text), -1) {
		path := filepath.Join(s.work, m[1])
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte(strings.TrimPrefix(parts[i+1], "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n, line := range strings.Split(parts[0], "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if problem := s.do(line); problem != "" {
			t.Fatalf("%s:%d: %s: %s\nexit code %d\nstdout:\n%s\nstderr:\n%s", file, n+1, line, problem, s.code, s.stdout, s.stderr)
		}
	}
}

func (s *script) do(line string) string {
	line, not := strings.TrimPrefix(line, "! "), strings.HasPrefix(line, "! ")
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "exec":
		s.exec(words(os.Expand(rest, s.lookup)))
		if (s.code != 0) != not {
			return "unexpected end"
		}
	case "code":
		if want, err := strconv.Atoi(rest); err != nil || s.code != want {
			return "another exit code"
		}
	case "stdout", "stderr":
		text := s.stdout
		if verb == "stderr" {
			text = s.stderr
		}
		re, err := regexp.Compile("(?m)" + strings.Trim(os.Expand(rest, s.lookup), "'"))
		if err != nil {
			return err.Error()
		}
		if re.MatchString(text) == not {
			return "match expected: " + strconv.FormatBool(!not)
		}
	case "env":
		s.env = append(s.env, os.Expand(rest, s.lookup))
	default:
		return "no such command"
	}
	return ""
}

func (s *script) lookup(name string) string {
	for i := len(s.env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(s.env[i], name+"="); ok {
			return v
		}
	}
	return "$" + name
}

// words splits at spaces, keeping 'quoted words'.
func words(line string) (out []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2])
	}
	return out
}

func (s *script) exec(args []string) {
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, args[1:]...)
	cmd.Env, cmd.Dir = append(s.env, "COUNTERSIGN_TEST_PROGRAM=1"), s.work
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the exit code says it
	s.stdout, s.stderr, s.code = out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestKilledAndStartedAgain kills a demo with no warning, many times, and measures how soon the next one is ready.
func TestKilledAndStartedAgain(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	var worst, sum time.Duration
	for i := range rounds {
		cmd := exec.Command(exe, "demo", "--data", data, "--listen", "127.0.0.1:0")
		cmd.Env = append(os.Environ(), "COUNTERSIGN_TEST_PROGRAM=1")
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
