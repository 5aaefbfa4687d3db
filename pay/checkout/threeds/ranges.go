package threeds

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/wire/emv3ds"
)

// ErrNotReady: no card ranges have come from the directory yet.
var ErrNotReady = errors.New("threeds: no card ranges yet")

// rangeSet is what the last PRes said. It is never changed, only replaced.
type rangeSet struct {
	serial string
	list   []Range // in order, not overlapping
}

// Ready is nil when card ranges are known, and ErrNotReady before.
func (s *Server) Ready() error {
	if s.ranges.Load() == nil {
		return ErrNotReady
	}
	return nil
}

// Ranges are the card ranges of the last PRes, in order. The slice must not be changed.
func (s *Server) Ranges() []Range {
	if set := s.ranges.Load(); set != nil {
		return set.list
	}
	return nil
}

// keepRanges asks for card ranges now and then; until the first answer every second.
func (s *Server) keepRanges(ctx context.Context) {
	for {
		wait := s.cfg.Refresh
		if err := s.RefreshRanges(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			s.cfg.Log.Warn("no card ranges from the directory", "error", err)
			if s.ranges.Load() == nil {
				wait = min(wait, time.Second)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// RefreshRanges sends a PReq and takes over the PRes. When anything in it is wrong, all of it is dropped
// and the ranges stay as they were (EMV 3DS §3.3, errors 205, 206, 307).
func (s *Server) RefreshRanges(ctx context.Context) error {
	old := s.ranges.Load()
	err := s.askRanges(ctx, old)
	if errors.Is(err, errSerial) {
		err = s.askRanges(ctx, nil)
	}
	return err
}

var (
	errSerial = errors.New("threeds: the directory does not know our serial number")
	errPRes   = errors.New("threeds: PRes refused")
)

func (s *Server) askRanges(ctx context.Context, old *rangeSet) error {
	id, err := emv3ds.NewID(s.cfg.Rand)
	if err != nil {
		return err
	}
	b := emv3ds.New(emv3ds.PReq, emv3ds.Version220).Set("threeDSServerTransID", id)
	b.Set("threeDSServerRefNumber", s.cfg.Reference).Set("threeDSServerOperatorID", s.cfg.Operator)
	if old != nil {
		b.Set("serialNum", old.serial)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	answer, err := s.post(ctx, b.Bytes())
	if err != nil {
		return err
	}
	m, f := emv3ds.Parse(answer)
	if f == nil && m.Type() == emv3ds.Erro {
		if m.Text("errorCode") == "307" && old != nil {
			return errSerial
		}
		return errors.Join(errPRes, errors.New("Erro "+m.Text("errorCode")))
	}
	var set *rangeSet
	if f == nil {
		set, f = readPRes(m, id, old)
	}
	if f != nil {
		s.complain(f.From(emv3ds.Server), m)
		return errors.Join(errPRes, errors.New(f.String()))
	}
	s.ranges.Store(set)
	return nil
}

// readPRes makes the next range set: old, changed as the PRes says; a full answer begins from nothing.
func readPRes(m *emv3ds.Message, id string, old *rangeSet) (*rangeSet, *emv3ds.Fault) {
	if f := m.ValidateFor(emv3ds.Server); f != nil {
		return nil, f
	}
	if m.Type() != emv3ds.PRes {
		return nil, emv3ds.NewFault(101, emv3ds.Server, "messageType")
	}
	if m.Text("threeDSServerTransID") != id {
		return nil, emv3ds.NewFault(301, emv3ds.Server, "threeDSServerTransID")
	}
	set := &rangeSet{serial: m.Text("serialNum")}
	if old != nil {
		set.list = slices.Clone(old.list)
	}
	for _, c := range m.Objects("cardRangeData") {
		if f := set.change(c); f != nil {
			return nil, f
		}
	}
	slices.SortFunc(set.list, func(a, b Range) int { return strings.Compare(a.Start, b.Start) })
	for i := 1; i < len(set.list); i++ {
		if set.list[i].Start <= set.list[i-1].End {
			return nil, emv3ds.NewFault(205, emv3ds.Server, "cardRangeData.startRange")
		}
	}
	for _, k := range m.CodeKeys() {
		set.name(k)
	}
	return set, nil
}

// change adds, deletes or modifies one range.
func (set *rangeSet) change(c *emv3ds.Message) *emv3ds.Fault {
	start, end := pad(c.Text("startRange"), '0'), pad(c.Text("endRange"), '9')
	if len(c.Text("startRange")) != len(c.Text("endRange")) || start > end {
		return emv3ds.NewFault(203, emv3ds.Server, "cardRangeData.endRange")
	}
	if c.Text("acsStartProtocolVersion") > emv3ds.Version220 || c.Text("acsEndProtocolVersion") < emv3ds.Version220 {
		return nil // no version in common: as if it were not there
	}
	at := slices.IndexFunc(set.list, func(r Range) bool { return r.Start == start && r.End == end })
	switch c.Text("actionInd") {
	case "D":
		if at < 0 {
			return emv3ds.NewFault(206, emv3ds.Server, "cardRangeData.actionInd")
		}
		set.list = slices.Delete(set.list, at, at+1)
	case "M":
		if at < 0 {
			return emv3ds.NewFault(206, emv3ds.Server, "cardRangeData.actionInd")
		}
	default:
		set.list = append(set.list, Range{Start: start, End: end})
	}
	return nil
}

// name puts the bank's name and key to the range that they are for.
func (set *rangeSet) name(k emv3ds.CodeKey) {
	start, end := pad(k.Start, '0'), pad(k.End, '9')
	for i := range set.list {
		if r := &set.list[i]; r.Start == start && r.End == end {
			r.Name, r.KeyID, r.Public = k.Name, k.KeyID, k.Public
		}
	}
}

// pad fills a range limit up to 19 digits.
func pad(digits string, with byte) string {
	if n := 19 - len(digits); n > 0 {
		return digits + strings.Repeat(string(rune(with)), n)
	}
	return digits
}
