package smpp

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrCoding: the message's data_coding is not a text that this package reads.
var ErrCoding = errors.New("smpp: data coding is not a known text")

// The data codings of texts (§5.2.19).
const (
	CodingGSM    byte = 0x00 // SMSC default alphabet: GSM 7-bit, one byte per septet
	CodingASCII  byte = 0x01
	CodingLatin1 byte = 0x03
	CodingUCS2   byte = 0x08
)

// Part is one message of a text: its coding, and the data with a header when there is more than one.
type Part struct {
	Coding byte
	UDHI   bool
	Data   []byte
}

// Sizes of one message: a phone gets 140 bytes, which are 160 septets or 70 UCS-2 characters; the header
// of a concatenated message takes 6 of them.
const (
	gsmSingle, gsmMulti   = 160, 153
	ucs2Single, ucs2Multi = 140, 134
	maxParts              = 255
)

// EncodeText writes a text as one message or several: GSM 7-bit when all characters are in its alphabet,
// otherwise UCS-2. ref marks the parts as belonging together. No character is cut in two. More than 255
// parts, or a text that is not UTF-8, are ErrTooLong and ErrFormat.
func EncodeText(text string, ref byte) ([]Part, error) {
	if !utf8.ValidString(text) {
		return nil, ErrFormat
	}
	if b, ok := gsmTable.encode(text); ok {
		return split(b, CodingGSM, gsmSingle, gsmMulti, ref, func(b []byte, at int) bool { return b[at-1] == gsmEscape })
	}
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return split(b, CodingUCS2, ucs2Single, ucs2Multi, ref, func(b []byte, at int) bool { return b[at-2]&0xfc == 0xd8 })
}

// split cuts b; inside says that a cut at a place would divide a character.
func split(b []byte, coding byte, single, multi int, ref byte, inside func([]byte, int) bool) ([]Part, error) {
	if len(b) <= single {
		return []Part{{Coding: coding, Data: b}}, nil
	}
	unit := 1
	if coding == CodingUCS2 {
		unit = 2
	}
	var cuts [][]byte
	for len(b) > 0 {
		n := min(multi, len(b))
		if n < len(b) && inside(b, n) {
			n -= unit
		}
		cuts = append(cuts, b[:n])
		b = b[n:]
	}
	if len(cuts) > maxParts {
		return nil, ErrTooLong
	}
	parts := make([]Part, len(cuts))
	for i, c := range cuts {
		head := []byte{5, 0, 3, ref, byte(len(cuts)), byte(i + 1)}
		parts[i] = Part{Coding: coding, UDHI: true, Data: append(head, c...)}
	}
	return parts, nil
}

// Concat is what the header of a concatenated message says (3GPP TS 23.040 §9.2.3.24.1 and .8).
type Concat struct {
	Ref         uint16
	Total, Part byte // Part counts from 1
}

// Text reads the text of a message and, when it is one part of several, which. ErrCoding when it is not
// text, ErrFormat when its header is broken.
func (m *Message) Text() (text string, part *Concat, err error) {
	data := m.Data
	if m.ESMClass&UDHI != 0 {
		if part, data, err = header(data); err != nil {
			return "", nil, err
		}
	}
	coding := m.Coding
	if coding == CodingASCII && bytes.ContainsAny(data, "\x00\x1b") {
		coding = CodingGSM // no ASCII text has NUL or ESC; some senders (npm smpp) say 1 and mean GSM
	}
	switch coding {
	case CodingGSM:
		return gsmTable.decode(data), part, nil
	case CodingASCII, CodingLatin1:
		out := make([]rune, len(data))
		for i, c := range data {
			out[i] = rune(c)
		}
		return string(out), part, nil
	case CodingUCS2:
		if len(data)%2 != 0 {
			return "", nil, ErrFormat
		}
		u := make([]uint16, len(data)/2)
		for i := range u {
			u[i] = uint16(data[2*i])<<8 | uint16(data[2*i+1])
		}
		return string(utf16.Decode(u)), part, nil
	}
	return "", part, ErrCoding
}

// header takes the user data header off data and looks for concatenation in it.
func header(data []byte) (part *Concat, rest []byte, err error) {
	if len(data) == 0 || int(data[0]) >= len(data) {
		return nil, nil, ErrFormat
	}
	h, rest := data[1:1+data[0]], data[1+data[0]:]
	for len(h) >= 2 {
		id, n := h[0], int(h[1])
		if 2+n > len(h) {
			return nil, nil, ErrFormat
		}
		v := h[2 : 2+n]
		switch {
		case id == 0 && n == 3:
			part = &Concat{Ref: uint16(v[0]), Total: v[1], Part: v[2]}
		case id == 8 && n == 4:
			part = &Concat{Ref: uint16(v[0])<<8 | uint16(v[1]), Total: v[2], Part: v[3]}
		}
		h = h[2+n:]
	}
	if len(h) != 0 {
		return nil, nil, ErrFormat
	}
	if part != nil && (part.Total == 0 || part.Part == 0 || part.Part > part.Total) {
		part = nil // TS 23.040: ignore the element
	}
	return part, rest, nil
}
