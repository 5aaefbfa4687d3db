package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"countersign/pay/acs/challenge"
	"countersign/pay/money"
	"countersign/sql"
)

func at() time.Time { return time.Date(2026, 11, 22, 15, 40, 0, 0, time.UTC) }

func offered(t testing.TB, n int, pan byte) challenge.State {
	t.Helper()
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		t.Fatal(err)
	}
	amount, _ := money.New(2340, cur)
	d := challenge.Deal{ACSTransID: fmt.Sprintf("acs-%d", n), DSTransID: fmt.Sprintf("ds-%d", n), Payee: "Книга «мир»", Amount: amount, Phone: "+49", KeyID: "otp-1"}
	d.PAN[0] = pan
	return challenge.New(d, at())
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var limits = Limits{Open: 3, Wrong: 15, Day: 24 * time.Hour}

// A state that went through every kind of step comes back as it was, also from a file opened again.
func TestRoundTrip(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "acs.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := offered(t, 1, 1)
	if err := s.Offer(ctx, want, limits, at()); err != nil {
		t.Fatal(err)
	}
	now := at()
	for i, e := range []challenge.Event{
		challenge.CReq{Digest: [32]byte{1}, Session: "s", Fresh: [32]byte{2}}, challenge.MessageSent{Round: 1, Status: challenge.Done},
		challenge.Answer{Form: 1, MAC: [32]byte{9}}, challenge.Resend{Fresh: [32]byte{3}}, challenge.Answer{Form: 2, MAC: [32]byte{3}}, challenge.NotDelivered{InDoubt: true},
	} {
		now = now.Add(time.Duration(i) * 10 * time.Second)
		want, _ = challenge.Step(want, e, now)
		got, _, err := s.Step(ctx, "acs-1", e, now)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%T: %+v\nwant %+v (%v)", e, got, want, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Get(ctx, "acs-1")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\nwant %+v (%v)", got, want, err)
	}
}

func TestLimits(t *testing.T) {
	ctx, s := context.Background(), open(t, filepath.Join(t.TempDir(), "acs.db"))
	var all sync.WaitGroup
	var mu sync.Mutex
	count := map[error]int{}
	for i := range 50 { // 50 at once for one card: exactly three are let in
		all.Go(func() {
			err := s.Offer(ctx, offered(t, i, 1), limits, at())
			mu.Lock()
			count[err]++
			mu.Unlock()
		})
	}
	all.Wait()
	if count[nil] != 3 || count[ErrTooMany] != 47 {
		t.Errorf("%v", count)
	}
	if err := s.Offer(ctx, offered(t, 100, 2), limits, at()); err != nil {
		t.Errorf("another card: %v", err)
	}
	if err := s.Offer(ctx, offered(t, 100, 3), limits, at()); !errors.Is(err, ErrUsed) {
		t.Errorf("the same transaction id: %v", err)
	}
	if _, err := s.Get(ctx, "acs-999"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if _, _, err := s.Step(ctx, "acs-999", challenge.Tick{}, at()); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// Somebody who knows a card's number cannot have its holder's phone ring all day: after some messages that nobody
// confirmed with, the card rests for an hour. The holder's confirmation forgives them.
func TestMessagesInVain(t *testing.T) {
	ctx, s := context.Background(), open(t, filepath.Join(t.TempDir(), "acs.db"))
	l, n := limits, 0
	l.Vain, l.Hour = 4, time.Hour
	ask := func(now time.Time, answer challenge.Event) error {
		n++
		st := offered(t, n, 1)
		st.Created = now
		if err := s.Offer(ctx, st, l, now); err != nil {
			return err
		}
		for _, e := range []challenge.Event{challenge.CReq{Fresh: [32]byte{2}}, answer, challenge.Delivered{}} {
			if _, _, err := s.Step(ctx, st.ACSTransID, e, now); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	}
	yes := challenge.Answer{Form: 1, MAC: [32]byte{2}}
	for i := range 3 {
		if err := ask(at(), challenge.Cancel{}); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := ask(at(), yes); err != nil { // forgives
		t.Fatal(err)
	}
	for i := range 4 {
		if err := ask(at(), challenge.Cancel{}); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := ask(at().Add(59*time.Minute), yes); !errors.Is(err, ErrTooOften) {
		t.Errorf("a fifth message: %v", err)
	}
	if err := ask(at().Add(61*time.Minute), yes); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestDueUnfinishedPurge(t *testing.T) {
	ctx, s := context.Background(), open(t, filepath.Join(t.TempDir(), "acs.db"))
	for i := range 3 {
		if err := s.Offer(ctx, offered(t, i, byte(i)), limits, at()); err != nil {
			t.Fatal(err)
		}
	}
	due := func(after time.Duration) int {
		ids, err := s.Due(ctx, at().Add(after), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(ids)
	}
	if due(challenge.FirstPage-1) != 0 || due(challenge.FirstPage) != 3 {
		t.Error("not due when it should be")
	}
	s.Step(ctx, "acs-0", challenge.Tick{}, at().Add(challenge.FirstPage))
	if ids, err := s.Unfinished(ctx); err != nil || fmt.Sprint(ids) != "[acs-0]" {
		t.Errorf("%v %v", ids, err)
	}
	s.Step(ctx, "acs-0", challenge.Delivered{}, at().Add(challenge.FirstPage))
	if due(time.Hour) != 2 {
		t.Error("what has ended is due")
	}
	if err := s.Purge(ctx, at().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "acs-0"); !errors.Is(err, ErrNone) {
		t.Errorf("purged: %v", err)
	}
	if _, err := s.Get(ctx, "acs-1"); err != nil {
		t.Errorf("what goes on was purged: %v", err)
	}
}

// The record of a challenge is a chain: each hash is that of the one before and of the text.
func TestRecord(t *testing.T) {
	ctx, s := context.Background(), open(t, filepath.Join(t.TempDir(), "acs.db"))
	if err := s.Offer(ctx, offered(t, 1, 1), limits, at()); err != nil {
		t.Fatal(err)
	}
	for _, e := range []challenge.Event{challenge.CReq{}, challenge.Tick{}, challenge.Cancel{}, challenge.Delivered{}, challenge.Delivered{}} {
		if _, _, err := s.Step(ctx, "acs-1", e, at()); err != nil {
			t.Fatal(err)
		}
	}
	var prev []byte
	var seen []string
	err := s.db.Read(ctx, func(c *sql.Conn) error {
		return c.Rows(`SELECT n, at, what, phase, hash FROM event ORDER BY n`, nil, func(r *sql.Stmt) error {
			result := ""
			if r.Int(3) >= int(challenge.Ending) {
				result = "N01"
			}
			sum := sha256.Sum256(fmt.Appendf(nil, "%x\nacs-1\n%d\n%d\n%s\n%d\n%s\n", prev, r.Int(0), r.Int64(1), r.Text(2), r.Int(3), result))
			if prev = r.Bytes(4); string(prev) != string(sum[:]) {
				t.Errorf("record %d does not follow", r.Int(0))
			}
			seen = append(seen, r.Text(2))
			return nil
		})
	})
	if err != nil || fmt.Sprint(seen) != "[offered CReq Cancel Delivered]" {
		t.Errorf("%v %v", seen, err)
	}
}
