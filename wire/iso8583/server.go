package iso8583

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Exchange is one message that arrived, and the place for its answer. It is good until the Handler
// returns; everything in it is wiped then.
type Exchange struct {
	In     Message
	Fault  *Fault // what is wrong with In; nil when it is well-formed
	link   uint64
	in     *Buffer
	outBuf *Buffer
	out    Packer
}

// Answer begins the answer, dropping one that was begun. Without a call of Answer nothing is sent.
func (e *Exchange) Answer(t MTI) *Packer {
	e.out.Start(e.outBuf.B, t)
	return &e.out
}

// Link is the number of the connection, as the log has it.
func (e *Exchange) Link() uint64 { return e.link }

// Handler deals with the messages of one link, each on a goroutine of its own, many at a time. It keeps
// nothing of the Exchange. Its context ends some time after the server was told to stop, never because
// the link broke: what was begun is decided to its end.
type Handler func(ctx context.Context, e *Exchange)

// Server answers messages on many links. Garbage on one is answered or ends that link, with the reason
// in the log; the others do not notice.
type Server struct {
	Open     func() Handler // makes the handler of a new link
	Log      *slog.Logger
	Limits   Limits
	InFlight int           // messages at work per link; default 1024. Then reading waits
	Links    int           // connections at a time; default 256. More are closed at once
	Grace    time.Duration // for what is at work when the server stops; default 10 s
}

// maxUnreadable is how many messages without a readable MTI a link may send in a row.
const maxUnreadable = 32

func (s *Server) defaults() *Server {
	d := *s
	d.Limits = d.Limits.defaults()
	if d.InFlight <= 0 {
		d.InFlight = 1024
	}
	if d.Links <= 0 {
		d.Links = 256
	}
	if d.Grace <= 0 {
		d.Grace = 10 * time.Second
	}
	return &d
}

// Serve accepts links from ln until ctx ends, closes ln, lets what is at work finish within Grace, and
// returns nil; or the error that keeps it from accepting.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s = s.defaults()
	work, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	stop := context.AfterFunc(ctx, func() {
		ln.Close()
		time.AfterFunc(s.Grace, kill)
	})
	defer stop()
	var links sync.WaitGroup
	defer links.Wait()
	room := make(chan struct{}, s.Links)
	buffers := NewBuffers(s.Limits.MaxFrame)
	for id := uint64(1); ; id++ {
		nc, err := accept(ctx, ln, s.Log)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case room <- struct{}{}:
		default:
			s.Log.Warn("link refused: too many", "link", id, "links", s.Links)
			nc.Close()
			continue
		}
		links.Go(func() {
			defer func() { <-room }()
			l := &link{s: s, id: id, conn: NewConn(nc, s.Limits), buffers: buffers, handle: s.Open()}
			l.run(ctx, work)
		})
	}
}

// accept waits through errors that pass, such as too many open files.
func accept(ctx context.Context, ln net.Listener, log *slog.Logger) (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		nc, err := ln.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) || pause >= time.Second {
			return nc, err
		}
		log.Warn("accept failed", "error", err, "again", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// link is one accepted connection.
type link struct {
	s       *Server
	id      uint64
	conn    *Conn
	buffers *Buffers
	handle  Handler
}

func (l *link) run(ctx, work context.Context) {
	log := l.s.Log.With("link", l.id)
	log.Info("link open")
	stop := context.AfterFunc(ctx, l.conn.StopReading)
	defer stop()
	kill := context.AfterFunc(work, func() { l.conn.CloseFor(ErrStopping) })
	defer kill()
	why := l.read(work, log)
	l.conn.CloseFor(why)
	log.Info("link closed", "reason", why, "frames", l.conn.Frames())
}

// read takes messages until the link ends, and returns when all that it started has been dealt with.
func (l *link) read(work context.Context, log *slog.Logger) error {
	var busy sync.WaitGroup
	defer busy.Wait()
	room := make(chan struct{}, l.s.InFlight)
	exchanges := sync.Pool{New: func() any { return new(Exchange) }}
	unreadable := 0
	for {
		in := l.buffers.Get()
		k, err := l.conn.Read(in.B)
		if err != nil {
			l.buffers.Put(in)
			return err
		}
		e := exchanges.Get().(*Exchange)
		e.in, e.link = in, l.id
		e.Fault, _ = e.In.Unpack(in.B[:k]).(*Fault)
		if e.In.MTI() == 0 {
			l.buffers.Put(in)
			log.Warn("message dropped: cannot be read", "fault", e.Fault.Where(), "reason", e.Fault.Reason.String())
			if unreadable++; unreadable >= maxUnreadable {
				return ErrGarbage
			}
			continue
		}
		unreadable = 0
		room <- struct{}{}
		busy.Go(func() {
			defer func() { <-room }()
			l.deal(work, e, log)
			exchanges.Put(e)
		})
	}
}

// deal has one message handled, wipes it, and sends the answer.
func (l *link) deal(work context.Context, e *Exchange, log *slog.Logger) {
	e.outBuf = l.buffers.Get()
	l.handle(work, e)
	e.In.Wipe()
	l.buffers.Put(e.in)
	answer, err := e.out.Finish()
	switch {
	case err != nil:
		log.Error("answer cannot be written", "error", err)
	case answer != nil:
		if err := l.conn.Write(answer); err != nil {
			log.Warn("answer not sent", "error", err)
		}
	}
	l.buffers.Put(e.outBuf)
	e.out, e.in, e.outBuf, e.Fault = Packer{}, nil, nil, nil
}
