// Package settings reads the configuration of `countersign serve`: a TOML file, then environment variables,
// then flags. Every mistake is found and reported in one go: unknown keys, wrong types, values that
// cannot be, files that cannot be read. Secrets come by file, never in the configuration itself.
package settings

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong, and where.
type Mistake struct {
	Where string // key in the file such as "merchants[0].mcc", or the name of a variable or flag
	Kind  Kind
	What  string // in words; never the value of a secret
}

// Kind sorts mistakes for programs.
type Kind string

// The kinds.
const (
	Syntax  Kind = "syntax"  // not TOML
	Unknown Kind = "unknown" // no such key
	Type    Kind = "type"    // such as a number where text belongs
	Value   Kind = "value"   // cannot be
	Missing Kind = "missing" // must be there
	File    Kind = "file"    // a file that it names cannot be used
)

// Error writes "where: what".
func (m Mistake) Error() string {
	if m.Where == "" {
		return m.What
	}
	return m.Where + ": " + m.What
}

// Mistakes is everything that is wrong with a configuration.
type Mistakes []Mistake

// Error lists them, one a line.
func (m Mistakes) Error() string {
	lines := make([]string, 0, len(m)+1)
	noun := "mistakes"
	if len(m) == 1 {
		noun = "mistake"
	}
	lines = append(lines, fmt.Sprintf("%d %s in the configuration:", len(m), noun))
	for _, x := range m {
		lines = append(lines, "  "+x.Error())
	}
	return strings.Join(lines, "\n")
}

// add notes a mistake; what has a wrong type is not told to have a wrong value as well.
func (m *Mistakes) add(where string, k Kind, format string, args ...any) {
	for _, x := range *m {
		if where != "" && x.Where == where && x.Kind == Type {
			return
		}
	}
	*m = append(*m, Mistake{where, k, fmt.Sprintf(format, args...)})
}

// fill copies decoded TOML into dst, a pointer to a struct with `toml` tags, and notes each key that is
// unknown and each value of a wrong type. (go-toml's own strict mode stops at the first wrong type.)
func (m *Mistakes) fill(where string, dst reflect.Value, src map[string]any) {
	fields := map[string]reflect.Value{}
	for i := range dst.NumField() {
		if tag := dst.Type().Field(i).Tag.Get("toml"); tag != "" {
			fields[tag] = dst.Field(i)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(src)) {
		at := k
		if where != "" {
			at = where + "." + k
		}
		f, ok := fields[k]
		if !ok {
			m.add(at, Unknown, "there is no such key%s", nearest(k, slices.Sorted(maps.Keys(fields))))
			continue
		}
		m.set(at, f, src[k])
	}
}

func (m *Mistakes) set(at string, f reflect.Value, v any) {
	switch f.Kind() {
	case reflect.String:
		if s, ok := v.(string); ok {
			f.SetString(s)
			return
		}
	case reflect.Int64, reflect.Int:
		if n, ok := v.(int64); ok {
			f.SetInt(n)
			return
		}
	case reflect.Bool:
		if b, ok := v.(bool); ok {
			f.SetBool(b)
			return
		}
	case reflect.Struct:
		if t, ok := v.(map[string]any); ok {
			m.fill(at, f, t)
			return
		}
	case reflect.Slice:
		if list, ok := v.([]any); ok {
			f.Set(reflect.MakeSlice(f.Type(), len(list), len(list)))
			for i, x := range list {
				m.set(fmt.Sprintf("%s[%d]", at, i), f.Index(i), x)
			}
			return
		}
	case reflect.Map:
		if t, ok := v.(map[string]any); ok {
			f.Set(reflect.MakeMap(f.Type()))
			for _, k := range slices.Sorted(maps.Keys(t)) {
				x := reflect.New(f.Type().Elem()).Elem()
				m.set(fmt.Sprintf("%s.%q", at, k), x, t[k])
				f.SetMapIndex(reflect.ValueOf(k), x)
			}
			return
		}
	}
	m.add(at, Type, "must be %s, is %s", kindName(f.Type()), valueName(v))
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text in quotes"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	}
	return "a table"
}

func valueName(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case int64:
		return "a whole number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// nearest proposes a key that differs by little.
func nearest(key string, known []string) string {
	best, at := 3, ""
	for _, k := range known {
		if d := distance(key, k); d < best {
			best, at = d, k
		}
	}
	if at == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", at)
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(prev+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
