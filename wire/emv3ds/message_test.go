package emv3ds

import (
	"bytes"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 13) + "1" + strings.Repeat("}", 13)
	var many strings.Builder
	many.WriteString(`{"f0":1`)
	for range 300 {
		many.WriteString(`,"g":1`)
	}
	many.WriteString("}")
	for _, c := range []struct {
		name, in string
		code     int
		detail   string
	}{
		{"empty object", `{}`, 0, ""},
		{"all kinds", ` { "a" : "x" , "b" : [ 1 , -0.5e+3 , true , false , null ] , "c" : { "d" : [ ] } } ` + "\r\n", 0, ""},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, 0, ""},
		{"nothing", ``, 101, ""},
		{"array", `[]`, 101, ""},
		{"text after", `{} {}`, 101, ""},
		{"no end", `{"a":"x"`, 101, ""},
		{"trailing comma", `{"a":1,}`, 101, ""},
		{"array trailing comma", `{"a":[1,]}`, 101, ""},
		{"leading zero", `{"a":01}`, 101, ""},
		{"bare point", `{"a":1.}`, 101, ""},
		{"plus", `{"a":+1}`, 101, ""},
		{"control character", "{\"a\":\"x\ny\"}", 101, ""},
		{"bad escape", `{"a":"\x41"}`, 101, ""},
		{"half a surrogate", `{"a":"\ud83d"}`, 101, ""},
		{"second half first", `{"a":"\ude00\ud83d"}`, 101, ""},
		{"surrogate and other", `{"a":"\ud83d\u0041"}`, 101, ""},
		{"bad UTF-8", "{\"a\":\"\xff\"}", 101, ""},
		{"overlong UTF-8", "{\"a\":\"\xc0\x80\"}", 101, ""},
		{"single quotes", `{'a':1}`, 101, ""},
		{"NUL", "{\"a\":1\x00}", 101, ""},
		{"too deep", deep, 101, ""},
		{"too many members", many.String(), 101, ""},
		{"too long", `{"a":"` + strings.Repeat("x", MaxSize) + `"}`, 101, ""},
		{"twice", `{"a":1,"b":2,"a":3}`, 204, "a"},
		{"twice, escaped", `{"acctNumber":"1","acctN\u0075mber":"2"}`, 204, "acctNumber"},
		{"twice inside", `{"acctInfo":{"chAccDate":"1","x":2,"chAccDate":"1"},"chAccDate":"3"}`, 204, "acctInfo.chAccDate"},
		{"twice in an array", `{"a":[{"b":1},{"b":1,"b":2}]}`, 204, "a.b"},
		{"twice, digits are not repeated", `{"4000001234567899":1,"4000001234567899":1}`, 204, "?"},
	} {
		m, f := Parse([]byte(c.in))
		switch {
		case c.code == 0 && f != nil:
			t.Errorf("%s: %v", c.name, f)
		case c.code != 0 && (f == nil || f.Code != c.code || c.detail != "" && f.Detail != c.detail):
			t.Errorf("%s: %v, want %d %q", c.name, f, c.code, c.detail)
		case c.code == 101 && m != nil, c.code == 204 && m == nil:
			t.Errorf("%s: message %v", c.name, m)
		}
	}
}

func TestValues(t *testing.T) {
	in := []byte(`{"messageType":"AReq","acctNumber":"4000\u00301234","t":"a\n\ud83d\ude00","on":true,"off":false,"n":7,"o":{"x":"y"},"l":["p",1,"q"]}`)
	m, f := Parse(in)
	if f != nil {
		t.Fatal(f)
	}
	if m.Type() != "AReq" || m.Text("t") != "a\n😀" || m.Text("n") != "" || m.Text("acctNumber") != "" || m.Text("gone") != "" {
		t.Error("Text")
	}
	if v, ok := m.Bool("on"); !v || !ok {
		t.Error("Bool on")
	}
	if v, ok := m.Bool("off"); v || !ok {
		t.Error("Bool off")
	}
	if _, ok := m.Bool("t"); ok {
		t.Error("Bool of text")
	}
	if m.Object("o").Text("x") != "y" || m.Object("t").Text("x") != "" {
		t.Error("Object")
	}
	if got := strings.Join(m.Texts("l"), ""); got != "pq" {
		t.Error("Texts", got)
	}
	var lent []byte
	m.Secret("acctNumber", func(b []byte) {
		if string(b) != "400001234" {
			t.Errorf("Secret %q", b)
		}
		lent = b
	})
	if !bytes.Equal(lent, make([]byte, len(lent))) {
		t.Error("the unescaped copy was not wiped")
	}
	m.Wipe()
	if !bytes.Equal(in, make([]byte, len(in))) {
		t.Error("Wipe left something")
	}
}

func TestValuesAreSlices(t *testing.T) {
	in := []byte(`{"acctNumber":"4000001234567899"}`)
	m, _ := Parse(in)
	m.Secret("acctNumber", func(b []byte) {
		if &b[0] != &in[15] {
			t.Error("a copy of the number was made")
		}
	})
}

