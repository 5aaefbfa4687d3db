// Package checkout is the gateway: it takes a shop's order and a shopper's sealed card, has the bank
// confirm and authorise, and tells the shop. It reads card numbers in its vault only, and security
// codes never: those travel through it as ciphertext.
//
// What happens to a payment is decided in core; store keeps it; this package carries out the effects.
package checkout

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"sync"

	"countersign/host"
	"countersign/pay/card"
	"countersign/pay/checkout/core"
	"countersign/pay/checkout/fields"
	"countersign/pay/checkout/merchant"
	"countersign/pay/checkout/network"
	"countersign/pay/checkout/store"
	"countersign/pay/checkout/threeds"
	"countersign/pay/checkout/vault"
	"countersign/pay/sealed"
	"countersign/wire/webhook"
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
	signers, err := cfg.check()
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	e := &engine{
		cfg: cfg, merchants: map[string]Merchant{}, vault: vault.New(env.Keys, env.Rand), shelf: newShelf(), hub: newHub(),
		log: env.Log, now: env.Now, rand: env.Rand,
	}
	if err := e.vault.Ready(); err != nil {
		return nil, err
	}
	for _, m := range cfg.Merchants {
		e.merchants[m.ID] = m
	}
	e.store, err = store.Open(filepath.Join(env.DataDir, "checkout.db"), store.Config{
		Now: env.Now, Rand: env.Rand, Policy: cfg.Policy, Body: merchant.Event(env.URL("pay")),
	})
	if err != nil {
		return nil, err
	}
	if cfg.tap != nil {
		cfg.tap(e)
	}
	running, err := e.run(ctx, env, signers)
	if err != nil {
		return nil, errors.Join(err, e.store.Close())
	}
	return running, nil
}

// run connects the engine and lets it work. The order matters: what an earlier life left open is resolved
// before anything new comes in.
func (e *engine) run(ctx context.Context, env *host.Env, signers map[string]*webhook.Signer) (*host.Running, error) {
	shops, endpoints := e.shops(signers)
	if err := e.store.SetMerchants(ctx, shops); err != nil {
		return nil, err
	}
	client := e.cfg.Webhooks
	if client == nil {
		client = env.Egress
	}
	courier := merchant.NewCourier(merchant.Delivery{
		Store: e.store, Endpoints: endpoints, Client: client, Now: env.Now, Rand: env.Rand, Log: env.Log, Plain: e.cfg.PlainWebhook,
	})
	e.notify = courier.Poke
	closers, err := e.connect(env)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	e.life = life
	loops, halt := context.WithCancel(life)
	e.forward = newForwarder(e, e.cfg.Queue)
	var running sync.WaitGroup
	running.Go(func() { e.forward.run(life) })
	stop := func(ctx context.Context) error {
		halt()
		e.work.idle(ctx)
		end()
		for _, c := range closers {
			c()
		}
		e.work.close()
		running.Wait()
		return e.store.Close()
	}
	if err := e.recover(ctx); err != nil {
		end()
		running.Wait()
		for _, c := range closers {
			c()
		}
		return nil, err
	}
	for _, start := range e.starts {
		start(life)
	}
	running.Go(func() { e.janitor(loops) })
	running.Go(func() { courier.Run(loops) })
	return &host.Running{Web: map[string]http.Handler{"pay": e.web(env)}, Ready: e.ready, Stop: stop}, nil
}

// connect makes the links to bank and directory; they are started later.
func (e *engine) connect(env *host.Env) (closers []func(), err error) {
	e.bank, e.threeds = e.cfg.Bank, e.cfg.ThreeDS
	if e.bank == nil {
		link := network.New(network.Config{
			Dial:     func(ctx context.Context) (net.Conn, error) { return env.Dial(ctx, "issuer.iso8583") },
			Acquirer: e.cfg.Acquirer, Timeout: e.cfg.BankTimeout, Echo: e.cfg.BankEcho, Now: env.Now, Log: env.Log,
			Late: func(t network.Trace, a network.Answer) {
				e.late(core.Trace{STAN: t.STAN, Transmitted: t.Transmitted, RRN: t.RRN}, coreAnswer(a))
			},
		})
		e.bank = line{link, e.cfg.Acquirer}
		e.starts = append(e.starts, func(context.Context) { link.Start() })
		closers = append(closers, func() {
			if err := link.Close(); err != nil {
				e.log.Warn("bank link", "error", err)
			}
		})
	}
	if e.threeds == nil {
		results, err := env.Listen("gateway.rreq")
		if err != nil {
			return closers, err
		}
		server := threeds.New(threeds.Config{
			Dial:     func(ctx context.Context) (net.Conn, error) { return env.Dial(ctx, "directory.3ds") },
			Listener: results, Now: env.Now, Rand: env.Rand, Log: env.Log, Result: e.result,
			NotificationURL: func(payment string) string { return env.URL("pay") + "/3ds/notify/" + payment },
			ServerURL:       env.URL("pay") + "/3ds",
		})
		e.threeds = server
		e.starts = append(e.starts, server.Start)
		closers = append(closers, server.Close)
	}
	return closers, nil
}

// web is the origin pay: shop API, pages, and a plain answer for everything else.
func (e *engine) web(env *host.Env) http.Handler {
	mux := http.NewServeMux()
	list := make([]merchant.Merchant, 0, len(e.cfg.Merchants))
	for _, m := range e.cfg.Merchants {
		list = append(list, merchant.Merchant{ID: m.ID, SiteURL: m.SiteURL, Keys: m.keys()})
	}
	merchant.Mount(mux, merchant.Config{
		Merchants: list, Store: e.store, Origin: env.URL("pay"), Now: env.Now, Rand: env.Rand, Log: env.Log, After: e.after, CardLike: e.cardLike,
	})
	fields.Mount(mux, fields.Config{Gateway: e, Now: env.Now, Log: env.Log})
	return mux
}

// cardLike says whether a shop's text holds what looks like a card number, of a known scheme or of a connected bank.
func (e *engine) cardLike(text string) bool {
	return vault.CardLike(text, func(digits []byte) bool {
		for _, r := range e.threeds.Ranges() {
			if vault.Within(digits, r.Start, r.End) {
				return true
			}
		}
		return false
	})
}

func (e *engine) ready() error {
	if !e.bank.Up() {
		return errors.New("the link to the bank is down")
	}
	if r, ok := e.threeds.(interface{ Ready() error }); ok {
		return r.Ready()
	}
	return nil
}
