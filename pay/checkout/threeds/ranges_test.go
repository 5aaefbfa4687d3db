package threeds

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"countersign/wire/emv3ds"
)

type row struct{ start, end, action, from, to string }

var defaultRanges = []row{{"4000001000000000", "4000001999999999", "A", "2.1.0", "2.2.0"}}

func pres(m *emv3ds.Message, rows []row) []byte {
	b := emv3ds.New(emv3ds.PRes, "2.2.0").Set("threeDSServerTransID", m.Text("threeDSServerTransID")).Set("dsTransID", dsID).Set("serialNum", "s1")
	var list []*emv3ds.Builder
	var keys []emv3ds.CodeKey
	for _, r := range rows {
		list = append(list, emv3ds.NewObject().Set("startRange", r.start).Set("endRange", r.end).Set("actionInd", r.action).Set("acsStartProtocolVersion", r.from).Set("acsEndProtocolVersion", r.to))
		keys = append(keys, emv3ds.CodeKey{Start: r.start, End: r.end, Name: "Bank " + r.start[:6], KeyID: "k1", Public: bytes.Repeat([]byte{7}, 32)})
	}
	return b.SetObjects("cardRangeData", list).SetObjects("messageExtension", emv3ds.CodeKeyExtensions(keys)).Bytes()
}

func TestRanges(t *testing.T) {
	w := newWorld(t)
	if err := w.s.Ready(); err != ErrNotReady || w.s.Ranges() != nil {
		t.Error(err)
	}
	if err := w.s.RefreshRanges(t.Context()); err != nil || w.s.Ready() != nil {
		t.Fatal(err)
	}
	got := w.s.Ranges()
	if len(got) != 1 || got[0].Start != "4000001000000000000" || got[0].End != "4000001999999999999" || got[0].Name != "Bank 400000" || got[0].KeyID != "k1" || len(got[0].Public) != 32 {
		t.Errorf("%+v", got)
	}
	if f := w.seen[0].ValidateFor(emv3ds.Directory); f != nil {
		t.Error("our PReq:", f)
	}
}

func TestRangeChanges(t *testing.T) {
	ask, _ := emv3ds.Parse(emv3ds.New(emv3ds.PReq, "2.2.0").Set("threeDSServerTransID", acsID).Bytes())
	a := row{"4000001000000000", "4000001999999999", "A", "2.1.0", "2.2.0"}
	b := row{"4000000000000", "4000000999999", "A", "2.2.0", "2.3.1"}
	with := func(r row, action string) row { r.action = action; return r }
	for _, c := range []struct {
		name string
		rows []row
		code int
		n    int
	}{
		{"two", []row{a, b}, 0, 2},
		{"none", nil, 0, 0},
		{"too old", []row{{a.start, a.end, "A", "2.1.0", "2.1.0"}}, 0, 0},
		{"too new", []row{{a.start, a.end, "A", "2.3.1", "2.3.1"}}, 0, 0},
		{"same twice", []row{a, a}, 205, 0},
		{"inside", []row{a, {"4000001500000000", "4000001500000000", "A", "2.2.0", "2.2.0"}}, 205, 0},
		{"inside, other length", []row{a, {"4000001500000", "4000001500000", "A", "2.2.0", "2.2.0"}}, 205, 0},
		{"delete", []row{a, b, with(a, "D")}, 0, 1},
		{"delete nothing", []row{with(a, "D")}, 206, 0},
		{"modify", []row{a, with(a, "M")}, 0, 1},
		{"modify nothing", []row{with(a, "M")}, 206, 0},
		{"backwards", []row{{a.end, a.start, "A", "2.2.0", "2.2.0"}}, 203, 0},
		{"lengths differ", []row{{a.start, "4000001999999999999", "A", "2.2.0", "2.2.0"}}, 203, 0},
	} {
		m, f := emv3ds.Parse(pres(ask, c.rows))
		if f != nil {
			t.Fatal(f)
		}
		set, f := readPRes(m, acsID, nil)
		if c.code != 0 {
			if f == nil || f.Code != c.code || set != nil {
				t.Errorf("%s: %v", c.name, f)
			}
		} else if f != nil || len(set.list) != c.n {
			t.Errorf("%s: %v %+v", c.name, f, set)
		}
	}
}

// TestRangesRetry: asked every second until the directory is there, then by the hour; a bad answer changes nothing.
func TestRangesRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.setGone(true)
		w.s.Start(t.Context())
		time.Sleep(3 * time.Second)
		if w.s.Ready() != ErrNotReady {
			t.Error("ready without a directory")
		}
		synctest.Wait()
		w.setGone(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if err := w.s.Ready(); err != nil {
			t.Error(err)
		}
		n := len(w.got())
		time.Sleep(time.Hour)
		synctest.Wait()
		if seen := w.got(); len(seen) != n+1 || seen[n].Text("serialNum") != "s1" || len(w.s.Ranges()) != 1 {
			t.Error(len(seen)-n, "more PReq in an hour")
		}
	})
}
