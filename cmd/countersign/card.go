package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"countersign/pay/card"
	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/ledger"
)

type cardCommands struct {
	Issue    cardIssueCommand    `cmd:"" help:"Issue a card on an account."`
	List     cardListCommand     `cmd:"" help:"List all cards."`
	Show     cardShowCommand     `cmd:"" help:"Show one card; its number and code only when asked for."`
	Freeze   cardFreezeCommand   `cmd:"" help:"Stop a card until it is unfrozen."`
	Unfreeze cardUnfreezeCommand `cmd:"" help:"Lift a freeze."`
}

// cardFlags are common to the card commands.
type cardFlags struct {
	Data string `help:"Data folder." default:"${data}" type:"path" placeholder:"DIR"`
	JSON bool   `name:"json" help:"For machines."`
}

// desk opens the bank's card desk, beside a running bank or without one.
func (f cardFlags) desk(p *program, use func(d *cards.Desk) error) error {
	dir := filepath.Join(f.Data, "issuer")
	if _, err := os.Stat(filepath.Join(dir, cards.File)); err != nil {
		return withHint(exitFailed, fmt.Errorf("there is no bank in %s", f.Data), "run countersign demo first, or name the folder with --data")
	}
	ks, err := openKeys(p, f.Data, false)
	if err != nil {
		return err
	}
	d, err := cards.Open(p.ctx, dir, ks.For("issuer"), p.now, p.rand)
	if err != nil {
		return err
	}
	err = use(d)
	if errors.Is(err, book.ErrUnknown) {
		err = withHint(exitFailed, err, "countersign card list shows the cards and their accounts")
	}
	return errors.Join(err, d.Close())
}

// cardLine is a card as it is printed: never its number or code.
type cardLine struct {
	ID      string     `json:"id"`
	Holder  string     `json:"holder"`
	Account string     `json:"account"`
	Name    string     `json:"name"`
	Brand   string     `json:"brand"`
	Last4   string     `json:"last4"`
	Expiry  string     `json:"expiry"` // YYMM
	Status  string     `json:"status"`
	Kind    string     `json:"kind"`
	Lock    string     `json:"lock,omitempty"`
	Each    int64      `json:"limit_each,omitempty"`
	Day     int64      `json:"limit_day,omitempty"`
	Created *time.Time `json:"created,omitempty"`
}

func lineOf(c book.Card) cardLine {
	return cardLine{
		ID: c.ID, Holder: c.Holder, Account: string(c.Account), Name: c.Name, Brand: c.Brand, Last4: c.Last4, Expiry: c.Expiry,
		Status: string(c.Status), Kind: string(c.Kind), Each: c.LimitEach, Day: c.LimitDay, Created: &c.Created,
	}
}

func (f cardFlags) print(p *program, list ...book.Card) error {
	lines := make([]cardLine, 0, len(list))
	for _, c := range list {
		lines = append(lines, lineOf(c))
	}
	if f.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		return e.Encode(lines)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tCARD\tEXPIRES\tSTATUS\tKIND\tNAME\tHOLDER\tACCOUNT")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%s •••• %s\t%s/%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Brand, l.Last4, l.Expiry[2:], l.Expiry[:2], l.Status, l.Kind, l.Name, l.Holder, l.Account)
	}
	return w.Flush()
}

type cardIssueCommand struct {
	Holder  string `help:"Holder's id." required:"" placeholder:"ID"`
	Account string `help:"Account's id." required:"" placeholder:"ID"`
	Name    string `help:"Name as printed on the card." required:"" placeholder:"NAME"`
	Expiry  string `help:"Last month, YYMM; four years from now when not given." placeholder:"YYMM"`
	Kind    string `help:"normal, locked (to the first shop it pays at) or single (one payment)." enum:"normal,locked,single" default:"normal"`
	Each    int64  `help:"Most minor units per payment; 0 = no limit." placeholder:"CENTS"`
	Day     int64  `help:"Most minor units in 24 hours; 0 = no limit." placeholder:"CENTS"`
	cardFlags
}

