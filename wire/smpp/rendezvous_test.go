package smpp

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// Over a connection without buffers (a memory pipe, or a full TCP window) both ends write at the same time. The
// sender must go on reading while it writes: with one lock for both, many senders at once waited for ever.
func TestManySendersOverARendezvous(t *testing.T) {
	for range 20 {
		here, there := net.Pipe()
		centre := &Centre{SystemID: "c", Submit: func(context.Context, Bind, *Message) (string, Status) { return "1", OK }}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		go centre.serve(ctx, there)
		s, err := BindAs(ctx, here, Bind{SystemID: "e"}, Options{Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for range 50 {
					if _, err := s.Submit(ctx, &Message{Source: Name("Bank"), Dest: Number("+46700000042"), Data: []byte("hello")}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		_ = s.Close(ctx)
		cancel()
		if t.Failed() {
			return
		}
	}
}
