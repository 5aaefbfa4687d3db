package emv3ds

// Builder writes a message. Its methods return it, so that calls can be chained; fields keep their
// order. The zero Builder is not usable: call New.
type Builder struct{ b []byte }

// New begins a message with messageType and messageVersion.
func New(messageType, version string) *Builder {
	b := &Builder{b: make([]byte, 1, 2048)}
	b.b[0] = '{'
	return b.Set("messageType", messageType).Set("messageVersion", version)
}

// NewObject begins an object that is to be a field of a message (SetObject).
func NewObject() *Builder {
	b := &Builder{b: make([]byte, 1, 256)}
	b.b[0] = '{'
	return b
}

// room makes sure that n more bytes fit; a buffer that was outgrown is wiped.
func (b *Builder) room(n int) {
	if cap(b.b)-len(b.b) >= n {
		return
	}
	old := b.b
	b.b = make([]byte, len(old), 2*cap(old)+n)
	copy(b.b, old)
	clear(old)
}

// key writes the name of a field whose value takes at most n bytes.
func (b *Builder) key(name string, n int) {
	b.room(6*len(name) + n + 8)
	if len(b.b) > 1 {
		b.b = append(b.b, ',')
	}
	b.b = append(appendText(b.b, name), ':')
}

// Set writes a text field. Empty text writes nothing: an empty field is an error (203) in EMV 3DS.
func (b *Builder) Set(name, text string) *Builder {
	if text == "" {
		return b
	}
	b.key(name, 6*len(text))
	b.b = appendText(b.b, text)
	return b
}

// SetSecret writes a text field from bytes that must not become a string. Nothing is written for none.
func (b *Builder) SetSecret(name string, text []byte) *Builder {
	if len(text) == 0 {
		return b
	}
	b.key(name, 6*len(text))
	b.b = appendText(b.b, text)
	return b
}

// SetBool writes a JSON boolean.
func (b *Builder) SetBool(name string, v bool) *Builder {
	b.key(name, 5)
	if v {
		b.b = append(b.b, "true"...)
	} else {
		b.b = append(b.b, "false"...)
	}
	return b
}

// SetRaw writes a field from JSON text, which is taken as it is. Nothing is written for none.
func (b *Builder) SetRaw(name string, json []byte) *Builder {
	if len(json) == 0 {
		return b
	}
	b.key(name, len(json))
	b.b = append(b.b, json...)
	return b
}

// SetTexts writes an array of strings. Nothing is written for none.
func (b *Builder) SetTexts(name string, texts []string) *Builder {
	if len(texts) == 0 {
		return b
	}
	n := 2
	for _, t := range texts {
		n += 6*len(t) + 3
	}
	b.key(name, n)
	sep := byte('[')
	for _, t := range texts {
		b.b = appendText(append(b.b, sep), t)
		sep = ','
	}
	b.b = append(b.b, ']')
	return b
}

// SetObject writes an object and wipes its builder.
func (b *Builder) SetObject(name string, object *Builder) *Builder {
	b.SetRaw(name, object.Bytes())
	object.Wipe()
	return b
}

// SetObjects writes an array of objects and wipes their builders. Nothing is written for none.
func (b *Builder) SetObjects(name string, objects []*Builder) *Builder {
	if len(objects) == 0 {
		return b
	}
	n := 2
	for _, o := range objects {
		n += len(o.b) + 2
	}
	b.key(name, n)
	sep := byte('[')
	for _, o := range objects {
		b.b = append(append(b.b, sep), o.Bytes()...)
		sep = ','
		o.Wipe()
	}
	b.b = append(b.b, ']')
	return b
}

// Extension makes a message extension (EMV 3DS §A.7) for SetObjects("messageExtension", …). It is never
// marked critical: whoever does not know it may ignore it.
func Extension(name, id string, data *Builder) *Builder {
	return NewObject().Set("name", name).Set("id", id).SetBool("criticalityIndicator", false).SetObject("data", data)
}

// Bytes is the message as it is so far, closed. It is valid until the next call of any method.
func (b *Builder) Bytes() []byte {
	b.room(1)
	closed := append(b.b, '}')
	return closed
}

// Wipe overwrites the message.
func (b *Builder) Wipe() {
	if b != nil {
		clear(b.b[:cap(b.b)])
	}
}
