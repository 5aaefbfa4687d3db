// Package codec measures this house's ISO 8583 codec against moov-io/iso8583 in one run.
//
// Both pack the same 0100 of 19 fields to the same bytes, which is checked, and read it back. The peer is
// measured twice: with DE 48 as one text, and taken apart into sub-elements, which is what ours always does.
// The rounds alternate between the two, and the best round of each counts: on a shared machine that is the
// one that was disturbed least.
package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"countersign/wire/iso8583"
)

var errDiffers = errors.New("codec: the two do not agree on the message")

// Row is one line of the result.
type Row struct {
	Codec     string  `json:"codec"`
	Operation string  `json:"operation"`
	NsPerOp   float64 `json:"ns_per_op"`
	Allocs    float64 `json:"allocs_per_op"`
	run       func() error
}

// Result is what one run found.
type Result struct {
	Bytes  int     `json:"message_bytes"`
	Fields int     `json:"fields"`
	Rows   []Row   `json:"rows"`
	Ratio  float64 `json:"ratio"` // peer's pack + unpack, both with sub-elements, to ours
	Flat   float64 `json:"ratio_flat"`
}

// Run measures and writes a table to w, then a last line "ratio N": how many times faster ours packs and
// unpacks than the peer does with DE 48 as one text, which is the peer's better side. With jsonOut it writes
// one JSON object. quick is a shorter run.
func Run(w io.Writer, quick, jsonOut bool) error {
	rounds, slice := 12, 100*time.Millisecond
	if quick {
		rounds, slice = 4, 25*time.Millisecond
	}
	r, err := prepare()
	if err != nil {
		return err
	}
	for range rounds {
		for i := range r.Rows {
			ns, err := timed(r.Rows[i].run, slice)
			if err != nil {
				return err
			}
			if r.Rows[i].NsPerOp == 0 || ns < r.Rows[i].NsPerOp {
				r.Rows[i].NsPerOp = ns
			}
		}
	}
	for i := range r.Rows {
		r.Rows[i].Allocs = testing.AllocsPerRun(200, func() { err = errors.Join(err, r.Rows[i].run()) })
	}
	if err != nil {
		return err
	}
	ours := r.Rows[0].NsPerOp + r.Rows[1].NsPerOp
	r.Flat = (r.Rows[2].NsPerOp + r.Rows[3].NsPerOp) / ours
	r.Ratio = (r.Rows[4].NsPerOp + r.Rows[5].NsPerOp) / ours
	if jsonOut {
		return json.NewEncoder(w).Encode(r)
	}
	return r.table(w)
}

func (r *Result) table(w io.Writer) error {
	fmt.Fprintf(w, "ISO 8583 0100, %d fields, %d bytes; best of alternating rounds\n\n", r.Fields, r.Bytes)
	fmt.Fprintf(w, "%-34s %-8s %10s %8s\n", "codec", "", "ns/op", "allocs")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%-34s %-8s %10.0f %8.0f\n", row.Codec, row.Operation, row.NsPerOp, row.Allocs)
	}
	fmt.Fprintf(w, "\npack + unpack, moov to ours: %.1f with DE 48 taken apart (as ours does), %.1f with DE 48 as one text\n", r.Ratio, r.Flat)
	_, err := fmt.Fprintf(w, "ratio %.1f\n", r.Flat)
	return err
}

// prepare makes the six things that are measured, and checks that all make or read the same bytes.
func prepare() (*Result, error) {
	v := typical()
	var p iso8583.Packer
	var m iso8583.Message
	buf := make([]byte, 4096)
	packed, err := packOurs(&p, buf, v)
	if err != nil {
		return nil, err
	}
	raw := bytes.Clone(packed)
	if err := m.Unpack(raw); err != nil {
		return nil, err
	}
	flat, apart := peerSpec(false), peerSpec(true)
	text := string(m.Get(48))
	same := func(got []byte, err error) error {
		if err == nil && !bytes.Equal(got, raw) {
			err = errDiffers
		}
		return err
	}
	r := &Result{Bytes: len(raw), Rows: []Row{
		{Codec: "countersign", Operation: "pack", run: func() error { _, err := packOurs(&p, buf, v); return err }},
		{Codec: "countersign", Operation: "unpack", run: func() error { return unpackOurs(&m, raw, v) }},
		{Codec: "moov v0.24.0, DE 48 one text", Operation: "pack", run: func() error { return same(packPeer(flat, v, text)) }},
		{Codec: "moov v0.24.0, DE 48 one text", Operation: "unpack", run: func() error { return unpackPeer(flat, raw, v) }},
		{Codec: "moov v0.24.0, DE 48 taken apart", Operation: "pack", run: func() error { return same(packPeerApart(apart, v)) }},
		{Codec: "moov v0.24.0, DE 48 taken apart", Operation: "unpack", run: func() error { return unpackPeer(apart, raw, v) }},
	}}
	for de := range 129 {
		if m.Has(de) {
			r.Fields++
		}
	}
	for _, row := range r.Rows {
		if err := row.run(); err != nil {
			return nil, fmt.Errorf("%s %s: %w", row.Codec, row.Operation, err)
		}
	}
	return r, nil
}

// timed is the nanoseconds of one call, over about so long.
func timed(f func() error, about time.Duration) (float64, error) {
	for n := 16; ; n *= 2 {
		begin := time.Now()
		for range n {
			if err := f(); err != nil {
				return 0, err
			}
		}
		if d := time.Since(begin); d >= about/2 {
			return float64(d.Nanoseconds()) / float64(n), nil
		}
	}
}
