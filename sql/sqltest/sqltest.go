// Package sqltest opens databases for tests.
package sqltest

import (
	"path/filepath"
	"testing"

	"countersign/sql"
)

// Open makes a database in the test's own folder and closes it when the test ends.
func Open(t testing.TB, migrations []string) *sql.DB {
	t.Helper()
	db, err := sql.Open(filepath.Join(t.TempDir(), "test.db"), migrations, sql.Options{Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
