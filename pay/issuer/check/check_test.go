package check_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
	"countersign/pay/issuer/issuertest"
	"countersign/pay/issuer/store"
	"countersign/pay/money"
	"countersign/sql"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func eur(t testing.TB, minor int64) money.Amount {
	t.Helper()
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		t.Fatal(err)
	}
	a, err := money.New(minor, cur)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// busy makes a bank and lets eight workers pay, repeat, capture, refund and reverse at random.
func busy(t testing.TB, payments int) (path string, key func(func([]byte))) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "issuer.db")
	s, err := store.Open(path, sql.Options{Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	w, err := issuertest.New(t.Context(), s, func() time.Time { return at }, rand.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	var deck []*issuertest.Card
	for i, o := range []cards.Order{{}, {}, {Kind: book.SingleUse}, {Kind: book.Locked}, {LimitDay: 5000}, {LimitEach: 300}} {
		c, err := w.Issue(t.Context(), eur(t, int64(10_000*(1+i))), o)
		if err != nil {
			t.Fatal(err)
		}
		deck = append(deck, c)
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			r := mrand.New(mrand.NewPCG(uint64(worker), 1))
			for range payments / 8 {
				if err := one(t, w, deck[r.IntN(len(deck))], r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if _, err := w.Desk.Freeze(t.Context(), deck[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	k, err := w.Keys.Current("audit")
	if err != nil {
		t.Fatal(err)
	}
	return path, k.Use
}

func one(t testing.TB, w *issuertest.World, c *issuertest.Card, r *mrand.Rand) error {
	ctx := context.Background()
	req, err := w.Purchase(c, issuertest.Shop(r.IntN(3)), eur(t, 1+r.Int64N(400)))
	if err != nil {
		return err
	}
	if r.IntN(8) == 0 {
		if _, err := w.Bank.Reverse(ctx, w.Reverse(req, true, nil)); err != nil {
			return err
		}
	}
	d, err := w.Bank.Authorise(ctx, req)
	for range r.IntN(3) {
		if again, e := w.Bank.Authorise(ctx, req); e != nil || again != d {
			return fmt.Errorf("a repeat: %+v, then %+v, %v", d, again, e)
		}
	}
	if err != nil || d.Response != "00" {
		return err
	}
	switch r.IntN(4) {
	case 0:
		_, err = w.Bank.Reverse(ctx, w.Reverse(req, false, nil))
	case 1:
		_, err = w.Bank.Advise(ctx, w.Capture(req, eur(t, 1+r.Int64N(400)), 1, 2))
	default:
		if _, err = w.Bank.Advise(ctx, w.Capture(req, req.Amount, 0, 0)); err == nil {
			_, err = w.Bank.Advise(ctx, w.Refund(req, eur(t, 1+r.Int64N(400))))
		}
	}
	return err
}

func TestBusyBankIsClean(t *testing.T) {
	path, key := busy(t, 800)
	r, err := check.Run(t.Context(), path, check.Options{Key: key})
	if err != nil || !r.OK() {
		t.Fatalf("%+v %v", r, err)
	}
	if r.Messages < 1000 || r.Transfers < 300 || r.Records < r.Messages || r.Approved == 0 || !r.Keyed {
		t.Errorf("too little was checked: %+v", r)
	}
	t.Logf("%+v", r)
}

// Every damage must be found: the checker is only worth what it refuses.
func TestDamageIsFound(t *testing.T) {
	path, key := busy(t, 200)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const free = "DROP TRIGGER transfer_stays; DROP TRIGGER transfer_kept; DROP TRIGGER message_stays; DROP TRIGGER message_kept; " +
		"DROP TRIGGER journal_stays; DROP TRIGGER journal_kept; PRAGMA ignore_check_constraints=ON; PRAGMA foreign_keys=OFF;"
	for name, c := range map[string]struct{ damage, want string }{
		"a cent more":              {"UPDATE account SET posted = posted + 1 WHERE id = 'acct_1'", "I1"},
		"a cent moved":             {"UPDATE account SET posted = posted + 1 WHERE id = 'acct_1'; UPDATE account SET posted = posted - 1 WHERE id = 'acct_2'", "I1"},
		"held forgotten":           {"UPDATE account SET held = 0 WHERE id = 'acct_2'", "I1"},
		"transfer changed":         {"UPDATE transfer SET amount = amount + 1 WHERE seq = 20", "I7"},
		"transfer gone":            {"DELETE FROM transfer WHERE seq = 20", "I7"},
		"last transfer gone":       {"DELETE FROM transfer WHERE seq = (SELECT max(seq) FROM transfer)", "I7"},
		"transfers swapped":        {"UPDATE transfer SET seq = -1 WHERE seq = 20; UPDATE transfer SET seq = 20 WHERE seq = 21; UPDATE transfer SET seq = 21 WHERE seq = -1", "I7"},
		"captured more":            {"UPDATE hold SET captured = captured + 1 WHERE id = (SELECT min(id) FROM hold)", "I3"},
		"hold state":               {"UPDATE hold SET state = 1 WHERE id = (SELECT min(id) FROM hold WHERE state = 2)", "I3"},
		"record changed":           {"UPDATE journal SET body = replace(body, '\"00\"', '\"05\"') WHERE seq = (SELECT min(seq) FROM journal WHERE body LIKE '%\"00\"%')", "I7"},
		"record gone":              {"DELETE FROM journal WHERE seq = 30", "I7"},
		"last record gone":         {"DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)", "I7"},
		"record's subject":         {"UPDATE journal SET subject = 'x' WHERE seq = 30", "I7"},
		"thawed without a record":  {"UPDATE card SET status = 'active'", "I7"},
		"approved without money":   {"UPDATE message SET response = '00' WHERE key = (SELECT min(key) FROM message WHERE response = '51' OR response = 'N7' OR response = '57')", "I5"},
		"refused with money":       {"UPDATE message SET response = '05' WHERE key = (SELECT min(key) FROM message WHERE response = '00' AND kind = 'purchase')", "I5"},
		"answer gone":              {"DELETE FROM message WHERE key = (SELECT min(key) FROM message WHERE response = '00' AND kind = 'purchase')", "I5"},
		"wrong code approved":      {"UPDATE message SET code_result = 78 WHERE key = (SELECT min(key) FROM message WHERE response = '00' AND kind = 'purchase')", "I5"},
		"proof forgotten":          {"DELETE FROM spent_proof WHERE key = (SELECT min(key) FROM spent_proof)", "I2"},
		"reversed, then approved":  {"INSERT INTO early_reversal SELECT min(key), 'x', 0 FROM message WHERE response = '00' AND kind = 'purchase'", "I2"},
		"used is not used":         {"UPDATE card SET used = '' WHERE kind = 'single'", "I8"},
		"single use, twice":        {"UPDATE card SET kind = 'single', used = 'x' WHERE id = (SELECT card FROM message WHERE response = '00' AND kind = 'purchase' GROUP BY card ORDER BY count(*) DESC LIMIT 1)", "I8"},
		"locked elsewhere":         {"UPDATE card SET lock_acceptor = 'SHOP9' WHERE kind = 'locked'", "I8"},
		"over the day":             {"UPDATE card SET limit_day = 10 WHERE limit_day = 5000", "I8"},
		"over the limit":           {"UPDATE card SET limit_each = 1 WHERE limit_each = 300", "I8"},
		"four wrong codes":         {"INSERT INTO wrong_code SELECT id, 1, 'a' FROM card; INSERT INTO wrong_code SELECT id, 2, 'b' FROM card; INSERT INTO wrong_code SELECT id, 3, 'c' FROM card; INSERT INTO wrong_code SELECT id, 4, 'd' FROM card", "I8"},
		"approved after the third": {"INSERT INTO wrong_code SELECT card, at - 3, 'a' FROM message WHERE key = (SELECT max(key) FROM message WHERE response = '00' AND kind = 'purchase'); INSERT INTO wrong_code SELECT card, at - 2, key FROM wrong_code; INSERT INTO wrong_code SELECT card, at + 1, key FROM wrong_code WHERE key = 'a'", "I8"},
	} {
		t.Run(name, func(t *testing.T) {
			damaged := filepath.Join(t.TempDir(), "damaged.db")
			if err := os.WriteFile(damaged, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			conn, err := sqlite.OpenConn(damaged, sqlite.OpenReadWrite)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range append(strings.Split(free, ";"), strings.Split(c.damage, ";")...) {
				if strings.TrimSpace(q) == "" {
					continue
				}
				if err := sqlitex.ExecuteTransient(conn, q, nil); err != nil {
					t.Fatal(q, err)
				}
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := check.Run(t.Context(), damaged, check.Options{Key: key})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Violations {
				if strings.HasPrefix(v.Invariant, c.want) {
					return
				}
			}
			t.Errorf("not found as %s: %+v", c.want, r)
		})
	}
}

// Who can write the file but has no audit key can make the chain of transfers whole again, not the journal.
func TestForgedHistoryNeedsTheKey(t *testing.T) {
	path, key := busy(t, 80)
	r, err := check.Run(t.Context(), path, check.Options{Key: func(f func([]byte)) { f(make([]byte, 32)) }})
	if err != nil || r.OK() {
		t.Errorf("another key verifies: %+v %v", r, err)
	}
	if r, err = check.Run(t.Context(), path, check.Options{}); err != nil || !r.OK() || r.Keyed {
		t.Errorf("without a key: %+v %v", r, err)
	}
	if r, err = check.Run(t.Context(), path, check.Options{Key: key}); err != nil || !r.OK() || !r.Keyed {
		t.Errorf("with the key: %+v %v", r, err)
	}
}

func TestNoBooks(t *testing.T) {
	if _, err := check.Run(t.Context(), filepath.Join(t.TempDir(), "none.db"), check.Options{}); err == nil {
		t.Error("books that are not there were checked")
	}
	if _, err := os.Stat(filepath.Join(t.TempDir(), "none.db")); err == nil {
		t.Error("the checker made a file")
	}
}
