package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"countersign/cmd/countersign/settings"
	"countersign/host"
	"countersign/host/keys"
)

type serveCommand struct {
	Config string   `help:"Configuration file (TOML)." env:"COUNTERSIGN_CONFIG" type:"path" placeholder:"FILE"`
	Roles  []string `help:"Roles to run in this process; all when not given." placeholder:"ROLE,…"`
	Data   string   `help:"Data folder." placeholder:"DIR"`
	Listen string   `help:"Address of the front door." placeholder:"HOST:PORT"`
	Check  bool     `help:"Only check the configuration."`
}

// Help is shown by --help.
func (serveCommand) Help() string {
	return `The configuration comes from the file, then from the environment (COUNTERSIGN_DATA, _LISTEN, _BASE_URL, _ADMIN,
_ROLES, _LOG, _ACQUIRER), then from flags; the last one wins. All mistakes are reported at once.

Examples:
  countersign serve --config pay.toml --check
  countersign serve --config bank.toml --roles=issuer,acs
  COUNTERSIGN_LOG=debug countersign serve --config pay.toml

A configuration with every key:
  data     = "/var/lib/countersign"
  listen   = "127.0.0.1:8080"
  base_url = "https://example.com"        # origins: https://pay.example.com …
  admin    = "127.0.0.1:9090"             # /healthz /readyz /metrics
  roles    = ["checkout", "directory"]
  log      = "info"
  acquirer = "00000999999"                # ISO 8583 DE 32
  egress   = ["hooks.internal:8443"]      # private addresses that webhooks may reach
  [tls]
  cert = "front.pem"
  key  = "front.key"
  [remote]                                # endpoints in other processes: mutual TLS, certificates in DATA/tls
  "issuer.iso8583" = "10.0.0.7:7001"
  "acs.3ds"        = "10.0.0.7:7002"
  [publish]                               # endpoints that other processes may call here
  "directory.3ds"  = "10.0.0.5:7003"
  [external]                              # servers outside the house
  "smsc.smpp"      = "tls://sms.example:2776"
  [smsc]                                  # our account there
  system_id = "bank"
  password_file = "secrets/smsc"          # mode 0600
  sender = "DemoBank"
  [[merchants]]
  id = "mer_lane"
  name = "Lantern Lane"
  acceptor = "LANTERNLANE"                # DE 42
  terminal = "WEB00001"                   # DE 41
  mcc = "5942"
  country = "752"
  site_url = "https://shop.example"
  webhook_url = "https://shop.example/hooks"
  api_key_sha256 = "…64 hexadecimal digits…"
  webhook_secret_file = "secrets/lane"    # mode 0600
  [[ranges]]
  start = "9999900000000000"
  end   = "9999909999999999"
  name  = "Demo Bank"
  acs   = "acs.3ds"
  code_key = "code-seal-1"                # the bank's key for security codes; left out: our own bank's
  public   = "…32 bytes in base64url…"`
}

// Run serves until a signal comes.
func (c serveCommand) Run(p *program) error {
	flags := map[string]string{}
	for k, v := range map[string]string{"roles": strings.Join(c.Roles, ","), "data": c.Data, "listen": c.Listen} {
		if v != "" {
			flags[k] = v
		}
	}
	s, err := settings.Read(c.Config, p.environ, flags)
	if err := together(err, c.config(p, s, nil, slog.New(slog.DiscardHandler)).Check()); err != nil {
		return err
	}
	if c.Check {
		fmt.Fprintln(p.out, "The configuration is fine.")
		return nil
	}
	if canaryBuild {
		return withHint(exitUsage, errors.New("this is a canary build; it does not serve"), "build without -tags canary")
	}
	if err := host.Harden(); err != nil {
		return err
	}
	h, err := c.start(p, s)
	if err != nil {
		return err
	}
	select {
	case <-p.ctx.Done():
	case err = <-h.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return errors.Join(err, h.Stop(ctx))
}

func (c serveCommand) start(p *program, s settings.Settings) (*host.Host, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.Log)); err != nil {
		return nil, err
	}
	ks, err := makeKeys(p, s.Data, s.Roles)
	if err != nil {
		return nil, err
	}
	if err := missingKeys(ks, s.Data, s.Roles); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level}))
	h, err := host.Run(p.ctx, c.config(p, s, ks, log))
	if err != nil {
		return nil, err
	}
	for _, r := range h.Status() {
		log.Info("started", "role", r.Name, "ready", r.Ready, "problem", r.Problem, "origins", r.Origins)
	}
	return h, nil
}

// config is what the host gets.
func (c serveCommand) config(p *program, s settings.Settings, ks *keys.Store, log *slog.Logger) host.Config {
	house := &house{keys: ks, log: log, now: p.now, settings: s}
	return host.Config{
		Roles: house.roles(), Only: s.Roles, Listen: s.Listen, BaseURL: s.BaseURL, Cert: s.TLS.Cert, Key: s.TLS.Key, DataDir: s.Data, Keys: ks,
		Remote: s.Remote, Publish: s.Publish, External: s.External, EgressAllow: s.Egress, Admin: s.Admin, Log: log, Now: p.now, Rand: p.rand,
	}
}

// together adds to the mistakes in the settings those in how the roles hang together, unless the first ones
// are about the roles or their addresses, which the host would only repeat.
func together(err, wiring error) error {
	var m settings.Mistakes
	if err != nil && !errors.As(err, &m) {
		return err
	}
	for _, x := range m {
		for _, about := range []string{"roles", "--roles", "COUNTERSIGN_ROLES", "data", "listen", "tls", "remote", "publish", "external"} {
			if strings.HasPrefix(x.Where, about) {
				return m
			}
		}
	}
	var joined interface{ Unwrap() []error }
	if errors.As(wiring, &joined) {
		for _, w := range joined.Unwrap() {
			what := strings.TrimPrefix(w.Error(), host.ErrConfig.Error()+": ")
			m = append(m, settings.Mistake{Kind: settings.Missing, What: what})
		}
	}
	if len(m) == 0 {
		return nil
	}
	return m
}
