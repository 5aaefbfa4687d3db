package iso8583

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// typical packs the 0100 that the benchmarks speak of: 19 fields, with code, CAVV and 3DS id in DE 48.
func typical(p *Packer, buf []byte) ([]byte, error) {
	p.Start(buf, AuthRequest)
	p.Bytes(PAN, []byte("9400000000000006"))
	p.Text(ProcessingCode, "000000")
	p.Number(AmountField, 2340)
	p.Text(Transmission, "1122153045")
	p.Number(STAN, 4711)
	p.Text(LocalTime, "163045")
	p.Text(LocalDate, "1122")
	p.Text(Expiry, "2911")
	p.Text(MCC, "5732")
	p.Text(EntryMode, "810")
	p.Text(Condition, "59")
	p.Text(Acquirer, "400123")
	p.Text(RRN, "632615004711")
	p.Text(Terminal, "WEB1")
	p.Text(Acceptor, "HARBOUR01")
	p.Text(NameAndPlace, "Harbour Bikes                        276")
	p.ElementText(TagECI, "05")
	p.ElementText(TagCAVV, "AAABBBCCCDDDEEEFFFGGGHHHIIIJ")
	p.ElementText(TagThreeDS, "2.2.0 8d1f1ee6-6c3f-4a52-8a75-2f6a0a1f9c11")
	p.ElementText(TagPresence, "1")
	p.Bytes(Currency, []byte("978"))
	p.Text(Lifecycle, "lif_01jd9x7k3m")
	return p.Finish()
}

// golden is the same message written down from the dialect by hand, one line a field.
const golden = "0100" +
	"\x72\x3c\x44\x81\x08\xe1\x80\x04" + // 2 3 4 7 | 11 12 13 14 | 18 22 | 25 32 | 37 | 41 42 43 48 | 49 | 62
	"16" + "9400000000000006" +
	"000000" +
	"000000002340" +
	"1122153045" +
	"004711" +
	"163045" +
	"1122" +
	"2911" +
	"5732" +
	"810" +
	"59" +
	"06" + "400123" +
	"632615004711" +
	"WEB1    " +
	"HARBOUR01      " +
	"Harbour Bikes                        276" +
	"089" + // (4+2) + (4+28) + (4+42) + (4+1) = 89
	"42" + "02" + "05" +
	"43" + "28" + "AAABBBCCCDDDEEEFFFGGGHHHIIIJ" +
	"66" + "42" + "2.2.0 8d1f1ee6-6c3f-4a52-8a75-2f6a0a1f9c11" +
	"91" + "01" + "1" +
	"978" +
	"014" + "lif_01jd9x7k3m"

func TestGoldenBytes(t *testing.T) {
	var p Packer
	got, err := typical(&p, make([]byte, 1024))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != golden {
		t.Fatalf("packed\n%q\nwant\n%q", got, golden)
	}
	var m Message
	if err := m.Unpack([]byte(golden)); err != nil {
		t.Fatal(err)
	}
	if m.MTI() != AuthRequest || m.Text(Acceptor) != "HARBOUR01" || string(m.Get(Acceptor)) != "HARBOUR01      " {
		t.Error("acceptor or type wrong")
	}
	if v, ok := m.Number(AmountField); !ok || v != 2340 {
		t.Errorf("amount %d %v", v, ok)
	}
	if string(m.Element(TagECI)) != "05" || len(m.Element(TagCAVV)) != 28 || m.Element(TagCode) != nil {
		t.Error("sub-elements wrong")
	}
	if m.Text(PAN) != "" || m.Text(AdditionalData) != "" || m.Text(Expiry) != "" {
		t.Error("a secret field became a string")
	}
	if s := fmt.Sprintf("%v %+v %#v %s", &m, &m, &m, &m); strings.Contains(s, "94000") || !strings.Contains(s, "0100 [2 3 4 7 11 12") {
		t.Errorf("printed: %s", s)
	}
}

