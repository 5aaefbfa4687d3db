package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"countersign/cmd/countersign/journey"
	"countersign/host"
	"countersign/host/keys"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
)

// once plays the journey, in a folder and on a port of its own unless the command line names them.
func (c demoCommand) once(p *program) (err error) {
	if c.Data == "" {
		if c.Data, err = os.MkdirTemp("", "countersign-once-"); err != nil {
			return err
		}
		defer os.RemoveAll(c.Data)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	d, err := c.start(p)
	if err != nil {
		return err
	}
	client := host.LoopbackClient()
	defer client.CloseIdleConnections()
	if !c.JSON {
		fmt.Fprintf(p.out, "One payment of €23.40 at %s, without a browser, through the endpoints that browsers and shops use.\n", c.Shop)
	}
	t := teller{p: p, quiet: c.JSON}
	report, err := journey.Play(p.ctx, journey.Config{
		URL: d.URL, HTTP: client, Shop: c.Shop, APIKey: d.secrets.apiKey, OtherKey: d.other.apiKey, Phone: demoPhone, Card: demoCard,
		Data: c.Data, Books: d.books, Wrong: d.fresh, Rand: p.rand,
	}, t.step)
	if c.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		err = errors.Join(err, e.Encode(report))
	} else if err == nil {
		fmt.Fprintf(p.out, "\nEvery step held, in %.1f s.\n", float64(report.Millis)/1000)
	}
	if p.ctx.Err() != nil {
		err = errors.New("stopped before the end")
	}
	if errors.Is(err, journey.ErrStep) {
		err = withHint(exitViolated, err, d.keep(c.Data))
	}
	return errors.Join(err, d.close())
}

// keep puts the log of a journey that failed where it can be read.
func (d *demo) keep(data string) string {
	text, err := os.ReadFile(filepath.Join(data, "countersign.log"))
	if err == nil {
		path := filepath.Join(os.TempDir(), "countersign-once.log")
		if err = os.WriteFile(path, text, 0o600); err == nil {
			return "the log of this run is in " + path
		}
	}
	return "the log of this run is lost: " + err.Error()
}

// books has the independent checker look at the bank's books.
func (d *demo) books(ctx context.Context) (string, error) {
	var opt check.Options
	ks, err := keys.Open(filepath.Join(d.data, "keys"), nil, nil)
	if err != nil {
		return "", err
	}
	if all := ks.For("issuer").All(keys.Audit); len(all) > 0 {
		opt.Key = all[len(all)-1].Use
	}
	r, err := check.Run(ctx, filepath.Join(d.data, "issuer", cards.File), opt)
	if err != nil {
		return "", err
	}
	if !r.OK() {
		return "", fmt.Errorf("the books are not in order: %s %s", r.Violations[0].Invariant, r.Violations[0].What)
	}
	return fmt.Sprintf("the bank's books: %d transfers and %d journal records, every cent accounted for", r.Transfers, r.Records), nil
}

// teller writes the steps in plain words.
type teller struct {
	p     *program
	quiet bool
}

func (t teller) step(s journey.Step) {
	if t.quiet {
		return
	}
	bold, dim, good, bad, plain := "", "", "", "", ""
	if t.p.terminal {
		bold, dim, good, bad, plain = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[0m"
	}
	fmt.Fprintf(t.p.out, "\n%s%2d  %s%s  %s%d ms%s\n", bold, s.Number, s.Title, plain, dim, s.Millis, plain)
	for _, x := range s.Sights {
		fmt.Fprintf(t.p.out, "    %-8s sees  %s\n", x.Who, wrap(x.Sees, 88, 19))
	}
	for _, x := range s.Checks {
		fmt.Fprintf(t.p.out, "    %sheld%s           %s\n", good, plain, wrap(x, 88, 19))
	}
	if s.Problem != "" {
		fmt.Fprintf(t.p.out, "    %sdid not hold%s   %s\n", bad, plain, wrap(s.Problem, 88, 19))
	}
}

// wrap breaks text into lines of at most width characters, indented from the second on.
func wrap(text string, width, indent int) string {
	var b strings.Builder
	at := 0
	for _, w := range strings.Fields(text) {
		n := len([]rune(w))
		switch {
		case at == 0:
		case at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += n
	}
	return b.String()
}
