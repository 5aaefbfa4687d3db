package smpp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"countersign/wire/smpp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The first vector is the worked example of SMPP 3.4 §3.2.3 (bind_transmitter of SMPP3TEST); the others were
// written out by hand from the field tables of §4.
const (
	bindVector = "0000002F 00000002 00000000 00000001" +
		"534D50503354455354 00 7365637265743038 00 5355424D495431 00 50 01 01 00" // system_type SUBMIT1, version as printed there
	enquireVector = "00000010 00000015 00000000 0000000a"
	submitVector  = "00000041 00000004 00000000 00000005" +
		"00 0500 42616e6b 00 0101 343931373031323334353637 00 40 00 00 00 00 01 00 00 00 0e" +
		"050003070201 0002 48656c6c6f2e" // header of part 1 of 2, "@$Hello."
	nackVector = "00000010 80000000 00000003 00000000"
)

func TestVectors(t *testing.T) {
	p := read(t, bindVector)
	b, err := smpp.ParseBind(p.Body)
	want := smpp.Bind{SystemID: "SMPP3TEST", Password: "secret08", SystemType: "SUBMIT1", Version: 0x50, TON: 1, NPI: 1}
	if err != nil || p.Command != smpp.BindTransmitter || p.Sequence != 1 || b != want {
		t.Fatalf("bind: %+v %+v %v", p, b, err)
	}
	again(t, bindVector, smpp.PDU{Command: p.Command, Sequence: 1, Body: b.Append(nil)})

	p = read(t, submitVector)
	m, err := smpp.ParseMessage(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, part, err := m.Text()
	if err != nil || text != "@$Hello." || part == nil || *part != (smpp.Concat{Ref: 7, Total: 2, Part: 1}) {
		t.Fatalf("submit: %q %+v %v", text, part, err)
	}
	if m.Source != smpp.Name("Bank") || m.Dest != smpp.Number("+49 170 1234567") || m.Registered != 1 {
		t.Fatalf("submit: %+v", m)
	}
	again(t, submitVector, smpp.PDU{Command: p.Command, Sequence: 5, Body: m.Append(nil)})
	again(t, enquireVector, smpp.PDU{Command: smpp.EnquireLink, Sequence: 10})
	again(t, nackVector, smpp.PDU{Command: smpp.GenericNack, Status: smpp.InvalidCommandID})
}

func read(t *testing.T, vector string) smpp.PDU {
	t.Helper()
	raw := unhex(t, vector)
	raw[3] = byte(len(raw)) // the lengths are counted here, not by hand
	p, err := smpp.ReadPDU(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func again(t *testing.T, vector string, p smpp.PDU) {
	t.Helper()
	want := unhex(t, vector)
	want[3] = byte(len(want))
	if got := smpp.AppendPDU(nil, p); !bytes.Equal(got, want) {
		t.Errorf("%v:\n got %x\nwant %x", p.Command, got, want)
	}
}

func TestReadPDURefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"nothing":                {"", io.EOF},
		"half a length":          {"0000", io.ErrUnexpectedEOF},
		"length below header":    {"0000000f 00000015 00000000 00000001", smpp.ErrFormat},
		"length of 4 GB":         {"ffffffff 00000015 00000000 00000001", smpp.ErrTooLong},
		"header cut":             {"00000010 00000015 0000", io.ErrUnexpectedEOF},
		"no header after length": {"00000010", io.ErrUnexpectedEOF},
		"body cut":               {"00000014 00000015 00000000 00000001 00", io.ErrUnexpectedEOF},
	} {
		if _, err := smpp.ReadPDU(bytes.NewReader(unhex(t, c.in))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestParseMessageRefuses(t *testing.T) {
	good := (&smpp.Message{Source: smpp.Name("Bank"), Dest: smpp.Number("49170"), Data: []byte("hi")}).Append(nil)
	for n := range len(good) {
		if _, err := smpp.ParseMessage(good[:n]); err == nil {
			t.Errorf("cut to %d of %d bytes it is accepted", n, len(good))
		}
	}
	for name, tail := range map[string]string{
		"option cut in its tag":     "04",
		"option cut in its value":   "0424 0005 41",
		"payload and short message": "0424 0001 41",
	} {
		if _, err := smpp.ParseMessage(append(bytes.Clone(good), unhex(t, tail)...)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	many := bytes.Clone(good)
	for range 65 {
		many = append(many, 0x14, 0x00, 0, 0)
	}
	if _, err := smpp.ParseMessage(many); !errors.Is(err, smpp.ErrTooLong) {
		t.Errorf("65 options: %v", err)
	}
}

func TestPayloadCarriesLongData(t *testing.T) {
	m := &smpp.Message{Dest: smpp.Number("49170"), Data: bytes.Repeat([]byte("x"), 1000), Options: []smpp.Option{{Tag: 0x020c, Value: []byte{0, 1}}}}
	got, err := smpp.ParseMessage(m.Append(nil))
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		name, text string
		coding     byte
		parts      int
	}{
		{"empty", "", smpp.CodingGSM, 1},
		{"whole alphabet", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà", smpp.CodingGSM, 1},
		{"extension", "\f^{}\\[~]|€", smpp.CodingGSM, 1},
		{"160 letters", strings.Repeat("a", 160), smpp.CodingGSM, 1},
		{"161 letters", strings.Repeat("a", 161), smpp.CodingGSM, 2},
		{"306 letters", strings.Repeat("a", 306), smpp.CodingGSM, 2},
		{"307 letters", strings.Repeat("a", 307), smpp.CodingGSM, 3},
		{"80 euros", strings.Repeat("€", 80), smpp.CodingGSM, 1},
		{"81 euros: no cut inside an escape", strings.Repeat("€", 81), smpp.CodingGSM, 2},
		{"Russian, 70", strings.Repeat("ж", 70), smpp.CodingUCS2, 1},
		{"Russian, 71", strings.Repeat("ж", 71), smpp.CodingUCS2, 2},
		{"35 faces", strings.Repeat("🙂", 35), smpp.CodingUCS2, 1},
		{"36 faces: no cut inside a pair", strings.Repeat("🙂", 36), smpp.CodingUCS2, 2},
		{"one foreign letter makes all UCS-2", "abc ж", smpp.CodingUCS2, 1},
		{"no backtick in GSM", "`", smpp.CodingUCS2, 1},
	} {
		parts, err := smpp.EncodeText(c.text, 42)
		if err != nil || len(parts) != c.parts || parts[0].Coding != c.coding {
			t.Errorf("%s: %d parts, %v", c.name, len(parts), err)
			continue
		}
		if got := join(t, parts); got != c.text {
			t.Errorf("%s comes back as %q", c.name, got)
		}
	}
	if _, err := smpp.EncodeText("\xff", 0); !errors.Is(err, smpp.ErrFormat) {
		t.Errorf("not UTF-8: %v", err)
	}
	if _, err := smpp.EncodeText(strings.Repeat("a", 153*255+1), 0); !errors.Is(err, smpp.ErrTooLong) {
		t.Errorf("256 parts: %v", err)
	}
}

func join(t testing.TB, parts []smpp.Part) string {
	t.Helper()
	whole := ""
	for i, p := range parts {
		if len(p.Data) > 160 || (p.Coding == smpp.CodingUCS2 && len(p.Data) > 140) {
			t.Errorf("part %d has %d bytes", i, len(p.Data))
		}
		m := &smpp.Message{Coding: p.Coding, Data: p.Data}
		if p.UDHI {
			m.ESMClass = smpp.UDHI
		}
		text, c, err := m.Text()
		if err != nil || (len(parts) > 1 && (c == nil || int(c.Part) != i+1 || int(c.Total) != len(parts) || c.Ref != 42)) {
			t.Fatalf("part %d: %+v %v", i, c, err)
		}
		whole += text
	}
	return whole
}

func TestTextRefusesAndReads(t *testing.T) {
	for _, c := range []struct {
		name, data string
		coding     byte
		udhi       bool
		text       string
		err        error
	}{
		{"binary", "00", 4, false, "", smpp.ErrCoding},
		{"odd UCS-2", "0041 00", 8, false, "", smpp.ErrFormat},
		{"lone surrogate", "d83d", 8, false, "\uFFFD", nil},
		{"ASCII", "4840", 1, false, "H@", nil},
		{"GSM that says ASCII, as npm smpp 0.5.1 sends it", "4869 20 00 20 1b65 20 1b28 78 1b29 20 7e", 1, false, "Hi @ € {x} ü", nil},
		{"Latin-1", "e9", 3, false, "é", nil},
		{"GSM above 127", "80", 0, false, "\uFFFD", nil},
		{"escape at the end", "41 1b", 0, false, "A\uFFFD", nil},
		{"unknown escape", "1b 41", 0, false, "A", nil},
		{"header longer than the data", "09 00", 0, true, "", smpp.ErrFormat},
		{"no header", "", 0, true, "", smpp.ErrFormat},
		{"element longer than the header", "03 00 05 01 41", 0, true, "", smpp.ErrFormat},
		{"16-bit reference", "06 08 04 01 02 02 01 41", 0, true, "A", nil},
		{"part 3 of 2 is ignored", "05 00 03 07 02 03 41", 0, true, "A", nil},
	} {
		m := &smpp.Message{Coding: c.coding, Data: unhex(t, c.data)}
		if c.udhi {
			m.ESMClass = smpp.UDHI
		}
		if text, _, err := m.Text(); text != c.text || !errors.Is(err, c.err) {
			t.Errorf("%s: %q %v", c.name, text, err)
		}
	}
}

func FuzzPDU(f *testing.F) {
	for _, v := range []string{bindVector, enquireVector, submitVector, nackVector} {
		f.Add(unhex(f, v))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := smpp.ReadPDU(bytes.NewReader(in))
		if err != nil {
			return
		}
		if got := smpp.AppendPDU(nil, p); !bytes.HasPrefix(in, got) {
			t.Fatalf("%x is written again as %x", in, got)
		}
		if b, err := smpp.ParseBind(p.Body); err == nil {
			if c, err := smpp.ParseBind(b.Append(nil)); err != nil || b != c {
				t.Fatalf("%+v became %+v %v", b, c, err)
			}
		}
		m, err := smpp.ParseMessage(p.Body)
		if err != nil {
			return
		}
		again, err := smpp.ParseMessage(m.Append(nil))
		if err != nil || !bytes.Equal(again.Data, m.Data) || again.Dest != m.Dest || len(again.Options) != len(m.Options) {
			t.Fatalf("%+v became %+v %v", m, again, err)
		}
		_, _, _ = m.Text()
	})
}

func FuzzText(f *testing.F) {
	f.Add("Pay 23.40 € [shop] @a.example #123456 @b.example")
	f.Add(strings.Repeat("🙂€", 100))
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := smpp.EncodeText(text, 42)
		if err == nil {
			if got := join(t, parts); got != text {
				t.Fatalf("%q came back as %q", text, got)
			}
		}
	})
}
