package emv3ds

// Message is one parsed message, or one object inside of it. It owns nothing: all values are slices of
// the buffer given to Parse. Methods of a nil *Message find no fields.
type Message struct {
	buf     []byte
	members []member
}

// Parse reads a message: one JSON object (RFC 8259, UTF-8) of at most MaxSize bytes. It checks the
// grammar and that no name occurs twice, nothing else; Validate does the rest. The message refers to buf,
// which must stay unchanged until Wipe.
//
// A fault is 101 (not a message; the Message is nil) or 204 (a name occurs twice; Detail lists the paths,
// and the Message is there to build the Erro from).
func Parse(buf []byte) (*Message, *Fault) {
	if len(buf) > MaxSize {
		return nil, fault(101, "", "message too long")
	}
	m := &Message{buf: buf, members: make([]member, 0, 48)}
	s := scanner{b: buf, names: make([][]byte, 0, 64)}
	s.space()
	if s.peek() != '{' || !s.object(&m.members) {
		return nil, fault(101, "", "not a JSON object")
	}
	s.space()
	if s.at != len(buf) {
		return nil, fault(101, "", "text after the JSON object")
	}
	if len(s.duplicates) > 0 {
		return m, fault(204, "", paths(s.duplicates))
	}
	return m, nil
}

// raw is the value of a field, nil when it is absent.
func (m *Message) raw(name string) []byte {
	if m == nil {
		return nil
	}
	for i := range m.members {
		if string(m.members[i].name) == name {
			return m.members[i].value
		}
	}
	return nil
}

// Type is messageType; "" when it is absent or not text.
func (m *Message) Type() string { return m.Text("messageType") }

// Version is messageVersion; "" when it is absent or not text.
func (m *Message) Version() string { return m.Text("messageVersion") }

// Text is the text of a field, escapes resolved; "" when it is absent, not text, or a card field
// (acctNumber, cardSecurityCode), for which there is Secret.
func (m *Message) Text(name string) string {
	if secret(name) {
		return ""
	}
	v := m.raw(name)
	if kind(v) != '"' {
		return ""
	}
	return string(plain(v))
}

// Secret lends the text of a field to f, which must not keep it or make a string of it. f is not called
// when the field is absent or not text.
func (m *Message) Secret(name string, f func([]byte)) {
	if v := m.raw(name); kind(v) == '"' {
		lend(v, f)
	}
}

// Bool is a JSON boolean; ok is false when the field is absent or something else.
func (m *Message) Bool(name string) (v, ok bool) {
	switch kind(m.raw(name)) {
	case 't':
		return true, true
	case 'f':
		return false, true
	}
	return false, false
}

// Raw is the JSON text of a field as it came, a slice of the buffer; nil when it is absent.
func (m *Message) Raw(name string) []byte { return m.raw(name) }

// Has says whether the field is there, with whatever value.
func (m *Message) Has(name string) bool { return m.raw(name) != nil }

// Object is a field that is an object; nil when it is not.
func (m *Message) Object(name string) *Message {
	v := m.raw(name)
	if kind(v) != '{' {
		return nil
	}
	return &Message{buf: v, members: members(v)}
}

// Objects are the objects of a field that is an array; elements that are no objects are left out.
func (m *Message) Objects(name string) []*Message {
	var out []*Message
	for _, e := range elements(m.raw(name)) {
		if kind(e) == '{' {
			out = append(out, &Message{buf: e, members: members(e)})
		}
	}
	return out
}

// Texts are the strings of a field that is an array; other elements are left out.
func (m *Message) Texts(name string) []string {
	var out []string
	for _, e := range elements(m.raw(name)) {
		if kind(e) == '"' {
			out = append(out, string(plain(e)))
		}
	}
	return out
}

// Extension is the data object of the message extension with this id; nil when there is none.
func (m *Message) Extension(id string) *Message {
	for _, e := range m.Objects("messageExtension") {
		if e.Text("id") == id {
			return e.Object("data")
		}
	}
	return nil
}

// Wipe overwrites the buffer that the message was parsed from.
func (m *Message) Wipe() {
	if m != nil {
		clear(m.buf)
	}
}

// secret says whether a field must never become a string.
func secret(name string) bool { return name == "acctNumber" || name == "cardSecurityCode" }
