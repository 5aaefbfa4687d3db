package iso8583

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Why a connection ended, or a message could not be written. These are the reasons in the log.
var (
	ErrClosed     = errors.New("iso8583: closed here")
	ErrStopping   = errors.New("iso8583: stopping")
	ErrPeerClosed = errors.New("iso8583: closed by the other side")
	ErrCut        = errors.New("iso8583: closed by the other side inside a frame")
	ErrIdle       = errors.New("iso8583: silent for too long")
	ErrSlow       = errors.New("iso8583: a frame took too long to arrive")
	ErrStuck      = errors.New("iso8583: the other side does not read")
	ErrEmptyFrame = errors.New("iso8583: a frame of length 0")
	ErrLongFrame  = errors.New("iso8583: a frame longer than allowed")
	ErrGarbage    = errors.New("iso8583: too many messages that cannot be read")
	// ErrNotWritten: no byte of the message went out.
	ErrNotWritten = errors.New("iso8583: not written")
	// ErrUnsure: the connection failed while the message was being written; it may have arrived.
	ErrUnsure = errors.New("iso8583: written in part or in doubt")
)

// Limits bound what the other side can do to a connection. Zero values take the defaults.
type Limits struct {
	MaxFrame int           // longest message, bytes; default 4096, at most MaxMessage
	Idle     time.Duration // silence between frames; default 2 minutes
	Frame    time.Duration // from the first byte of a frame to its last; default 10 s
	Write    time.Duration // for the other side to take what we write; default 10 s
}

func (l Limits) defaults() Limits {
	if l.MaxFrame <= 0 {
		l.MaxFrame = 4096
	}
	l.MaxFrame = min(l.MaxFrame, MaxMessage)
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&l.Idle, 2 * time.Minute}, {&l.Frame, 10 * time.Second}, {&l.Write, 10 * time.Second}} {
		if *d.v <= 0 {
			*d.v = d.d
		}
	}
	return l
}

// Conn sends and receives messages in frames: two bytes of length, big-endian, then the message. One
// goroutine may read and any number may write; messages that are written at the same time go out in
// one piece. Every buffer in it is wiped as soon as its bytes have gone on.
type Conn struct {
	nc  net.Conn
	lim Limits

	stash   []byte // received and not yet taken: stash[r:w]; the reader's own
	r, w    int
	inFrame bool
	reading *time.Timer
	slow    atomic.Bool // which limit the reading timer stands for
	frames  atomic.Uint64

	stopping atomic.Bool

	mu                    sync.Mutex
	moved                 *sync.Cond
	fill, spare           []byte
	batch, begun, written uint64 // numbers of batches: being filled, handed to nc, done
	busy                  bool
	err                   error // why it ended
}

// stashSize is how much one read may take in; frames of usual length come many at a time.
const stashSize = 16 << 10

// fillSize is how much may wait to be written.
const fillSize = 32 << 10

// NewConn frames messages over nc, which it closes when it ends.
func NewConn(nc net.Conn, lim Limits) *Conn {
	c := &Conn{nc: nc, lim: lim.defaults()}
	c.stash = make([]byte, max(stashSize, c.lim.MaxFrame+2))
	c.fill = make([]byte, 0, max(fillSize, c.lim.MaxFrame+2))
	c.spare = make([]byte, 0, cap(c.fill))
	c.moved = sync.NewCond(&c.mu)
	c.reading = time.AfterFunc(time.Hour, c.lateRead)
	c.reading.Stop()
	return c
}

// MaxFrame is the longest message that is read or written.
func (c *Conn) MaxFrame() int { return c.lim.MaxFrame }

// Frames counts the frames that arrived: a change means that the other side lives.
func (c *Conn) Frames() uint64 { return c.frames.Load() }

// Read takes the next message into dst, which must have room for MaxFrame bytes, and returns its length.
// Any error ends the connection; it is the reason why.
func (c *Conn) Read(dst []byte) (int, error) {
	for {
		if c.stopping.Load() {
			return 0, c.stopped()
		}
		n, err := c.take(dst)
		if err == nil && n == 0 {
			err = c.more()
		}
		if err != nil && c.stopping.Load() {
			return 0, c.stopped()
		}
		if err != nil {
			c.reading.Stop()
			clear(c.stash)
			c.end(err)
			return 0, c.reason()
		}
		if n > 0 {
			c.frames.Add(1)
			return n, nil
		}
	}
}

