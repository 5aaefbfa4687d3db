package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"countersign/host/keys"
	"countersign/pay/checkout"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
)

type ledgerCommands struct {
	Check ledgerCheckCommand `cmd:"" help:"Check that no money was lost, made or moved twice, at the bank and at the gateway."`
}

type ledgerCheckCommand struct {
	Data string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
	JSON bool   `name:"json" help:"For machines."`
}

// Help is shown by --help.
func (ledgerCheckCommand) Help() string {
	return `The checkers read the stored rows with queries of their own, apart from the code that wrote them, and may run beside
running roles. Both the bank's books and the gateway's are checked, whichever of them the folder has.

It ends with exit code 4 when something is wrong.

Examples:
  countersign ledger check
  countersign ledger check --data /var/lib/countersign --json`
}

// Run checks the books.
func (c ledgerCheckCommand) Run(p *program) error {
	bank, err := c.bank(p)
	if err != nil {
		return err
	}
	gateway, err := c.gateway(p)
	if err != nil {
		return err
	}
	if bank == nil && !gateway.Looked {
		return withHint(exitFailed, fmt.Errorf("there are no books in %s", c.Data), "run countersign demo first, or name the folder with --data")
	}
	if c.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		if err := e.Encode(map[string]any{"bank": bank, "gateway": gateway}); err != nil {
			return err
		}
	} else {
		printReport(p, bank)
		gateway.print(p)
	}
	if bank != nil && !bank.OK() || len(gateway.Wrong) > 0 {
		return withHint(exitViolated, errors.New("the books are not in order"), "keep the data folder as it is; restore a backup into another one and compare")
	}
	return nil
}

// bank checks the bank's books; nil when they are not in this folder.
func (c ledgerCheckCommand) bank(p *program) (*check.Report, error) {
	path := filepath.Join(c.Data, "issuer", cards.File)
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	ks, err := openKeys(p, c.Data, false)
	if err != nil {
		return nil, err
	}
	var opt check.Options
	if all := ks.For("issuer").All(keys.Audit); len(all) > 0 {
		opt.Key = all[len(all)-1].Use // the journal is linked under the first one
	}
	report, err := check.Run(p.ctx, path, opt)
	return &report, err
}

// gatewayReport is what was found in the gateway's books; Looked is false when they are not in this folder.
type gatewayReport struct {
	Looked bool `json:"looked"`
	checkout.Report
	Wrong []string `json:"violations"`
}

func (c ledgerCheckCommand) gateway(p *program) (r gatewayReport, err error) {
	r.Wrong = []string{}
	path := filepath.Join(c.Data, "checkout", "checkout.db")
	if _, err := os.Stat(path); err != nil {
		return r, nil
	}
	r.Looked = true
	if r.Report, err = checkout.Check(p.ctx, path); err != nil {
		r.Wrong = strings.Split(err.Error(), "\n")
	}
	return r, p.ctx.Err()
}

func (r gatewayReport) print(p *program) {
	if !r.Looked {
		fmt.Fprintln(p.out, "Gateway: its books are not in this folder.")
		return
	}
	fmt.Fprintf(p.out, "Gateway: %d payments, %d attempts, %d captures and refunds, %d messages waiting, %d audit records.\n",
		r.Payments, r.Attempts, r.Movements, r.Advices, r.Records)
	if len(r.Wrong) == 0 {
		fmt.Fprintln(p.out, "Everything is in order: sums agree, whatever is in doubt is queued, every change has its record.")
	}
	for _, w := range r.Wrong {
		fmt.Fprintf(p.out, "wrong: %s\n", w)
	}
}

func printReport(p *program, r *check.Report) {
	if r == nil {
		fmt.Fprintln(p.out, "Bank: its books are not in this folder.")
		return
	}
	fmt.Fprintf(p.out, "Bank: %d accounts, %d holds, %d transfers, %d messages (%d approved), %d journal records.\n",
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
