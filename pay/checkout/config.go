package checkout

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/host"
	"countersign/pay/checkout/core"
	"countersign/pay/checkout/merchant"
	"countersign/pay/checkout/store"
	"countersign/wire/webhook"
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

	tap func(*engine) // shows tests the engine
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

func (cfg Config) withDefaults() Config {
	cfg.Policy = cfg.Policy.WithDefaults()
	if cfg.BankTimeout <= 0 {
		cfg.BankTimeout = 8 * time.Second
	}
	if cfg.CodeTTL <= 0 {
		cfg.CodeTTL = 10 * time.Minute
	}
	return cfg
}

// check reports all mistakes of the config at once, and reads the webhook secrets. No value of a secret is in an error.
func (cfg Config) check() (map[string]*webhook.Signer, error) {
	var bad []error
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Errorf("checkout: "+format, args...)) }
	if !digits(cfg.Acquirer, 1, 11) {
		wrong("Acquirer: 1 to 11 digits")
	}
	seen := map[string]bool{}
	signers := map[string]*webhook.Signer{}
	for i, m := range cfg.Merchants {
		at := fmt.Sprintf("Merchants[%d]", i)
		if m.ID == "" || len(m.ID) > 32 || strings.Trim(m.ID, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			wrong("%s.ID: 1 to 32 of a-z, 0-9, _ and -", at)
		}
		if seen[m.ID] {
			wrong("%s.ID: there are two of it", at)
		}
		seen[m.ID] = true
		if m.Name == "" {
			wrong("%s.Name: is required", at)
		}
		if m.Acceptor == "" || len(m.Acceptor) > 15 || len(m.Terminal) > 8 {
			wrong("%s: Acceptor has 1 to 15 characters, Terminal at most 8", at)
		}
		if !digits(m.MCC, 4, 4) || !digits(m.Country, 3, 3) {
			wrong("%s: MCC has four digits, Country three", at)
		}
		if u, err := url.Parse(m.SiteURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
			wrong("%s.SiteURL: an origin such as https://shop.example", at)
		}
		if len(m.keys()) == 0 {
			wrong("%s.APIKeyHash: SHA-256 in hexadecimal", at)
		}
		if m.WebhookURL == "" {
			continue
		}
		if u, err := url.Parse(m.WebhookURL); err != nil || u.Host == "" || u.Scheme != "https" && !(cfg.PlainWebhook && u.Scheme == "http") {
			wrong("%s.WebhookURL: an https address", at)
		}
		s, err := webhook.New(m.WebhookSecret)
		if err != nil {
			wrong("%s.WebhookSecret: %w", at, err)
		}
		signers[m.ID] = s
	}
	return signers, errors.Join(bad...)
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// keys reads the hashes; none when one is wrong.
func (m Merchant) keys() (out [][32]byte) {
	for _, text := range strings.Fields(m.APIKeyHash) {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != 32 {
			return nil
		}
		out = append(out, [32]byte(b))
	}
	return out
}

// shops is what the store and the courier are told of the merchants.
func (e *engine) shops(signers map[string]*webhook.Signer) ([]store.Merchant, map[string]merchant.Endpoint) {
	list := make([]store.Merchant, 0, len(e.cfg.Merchants))
	endpoints := map[string]merchant.Endpoint{}
	for _, m := range e.cfg.Merchants {
		list = append(list, store.Merchant{ID: m.ID, Name: m.Name, Acceptor: m.Acceptor, Site: m.SiteURL, Webhook: m.WebhookURL,
			Terminal: m.Terminal, MCC: m.MCC, Country: m.Country, Keys: m.keys()})
		if m.WebhookURL != "" {
			endpoints[m.ID] = merchant.Endpoint{URL: m.WebhookURL, Signer: signers[m.ID]}
		}
	}
	return list, endpoints
}
