package brands

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// builtin holds the catalogue of this repository: *.brands, independent.txt, budget.txt.
//
//go:embed catalogue
var builtin embed.FS

// Builtin gives the catalogue of this repository.
func Builtin() (*Catalogue, error) { return Load(builtin, "catalogue") }

// Load reads every *.brands file of a folder, independent.txt and budget.txt (both optional), and checks that ids, domains
// and names are unique. All problems are reported at once.
func Load(fsys fs.FS, dir string) (*Catalogue, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	cat := &Catalogue{}
	var problems []error
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() || !strings.HasSuffix(name, ".brands") && !strings.HasSuffix(name, ".txt") {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		problems = append(problems, cat.add(name, string(text)))
	}
	problems = append(problems, cat.Check())
	return cat, errors.Join(problems...)
}

func (c *Catalogue) add(name, text string) error {
	switch {
	case strings.HasSuffix(name, ".brands"):
		list, err := Parse(name, text)
		c.Brands = append(c.Brands, list...)
		return err
	case path.Base(name) == "independent.txt":
		for i, f := range fieldLines(text) {
			if len(f) == 0 {
				continue
			}
			if !IsDomain(f[0]) {
				return Problem{name, i + 1, "not a domain"}
			}
			c.Independent = append(c.Independent, f[0])
		}
	case path.Base(name) == "budget.txt":
		for i, f := range fieldLines(text) {
			if len(f) == 0 {
				continue
			}
			if len(f) < 3 {
				return Problem{name, i + 1, "a line is: name class caution|hint"}
			}
			c.Budget = append(c.Budget, Limit{f[0], f[1], f[2]})
		}
	}
	return nil
}

// fieldLines gives the words of each line, without comments.
func fieldLines(text string) [][]string {
	var out [][]string
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.Fields(line))
	}
	return out
}

// Merge adds brands to a copy of the catalogue: a user's own shops, a merchant's site. A brand with an id that exists replaces it.
func (c *Catalogue) Merge(more []Brand) *Catalogue {
	out := *c
	out.Brands = append([]Brand(nil), c.Brands...)
	for _, b := range more {
		if old := out.Find(b.ID); old != nil {
			*old = b
			continue
		}
		out.Brands = append(out.Brands, b)
	}
	return &out
}

// Check reports ids, domains and names that stand twice. One domain or name belongs to one brand.
func (c *Catalogue) Check() error {
	var problems []error
	ids, domains, names := map[string]string{}, map[string]string{}, map[string]string{}
	claim := func(m map[string]string, b *Brand, what, key string) {
		if other, taken := m[key]; taken {
			problems = append(problems, Problem{b.File, b.Line, fmt.Sprintf("%s %s of [%s] stands at [%s] already", what, key, b.ID, other)})
			return
		}
		m[key] = b.ID
	}
	for i := range c.Brands {
		b := &c.Brands[i]
		claim(ids, b, "id", b.ID)
		for _, d := range b.Shop {
			claim(domains, b, "domain", d)
		}
		for _, d := range b.Owned {
			claim(domains, b, "domain", d)
		}
		for _, n := range b.Names {
			claim(names, b, "name", n)
		}
	}
	return errors.Join(problems...)
}
