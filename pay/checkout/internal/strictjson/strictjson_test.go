package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	good := []string{`{}`, ` [] `, `{"a":1,"b":[true,false,null,"x"],"c":{"d":-0.5e+3}}`, `"\u00e9\ud83d\ude00\n"`, `0`, `-1`, `"é"`}
	for _, s := range good {
		if _, err := Parse([]byte(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	bad := []string{``, `{`, `{"a":1,}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `[1,]`, `01`, `1.`, `.5`, `1e`, `+1`, `"` + "\n" + `"`, `"\x"`, `"\ud800"`, `"\ud800\u0041"`, `"` + "\xff" + `"`,
		`{} {}`, `nul`, `{a:1}`, `{'a':1}`, `NaN`, `"\u+123"`, strings.Repeat("[", 20) + strings.Repeat("]", 20)}
	for _, s := range bad {
		if _, err := Parse([]byte(s)); err == nil {
			t.Errorf("%s: accepted", s)
		}
	}
}

func TestReader(t *testing.T) {
	v, err := Parse([]byte(`{"s":"x","n":12,"o":{"p":"q","extra":1},"zero":null,"wrong":[],"long":"0123456789","ctl":"a\u0007b","frac":1.5,"huge":99999999999999999999,"b":true,"4111":"4242","stray":"4242"}`))
	if err != nil {
		t.Fatal(err)
	}
	r, ok := Read(v)
	if !ok {
		t.Fatal("not an object")
	}
	if r.String("s", 5) != "x" || r.String("zero", 5) != "" || r.String("absent", 5) != "" || r.Scalar("n", 5) != "12" || r.Scalar("b", 5) != "true" {
		t.Error("values")
	}
	if n, ok := r.Int("n"); n != 12 || !ok {
		t.Error("n")
	}
	for _, name := range []string{"frac", "huge", "s"} {
		if _, ok := r.Int(name); ok {
			t.Errorf("%s accepted as whole number", name)
		}
	}
	o := r.Object("o")
	if o.String("p", 9) != "q" {
		t.Error("o.p")
	}
	o.End()
	r.String("wrong", 5)
	r.String("long", 5)
	r.String("ctl", 5)
	r.End()
	var places []string
	for _, e := range r.Errors() {
		places = append(places, e.Pointer)
		if strings.Contains(e.Message, "4242") || strings.Contains(e.Message, "4111") {
			t.Error("echoed")
		}
	}
	if got := strings.Join(places, " "); got != "/frac /huge /s /o/extra /wrong /long /ctl / /stray" {
		t.Errorf("complaints at %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x\u00e9",{"b":null}]}`, `"\ud83d\ude00"`, `-1.5e9`, `{"a":1,"a":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		if err == nil && !json.Valid(text) {
			t.Fatalf("accepted what encoding/json refuses: %q", text)
		}
		if err == nil && v.Kind == String {
			var s string
			if json.Unmarshal(text, &s) != nil || s != v.Text {
				t.Fatalf("read %q as %q", text, v.Text)
			}
		}
	})
}

// Characters that command are no text; marks and letters of right-to-left scripts are.
func TestControlCharacters(t *testing.T) {
	for text, want := range map[string]bool{
		"mug": true, "\u05d9\u05e2\u05dc \u200fA": true, "e\u0301": true, "\U0001f469\u200d\U0001f680": true,
		"a\u202eb": false, "a\u202ab": false, "a\u2066b": false, "a\u2069b": false, "a\u2028b": false, "a\u2029b": false, "a\u0085b": false, "a\u007fb": false,
	} {
		r, _ := Read(Value{Kind: Object, Members: []Member{{"s", Value{Kind: String, Text: text}}}})
		if got := r.String("s", 20) == text && len(r.Errors()) == 0; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
