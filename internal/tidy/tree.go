package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the module path that import rules are written in.
const Module = "countersign"

// File is one Go file of the tree.
type File struct {
	Path      string // slash-separated, from the root
	Syntax    *ast.File
	Lines     int
	Test      bool
	Generated bool
}

// Package is the Go files of one folder.
type Package struct {
	Path    string // folder from the root: "pay/card"
	Files   []*File
	Imports []string // of non-test files: full import paths, sorted
}

// Tree is all Go source below a root.
type Tree struct {
	Fset     *token.FileSet
	Packages []*Package
}

// Load parses every Go file below root. Folders named testdata, node_modules or starting with a dot or
// an underscore are passed over.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	byDir := map[string]*Package{}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipDir(d.Name()) && p != "." {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		src, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(t.Fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(p)
		pkg := byDir[dir]
		if pkg == nil {
			pkg = &Package{Path: dir}
			byDir[dir] = pkg
			t.Packages = append(t.Packages, pkg)
		}
		pkg.Files = append(pkg.Files, &File{
			Path: p, Syntax: syntax, Lines: strings.Count(string(src), "\n"),
			Test: strings.HasSuffix(p, "_test.go"), Generated: ast.IsGenerated(syntax),
		})
		return nil
	})
	for _, p := range t.Packages {
		p.Imports = imports(p)
	}
	return t, err
}

func skipDir(name string) bool {
	return name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func imports(p *Package) []string {
	var all []string
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		for _, i := range f.Syntax.Imports {
			if s, err := strconv.Unquote(i.Path.Value); err == nil {
				all = append(all, s)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// local turns an import path of this module into a folder, and says whether it was one.
func local(imp string) (string, bool) {
	if imp == Module {
		return ".", true
	}
	return strings.CutPrefix(imp, Module+"/")
}

// reach is every import of a folder's package, followed through this module: import path → the chain to it.
func (t *Tree) reach(from string) map[string][]string {
	byPath := map[string]*Package{}
	for _, p := range t.Packages {
		byPath[p.Path] = p
	}
	seen := map[string][]string{}
	var walk func(dir string, chain []string)
	walk = func(dir string, chain []string) {
		p := byPath[dir]
		if p == nil {
			return
		}
		for _, imp := range p.Imports {
			if _, ok := seen[imp]; ok {
				continue
			}
			next := append(slices.Clone(chain), imp)
			seen[imp] = next
			if d, ok := local(imp); ok {
				walk(d, next)
			}
		}
	}
	walk(from, nil)
	return seen
}
