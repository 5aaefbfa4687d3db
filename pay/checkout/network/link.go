package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"countersign/wire/iso8583"
)

// Config is what a Link needs.
type Config struct {
	Dial     func(context.Context) (net.Conn, error) // opens issuer.iso8583
	Acquirer string                                  // DE 32 of this gateway, 1 to 11 digits
	Timeout  time.Duration                           // how long to wait for an answer; 0 = 10 s
	Echo     time.Duration                           // silence after which an 0800/301 is sent; 0 = 30 s
	Now      func() time.Time                        // the wall clock, for DE 7 of 0800 messages
	Log      *slog.Logger
	Late     func(Trace, Answer) // an answer that came after its caller had gone; may be nil. Must not block
}

const (
	upWait     = 2 * time.Second       // how long a call waits for a link that is down
	firstPause = 50 * time.Millisecond // before dialling again; doubled each time
	longPause  = 5 * time.Second
	remember   = 8192 // ended calls, to tell late and doubled answers
)

// errNoEcho is the reason why a half-open link is closed.
var errNoEcho = errors.New("network: no answer to echo")

// Link is one signed-on connection to an issuer, kept up until Close. Any number of calls may be in flight.
type Link struct {
	cfg     Config
	matcher *iso8583.Matcher
	buffers *iso8583.Buffers
	stan    atomic.Uint32 // of 0800 messages
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	on      *session      // signed on; nil = down
	changed chan struct{} // closed when on changes
	ended   bool
}

// session is one connection.
type session struct {
	conn *iso8583.Conn
	dead chan struct{} // closed when nothing more is read
}

// New makes a link that is down until Start.
func New(cfg Config) *Link {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Echo <= 0 {
		cfg.Echo = 30 * time.Second
	}
	l := &Link{cfg: cfg, matcher: iso8583.NewMatcher(remember), changed: make(chan struct{})}
	l.buffers = iso8583.NewBuffers(l.limits().MaxFrame)
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

func (l *Link) limits() iso8583.Limits {
	return iso8583.Limits{MaxFrame: 4096, Idle: 2*l.cfg.Echo + l.cfg.Timeout, Frame: l.cfg.Timeout, Write: l.cfg.Timeout}
}

// Start begins to dial, to sign on and to keep the link up, in the background. Call it once.
func (l *Link) Start() { l.running.Go(l.keepUp) }

// Close signs off and closes. Calls in flight end with ErrNoAnswer, later ones with ErrNotSent.
func (l *Link) Close() error {
	l.mu.Lock()
	s, first := l.on, !l.ended
	l.ended = true
	l.mu.Unlock()
	if s != nil && first {
		ctx, cancel := context.WithTimeout(l.ctx, time.Second)
		_ = l.manage(ctx, s, iso8583.SignOff)
		cancel()
	}
	l.stop()
	l.running.Wait()
	return nil
}

// Up says whether the link is signed on.
func (l *Link) Up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.on != nil
}

func (l *Link) set(s *session) {
	l.mu.Lock()
	l.on = s
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
}

// wait returns the signed-on session; it gives a link that is down a moment to come up.
func (l *Link) wait(ctx context.Context) (*session, error) {
	var limit <-chan time.Time
	for {
		l.mu.Lock()
		s, changed, ended := l.on, l.changed, l.ended
		l.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
		case ended:
			return nil, fmt.Errorf("%w: link closed", ErrNotSent)
		case s != nil && s.conn.Err() == nil:
			return s, nil
		}
		if limit == nil {
			t := time.NewTimer(min(upWait, l.cfg.Timeout))
			defer t.Stop()
			limit = t.C
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-l.ctx.Done():
			return nil, fmt.Errorf("%w: link closed", ErrNotSent)
		case <-limit:
			return nil, fmt.Errorf("%w: link down", ErrNotSent)
		}
	}
}

// keepUp connects again and again, with growing pauses, until Close.
func (l *Link) keepUp() {
	pause := firstPause
	for l.ctx.Err() == nil {
		wasUp, err := l.connect()
		if l.ctx.Err() != nil {
			return
		}
		if wasUp {
			pause = firstPause
		}
		l.cfg.Log.Warn("issuer link down", "reason", err, "again", pause)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-l.ctx.Done():
			t.Stop()
		}
		pause = min(2*pause, longPause)
	}
}

// connect dials, signs on, and returns when the connection has ended, saying why and whether it was up.
func (l *Link) connect() (wasUp bool, err error) {
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.Timeout)
	defer cancel()
	nc, err := l.cfg.Dial(ctx)
	if err != nil {
		return false, err
	}
	s := &session{conn: iso8583.NewConn(nc, l.limits()), dead: make(chan struct{})}
	stop := context.AfterFunc(l.ctx, func() { s.conn.Close() })
	defer stop()
	var readers sync.WaitGroup
	readers.Go(func() { l.read(s) })
	defer readers.Wait()
	defer s.conn.Close()
	if err := l.manage(ctx, s, iso8583.SignOn); err != nil {
		return false, fmt.Errorf("sign-on: %w", err)
	}
	l.cfg.Log.Info("issuer link up")
	l.set(s)
	defer l.set(nil)
	l.watch(s)
	return true, s.conn.Err()
}

// watch sends an echo whenever nothing has come for a while, and closes a link that does not answer it.
func (l *Link) watch(s *session) {
	tick := time.NewTicker(l.cfg.Echo)
	defer tick.Stop()
	seen := s.conn.Frames()
	for {
		select {
		case <-s.dead:
			return
		case <-tick.C:
		}
		if now := s.conn.Frames(); now != seen {
			seen = now
			continue
		}
		if err := l.manage(l.ctx, s, iso8583.Echo); err != nil {
			s.conn.CloseFor(errNoEcho)
			<-s.dead
			return
		}
	}
}

// read takes what the issuer sends until the connection ends.
func (l *Link) read(s *session) {
	defer close(s.dead)
	var m iso8583.Message
	buf := l.buffers.Get()
	defer l.buffers.Put(buf)
	for {
		k, err := s.conn.Read(buf.B)
		if err != nil {
			return
		}
		fault := m.Unpack(buf.B[:k])
		if m.MTI() != 0 && m.MTI().IsRequest() {
			l.answer(s, &m)
		} else if v := l.matcher.Give(&m, fault); v != iso8583.Matched {
			l.cfg.Log.Warn("issuer's answer not matched", "mti", m.MTI().String(), "verdict", string(v))
		}
		m.Wipe()
	}
}

// answer replies to what an issuer may ask: an echo; anything else is not offered here.
func (l *Link) answer(s *session, m *iso8583.Message) {
	code := "12"
	if m.MTI() == iso8583.NetworkRequest && m.Text(iso8583.NetworkCode) == iso8583.Echo {
		code = "00"
	}
	buf := l.buffers.Get()
	defer l.buffers.Put(buf)
	var p iso8583.Packer
	p.Start(buf.B, m.MTI().Answer())
	for _, de := range [...]int{iso8583.Transmission, iso8583.STAN, iso8583.RRN, iso8583.ResponseCode, iso8583.NetworkCode} {
		switch {
		case de == iso8583.ResponseCode:
			p.Text(de, code)
		case m.Has(de):
			p.Bytes(de, m.Get(de))
		}
	}
	if msg, err := p.Finish(); err == nil {
		_ = s.conn.Write(msg)
	}
}
