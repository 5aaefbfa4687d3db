package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"countersign/wire/iso8583"

	moov "github.com/moov-io/iso8583"
	"github.com/moov-io/iso8583/specs"
	"pgregory.net/rapid"
)

// TestTableAgrees compares the field table with moov's of the same standard: length and length indicator.
func TestTableAgrees(t *testing.T) {
	kinds := map[string]string{"ASCII.Fixed": "fixed", "Hex.Fixed": "fixed", "ASCII.LL": "LL", "ASCII.LLL": "LLL"}
	compared := 0
	for de, f := range specs.Spec87ASCII.Fields {
		if de < 2 || de == 44 { // moov gives DE 44 99 places; the standard 25
			continue
		}
		s, ok := iso8583.Field(de)
		if want := fmt.Sprintf("%s %d", kinds[f.Spec().Pref.Inspect()], f.Spec().Length); !ok || s.Shape() != want {
			t.Errorf("DE %d: %s, moov has %s", de, s.Shape(), want)
		}
		compared++
	}
	if compared < 60 {
		t.Errorf("only %d fields compared", compared)
	}
}

// TestDifferential packs and reads random messages with both.
func TestDifferential(t *testing.T) {
	spec := peerSpec(true)
	digits, text := rapid.StringMatching(`[0-9]{42}`), rapid.StringMatching(`[!-~]{1,42}`)
	rapid.Check(t, func(t *rapid.T) {
		var p iso8583.Packer
		p.Start(make([]byte, 8192), iso8583.FinancialAdvice)
		theirs := moov.NewMessage(spec)
		theirs.MTI("0220")
		want := map[int]string{}
		for _, de := range rapid.SliceOfNDistinct(rapid.SampledFrom(expressible()), 1, 30, rapid.ID[int]).Draw(t, "fields") {
			s, _ := iso8583.Field(de)
			v := digits.Draw(t, s.Name)[:min(s.Max(), 42)]
			if s.Variable() {
				v = v[:rapid.IntRange(1, len(v)).Draw(t, "length")]
			}
			want[de] = v
		}
		subs := map[iso8583.Tag]string{}
		for _, tag := range []iso8583.Tag{20, 42, 43, 63, 91, 93} {
			if rapid.Bool().Draw(t, "sub") {
				subs[tag] = text.Draw(t, "value")
			}
		}
		for de := 2; de <= 128; de++ {
			if v, ok := want[de]; ok {
				p.Text(de, v)
				if err := theirs.Field(de, v); err != nil {
					t.Fatal(err)
				}
			}
			for tag := iso8583.Tag(0); de == 48 && tag < 100; tag++ {
				if v, ok := subs[tag]; ok {
					p.ElementText(tag, v)
					if err := theirs.MarshalPath(fmt.Sprintf("48.%d", tag), v); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		a, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		b, err := theirs.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Fatalf("ours  %q\nmoov's %q", a, b)
		}
		var m iso8583.Message
		if err := m.Unpack(b); err != nil {
			t.Fatal(err)
		}
		for de, v := range want {
			if string(m.Get(de)) != v {
				t.Fatalf("DE %d: %q, moov wrote %q", de, m.Get(de), v)
			}
		}
		for tag, v := range subs {
			if string(m.Element(tag)) != v {
				t.Fatalf("DE 48.%d: %q, moov wrote %q", tag, m.Element(tag), v)
			}
		}
	})
}

// expressible are the fields that both hold as text of digits.
func expressible() (out []int) {
	for de := range specs.Spec87ASCII.Fields {
		if s, ok := iso8583.Field(de); ok && de != 48 && de != 52 && de != 64 && !strings.Contains(s.Name, "track") {
			out = append(out, de)
		}
	}
	for i := range out {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return append(out, 70, 95)
}

func TestRun(t *testing.T) {
	var text, js bytes.Buffer
	if err := Run(&text, true, false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	var ratio float64
	if n, err := fmt.Sscanf(lines[len(lines)-1], "ratio %f", &ratio); n != 1 || err != nil || ratio < 5 {
		t.Errorf("last line %q", lines[len(lines)-1])
	}
	if err := Run(&js, true, true); err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(js.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Fields != 19 || len(r.Rows) != 6 || r.Rows[0].Allocs != 0 || r.Rows[1].Allocs != 0 {
		t.Errorf("%+v", r)
	}
}
