// Package strictjson reads JSON from strangers: one value, UTF-8, no duplicate or unknown members, bounded
// in depth, with a JSON pointer for each complaint. It never puts a value into an error.
package strictjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the type of a value.
type Kind byte

// The kinds.
const (
	Null Kind = iota + 1
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value.
type Value struct {
	Kind    Kind
	Text    string // of a String (unescaped) or Number (as written)
	True    bool
	Items   []Value
	Members []Member // in order; names are unique
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Value
}

// Error is a complaint about the text at a place. It holds no value; Pointer names members that the reader
// asked for, or a place by number.
type Error struct {
	Pointer string // RFC 6901
	Message string // for people
}

// Error says both.
func (e *Error) Error() string { return "json: " + e.Pointer + ": " + e.Message }

// MaxDepth is how deep values may nest.
const MaxDepth = 8

// Parse reads exactly one value.
func Parse(text []byte) (Value, error) {
	p := &parser{in: text}
	p.space()
	v, err := p.value("", 0)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.at < len(p.in) {
		return Value{}, &Error{"", "there is something after the end of the JSON text"}
	}
	return v, nil
}

type parser struct {
	in []byte
	at int
}

func (p *parser) space() {
	for p.at < len(p.in) && (p.in[p.at] == ' ' || p.in[p.at] == '\t' || p.in[p.at] == '\n' || p.in[p.at] == '\r') {
		p.at++
	}
}

func (p *parser) peek() byte {
	if p.at < len(p.in) {
		return p.in[p.at]
	}
	return 0
}

func (p *parser) eat(c byte) bool {
	if p.peek() == c {
		p.at++
		return true
	}
	return false
}

func bad(pointer string) error { return &Error{pointer, "not a JSON text"} }

func (p *parser) value(ptr string, depth int) (Value, error) {
	if depth > MaxDepth {
		return Value{}, &Error{ptr, "nested too deep"}
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(ptr, depth)
	case c == '[':
		return p.array(ptr, depth)
	case c == '"':
		s, err := p.text(ptr)
		return Value{Kind: String, Text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number(ptr)
	case p.word("true"):
		return Value{Kind: Bool, True: true}, nil
	case p.word("false"):
		return Value{Kind: Bool}, nil
	case p.word("null"):
		return Value{Kind: Null}, nil
	}
	return Value{}, bad(ptr)
}

func (p *parser) word(w string) bool {
	if strings.HasPrefix(string(p.in[p.at:min(len(p.in), p.at+len(w))]), w) {
		p.at += len(w)
		return true
	}
	return false
}

func (p *parser) object(ptr string, depth int) (Value, error) {
	v := Value{Kind: Object}
	p.at++
	p.space()
	if p.eat('}') {
		return v, nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return v, bad(ptr)
		}
		name, err := p.text(ptr)
		if err != nil {
			return v, err
		}
		if _, twice := v.Get(name); twice {
			return v, &Error{ptr, "a member occurs twice"}
		}
		p.space()
		if !p.eat(':') {
			return v, bad(ptr)
		}
		p.space()
		m, err := p.value(ptr+"/"+strconv.Itoa(len(v.Members)), depth+1)
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, Member{name, m})
		p.space()
		if p.eat('}') {
			return v, nil
		}
		if !p.eat(',') || len(v.Members) >= 100 {
			return v, bad(ptr)
		}
	}
}

func (p *parser) array(ptr string, depth int) (Value, error) {
	v := Value{Kind: Array}
	p.at++
	p.space()
	if p.eat(']') {
		return v, nil
	}
	for {
		p.space()
		item, err := p.value(ptr+"/"+strconv.Itoa(len(v.Items)), depth+1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
		p.space()
		if p.eat(']') {
			return v, nil
		}
		if !p.eat(',') {
			return v, bad(ptr)
		}
	}
}

func (p *parser) number(ptr string) (Value, error) {
	start := p.at
	p.eat('-')
	if !p.eat('0') && !p.digits() {
		return Value{}, bad(ptr)
	}
	if p.eat('.') && !p.digits() {
		return Value{}, bad(ptr)
	}
	if p.eat('e') || p.eat('E') {
		if !p.eat('+') {
			p.eat('-')
		}
		if !p.digits() {
			return Value{}, bad(ptr)
		}
	}
	return Value{Kind: Number, Text: string(p.in[start:p.at])}, nil
}

func (p *parser) digits() bool {
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at > start
}

// text reads a string, in which escapes must be right, UTF-8 valid, and surrogates paired.
func (p *parser) text(ptr string) (string, error) {
	p.at++
	var out []byte
	for {
		if p.at >= len(p.in) {
			return "", bad(ptr)
		}
		c := p.in[p.at]
		switch {
		case c == '"':
			p.at++
			return string(out), nil
		case c < 0x20:
			return "", bad(ptr)
		case c == '\\':
			p.at++
			r, ok := p.escape()
			if !ok {
				return "", bad(ptr)
			}
			out = utf8.AppendRune(out, r)
		case c < utf8.RuneSelf:
			out = append(out, c)
			p.at++
		default:
			r, n := utf8.DecodeRune(p.in[p.at:])
			if r == utf8.RuneError && n <= 1 {
				return "", bad(ptr)
			}
			out = append(out, p.in[p.at:p.at+n]...)
			p.at += n
		}
	}
}

func (p *parser) escape() (rune, bool) {
	c := p.peek()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		r, ok := p.hex()
		if !ok || r < 0xd800 || r > 0xdfff {
			return r, ok
		}
		if r > 0xdbff || !p.eat('\\') || !p.eat('u') {
			return 0, false
		}
		low, ok := p.hex()
		if !ok || low < 0xdc00 || low > 0xdfff {
			return 0, false
		}
		return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), true
	}
	return 0, false
}

