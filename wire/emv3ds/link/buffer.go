package link

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// Limits of both directions.
const (
	MaxHead = 8 << 10 // bytes of the start line and header fields together
	MaxBody = 1 << 20 // bytes of a message
)

// ContentType is what EMV 3DS prescribes for messages between servers.
const ContentType = "application/JSON; charset=UTF-8"

// Errors that Client.Post wraps.
var (
	// ErrConnect: no connection; the message has not left.
	ErrConnect = errors.New("link: cannot connect")
	// ErrTimeout: connected, but no whole answer in time; the message may have been received.
	ErrTimeout = errors.New("link: no answer in time")
	// ErrBroken: the connection ended or the answer was not understood; the message may have been received.
	ErrBroken = errors.New("link: exchange broken")
	// ErrStatus: the other side answered with an HTTP status other than 200.
	ErrStatus = errors.New("link: HTTP status")
)

var (
	errLong   = errors.New("link: head or body too long")
	errSyntax = errors.New("link: not HTTP")
	errLength = errors.New("link: no Content-Length")
)

// buffer is the one place where the bytes of a connection are: b[from:to] is read but not yet used.
type buffer struct {
	b        []byte
	from, to int
}

func newBuffer() *buffer { return &buffer{b: make([]byte, 4096)} }

// grow makes room for n bytes from from on; what was outgrown is wiped.
func (p *buffer) grow(n int) {
	if len(p.b)-p.from >= n {
		return
	}
	old := p.b
	p.b = make([]byte, max(2*len(old), n))
	p.to = copy(p.b, old[p.from:p.to])
	p.from = 0
	clear(old)
}

// fill reads once more.
func (p *buffer) fill(r io.Reader) error {
	if p.to == len(p.b) {
		p.grow(p.to - p.from + 2048)
	}
	for range 16 { // a pipe may give nothing at all, like a Write of nothing
		n, err := r.Read(p.b[p.to:])
		p.to += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// head reads up to the empty line and returns the text before it.
func (p *buffer) head(r io.Reader) ([]byte, error) {
	for {
		if i := bytes.Index(p.b[p.from:p.to], []byte("\r\n\r\n")); i >= 0 {
			h := p.b[p.from : p.from+i]
			p.from += i + 4
			return h, nil
		}
		if p.to-p.from > MaxHead {
			return nil, errLong
		}
		if err := p.fill(r); err != nil {
			return nil, err
		}
	}
}

// body reads n bytes.
func (p *buffer) body(r io.Reader, n int) ([]byte, error) {
	p.grow(n)
	for p.to-p.from < n {
		if err := p.fill(r); err != nil {
			return nil, unexpected(err)
		}
	}
	b := p.b[p.from : p.from+n : p.from+n]
	p.from += n
	return b, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// wipe overwrites everything and starts anew.
func (p *buffer) wipe() {
	clear(p.b[:p.to])
	p.from, p.to = 0, 0
}

// write sends head and body in one piece and wipes the piece.
func (p *buffer) write(w io.Writer, head string, body []byte) error {
	p.from, p.to = 0, 0
	p.grow(len(head) + len(body))
	n := copy(p.b, head)
	n += copy(p.b[n:], body)
	_, err := w.Write(p.b[:n])
	clear(p.b[:n])
	return err
}

// fields are the header fields that matter here.
type fields struct {
	length    int // -1 when absent
	close     bool
	chunked   bool
	expecting bool
}

// parseFields reads "Name: value" lines after the start line.
func parseFields(lines []byte) (fields, error) {
	f := fields{length: -1}
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, []byte("\r\n"))
		lines = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\r\n") || bytes.IndexByte(value, '\n') >= 0 || bytes.IndexByte(value, '\r') >= 0 {
			return f, errSyntax
		}
		if err := f.set(name, bytes.Trim(value, " \t")); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *fields) set(name, value []byte) error {
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || f.length >= 0 && f.length != int(n) || value[0] == '+' {
			return errSyntax
		}
		f.length = int(n)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		f.chunked = true
	case bytes.EqualFold(name, []byte("Expect")):
		f.expecting = true
	case bytes.EqualFold(name, []byte("Connection")):
		f.close = f.close || bytes.EqualFold(value, []byte("close"))
	}
	return nil
}
