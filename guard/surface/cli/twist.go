package cli

import (
	"bufio"
	"fmt"

	"countersign/guard/lookalike/twist"
	"countersign/guard/verdict"
)

// Twist lists the imitations of a domain.
type Twist struct {
	Domain string   `arg:"" help:"A domain, such as aliexpress.com."`
	Class  []string `help:"Only these classes (omission, glyph, homograph, tld, …)." placeholder:"CLASS"`
	JSON   bool     `name:"json" help:"One JSON object per line."`
	PSL    string   `name:"psl" help:"A fresh public suffix list." type:"path" placeholder:"FILE"`
}

// Help is shown by --help.
func (Twist) Help() string {
	return `Prints every registrable imitation of a domain, class by class, as it is made. Nothing is asked of any network.

Examples:
  countersign twist aliexpress.com
  countersign twist aliexpress.com --class homograph --json`
}

// Run prints.
func (t *Twist) Run(env *Env) error {
	want := map[verdict.Class]bool{}
	for _, name := range t.Class {
		c, ok := verdict.ClassByName(name)
		if !ok {
			return fmt.Errorf("%w: no class %q", ErrUsage, name)
		}
		want[c] = true
	}
	list, err := LoadPSL(t.PSL)
	if err != nil {
		return err
	}
	m, err := twist.New(list)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(env.Out)
	n := 0
	for class, domain := range m.Of(t.Domain) {
		if len(want) > 0 && !want[class] {
			continue
		}
		n++
		if t.JSON {
			fmt.Fprintf(out, "{\"class\":%q,\"domain\":%q}\n", class, domain)
		} else {
			fmt.Fprintf(out, "%-18s %s\n", class, domain)
		}
	}
	if n == 0 && len(want) == 0 {
		return fmt.Errorf("%w: %q is not a registrable domain", ErrUsage, t.Domain)
	}
	return out.Flush()
}
