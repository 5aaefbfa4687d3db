// Package memory is the bank's store in maps: for tests and for simulations that run the deciding core
// (package book) without a disk. It keeps nothing when the process ends.
package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"countersign/pay/issuer/book"
	"countersign/pay/ledger"
)

// Store is a book.Store. Decisions run one after the other. The zero value is not ready: use New.
type Store struct {
	mu    sync.RWMutex
	state State

	// BeforeCommit, when set, may refuse a commit: nothing of it is stored then, and Write returns the
	// error. A simulation injects its disk faults here.
	BeforeCommit func(book.Changes) error
}

// State is all that the store holds. Maps are keyed by id. Read it through Store.Look only.
type State struct {
	Accounts  map[ledger.AccountID]ledger.Account
	Holds     map[ledger.HoldID]ledger.Hold
	Transfers map[ledger.TransferID]ledger.Transfer
	Order     []ledger.TransferID // of the transfers, by Seq
	Cards     map[string]book.Card
	Holders   map[string]book.Holder
	Owners    map[ledger.AccountID]string
	Messages  map[string]book.Message
	Trail     []book.Record

	codeKeys []book.CodeKey
	byIndex  map[book.Index]string
	byLife   map[string]string // acquirer/lifecycle → key of the newest purchase with a hold
	byHold   map[ledger.HoldID]string
	open     map[ledger.HoldID]struct{}
	spending map[string][]string // card → keys of its purchases with a hold
	tries    map[string][]time.Time
	proofs   map[string]struct{}
	early    map[string]struct{}
	head     ledger.Head
}

// New is an empty store.
func New() *Store {
	return &Store{state: State{
		Accounts: map[ledger.AccountID]ledger.Account{}, Holds: map[ledger.HoldID]ledger.Hold{},
		Transfers: map[ledger.TransferID]ledger.Transfer{}, Cards: map[string]book.Card{},
		Holders: map[string]book.Holder{}, Owners: map[ledger.AccountID]string{}, Messages: map[string]book.Message{},
		byIndex: map[book.Index]string{}, byLife: map[string]string{}, byHold: map[ledger.HoldID]string{},
		open: map[ledger.HoldID]struct{}{}, spending: map[string][]string{}, tries: map[string][]time.Time{},
		proofs: map[string]struct{}{}, early: map[string]struct{}{},
	}}
}

