package codec

import (
	"maps"

	"countersign/wire/iso8583"

	moov "github.com/moov-io/iso8583"
	"github.com/moov-io/iso8583/encoding"
	"github.com/moov-io/iso8583/field"
	"github.com/moov-io/iso8583/prefix"
	"github.com/moov-io/iso8583/sort"
	"github.com/moov-io/iso8583/specs"
)

// peerSpec is moov's own ISO 8583:1987 specification, with the binary bitmap of the dialect, text kept as it
// is (moov's DE 3 is a number and drops zeros), and DE 48 as one text or taken apart into sub-elements.
func peerSpec(takenApart bool) *moov.MessageSpec {
	fields := maps.Clone(specs.Spec87ASCII.Fields)
	fields[1] = field.NewBitmap(&field.Spec{Length: 8, Description: "bitmap", Enc: encoding.Binary, Pref: prefix.Binary.Fixed})
	fields[3] = field.NewString(&field.Spec{Length: 6, Description: "processing code", Enc: encoding.ASCII, Pref: prefix.ASCII.Fixed})
	for _, de := range []int{52, 64} {
		fields[de] = field.NewBinary(&field.Spec{Length: 8, Description: "binary", Enc: encoding.Binary, Pref: prefix.Binary.Fixed})
	}
	fields[70] = field.NewString(&field.Spec{Length: 3, Description: "network code", Enc: encoding.ASCII, Pref: prefix.ASCII.Fixed})
	fields[95] = field.NewString(&field.Spec{Length: 42, Description: "replacement", Enc: encoding.ASCII, Pref: prefix.ASCII.Fixed})
	if takenApart {
		sub := map[string]field.Field{}
		for _, t := range []string{"20", "33", "42", "43", "63", "66", "87", "91", "92", "93"} {
			sub[t] = field.NewString(&field.Spec{Length: 99, Description: t, Enc: encoding.ASCII, Pref: prefix.ASCII.LL})
		}
		fields[48] = field.NewComposite(&field.Spec{Length: 999, Description: "additional data", Pref: prefix.ASCII.LLL,
			Tag: &field.TagSpec{Length: 2, Enc: encoding.ASCII, Sort: sort.StringsByInt}, Subfields: sub})
	}
	return &moov.MessageSpec{Name: "CS87", Fields: fields}
}

// value is one field of the message that is measured; sub is set for the sub-elements of DE 48.
type value struct {
	de   int
	sub  iso8583.Tag
	text string
	raw  []byte
}

// typical is an e-commerce 0100 with 19 fields; in DE 48: code and its presence, CAVV, ECI, 3DS id.
func typical() []value {
	v := []value{
		{de: 2, text: "9400000000000007"}, {de: 3, text: "000000"}, {de: 4, text: "000000002340"}, {de: 7, text: "1122153045"},
		{de: 11, text: "004711"}, {de: 12, text: "153045"}, {de: 13, text: "1122"}, {de: 14, text: "2911"}, {de: 18, text: "5732"},
		{de: 22, text: "810"}, {de: 25, text: "59"}, {de: 32, text: "400123"}, {de: 37, text: "632615004711"},
		{de: 41, text: "WEB00001"}, {de: 42, text: "HARBOUR01      "}, {de: 43, text: "Harbour Bikes                        276"},
		{de: 48, sub: iso8583.TagECI, text: "05"}, {de: 48, sub: iso8583.TagCAVV, text: "AAABBBCCCDDDEEEFFFGGGHHHIIIJ"},
		{de: 48, sub: iso8583.TagThreeDS, text: "2.2.0 8d1f1ee6-6c3f-4a52-8a75-2f6a0a1f9c11"},
		{de: 48, sub: iso8583.TagPresence, text: "1"},
		{de: 48, sub: iso8583.TagSealedCode, text: "v1.code-2026.Zm9ydHktdHdvIGJ5dGVzIG9mIGNpcGhlcnRleHQgYW5kIHRoZW4gc29tZSBtb3JlIQ"},
		{de: 49, text: "978"}, {de: 62, text: "lif_01jd9x7k3m"},
	}
	for i := range v {
		v[i].raw = []byte(v[i].text)
	}
	return v
}

// packOurs packs the message into buf.
func packOurs(p *iso8583.Packer, buf []byte, v []value) ([]byte, error) {
	p.Start(buf, iso8583.AuthRequest)
	for i := range v {
		if v[i].sub != 0 {
			p.Element(v[i].sub, v[i].raw)
		} else {
			p.Bytes(v[i].de, v[i].raw)
		}
	}
	return p.Finish()
}

// unpackOurs reads the message and looks at every field and sub-element.
func unpackOurs(m *iso8583.Message, raw []byte, v []value) error {
	if err := m.Unpack(raw); err != nil {
		return err
	}
	for i := range v {
		got := m.Get(v[i].de)
		if v[i].sub != 0 {
			got = m.Element(v[i].sub)
		}
		if len(got) != len(v[i].raw) {
			return errDiffers
		}
	}
	return nil
}

// packPeer packs the message with moov, DE 48 as one text.
func packPeer(spec *moov.MessageSpec, v []value, flat string) ([]byte, error) {
	m := moov.NewMessage(spec)
	m.MTI("0100")
	for i := range v {
		var err error
		switch {
		case v[i].sub == 0:
			err = m.Field(v[i].de, v[i].text)
		case v[i].sub == iso8583.TagECI:
			err = m.Field(48, flat)
		}
		if err != nil {
			return nil, err
		}
	}
	return m.Pack()
}

// packPeerApart packs the message with moov, DE 48 made of its sub-elements.
func packPeerApart(spec *moov.MessageSpec, v []value) ([]byte, error) {
	m := moov.NewMessage(spec)
	m.MTI("0100")
	for i := range v {
		var err error
		if v[i].sub != 0 {
			err = m.MarshalPath(pathTable[v[i].sub], v[i].text)
		} else {
			err = m.Field(v[i].de, v[i].text)
		}
		if err != nil {
			return nil, err
		}
	}
	return m.Pack()
}

// pathTable is how moov names a sub-element.
var pathTable = map[iso8583.Tag]string{iso8583.TagECI: "48.42", iso8583.TagCAVV: "48.43", iso8583.TagThreeDS: "48.66",
	iso8583.TagPresence: "48.91", iso8583.TagSealedCode: "48.93"}

// unpackPeer reads the message with moov and looks at every field.
func unpackPeer(spec *moov.MessageSpec, raw []byte, v []value) error {
	m := moov.NewMessage(spec)
	if err := m.Unpack(raw); err != nil {
		return err
	}
	for i := range v {
		if v[i].sub != 0 {
			continue
		}
		if s, err := m.GetString(v[i].de); err != nil || s == "" {
			return errDiffers
		}
	}
	return nil
}
