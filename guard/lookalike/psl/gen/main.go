// Command gen writes list.txt from a public suffix list: comments dropped, names in punycode, sorted within the two sections.
//
//	go run ./guard/lookalike/psl/gen -in public_suffix_list.dat.gz -out guard/lookalike/psl/list.txt
//
// -in takes a .dat or .dat.gz file: the one committed beside the package, Debian's
// /usr/share/publicsuffix/public_suffix_list.dat, or a fresh one from https://publicsuffix.org/list/.
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"countersign/guard/lookalike/idn"
)

func main() {
	version := flag.String("version", "2026-08-19", "the date of the list, for the head of the file")
	in := flag.String("in", "guard/lookalike/psl/public_suffix_list.dat.gz", "the list as published")
	out := flag.String("out", "guard/lookalike/psl/list.txt", "the file to write")
	flag.Parse()
	if err := run(*in, *out, *version); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in, out, version string) error {
	f, err := os.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(in, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	sections := [2][]string{}
	section := 0
	mapper := idn.NewMapper()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.Contains(line, "BEGIN PRIVATE DOMAINS") {
			section = 1
		}
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		mark := ""
		for _, m := range []string{"*.", "!"} {
			if rest, ok := strings.CutPrefix(line, m); ok {
				mark, line = m, rest
			}
		}
		ascii, err := mapper.ToASCII(line)
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		sections[section] = append(sections[section], mark+ascii)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "// Made by guard/lookalike/psl/gen from the Public Suffix List, version %s, https://publicsuffix.org/list/, MPL-2.0.\n", version)
	for i, s := range sections {
		if i == 1 {
			b.WriteString("// ===BEGIN PRIVATE DOMAINS===\n")
		}
		sort.Strings(s)
		b.WriteString(strings.Join(s, "\n"))
		b.WriteByte('\n')
	}
	return os.WriteFile(out, []byte(b.String()), 0o644)
}
