package emv3ds

// channels says for which device channels (deviceChannel 01, 02, 03) a field exists.
type channels byte

// The channels. Messages without deviceChannel are read as browser messages.
const (
	app channels = 1 << iota // 01
	brw                      // 02
	tri                      // 03, initiated by the 3DS Requestor
	all = app | brw | tri
)

// field is one row of a table.
type field struct {
	name string
	in   byte // R required, C conditional, O optional
	on   channels
	form format
	when func(*scope) bool // a C field is required when this is true; nil = never
}

// scope is a message being checked.
type scope struct {
	m        *Message
	v        *version
	receiver byte // Server, Directory, ACS; 0 = anybody
	channel  channels

	missing, wrong, reserved, iso, critical []string
}

// version is the rules of one protocol version. A new version is one more value of this type.
type version struct {
	reserved int // errorCode of a two-digit code that is reserved: 203 in 2.2.0, 207 in 2.3.1
	messages map[string][]field
}

// versionTable are the protocol versions that are spoken.
var versionTable = map[string]*version{Version220: &v220Table}

// messageTable says which components receive a message.
var messageTable = map[string]string{
	AReq: "DA", ARes: "DS", CReq: "A", CRes: "S", RReq: "DS", RRes: "DA", PReq: "D", PRes: "S", Erro: "SDA",
}

// Validate checks all fields by the table of the message's type and version. The first kind of fault wins,
// in this order, and Detail then lists all fields that have it: 101 type, 102 version, 201 missing, empty
// or null although required, 203 wrong JSON type, length, format or value, 207 reserved value (2.3.1),
// 304 ISO code, 202 critical extension. Fields that the table does not know are ignored.
func (m *Message) Validate() *Fault { return m.ValidateFor(0) }

// ValidateFor is Validate by a component that received the message: a type that never goes there is 101,
// what the directory adds to an AReq is required by the ACS, and the fault bears the component.
func (m *Message) ValidateFor(receiver byte) *Fault {
	receivers, known := messageTable[m.Type()]
	if !known {
		return fault(101, "", "messageType").From(receiver)
	}
	if receiver != 0 && !containsByte(receivers, receiver) {
		return fault(101, "", "messageType").From(receiver)
	}
	v := versionTable[m.Version()]
	if v == nil {
		if kind(m.raw("messageVersion")) != '"' || m.Version() == "" {
			return fault(201, "", "messageVersion").From(receiver)
		}
		if !isVersion([]byte(m.Version())) {
			return fault(203, "", "messageVersion").From(receiver)
		}
		return fault(102, "", "messageVersion").From(receiver)
	}
	return validate(m, v, receiver).From(receiver)
}

func containsByte(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

func validate(m *Message, v *version, receiver byte) *Fault {
	s := &scope{m: m, v: v, receiver: receiver, channel: brw}
	switch m.Text("deviceChannel") {
	case "01":
		s.channel = app
	case "03":
		s.channel = tri
	}
	s.fields("", v.messages[m.Type()], m)
	switch {
	case len(s.missing) > 0:
		return fault(201, "", paths(s.missing))
	case len(s.wrong) > 0:
		return fault(203, "", paths(s.wrong))
	case len(s.reserved) > 0:
		return fault(v.reserved, "", paths(s.reserved))
	case len(s.iso) > 0:
		return fault(304, "", paths(s.iso))
	case len(s.critical) > 0:
		return fault(202, "", paths(s.critical))
	}
	return nil
}

// fields checks one object against its table; prefix is its path and a point.
func (s *scope) fields(prefix string, table []field, m *Message) {
	for i := range table {
		f := &table[i]
		if f.on&s.channel == 0 {
			continue
		}
		raw := m.raw(f.name)
		required := f.in == 'R' || f.in == 'C' && f.when != nil && f.when(s)
		switch {
		case empty(raw) && required:
			s.missing = append(s.missing, prefix+f.name)
		case raw == nil:
		case empty(raw):
			s.wrong = append(s.wrong, prefix+f.name)
		default:
			s.value(prefix+f.name, &f.form, raw)
		}
	}
}

// empty: absent, null, "", [] or {}.
func empty(raw []byte) bool {
	switch kind(raw) {
	case 0, 'n':
		return true
	case '"':
		return len(raw) == 2
	case '[', '{':
		for _, c := range raw[1 : len(raw)-1] {
			if c > ' ' {
				return false
			}
		}
		return true
	}
	return false
}

// value checks one value that is not empty.
func (s *scope) value(path string, f *format, raw []byte) {
	k := kind(raw)
	if k == 'f' {
		k = 't'
	}
	if f.json != 0 && f.json != k {
		s.wrong = append(s.wrong, path)
		return
	}
	switch f.json {
	case '"':
		lend(raw, func(v []byte) { s.text(path, f, v) })
	case '[':
		s.array(path, f, raw)
	case '{':
		if characters(raw) > f.max {
			s.wrong = append(s.wrong, path)
		}
		s.fields(path+".", f.fields, &Message{members: members(raw)})
	case 0:
		if characters(raw) > f.max {
			s.wrong = append(s.wrong, path)
		}
	}
}

func (s *scope) text(path string, f *format, v []byte) {
	n := characters(v)
	switch {
	case f.codes != "":
		if listed(f.codes, v) {
			return
		}
		if len(v) == 2 && isDigits(v) {
			s.reserved = append(s.reserved, path)
			return
		}
		s.wrong = append(s.wrong, path)
	case n < f.min || n > f.max || f.check != nil && !f.check(v):
		s.wrong = append(s.wrong, path)
	case f.iso != "" && !inISO(f.iso, v):
		s.iso = append(s.iso, path)
	}
}

func (s *scope) array(path string, f *format, raw []byte) {
	all := elements(raw)
	if len(all) > f.max {
		s.wrong = append(s.wrong, path)
		return
	}
	for _, e := range all {
		if empty(e) {
			s.wrong = append(s.wrong, path)
			continue
		}
		s.value(path, f.element, e)
		if path == "messageExtension" && kind(e) == '{' {
			x := &Message{members: members(e)}
			if critical, _ := x.Bool("criticalityIndicator"); critical {
				s.critical = append(s.critical, fieldName([]byte(x.Text("id"))))
			}
		}
	}
}

// CopyTo writes all fields that the tables know into b, as they are, without those named in except and
// without messageType and messageVersion. What the tables do not know is left behind (EMV 3DS §5.1.6);
// message extensions go along whole. The message must be valid.
func (m *Message) CopyTo(b *Builder, except ...string) {
	v := versionTable[m.Version()]
	if v == nil {
		return
	}
	copyFields(b, v.messages[m.Type()], m, append([]string{"messageType", "messageVersion"}, except...))
}

func copyFields(b *Builder, table []field, m *Message, except []string) {
next:
	for i := range table {
		f := &table[i]
		for _, e := range except {
			if e == f.name {
				continue next
			}
		}
		raw := m.raw(f.name)
		if raw == nil || empty(raw) {
			continue
		}
		if f.form.json == '{' && f.form.fields != nil {
			inner := NewObject()
			copyFields(inner, f.form.fields, &Message{members: members(raw)}, nil)
			b.SetObject(f.name, inner)
			continue
		}
		b.SetRaw(f.name, raw)
	}
}
