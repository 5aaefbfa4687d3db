package phone

import (
	"context"
	"path/filepath"
	"testing"

	"countersign/sql"
)

// allMessages reads every text from the file.
func allMessages(t *testing.T, dir string) (out []string) {
	db, err := sql.Open(filepath.Join(dir, "phone.db"), migrationTable, sql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Read(context.Background(), func(c *sql.Conn) error {
		return c.Rows(`SELECT text FROM message`, nil, func(r *sql.Stmt) error {
			out = append(out, r.Text(0))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
