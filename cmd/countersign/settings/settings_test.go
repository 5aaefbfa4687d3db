package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"countersign/cmd/countersign/settings"
)

func file(t testing.TB, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOrder(t *testing.T) {
	path := file(t, "c.toml", "data = \"d\"\nlisten = \"127.0.0.1:1\"\nlog = \"warn\"\nroles = [\"acs\"]\n", 0o600)
	s, err := settings.Read(path, []string{"COUNTERSIGN_LISTEN=127.0.0.1:2", "COUNTERSIGN_LOG=error", "COUNTERSIGN_DUMPABLE=1", "OTHER=x"}, map[string]string{"log": "debug"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != "127.0.0.1:2" || s.Log != "debug" || len(s.Roles) != 1 || s.Roles[0] != "acs" {
		t.Errorf("%+v", s)
	}
	if s.Data != filepath.Join(filepath.Dir(path), "d") {
		t.Errorf("a relative path is relative to the file, not to here: %s", s.Data)
	}
	if s, err = settings.Read(path, nil, map[string]string{"roles": " issuer, checkout ,"}); err != nil || len(s.Roles) != 2 {
		t.Error(s.Roles, err)
	}
}

func TestKinds(t *testing.T) {
	path := file(t, "c.toml", `
data = "d"
dat = 1
log = 3
listen = "nowhere"
[tls]
cert = "missing.pem"
key = "missing.key"
[publish]
"acs.3ds" = 5
`, 0o600)
	_, err := settings.Read(path, nil, nil)
	var m settings.Mistakes
	if !errors.As(err, &m) {
		t.Fatal(err)
	}
	got := map[string]settings.Kind{}
	for _, x := range m {
		got[x.Where] = x.Kind
	}
	for where, kind := range map[string]settings.Kind{
		"dat": settings.Unknown, "log": settings.Type, "listen": settings.Value, "tls.cert": settings.File, "tls.key": settings.File,
		`publish."acs.3ds"`: settings.Type,
	} {
		if got[where] != kind {
			t.Errorf("%s: %q, want %q", where, got[where], kind)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	const shop = `data = "d"
[[merchants]]
id = "m"
name = "M"
acceptor = "M"
terminal = "T"
mcc = "5942"
country = "752"
site_url = "https://m.example"
webhook_url = "https://m.example/h"
api_key_sha256 = "` + "0000000000000000000000000000000000000000000000000000000000000000" + `"
webhook_secret_file = "`
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		ok   bool
	}{
		"good":     {"whsec_c2VjcmV0c2VjcmV0\n", 0o600, true},
		"readable": {"whsec_c2VjcmV0c2VjcmV0\n", 0o644, false},
		"other":    {"c2VjcmV0c2VjcmV0\n", 0o600, false},
	} {
		secret := file(t, "secret", c.text, c.mode)
		s, err := settings.Read(file(t, "c.toml", shop+secret+"\"\n", 0o600), nil, nil)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: the secret is in the message: %v", name, err)
		}
		if c.ok && s.Merchants[0].WebhookSecret != "whsec_c2VjcmV0c2VjcmV0" {
			t.Errorf("%s: %q", name, s.Merchants[0].WebhookSecret)
		}
	}
}

// TestCodeKeyOfABankElsewhere: a directory without the bank in its process has no key to seal codes to by itself.
func TestCodeKeyOfABankElsewhere(t *testing.T) {
	path := file(t, "c.toml", "data = \"d\"\n[[ranges]]\nstart = \"9999900000000000\"\nend = \"9999909999999999\"\nname = \"B\"\nacs = \"acs.3ds\"\n", 0o600)
	for roles, ok := range map[string]bool{"": true, "directory,issuer": true, "acs": true, "checkout,directory": false} {
		_, err := settings.Read(path, nil, map[string]string{"roles": roles})
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "ranges[0].code_key: is needed") {
			t.Errorf("%q: %v", roles, err)
		}
	}
}

// TestEveryKeyIsExplained holds the page for operators to the settings.
func TestEveryKeyIsExplained(t *testing.T) {
	text, err := os.ReadFile("../../../docs/operate/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	var look func(reflect.Type)
	look = func(s reflect.Type) {
		for f := range s.Fields() {
			tag, kind := f.Tag.Get("toml"), f.Type
			if tag == "" {
				continue
			}
			if kind.Kind() == reflect.Slice {
				kind = kind.Elem()
			}
			form := `(?m)^` + tag + ` *= .*`
			if kind.Kind() == reflect.Struct || kind.Kind() == reflect.Map {
				form = `(?m)^\[+` + tag + `\]+`
			}
			if !regexp.MustCompile(form).Match(text) {
				t.Errorf("docs/operate/serve.md does not have the key %q", tag)
			}
			if kind.Kind() == reflect.Struct {
				look(kind)
			}
		}
	}
	look(reflect.TypeFor[settings.Settings]())
}

// FuzzRead: whatever is in the file, there is an answer, and mistakes have words.
func FuzzRead(f *testing.F) {
	f.Add("data = \"d\"\n")
	f.Add("[[merchants]]\nid = 1\n[merchants.x]\n")
	f.Add("ranges = [1, [2], {start = 3}]\n[remote]\n\"\" = {}\n")
	f.Add("listen = 1979-05-27T07:32:00Z\nroles = [[[]]]\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := settings.Read(file(t, "c.toml", text, 0o600), nil, nil)
		var m settings.Mistakes
		if err != nil && !errors.As(err, &m) {
			t.Fatal(err)
		}
		for _, x := range m {
			if x.What == "" || x.Kind == "" {
				t.Fatalf("%+v", x)
			}
		}
	})
}
