package sql_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/sql"
	"countersign/sql/sqltest"
)

var schema = []string{`CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT`}

var bg = context.Background()

func count(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	err := db.Read(bg, func(c *sql.Conn) error {
		_, err := c.Row("SELECT count(*) FROM t", nil, func(s *sql.Stmt) { n = s.Int(0) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(name string) func(*sql.Conn) error {
	return func(c *sql.Conn) error { return c.Exec("INSERT INTO t(name) VALUES (?)", name) }
}

// gate keeps the writer busy until open is called, so that what is queued meanwhile makes one batch.
func gate(t *testing.T, db *sql.DB) (open func()) {
	t.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- db.Write(bg, func(*sql.Conn) error { close(in); <-out; return nil }) }()
	<-in
	return func() {
		close(out)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestOneBadFunctionInABatch(t *testing.T) {
	db := sqltest.Open(t, schema)
	open := gate(t, db)
	refusal := errors.New("no funds")
	const n = 30
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			errs[i] = db.Write(bg, func(c *sql.Conn) error {
				if err := insert(fmt.Sprint("row", i))(c); err != nil {
					return err
				}
				switch {
				case i%10 == 3:
					return refusal // after its effect: must be undone
				case i%10 == 7:
					return insert("row" + fmt.Sprint(i))(c) // a constraint fails
				}
				return nil
			})
		})
	}
	time.Sleep(50 * time.Millisecond)
	before := db.Stats().Commits
	open()
	wg.Wait()
	for i, err := range errs {
		switch {
		case i%10 == 3 && !errors.Is(err, refusal), i%10 == 7 && (err == nil || !strings.Contains(err.Error(), "UNIQUE")), i%10 != 3 && i%10 != 7 && err != nil:
			t.Errorf("function %d: %v", i, err)
		}
	}
	if got := count(t, db); got != n-6 {
		t.Errorf("%d rows, want %d", got, n-6)
	}
	if c := db.Stats().Commits - before; c > 3 {
		t.Errorf("%d functions took %d commits: no grouping", n, c)
	}
}

func TestPanicInABatch(t *testing.T) {
	db := sqltest.Open(t, schema)
	open := gate(t, db)
	var wg sync.WaitGroup
	raised := make(chan any, 1)
	wg.Go(func() {
		defer func() { raised <- recover() }()
		_ = db.Write(bg, func(c *sql.Conn) error { _ = insert("half")(c); panic("broken") })
	})
	var good error
	wg.Go(func() { good = db.Write(bg, insert("good")) })
	time.Sleep(20 * time.Millisecond)
	open()
	wg.Wait()
	if p := <-raised; p != "broken" {
		t.Errorf("panic in the caller: %v", p)
	}
	if good != nil || count(t, db) != 1 {
		t.Errorf("good: %v, rows %d", good, count(t, db))
	}
	if err := db.Write(bg, insert("after")); err != nil {
		t.Error(err)
	}
}

func TestContexts(t *testing.T) {
	db := sqltest.Open(t, schema)
	open := gate(t, db)
	ctx, cancel := context.WithCancel(bg)
	done := make(chan error, 1)
	go func() { done <- db.Write(ctx, insert("never")) }()
	time.Sleep(20 * time.Millisecond)
	cancel()
	open()
	if err := <-done; !errors.Is(err, context.Canceled) || count(t, db) != 0 {
		t.Errorf("a cancelled write: %v, rows %d", err, count(t, db))
	}
	ctx, cancel = context.WithTimeout(bg, 50*time.Millisecond)
	defer cancel()
	err := db.Read(ctx, func(c *sql.Conn) error {
		_, err := c.Row("WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n", nil, nil)
		return err
	})
	if err == nil {
		t.Error("an endless read ended without an error")
	}
	if count(t, db) != 0 {
		t.Error("the reader is unusable after an interrupt")
	}
}

func TestReadersSeeASnapshot(t *testing.T) {
	db := sqltest.Open(t, schema)
	if err := db.Write(bg, insert("a")); err != nil {
		t.Fatal(err)
	}
	err := db.Read(bg, func(c *sql.Conn) error {
		n := func() (n int) {
			if _, err := c.Row("SELECT count(*) FROM t", nil, func(s *sql.Stmt) { n = s.Int(0) }); err != nil {
				t.Error(err)
			}
			return n
		}
		first := n()
		if err := db.Write(bg, insert("b")); err != nil {
			t.Error(err)
		}
		if second := n(); first != 1 || second != 1 {
			t.Errorf("a reader saw %d, then %d", first, second)
		}
		if err := c.Exec("INSERT INTO t(name) VALUES ('x')"); err == nil {
			t.Error("a reader could write")
		}
		return nil
	})
	if err != nil || count(t, db) != 2 {
		t.Error(err, count(t, db))
	}
}

func TestRefusesUnsafeSettings(t *testing.T) {
	dir := t.TempDir()
	for _, p := range []string{"PRAGMA synchronous=NORMAL", "PRAGMA synchronous=OFF", "PRAGMA journal_mode=DELETE"} {
		db, err := sql.Open(filepath.Join(dir, "x.db"), schema, sql.Options{Pragmas: []string{p}})
		if !errors.Is(err, sql.ErrSettings) {
			t.Errorf("%s: %v", p, err)
		}
		if db != nil {
			db.Close()
		}
	}
	if _, err := sql.Open(filepath.Join(dir, "y.db"), []string{"CREATE TABLE loose(a)"}, sql.Options{}); !errors.Is(err, sql.ErrSettings) {
		t.Errorf("a table that is not STRICT: %v", err)
	}
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	two := append(schema[:1:1], "ALTER TABLE t ADD COLUMN at INTEGER")
	for _, step := range []struct {
		m    []string
		want error
	}{{schema, nil}, {two, nil}, {two, nil}, {schema, sql.ErrNewer}} {
		db, err := sql.Open(path, step.m, sql.Options{})
		if !errors.Is(err, step.want) {
			t.Fatalf("%d migrations: %v", len(step.m), err)
		}
		if db != nil && err == nil {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("file mode: %v %v", fi.Mode(), err)
	}
}

func TestTypes(t *testing.T) {
	type Name string
	db := sqltest.Open(t, []string{`CREATE TABLE v(a INTEGER, b TEXT, c BLOB, d REAL, e INTEGER, f BLOB, g INTEGER, h TEXT) STRICT`})
	at := time.Date(2026, 2, 28, 23, 59, 59, 123e6, time.UTC)
	text := "p"
	err := db.Write(bg, func(c *sql.Conn) error {
		return c.Exec("INSERT INTO v VALUES (?,?,?,?,?,?,?,?)", uint32(7), Name("né"), []byte{0, 1}, 1.5, at, [4]byte{1, 2, 3, 4}, time.Time{}, &text)
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(bg, func(c *sql.Conn) error {
		found, err := c.Row("SELECT * FROM v", nil, func(s *sql.Stmt) {
			if s.Int(0) != 7 || s.Text(1) != "né" || string(s.Bytes(2)) != "\x00\x01" || s.Float(3) != 1.5 || !s.Time(4).Equal(at) ||
				string(s.Bytes(5)) != "\x01\x02\x03\x04" || !s.Time(6).IsZero() || !s.Null(6) || s.Text(7) != "p" {
				t.Error("values changed on the way")
			}
		})
		if !found {
			t.Error("no row")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := db.Write(bg, func(c *sql.Conn) error { return c.Exec("INSERT INTO v(a) VALUES (?)") }); err == nil {
		t.Error("a missing argument was accepted")
	}
	if err := db.Write(bg, func(c *sql.Conn) error { return c.Exec("INSERT INTO v(a) VALUES (?)", struct{}{}) }); err == nil {
		t.Error("a struct was accepted")
	}
}

func TestLogDoesNotGrowUnderSteadyReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wal.db")
	const limit = 1 << 20
	db, err := sql.Open(path, []string{`CREATE TABLE b(x BLOB) STRICT`}, sql.Options{WALLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 { // overlapping readers: there is nearly always one
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = db.Read(bg, func(c *sql.Conn) error {
					_, err := c.Row("SELECT count(*) FROM b", nil, nil)
					time.Sleep(3 * time.Millisecond)
					return err
				})
			}
		})
	}
	blob := make([]byte, 64<<10)
	for range 200 { // 12 MiB
		if err := db.Write(bg, func(c *sql.Conn) error { return c.Exec("INSERT INTO b VALUES (?)", blob) }); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if w := db.Stats().WAL; w > 8*limit {
		t.Errorf("write-ahead log has %d bytes", w)
	}
}

func TestDiskFull(t *testing.T) {
	db, err := sql.Open(filepath.Join(t.TempDir(), "full.db"), schema, sql.Options{
		Pragmas: []string{"PRAGMA max_page_count=12"}, Fatal: func(err error) { t.Error("fatal:", err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	acked, refused := 0, 0
	for i := range 60 {
		err := db.Write(bg, insert(strings.Repeat("x", 1500)+fmt.Sprint(i)))
		if err == nil {
			acked++
		} else {
			refused++
		}
	}
	if acked == 0 || refused == 0 || count(t, db) != acked {
		t.Errorf("%d acknowledged, %d refused, %d stored", acked, refused, count(t, db))
	}
}

func TestDeferredConstraint(t *testing.T) {
	db := sqltest.Open(t, []string{`CREATE TABLE p(id INTEGER PRIMARY KEY) STRICT;
		CREATE TABLE c(p INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED) STRICT`})
	err := db.Write(bg, func(c *sql.Conn) error { return c.Exec("INSERT INTO c VALUES (1)") })
	if !errors.Is(err, sql.ErrNotWritten) {
		t.Error(err)
	}
	if err := db.Write(bg, func(c *sql.Conn) error { return c.Exec("INSERT INTO p VALUES (1)") }); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	db, err := sql.Open(filepath.Join(t.TempDir(), "c.db"), schema, sql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := 0
	for i := range 50 {
		wg.Go(func() {
			err := db.Write(bg, insert(fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				acked++
			} else if !errors.Is(err, sql.ErrClosed) {
				t.Error(err)
			}
		})
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := db.Write(bg, insert("late")); !errors.Is(err, sql.ErrClosed) {
		t.Error(err)
	}
	if err := db.Read(bg, func(*sql.Conn) error { return nil }); !errors.Is(err, sql.ErrClosed) {
		t.Error(err)
	}
	again, err := sql.Open(db.Path(), schema, sql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n := count(t, again); n != acked {
		t.Errorf("%d rows stored, %d acknowledged", n, acked)
	}
}

// TestKill kills a writing process and looks for every row that it had acknowledged.
func TestKill(t *testing.T) {
	if path := os.Getenv("SQL_TEST_CHILD"); path != "" {
		child(path)
		return
	}
	path := filepath.Join(t.TempDir(), "kill.db")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	acked := 0
	for round := range 5 {
		cmd := exec.Command(exe, "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "SQL_TEST_CHILD="+path, "SQL_TEST_ROUND="+strconv.Itoa(round))
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open(path, schema, sql.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			name, whole := strings.CutSuffix(line, "\n")
			if !whole {
				continue
			}
			acked++
			err := db.Read(bg, func(c *sql.Conn) error {
				if found, err := c.Row("SELECT 1 FROM t WHERE name = ?", []any{name}, nil); err != nil || !found {
					t.Errorf("acknowledged row %s is lost (%v)", name, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		db.Close()
	}
	if acked < 50 {
		t.Fatalf("only %d rows were acknowledged: the test proves nothing", acked)
	}
	t.Logf("%d rows acknowledged, none lost", acked)
}

func child(path string) {
	db, err := sql.Open(path, schema, sql.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s-%d-%d", os.Getenv("SQL_TEST_ROUND"), w, i)
				if err := db.Write(bg, insert(name)); err != nil {
					os.Exit(1)
				}
				os.Stdout.WriteString(name + "\n")
			}
		}()
	}
	select {}
}

func BenchmarkWrite(b *testing.B) {
	for _, workers := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			db := sqltest.Open(b, schema)
			b.SetParallelism(workers)
			var mu sync.Mutex
			n := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					n++
					name := strconv.Itoa(n)
					mu.Unlock()
					if err := db.Write(bg, insert(name)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(db.Stats().Writes)/float64(max(db.Stats().Commits, 1)), "writes/commit")
		})
	}
}
