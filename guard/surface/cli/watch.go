package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

// Watch reads a stream of newly seen domains and reports imitations.
type Watch struct {
	File     string `arg:"" help:"A feed, certificate-transparency output, or zone difference; - = standard input."`
	Brand    string `help:"Only imitations of this brand (catalogue id)." placeholder:"ID"`
	Level    string `help:"Lowest level to report." enum:"caution,danger" default:"caution"`
	JSON     bool   `name:"json" help:"One JSON object per line."`
	State    string `help:"Remember in this file how far FILE has been read, and go on from there next time." type:"path" placeholder:"FILE"`
	Progress bool   `help:"Tell on standard error how far it is."`
	Tables
}

// Help is shown by --help.
func (Watch) Help() string {
	return `Every word of a line that can be a host name is judged, so plain lists, CSV, JSON lines of certificate transparency and zone
differences all work as they are. Lines of a difference that begin with "- " or "< " (names that have gone) are passed over.
Memory does not grow with the input. Exit status 0, whatever is found.

Examples:
  countersign watch new-domains.txt --state new-domains.pos
  certstream | countersign watch - --brand aliexpress --json`
}

// Run reads to the end of the stream.
func (w *Watch) Run(env *Env) error {
	e, err := w.engine(env)
	if err != nil {
		return err
	}
	if w.Brand != "" && e.Catalogue().Find(w.Brand) == nil {
		return fmt.Errorf("%w: no brand %q; countersign brands list shows them", ErrUsage, w.Brand)
	}
	in, offset, err := w.open(env)
	if err != nil {
		return err
	}
	if c, ok := in.(io.Closer); ok {
		defer c.Close()
	}
	s := &stream{e: e, w: w, out: bufio.NewWriter(env.Out), read: offset, start: env.Now()}
	return s.run(env, in)
}

// open opens the stream where the last run ended.
func (w *Watch) open(env *Env) (io.Reader, int64, error) {
	if w.File == "-" {
		if w.State != "" {
			return nil, 0, fmt.Errorf("%w: standard input cannot be resumed; --state needs a file", ErrUsage)
		}
		return env.In, 0, nil
	}
	f, err := os.Open(w.File)
	if err != nil || w.State == "" {
		return f, 0, err
	}
	offset := int64(0)
	if text, err := os.ReadFile(w.State); err == nil {
		if offset, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err != nil {
			return nil, 0, fmt.Errorf("%s: not a position", w.State)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err
	}
	if info, err := f.Stat(); err == nil && info.Size() < offset { // a new file under the old name
		offset = 0
	}
	_, err = f.Seek(offset, io.SeekStart)
	return f, offset, err
}

// stream is a run over the input.
type stream struct {
	e     *lookalike.Engine
	w     *Watch
	out   *bufio.Writer
	read  int64 // bytes, up to the end of the last whole line
	hosts int
	hits  int
	start time.Time
	buf   []byte
}

const saveEvery = 1 << 16 // lines

func (s *stream) run(env *Env, in io.Reader) error {
	r := bufio.NewReaderSize(in, 256<<10)
	gone := false
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && err != io.EOF {
			return err
		}
		if !gone { // the rest of a line longer than the buffer is read in pieces
			gone = len(line) > 1 && (line[0] == '-' || line[0] == '<') && (line[1] == ' ' || line[1] == '\t')
		}
		if !gone {
			s.line(line)
		}
		whole := err == nil
		if whole {
			gone = false
		}
		s.read += int64(len(line))
		if n%saveEvery == 0 || err == io.EOF || r.Buffered() == 0 {
			if err := s.save(err == io.EOF || n%saveEvery == 0); err != nil {
				return err
			}
			if s.w.Progress && n%saveEvery == 0 {
				fmt.Fprintf(env.Err, "%d hosts, %d imitations\n", s.hosts, s.hits)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if s.w.Progress {
		fmt.Fprintf(env.Err, "%d hosts, %d imitations, %.0f hosts a second\n", s.hosts, s.hits, float64(s.hosts)/max(env.Now().Sub(s.start).Seconds(), 1e-3))
	}
	return nil
}

// save writes out what was found, then how far it is: after a crash some hits may be told twice, none is lost.
func (s *stream) save(position bool) error {
	if err := s.out.Flush(); err != nil || s.w.State == "" || !position {
		return err
	}
	tmp := s.w.State + ".new"
	if err := os.WriteFile(tmp, strconv.AppendInt(nil, s.read, 10), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, s.w.State)
}

// line judges each word of a line that can be a host.
func (s *stream) line(line []byte) {
	start, dot := -1, false
	for i := 0; i <= len(line); i++ {
		c := byte(' ')
		if i < len(line) {
			c = line[i]
		}
		if isHostByte(c) {
			if start < 0 {
				start, dot = i, false
			}
			dot = dot || c == '.'
			continue
		}
		if start >= 0 && dot {
			s.host(line[start:i])
		}
		start = -1
	}
}

func isHostByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c >= 0x80
}

func (s *stream) host(word []byte) {
	for len(word) > 0 && (word[0] == '.' || word[0] == '-') {
		word = word[1:]
	}
	for len(word) > 0 && word[len(word)-1] == '.' {
		word = word[:len(word)-1]
	}
	if len(word) < 4 || len(word) > 253 {
		return
	}
	last := word[len(word)-1]
	if last >= '0' && last <= '9' { // numbers, times, addresses
		return
	}
	s.hosts++
	host := string(word)
	a := s.e.Check(host)
	if a.Level.Rank() < verdict.Caution.Rank() || s.w.Level == "danger" && a.Level != verdict.Danger {
		return
	}
	b := s.e.Brand(a)
	if b == nil || s.w.Brand != "" && b.ID != s.w.Brand {
		return
	}
	s.hits++
	v := s.e.Explain(a, host)
	if s.w.JSON {
		s.buf = append(s.buf[:0], `{"host":`...)
		s.buf = verdict.AppendString(s.buf, host)
		s.buf = append(s.buf, `,"verdict":`...)
		s.buf = append(v.AppendJSON(s.buf), '}', '\n')
		s.out.Write(s.buf)
		return
	}
	fmt.Fprintf(s.out, "%-8s %-18s %-16s %s\n", v.Level, v.Class, v.Brand, printable(v.Reasons[0].Evidence))
}