// TestVectors are whole messages of the dialect, from their bytes to their fields and back.
func TestVectors(t *testing.T) {
	cases := []struct {
		name, hex string
		mti       MTI
		fields    map[int]string
	}{
		{"sign-on", "30383030" + "8220000100000000" + "0400000000000000" +
			hexOf("1122153045"+"000001"+"06400123"+"001"), NetworkRequest,
			map[int]string{7: "1122153045", 11: "000001", 32: "400123", 70: "001"}},
		{"echo answer", "30383130" + "8220000002000000" + "0400000000000000" +
			hexOf("1122153045"+"000002"+"00"+"301"), NetworkAnswer,
			map[int]string{7: "1122153045", 11: "000002", 39: "00", 70: "301"}},
		{"approval", "30313130" + "222000000e018004" + hexOf("000000"+"1122153045"+"004711"+"632615004711"+"123456"+"00"+
			"005"+"8701M"+"978"+"014"+"lif_01jd9x7k3m"), AuthAnswer,
			map[int]string{3: "000000", 37: "632615004711", 38: "123456", 39: "00", 48: "8701M", 49: "978", 62: "lif_01jd9x7k3m"}},
		{"reversal advice", "30343230" + "f2200001088080" + "00" + "0000004200000000" + hexOf(
			"169400000000000006"+"000000"+"000000002340"+"1122153115"+"004712"+"06400123"+"632615004711"+"WEB1    "+"978"+
				"0100"+"004711"+"1122153045"+"00000400123"+"00000000000"+
				"000000001000"+"000000000000"+"000000000"+"000000000"), ReversalAdvice,
			map[int]string{4: "000000002340", 49: "978", 90: "010000471111221530450000040012300000000000", 95: "000000001000000000000000000000000000000000"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			raw, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			var m Message
			err = m.Unpack(raw)
			if err != nil {
				t.Fatal(err)
			}
			if m.MTI() != c.mti {
				t.Errorf("MTI %s", m.MTI())
			}
			for de, want := range c.fields {
				if string(m.Get(de)) != want {
					t.Errorf("DE %d = %q, want %q", de, m.Get(de), want)
				}
			}
			var p Packer
			p.Start(make([]byte, 1024), m.MTI())
			for de := 2; de <= 128; de++ {
				if m.Has(de) {
					p.Bytes(de, m.Get(de))
				}
			}
			again, err := p.Finish()
			if err != nil || !bytes.Equal(again, raw) {
				t.Errorf("packed again: %x %v, want %x", again, err, raw)
			}
		})
	}
}

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }

