// Package lookalike measures the look-alike engine against its goals and its peers, on data that it was not tuned on.
//
// The data is that of the folder COUNTERSIGN_DATA (default ../shared/data beside the repository), files of lookalike/; what is absent is
// skipped and said.
package lookalike

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// dataDir is where the sets lie.
func dataDir() string {
	if d := os.Getenv("COUNTERSIGN_DATA"); d != "" {
		return filepath.Join(d, "lookalike")
	}
	dir, _ := os.Getwd()
	for range 6 {
		if d := filepath.Join(dir, "..", "shared", "data", "lookalike"); exists(d) {
			return d
		}
		dir = filepath.Dir(dir)
	}
	return filepath.Join("..", "shared", "data", "lookalike")
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

// lines calls f with the tab-separated fields of each line of a file whose name begins with prefix, plain or gzip. It reports
// whether there is such a file.
func lines(prefix string, f func(fields []string)) bool {
	names, _ := filepath.Glob(filepath.Join(dataDir(), prefix+"*"))
	if len(names) == 0 {
		return false
	}
	file, err := os.Open(names[0])
	if err != nil {
		return false
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(names[0], ".gz") {
		z, err := gzip.NewReader(file)
		if err != nil {
			return false
		}
		r = z
	}
	for s := bufio.NewScanner(r); s.Scan(); {
		if line := s.Text(); line != "" && line[0] != '#' {
			f(strings.Split(line, "\t"))
		}
	}
	return true
}
