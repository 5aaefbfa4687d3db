package keys

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Store holds all keys of an installation. It is safe for many goroutines.
type Store struct {
	dir  string // "" = memory only
	now  func() time.Time
	rand io.Reader
	kek  []byte

	mu   sync.RWMutex
	keys []Key // ordered by purpose, then number
}

// Open reads the keys in dir, making the folder and its KEK when it is new (folder 0700, files 0600;
// wider modes are refused). ErrUnwrap when a key does not open.
func Open(dir string, now func() time.Time, rand io.Reader) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	s := &Store{dir: dir, now: now, rand: rand}
	var err error
	if s.kek, err = openKEK(dir, rand); err != nil {
		return nil, err
	}
	records, err := readFile(filepath.Join(dir, keysFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		k, err := r.open(s.kek)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, k)
	}
	s.sort()
	return s, nil
}

// InMemory makes a store without files, with the keys of the specs: for tests and simulations.
func InMemory(now func() time.Time, rand io.Reader, specs ...Spec) (*Store, error) {
	s := &Store{now: now, rand: rand}
	return s, s.Ensure(specs...)
}

// Ensure makes the keys of the specs that do not exist yet. A key that exists with another owner,
// algorithm or readers is an error: that is a decision for a person.
func (s *Store) Ensure(specs ...Spec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := slices.Clone(s.keys)
	for _, sp := range specs {
		if !validName(string(sp.Purpose)) || sp.Owner == "" {
			return fmt.Errorf("%w: purpose %q, owner %q", ErrSpec, sp.Purpose, sp.Owner)
		}
		if k, ok := s.newest(sp.Purpose); ok {
			if k.Owner != sp.Owner || k.Algorithm != sp.Algorithm || !slices.Equal(k.Readers, sp.readers()) {
				return fmt.Errorf("%w: %s exists with owner %s, %s, readers %v", ErrSpec, k.ID, k.Owner, k.Algorithm, k.Readers)
			}
			continue
		}
		if _, err := s.add(sp, 1); err != nil {
			return err
		}
	}
	if len(before) == len(s.keys) {
		return nil
	}
	if err := s.save(); err != nil {
		s.keys = before
		return err
	}
	return nil
}

// Rotate makes a new current key of the purpose and retires the old one, which still opens what it closed.
func (s *Store) Rotate(p Purpose) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.newest(p)
	if !ok {
		return Key{}, ErrNoKey
	}
	before := slices.Clone(s.keys)
	for i := range s.keys {
		if s.keys[i].Purpose == p && s.keys[i].Retired.IsZero() {
			s.keys[i].Retired = s.now().UTC()
		}
	}
	k, err := s.add(Spec{p, old.Algorithm, old.Owner, old.Readers}, old.Number+1)
	if err == nil {
		err = s.save()
	}
	if err != nil {
		s.keys = before
		return Key{}, err
	}
	return k, nil
}

// Share copies every key that names a role as a reader into another store, for a process that runs that role with
// a data folder of its own, and returns those that were new there or have been retired since. ErrSpec when the other
// store has another key under the same id: then one of the two processes was started without the shared keys.
func (s *Store) Share(role string, to *Store) (news []Key, err error) {
	theirs := s.List()
	to.mu.Lock()
	defer to.mu.Unlock()
	before := slices.Clone(to.keys)
	for _, k := range theirs {
		if !k.readableBy(role) {
			continue
		}
		i := slices.IndexFunc(to.keys, func(x Key) bool { return x.ID == k.ID })
		switch {
		case i < 0:
			to.keys = append(to.keys, k)
		case to.keys[i].Check != k.Check || to.keys[i].Owner != k.Owner:
			to.keys = before
			return nil, fmt.Errorf("%w: there is another %s (check value %s, not %s)", ErrSpec, k.ID, before[i].Check, k.Check)
		case to.keys[i].Retired.Equal(k.Retired) || k.Retired.IsZero():
			continue
		default:
			to.keys[i] = k
		}
		news = append(news, k)
	}
	to.sort()
	if len(news) == 0 {
		return nil, nil
	}
	if err := to.save(); err != nil {
		to.keys = before
		return nil, err
	}
	return news, nil
}

func (sp Spec) readers() []string {
	r := append([]string{sp.Owner}, sp.Readers...)
	slices.Sort(r)
	return slices.Compact(r)
}

func (s *Store) add(sp Spec, number int) (Key, error) {
	k := Key{
		ID: fmt.Sprintf("%s-%d", sp.Purpose, number), Number: number, Owner: sp.Owner, Algorithm: sp.Algorithm,
		Purpose: sp.Purpose, Readers: sp.readers(), Created: s.now().UTC(),
	}
	if number > 255 {
		return Key{}, fmt.Errorf("%w: %s was rotated 255 times", ErrSpec, sp.Purpose)
	}
	raw, err := generate(sp.Algorithm, s.rand)
	if err != nil {
		return Key{}, err
	}
	if err := k.derive(raw); err != nil {
		return Key{}, err
	}
	s.keys = append(s.keys, k)
	s.sort()
	return k, nil
}

func (s *Store) sort() {
	slices.SortFunc(s.keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Number, b.Number))
	})
}

func (s *Store) newest(p Purpose) (k Key, ok bool) {
	for _, c := range s.keys {
		if c.Purpose == p {
			k, ok = c, true // in order: the last one wins
		}
	}
	return k, ok
}

// List is all keys, ordered by purpose and number.
func (s *Store) List() []Key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.keys)
}

// For is the ring of one role: the keys that name it as a reader. It follows rotation.
func (s *Store) For(role string) *Ring { return &Ring{s, role} }

// Ring is what a role sees of the Store.
type Ring struct {
	store *Store
	role  string
}

// Current is the key of the purpose to close things with, or ErrNoKey.
func (r *Ring) Current(p Purpose) (Key, error) {
	for _, k := range r.All(p) {
		if k.Retired.IsZero() {
			return k, nil
		}
	}
	return Key{}, fmt.Errorf("%w: %s for %s", ErrNoKey, p, r.role)
}

// ByID is a key to open things with, current or retired, or ErrNoKey. The purpose must be right: an
// id that came from outside cannot turn one kind of key into another.
func (r *Ring) ByID(p Purpose, id string) (Key, error) {
	for _, k := range r.All(p) {
		if k.ID == id {
			return k, nil
		}
	}
	return Key{}, fmt.Errorf("%w: %s for %s", ErrNoKey, p, r.role)
}

// All is the keys of the purpose, newest first.
func (r *Ring) All(p Purpose) []Key {
	r.store.mu.RLock()
	defer r.store.mu.RUnlock()
	var out []Key
	for _, k := range r.store.keys {
		if k.Purpose == p && k.readableBy(r.role) {
			out = append(out, k)
		}
	}
	slices.Reverse(out)
	return out
}

// validName: [a-z][a-z0-9-]{0,27}, so that PURPOSE-NUMBER fits 32.
func validName(s string) bool {
	for i, c := range []byte(s) {
		lower, other := c >= 'a' && c <= 'z', c >= '0' && c <= '9' || c == '-'
		if !lower && (i == 0 || !other) {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 28
}
