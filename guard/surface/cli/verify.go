package cli

import (
	"bufio"
	"compress/gzip"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/tabwriter"

	"countersign/guard/brands"
	"countersign/guard/brands/signature"
	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

// BrandsVerify checks a catalogue.
type BrandsVerify struct {
	Dir     string   `arg:"" optional:"" help:"Folder of a catalogue (default: the built-in one)." type:"path"`
	Popular []string `help:"Lists of popular domains, one per line or in the first column, plain or .gz: prints the expected wrong warnings of every name." type:"path" placeholder:"FILE"`
	Write   bool     `help:"Write budget.txt and independent.txt into the folder, from the popular lists."`
	Lines   int      `help:"How many rows to print." default:"40"`
	Tables
}

// Run checks.
func (c *BrandsVerify) Run(env *Env) error {
	cat, err := brands.Builtin()
	if c.Dir != "" {
		cat, err = brands.Load(os.DirFS(c.Dir), ".")
	}
	if err != nil {
		return err
	}
	if err := problemsOf(cat); err != nil {
		return err
	}
	names, domains := 0, 0
	for i := range cat.Brands {
		names += len(cat.Brands[i].Names)
		domains += len(cat.Brands[i].Shop) + len(cat.Brands[i].Owned)
	}
	fmt.Fprintf(env.Out, "%d brands, %d names, %d domains, %d independent domains, %d limits: well formed\n", len(cat.Brands), names, domains, len(cat.Independent), len(cat.Budget))
	if c.Dir != "" && !c.Write {
		if err := verifyFolder(c.Dir); err != nil {
			fmt.Fprintln(env.Out, "signature:", err)
			defer func() {
				fmt.Fprintln(env.Out, "an unsigned catalogue is taken by no command: countersign brands sign", c.Dir)
			}()
		} else {
			fmt.Fprintln(env.Out, "signature: good")
		}
	}
	if len(c.Popular) == 0 {
		return nil
	}
	return c.budget(env, cat)
}

// budget measures every name against the popular lists.
func (c *BrandsVerify) budget(env *Env, cat *brands.Catalogue) error {
	raw, err := lookalike.New(cat, lookalike.Options{NoBudget: true, NoIndependent: true})
	if err != nil {
		return err
	}
	var failed error
	hits, n := raw.Hits(func(yield func(string) bool) { failed = readLists(c.Popular, yield) })
	if failed != nil {
		return failed
	}
	rates := lookalike.Rates(hits, n)
	limits := lookalike.Budget(rates)
	lowered := map[string]string{}
	for _, l := range limits {
		lowered[l.Name+" "+l.Class] = l.To
	}
	w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "name\tclass\tdanger\tcaution\tper million\tso\n")
	for i, r := range rates {
		if i == c.Lines {
			fmt.Fprintf(w, "… and %d more\n", len(rates)-i)
			break
		}
		to := "kept"
		if l := lowered[r.Token+" "+r.Class.String()]; l != "" {
			to = l + " only"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.0f\t%s\n", r.Token, r.Class, r.Danger, r.Caution, r.PerMillion(), to)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	own := *cat
	own.Budget = limits
	e, err := lookalike.New(&own, lookalike.Options{NoIndependent: true})
	if err != nil {
		return err
	}
	left, _ := e.Hits(func(yield func(string) bool) { failed = readLists(c.Popular, yield) })
	danger := 0
	for _, h := range left {
		if h.Level == verdict.Danger {
			danger++
		}
	}
	fmt.Fprintf(env.Out, "%d popular domains: %d would be danger, %d caution (%.0f and %.0f per million), after %d limits\n", n, danger, len(left)-danger,
		float64(danger)*1e6/float64(n), float64(len(left)-danger)*1e6/float64(n), len(limits))
	if !c.Write {
		return nil
	}
	if c.Dir == "" {
		return fmt.Errorf("%w: --write needs the folder of the catalogue", ErrUsage)
	}
	return errors.Join(writeBudget(c.Dir, limits, rates), writeIndependent(c.Dir, left))
}

func writeBudget(dir string, limits []brands.Limit, rates []lookalike.Rate) error {
	per := map[string]float64{}
	for _, r := range rates {
		per[r.Token+" "+r.Class.String()] = r.PerMillion()
	}
	sort.Slice(limits, func(i, j int) bool {
		return limits[i].Name+" "+limits[i].Class < limits[j].Name+" "+limits[j].Class
	})
	var b strings.Builder
	b.WriteString("# Written by: countersign brands verify --popular … --write DIR. Classes that would warn too often for a name.\n# name class highest-level   # wrong warnings per million popular domains without this line\n")
	for _, l := range limits {
		fmt.Fprintf(&b, "%s %s %s # %.0f\n", l.Name, l.Class, l.To, per[l.Name+" "+l.Class])
	}
	return os.WriteFile(filepath.Join(dir, "budget.txt"), []byte(b.String()), 0o644)
}

func writeIndependent(dir string, hits []lookalike.Hit) error {
	sort.Slice(hits, func(i, j int) bool { return hits[i].Domain < hits[j].Domain })
	var b strings.Builder
	b.WriteString("# Popular domains that resemble a protected name and would be warned of. They are answered unknown. Written by countersign brands\n# verify --write: look through it, and take out what is an imitation. Glyph, homograph and embedding classes never get here.\n")
	for _, h := range hits {
		if h.Level == verdict.Danger || h.Class == verdict.Glyph || h.Class == verdict.Homograph || h.Class == verdict.Embedded || h.Class == verdict.ComboTypo {
			continue
		}
		fmt.Fprintf(&b, "%s # %s %s\n", h.Domain, h.Token, h.Class)
	}
	return os.WriteFile(filepath.Join(dir, "independent.txt"), []byte(b.String()), 0o644)
}

// readLists yields the first column of each line of the files.
func readLists(files []string, yield func(string) bool) error {
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		var r io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			if r, err = gzip.NewReader(f); err != nil {
				return errors.Join(err, f.Close())
			}
		}
		s := bufio.NewScanner(r)
		for s.Scan() {
			fields := strings.FieldsFunc(s.Text(), func(r rune) bool { return r == '\t' || r == ',' || r == ' ' })
			if len(fields) > 0 && strings.Contains(fields[0], ".") && !yield(fields[0]) {
				return f.Close()
			}
		}
		if err := errors.Join(s.Err(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// verifyFolder checks a folder's signature by the key that is compiled in.
func verifyFolder(dir string) error {
	return signature.Verify(os.DirFS(dir), ".", signature.PublicKey())
}

// BrandsSign signs a folder.
type BrandsSign struct {
	Dir string `arg:"" help:"Folder of the catalogue." type:"existingdir"`
	Key string `help:"File of the signing key (base64 seed, mode 0600)." required:"" type:"path" placeholder:"FILE"`
	New bool   `help:"Make a new key in that file first. Put the public key that is printed into guard/brands/signature/catalogue.pub."`
}

// Run signs.
func (c *BrandsSign) Run(env *Env) error {
	if c.New {
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(env.Rand, seed); err != nil {
			return err
		}
		f, err := os.OpenFile(c.Key, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString(base64.StdEncoding.EncodeToString(seed) + "\n")
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return err
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return fmt.Errorf("%w: %s holds no signing key", ErrUsage, c.Key)
	}
	if _, err := brands.Load(os.DirFS(c.Dir), "."); err != nil {
		return err
	}
	key := ed25519.NewKeyFromSeed(seed)
	sig, err := signature.Sign(os.DirFS(c.Dir), ".", key)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Out, "public key", base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)))
	return os.WriteFile(filepath.Join(c.Dir, signature.File), []byte(sig), 0o644)
}
