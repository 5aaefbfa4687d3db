package sql

import (
	"context"
	"fmt"
	"os"

	"zombiezen.com/go/sqlite"
)

// job is one function on its way to the disk.
type job struct {
	ctx   context.Context
	f     func(c *Conn) error
	err   error
	panic any
	done  chan struct{}
}

// Write runs f on the writer and returns when its effects are durable. Many functions share one
// BEGIN IMMEDIATE … COMMIT, each in its own savepoint: an error (or panic) of f undoes f only, and is
// returned to (or raised again in) this caller only. f must be quick, must not wait for anything and
// must not call Write. When ctx ends before f began, f does not run; after that Write waits for the end.
func (db *DB) Write(ctx context.Context, f func(c *Conn) error) error {
	j := &job{ctx: ctx, f: f, done: make(chan struct{})}
	select {
	case <-db.quit:
		return ErrClosed
	default:
	}
	select {
	case db.jobs <- j:
	case <-db.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
	case <-db.stopped: // the writer ended; it may still have done this one
		select {
		case <-j.done:
		default:
			return ErrClosed
		}
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// write is the writer's goroutine: take one job and all that wait behind it, commit, answer, again.
func (db *DB) write() {
	defer close(db.stopped)
	c := &Conn{db.writer}
	batch := make([]*job, 0, db.opt.MaxBatch)
	for {
		batch = batch[:0]
		select {
		case j := <-db.jobs:
			batch = append(batch, j)
		case <-db.quit:
			select { // accepted before the end
			case j := <-db.jobs:
				batch = append(batch, j)
			default:
				return
			}
		}
		for more := true; more && len(batch) < db.opt.MaxBatch; {
			select {
			case j := <-db.jobs:
				batch = append(batch, j)
			default:
				more = false
			}
		}
		db.batch(c, batch)
		for _, j := range batch {
			close(j.done)
		}
		db.fold(c)
	}
}

// batch commits the jobs together and sets their results.
func (db *DB) batch(c *Conn, jobs []*job) {
	if db.broken.Load() {
		fail(jobs, ErrStopped)
		return
	}
	if err := c.Exec("BEGIN IMMEDIATE"); err != nil {
		fail(jobs, fmt.Errorf("%w: %w", ErrNotWritten, err))
		return
	}
	good := 0
	for _, j := range jobs {
		if err := j.ctx.Err(); err != nil {
			j.err = err
			continue
		}
		j.run(c)
		if db.writer.AutocommitEnabled() { // SQLite undid the whole transaction: disk full, out of memory, I/O
			fail(jobs, fmt.Errorf("%w: %w", ErrNotWritten, j.err))
			return
		}
		if j.err == nil {
			good++
		}
	}
	db.refused.Add(uint64(len(jobs) - good))
	if good == 0 {
		db.rollback(c)
		return
	}
	if err := c.Exec("COMMIT"); err != nil {
		db.doubt(c, jobs, err)
		return
	}
	db.commits.Add(1)
	db.writes.Add(uint64(good))
}

// doubt deals with a failed COMMIT. A full disk or a broken constraint is known to have stored nothing;
// anything else might have stored all of it.
func (db *DB) doubt(c *Conn, jobs []*job, err error) {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultBusy, sqlite.ResultConstraint: // the last: a deferred foreign key
		db.rollback(c)
		fail(jobs, fmt.Errorf("%w: %w", ErrNotWritten, err))
		return
	}
	db.broken.Store(true)
	db.rollback(c)
	fail(jobs, fmt.Errorf("%w: %w", ErrStopped, err))
	db.opt.Fatal(err)
}

func (db *DB) rollback(c *Conn) {
	if db.writer.AutocommitEnabled() {
		return
	}
	if err := c.Exec("ROLLBACK"); err != nil {
		db.broken.Store(true)
		db.opt.Fatal(err)
	}
}

// fail gives every job that has no error of its own the common one.
func fail(jobs []*job, err error) {
	for _, j := range jobs {
		if j.err == nil {
			j.err = err
		}
	}
}

// run calls the job's function inside a savepoint.
func (j *job) run(c *Conn) {
	if j.err = c.Exec("SAVEPOINT one"); j.err != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			j.panic = p
			j.err = fmt.Errorf("sql: panic in a write")
		}
		if c.c.AutocommitEnabled() {
			return
		}
		if j.err == nil {
			j.err = c.Exec("RELEASE one")
			return
		}
		undo := c.Exec("ROLLBACK TO one")
		if undo == nil {
			undo = c.Exec("RELEASE one")
		}
		if undo != nil { // never leave half an effect in a batch that commits
			_ = c.Exec("ROLLBACK")
		}
	}()
	j.err = j.f(c)
}

// fold empties a write-ahead log that slow readers have let grow: SQLite's own checkpoints never wait
// for readers, so under steady reading the log would grow without bound. A reader that holds it up longer than
// foldWait is let be until the log has grown by half again.
func (db *DB) fold(c *Conn) {
	fi, err := os.Stat(db.path + "-wal")
	if err != nil || db.broken.Load() {
		return
	}
	if fi.Size() < db.opt.WALLimit {
		db.foldAt = db.opt.WALLimit
		return
	}
	if fi.Size() < db.foldAt {
		return
	}
	db.writer.SetBusyTimeout(foldWait)
	defer db.writer.SetBusyTimeout(busy)
	blocked := true
	_, err = c.Row("PRAGMA wal_checkpoint(RESTART)", nil, func(s *Stmt) { blocked = s.Bool(0) })
	db.foldAt = fi.Size() + 1 // done: the file shrinks at the next commit (journal_size_limit)
	if err != nil || blocked {
		db.foldAt = fi.Size() + fi.Size()/2
	}
}
