package checkout

import (
	"net/http"
	"time"

	"countersign/host"
	"countersign/pay/checkout/core"
)

// Config is what the gateway is told. Merchants and Acquirer are required; everything else has defaults.
type Config struct {
	Merchants []Merchant
	Acquirer  string // ISO 8583 DE 32, 1 to 11 digits
	Policy    core.Policy
	Queue     core.QueueConfig

	BankTimeout time.Duration // longest wait for the bank's answer; default 8 s
	BankEcho    time.Duration // between echo tests on the link; default the link's own
	CodeTTL     time.Duration // longest life of a sealed security code in memory; default 10 min

	// Webhooks delivers webhooks; nil = the host's egress client, which refuses private addresses. The demo
	// gives a client that reaches its own shop on the loopback.
	Webhooks     *http.Client
	PlainWebhook bool // allow http:// webhook addresses (demo)

	// Bank and ThreeDS replace the links to the outside in tests; nil = the endpoints issuer.iso8583 and directory.3ds.
	Bank    Bank
	ThreeDS ThreeDS
}

// Merchant is a shop that may take payments. The list is the truth: it is written into the store at each start,
// and a merchant that is not on it can do nothing.
type Merchant struct {
	ID            string // [a-z0-9_-], at most 32
	Name          string // shown to shopper and holder
	Acceptor      string // card acceptor id, ISO 8583 DE 42, at most 15 characters
	Terminal      string // DE 41, at most 8
	MCC           string // four digits
	Country       string // ISO 3166-1 numeric
	SiteURL       string // the shop's origin: may frame the card form, and is named to the bank
	WebhookURL    string // "" = no webhooks
	APIKeyHash    string // SHA-256 of the API key (csk_…) in hex; several, separated by spaces, during a change of keys
	WebhookSecret string // "whsec_…" (Standard Webhooks); several, separated by spaces, during a change of secrets
}

// Role is the gateway. It serves gateway.rreq, calls issuer.iso8583 and directory.3ds, and answers origin pay.
func Role(cfg Config) host.Role {
	return host.Role{
		Name:    "checkout",
		Serves:  []string{"gateway.rreq"},
		Calls:   []string{"issuer.iso8583", "directory.3ds"},
		Origins: []string{"pay"},
		Start:   cfg.start,
	}
}
