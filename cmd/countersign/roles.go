package main

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net"
	"strings"
	"time"

	"countersign/cmd/countersign/settings"
	"countersign/host"
	"countersign/host/keys"
	"countersign/pay/acs"
	"countersign/pay/checkout"
	"countersign/pay/directory"
	"countersign/pay/issuer"
	bank "countersign/pay/issuer/network"
	"countersign/pay/mobile"
	"countersign/wire/smpp"
)

// house puts the roles together: the one place that knows them all. Roles know each other by endpoints
// only; what is wired here is what no protocol carries: configuration, and code that a role is given
// because it may not import it.
type house struct {
	keys     *keys.Store
	log      *slog.Logger
	now      func() time.Time
	settings settings.Settings
	seed     *issuer.Seed
	holder   string // who signs in to Mobile Bank by a button (demo); "" = nobody
	plain    bool   // http:// webhooks are fine (demo)
}

// roles are those of production, whether they run in this process or not.
func (h *house) roles() []host.Role {
	return []host.Role{h.issuer(), h.directory(), h.acs(), h.checkout(), h.mobile(), h.guard()}
}

func (h *house) issuer() host.Role {
	link := bank.Config{Now: h.now, Log: h.log.With("role", "issuer"), Acquirers: []string{h.settings.Acquirer}}
	return issuer.Role(issuer.Config{
		Network: func(ctx context.Context, ln net.Listener, d issuer.Decider) error {
			return bank.Serve(ctx, ln, d, link)
		},
		Seed: h.seed,
	})
}

func (h *house) directory() host.Role {
	cfg := directory.Config{}
	for _, r := range h.settings.Ranges {
		cfg.Ranges = append(cfg.Ranges, directory.Range{Start: r.Start, End: r.End, Name: r.Name, ACS: r.ACS, CodeKey: h.codeKey(r)})
	}
	return directory.Role(cfg)
}

// codeKey gives the public key to which codes for a bank are sealed: the one of the configuration, or the
// current one of the bank in this installation.
func (h *house) codeKey(r settings.Range) func() (string, []byte, error) {
	if r.CodeKey != "" {
		return func() (string, []byte, error) {
			public, err := base64.RawURLEncoding.DecodeString(r.Public)
			return r.CodeKey, public, err
		}
	}
	ring := h.keys.For("issuer")
	return func() (string, []byte, error) {
		k, err := ring.Current(keys.CodeSeal)
		return k.ID, k.Public(), err
	}
}

func (h *house) acs() host.Role {
	sc := h.settings.SMSC
	cfg := acs.Config{SMSC: smpp.Bind{SystemID: sc.SystemID, Password: sc.Password}, Sender: sc.Sender}
	if len(h.settings.Ranges) > 0 {
		cfg.Bank = h.settings.Ranges[0].Name
	}
	return acs.Role(cfg)
}

// mobile is Mobile Bank. Only a demo knows a holder who signs in by a button.
func (h *house) mobile() host.Role {
	cfg := mobile.Config{Holder: h.holder}
	if len(h.settings.Ranges) > 0 {
		cfg.Bank = h.settings.Ranges[0].Name
	}
	return mobile.Role(cfg)
}

func (h *house) checkout() host.Role {
	cfg := checkout.Config{Acquirer: h.settings.Acquirer, PlainWebhook: h.plain}
	for _, m := range h.settings.Merchants {
		cfg.Merchants = append(cfg.Merchants, checkout.Merchant{
			ID: m.ID, Name: m.Name, Acceptor: m.Acceptor, Terminal: m.Terminal, MCC: m.MCC, Country: m.Country,
			SiteURL: strings.TrimSuffix(m.SiteURL, "/"), WebhookURL: m.WebhookURL, APIKeyHash: m.APIKeyHash, WebhookSecret: m.WebhookSecret,
		})
	}
	return checkout.Role(cfg)
}
