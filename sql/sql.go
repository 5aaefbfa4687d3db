// Package sql is the embedded database: SQLite in WAL mode with synchronous=FULL, one writer that
// groups many decisions into one durable commit, and a pool of snapshot readers.
//
// A store writes with DB.Write. Its function runs on the writer's goroutine, inside a savepoint of a
// transaction that it may share with others; Write returns when the commit is on the disk. So a
// caller that saw nil may answer "done" to the world. An error of the function undoes that function only.
//
// If the disk refuses a commit, nobody can say what is stored: Options.Fatal is called and the process
// is expected to end. Starting again is the recovery.
package sql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitemigration"
	"zombiezen.com/go/sqlite/sqlitex"
)

var (
	// ErrClosed: the database was closed.
	ErrClosed = errors.New("sql: database is closed")
	// ErrStopped: a commit failed earlier; this process may not write any more.
	ErrStopped = errors.New("sql: stopped after a failed commit")
	// ErrNotWritten: the whole batch was rolled back (such as: disk full); nothing of it is stored.
	ErrNotWritten = errors.New("sql: not written")
	// ErrNewer: the file was written by a newer version of this program.
	ErrNewer = errors.New("sql: the database is newer than this program")
	// ErrSettings: the file cannot be used with the settings that durability needs.
	ErrSettings = errors.New("sql: durable settings refused")
)

// Options of Open. The zero value is good.
type Options struct {
	Readers  int         // connections for Read, opened when needed; 0 = 4
	MaxBatch int         // most functions in one commit; 0 = 256
	WALLimit int64       // bytes of write-ahead log after which readers are waited for to fold it; 0 = 64 MiB
	Fatal    func(error) // called when a commit failed in doubt; nil = panic on the writer, which ends the process

	// Pragmas are for tests that must see Open refuse unsafe settings; run after Open's own.
	Pragmas []string
}

// Stats are counters since Open.
type Stats struct {
	Writes  uint64 // functions that were committed
	Refused uint64 // functions that returned an error
	Commits uint64 // durable batches
	WAL     int64  // bytes in the write-ahead log now
}

// DB is one database file. It is safe for many goroutines.
type DB struct {
	path    string
	opt     Options
	writer  *sqlite.Conn
	jobs    chan *job
	quit    chan struct{}
	stopped chan struct{}
	readers chan *reader
	once    sync.Once

	foldAt int64 // size of the write-ahead log at which readers are waited for; the writer's own

	writes, refused, commits atomic.Uint64
	broken                   atomic.Bool
}

// reader is a slot of the pool; its connection is opened at first use.
type reader struct{ conn *sqlite.Conn }

// Open opens or makes the file at path and brings its schema up to date: migrations[i] leads from
// user_version i to i+1. Tables must be STRICT. The caller closes the DB.
func Open(path string, migrations []string, opt Options) (*DB, error) {
	if opt.Readers <= 0 {
		opt.Readers = 4
	}
	if opt.MaxBatch <= 0 {
		opt.MaxBatch = 256
	}
	if opt.WALLimit <= 0 {
		opt.WALLimit = 64 << 20
	}
	if opt.Fatal == nil {
		opt.Fatal = crash
	}
	w, err := openConn(path, opt.Pragmas, false)
	if err != nil {
		return nil, err
	}
	if err := prepare(w, migrations); err != nil {
		w.Close()
		return nil, fmt.Errorf("sql: %s: %w", path, err)
	}
	db := &DB{
		path: path, opt: opt, writer: w, foldAt: opt.WALLimit,
		jobs: make(chan *job, opt.MaxBatch), quit: make(chan struct{}), stopped: make(chan struct{}),
		readers: make(chan *reader, opt.Readers),
	}
	for range opt.Readers {
		db.readers <- &reader{}
	}
	go db.write()
	return db, nil
}

// crash ends the process: it runs on the writer's goroutine, where nobody recovers.
func crash(err error) {
	panic(fmt.Sprintf("sql: a commit failed; stopping so that nothing false is answered: %v", err))
}

// busy is how long a connection waits for another process; foldWait, how long the writer waits for readers when
// the write-ahead log has grown too large.
const (
	busy     = 10 * time.Second
	foldWait = 250 * time.Millisecond
)