func TestFaults(t *testing.T) {
	cut := func(n int) string { return golden[:n] }
	swap := func(old, new string) string {
		if !strings.Contains(golden, old) {
			t.Fatalf("golden has no %q", old)
		}
		return strings.Replace(golden, old, new, 1)
	}
	cases := []struct {
		name, in string
		want     Fault
		still    []int // fields that must have been read all the same
		not      []int
	}{
		{"empty", "", Fault{Reason: Short}, nil, []int{2}},
		{"three bytes", "010", Fault{Reason: Short}, nil, []int{2}},
		{"letters for an MTI", "01x0" + golden[4:], Fault{Reason: BadMTI}, nil, []int{2}},
		{"zeros for an MTI", "0000" + golden[4:], Fault{Reason: BadMTI}, nil, []int{2}},
		{"half a bitmap", cut(9), Fault{Field: 1, Reason: Short}, nil, []int{2}},
		{"half a second bitmap", "0800\x82\x20\x00\x01\x00\x00\x00\x00\x04\x00", Fault{Field: 1, Reason: Short}, nil, nil},
		{"third bitmap", "0800\x82\x20\x00\x01\x00\x00\x00\x00\x84\x00\x00\x00\x00\x00\x00\x00", Fault{Field: 65, Reason: Tertiary}, nil, []int{7}},
		{"length of DE 2 not digits", swap("16940", "1x940"), Fault{Field: 2, Reason: BadLength}, nil, []int{2, 3}},
		{"DE 2 too long", swap("16940", "20940"), Fault{Field: 2, Reason: TooLong}, nil, []int{2, 3}},
		{"letter in DE 2", swap("1694000", "169400x"), Fault{Field: 2, Reason: WrongClass}, []int{3, 7, 11, 37, 49, 62}, []int{2}},
		{"letter in DE 4", swap("000000002340", "00000000234O"), Fault{Field: 4, Reason: WrongClass}, []int{2, 3, 7, 11, 37, 48, 62}, []int{4}},
		{"two wrong fields: the first is told", swap("004711163045", "00471x16304x"), Fault{Field: 11, Reason: WrongClass}, []int{7, 13, 37}, []int{11, 12}},
		{"control character in DE 43", swap("Harbour Bikes ", "Harbour\nBikes "), Fault{Field: 43, Reason: WrongClass}, []int{42, 48, 49}, []int{43}},
		{"UTF-8 in DE 43", swap("Harbour Bikes  ", "H\u00e4rbour Bikes "), Fault{Field: 43, Reason: WrongClass}, []int{42}, []int{43}},
		{"DE 48 element longer than the field", swap("91011", "91991"), Fault{Field: 48, Element: 91, Reason: BadElement}, []int{43, 49, 62}, []int{48}},
		{"DE 48 with a letter for a tag", swap("4202", "x202"), Fault{Field: 48, Reason: BadElement}, []int{49}, []int{48}},
		{"cut inside DE 62", golden[:len(golden)-3], Fault{Field: 62, Reason: Short}, []int{2, 7, 11, 37, 49}, []int{62}},
		{"bytes after the end", golden + "x", Fault{Reason: Trailing}, []int{2, 62}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var m Message
			err := m.Unpack([]byte(c.in))
			var f *Fault
			if !errors.As(err, &f) || *f != c.want {
				t.Fatalf("got %+v (%v), want %+v", f, err, c.want)
			}
			for _, de := range c.still {
				if !m.Has(de) {
					t.Errorf("DE %d was lost", de)
				}
			}
			for _, de := range c.not {
				if m.Has(de) {
					t.Errorf("DE %d should not be there", de)
				}
			}
		})
	}
}

func TestPackFaults(t *testing.T) {
	cases := []struct {
		name string
		do   func(p *Packer)
		want Fault
	}{
		{"order", func(p *Packer) { p.Text(11, "1"); p.Text(7, "1122153045") }, Fault{Field: 7, Reason: OutOfOrder}},
		{"twice", func(p *Packer) { p.Text(11, "1"); p.Text(11, "1") }, Fault{Field: 11, Reason: OutOfOrder}},
		{"DE 48 twice", func(p *Packer) { p.ElementText(42, "05"); p.Text(49, "978"); p.ElementText(43, "x") }, Fault{Field: 48, Reason: OutOfOrder}},
		{"too long", func(p *Packer) { p.Number(4, 1e12) }, Fault{Field: 4, Reason: TooLong}},
		{"letters in digits", func(p *Packer) { p.Text(4, "12a") }, Fault{Field: 4, Reason: WrongClass}},
		{"nothing in a fixed field", func(p *Packer) { p.Text(4, "") }, Fault{Field: 4, Reason: WrongSize}},
		{"short binary", func(p *Packer) { p.Text(64, "short") }, Fault{Field: 64, Reason: WrongSize}},
		{"tertiary bitmap", func(p *Packer) { p.Text(65, "1") }, Fault{Field: 65, Reason: NoField}},
		{"bitmap as a field", func(p *Packer) { p.Text(1, "1") }, Fault{Field: 1, Reason: NoField}},
		{"beyond", func(p *Packer) { p.Text(129, "1") }, Fault{Field: 129, Reason: NoField}},
		{"tag of three digits", func(p *Packer) { p.ElementText(100, "1") }, Fault{Field: 48, Element: 100, Reason: NoField}},
		{"DE 48 full", func(p *Packer) { p.ElementText(93, strings.Repeat("x", 1000)) }, Fault{Field: 48, Element: 93, Reason: TooLong}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var p Packer
			p.Start(make([]byte, 2048), AuthRequest)
			c.do(&p)
			_, err := p.Finish()
			var f *Fault
			if !errors.As(err, &f) || *f != c.want {
				t.Fatalf("got %v, want %v", err, &c.want)
			}
		})
	}
}

