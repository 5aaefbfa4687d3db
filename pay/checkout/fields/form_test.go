package fields

import (
	"encoding/base64"
	"strings"
	"testing"

	"countersign/pay/sealed"
)

func testForm(change ...string) string {
	box := "v1.k-1." + base64.RawURLEncoding.EncodeToString(make([]byte, 72))
	s := `{"number":"` + box + `","code":"` + box + `","name":"Ada Lovelace","attempt":"0123456789abcdef","browser":{"language":"en","colorDepth":24,"tz":"-60","java":true}}`
	return strings.NewReplacer(change...).Replace(s)
}

func TestParseForm(t *testing.T) {
	f, bad := ParseForm([]byte(testForm()))
	if bad != nil || f.Name != "Ada Lovelace" || f.Browser.ColorDepth != "24" || f.Browser.TZ != "-60" || f.Browser.Java == nil || !*f.Browser.Java || f.Number.KeyID != "k-1" {
		t.Fatalf("%+v %v", f, bad)
	}
	for _, c := range []struct {
		pointer string
		change  []string
	}{
		{"/number", []string{`"number":"v1.`, `"number":"v2.`}}, {"/number", []string{`"number":"`, `"number":"4242424242424242`}},
		{"/code", []string{`"code":"v1.`, `"code":"123`}}, {"/name", []string{"Ada Lovelace", "4242 4242 4242 4242"}}, {"/name", []string{"Ada Lovelace", "a\\u0000"}},
		{"/name", []string{"Ada Lovelace", strings.Repeat("x", 61)}}, {"/name", []string{`"Ada Lovelace"`, `42`}}, {"/attempt", []string{"0123456789abcdef", "short"}},
		{"/attempt", []string{"0123456789abcdef", "0123456789abcdef<"}}, {"/pan", []string{`"name"`, `"pan":"4242424242424242","name"`}}, {"/browser", []string{`{"language"`, `[{"language"`, `true}}`, `true}]}`}},
		{"/browser/extra", []string{`"java":true`, `"extra":1`}}, {"/", []string{`"name"`, `"4242424242424242":"","name"`}},
	} {
		_, bad := ParseForm([]byte(testForm(c.change...)))
		if bad == nil || len(bad.Errors) != 1 || bad.Errors[0].Pointer != c.pointer {
			t.Errorf("%v: %+v", c.change, bad)
		}
		if bad != nil && strings.Contains(string(bad.Body()), "4242") {
			t.Error("echoed")
		}
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add([]byte(testForm()))
	f.Add([]byte(testForm(`"name"`, `"name":"x","name"`)))
	f.Add([]byte(`{"number":4242424242424242}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		form, bad := ParseForm(body)
		if bad != nil {
			if bad.Status < 400 || bad.Code == "" {
				t.Error(bad)
			}
			return
		}
		for _, b := range []sealed.Box{form.Number, form.Code} {
			if again, err := sealed.Parse(b.String()); err != nil || again.String() != b.String() {
				t.Error("a box that is none")
			}
		}
		if !validAttempt(form.Attempt) || digits(form.Name) > 4 {
			t.Error("accepted")
		}
	})
}
