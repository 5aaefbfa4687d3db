// Command build bundles the web assets of the tree: run it from anywhere in the repository with
//
//	go run ./ui/build
//
// Every file NAME.entry.ts, NAME.entry.css or NAME.entry.svg becomes dist/NAME.js, .css or .svg beside it.
// The built files are committed, so that nobody needs this to run the program; a test builds them
// again in memory and compares. The bundler is esbuild's Go library: no Node, same bytes everywhere.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// File is one built file, by its path relative to the root.
type File struct {
	Path string
	Data []byte
}

// Bundle builds all entries below root, in the order of their paths.
func Bundle(root string) ([]File, error) {
	var out []File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		to, ok := target(path)
		if d.IsDir() || !ok {
			return nil
		}
		data, err := build(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, to)
		out = append(out, File{rel, data})
		return err
	})
	return out, err
}

// target is the built file of an entry: ui/base.entry.css → ui/dist/base.css.
func target(path string) (string, bool) {
	name, ext, ok := strings.Cut(filepath.Base(path), ".entry.")
	if !ok {
		return "", false
	}
	switch ext {
	case "ts":
		ext = "js"
	case "css", "svg":
	default:
		return "", false
	}
	return filepath.Join(filepath.Dir(path), "dist", name+"."+ext), true
}

func build(path string) ([]byte, error) {
	if strings.HasSuffix(path, ".svg") {
		return os.ReadFile(path)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	r := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Base(path)}, AbsWorkingDir: dir, Bundle: true, Write: false, Outdir: "dist",
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, Charset: api.CharsetUTF8,
		Format: api.FormatIIFE, Platform: api.PlatformBrowser, Target: api.ES2022, LegalComments: api.LegalCommentsNone,
		TsconfigRaw: `{"compilerOptions":{"strict":true,"alwaysStrict":true}}`, LogLevel: api.LogLevelSilent,
	})
	if len(r.Errors) > 0 {
		e := r.Errors[0]
		if e.Location != nil {
			return nil, fmt.Errorf("%s:%d:%d: %s", filepath.Join(filepath.Dir(path), e.Location.File), e.Location.Line, e.Location.Column, e.Text)
		}
		return nil, fmt.Errorf("%s: %s", path, e.Text)
	}
	return r.OutputFiles[0].Contents, nil
}