// TestNoRoom packs into every size of buffer: it fits, or says NoRoom, and never grows.
func TestNoRoom(t *testing.T) {
	for size := range len(golden) + 2 {
		backing := make([]byte, size+64)
		var p Packer
		got, err := typical(&p, backing[:0:size])
		if fits := size >= len(golden); fits != (err == nil) {
			t.Fatalf("size %d: %v", size, err)
		}
		if err == nil && &got[0] != &backing[0] {
			t.Fatal("the message is not in the caller's buffer")
		}
		var f *Fault
		if err != nil && (!errors.As(err, &f) || f.Reason != NoRoom) {
			t.Fatalf("size %d: %v", size, err)
		}
		if !bytes.Equal(backing[size:], make([]byte, 64)) {
			t.Fatalf("size %d: wrote beyond the buffer", size)
		}
		p.Wipe()
		if !bytes.Equal(backing, make([]byte, len(backing))) {
			t.Fatalf("size %d: not wiped", size)
		}
	}
}

func TestLongElementIsCarriedOn(t *testing.T) {
	long := strings.Repeat("abcdefghij", 25) // 250
	var p Packer
	p.Start(make([]byte, 1024), AuthRequest)
	p.ElementText(TagSealedCode, long)
	p.ElementText(TagECI, "05")
	raw, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var m Message
	if err := m.Unpack(raw); err != nil {
		t.Fatal(err)
	}
	v := m.Get(AdditionalData)
	if got := AppendElement(nil, v, TagSealedCode); string(got) != long {
		t.Errorf("joined %d characters", len(got))
	}
	if CountElements(v, TagSealedCode) != 3 || CountElements(v, TagECI) != 1 || string(Element(v, TagECI)) != "05" {
		t.Error("wrong count")
	}
}

func TestMAC(t *testing.T) {
	for _, de := range []int{MAC, MAC2} {
		var p Packer
		p.Start(make([]byte, 256), NetworkRequest)
		p.Text(STAN, "1")
		p.Text(de, "\x00\xff12345\x80")
		raw, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := m.Unpack(raw); err != nil {
			t.Fatal(err)
		}
		covered, mac := m.Authenticated()
		if string(mac) != "\x00\xff12345\x80" || len(covered) != len(raw)-8 {
			t.Errorf("DE %d: covered %d of %d, mac %x", de, len(covered), len(raw), mac)
		}
	}
	var m Message
	_ = m.Unpack([]byte(golden))
	if c, mac := m.Authenticated(); c != nil || mac != nil {
		t.Error("a MAC out of nothing")
	}
}

// TestRoundTrip packs random fields of the whole table and reads them back.
func TestRoundTrip(t *testing.T) {
	letters := map[class]*rapid.Generator[string]{
		n: rapid.StringMatching(`[0-9]*`), an: rapid.StringMatching(`[0-9A-Za-z ]*`), ans: rapid.StringMatching(`[ -~]*`),
		z: rapid.StringMatching(`[!-~]*`), b: rapid.Map(rapid.SliceOf(rapid.Byte()), func(v []byte) string { return string(v) }),
	}
	rapid.Check(t, func(t *rapid.T) {
		var p Packer
		mti := rapid.SampledFrom(mtiTable[:]).Draw(t, "mti")
		p.Start(make([]byte, MaxMessage), mti)
		want := map[int]string{}
		for _, de := range rapid.SliceOfNDistinct(rapid.IntRange(2, 128), 0, 60, rapid.ID[int]).Draw(t, "fields") {
			s, ok := Field(de)
			if !ok {
				continue
			}
			v := letters[s.class].Draw(t, s.Name)
			v = v[:min(len(v), s.max)]
			if s.size == fixed {
				if s.class == b && len(v) < s.max || v == "" {
					v = strings.Repeat("7", s.max)
				}
			}
			if de == AdditionalData {
				v = fmt.Sprintf("91%02d%s", min(len(v), 90), v[:min(len(v), 90)])
			}
			want[de] = v
		}
		for de := 2; de <= 128; de++ {
			if v, ok := want[de]; ok {
				p.Text(de, v)
			}
		}
		raw, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := m.Unpack(raw); err != nil {
			t.Fatal(err)
		}
		for de := 2; de <= 128; de++ {
			v, ok := want[de]
			if ok != m.Has(de) {
				t.Fatalf("DE %d: has %v", de, m.Has(de))
			}
			if !ok {
				continue
			}
			s, _ := Field(de)
			got := string(m.Get(de))
			if s.size == fixed && s.class == n {
				v = strings.Repeat("0", s.max-len(v)) + v
			} else if s.size == fixed {
				v += strings.Repeat(" ", s.max-len(v))
			}
			if got != v {
				t.Fatalf("DE %d: %q, want %q", de, got, v)
			}
		}
	})
}

