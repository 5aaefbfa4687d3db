package network

import (
	"context"
	"log/slog"
	"net"
	"time"
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

// Link is one signed-on connection to an issuer, kept up until Close.
type Link struct{ cfg Config }

// New makes a link that is down until Start.
func New(cfg Config) *Link { return &Link{cfg: cfg} }

// Start begins to dial, to sign on and to keep the link up, in the background.
func (l *Link) Start() {}

// Close signs off and closes. Calls in flight end with ErrNoAnswer.
func (l *Link) Close() error { return nil }

// Up says whether the link is signed on.
func (l *Link) Up() bool { return false }

// Authorise sends a Purchase and waits for its answer.
func (l *Link) Authorise(ctx context.Context, p Purchase) (Answer, error) { return Answer{}, ErrNotSent }

// Advise sends an Advice and waits for its answer.
func (l *Link) Advise(ctx context.Context, a Advice) (Answer, error) { return Answer{}, ErrNotSent }

// Reverse sends a Reversal and waits for its answer.
func (l *Link) Reverse(ctx context.Context, r Reversal) (Answer, error) { return Answer{}, ErrNotSent }
