package main

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"time"

	"countersign/cmd/countersign/settings"
	"countersign/guard/brands"
	"countersign/guard/surface/cli"
	"countersign/guard/surface/httpapi"
	"countersign/host"
)

// guardCommands are GUARD's part of the command line; the commands themselves are in guard/surface/cli.
type guardCommands struct {
	Check  cli.Check  `cmd:"" help:"Is this the genuine address of a shop or bank, or one letter off?"`
	Brands cli.Brands `cmd:"" help:"The catalogue of shops and banks and their genuine addresses; your own."`
	Watch  cli.Watch  `cmd:"" help:"Find imitations in a stream of newly seen domains."`
	Twist  cli.Twist  `cmd:"" help:"List every registrable imitation of a domain."`
}

// guardEnv is what those commands get from outside.
func (p *program) guardEnv() *cli.Env {
	return &cli.Env{In: os.Stdin, Out: p.out, Err: p.err, Now: p.now, Rand: p.rand, Own: cli.OwnFolder()}
}

// guardExit turns what a guard command found into an exit code; ok is false when err is something else.
func guardExit(err error) (code int, ok bool) {
	var found cli.ExitError
	if errors.As(err, &found) {
		return found.ExitCode(), true
	}
	return 0, false
}

// guard is the guard's page and API. The house's own shops are genuine there.
func (h *house) guard() host.Role {
	cfg := httpapi.Config{Own: cli.OwnFolder()}
	for _, m := range h.settings.Merchants {
		if b, ok := merchantBrand(m, h.now().Format(time.DateOnly)); ok {
			cfg.Extra = append(cfg.Extra, b)
		}
	}
	return httpapi.Role(cfg)
}

// leastName is the length from which a shop's name is protected against imitation; shorter ones are words.
const leastName = 8

// merchantBrand makes a shop of this gateway a brand of the guard: its site is genuine, and its name is protected.
func merchantBrand(m settings.Merchant, today string) (brands.Brand, bool) {
	site, err := url.Parse(m.SiteURL)
	if err != nil || site.Hostname() == "" {
		return brands.Brand{}, false
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(m.Name))
	if len(name) < leastName {
		return brands.Brand{}, false
	}
	return brands.Brand{
		ID: strings.ReplaceAll(m.ID, "_", "-"), Name: m.Name, Sector: "own", Country: "--", Kind: brands.Ambiguous,
		Shop: []string{site.Hostname()}, Names: []string{name},
		Sources: []brands.Source{{Ref: "onboarding as a shop of this gateway", Date: today}}, Checked: today,
	}, true
}
