package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"unicode"
)

// Limits of size: what a person can hold in mind.
const (
	MaxFunction = 70  // lines
	MaxFile     = 600 // lines, of files that are neither tests nor generated
)

// CheckStyle reports missing package comments and docs, init functions, package-level state, and what is too long.
func CheckStyle(t *Tree) []string {
	var bad []string
	for _, p := range t.Packages {
		if !hasPackageComment(p) {
			bad = append(bad, p.Path+": no package comment: say in one sentence what the package is for")
		}
		for _, f := range p.Files {
			if f.Generated {
				continue
			}
			bad = append(bad, checkFile(t.Fset, f)...)
		}
	}
	slices.Sort(bad)
	return bad
}

func hasPackageComment(p *Package) bool {
	onlyTests := true
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		onlyTests = false
		if f.Syntax.Doc != nil && len(f.Syntax.Doc.Text()) > 20 {
			return true
		}
	}
	return onlyTests
}

func checkFile(fset *token.FileSet, f *File) []string {
	var bad []string
	if f.Lines > MaxFile && !f.Test {
		bad = append(bad, fmt.Sprintf("%s: %d lines, at most %d: split it", f.Path, f.Lines, MaxFile))
	}
	for _, c := range f.Syntax.Comments {
		for _, word := range []string{"TODO", "FIXME", "XXX"} {
			if slices.Contains(strings.FieldsFunc(c.Text(), func(r rune) bool { return !unicode.IsLetter(r) }), word) && !strings.Contains(c.Text(), `\u`+word) {
				bad = append(bad, fmt.Sprintf("%s: a comment says %s: do it, or write it down as an issue", at(fset, f, c.Pos()), word))
			}
		}
	}
	for _, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			bad = append(bad, checkFunc(fset, f, d)...)
		case *ast.GenDecl:
			if !f.Test {
				bad = append(bad, checkGen(fset, f, d)...)
			}
		}
	}
	return bad
}

func at(fset *token.FileSet, f *File, p token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Path, fset.Position(p).Line)
}

func checkFunc(fset *token.FileSet, f *File, d *ast.FuncDecl) []string {
	var bad []string
	if n := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1; n > MaxFunction && !f.Test {
		bad = append(bad, fmt.Sprintf("%s: %s has %d lines, at most %d", at(fset, f, d.Pos()), d.Name.Name, n, MaxFunction))
	}
	if d.Name.Name == "init" && d.Recv == nil {
		bad = append(bad, at(fset, f, d.Pos())+": init(): build it where it is used, and pass it on")
	}
	if !f.Test && d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
		bad = append(bad, at(fset, f, d.Pos())+": "+d.Name.Name+" is exported and has no comment")
	}
	return bad
}

// exportedReceiver says whether a function is one that other packages can see.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

func checkGen(fset *token.FileSet, f *File, d *ast.GenDecl) []string {
	var bad []string
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
				bad = append(bad, at(fset, f, s.Pos())+": "+s.Name.Name+" is exported and has no comment")
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					bad = append(bad, at(fset, f, n.Pos())+": "+n.Name+" is exported and has no comment")
				}
				if d.Tok == token.VAR && state(f, d, s, n.Name) {
					bad = append(bad, at(fset, f, n.Pos())+": "+n.Name+" is package-level state: pass it in (read-only tables end in Table)")
				}
			}
		}
	}
	return bad
}

// state says whether a package-level variable is more than an error sentinel, an embedded file, an
// interface assertion or a read-only table.
func state(f *File, d *ast.GenDecl, s *ast.ValueSpec, name string) bool {
	if name == "_" || strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err") || strings.HasSuffix(name, "Table") {
		return false
	}
	for _, doc := range []*ast.CommentGroup{d.Doc, s.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed") {
				return false
			}
		}
	}
	return true
}
