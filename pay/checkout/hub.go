package checkout

import "sync"

// hub tells who waits that a payment has changed.
type hub struct {
	mu      sync.Mutex
	waiters map[string][]chan struct{}
}

func newHub() *hub { return &hub{waiters: map[string][]chan struct{}{}} }

// watch returns a channel that is closed at the next change of the payment, and a function that gives it up.
func (h *hub) watch(id string) (changed <-chan struct{}, stop func()) {
	c := make(chan struct{})
	h.mu.Lock()
	h.waiters[id] = append(h.waiters[id], c)
	h.mu.Unlock()
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for i, w := range h.waiters[id] {
			if w == c {
				h.waiters[id] = append(h.waiters[id][:i:i], h.waiters[id][i+1:]...)
				if len(h.waiters[id]) == 0 {
					delete(h.waiters, id)
				}
				return
			}
		}
	}
}

func (h *hub) changed(id string) {
	h.mu.Lock()
	list := h.waiters[id]
	delete(h.waiters, id)
	h.mu.Unlock()
	for _, c := range list {
		close(c)
	}
}
