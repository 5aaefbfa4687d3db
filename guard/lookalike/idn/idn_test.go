package idn

import (
	"bufio"
	"io"
	"math/rand"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

func TestPunycodeVectors(t *testing.T) {
	m := NewMapper()
	for uni, ascii := range map[string]string{
		"аррӏе.com": "xn--80ak6aa92e.com", "bücher.example": "xn--bcher-kva.example", "faß.de": "xn--fa-hia.de",
		"他们为什么不说中文.cn": "xn--ihqwcrb4cv8a8dqg056pqjye.cn", "plain.example": "plain.example", "ÄÖ.com": "xn--4ca0b.com",
		"ｅｘａｍｐｌｅ。ｃｏｍ": "example.com",
	} {
		got, err := m.ToASCII(uni)
		if err != nil || got != ascii {
			t.Errorf("%s: %s %v, want %s", uni, got, err, ascii)
		}
	}
	for _, bad := range []string{"", "-", "a-", "99999999", "\x80-a", strings.Repeat("a", 64), "a-é"} {
		if r, err := AppendDecoded(nil, bad); err == nil {
			t.Errorf("%q decodes to %q", bad, string(r))
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 20000 {
		label := make([]rune, 1+rnd.Intn(12))
		for i := range label {
			switch rnd.Intn(3) {
			case 0:
				label[i] = rune('a' + rnd.Intn(26))
			case 1:
				label[i] = rune(0xa0 + rnd.Intn(0x500))
			default:
				label[i] = rune(0x3000 + rnd.Intn(0x7000))
			}
		}
		enc, err := AppendEncoded(nil, label)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := strings.CutPrefix(string(enc), "xn--"); ok && len(p) <= 63 {
			dec, err := AppendDecoded(nil, p)
			if err != nil || string(dec) != string(label) {
				t.Fatalf("%q -> %s -> %q %v", string(label), enc, string(dec), err)
			}
		}
	}
}

// samples gives names of letters, marks and symbols from the whole range.
func samples(n int) []string {
	rnd := rand.New(rand.NewSource(2))
	marks := []rune{0x300, 0x301, 0x308, 0x323, 0x327, 0x335, 0x3099, 0x1161, 0x11a8}
	var out []string
	for len(out) < n {
		var b strings.Builder
		b.WriteByte('a')
		for range 1 + rnd.Intn(6) {
			switch rnd.Intn(4) {
			case 0:
				b.WriteRune(marks[rnd.Intn(len(marks))])
			case 1:
				b.WriteRune(rune(0x80 + rnd.Intn(0x1000)))
			case 2:
				b.WriteRune(rune(0x1e00 + rnd.Intn(0x2000)))
			default:
				b.WriteRune(rune('A' + rnd.Intn(26)))
			}
		}
		if utf8.ValidString(b.String()) {
			out = append(out, b.String())
		}
	}
	return out
}

// TestAgainstXNet: same mapping as x/net/idna wherever both allow the name. Characters newer than one of the tables are counted, not failed.
func TestAgainstXNet(t *testing.T) {
	m := NewMapper()
	p := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.ValidateLabels(false), idna.CheckHyphens(false), idna.CheckJoiners(false), idna.BidiRule())
	compared, verdicts := 0, 0
	for _, s := range samples(60000) {
		want, wantErr := p.ToUnicode(s)
		got, hidden, err := m.AppendMapped(nil, s)
		if hidden || strings.Contains(want, "xn--") {
			continue
		}
		if (err == nil) != (wantErr == nil) {
			verdicts++
			continue
		}
		if err != nil {
			continue
		}
		compared++
		if string(got) != want {
			t.Fatalf("%+q: %+q, x/net says %+q", s, string(got), want)
		}
		if !norm.NFC.IsNormalString(string(got)) {
			t.Fatalf("%+q: %+q is not NFC", s, string(got))
		}
	}
	t.Logf("%d names alike; %d judged differently (bidi rule, Unicode version)", compared, verdicts)
	if compared < 20000 {
		t.Errorf("only %d names compared", compared)
	}
}

// dump builds the ICU program, or skips.
func dump(t *testing.T) string {
	t.Helper()
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "icu-uc", "icu-i18n").Output()
	if err != nil {
		t.Skip("ICU's development files (Debian: libicu-dev) are absent")
	}
	bin := filepath.Join(t.TempDir(), "dump")
	args := append([]string{"-O1", "-o", bin, "../gen/icu/dump.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Skipf("no C compiler for the ICU comparison: %v %s", err, out)
	}
	return bin
}

func TestAgainstICU(t *testing.T) {
	bin := dump(t)
	m := NewMapper()
	names := samples(40000)
	cmd := exec.Command(bin, "lines")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(in, strings.Join(names, "\n")+"\n")
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	compared := 0
	for i := 0; lines.Scan(); i++ {
		f := strings.Split(lines.Text(), "\t")
		got, hidden, err := m.AppendMapped(nil, names[i])
		if len(f) != 4 || hidden || err != nil || strings.Contains(f[1], "\ufffd") {
			continue
		}
		compared++
		if string(got) != f[1] {
			t.Fatalf("%+q: %+q, ICU says %+q", names[i], string(got), f[1])
		}
		if ascii, err := m.ToASCII(names[i]); f[3] == "0" && (err != nil || ascii != f[2]) {
			t.Fatalf("%+q: %s %v, ICU says %s", names[i], ascii, err, f[2])
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d names alike", compared)
	if compared < 10000 {
		t.Errorf("only %d names compared", compared)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("80ak6aa92e")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := AppendDecoded(nil, s)
		if err != nil {
			return
		}
		if len(r) > 63 {
			t.Fatal("longer than its label")
		}
		enc, err := AppendEncoded(nil, r)
		if err == nil && len(enc) > 4 && string(enc[:4]) == "xn--" && !strings.EqualFold(string(enc[4:]), s) {
			t.Fatalf("%q decodes to %q which encodes to %q", s, string(r), enc)
		}
	})
}
