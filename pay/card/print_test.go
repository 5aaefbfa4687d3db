package card_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"strings"
	"testing"

	"countersign/pay/card"

	"github.com/google/go-cmp/cmp"
)

const number = "9752000000000001"

type holder struct {
	Exported   card.PAN
	unexported card.PAN
	Pointer    *card.PAN
	Slice      []card.PAN
	Map        map[string]card.PAN
	Any        any
	Nested     struct{ inner card.PAN }
	Array      [1]card.PAN
	Func       func() card.PAN
	Err        error
}

// plain is the control: the common recipe (String and MarshalText) that leaks.
type plain string

func (plain) String() string               { return "•••" }
func (plain) MarshalText() ([]byte, error) { return []byte("•••"), nil }

type plainHolder struct {
	unexported plain
	Any        any
}

func pan(t testing.TB) card.PAN {
	t.Helper()
	p, err := card.ParsePAN([]byte(number))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func verbs() []string {
	return []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%t", "%T", "%e", "%g", "%5.2v", "%-20s", "%08d"}
}

// leaks says whether text holds the digits in a form that a reader or a scanner would find.
func leaks(text string) bool {
	hexDigits := fmt.Sprintf("%x", number)
	spaced := fmt.Sprintf("% x", number)
	var list []string
	for _, c := range number {
		list = append(list, fmt.Sprint(int(c)))
	}
	for _, form := range []string{number, number[:12], hexDigits, spaced, strings.ToUpper(hexDigits), strings.Join(list, " "), strings.Join(list, ",")} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

func TestPANCannotBePrinted(t *testing.T) {
	p := pan(t)
	h := holder{Exported: p, unexported: p, Pointer: &p, Slice: []card.PAN{p}, Map: map[string]card.PAN{"k": p}, Any: p,
		Array: [1]card.PAN{p}, Func: func() card.PAN { return p }, Err: fmt.Errorf("wrapped: %v", p)}
	h.Nested.inner = p
	values := []any{p, &p, h, &h, h.Slice, h.Map, h.Array, []any{p, &p}, map[string]any{"p": p}, struct{ p card.PAN }{p}, &struct{ p *card.PAN }{&p}}
	ways := 0
	for _, v := range values {
		for _, verb := range verbs() {
			ways++
			if s := fmt.Sprintf(verb, v); leaks(s) {
				t.Errorf("%s of %T leaks", verb, v)
			}
		}
	}
	if ways < 219 {
		t.Errorf("only %d ways tried", ways)
	}
	if !leaks(fmt.Sprintf("%v", plainHolder{unexported: number})) {
		t.Error("the control does not leak: this test cannot fail")
	}
}

func TestPANCannotBeEncoded(t *testing.T) {
	p := pan(t)
	type open struct{ P card.PAN }
	encoders := map[string]func() (string, error){
		"json":  func() (string, error) { b, err := json.Marshal(open{p}); return string(b), err },
		"json*": func() (string, error) { b, err := json.Marshal(map[string]any{"p": &p}); return string(b), err },
		"xml":   func() (string, error) { b, err := xml.Marshal(open{p}); return string(b), err },
		"gob": func() (string, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(open{p})
			return b.String(), err
		},
	}
	for name, enc := range encoders {
		if s, err := enc(); err == nil || leaks(s) {
			t.Errorf("%s: encoded (err %v)", name, err)
		}
	}
	var b bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
		slog.New(h).Info("paid", "pan", p, "ptr", &p, "in", open{p}, "any", []any{p})
	}
	_ = template.Must(template.New("t").Parse(`{{.}} {{.P}} {{printf "%v" .P}}`)).Execute(&b, open{p})
	b.WriteString(errors.Join(fmt.Errorf("x %v", p), fmt.Errorf("y %+v", open{p})).Error())
	if leaks(b.String()) {
		t.Errorf("a log, a page or an error leaks: %s", b.String())
	}
	func() {
		defer func() { _ = recover() }() // go-cmp panics on unexported fields, which is fine too
		if d := cmp.Diff(open{p}, open{}); leaks(d) {
			t.Error("cmp.Diff leaks")
		}
	}()
}

func TestPAN(t *testing.T) {
	p := pan(t)
	if p.Last4() != "0001" || p.BIN() != "975200" || !p.Equal(pan(t)) || p.Equal(card.PAN{}) {
		t.Error("accessors disagree with the number")
	}
	if got := fmt.Sprint(p); got != "PAN(••••0001)" {
		t.Errorf("printed as %q", got)
	}
	p.Wipe()
	used := false
	p.Use(func([]byte) { used = true })
	if used || p.Last4() != "" {
		t.Error("digits survive Wipe")
	}
	for _, bad := range []string{"", "4", "9752000000000006", "97520000000000a5", "12345678901234567890", "９７５２000000000001", "9752 0000 0000 0001"} {
		if _, err := card.ParsePAN([]byte(bad)); !errors.Is(err, card.ErrPAN) {
			t.Errorf("accepted a bad number of %d bytes", len(bad))
		} else if bad != "" && strings.Contains(err.Error(), bad) && len(bad) > 3 {
			t.Error("the error carries the number")
		}
	}
}

func TestIndex(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	k, err := card.NewIndexKey(key)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := card.NewIndexKey(bytes.Repeat([]byte{8}, 32))
	seen := map[card.Index]string{}
	for _, n := range []string{number, "4111111111111111", "378282246310005", "5555555555554444", "6011111111111117", "630495060000000000", "4222222222222"} {
		p, err := card.ParsePAN([]byte(n))
		if err != nil {
			t.Fatalf("%d digits: %v", len(n), err)
		}
		i := k.Of(p)
		if seen[i] != "" {
			t.Error("two numbers, one index")
		}
		seen[i] = n
		if i != k.Of(p) {
			t.Error("index is not stable")
		}
		if i == other.Of(p) {
			t.Error("index does not depend on the key")
		}
	}
	if _, err := card.NewIndexKey(key[:16]); err == nil {
		t.Error("a short key was taken")
	}
}

func TestExpiry(t *testing.T) {
	for _, s := range []string{"", "2913", "2900", "29a1", "291", "29111", "٢٩١١"} {
		if _, err := card.ParseExpiry(s); err == nil {
			t.Errorf("accepted %q", s)
		}
	}
	e, err := card.ParseExpiry("2911")
	if err != nil || e.YYMM() != "2911" || e.MMYY() != "1129" {
		t.Errorf("%v %v", e, err)
	}
}
