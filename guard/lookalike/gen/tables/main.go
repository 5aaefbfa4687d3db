// Command tables writes guard/lookalike/idn/map.bin and guard/lookalike/fold/fold.bin from ICU's dump:
//
//	cc -O1 -o /tmp/dump guard/lookalike/gen/icu/dump.c $(pkg-config --cflags --libs icu-uc icu-i18n)
//	/tmp/dump | go run ./guard/lookalike/gen/tables -root .
//
// fold.bin also takes vision.txt (CC-BY-4.0, see its head) and extra.txt beside this program.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// point is one line of the dump.
type point struct {
	cp                 rune
	mapping            []rune
	disallowed, mapped bool
	skeleton, nfd      []rune
	ccc                int
	pair               []rune
	base               string // ASCII letter of its name, or ""
}

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	if err := run(*root, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, in io.Reader) error {
	points, err := read(in)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "guard/lookalike/idn/map.bin"), mapTable(points), 0o644); err != nil {
		return err
	}
	fold, err := foldTable(points, filepath.Join(root, "guard/lookalike/gen/tables"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "guard/lookalike/fold/fold.bin"), fold, 0o644)
}

func read(in io.Reader) ([]point, error) {
	var out []point
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 7 {
			continue
		}
		v, err := strconv.ParseUint(f[0], 16, 32)
		if err != nil {
			return nil, err
		}
		p := point{cp: rune(v), disallowed: f[1] == "!", mapped: f[1] != "=" && f[1] != "!"}
		if p.mapped {
			p.mapping = hex(f[1])
		}
		p.skeleton, p.nfd = []rune{p.cp}, []rune{p.cp}
		if f[2] != "=" {
			p.skeleton = hex(f[2])
		}
		if f[3] != "=" {
			p.nfd = hex(f[3])
		}
		p.ccc, _ = strconv.Atoi(f[4])
		if f[5] != "-" {
			p.pair = hex(f[5])
		}
		if f[6] != "-" {
			p.base = f[6]
		}
		out = append(out, p)
	}
	if len(out) < 1_000_000 {
		return nil, fmt.Errorf("the dump has only %d lines", len(out))
	}
	return out, lines.Err()
}

func hex(s string) (out []rune) {
	for _, f := range strings.Fields(s) {
		v, _ := strconv.ParseUint(f, 16, 32)
		out = append(out, rune(v))
	}
	return out
}

// mapTable: see idn/map.go for the format.
func mapTable(points []point) []byte {
	var b []byte
	type run struct {
		kind  int
		delta int32
		str   []rune
	}
	same := func(a, b run) bool { return a.kind == b.kind && a.delta == b.delta && a.kind != 4 }
	var cur run
	length := 0
	flush := func() {
		if length == 0 {
			return
		}
		b = binary.AppendUvarint(b, uint64(length))
		b = append(b, byte(cur.kind))
		switch cur.kind {
		case 3:
			b = binary.AppendVarint(b, int64(cur.delta))
		case 4:
			b = binary.AppendUvarint(b, uint64(len(cur.str)))
			for _, r := range cur.str {
				b = binary.AppendUvarint(b, uint64(r))
			}
		}
		length = 0
	}
	next := rune(0x80)
	for _, p := range points {
		for ; next < p.cp; next++ { // surrogates
			if r := (run{kind: 1}); length > 0 && same(cur, r) {
				length++
			} else {
				flush()
				cur, length = r, 1
			}
		}
		next = p.cp + 1
		r := run{}
		switch {
		case p.disallowed:
			r.kind = 1
		case p.mapped && len(p.mapping) == 0:
			r.kind = 2
		case p.mapped && len(p.mapping) == 1:
			r.kind, r.delta = 3, p.mapping[0]-p.cp
		case p.mapped:
			r.kind, r.str = 4, p.mapping
		}
		if length > 0 && same(cur, r) {
			length++
			continue
		}
		flush()
		cur, length = r, 1
	}
	flush()
	b = binary.AppendUvarint(b, 0)
	return appendPairs(appendClasses(b, points), points)
}

