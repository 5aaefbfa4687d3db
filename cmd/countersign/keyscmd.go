package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"countersign/host/keys"
)

type keysCommands struct {
	List keysListCommand `cmd:"" help:"List all keys: id, purpose, owner, who may use it, check value, age."`
}

type keysListCommand struct {
	Data string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
	JSON bool   `name:"json" help:"For machines."`
}

// Help is shown by --help.
func (keysListCommand) Help() string {
	return "No key is shown, only its check value, which tells keys apart and tells nothing about them.\n\n" +
		"Examples:\n  countersign keys list\n  countersign keys list --data /var/lib/countersign --json"
}

type keyLine struct {
	ID        string     `json:"id"`
	Purpose   string     `json:"purpose"`
	Algorithm string     `json:"algorithm"`
	Owner     string     `json:"owner"`
	Readers   []string   `json:"readers"`
	Check     string     `json:"check"`
	Created   time.Time  `json:"created"`
	Retired   *time.Time `json:"retired,omitempty"`
}

// Run lists the keys of a data folder.
func (c keysListCommand) Run(p *program) error {
	ks, err := openKeys(p, c.Data, false)
	if err != nil {
		return err
	}
	lines := []keyLine{}
	for _, k := range ks.List() {
		l := keyLine{k.ID, string(k.Purpose), k.Algorithm, k.Owner, k.Readers, k.Check, k.Created, nil}
		if !k.Retired.IsZero() {
			l.Retired = &k.Retired
		}
		lines = append(lines, l)
	}
	if c.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		return e.Encode(lines)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tALGORITHM\tOWNER\tUSED BY\tCHECK\tCREATED\tSTATE")
	for _, l := range lines {
		state := "current"
		if l.Retired != nil {
			state = "retired " + l.Retired.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Algorithm, l.Owner, strings.Join(l.Readers, ", "), l.Check, l.Created.Format(time.DateOnly), state)
	}
	return w.Flush()
}

// openKeys opens the keys of a data folder; with create it makes the folder and what is missing.
func openKeys(p *program, data string, create bool) (*keys.Store, error) {
	dir := filepath.Join(data, "keys")
	if !create {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, withHint(exitFailed, fmt.Errorf("there are no keys in %s", data), "run countersign demo first, or name the folder with --data")
		}
	}
	ks, err := keys.Open(dir, p.now, p.rand)
	if err != nil || !create {
		return ks, err
	}
	return ks, ks.Ensure(keys.SpecTable...)
}
