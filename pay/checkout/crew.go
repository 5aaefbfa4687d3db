package checkout

import (
	"context"
	"sync"
	"time"
)

// crew counts what is being done in the background.
type crew struct {
	mu     sync.Mutex
	count  int
	closed bool
	wait   sync.WaitGroup
}

// start does f in the background; after close it does nothing: the next start of the role resolves what is stored.
func (c *crew) start(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.count++
	c.wait.Go(func() {
		defer func() { c.mu.Lock(); c.count--; c.mu.Unlock() }()
		f()
	})
}

// idle waits until nothing is being done, or ctx ends.
func (c *crew) idle(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c.mu.Lock()
		n := c.count
		c.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// close lets nothing new begin and waits for the rest.
func (c *crew) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wait.Wait()
}
