package main

import (
	"errors"
	"fmt"

	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
	"countersign/pay/money"
)

type holderCommands struct {
	Add holderAddCommand `cmd:"" help:"Write a customer down."`
}

type holderAddCommand struct {
	ID     string `arg:"" help:"Id of your choice, such as hld_1001."`
	Name   string `help:"Name." required:"" placeholder:"NAME"`
	Phone  string `help:"Telephone for confirmation codes, E.164." required:"" placeholder:"+46…"`
	Locale string `help:"Language of messages." default:"en" placeholder:"TAG"`
	Data   string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (holderAddCommand) Help() string {
	return "May run beside a running bank.\n\nExamples:\n  countersign holder add hld_1001 --name \"Robin Sample\" --phone +46700000042"
}

// Run adds a customer.
func (c holderAddCommand) Run(p *program) error {
	if !phoneNumber(c.Phone) {
		return withHint(exitUsage, errors.New("--phone is not a telephone number"), "write it as + and 7 to 15 digits, such as +46700000042")
	}
	return cardFlags{Data: c.Data}.desk(p, func(d *cards.Desk) error {
		if err := d.AddHolder(p.ctx, book.Holder{ID: c.ID, Name: c.Name, Phone: c.Phone, Locale: c.Locale}); err != nil {
			return taken(err, "holder "+c.ID)
		}
		fmt.Fprintf(p.out, "%s is a customer now.\n", c.ID)
		return nil
	})
}

func phoneNumber(s string) bool {
	if len(s) < 8 || len(s) > 16 || s[0] != '+' {
		return false
	}
	for _, r := range s[1:] {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

// taken gives the book's short error the name of what exists.
func taken(err error, what string) error {
	if errors.Is(err, book.ErrTaken) {
		return fmt.Errorf("%s exists already: %w", what, err)
	}
	return err
}

type accountCommands struct {
	Open    accountOpenCommand    `cmd:"" help:"Open an account for a customer."`
	Deposit accountDepositCommand `cmd:"" help:"Pay money into an account."`
}

type accountOpenCommand struct {
	ID       string `arg:"" help:"Id of your choice, such as acct_1001."`
	Holder   string `help:"Holder's id." required:"" placeholder:"ID"`
	Currency string `help:"ISO 4217 letters." default:"EUR" placeholder:"CUR"`
	Opening  int64  `help:"Minor units to begin with." placeholder:"CENTS"`
	Credit   int64  `help:"Credit line, minor units." placeholder:"CENTS"`
	Data     string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (accountOpenCommand) Help() string {
	return "May run beside a running bank.\n\nExamples:\n  countersign account open acct_1001 --holder hld_1001 --opening 50000"
}

// Run opens an account.
func (c accountOpenCommand) Run(p *program) error {
	opening, err := minorUnits(c.Opening, c.Currency)
	if err != nil {
		return err
	}
	if c.Opening < 0 || c.Credit < 0 {
		return withHint(exitUsage, errors.New("--opening and --credit cannot be negative"), "a credit line lets the account go below zero")
	}
	return cardFlags{Data: c.Data}.desk(p, func(d *cards.Desk) error {
		if err := d.OpenAccount(p.ctx, ledger.AccountID(c.ID), c.Holder, opening, c.Credit); err != nil {
			return taken(err, "account "+c.ID)
		}
		fmt.Fprintf(p.out, "%s is open, with %s.\n", c.ID, opening)
		return nil
	})
}

type accountDepositCommand struct {
	ID       string `arg:"" help:"Account's id."`
	Amount   int64  `help:"Minor units." required:"" placeholder:"CENTS"`
	Currency string `help:"ISO 4217 letters." default:"EUR" placeholder:"CUR"`
	Once     string `help:"Name of this deposit: under one name money is paid in once, however often the command runs." required:"" placeholder:"NAME"`
	Data     string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
}

// Help is shown by --help.
func (accountDepositCommand) Help() string {
	return "May run beside a running bank.\n\nExamples:\n  countersign account deposit acct_1001 --amount 20000 --once 2026-11-salary"
}

// Run pays money in.
func (c accountDepositCommand) Run(p *program) error {
	amount, err := minorUnits(c.Amount, c.Currency)
	if err != nil {
		return err
	}
	if c.Amount <= 0 {
		return withHint(exitUsage, errors.New("--amount must be more than nothing"), "in minor units: 20000 for 200.00")
	}
	return cardFlags{Data: c.Data}.desk(p, func(d *cards.Desk) error {
		if err := d.Deposit(p.ctx, ledger.TransferID("deposit/"+c.Once), ledger.AccountID(c.ID), amount); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s has got %s.\n", c.ID, amount)
		return nil
	})
}

func minorUnits(n int64, currency string) (money.Amount, error) {
	cur, err := money.ByAlpha(currency)
	if err != nil {
		return money.Amount{}, withHint(exitUsage, fmt.Errorf("--currency: %w", err), "three letters of ISO 4217, such as EUR")
	}
	return money.New(n, cur)
}
