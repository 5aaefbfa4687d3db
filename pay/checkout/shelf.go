package checkout

import (
	"sync"
	"time"

	"countersign/pay/sealed"
)

// shelf holds sealed security codes while the bank asks the holder: in memory only, each taken once, and
// not longer than its time. What lies here is ciphertext that the gateway cannot open.
type shelf struct {
	mu    sync.Mutex
	boxes map[ticket]shelved
}

// ticket names an attempt of a payment.
type ticket struct {
	payment string
	attempt int
}

type shelved struct {
	box   sealed.Box
	until time.Time
}

func newShelf() *shelf { return &shelf{boxes: map[ticket]shelved{}} }

func (s *shelf) put(t ticket, b sealed.Box, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes[t] = shelved{b, until}
}

// take hands a box out, once; ok is false when it is gone.
func (s *shelf) take(t ticket, now time.Time) (b sealed.Box, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.boxes[t]
	delete(s.boxes, t)
	if !ok || !now.Before(have.until) {
		clear(have.box.Data)
		return sealed.Box{}, false
	}
	return have.box, true
}

// drop wipes a box.
func (s *shelf) drop(t ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.boxes[t].box.Data)
	delete(s.boxes, t)
}

// sweep wipes what has stood too long.
func (s *shelf) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t, have := range s.boxes {
		if !now.Before(have.until) {
			clear(have.box.Data)
			delete(s.boxes, t)
		}
	}
}

// size is the number of boxes.
func (s *shelf) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.boxes)
}
