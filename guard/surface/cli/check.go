package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

// Check judges addresses.
type Check struct {
	URLs     []string `arg:"" optional:"" name:"url" help:"Addresses or host names; none = one per line from standard input."`
	JSON     bool     `name:"json" help:"One JSON object per line."`
	Progress bool     `help:"Tell on standard error how far it is (for long input)."`
	Quiet    bool     `short:"q" help:"Print only caution and danger."`
	Tables
}

// Help is shown by --help.
func (Check) Help() string {
	return `Says for each address whether it is a genuine address of a known shop or bank, an imitation of one, or unknown.
Nothing leaves this machine. Exit status: 0 genuine or unknown, 1 caution, 2 danger (the worst of all).

Examples:
  countersign check https://aliexpres.com/item/1
  countersign check --json rnicrosoft.com login.paypal.com.example.top
  countersign check --quiet < addresses.txt`
}

// Run judges.
func (c *Check) Run(env *Env) error {
	e, err := c.engine(env)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(env.Out)
	p := &printer{out: out, json: c.JSON, quiet: c.Quiet}
	if len(c.URLs) > 0 {
		for _, u := range c.URLs {
			p.print(e, u)
		}
	} else if err := c.stream(env, e, p, out); err != nil {
		return errors.Join(err, out.Flush())
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if code := p.worst.ExitCode(); code != 0 {
		return ExitError(code)
	}
	return nil
}

// stream judges one address per line.
func (c *Check) stream(env *Env, e *lookalike.Engine, p *printer, out *bufio.Writer) error {
	in := bufio.NewReaderSize(env.In, 64<<10)
	n, last := 0, env.Now()
	for {
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // far too long for an address: judge its head, drop the rest
			head := string(line)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			line = []byte(head)
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			p.print(e, text)
			n++
		}
		if in.Buffered() == 0 { // somebody may be typing
			if err := out.Flush(); err != nil {
				return err
			}
		}
		if c.Progress && n%1024 == 0 && env.Now().Sub(last) > time.Second {
			last = env.Now()
			fmt.Fprintf(env.Err, "%d judged, %d danger, %d caution\n", n, p.counts[verdict.Danger], p.counts[verdict.Caution])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if c.Progress {
		fmt.Fprintf(env.Err, "%d judged, %d danger, %d caution, %d genuine\n", n, p.counts[verdict.Danger], p.counts[verdict.Caution], p.counts[verdict.Genuine])
	}
	return nil
}

// printer writes verdicts and remembers the worst.
type printer struct {
	out    *bufio.Writer
	json   bool
	quiet  bool
	worst  verdict.Level
	counts [4]int
	buf    []byte
}

func (p *printer) print(e *lookalike.Engine, input string) {
	a := e.CheckURL(input)
	p.counts[a.Level]++
	if a.Level.Rank() > p.worst.Rank() {
		p.worst = a.Level
	}
	if p.quiet && a.Level.Rank() < verdict.Caution.Rank() {
		return
	}
	v := e.Judge(input)
	if p.json {
		p.buf = append(p.buf[:0], `{"input":`...)
		p.buf = verdict.AppendString(p.buf, input)
		p.buf = append(p.buf, `,"verdict":`...)
		p.buf = v.AppendJSON(p.buf)
		p.buf = append(p.buf, '}', '\n')
		p.out.Write(p.buf)
		return
	}
	fmt.Fprintf(p.out, "%-8s %s", v.Level, printable(clip(input)))
	if len(v.Reasons) > 0 {
		r := v.Reasons[0]
		if r.Evidence != "" && v.Level.Rank() > 1 && !strings.EqualFold(r.Evidence, input) {
			fmt.Fprintf(p.out, "\n         %s", printable(r.Evidence))
		}
		fmt.Fprintf(p.out, "\n         %s: %s", r.Code, printable(r.Text))
	}
	p.out.WriteByte('\n')
}

// clip shortens what is shown of an input.
func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}