// appendClasses writes runs of one non-zero combining class: gap, length, class; then a zero length.
func appendClasses(b []byte, points []point) []byte {
	last := rune(0x80)
	for i := 0; i < len(points); {
		if points[i].ccc == 0 {
			i++
			continue
		}
		j := i
		for j < len(points) && points[j].ccc == points[i].ccc && points[j].cp == points[i].cp+rune(j-i) {
			j++
		}
		b = binary.AppendUvarint(b, uint64(points[i].cp-last))
		b = binary.AppendUvarint(b, uint64(j-i))
		b = append(b, byte(points[i].ccc))
		last = points[i].cp
		i = j
	}
	b = binary.AppendUvarint(b, 0)
	return binary.AppendUvarint(b, 0)
}

// appendPairs writes the composites: count, then gap of the composite, first, second. Hangul is computed, not listed.
func appendPairs(b []byte, points []point) []byte {
	var pairs []point
	for _, p := range points {
		if len(p.pair) == 2 && !(p.cp >= 0xac00 && p.cp <= 0xd7a3) {
			pairs = append(pairs, p)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(pairs)))
	last := rune(0x80)
	for _, p := range pairs {
		b = binary.AppendUvarint(b, uint64(p.cp-last))
		b = binary.AppendUvarint(b, uint64(p.pair[0]))
		b = binary.AppendUvarint(b, uint64(p.pair[1]))
		last = p.cp
	}
	return b
}

// foldTable writes code point gap, length, ASCII for every allowed character that looks like ASCII letters or digits.
func foldTable(points []point, dir string) ([]byte, error) {
	own, err := extra(filepath.Join(dir, "extra.txt"))
	if err != nil {
		return nil, err
	}
	seen, err := vision(filepath.Join(dir, "vision.txt"))
	if err != nil {
		return nil, err
	}
	marks := map[rune]bool{}
	for _, p := range points {
		if p.ccc != 0 {
			marks[p.cp] = true
		}
	}
	out := map[rune]string{}
	for _, p := range points {
		if p.disallowed || p.mapped {
			continue // never in a mapped name
		}
		if s := own[p.cp]; s != "" {
			out[p.cp] = s
		} else if p.base != "" {
			out[p.cp] = p.base
		} else if s := plain(p.nfd, marks, nil, nil); s != "" {
			out[p.cp] = s
		} else if s := plain(p.nfd, marks, own, seen); s != "" {
			out[p.cp] = s
		} else if s := plain(p.skeleton, marks, own, seen); s != "" {
			out[p.cp] = s
		}
	}
	keys := make([]rune, 0, len(out))
	for r := range out {
		keys = append(keys, r)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	var b []byte
	last := rune(0)
	for _, r := range keys {
		b = binary.AppendUvarint(b, uint64(r-last))
		b = append(b, byte(len(out[r])))
		b = append(b, out[r]...)
		last = r
	}
	fmt.Fprintln(os.Stderr, len(keys), "characters fold to ASCII")
	return b, nil
}

// plain drops marks and gives the ASCII letters of the sequence, or "" if one is none.
func plain(seq []rune, marks map[rune]bool, own, seen map[rune]string) string {
	var b strings.Builder
	for _, r := range seq {
		switch {
		case marks[r]:
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 32)
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			b.WriteRune(r)
		case own[r] != "":
			b.WriteString(own[r])
		case seen[r] != "":
			b.WriteString(seen[r])
		default:
			return ""
		}
	}
	if s := b.String(); s == "rn" {
		return "m"
	} else if len(s) <= 4 {
		return s
	}
	return ""
}

func extra(file string) (map[rune]string, error) {
	text, err := os.ReadFile(file)
	out := map[rune]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) == 2 && line[0] != '#' {
			for _, r := range f[0] {
				out[r] = f[1]
			}
		}
	}
	return out, err
}

func vision(file string) (map[rune]string, error) {
	text, err := os.ReadFile(file)
	out := map[rune]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) == 3 && line[0] != '#' {
			v, _ := strconv.ParseUint(f[0], 16, 32)
			out[rune(v)] = f[1]
		}
	}
	return out, err
}
