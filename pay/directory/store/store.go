// Package store keeps what the directory must still know after a restart: which ACS was asked about
// which transaction, and whether its result went through. There is no card data in it.
package store

import (
	"context"
	"errors"
	"time"

	"countersign/sql"
)

// ErrExists: there is a record with this threeDSServerTransID already.
var ErrExists = errors.New("directory: transaction id used before")

// Record is one authentication that the directory has passed on and answered.
type Record struct {
	ServerTransID string // threeDSServerTransID
	ACSTransID    string
	DSTransID     string
	Status        string    // transStatus of the ARes
	At            time.Time // of the ARes
	Result        time.Time // of the RRes; zero = none yet
}

// Store is the directory's database.
type Store struct{ db *sql.DB }

var migrationTable = []string{
	`CREATE TABLE transactions (
		server_id TEXT PRIMARY KEY,
		acs_id    TEXT NOT NULL,
		ds_id     TEXT NOT NULL,
		status    TEXT NOT NULL,
		at        INTEGER NOT NULL,
		result    INTEGER
	) STRICT, WITHOUT ROWID;
	CREATE INDEX transactions_at ON transactions (at);`,
}

// Open opens or makes the database file.
func Open(path string) (*Store, error) {
	db, err := sql.Open(path, migrationTable, sql.Options{Readers: 2})
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Add writes a record durably; ErrExists when its ServerTransID is there already.
func (s *Store) Add(ctx context.Context, r Record) error {
	return s.db.Write(ctx, func(c *sql.Conn) error {
		err := c.Exec(`INSERT INTO transactions (server_id, acs_id, ds_id, status, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.ServerTransID, r.ACSTransID, r.DSTransID, r.Status, r.At)
		if err == nil && c.Changes() == 0 {
			err = ErrExists
		}
		return err
	})
}

// Find reads a record; found is false when there is none.
func (s *Store) Find(ctx context.Context, serverTransID string) (r Record, found bool, err error) {
	err = s.db.Read(ctx, func(c *sql.Conn) error {
		found, err = c.Row(`SELECT acs_id, ds_id, status, at, result FROM transactions WHERE server_id = ?`, []any{serverTransID},
			func(row *sql.Stmt) {
				r = Record{ServerTransID: serverTransID, ACSTransID: row.Text(0), DSTransID: row.Text(1), Status: row.Text(2), At: row.Time(3), Result: row.Time(4)}
			})
		return err
	})
	return r, found, err
}

// Done notes durably that the result went through.
func (s *Store) Done(ctx context.Context, serverTransID string, at time.Time) error {
	return s.db.Write(ctx, func(c *sql.Conn) error {
		return c.Exec(`UPDATE transactions SET result = ? WHERE server_id = ? AND result IS NULL`, at, serverTransID)
	})
}

// Prune forgets records older than a time and says how many.
func (s *Store) Prune(ctx context.Context, before time.Time) (n int, err error) {
	err = s.db.Write(ctx, func(c *sql.Conn) error {
		err := c.Exec(`DELETE FROM transactions WHERE at < ?`, before)
		n = c.Changes()
		return err
	})
	return n, err
}
