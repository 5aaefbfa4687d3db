package sql_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"countersign/sql"
)

// A second process opens and closes the file beside us, as `countersign card issue` does beside a running bank. It
// must see that it is not alone: the write-ahead log stays, and what we write afterwards survives.
func TestAnotherProcessBesideUs(t *testing.T) {
	schema := []string{"CREATE TABLE t (n INTEGER) STRICT"}
	if path := os.Getenv("COUNTERSIGN_SQL_BESIDE"); path != "" {
		db, err := sql.Open(path, schema, sql.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Write(context.Background(), func(c *sql.Conn) error { return c.Exec("INSERT INTO t VALUES (2)") }); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open(path, schema, sql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	insert := func(c *sql.Conn) error { return c.Exec("INSERT INTO t VALUES (1)") }
	if err := db.Write(context.Background(), insert); err != nil {
		t.Fatal(err)
	}
	count := func() (n int64) {
		if err := db.Read(context.Background(), func(c *sql.Conn) error {
			_, err := c.Row("SELECT count(*) FROM t", nil, func(s *sql.Stmt) { n = s.Int64(0) })
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	count() // opens a reader
	before, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAnotherProcessBesideUs$")
	cmd.Env = append(os.Environ(), "COUNTERSIGN_SQL_BESIDE="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	after, err := os.Stat(path + "-wal")
	if err != nil || !os.SameFile(before, after) {
		t.Fatalf("the other process removed our write-ahead log (%v)", err)
	}
	if err := db.Write(context.Background(), insert); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 3 {
		t.Errorf("%d rows, not 3", n)
	}
}
