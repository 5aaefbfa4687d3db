// Package checkout is the gateway: it takes a shop's order and a shopper's sealed card, has the bank
// confirm and authorise, and tells the shop. It reads card numbers in its vault only, and security
// codes never: those travel through it as ciphertext.
//
// What happens to a payment is decided in core; store keeps it; this package carries out the effects.
package checkout

import (
	"context"
	"errors"

	"countersign/host"
	"countersign/pay/card"
	"countersign/pay/checkout/core"
	"countersign/pay/checkout/threeds"
	"countersign/pay/sealed"
)

// Bank is the link to issuing banks: network.Link, or a fake.
type Bank interface {
	// Authorise sends a 0100. The error is ErrNotSent or ErrNoAnswer.
	Authorise(ctx context.Context, a Authorisation) (core.Answer, error)
	// Forward sends a capture, refund or reversal. The error is ErrNotSent or ErrNoAnswer.
	Forward(ctx context.Context, f Forwarding) (core.Answer, error)
	// Up says whether the link works.
	Up() bool
}

// The errors of Bank.
var (
	ErrNotSent  = errors.New("checkout: not sent")
	ErrNoAnswer = errors.New("checkout: no answer")
)

// Authorisation is a 0100 to send. PAN and code are lent.
type Authorisation struct {
	Payment  core.Payment
	Attempt  core.Attempt
	Merchant Merchant
	PAN      card.PAN
	Expiry   card.Expiry
	Code     sealed.Box
}

// Forwarding is an advice to send. The PAN is lent.
type Forwarding struct {
	Advice   core.Advice
	Repeat   bool
	Merchant Merchant
	PAN      card.PAN
}

// ThreeDS is the 3DS Server: threeds.Server, or a fake.
type ThreeDS interface {
	Authenticate(ctx context.Context, r threeds.Request) (threeds.Outcome, error)
	Ranges() []threeds.Range
}

func (cfg Config) start(ctx context.Context, env *host.Env) (*host.Running, error) {
	return nil, errors.New("checkout: not assembled")
}