func TestBuilder(t *testing.T) {
	b := New(AReq, Version220).Set("empty", "").Set("q", "a\"\\\n\x01é😀\xff").SetBool("b", false).SetRaw("r", []byte(`[1]`))
	b.SetSecret("acctNumber", []byte("4000001234567899")).SetTexts("l", []string{"x", "y"})
	b.SetObject("o", NewObject().Set("i", "j")).SetObjects("os", []*Builder{NewObject(), NewObject().Set("k", "v")})
	want := `{"messageType":"AReq","messageVersion":"2.2.0","q":"a\"\\\u000a\u0001é😀` + "�" + `","b":false,"r":[1],"acctNumber":"4000001234567899","l":["x","y"],"o":{"i":"j"},"os":[{},{"k":"v"}]}`
	if got := string(b.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, f := Parse(b.Bytes()); f != nil {
		t.Error(f)
	}
}

// TestBuilderWipes looks into every buffer that a growing message lived in.
func TestBuilderWipes(t *testing.T) {
	b := New(AReq, Version220).SetSecret("acctNumber", []byte("4000001234567899"))
	first := b.b[:cap(b.b)]
	b.Set("filler", strings.Repeat("x", 10000))
	if bytes.Contains(first, []byte("4000001234567899")) {
		t.Error("the outgrown buffer still holds the number")
	}
	last := b.b[:cap(b.b)]
	b.Wipe()
	if bytes.Contains(last, []byte("4000001234567899")) {
		t.Error("Wipe left the number")
	}
}

func TestForm(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"", ""}, {"YQ", "a"}, {"YQ==", "a"}, {"YWI", "ab"}, {"YWI=", "ab"}, {"YWJj", "abc"}, {"_-8", "\xff\xef"},
	} {
		got, err := DecodeForm(c.in)
		if err != nil || string(got) != c.out {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
	for _, bad := range []string{"Y", "YQ=", "YQ===", "Y=Q=", "+/8=", "YQ\n", " YQ", "YR", "====", "=", strings.Repeat("A", MaxForm+1)} {
		if _, err := DecodeForm(bad); err != ErrForm {
			t.Errorf("%.20q accepted", bad)
		}
	}
}

func TestErro(t *testing.T) {
	about, _ := Parse([]byte(`{"messageType":"AReq","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","dsTransID":"4000001234567899"}`))
	got := string(NewFault(203, ACS, "acctInfo.chAccAgeInd").Erro(about))
	want := `{"messageType":"Erro","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","errorCode":"203","errorComponent":"A","errorDescription":"Field has a wrong format or value","errorDetail":"acctInfo.chAccAgeInd","errorMessageType":"AReq"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	m, _ := Parse([]byte(got))
	if f := m.Validate(); f != nil {
		t.Error(f)
	}
	if NewFault(101, Server, "").Erro(m) != nil {
		t.Error("an Erro was answered with an Erro")
	}
	m, _ = Parse(NewFault(101, Directory, "").Erro(nil))
	if f := m.Validate(); f != nil {
		t.Error("Erro about nothing:", f)
	}
}

func TestCodeKeys(t *testing.T) {
	var keys []CodeKey
	for i := range 45 {
		keys = append(keys, CodeKey{Start: "4000000000000" + digits3(i), End: "4000000000000" + digits3(i), Name: "Bank é", KeyID: "k" + digits3(i), Public: bytes.Repeat([]byte{byte(i)}, 32)})
	}
	keys[3].KeyID, keys[3].Public = "", []byte{}
	b := New(PRes, Version220).Set("threeDSServerTransID", "8a880dc0-d2d2-4067-bcb1-b08d1690b26e").Set("dsTransID", "8a880dc0-d2d2-4067-bcb1-b08d1690b26f")
	m, f := Parse(b.SetObjects("messageExtension", CodeKeyExtensions(keys)).Bytes())
	if f == nil {
		f = m.Validate()
	}
	if f != nil {
		t.Fatal(f)
	}
	got := m.CodeKeys()
	if len(got) != len(keys) {
		t.Fatal(len(got), "keys")
	}
	for i := range keys {
		if got[i].Start != keys[i].Start || got[i].Name != keys[i].Name || got[i].KeyID != keys[i].KeyID || !bytes.Equal(got[i].Public, keys[i].Public) {
			t.Error(i, got[i])
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":"\ud83d\ude00","b":[1,{"c":null}]}`))
	f.Add([]byte(`{"messageType":"AReq","a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		m, fault := Parse(in)
		if !bytes.Equal(before, in) {
			t.Fatal("Parse changed its input")
		}
		if m == nil {
			if fault == nil || fault.Code != 101 {
				t.Fatal("no message and no 101")
			}
			return
		}
		agree(t, m, fault, in)
		for _, x := range m.members {
			name := string(x.name)
			m.Text(name)
			m.Secret(name, func([]byte) {})
			m.Objects(name)
			m.Texts(name)
		}
		m.Validate()
		m.CodeKeys()
	})
}
