// Package limit slows down who tries too often: a token bucket per name, bounded in number.
package limit

import (
	"sync"
	"time"
)

// Limiter gives each name burst tokens and a new one every interval. It is safe for many goroutines.
type Limiter struct {
	now   func() time.Time
	burst float64
	every time.Duration
	most  int

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// New makes a limiter that remembers at most the given number of names.
func New(now func() time.Time, burst int, every time.Duration, names int) *Limiter {
	return &Limiter{now: now, burst: float64(burst), every: every, most: names, buckets: map[string]bucket{}}
}

// Allow takes a token; false when there is none.
func (l *Limiter) Allow(name string) bool { return l.take(name, 1) }

// Full says whether the name has used up its tokens, without taking one.
func (l *Limiter) Full(name string) bool { return !l.take(name, 0) }

func (l *Limiter) take(name string, n float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, known := l.buckets[name]
	if !known {
		if len(l.buckets) >= l.most {
			l.sweep(now)
		}
		b = bucket{l.burst, now}
	}
	b = l.refill(b, now)
	ok := b.tokens >= 1
	if ok {
		b.tokens -= n
	}
	if n > 0 || known {
		l.buckets[name] = b
	}
	return ok
}

func (l *Limiter) refill(b bucket, now time.Time) bucket {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(l.burst, b.tokens+float64(passed)/float64(l.every))
	}
	b.at = now // a clock that was set back gives nothing and takes nothing
	return b
}

// sweep forgets names that have all their tokens, or everybody when nobody has: memory is bounded, and a
// flood of names cannot lock out the honest.
func (l *Limiter) sweep(now time.Time) {
	for name, b := range l.buckets {
		if l.refill(b, now).tokens >= l.burst {
			delete(l.buckets, name)
		}
	}
	if len(l.buckets) >= l.most {
		clear(l.buckets)
	}
}
