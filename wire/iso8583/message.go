package iso8583

import (
	"fmt"
	"io"
	"math/bits"
	"strconv"
)

// MaxMessage is the longest message that a frame can hold, in bytes.
const MaxMessage = 1<<16 - 1

// Message is a view of a message in a buffer of the caller: which fields it has and where they are. The
// zero value is an empty message. It is for one goroutine; reuse it to allocate nothing.
type Message struct {
	buf  []byte
	mti  MTI
	have [3]uint64 // bit de%64 of word de/64
	at   [129]span
}

type span struct{ off, n uint16 }

// Unpack reads a message and keeps views into buf until the next Unpack or Wipe. The error is a *Fault.
//
// With an error the Message holds what could be read. After a wrong character reading goes on, because
// the place of the next field is known: only the field at fault is left out, and the first fault is
// returned. After any other fault it stops.
func (m *Message) Unpack(buf []byte) error {
	m.buf, m.mti, m.have = buf, 0, [3]uint64{}
	if len(buf) > MaxMessage {
		m.buf = nil
		return &Fault{Reason: TooLong}
	}
	if len(buf) < 4 {
		return &Fault{Reason: Short}
	}
	mti, ok := ParseMTI(buf[:4])
	if !ok {
		return &Fault{Reason: BadMTI}
	}
	m.mti = mti
	maps, off, f := bitmaps(buf)
	if f != nil {
		return f
	}
	off, f = m.fields(maps, off)
	if f != nil {
		return f
	}
	if off != len(buf) {
		return &Fault{Reason: Trailing}
	}
	return nil
}

// bitmaps reads one or two bitmaps after the MTI; bit 1 of the result's first word is field 1.
func bitmaps(buf []byte) (maps [2]uint64, off int, f *Fault) {
	off = 4
	for i := range maps {
		if len(buf) < off+8 {
			return maps, off, &Fault{Field: 1, Reason: Short}
		}
		maps[i] = be64(buf[off:])
		off += 8
		if maps[0]>>63 == 0 {
			break
		}
	}
	if maps[1]>>63 == 1 {
		return maps, off, &Fault{Field: 65, Reason: Tertiary}
	}
	maps[0] &^= 1 << 63
	return maps, off, nil
}

func be64(v []byte) uint64 {
	_ = v[7]
	return uint64(v[0])<<56 | uint64(v[1])<<48 | uint64(v[2])<<40 | uint64(v[3])<<32 |
		uint64(v[4])<<24 | uint64(v[5])<<16 | uint64(v[6])<<8 | uint64(v[7])
}

// fields walks the fields that the bitmaps name. It returns the place after the last one, or the first fault.
func (m *Message) fields(maps [2]uint64, off int) (int, *Fault) {
	var first *Fault
	for word, set := range maps {
		for set != 0 {
			lead := bits.LeadingZeros64(set)
			set &^= 1 << (63 - lead)
			de := word*64 + lead + 1
			start, end, reason := extent(m.buf, off, de)
			if reason != 0 {
				return off, firstFault(first, &Fault{Field: de, Reason: reason})
			}
			v := m.buf[start:end]
			off = end
			if !fieldTable[de].class.fits(v) {
				first = firstFault(first, &Fault{Field: de, Reason: WrongClass})
				continue
			}
			if de == AdditionalData {
				if f := CheckElements(v); f != nil {
					first = firstFault(first, f)
					continue
				}
			}
			m.at[de] = span{uint16(start), uint16(end - start)}
			m.have[de/64] |= 1 << (de % 64)
		}
	}
	return off, first
}

func firstFault(a, b *Fault) *Fault {
	if a != nil {
		return a
	}
	return b
}

// extent finds where field de begins and ends, given that its length indicator (if any) is at off.
func extent(buf []byte, off, de int) (start, end int, reason Reason) {
	s := &fieldTable[de]
	if s.max == 0 {
		return 0, 0, NoField
	}
	n := s.max
	if s.size != fixed {
		w := 1 + int(s.size)
		if len(buf) < off+w {
			return 0, 0, Short
		}
		n = 0
		for _, c := range buf[off : off+w] {
			if c-'0' > 9 {
				return 0, 0, BadLength
			}
			n = n*10 + int(c-'0')
		}
		off += w
		if n > s.max {
			return 0, 0, TooLong
		}
	}
	if len(buf) < off+n {
		return 0, 0, Short
	}
	return off, off + n, 0
}

// MTI is the message type; 0 when it could not be read.
func (m *Message) MTI() MTI { return m.mti }

// Has says whether the field is there and could be read.
func (m *Message) Has(de int) bool {
	return de > 1 && de < len(m.at) && m.have[de/64]>>(de%64)&1 == 1
}

// Get lends the bytes of a field as they are in the message, padding included; nil when it is not there.
// They are good until the buffer is used again; card data must not be turned into a string.
func (m *Message) Get(de int) []byte {
	if !m.Has(de) {
		return nil
	}
	s := m.at[de]
	return m.buf[s.off : s.off+s.n : s.off+s.n]
}

// Text copies a field into a string, without the spaces at its end: for fields that are not card data.
// A field that the table calls secret gives "".
func (m *Message) Text(de int) string {
	if !m.Has(de) || fieldTable[de].Secret {
		return ""
	}
	return string(trimRight(m.Get(de)))
}

func trimRight(v []byte) []byte {
	for len(v) > 0 && v[len(v)-1] == ' ' {
		v = v[:len(v)-1]
	}
	return v
}

// Number reads a field of up to 18 digits; ok is false when it is not there or not a number.
func (m *Message) Number(de int) (v uint64, ok bool) {
	d := m.Get(de)
	if d == nil {
		return 0, false
	}
	return ParseDigits(d)
}

// ParseDigits reads 1 to 18 ASCII digits.
func ParseDigits(d []byte) (v uint64, ok bool) {
	if len(d) == 0 || len(d) > 18 {
		return 0, false
	}
	for _, c := range d {
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, true
}

// Element lends the first value of a sub-element of DE 48; nil when it is not there.
func (m *Message) Element(t Tag) []byte { return Element(m.Get(AdditionalData), t) }

// Authenticated lends the message authentication code (DE 64, or DE 128 in a message with two bitmaps)
// and what it covers: everything before it. Both are nil when there is none. It is parsed and not
// checked here.
func (m *Message) Authenticated() (covered, mac []byte) {
	for _, de := range [...]int{MAC2, MAC} {
		if m.Has(de) {
			return m.buf[:m.at[de].off], m.Get(de)
		}
	}
	return nil, nil
}

// Wipe clears the buffer that the message was read from and forgets the fields.
func (m *Message) Wipe() {
	clear(m.buf)
	m.buf, m.mti, m.have = nil, 0, [3]uint64{}
}

// Format writes the type and the numbers of the fields under every verb, never a value: "0100 [2 3 4]".
func (m *Message) Format(f fmt.State, _ rune) {
	io.WriteString(f, m.mti.String()+" [")
	sep := ""
	for de := range m.at {
		if m.Has(de) {
			io.WriteString(f, sep+strconv.Itoa(de))
			sep = " "
		}
	}
	io.WriteString(f, "]")
}