// Help is shown by --help.
func (cardIssueCommand) Help() string {
	return "The number is made here, in a range of no card network, and is not printed: the holder sees it in Mobile Bank.\n\n" +
		"Examples:\n  countersign card issue --holder hld_demo --account acct_demo --name \"Robin Sample\"\n" +
		"  countersign card issue --holder hld_demo --account acct_demo --name \"Robin Sample\" --kind single --each 5000"
}

// Run issues a card.
func (c cardIssueCommand) Run(p *program) error {
	o := cards.Order{Holder: c.Holder, Account: ledger.AccountID(c.Account), Name: c.Name, Kind: book.CardKind(c.Kind), LimitEach: c.Each, LimitDay: c.Day}
	if c.Expiry != "" {
		var err error
		if o.Expiry, err = card.ParseExpiry(c.Expiry); err != nil {
			return withHint(exitUsage, errors.New("--expiry is not a month"), "write it as YYMM, such as 2911 for November 2029")
		}
	}
	return c.desk(p, func(d *cards.Desk) error {
		made, err := d.Issue(p.ctx, o)
		if err != nil {
			return err
		}
		return c.print(p, made)
	})
}

type cardListCommand struct{ cardFlags }

// Help is shown by --help.
func (cardListCommand) Help() string {
	return "Examples:\n  countersign card list\n  countersign card list --json --data ./try"
}

// Run lists all cards.
func (c cardListCommand) Run(p *program) error {
	return c.desk(p, func(d *cards.Desk) error {
		list, err := d.List(p.ctx)
		if err != nil {
			return err
		}
		return c.print(p, list...)
	})
}

type cardShowCommand struct {
	ID     string `arg:"" help:"Card's id."`
	Reveal bool   `help:"Print number, expiry and code as well. They are then on this screen, in its history, and in no log."`
	cardFlags
}

// Help is shown by --help.
func (cardShowCommand) Help() string {
	return "Examples:\n  countersign card show card_demo\n  countersign card show card_demo --reveal"
}

// Run shows a card.
func (c cardShowCommand) Run(p *program) error {
	if c.Reveal && c.JSON {
		return withHint(exitUsage, errors.New("--reveal is for people, not for --json"), "countersign card show ID --reveal")
	}
	return c.desk(p, func(d *cards.Desk) error {
		found, err := d.Show(p.ctx, c.ID)
		if err != nil {
			return err
		}
		if err := c.print(p, found); err != nil || !c.Reveal {
			return err
		}
		return d.Reveal(p.ctx, c.ID, func(_ book.Card, number, code []byte) error { return reveal(p, number, code) })
	})
}

// reveal writes number and code from one buffer that is wiped.
func reveal(p *program, number, code []byte) error {
	line := make([]byte, 0, 64)
	defer func() { clear(line[:cap(line)]) }()
	line = append(line, "\nnumber "...)
	for i, c := range number {
		if i > 0 && i%4 == 0 {
			line = append(line, ' ')
		}
		line = append(line, c)
	}
	line = append(append(append(line, "  code "...), code...), '\n')
	_, err := p.out.Write(line)
	return err
}

type cardFreezeCommand struct {
	ID string `arg:"" help:"Card's id."`
	cardFlags
}

// Help is shown by --help.
func (cardFreezeCommand) Help() string { return "Examples:\n  countersign card freeze card_demo" }

// Run freezes a card.
func (c cardFreezeCommand) Run(p *program) error {
	return c.desk(p, func(d *cards.Desk) error {
		found, err := d.Freeze(p.ctx, c.ID, "")
		if err != nil {
			return err
		}
		return c.print(p, found)
	})
}

type cardUnfreezeCommand struct {
	ID string `arg:"" help:"Card's id."`
	cardFlags
}

// Help is shown by --help.
func (cardUnfreezeCommand) Help() string { return "Examples:\n  countersign card unfreeze card_demo" }

// Run lifts a freeze.
func (c cardUnfreezeCommand) Run(p *program) error {
	return c.desk(p, func(d *cards.Desk) error {
		found, err := d.Unfreeze(p.ctx, c.ID, "")
		if err != nil {
			return err
		}
		return c.print(p, found)
	})
}
