package cli

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// commands is how the main program embeds them.
type commands struct {
	Check  Check  `cmd:""`
	Brands Brands `cmd:""`
	Watch  Watch  `cmd:""`
	Twist  Twist  `cmd:""`
}

// run parses and runs a command line.
func run(t *testing.T, own, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	var c commands
	p, err := kong.New(&c, kong.Exit(func(int) {}), kong.Writers(&out, &errs))
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := p.Parse(args)
	if err != nil {
		return "", "", err
	}
	err = ctx.Run(&Env{In: strings.NewReader(stdin), Out: &out, Err: &errs, Now: time.Now, Rand: rand.Reader, Own: own})
	return out.String(), errs.String(), err
}

func code(err error) int {
	var e ExitError
	if errors.As(err, &e) {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestCheckCommand(t *testing.T) {
	for _, c := range []struct {
		args  []string
		stdin string
		code  int
		want  string
	}{
		{[]string{"check", "https://aliexpress.com/x"}, "", 0, "genuine"},
		{[]string{"check", "example.org"}, "", 0, "unknown"},
		{[]string{"check", "example.org", "aliexpress.shop"}, "", 1, "caution"},
		{[]string{"check", "aliexpres.com"}, "", 2, "aliexpre[s].com"},
		{[]string{"check", "--json"}, "aliexpres.com\n\nexample.org\n", 2, `"evidence":"aliexpre[s].com"`},
		{[]string{"check", "-q"}, "example.org\n", 0, ""},
		{[]string{"check"}, strings.Repeat("a", 200000) + "\nexample.org", 1, "malformed"},
		{[]string{"check", "ex\x1b[31mample.org"}, "", 1, `\u001b`},
	} {
		out, _, err := run(t, "", c.stdin, c.args...)
		if code(err) != c.code || !strings.Contains(out, c.want) || c.want == "" && out != "" {
			t.Errorf("%v: %d %v\n%s", c.args, code(err), err, out)
		}
	}
}

func TestOwnBrands(t *testing.T) {
	own := filepath.Join(t.TempDir(), "brands")
	if _, _, err := run(t, own, "", "brands", "add", "lanternlane.example", "--name", "Lantern Lane"); err == nil {
		if out, _, err := run(t, own, "", "check", "lanternlame.example"); code(err) != 2 || !strings.Contains(out, "lanternlane.example") {
			t.Error(err, out)
		}
	} else {
		t.Error(err)
	}
	if _, _, err := run(t, own, "", "brands", "add", "aliexpress.com", "--id", "mine"); err == nil {
		t.Error("a domain of another brand was taken")
	}
	file := filepath.Join(t.TempDir(), "more.txt")
	os.WriteFile(file, []byte("[blauwal]\nname Blauwal\nsector shop\ncountry DE\nshop blauwal.example\nsource me 2026-01-01\nchecked 2026-01-01\n"), 0o644)
	if _, _, err := run(t, own, "", "brands", "import", file); err != nil {
		t.Error(err)
	}
	out, _, err := run(t, own, "", "brands", "list", "--json")
	if err != nil || !strings.Contains(out, `"blauwal"`) || !strings.Contains(out, `"lanternlane"`) {
		t.Error(err)
	}
	if out, _, err := run(t, own, "", "brands", "show", "blauwal"); err != nil || !strings.Contains(out, "shop     blauwal.example") {
		t.Error(err, out)
	}
}

func TestVerifyAndSign(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(t.TempDir(), "key")
	os.WriteFile(filepath.Join(dir, "a.brands"), []byte("[acmeshoppe]\nname Acme\nsector shop\ncountry DE\nshop acmeshoppe.com\nsource me 2026-01-01\nchecked 2026-01-01\n"), 0o644)
	popular := filepath.Join(t.TempDir(), "popular")
	os.WriteFile(popular, []byte("acmeshopp.com\t1\nacmeshopps.com\t1\nother.com\t2\nacmeshoppe.net\t3\n"), 0o644)
	out, _, err := run(t, "", "", "brands", "verify", dir, "--popular", popular, "--write")
	if err != nil || !strings.Contains(out, "acmeshoppe") {
		t.Fatal(err, out)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "budget.txt")); !strings.Contains(string(text), "acmeshoppe omission caution") {
		t.Error(string(text))
	}
	if _, _, err := run(t, "", "", "brands", "sign", dir, "--key", key, "--new"); err != nil {
		t.Fatal(err)
	}
	if out, _, err := run(t, "", "", "brands", "verify", dir); err != nil || !strings.Contains(out, "another key") {
		t.Error(err, out)
	}
	if _, _, err := run(t, "", "", "check", "--catalogue", dir, "x.com"); err == nil {
		t.Error("a catalogue signed by a stranger was taken")
	}
}

func TestWatch(t *testing.T) {
	feed := "example.org\n" +
		`{"data":{"leaf_cert":{"all_domains":["*.aliexpres.com","www.aliexpres.com"]}},"seen":1700000000.25}` + "\n" +
		"+ rnicrosoft.com. 3600 IN NS ns1.example.net.\n" +
		"- amaz0n-login.com. 3600 IN NS ns1.example.net.\n" +
		"2026-08-01T10:00:00.123Z,paypal.com-secure.top,1.2.3.4\n"
	out, _, err := run(t, "", feed, "watch", "-")
	if err != nil || strings.Count(out, "\n") != 4 || !strings.Contains(out, "[rn]icrosoft.com") || strings.Contains(out, "amaz0n") {
		t.Errorf("%v\n%s", err, out)
	}
	out, _, _ = run(t, "", feed, "watch", "-", "--brand", "paypal", "--json")
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, `"brand":"paypal"`) {
		t.Error(out)
	}
}

func TestWatchResumes(t *testing.T) {
	dir := t.TempDir()
	file, state := filepath.Join(dir, "feed"), filepath.Join(dir, "pos")
	os.WriteFile(file, []byte("aliexpres.com\n"), 0o644)
	for i, want := range []int{1, 0, 1} {
		if i == 2 {
			f, _ := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			f.WriteString("paypa1.com\n")
			f.Close()
		}
		out, _, err := run(t, "", "", "watch", file, "--state", state)
		if err != nil || strings.Count(out, "\n") != want {
			t.Errorf("run %d: %v %q", i, err, out)
		}
	}
}

func TestTwist(t *testing.T) {
	out, _, err := run(t, "", "", "twist", "aliexpress.com", "--class", "omission")
	if err != nil || strings.Count(out, "\n") != 10 {
		t.Error(err, out)
	}
	if _, _, err := run(t, "", "", "twist", "com"); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
}

func BenchmarkWatch(b *testing.B) {
	var feed strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&feed, "host-%d.some-domain-%d.example\n", i, i*7)
	}
	for b.Loop() {
		w := Watch{File: "-", Level: "caution"}
		if err := w.Run(&Env{In: strings.NewReader(feed.String()), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Now: time.Now}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*20000/b.Elapsed().Seconds()*60, "hosts/min")
}