func openConn(path string, extra []string, readOnly bool) (*sqlite.Conn, error) {
	if err := create(path); err != nil {
		return nil, fmt.Errorf("sql: %w", err)
	}
	c, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenWAL)
	if err != nil {
		return nil, fmt.Errorf("sql: %w", err)
	}
	c.SetBusyTimeout(busy)
	pragmas := []string{
		"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF", "PRAGMA temp_store=MEMORY",
		"PRAGMA journal_size_limit=4194304", "PRAGMA wal_autocheckpoint=1000", "PRAGMA cache_size=-8192",
	}
	if readOnly {
		pragmas = append(pragmas, "PRAGMA query_only=ON")
	}
	for _, p := range append(pragmas, extra...) {
		if err := sqlitex.ExecuteTransient(c, p, nil); err != nil {
			c.Close()
			return nil, fmt.Errorf("sql: %s: %s: %w", path, p, err)
		}
	}
	if err := durable(c); err != nil {
		c.Close()
		return nil, fmt.Errorf("sql: %s: %w", path, err)
	}
	return c, nil
}

// create makes the file for its owner only (the driver would make it 0644 less umask). An existing file is not
// opened: closing it again would drop every lock that this process has on it (POSIX), and another process,
// such as the command line beside a running bank, would take itself for the last one and remove the
// write-ahead log under us.
func create(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// durable refuses anything but WAL with synchronous=FULL (2) or EXTRA (3).
func durable(c *sqlite.Conn) error {
	mode, err := pragmaText(c, "PRAGMA journal_mode")
	if err != nil {
		return err
	}
	level, err := pragmaText(c, "PRAGMA synchronous")
	if err != nil {
		return err
	}
	if mode != "wal" || (level != "2" && level != "3") {
		return fmt.Errorf("%w: journal_mode=%s synchronous=%s, need wal and 2 (FULL)", ErrSettings, mode, level)
	}
	return nil
}

func pragmaText(c *sqlite.Conn, p string) (out string, err error) {
	err = sqlitex.ExecuteTransient(c, p, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		out = s.ColumnText(0)
		return nil
	}})
	return out, err
}

// prepare migrates, unless the schema is current: then nothing is written, so that a start is quick.
func prepare(c *sqlite.Conn, migrations []string) error {
	v, err := pragmaText(c, "PRAGMA user_version")
	if err != nil {
		return err
	}
	var have int
	if _, err := fmt.Sscan(v, &have); err != nil {
		return err
	}
	if have > len(migrations) {
		return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewer, have, len(migrations))
	}
	if have < len(migrations) {
		s := sqlitemigration.Schema{Migrations: migrations}
		if err := sqlitemigration.Migrate(context.Background(), c, s); err != nil {
			return err
		}
	}
	loose, err := pragmaText(c, "SELECT coalesce(group_concat(name, ', '), '') FROM pragma_table_list "+
		"WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		return err
	}
	if loose != "" {
		return fmt.Errorf("%w: tables must be STRICT: %s", ErrSettings, loose)
	}
	return nil
}

// Close finishes the writes that were accepted and closes. SQLite folds the write-ahead log into the file when
// the last process closes it.
func (db *DB) Close() error {
	var err error
	db.once.Do(func() {
		close(db.quit)
		<-db.stopped
		for range db.opt.Readers {
			if r := <-db.readers; r.conn != nil {
				err = errors.Join(err, r.conn.Close())
			}
		}
		err = errors.Join(err, db.writer.Close())
	})
	return err
}

// Read runs f on a snapshot: f sees all that was committed before it began, and nothing later.
// It runs beside the writer and other readers.
func (db *DB) Read(ctx context.Context, f func(c *Conn) error) (err error) {
	var r *reader
	select {
	case r = <-db.readers:
	case <-db.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { db.readers <- r }()
	select {
	case <-db.quit:
		return ErrClosed
	default:
	}
	if r.conn == nil {
		if r.conn, err = openConn(db.path, nil, true); err != nil {
			return err
		}
	}
	r.conn.SetInterrupt(ctx.Done())
	defer r.conn.SetInterrupt(nil)
	c := &Conn{r.conn}
	if err := c.Exec("BEGIN"); err != nil {
		return err
	}
	defer func() {
		r.conn.SetInterrupt(nil)
		if e := c.Exec("COMMIT"); e != nil && err == nil {
			err = e
		}
	}()
	return f(c)
}

// Path is the file's path.
func (db *DB) Path() string { return db.path }

// Stats are the counters so far.
func (db *DB) Stats() Stats {
	s := Stats{Writes: db.writes.Load(), Refused: db.refused.Load(), Commits: db.commits.Load()}
	if fi, err := os.Stat(db.path + "-wal"); err == nil {
		s.WAL = fi.Size()
	}
	return s
}
