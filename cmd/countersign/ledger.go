package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"countersign/host/keys"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
)

type ledgerCommands struct {
	Check ledgerCheckCommand `cmd:"" help:"Check that no money was lost, made or moved twice, and that the journal is whole."`
}

type ledgerCheckCommand struct {
	Data string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
	JSON bool   `name:"json" help:"For machines."`
}

// Help is shown by --help.
func (ledgerCheckCommand) Help() string {
	return `The checker reads the stored rows with code of its own, shares nothing with what wrote them, changes nothing, and
may run beside a running bank. It ends with exit code 4 when something is wrong.

Examples:
  countersign ledger check
  countersign ledger check --data /var/lib/countersign --json`
}

// Run checks the books.
func (c ledgerCheckCommand) Run(p *program) error {
	path := filepath.Join(c.Data, "issuer", cards.File)
	if _, err := os.Stat(path); err != nil {
		return withHint(exitFailed, fmt.Errorf("there are no books in %s", c.Data), "run countersign demo first, or name the folder with --data")
	}
	ks, err := openKeys(p, c.Data, false)
	if err != nil {
		return err
	}
	var opt check.Options
	if all := ks.For("issuer").All(keys.Audit); len(all) > 0 {
		opt.Key = all[len(all)-1].Use // the journal is linked under the first one
	}
	report, err := check.Run(p.ctx, path, opt)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else {
		printReport(p, report)
	}
	if !report.OK() {
		return withHint(exitViolated, errors.New("the books are not in order"), "keep the data folder as it is; restore a backup into another one and compare")
	}
	return nil
}

func printReport(p *program, r check.Report) {
	fmt.Fprintf(p.out, "%d accounts, %d holds, %d transfers, %d messages (%d approved), %d journal records.\n",
		r.Accounts, r.Holds, r.Transfers, r.Messages, r.Approved, r.Records)
	if r.OK() {
		fmt.Fprintln(p.out, "Everything is in order: money is conserved, nothing happened twice, every change is in the journal.")
	}
	for _, v := range r.Violations {
		fmt.Fprintf(p.out, "wrong: %s: %s\n", v.Invariant, v.What)
	}
	if r.More > 0 {
		fmt.Fprintf(p.out, "… and %d more.\n", r.More)
	}
}