// Write runs one decision, alone.
func (s *Store) Write(ctx context.Context, f func(book.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &tx{State: &s.state}
	if err := f(t); err != nil {
		return err
	}
	if t.saved == nil {
		return nil
	}
	if s.BeforeCommit != nil {
		if err := s.BeforeCommit(*t.saved); err != nil {
			return err
		}
	}
	s.state.apply(t.saved)
	return nil
}

// Read runs a look at the books beside others.
func (s *Store) Read(ctx context.Context, f func(book.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return f(&tx{State: &s.state, readOnly: true})
}

// Look lends the whole state, for checks of the invariants. It must not be kept or changed.
func (s *Store) Look(f func(*State)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(&s.state)
}

func (s *State) apply(c *book.Changes) {
	for _, a := range c.Ledger.Accounts {
		s.Accounts[a.ID] = a
	}
	for _, h := range c.Ledger.Holds {
		s.Holds[h.ID] = h
		if h.State == ledger.Open {
			s.open[h.ID] = struct{}{}
		} else {
			delete(s.open, h.ID)
		}
	}
	for _, t := range c.Ledger.Transfers {
		s.Transfers[t.ID] = t
		s.Order = append(s.Order, t.ID)
		s.head = ledger.Head{Seq: t.Seq, Hash: t.Hash}
	}
	for _, card := range c.Cards {
		s.Cards[card.ID] = card
		s.byIndex[card.Index] = card.ID
	}
	for _, h := range c.Holders {
		s.Holders[h.ID] = h
	}
	for _, o := range c.Owners {
		s.Owners[o.Account] = o.Holder
	}
	s.codeKeys = append(s.codeKeys, c.CodeKeys...)
	for _, m := range c.Messages {
		s.message(m)
	}
	for _, t := range c.Tries {
		s.tries[t.Card] = append(s.tries[t.Card], t.At)
	}
	for _, p := range c.Proofs {
		s.proofs[string(p.Value)] = struct{}{}
	}
	for _, e := range c.Early {
		s.early[e.Original] = struct{}{}
	}
	s.Trail = append(s.Trail, c.Trail...)
}

func (s *State) message(m book.Message) {
	s.Messages[m.Key] = m
	if m.Kind == book.KindPurchase && m.Decision.Hold != "" {
		s.byLife[m.Acquirer+"/"+m.Lifecycle] = m.Key
		s.byHold[m.Decision.Hold] = m.Key
		s.spending[m.Card] = append(s.spending[m.Card], m.Key)
	}
}

// tx is one look, and what it saved.
type tx struct {
	*State
	saved    *book.Changes
	readOnly bool
}

// Save keeps the changes until the decision is over.
func (t *tx) Save(c book.Changes) error {
	if t.readOnly || t.saved != nil {
		return errSave
	}
	t.saved = &c
	return nil
}

type saveError string

func (e saveError) Error() string { return string(e) }

const errSave = saveError("memory: Save in a Read, or twice in a Write")

func get[K comparable, V any](m map[K]V, k K) (V, bool, error) {
	v, ok := m[k]
	return v, ok, nil
}

func (t *tx) Account(id ledger.AccountID) (ledger.Account, bool, error) { return get(t.Accounts, id) }
func (t *tx) Hold(id ledger.HoldID) (ledger.Hold, bool, error)          { return get(t.Holds, id) }
func (t *tx) Transfer(id ledger.TransferID) (ledger.Transfer, bool, error) {
	return get(t.Transfers, id)
}
func (t *tx) Head() (ledger.Head, error)                        { return t.head, nil }
func (t *tx) Holder(id string) (book.Holder, bool, error)       { return get(t.Holders, id) }
func (t *tx) Card(id string) (book.Card, bool, error)           { return get(t.Cards, id) }
func (t *tx) Message(key string) (book.Message, bool, error)    { return get(t.Messages, key) }
func (t *tx) CardByIndex(i book.Index) (book.Card, bool, error) { return get(t.Cards, t.byIndex[i]) }

func (t *tx) Lifecycle(acquirer, lifecycle string) (book.Message, bool, error) {
	return get(t.Messages, t.byLife[acquirer+"/"+lifecycle])
}

func (t *tx) MessageOfHold(id ledger.HoldID) (book.Message, bool, error) {
	return get(t.Messages, t.byHold[id])
}

func (t *tx) CodeKeys() ([]book.CodeKey, error) { return slices.Clone(t.codeKeys), nil }

func (t *tx) IsEarly(key string) (bool, error) { _, ok := t.early[key]; return ok, nil }

func (t *tx) ProofUsed(v []byte) (bool, error) { _, ok := t.proofs[string(v)]; return ok, nil }

func (t *tx) WrongCodes(card string, after time.Time) (n int, err error) {
	for _, at := range t.tries[card] {
		if at.After(after) {
			n++
		}
	}
	return n, nil
}

func (t *tx) Spent(card string, after time.Time) (sum int64, err error) {
	for _, key := range t.spending[card] {
		if m := t.Messages[key]; m.At.After(after) {
			h := t.Holds[m.Decision.Hold]
			sum += h.Authorised - h.Released
		}
	}
	return sum, nil
}

func (t *tx) DueHolds(account ledger.AccountID, now time.Time, most int) ([]ledger.Hold, error) {
	var due []ledger.Hold
	for id := range t.open {
		if h := t.Holds[id]; !now.Before(h.Expires) && (account == "" || h.Account == account) {
			due = append(due, h)
		}
	}
	slices.SortFunc(due, func(a, b ledger.Hold) int {
		if c := a.Expires.Compare(b.Expires); c != 0 {
			return c
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return due[:min(most, len(due))], nil
}

func (t *tx) TrailHead() (book.TrailHead, error) {
	if n := len(t.Trail); n > 0 {
		return book.TrailHead{Seq: t.Trail[n-1].Seq, Link: t.Trail[n-1].Link}, nil
	}
	return book.TrailHead{}, nil
}

var _ book.Store = (*Store)(nil)

// Card finds a card by its id.
func (s *Store) Card(_ context.Context, id string) (book.Card, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return get(s.state.Cards, id)
}

// Cards are all cards, oldest first.
func (s *Store) Cards(context.Context) ([]book.Card, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := slices.Collect(maps.Values(s.state.Cards))
	slices.SortFunc(all, func(a, b book.Card) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}