// take moves one whole frame out of the stash; 0 when there is none yet.
func (c *Conn) take(dst []byte) (int, error) {
	have := c.w - c.r
	if have < 2 {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(c.stash[c.r:]))
	switch {
	case n == 0:
		return 0, ErrEmptyFrame
	case n > c.lim.MaxFrame || n > len(dst):
		return 0, ErrLongFrame
	case have < 2+n:
		return 0, nil
	}
	copy(dst, c.stash[c.r+2:c.r+2+n])
	clear(c.stash[c.r : c.r+2+n])
	c.r += 2 + n
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.inFrame {
		c.inFrame = false
		c.reading.Stop()
	}
	return n, nil
}

// stopped is what a Read says after StopReading: the connection is still good for writing.
func (c *Conn) stopped() error {
	c.reading.Stop()
	clear(c.stash)
	return ErrStopping
}

// more reads into the stash under the limit that fits: a whole frame's, or the silence between frames.
func (c *Conn) more() error {
	if c.r > 0 {
		k := copy(c.stash, c.stash[c.r:c.w])
		clear(c.stash[k:c.w])
		c.r, c.w = 0, k
	}
	if partial := c.w > 0; !partial || !c.inFrame {
		c.inFrame = partial
		c.slow.Store(partial)
		if partial {
			c.reading.Reset(c.lim.Frame)
		} else {
			c.reading.Reset(c.lim.Idle)
		}
	}
	k, err := c.nc.Read(c.stash[c.w:])
	if !c.inFrame {
		c.reading.Stop()
	}
	c.w += k
	if k > 0 || err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		if c.w > 0 {
			return ErrCut
		}
		return ErrPeerClosed
	}
	return fmt.Errorf("iso8583: reading failed: %w", err)
}

// lateRead runs when the reading timer fires.
func (c *Conn) lateRead() {
	if c.slow.Load() {
		c.end(ErrSlow)
		return
	}
	c.end(ErrIdle)
}

// Write sends one message and returns when it has been handed to the network. With ErrNotWritten nothing
// of it went out; with ErrUnsure it may have arrived. The caller may wipe msg at once.
func (c *Conn) Write(msg []byte) error {
	if len(msg) == 0 || len(msg) > c.lim.MaxFrame {
		return fmt.Errorf("%w: %w", ErrNotWritten, ErrLongFrame)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && cap(c.fill)-len(c.fill) < 2+len(msg) {
		c.wait()
	}
	if c.err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritten, c.err)
	}
	c.fill = binary.BigEndian.AppendUint16(c.fill, uint16(len(msg)))
	c.fill = append(c.fill, msg...)
	mine := c.batch
	for c.written <= mine && c.err == nil {
		c.wait()
	}
	switch {
	case c.written > mine:
		return nil
	case c.begun > mine:
		return fmt.Errorf("%w: %w", ErrUnsure, c.err)
	}
	return fmt.Errorf("%w: %w", ErrNotWritten, c.err)
}

// wait writes the batch when nobody else is writing, else it waits for a change. c.mu is held.
func (c *Conn) wait() {
	if c.busy || len(c.fill) == 0 {
		c.moved.Wait()
		return
	}
	c.busy = true
	out := c.fill
	c.fill, c.spare = c.spare[:0], nil
	c.batch++
	c.begun++
	c.mu.Unlock()

	late := time.AfterFunc(c.lim.Write, func() { c.end(ErrStuck) })
	_, err := c.nc.Write(out)
	late.Stop()
	clear(out)
	if err != nil {
		c.end(fmt.Errorf("iso8583: writing failed: %w", err))
	}

	c.mu.Lock()
	c.spare = out[:0]
	c.busy = false
	if err == nil {
		c.written++
	}
	c.moved.Broadcast()
}

// end closes the connection for a reason; the first one stays.
func (c *Conn) end(why error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = why
		clear(c.fill)
		c.fill = c.fill[:0]
	}
	c.moved.Broadcast()
	c.mu.Unlock()
	c.nc.Close()
}

func (c *Conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Err is why the connection ended; nil while it lives.
func (c *Conn) Err() error { return c.reason() }

// Close ends the connection. A Read under way returns ErrClosed unless there was a reason before.
func (c *Conn) Close() error {
	c.CloseFor(ErrClosed)
	return nil
}

// CloseFor is Close for a reason of the caller's, which Read and Write then report.
func (c *Conn) CloseFor(why error) {
	c.reading.Stop()
	c.end(why)
}

// StopReading makes Read return ErrStopping, now and ever after, without ending the connection for
// writers.
func (c *Conn) StopReading() {
	c.stopping.Store(true)
	c.nc.SetReadDeadline(time.Unix(1, 0))
}