// TestEveryCutIsTold cuts and changes a message everywhere: what is read before the fault stays readable.
func TestEveryCutIsTold(t *testing.T) {
	for i := range len(golden) {
		var m Message
		if err := m.Unpack([]byte(golden[:i])); err == nil {
			t.Fatalf("cut at %d: accepted", i)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(golden)
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		var m Message
		err := m.Unpack(raw)
		for de := range 130 {
			if v := m.Get(de); v != nil && !fieldTable[de].class.fits(v) {
				t.Fatalf("DE %d holds what it may not (%v)", de, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), "9400000") {
			t.Fatal("the error carries a card number")
		}
	})
}

func TestNoAllocations(t *testing.T) {
	buf := make([]byte, 1024)
	var p Packer
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := typical(&p, buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("packing: %v allocations", n)
	}
	raw := []byte(golden)
	var m Message
	if n := testing.AllocsPerRun(1000, func() {
		if err := m.Unpack(raw); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("unpacking: %v allocations", n)
	}
}

func TestTime(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	cases := []struct{ de7, now, want string }{
		{"1122153045", "2026-11-22T15:30:50Z", "2026-11-22T15:30:45Z"},
		{"1231235959", "2027-01-01T00:00:03Z", "2026-12-31T23:59:59Z"},
		{"0101000001", "2026-12-31T23:59:58Z", "2027-01-01T00:00:01Z"},
		{"0229120000", "2028-02-29T12:00:10Z", "2028-02-29T12:00:00Z"},
		{"0229120000", "2027-03-01T12:00:00Z", "2028-02-29T12:00:00Z"},
		{"0229120000", "2026-03-01T12:00:00Z", ""},
		{"0230120000", "2028-02-29T12:00:10Z", ""},
		{"1301000000", "2026-11-22T15:30:50Z", ""},
		{"0001000000", "2026-11-22T15:30:50Z", ""},
		{"1122243045", "2026-11-22T15:30:50Z", ""},
		{"112215304", "2026-11-22T15:30:50Z", ""},
		{"11221530x5", "2026-11-22T15:30:50Z", ""},
	}
	for _, c := range cases {
		got, ok := ParseTime([]byte(c.de7), at(c.now))
		if ok != (c.want != "") || ok && !got.Equal(at(c.want)) {
			t.Errorf("%s at %s: %v %v", c.de7, c.now, got, ok)
		}
	}
	now := at("2026-11-22T15:30:50Z")
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(-180*86400, 180*86400).Draw(t, "seconds")) * time.Second
		in := now.Add(d)
		if got, ok := ParseTime(AppendTime(nil, in), now); !ok || !got.Equal(in) {
			t.Fatalf("%v came back as %v", in, got)
		}
	})
}

