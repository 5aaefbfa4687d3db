package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"countersign/guard/brands"
	"countersign/guard/lookalike/psl"
)

// Brands is the group of commands about the catalogue.
type Brands struct {
	List   BrandsList   `cmd:"" help:"List the brands."`
	Show   BrandsShow   `cmd:"" help:"Show one brand with its addresses, names and sources."`
	Add    BrandsAdd    `cmd:"" help:"Add a shop of your own, or one that is missing, to your own brands."`
	Import BrandsImport `cmd:"" help:"Add all brands of a file to your own brands."`
	Verify BrandsVerify `cmd:"" help:"Check a catalogue: form, signature, and how often each name would warn wrongly."`
	Sign   BrandsSign   `cmd:"" help:"Sign a catalogue folder."`
}

// BrandsList lists.
type BrandsList struct {
	Sector string `help:"Only this sector." placeholder:"SECTOR"`
	JSON   bool   `name:"json" help:"One JSON object per line."`
	Tables
}

// Run lists.
func (c *BrandsList) Run(env *Env) error {
	cat, err := c.load(env)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
	for i := range cat.Brands {
		b := &cat.Brands[i]
		switch {
		case c.Sector != "" && b.Sector != c.Sector:
		case c.JSON:
			fmt.Fprintf(w, "%s\n", brandJSON(b))
		default:
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", b.ID, b.Name, b.Sector, b.Country, b.Home())
		}
	}
	return w.Flush()
}

func brandJSON(b *brands.Brand) string {
	list := func(l []string) string {
		q := make([]string, len(l))
		for i, s := range l {
			q[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(q, ",") + "]"
	}
	return fmt.Sprintf(`{"id":%q,"name":%q,"sector":%q,"country":%q,"kind":%q,"shop":%s,"owned":%s,"names":%s,"checked":%q}`,
		b.ID, b.Name, b.Sector, b.Country, b.Kind, list(b.Shop), list(b.Owned), list(b.Names), b.Checked)
}

// BrandsShow shows one.
type BrandsShow struct {
	ID   string `arg:"" help:"The brand's id, as brands list shows it."`
	JSON bool   `name:"json" help:"For machines."`
	Tables
}

// Run shows.
func (c *BrandsShow) Run(env *Env) error {
	cat, err := c.load(env)
	if err != nil {
		return err
	}
	b := cat.Find(c.ID)
	if b == nil {
		return fmt.Errorf("%w: no brand %q; countersign brands list shows them", ErrUsage, c.ID)
	}
	if c.JSON {
		_, err = fmt.Fprintln(env.Out, brandJSON(b))
		return err
	}
	_, err = fmt.Fprint(env.Out, brands.Format(b))
	return err
}

// BrandsAdd adds one brand to the user's own.
type BrandsAdd struct {
	Domain []string `arg:"" help:"Genuine domains; the first is the one that is shown."`
	ID     string   `help:"Id (default: the first label of the first domain)." placeholder:"ID"`
	Name   string   `help:"The name as people write it (default: the id)." placeholder:"NAME"`
	Names  []string `help:"Protected name tokens (default: the first label of the first domain)." placeholder:"TOKEN"`
	Owned  []string `help:"Domains that belong to it but are no place to type a card." placeholder:"DOMAIN"`
	Kind   string   `help:"How ordinary the name is." enum:"coined,ambiguous,dictionary,short" default:"coined"`
	Tables
}

// Run adds.
func (c *BrandsAdd) Run(env *Env) error {
	first := strings.ToLower(c.Domain[0])
	label, _, _ := strings.Cut(first, ".")
	b := brands.Brand{ID: or(c.ID, label), Sector: "own", Country: "--", Names: c.Names, Owned: c.Owned, Checked: env.Now().Format("2006-01-02")}
	b.Name = or(c.Name, b.ID)
	b.Kind, _ = brands.KindByName(c.Kind)
	for _, d := range c.Domain {
		b.Shop = append(b.Shop, strings.ToLower(d))
	}
	b.Sources = []brands.Source{{Ref: "added by hand", Date: b.Checked}}
	return addOwn(env, c.own(env), b.ID+".brands", brands.Format(&b))
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// addOwn checks a text of brands against the whole catalogue and writes it to the folder of own brands.
func addOwn(env *Env, own, name, text string) error {
	if own == "" {
		return fmt.Errorf("%w: no folder for your own brands; name one with --brands", ErrUsage)
	}
	list, err := brands.Parse(name, text)
	if err != nil {
		return err
	}
	cat, err := LoadCatalogue("", own)
	if err != nil {
		return err
	}
	merged := cat.Merge(list)
	if err := merged.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(own, 0o755); err != nil {
		return err
	}
	file := filepath.Join(own, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	for _, b := range list {
		fmt.Fprintf(env.Out, "added %s (%s) to %s\n", b.ID, b.Home(), file)
	}
	return warnKinds(env, merged, list)
}

// warnKinds says which of the new names are too ordinary for some classes.
func warnKinds(env *Env, cat *brands.Catalogue, list []brands.Brand) error {
	for _, b := range list {
		for _, n := range b.Names {
			if len(n) <= 4 {
				fmt.Fprintf(env.Err, "note: %s has %d letters: typos of it are not warned of, only look-alike letters, endings and addresses that contain it\n", n, len(n))
			}
		}
	}
	return nil
}

// BrandsImport adds a file.
type BrandsImport struct {
	File string `arg:"" help:"A file of brands (see docs/guard/add-a-brand.md)." type:"existingfile"`
	Tables
}

// Run adds.
func (c *BrandsImport) Run(env *Env) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(filepath.Base(c.File), filepath.Ext(c.File)) + ".brands"
	return addOwn(env, c.own(env), name, string(text))
}

// problemsOf adds what only the public suffix list can tell.
func problemsOf(cat *brands.Catalogue) error {
	list, err := psl.Builtin()
	if err != nil {
		return err
	}
	var problems []error
	for i := range cat.Brands {
		b := &cat.Brands[i]
		for k, d := range append(append([]string(nil), b.Shop...), b.Owned...) {
			if d[0] == '.' {
				continue
			}
			if s := list.Split([]byte(d)); s.Registrable < 0 && k < len(b.Shop) {
				problems = append(problems, brands.Problem{File: b.File, Line: b.Line, Text: d + " is a public suffix: everybody can have a name under it"})
			} else if !s.Listed {
				problems = append(problems, brands.Problem{File: b.File, Line: b.Line, Text: d + " has an ending that does not exist"})
			}
		}
	}
	return errors.Join(problems...)
}
