package canary

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// chunk is how much is read at a time; neighbouring chunks overlap by the longest needle.
const chunk = 4 << 20

// Reader scans a stream.
func (s *Set) Reader(place string, r io.Reader) ([]Hit, error) {
	var hits []Hit
	buf := make([]byte, 0, chunk+s.long)
	base := int64(0)
	for {
		n, err := io.ReadFull(r, buf[len(buf):chunk])
		buf = buf[:len(buf)+n]
		last := err != nil
		keep := min(s.long-1, len(buf))
		if last {
			keep = 0
		}
		// A needle that starts in the kept tail is found with the next chunk.
		found := s.scan(place, base, buf)
		for _, h := range found {
			if last || h.Offset < base+int64(len(buf)-keep) {
				hits = append(hits, h)
			}
		}
		if last {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = nil
			}
			return hits, err
		}
		base += int64(len(buf) - keep)
		copy(buf, buf[len(buf)-keep:])
		buf = buf[:keep]
	}
}

// Files scans every regular file below dir, and what gzip streams in them unpack to.
func (s *Set) Files(dir string) (hits []Hit, scanned int, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		scanned++
		rel, _ := filepath.Rel(dir, p)
		h, err := s.Reader(rel, f)
		hits = append(hits, h...)
		if err != nil {
			return err
		}
		h, err = s.gzipped(rel, p)
		hits = append(hits, h...)
		return err
	})
	return hits, scanned, err
}

func (s *Set) gzipped(place, path string) ([]Hit, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var hits []Hit
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte{0x1f, 0x8b, 8})
		if i < 0 {
			return hits, nil
		}
		at += i
		if z, err := gzip.NewReader(bytes.NewReader(b[at:])); err == nil {
			plain, _ := io.ReadAll(io.LimitReader(z, 64<<20))
			h, _ := s.Reader(place+" (gzip)", bytes.NewReader(plain))
			hits = append(hits, h...)
		}
		at++
	}
}

// Process scans all writable memory of a process. It needs root or ptrace rights. The process runs on
// meanwhile; let it come to rest first.
func (s *Set) Process(pid int) (hits []Hit, scanned int64, err error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, 0, err
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return nil, 0, err
	}
	defer mem.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to int64
		var perms string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &perms); err != nil || !strings.HasPrefix(perms, "rw") {
			continue
		}
		name := "memory"
		if f := strings.Fields(lines.Text()); len(f) > 5 {
			name = "memory " + f[5]
		}
		h, err := s.Reader(name, io.NewSectionReader(mem, from, to-from))
		hits = append(hits, h...)
		if err == nil {
			scanned += to - from
		}
	}
	return hits, scanned, lines.Err()
}
