package iso8583

// Tag is the tag of a sub-element of DE 48, two digits. A value is at most 99 characters.
type Tag int

// The sub-elements of the dialect.
const (
	TagCapture    Tag = 20 // NNMM: capture N of M
	TagToken      Tag = 33 // token in place of a PAN
	TagECI        Tag = 42 // electronic commerce indicator: 05, 06, 07
	TagCAVV       Tag = 43 // cardholder authentication value, base64, 28
	TagPayment    Tag = 63 // payment id of the gateway
	TagThreeDS    Tag = 66 // 3DS message version, space, directory server transaction id
	TagCodeResult Tag = 87 // M, N, P, S, U
	TagPresence   Tag = 91 // 0 no code, 1 code present, 2 illegible, 9 none on the card
	TagCode       Tag = 92 // security code in the clear (three or four digits)
	TagSealedCode Tag = 93 // security code sealed to the issuer; a longer value goes on in the next 93
)

// maxElement is the greatest length that two digits can tell.
const maxElement = 99

// CheckElements says whether v is a list of tag(2) length(2) value; nil, or the fault. Tags that the
// dialect does not know are no fault: they are skipped.
func CheckElements(v []byte) *Fault {
	for len(v) > 0 {
		tag, value, rest, ok := nextElement(v)
		if !ok {
			return &Fault{Field: AdditionalData, Element: int(tag), Reason: BadElement}
		}
		_ = value
		v = rest
	}
	return nil
}

// nextElement takes one sub-element off v. With ok false, tag is its tag if that much could be read.
func nextElement(v []byte) (tag Tag, value, rest []byte, ok bool) {
	if len(v) < 2 || v[0]-'0' > 9 || v[1]-'0' > 9 {
		return 0, nil, nil, false
	}
	tag = Tag(v[0]-'0')*10 + Tag(v[1]-'0')
	if len(v) < 4 || v[2]-'0' > 9 || v[3]-'0' > 9 {
		return tag, nil, nil, false
	}
	n := int(v[2]-'0')*10 + int(v[3]-'0')
	if len(v) < 4+n {
		return tag, nil, nil, false
	}
	return tag, v[4 : 4+n : 4+n], v[4+n:], true
}

// Element lends the first value with the tag in the value of a DE 48; nil when there is none.
func Element(v []byte, t Tag) []byte {
	for len(v) > 0 {
		tag, value, rest, ok := nextElement(v)
		if !ok {
			return nil
		}
		if tag == t {
			return value
		}
		v = rest
	}
	return nil
}

// AppendElement appends all values with the tag, in their order, to dst: a value of more than 99
// characters travels in several sub-elements.
func AppendElement(dst, v []byte, t Tag) []byte {
	for len(v) > 0 {
		tag, value, rest, ok := nextElement(v)
		if !ok {
			return dst
		}
		if tag == t {
			dst = append(dst, value...)
		}
		v = rest
	}
	return dst
}

// CountElements is how many sub-elements have the tag.
func CountElements(v []byte, t Tag) (n int) {
	for len(v) > 0 {
		tag, _, rest, ok := nextElement(v)
		if !ok {
			return n
		}
		if tag == t {
			n++
		}
		v = rest
	}
	return n
}
