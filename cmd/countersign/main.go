// Command countersign runs the house: the demo, the roles in production, and the tools beside them.
//
// It is the only place that knows two roles; see roles.go for how they are put together.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK       = 0 // done
	exitFailed   = 1 // it did not work; the message says why
	exitUsage    = 2 // the command line or the configuration is wrong
	exitBusy     = 3 // the port or the data folder is in use
	exitNoCheck  = 3 // of the command check: no verdict, for its 1 and 2 are verdicts
	exitViolated = 4 // a check found something that must not be (ledger check, demo --once)
)

// program is what the commands get from outside.
type program struct {
	ctx      context.Context
	out, err io.Writer
	environ  []string
	now      func() time.Time
	rand     io.Reader
	terminal bool // out is a terminal
}

// commands is the command line.
type commands struct {
	Demo    demoCommand     `cmd:"" help:"Run everything on this machine, to look at and to try."`
	Serve   serveCommand    `cmd:"" help:"Run roles in production, by a configuration file."`
	Holder  holderCommands  `cmd:"" help:"Add customers to the bank."`
	Account accountCommands `cmd:"" help:"Open accounts at the bank, and pay money in."`
	Card    cardCommands    `cmd:"" help:"Issue, list, show and freeze cards at the bank."`
	Ledger  ledgerCommands  `cmd:"" help:"Check the books of bank and gateway."`
	Keys    keysCommands    `cmd:"" help:"Make, list, share and rotate keys; make certificates."`
	guardCommands
	Version versionCommand `cmd:"" help:"Say which version this is."`
}

const description = `Card payments in which the security code is readable by the shopper and the bank only.

Examples:
  countersign demo                     run everything and look at http://countersign.localhost:8080
  countersign demo --once              play one payment without a browser and tell what each party saw
  countersign serve --config pay.toml  run in production
  countersign check aliexpres.com      is this the genuine shop?

Exit codes: 0 done, 1 it did not work, 2 wrong command line or configuration, 3 port or data folder in use,
4 a check found something that must not be. check is different: 0 genuine or unknown, 1 caution, 2 danger, 3 could
not check.`

// exitNow carries an exit code out of kong.
type exitNow int

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{ctx: ctx, out: os.Stdout, err: os.Stderr, environ: os.Environ(), now: time.Now, rand: rand.Reader, terminal: isTerminal(os.Stdout)}
	code := p.run(os.Args[1:])
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool {
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// run parses and carries out a command line and returns the exit code.
func (p *program) run(args []string) (code int) {
	defer func() {
		if e := recover(); e != nil {
			n, ok := e.(exitNow)
			if !ok {
				panic(e)
			}
			code = int(n)
		}
	}()
	var c commands
	parser, err := kong.New(&c, kong.Name("countersign"), kong.Description(description), kong.Writers(p.out, p.err),
		kong.Exit(func(n int) { panic(exitNow(n)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Vars{"data": defaultData(p.getenv)}, kong.Bind(p, p.guardEnv()))
	if err != nil {
		return p.fail(err)
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		var wrong *kong.ParseError
		if errors.As(err, &wrong) && wrong.Context != nil && len(args) == 0 {
			_ = wrong.Context.PrintUsage(false)
		}
		return p.fail(withHint(exitUsage, err, "countersign --help lists the commands; countersign COMMAND --help explains one"))
	}
	if err := ctx.Run(p); err != nil {
		if code, ok := guardExit(err); ok {
			return code
		}
		code := p.fail(err)
		if strings.HasPrefix(ctx.Command(), "check") {
			return exitNoCheck
		}
		return code
	}
	return exitOK
}

func (p *program) getenv(name string) string {
	for _, line := range p.environ {
		if len(line) > len(name) && line[:len(name)] == name && line[len(name)] == '=' {
			return line[len(name)+1:]
		}
	}
	return ""
}

// fail writes an error, with its hint, and returns its exit code.
func (p *program) fail(err error) int {
	err = explain(err)
	var h *hinted
	if !errors.As(err, &h) {
		h = &hinted{err, exitFailed, ""}
	}
	if h.err != nil {
		fmt.Fprintf(p.err, "countersign: %v\n", err)
	}
	if h.hint != "" {
		fmt.Fprintf(p.err, "hint: %s\n", h.hint)
	}
	return h.code
}