func TestOriginalAndReplacement(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 31, 0, 0, time.UTC)
	o := Original{MTI: AuthRequest, STAN: 4711, Transmission: now.Add(-15 * time.Second), Acquirer: "400123"}
	raw := o.Append(nil)
	if string(raw) != "0100004711112215304500000400123"+"00000000000" {
		t.Fatalf("%s", raw)
	}
	got, ok := ParseOriginal(raw, now)
	if !ok || got.MTI != o.MTI || got.STAN != o.STAN || !got.Transmission.Equal(o.Transmission) || got.Acquirer != "400123" || got.Forwarder != "" {
		t.Errorf("%+v %v", got, ok)
	}
	for _, bad := range []string{"", string(raw[:41]), "0110" + string(raw[4:]), "9999" + string(raw[4:]), string(raw[:10]) + "1399000000" + string(raw[20:]), string(raw[:41]) + "x"} {
		if _, ok := ParseOriginal([]byte(bad), now); ok {
			t.Errorf("accepted %q", bad)
		}
	}
	if !SameInstitution("000123", "123") || SameInstitution("1230", "123") {
		t.Error("institutions")
	}
	v := AppendReplacement(nil, 1000)
	if len(v) != 42 {
		t.Fatal(len(v))
	}
	if n, ok := ParseReplacement(v); !ok || n != 1000 {
		t.Error(n, ok)
	}
	v[41] = '1'
	if _, ok := ParseReplacement(v); ok {
		t.Error("a fee was overlooked")
	}
}

func TestMTI(t *testing.T) {
	for _, c := range []struct {
		in, answer MTI
		request    bool
	}{
		{AuthRequest, AuthAnswer, true}, {AuthRepeat, AuthAnswer, true}, {AuthAdvice, AuthAdviceAnswer, true},
		{FinancialRequest, FinancialAnswer, true}, {FinancialAdviceRepeat, FinancialAdviceAnswer, true},
		{ReversalRepeat, ReversalAnswer, true}, {ReversalAdviceRepeat, ReversalAdviceAnswer, true},
		{NetworkRequest, NetworkAnswer, true}, {AuthAnswer, 0, false}, {NetworkAnswer, 0, false},
	} {
		if c.in.IsRequest() != c.request || c.request && c.in.Answer() != c.answer {
			t.Errorf("%s: request %v, answer %s", c.in, c.in.IsRequest(), c.in.Answer())
		}
		back, ok := ParseMTI(c.in.String())
		if !ok || back != c.in || !c.in.Known() {
			t.Errorf("%s", c.in)
		}
	}
	if MTI(0x0500).Known() {
		t.Error("0500 known")
	}
}

func TestFieldTable(t *testing.T) {
	for de := 2; de <= 128; de++ {
		s, ok := Field(de)
		if ok != (de != 65) || ok && s.Name == "" {
			t.Errorf("DE %d: %+v", de, s)
		}
		if ok && (s.size == ll && s.max > 99 || s.size == lll && s.max > 999) {
			t.Errorf("DE %d: the length indicator is too small", de)
		}
	}
	for _, de := range []int{-1, 0, 1, 65, 129} {
		if _, ok := Field(de); ok {
			t.Errorf("DE %d exists", de)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(golden[:60]))
	f.Add([]byte("0800\x82\x20\x00\x01\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00112215304500000106400123001"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m Message
		err := m.Unpack(raw)
		if err == nil && m.MTI() == 0 {
			t.Fatal("no type, and no fault")
		}
		var p Packer
		p.Start(make([]byte, len(raw)+16), m.MTI())
		for de := range 140 {
			if m.Has(de) {
				p.Bytes(de, m.Get(de))
			}
		}
		_ = CountElements(m.Get(AdditionalData), TagCode)
		again, perr := p.Finish()
		// A message that is well-formed packs to the same bytes, but for a second bitmap that was empty.
		if err == nil && perr == nil && !bytes.Equal(again, raw) && (raw[4]&0x80 == 0 || !bytes.Equal(raw[12:20], make([]byte, 8))) {
			t.Fatalf("%x packs to %x", raw, again)
		}
		if err == nil && perr != nil {
			t.Fatalf("read, and cannot be written: %v", perr)
		}
		m.Wipe()
		if !bytes.Equal(raw, make([]byte, len(raw))) {
			t.Fatal("not wiped")
		}
	})
}

func BenchmarkPack(b *testing.B) {
	var p Packer
	buf := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := typical(&p, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnpack(b *testing.B) {
	var m Message
	raw := []byte(golden)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Unpack(raw); err != nil {
			b.Fatal(err)
		}
	}
}
