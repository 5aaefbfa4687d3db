package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The committed assets are what the sources give, byte for byte, and nothing else lies in a dist folder.
func TestAssetsAreCurrent(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := Bundle(root)
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]bool{}
	for _, f := range files {
		built[f.Path] = true
		got, err := os.ReadFile(filepath.Join(root, f.Path))
		if err != nil {
			t.Errorf("%s is not built; run: go run ./ui/build", f.Path)
		} else if !bytes.Equal(got, f.Data) {
			t.Errorf("%s is not current; run: go run ./ui/build", f.Path)
		}
	}
	if len(files) < 5 {
		t.Errorf("only %d entries found", len(files))
	}
	for _, f := range files {
		entries, _ := os.ReadDir(filepath.Join(root, filepath.Dir(f.Path)))
		for _, e := range entries {
			if p := filepath.Join(filepath.Dir(f.Path), e.Name()); !built[p] {
				t.Errorf("%s is built from nothing", p)
			}
		}
	}
}

// A changed source is noticed: the comparison above can fail.
func TestStaleAssetIsNoticed(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "page.entry.ts")
	os.WriteFile(source, []byte("document.title = 'one'"), 0o644)
	one, err := Bundle(dir)
	if err != nil || len(one) != 1 || one[0].Path != filepath.Join("dist", "page.js") {
		t.Fatal(one, err)
	}
	again, _ := Bundle(dir)
	if !bytes.Equal(one[0].Data, again[0].Data) {
		t.Error("two builds of one source differ")
	}
	os.WriteFile(source, []byte("document.title = 'two'"), 0o644)
	if two, _ := Bundle(dir); bytes.Equal(one[0].Data, two[0].Data) {
		t.Error("another source gives the same bytes")
	}
	os.WriteFile(source, []byte("document.title = "), 0o644)
	if _, err := Bundle(dir); err == nil {
		t.Error("a source that does not parse is accepted")
	}
}
