// Package canary looks for secrets where they must not be: in files, in captured traffic and in the
// memory of a running process, in every encoding that a careless program leaves them in.
//
// A scan is worth nothing without its control: Plant puts a secret into each kind of place, and the
// tests fail unless the scan finds it there.
package canary

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
)

// Hit is one secret found.
type Hit struct {
	Secret int    // its number in the set: a report never prints the secret itself
	Form   string // such as "raw", "hex", "base64", "bcd"
	Place  string // file name, memory range or "traffic"
	Offset int64
}

// String writes the hit for a test's log.
func (h Hit) String() string {
	return fmt.Sprintf("secret %d as %s in %s at %d", h.Secret, h.Form, h.Place, h.Offset)
}

type needle struct {
	bytes  []byte
	secret int
	form   string
}

// Set is many secrets in all their forms, indexed by their first six bytes.
type Set struct {
	byHead map[uint64][]needle
	filter [1 << 16]bool // by the first two bytes
	count  int
	long   int // longest needle
}

const head = 6

// NewSet prepares the search. Every secret needs at least 12 bytes, or chance would find it.
func NewSet(secrets ...string) (*Set, error) {
	s := &Set{byHead: map[uint64][]needle{}, count: len(secrets)}
	for i, secret := range secrets {
		if len(secret) < 12 {
			return nil, fmt.Errorf("canary: secret %d has %d bytes, chance would find it; at least 12", i, len(secret))
		}
		for form, b := range forms(secret) {
			if len(b) < head {
				continue
			}
			k := key(b)
			s.byHead[k] = append(s.byHead[k], needle{b, i, form})
			s.filter[binary.BigEndian.Uint16(b)] = true
			s.long = max(s.long, len(b))
		}
	}
	return s, nil
}

// forms is how a secret may lie about: the encodings of PCI DSS checks and of Go's own encoders.
func forms(secret string) map[string][]byte {
	raw := []byte(secret)
	out := map[string][]byte{
		"raw":         raw,
		"hex":         []byte(hex.EncodeToString(raw)),
		"HEX":         []byte(strings.ToUpper(hex.EncodeToString(raw))),
		"json-escape": jsonEscape(raw),
		"utf-16":      wide(raw),
		"reversed":    reversed(raw),
	}
	for shift := range 3 {
		std := base64.StdEncoding.EncodeToString(append(make([]byte, shift), raw...))
		// The first and last characters depend on the neighbours: cut to what is sure.
		from, to := (shift*8+5)/6, ((shift+len(raw))*8)/6
		core := std[from:to]
		out[fmt.Sprintf("base64+%d", shift)] = []byte(core)
		out[fmt.Sprintf("base64url+%d", shift)] = []byte(strings.NewReplacer("+", "-", "/", "_").Replace(core))
	}
	if strings.Trim(secret, "0123456789") == "" {
		out["bcd"] = bcd(raw)
		out["bcd+1"] = bcd(raw[1:]) // digits that start in the low half of a byte
	}
	return out
}

func jsonEscape(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = fmt.Appendf(out, `\u%04x`, c)
	}
	return out
}

func wide(b []byte) []byte {
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, c, 0)
	}
	return out
}

func reversed(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[len(b)-1-i] = c
	}
	return out
}

// bcd packs pairs of digits; an odd last digit is left out, its neighbour would not be known.
func bcd(d []byte) []byte {
	out := make([]byte, len(d)/2)
	for i := range out {
		out[i] = (d[2*i]-'0')<<4 | (d[2*i+1] - '0')
	}
	return out
}

func key(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint32(b))<<16 | uint64(binary.BigEndian.Uint16(b[4:]))
}

// scan finds every needle that starts in b. base is b's offset in its place.
func (s *Set) scan(place string, base int64, b []byte) []Hit {
	var hits []Hit
	for i := 0; i+head <= len(b); i++ {
		if !s.filter[uint16(b[i])<<8|uint16(b[i+1])] {
			continue
		}
		for _, n := range s.byHead[key(b[i:])] {
			if len(b)-i >= len(n.bytes) && string(b[i:i+len(n.bytes)]) == string(n.bytes) {
				hits = append(hits, Hit{n.secret, n.form, place, base + int64(i)})
			}
		}
	}
	return hits
}

// Different counts the secrets that were found at all.
func Different(hits []Hit) int {
	seen := map[int]bool{}
	for _, h := range hits {
		seen[h.Secret] = true
	}
	return len(seen)
}

// Places is where the hits lie, each with its count, for a report.
func Places(hits []Hit) []string {
	n := map[string]int{}
	for _, h := range hits {
		n[h.Place+" as "+h.Form]++
	}
	var out []string
	for p, c := range n {
		out = append(out, fmt.Sprintf("%s: %d", p, c))
	}
	sort.Strings(out)
	return out
}
