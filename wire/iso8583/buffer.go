package iso8583

import "sync"

// Buffer is a message buffer from a pool. B has the pool's size; keep its capacity.
type Buffer struct{ B []byte }

// Buffers is a pool of message buffers that are all zero: each is wiped when it comes back.
type Buffers struct {
	pool sync.Pool
	size int
}

// NewBuffers makes a pool of buffers of size bytes.
func NewBuffers(size int) *Buffers { return &Buffers{size: size} }

// Get takes a zeroed buffer.
func (p *Buffers) Get() *Buffer {
	if b, ok := p.pool.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{B: make([]byte, p.size)}
}

// Put wipes the whole buffer and gives it back. Nobody may hold a view into it any longer.
func (p *Buffers) Put(b *Buffer) {
	clear(b.B)
	p.pool.Put(b)
}
