package directory

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"countersign/wire/emv3ds"
)

// ErrRange: a configured card range cannot be used; the error names it.
var ErrRange = errors.New("directory: bad card range")

// checkRanges says everything that is wrong with the configured ranges.
func checkRanges(list []Range) error {
	var errs []error
	bad := func(r Range, why string) {
		errs = append(errs, fmt.Errorf("%w %q (%s to %s): %s", ErrRange, r.Name, r.Start, r.End, why))
	}
	for i, r := range list {
		switch {
		case !digits(r.Start) || !digits(r.End):
			bad(r, "limits have 13 to 19 digits")
		case len(r.Start) != len(r.End) || r.Start > r.End:
			bad(r, "start is after end, or they differ in length")
		case r.ACS == "":
			bad(r, "no ACS endpoint")
		}
		for _, o := range list[:i] {
			if pad(r.Start, '0') <= pad(o.End, '9') && pad(o.Start, '0') <= pad(r.End, '9') {
				bad(r, "overlaps "+o.Name)
			}
		}
	}
	if len(list) > emv3ds.MaxCodeKeys {
		errs = append(errs, fmt.Errorf("%w: %d are more than one PRes can tell the keys of (%d)", ErrRange, len(list), emv3ds.MaxCodeKeys))
	}
	if len(list) == 0 {
		errs = append(errs, fmt.Errorf("%w: there is none", ErrRange))
	}
	return errors.Join(errs...)
}

func digits(s string) bool {
	return len(s) >= 13 && len(s) <= 19 && strings.Trim(s, "0123456789") == ""
}

func pad(s string, with byte) string {
	return s + strings.Repeat(string(rune(with)), max(0, 19-len(s)))
}

// find is the range that a card number lies in, nil for none. Numbers and limits of different lengths are
// compared as if the number went on with zeros.
func find(list []Range, number []byte) *Range {
	for i := range list {
		r := &list[i]
		if compare(number, r.Start, '0') >= 0 && compare(number, r.End, '9') <= 0 {
			return r
		}
	}
	return nil
}

// compare orders a card number and a limit, digit by digit, without copying the number.
func compare(number []byte, limit string, with byte) int {
	n := min(len(number), len(limit))
	if c := bytes.Compare(number[:n], []byte(limit[:n])); c != 0 {
		return c
	}
	for _, c := range number[n:] { // the limit goes on with what it was padded with
		if c != with {
			return int(c) - int(with)
		}
	}
	for i := n; i < len(limit); i++ { // the number goes on with zeros
		if limit[i] != '0' {
			return -1
		}
	}
	return 0
}
