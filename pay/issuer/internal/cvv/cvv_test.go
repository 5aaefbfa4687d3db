package cvv

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

type vectors struct {
	Values         []struct{ ID, Kind, CVK, PAN, Expiry, Service, Code string }
	Decimalisation []struct{ Hex, Out string }
}

func load(t *testing.T) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Values) != 31 || len(v.Decimalisation) != 5 {
		t.Fatalf("%d values, %d decimalisations; want 31 and 5", len(v.Values), len(v.Decimalisation))
	}
	return v
}

func TestPublishedVectors(t *testing.T) {
	var e Engine
	for _, v := range load(t).Values {
		raw, err := hex.DecodeString(v.CVK)
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range []Order{YYMM, MMYY} {
			k, err := NewKey(raw, order)
			if err != nil {
				t.Fatal(err)
			}
			expiry := v.Expiry // as fed; a MMYY key turns it round again
			if order == MMYY {
				expiry = v.Expiry[2:] + v.Expiry[:2]
			}
			var got string
			if err := e.Value(k, []byte(v.PAN), expiry, v.Service, func(d []byte) { got = string(d) }); err != nil || got != v.Code {
				t.Errorf("%s: %q, %v; want %s", v.ID, got, err, v.Code)
			}
			if !e.Check(k, []byte(v.PAN), expiry, v.Service, []byte(v.Code)) {
				t.Errorf("%s: the right code was refused", v.ID)
			}
		}
	}
}

func TestDecimalise(t *testing.T) {
	for _, v := range load(t).Decimalisation {
		h := v.Hex
		if len(h)%2 == 1 { // an odd count of nibbles: pad with one that is out of the way of the first pass
			h += "F"
		}
		b, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(v.Out))
		if decimalise(got, b); string(got) != v.Out {
			t.Errorf("%s: %s, want %s", v.Hex, got, v.Out)
		}
	}
}

// reference is the algorithm again, in another shape: strings and hex.
func reference(block [8]byte, n int) string {
	h := strings.ToUpper(hex.EncodeToString(block[:]))
	digits, letters := "", ""
	for _, c := range h {
		if c <= '9' {
			digits += string(c)
		} else {
			letters += string('0' + c - 'A')
		}
	}
	return (digits + letters)[:n]
}

func TestDecimaliseAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	second := 0
	for range 200_000 {
		var b [8]byte
		for i := range b {
			b[i] = byte(r.Uint32()) | 0x88*byte(r.IntN(2)) // letters more often, for the second pass
		}
		var got [Size]byte
		decimalise(got[:], b[:])
		if want := reference(b, Size); string(got[:]) != want {
			t.Fatalf("%x: %s, want %s", b, got, want)
		}
		if strings.Count(strings.Map(func(c rune) rune {
			if c <= '9' {
				return 'd'
			}
			return -1
		}, hex.EncodeToString(b[:])), "d") < Size {
			second++
		}
	}
	if second == 0 {
		t.Fatal("no block needed the second pass: the test is too weak")
	}
}

func TestCheckRefuses(t *testing.T) {
	var e Engine
	k, _ := NewKey([]byte("\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"), YYMM)
	pan := []byte("4123456789012345")
	for name, f := range map[string]func() bool{
		"wrong digits":  func() bool { return e.Check(k, pan, "8701", "101", []byte("562")) },
		"too short":     func() bool { return e.Check(k, pan, "8701", "101", []byte("56")) },
		"empty":         func() bool { return e.Check(k, pan, "8701", "101", nil) },
		"other order":   func() bool { return e.Check(k, pan, "0187", "101", []byte("561")) },
		"short number":  func() bool { return e.Check(k, pan[:11], "8701", "101", []byte("561")) },
		"letters":       func() bool { return e.Check(k, []byte("41234567890123x5"), "8701", "101", []byte("561")) },
		"no key":        func() bool { return e.Check(Key{}, pan, "8701", "101", []byte("\x00\x00\x00")) },
		"broken expiry": func() bool { return e.Check(k, pan, "87012", "101", []byte("561")) },
	} {
		if f() {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := NewKey(make([]byte, 15), YYMM); err == nil {
		t.Error("a key of 15 bytes was taken")
	}
}

func TestScratchIsWiped(t *testing.T) {
	var e Engine
	k, _ := NewKey([]byte("\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"), YYMM)
	var kept []byte
	_ = e.Value(k, []byte("4123456789012345"), "8701", "101", func(d []byte) { kept = d })
	if string(kept) != "\x00\x00\x00" {
		t.Errorf("the value was left in memory: %q", kept)
	}
}

func BenchmarkCheck(b *testing.B) {
	var e Engine
	k, _ := NewKey([]byte("\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"), YYMM)
	pan, code := []byte("4123456789012345"), []byte("561")
	b.ReportAllocs()
	for b.Loop() {
		e.Check(k, pan, "8701", "101", code)
	}
}
