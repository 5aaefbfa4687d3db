// Package shop is the demo marketplace "Lantern Lane". It is what a shop's programmer would write: it knows the
// gateway's public API (an address, an API key, a webhook secret) and nothing else of the house.
//
// It never sees a card. It creates a payment, shows the gateway's frame, and later reads what it may
// know: paid, masked card, holder's name.
package shop

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"countersign/host"
	"countersign/ui"
)

// Config is what a shop gets from its payment gateway.
type Config struct {
	APIKey        string       // "csk_…"
	WebhookSecret string       // "whsec_…" (Standard Webhooks)
	Client        *http.Client // nil: host.LoopbackClient
}

// Role is the shop as a part of the demo, with origin "shop".
func Role(cfg Config) host.Role {
	return host.Role{Name: "shop", Origins: []string{"shop"}, Start: func(_ context.Context, env *host.Env) (*host.Running, error) {
		client := cfg.Client
		if client == nil {
			client = host.LoopbackClient()
		}
		s, err := New(Options{
			API: API{Base: env.URL("pay"), Key: cfg.APIKey, Client: client}, WebhookSecret: cfg.WebhookSecret, Site: env.URL("shop"),
			File: filepath.Join(env.DataDir, "orders.json"), Now: env.Now, Rand: env.Rand, Log: env.Log,
		})
		if err != nil {
			return nil, err
		}
		return &host.Running{Web: map[string]http.Handler{"shop": s}}, nil
	}}
}

// Options is what New needs.
type Options struct {
	API           API
	WebhookSecret string
	Site          string // the shop's own origin
	File          string // where the orders are kept
	Now           func() time.Time
	Rand          io.Reader
	Log           *slog.Logger
}

// Shop is the running marketplace: an http.Handler.
type Shop struct {
	Options
	orders *orders
	mux    http.Handler
}

// New reads the orders of earlier days and makes the shop.
func New(o Options) (*Shop, error) {
	kept, err := openOrders(o.File)
	if err != nil {
		return nil, fmt.Errorf("shop: orders: %w", err)
	}
	s := &Shop{Options: o, orders: kept}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.front)
	mux.HandleFunc("POST /basket", s.changeBasket)
	mux.HandleFunc("GET /basket", s.showBasket)
	mux.HandleFunc("POST /orders", s.placeOrder)
	mux.HandleFunc("GET /orders/{id}", s.showOrder)
	mux.HandleFunc("GET /orders/{id}/pay", s.payOrder)
	mux.HandleFunc("POST /orders/{id}/cancel", s.cancelOrder)
	mux.HandleFunc("GET /desk", s.desk)
	mux.HandleFunc("GET /desk/{id}", s.deskOrder)
	mux.HandleFunc("POST /desk/{id}/refund", s.refundOrder)
	mux.HandleFunc("POST /webhooks/countersign", s.webhook)
	mux.Handle("/_ui/", ui.Assets())
	mux.Handle("/_shop/", pagesTable.Assets())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		s.say(w, http.StatusNotFound, "Nothing here", "This page does not exist. The goods are on the front page.")
	})
	s.mux = http.NewCrossOriginProtection().Handler(mux)
	return s, nil
}

// ServeHTTP answers for origin shop.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }
