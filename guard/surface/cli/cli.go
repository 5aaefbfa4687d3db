// Package cli holds the guard's commands: check, brands, watch, twist. Each is a struct with kong tags and a method
// Run(*Env) error; the main program embeds them and prints errors. A command that has judged something returns an ExitError when the
// exit status is not 0.
package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
	"countersign/guard/lookalike/psl"
	"countersign/guard/verdict"
)

// Env is all that a command gets from outside.
type Env struct {
	In   io.Reader
	Out  io.Writer // results
	Err  io.Writer // progress and remarks
	Now  func() time.Time
	Rand io.Reader // for a new signing key
	Own  string    // folder of the user's own brands; may not exist. See OwnFolder
}

// OwnFolder gives the usual folder of a user's own brands: $XDG_CONFIG_HOME/countersign/brands.
func OwnFolder() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "countersign", "brands")
}

// ExitError carries an exit status. It is no failure: 1 = caution, 2 = danger was found.
type ExitError int

// Error gives the status as text.
func (e ExitError) Error() string {
	if e == 2 {
		return "danger"
	}
	return "caution"
}

// ExitCode gives the status for os.Exit.
func (e ExitError) ExitCode() int { return int(e) }

// ErrUsage is wrapped by errors about what the user typed.
var ErrUsage = errors.New("usage")

// Tables are the flags with which a command's knowledge can be replaced.
type Tables struct {
	Catalogue string `help:"Folder of a catalogue in place of the built-in one; it must be signed." type:"path" placeholder:"DIR"`
	Brands    string `help:"Folder of your own brands (default: the countersign/brands folder of your configuration)." env:"COUNTERSIGN_BRANDS" type:"path" placeholder:"DIR"`
	PSL       string `name:"psl" help:"A fresh public suffix list (public_suffix_list.dat) in place of the built-in one." type:"path" placeholder:"FILE"`
}

// own gives the folder of the user's own brands.
func (t *Tables) own(env *Env) string {
	if t.Brands != "" {
		return t.Brands
	}
	return env.Own
}

// load reads the catalogue with the user's own brands.
func (t *Tables) load(env *Env) (*brands.Catalogue, error) {
	return LoadCatalogue(t.Catalogue, t.own(env))
}

// engine builds the engine.
func (t *Tables) engine(env *Env) (*lookalike.Engine, error) {
	cat, err := t.load(env)
	if err != nil {
		return nil, err
	}
	list, err := LoadPSL(t.PSL)
	if err != nil {
		return nil, err
	}
	return lookalike.New(cat, lookalike.Options{PSL: list})
}

// LoadPSL reads a public suffix list; "" gives nil, the built-in one.
func LoadPSL(file string) (*psl.List, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return psl.Parse(string(text))
}

// LoadCatalogue reads a signed catalogue folder ("" = the built-in one) and adds the brands of the folder own, if it exists.
func LoadCatalogue(dir, own string) (*brands.Catalogue, error) {
	cat, err := brands.Builtin()
	if dir != "" {
		if err := verifyFolder(dir); err != nil {
			return nil, err
		}
		cat, err = brands.Load(os.DirFS(dir), ".")
	}
	if err != nil {
		return nil, err
	}
	if own == "" {
		return cat, nil
	}
	mine, err := brands.Load(os.DirFS(own), ".")
	if errors.Is(err, fs.ErrNotExist) {
		return cat, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", own, err)
	}
	merged := cat.Merge(mine.Brands)
	if err := merged.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", own, err)
	}
	return merged, nil
}

// printable escapes what could steer a terminal: control, format and invisible characters.
func printable(s string) string {
	q := string(verdict.AppendString(nil, s))
	q = q[1 : len(q)-1]
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\"`, `"`, `\\`, `\`).Replace(q)
}
