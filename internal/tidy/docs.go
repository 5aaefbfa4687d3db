package tidy

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// CheckDocs reports paths and pictures that a Markdown page names and that do not exist. A path is a code span that
// begins with a folder or file of the root and holds nothing but path characters.
func CheckDocs(root fs.FS) ([]string, error) {
	top, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range top {
		names = append(names, e.Name())
	}
	var bad []string
	err = fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && skipDir(d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".md") {
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		for _, ref := range references(p, string(text), names) {
			if _, err := fs.Stat(root, ref); err != nil {
				bad = append(bad, fmt.Sprintf("%s names %s, which does not exist", p, ref))
			}
		}
		return nil
	})
	slices.Sort(bad)
	return slices.Compact(bad), err
}

// references is every path of the tree that a page names, from the root.
func references(page, text string, top []string) []string {
	var refs []string
	for _, m := range regexp.MustCompile("`([A-Za-z0-9_./-]+)`").FindAllStringSubmatch(text, -1) {
		ref := strings.TrimPrefix(strings.TrimSuffix(m[1], "/"), "./")
		first, _, _ := strings.Cut(ref, "/")
		if slices.Contains(top, first) && ref != "test" {
			refs = append(refs, path.Clean(ref))
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
		refs = append(refs, path.Join(path.Dir(page), m[1]))
	}
	for _, m := range regexp.MustCompile(`<img[^>]*src="([^":]+)"`).FindAllStringSubmatch(text, -1) {
		refs = append(refs, path.Join(path.Dir(page), m[1]))
	}
	return refs
}