func (p *parser) hex() (rune, bool) {
	if p.at+4 > len(p.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.in[p.at:p.at+4]), 16, 32)
	if err != nil || p.in[p.at] == '+' {
		return 0, false
	}
	p.at += 4
	return rune(n), true
}

// Get finds a member of an object.
func (v Value) Get(name string) (Value, bool) {
	for _, m := range v.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Reader takes members out of one object, collects all complaints, and at the end those about members
// that nobody asked for.
type Reader struct {
	v      Value
	ptr    string
	asked  map[string]bool
	errors *[]*Error
}

// Read begins to read the members of an object; ok is false for any other value.
func Read(v Value) (r *Reader, ok bool) {
	return &Reader{v: v, asked: map[string]bool{}, errors: new([]*Error)}, v.Kind == Object
}

// Complain adds a complaint about a member.
func (r *Reader) Complain(name, message string) {
	*r.errors = append(*r.errors, &Error{r.ptr + "/" + escapePointer(name), message})
}

func escapePointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

// Has says whether the member is there and not null; it counts as asked for.
func (r *Reader) Has(name string) bool {
	_, ok := r.get(name)
	return ok
}

func (r *Reader) get(name string) (Value, bool) {
	r.asked[name] = true
	v, ok := r.v.Get(name)
	return v, ok && v.Kind != Null
}

// control says whether a character commands instead of standing for itself: C0, DEL, C1, the line and paragraph
// separators, and the embeddings, overrides and isolates of UAX #9, with which a text shows an amount that is not there.
// The weak marks U+200E and U+200F, which right-to-left texts need, are none of these.
func control(c rune) bool {
	return c < 0x20 || c >= 0x7f && c < 0xa0 || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}

// String reads a text of at most max characters without control characters; "" when it is absent or null.
func (r *Reader) String(name string, max int) string {
	v, ok := r.get(name)
	if !ok {
		return ""
	}
	if v.Kind != String {
		r.Complain(name, "must be a text")
		return ""
	}
	if utf8.RuneCountInString(v.Text) > max {
		r.Complain(name, fmt.Sprintf("must not be longer than %d characters", max))
		return ""
	}
	if strings.ContainsFunc(v.Text, control) {
		r.Complain(name, "must not have control characters")
		return ""
	}
	return v.Text
}

// Int reads a whole number; ok is false when it is absent, null or wrong.
func (r *Reader) Int(name string) (n int64, ok bool) {
	v, ok := r.get(name)
	if !ok {
		return 0, false
	}
	if v.Kind != Number {
		r.Complain(name, "must be a whole number")
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if err != nil {
		r.Complain(name, "must be a whole number")
		return 0, false
	}
	return n, true
}

// Scalar reads a text, number or boolean as text; "" when it is absent, null or wrong.
func (r *Reader) Scalar(name string, max int) string {
	v, _ := r.get(name)
	switch v.Kind {
	case Number:
		if len(v.Text) <= max {
			return v.Text
		}
		r.Complain(name, "is too long")
		return ""
	case Bool:
		return strconv.FormatBool(v.True)
	}
	return r.String(name, max)
}

// Object reads an object; nil when it is absent, null or wrong. Its complaints go to this Reader.
func (r *Reader) Object(name string) *Reader {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	if v.Kind != Object {
		r.Complain(name, "must be an object")
		return nil
	}
	return &Reader{v: v, ptr: r.ptr + "/" + escapePointer(name), asked: map[string]bool{}, errors: r.errors}
}

// Names lists the members of the object and marks them as asked for.
func (r *Reader) Names() []string {
	names := make([]string, len(r.v.Members))
	for i, m := range r.v.Members {
		names[i] = m.Name
		r.asked[m.Name] = true
	}
	return names
}

// End complains about members that nobody asked for. Only a plain name is repeated: a strange one may be a secret.
func (r *Reader) End() {
	for i, m := range r.v.Members {
		switch {
		case r.asked[m.Name]:
		case len(m.Name) <= 32 && strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz_") == "":
			r.Complain(m.Name, "is not known here")
		default:
			*r.errors = append(*r.errors, &Error{r.ptr + "/", fmt.Sprintf("member %d is not known here", i+1)})
		}
	}
}

// Errors are all complaints.
func (r *Reader) Errors() []*Error { return *r.errors }

// ErrObject: the text is JSON, but not an object.
var ErrObject = errors.New("json: not an object")
