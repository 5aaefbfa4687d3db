package iso8583

// Packer writes one message into a buffer of the caller. The buffer never grows, so no copy of a card
// number is left behind in a smaller one; a full buffer is a fault. Fields go in ascending order. The
// first fault sticks: check it once, at Finish. The zero value is ready for Start.
type Packer struct {
	buf   []byte // what is written so far; cap is the caller's
	last  int    // the last field
	open  int    // where the value of DE 48 begins, while it is being written; else 0
	fault *Fault
}

// Start begins a message in buf[:0:cap(buf)], dropping one that was begun.
func (p *Packer) Start(buf []byte, mti MTI) {
	*p = Packer{buf: buf[:0]}
	if cap(buf) < 12 {
		p.fail(0, NoRoom)
		return
	}
	a := mti.ascii()
	p.buf = append(p.buf, a[0], a[1], a[2], a[3], 0, 0, 0, 0, 0, 0, 0, 0)
}

func (p *Packer) fail(de int, r Reason) {
	if p.fault == nil {
		p.fault = &Fault{Field: de, Reason: r}
	}
}

// Bytes writes a field. A short fixed field is padded: numbers with zeros on the left, text with spaces
// on the right. The value is checked against the table.
func (p *Packer) Bytes(de int, v []byte) { put(p, de, v) }

// Text is Bytes for a string; not for card numbers, which are never strings.
func (p *Packer) Text(de int, v string) { put(p, de, v) }

// Number writes a field of digits, with zeros on the left when it is fixed.
func (p *Packer) Number(de int, v uint64) {
	var d [20]byte
	i := len(d)
	for ok := true; ok; ok = v > 0 {
		i--
		d[i] = '0' + byte(v%10)
		v /= 10
	}
	put(p, de, d[i:])
}

func put[T string | []byte](p *Packer, de int, v T) {
	s := p.begin(de, len(v))
	if s == nil {
		return
	}
	if s.size == fixed && s.class == digit {
		p.fill('0', s.max-len(v))
	}
	at := len(p.buf)
	p.buf = append(p.buf, v...)
	if !s.class.fits(p.buf[at:]) {
		p.fail(de, WrongClass)
	}
	if s.size == fixed && s.class != digit {
		p.fill(' ', s.max-len(v))
	}
}

// begin checks that a value of n bytes may come now, sets the bit, and writes the length indicator.
func (p *Packer) begin(de, n int) *Spec {
	p.closeElements()
	if de < 2 || de >= len(fieldTable) || fieldTable[de].max == 0 {
		p.fail(de, NoField)
	}
	if p.fault != nil {
		return nil
	}
	s := &fieldTable[de]
	need := s.max
	switch {
	case de <= p.last:
		p.fail(de, OutOfOrder)
	case n > s.max:
		p.fail(de, TooLong)
	case s.size == fixed && s.class == anyByte && n != s.max, s.size == fixed && n == 0:
		p.fail(de, WrongSize)
	}
	if s.size != fixed {
		need = n + 1 + int(s.size)
	}
	if de > 64 && p.last <= 64 {
		need += 8
	}
	if p.fault == nil && cap(p.buf)-len(p.buf) < need {
		p.fail(de, NoRoom)
	}
	if p.fault != nil {
		return nil
	}
	p.mark(de)
	switch s.size {
	case ll:
		p.buf = append(p.buf, '0'+byte(n/10), '0'+byte(n%10))
	case lll:
		p.buf = append(p.buf, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10))
	}
	return s
}

// mark sets the bit of a field, making room for the second bitmap before the first field that needs it.
func (p *Packer) mark(de int) {
	if de > 64 && p.last <= 64 {
		at := len(p.buf)
		p.buf = p.buf[:at+8]
		copy(p.buf[20:], p.buf[12:at])
		clear(p.buf[12:20])
		p.buf[4] |= 0x80
	}
	p.buf[4+(de-1)/8] |= 0x80 >> ((de - 1) % 8)
	p.last = de
}

func (p *Packer) fill(c byte, n int) {
	for range n {
		p.buf = append(p.buf, c)
	}
}

// Element writes a sub-element of DE 48, which begins with the first one and ends with the next field.
// A value of more than 99 bytes is carried on in further sub-elements of the same tag.
func (p *Packer) Element(t Tag, v []byte) { putElement(p, t, v) }

// ElementText is Element for a string; not for codes, which are never strings.
func (p *Packer) ElementText(t Tag, v string) { putElement(p, t, v) }

func putElement[T string | []byte](p *Packer, t Tag, v T) {
	if p.open == 0 {
		if p.begin(AdditionalData, 0) == nil {
			return
		}
		p.open = len(p.buf)
	}
	for more := true; more && p.fault == nil; more = len(v) > 0 {
		k := min(len(v), maxElement)
		switch {
		case t < 0 || t > 99:
			p.element(t, NoField)
			return
		case len(p.buf)-p.open+4+k > fieldTable[AdditionalData].max:
			p.element(t, TooLong)
			return
		case cap(p.buf)-len(p.buf) < 4+k:
			p.element(t, NoRoom)
			return
		}
		p.buf = append(p.buf, '0'+byte(t/10), '0'+byte(t%10), '0'+byte(k/10), '0'+byte(k%10))
		at := len(p.buf)
		p.buf = append(p.buf, v[:k]...)
		if !ans.fits(p.buf[at:]) {
			p.element(t, WrongClass)
		}
		v = v[k:]
	}
}

func (p *Packer) element(t Tag, r Reason) {
	if p.fault == nil {
		p.fault = &Fault{Field: AdditionalData, Element: int(t), Reason: r}
	}
}

// closeElements writes the length of DE 48 when it was being written.
func (p *Packer) closeElements() {
	if p.open == 0 {
		return
	}
	k := len(p.buf) - p.open
	l := p.buf[p.open-3 : p.open]
	l[0], l[1], l[2] = '0'+byte(k/100), '0'+byte(k/10%10), '0'+byte(k%10)
	p.open = 0
}

// Finish returns the message, which lies in the buffer given to Start, or the first *Fault.
func (p *Packer) Finish() ([]byte, error) {
	p.closeElements()
	if p.fault != nil {
		return nil, p.fault
	}
	return p.buf, nil
}

// Wipe clears the whole buffer.
func (p *Packer) Wipe() {
	clear(p.buf[:cap(p.buf)])
	*p = Packer{}
}
