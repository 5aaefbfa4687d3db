package limit

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := New(func() time.Time { return now }, 3, time.Second, 10)
	for i := range 3 {
		if !l.Allow("a") {
			t.Fatal("refused at", i)
		}
	}
	if l.Allow("a") || !l.Full("a") {
		t.Error("a fourth at once")
	}
	if l.Full("b") || !l.Allow("b") {
		t.Error("b pays for a")
	}
	now = now.Add(-time.Hour)
	if l.Allow("a") {
		t.Error("a clock set back gives tokens")
	}
	now = now.Add(time.Second)
	if !l.Allow("a") || l.Allow("a") {
		t.Error("one token a second")
	}
	for i := range 1000 {
		l.Allow(fmt.Sprint(i))
	}
	if len(l.buckets) > 10 {
		t.Error("unbounded")
	}
}
