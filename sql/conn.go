package sql

import (
	"fmt"
	"reflect"
	"time"

	"zombiezen.com/go/sqlite"
)

// Conn is one connection, lent to the function given to Write or Read. It must not be kept, and is for
// one goroutine. Statements are prepared once per connection and text.
type Conn struct{ c *sqlite.Conn }

// Exec runs one statement that returns no rows. Arguments are bound to ?, ?1… in order: nil, bool, all
// integers, float64, string, []byte, byte arrays, time.Time (as unix milliseconds; the zero Time as NULL),
// and named types of these.
func (c *Conn) Exec(query string, args ...any) error {
	return c.run(query, args, func(*Stmt) error { return nil })
}

// Row runs a query and hands its first row to f; found is false when there is none. f may be nil.
func (c *Conn) Row(query string, args []any, f func(s *Stmt)) (found bool, err error) {
	err = c.run(query, args, func(s *Stmt) error {
		if !found && f != nil {
			f(s)
		}
		found = true
		return errStop
	})
	return found, err
}

// Rows runs a query and hands every row to f, until f returns an error.
func (c *Conn) Rows(query string, args []any, f func(s *Stmt) error) error {
	return c.run(query, args, f)
}

// Changes is the number of rows that the last INSERT, UPDATE or DELETE changed.
func (c *Conn) Changes() int { return c.c.Changes() }

// LastID is the rowid of the last INSERT.
func (c *Conn) LastID() int64 { return c.c.LastInsertRowID() }

type stop struct{}

func (stop) Error() string { return "sql: stop" }

var errStop error = stop{}

func (c *Conn) run(query string, args []any, f func(*Stmt) error) (err error) {
	st, err := c.c.Prepare(query)
	if err != nil {
		return wrap(query, err)
	}
	defer func() {
		if e := st.Reset(); e != nil && err == nil {
			err = wrap(query, e)
		}
		if e := st.ClearBindings(); e != nil && err == nil {
			err = wrap(query, e)
		}
	}()
	if n := st.BindParamCount(); n != len(args) {
		return fmt.Errorf("sql: %d arguments for %d parameters: %s", len(args), n, query)
	}
	for i, a := range args {
		if err := bind(st, i+1, a); err != nil {
			return err
		}
	}
	row := Stmt{st}
	for {
		more, err := st.Step()
		if err != nil {
			return wrap(query, err)
		}
		if !more {
			return nil
		}
		if err := f(&row); err == errStop {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// wrap names the statement, never its arguments.
func wrap(query string, err error) error { return fmt.Errorf("sql: %w (in %s)", err, query) }

func bind(st *sqlite.Stmt, i int, a any) error {
	switch v := a.(type) {
	case nil:
		st.BindNull(i)
	case string:
		st.BindText(i, v)
	case []byte:
		if v == nil {
			st.BindNull(i)
		} else {
			st.BindBytes(i, v)
		}
	case int64:
		st.BindInt64(i, v)
	case int:
		st.BindInt64(i, int64(v))
	case bool:
		st.BindBool(i, v)
	case float64:
		st.BindFloat(i, v)
	case time.Time:
		if v.IsZero() {
			st.BindNull(i)
		} else {
			st.BindInt64(i, v.UnixMilli())
		}
	default:
		return bindReflect(st, i, reflect.ValueOf(a))
	}
	return nil
}

func bindReflect(st *sqlite.Stmt, i int, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		st.BindText(i, v.String())
	case reflect.Bool:
		st.BindBool(i, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		st.BindInt64(i, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > 1<<63-1 {
			return fmt.Errorf("sql: argument %d is too large", i)
		}
		st.BindInt64(i, int64(v.Uint()))
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return fmt.Errorf("sql: argument %d has type %s", i, v.Type())
		}
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		st.BindBytes(i, b)
	case reflect.Pointer:
		if v.IsNil() {
			st.BindNull(i)
			return nil
		}
		return bind(st, i, v.Elem().Interface())
	default:
		return fmt.Errorf("sql: argument %d has type %s", i, v.Type())
	}
	return nil
}

// Stmt is the current row of a query. Columns count from 0.
type Stmt struct{ s *sqlite.Stmt }

// Null says whether the column is NULL.
func (s *Stmt) Null(col int) bool { return s.s.ColumnIsNull(col) }

// Int64 reads an INTEGER column (0 for NULL).
func (s *Stmt) Int64(col int) int64 { return s.s.ColumnInt64(col) }

// Int reads an INTEGER column (0 for NULL).
func (s *Stmt) Int(col int) int { return int(s.s.ColumnInt64(col)) }

// Bool reads an INTEGER column: anything but 0.
func (s *Stmt) Bool(col int) bool { return s.s.ColumnInt64(col) != 0 }

// Float reads a REAL column (0 for NULL).
func (s *Stmt) Float(col int) float64 { return s.s.ColumnFloat(col) }

// Text reads a TEXT column ("" for NULL).
func (s *Stmt) Text(col int) string { return s.s.ColumnText(col) }

// Bytes reads a BLOB column into a slice of its own (nil for NULL).
func (s *Stmt) Bytes(col int) []byte {
	if s.s.ColumnIsNull(col) {
		return nil
	}
	b := make([]byte, s.s.ColumnLen(col))
	s.s.ColumnBytes(col, b)
	return b
}

// CopyBytes copies a BLOB column into dst and returns the bytes copied.
func (s *Stmt) CopyBytes(col int, dst []byte) int { return s.s.ColumnBytes(col, dst) }

// Time reads unix milliseconds as UTC (the zero Time for NULL).
func (s *Stmt) Time(col int) time.Time {
	if s.s.ColumnIsNull(col) {
		return time.Time{}
	}
	return time.UnixMilli(s.s.ColumnInt64(col)).UTC()
}
