package smpp

import "encoding/binary"

// Address is a source or destination address (§5.2.5, §5.2.6). For an international number the digits
// stand without '+', with TON 1 and NPI 1; a sender's name (at most 11 characters) has TON 5 and NPI 0.
type Address struct {
	TON, NPI byte
	Addr     string // at most 20 characters
}

// Number is the address of an international telephone number, "+49 170 1234567" or "491701234567".
func Number(s string) Address {
	d := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			d = append(d, s[i])
		}
	}
	return Address{TON: 1, NPI: 1, Addr: string(d)}
}

// Name is an alphanumeric sender.
func Name(s string) Address { return Address{TON: 5, Addr: s} }

// Bind is the body of bind_transmitter, bind_receiver and bind_transceiver (§4.1).
type Bind struct {
	SystemID, Password, SystemType string // at most 15, 8, 12 characters
	Version                        byte   // interface_version; 0x34 is version 3.4
	TON, NPI                       byte
	AddressRange                   string
}

// Append appends the body.
func (b Bind) Append(dst []byte) []byte {
	dst = cstring(dst, b.SystemID)
	dst = cstring(dst, b.Password)
	dst = cstring(dst, b.SystemType)
	dst = append(dst, b.Version, b.TON, b.NPI)
	return cstring(dst, b.AddressRange)
}

// ParseBind reads what Append writes.
func ParseBind(body []byte) (Bind, error) {
	r := reader{b: body}
	b := Bind{SystemID: r.cstring(16), Password: r.cstring(9), SystemType: r.cstring(13),
		Version: r.byte(), TON: r.byte(), NPI: r.byte(), AddressRange: r.cstring(41)}
	return b, r.end(true)
}

// Message is the body of submit_sm and deliver_sm (§4.4, §4.6): they have the same fields.
type Message struct {
	ServiceType        string
	Source, Dest       Address
	ESMClass           byte // bit 6 (UDHI): Data starts with a user data header
	ProtocolID         byte
	Priority           byte
	Schedule, Validity string // "" or 16 characters (§7.1.1)
	Registered         byte   // 1 = a delivery receipt is asked for
	Replace            byte
	Coding             byte // data_coding: 0 GSM 7-bit, 1 ASCII, 3 Latin-1, 8 UCS-2
	DefaultID          byte
	Data               []byte // short_message, at most 254 bytes, or message_payload when longer
	Options            []Option
}

// UDHI is the bit of ESMClass that says that Data starts with a user data header (§5.2.12).
const UDHI = 0x40

// Option is an optional parameter, tag-length-value (§5.3).
type Option struct {
	Tag   uint16
	Value []byte
}

const (
	tagMessagePayload = 0x0424 // §5.3.2.32
	maxShort          = 254
	maxOptions        = 64
)

// Append appends the body. Data above 254 bytes goes into message_payload.
func (m *Message) Append(dst []byte) []byte {
	dst = cstring(dst, m.ServiceType)
	dst = m.Source.append(dst)
	dst = m.Dest.append(dst)
	dst = append(dst, m.ESMClass, m.ProtocolID, m.Priority)
	dst = cstring(dst, m.Schedule)
	dst = cstring(dst, m.Validity)
	dst = append(dst, m.Registered, m.Replace, m.Coding, m.DefaultID)
	long := len(m.Data) > maxShort
	if long {
		dst = append(dst, 0)
	} else {
		dst = append(append(dst, byte(len(m.Data))), m.Data...)
	}
	for _, o := range m.Options {
		dst = o.append(dst)
	}
	if long {
		dst = Option{tagMessagePayload, m.Data}.append(dst)
	}
	return dst
}

// ParseMessage reads what Append writes. Data is taken from short_message or message_payload; both at once
// are ErrFormat. The result shares no memory with body.
func ParseMessage(body []byte) (*Message, error) {
	r := reader{b: body}
	m := &Message{ServiceType: r.cstring(6), Source: r.address(), Dest: r.address(), ESMClass: r.byte(),
		ProtocolID: r.byte(), Priority: r.byte(), Schedule: r.cstring(17), Validity: r.cstring(17),
		Registered: r.byte(), Replace: r.byte(), Coding: r.byte(), DefaultID: r.byte()}
	n := int(r.byte())
	if n > maxShort {
		return nil, ErrFormat
	}
	m.Data = append([]byte(nil), r.take(n)...)
	for len(r.b) > 0 && !r.bad {
		o := Option{Tag: r.uint16()}
		o.Value = append([]byte(nil), r.take(int(r.uint16()))...)
		if o.Tag != tagMessagePayload {
			m.Options = append(m.Options, o)
		} else if len(m.Data) > 0 {
			return nil, ErrFormat
		} else {
			m.Data = o.Value
		}
		if len(m.Options) > maxOptions {
			return nil, ErrTooLong
		}
	}
	if r.bad {
		return nil, ErrFormat
	}
	return m, nil
}

// ParseID reads the body of an answer that holds one text: message_id of submit_sm_resp, system_id of a
// bind answer. A refusal may have no body at all. Optional parameters behind it are ignored.
func ParseID(body []byte) (string, error) {
	if len(body) == 0 {
		return "", nil
	}
	r := reader{b: body}
	id := r.cstring(66)
	return id, r.end(true)
}

// AppendID appends such a body.
func AppendID(dst []byte, id string) []byte { return cstring(dst, id) }

func (a Address) append(dst []byte) []byte { return cstring(append(dst, a.TON, a.NPI), a.Addr) }

func (o Option) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, o.Tag)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(o.Value)))
	return append(dst, o.Value...)
}

// cstring appends a C-octet string: the text up to a NUL, and a NUL.
func cstring(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] == 0 {
			break
		}
		dst = append(dst, s[i])
	}
	return append(dst, 0)
}

// reader takes fields off a body; after the first that is not there it is bad and gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

// cstring takes a C-octet string of at most max bytes with its NUL.
func (r *reader) cstring(max int) string {
	for i := 0; i < len(r.b) && i < max; i++ {
		if r.b[i] == 0 {
			s := string(r.b[:i])
			r.b = r.b[i+1:]
			return s
		}
	}
	r.bad = true
	return ""
}

func (r *reader) address() Address {
	return Address{TON: r.byte(), NPI: r.byte(), Addr: r.cstring(21)}
}

// end is ErrFormat when a field was missing, or when bytes are left that may not be.
func (r *reader) end(rest bool) error {
	if r.bad || (!rest && len(r.b) > 0) {
		return ErrFormat
	}
	return nil
}
