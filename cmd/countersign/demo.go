package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"countersign/cmd/countersign/settings"
	"countersign/cmd/countersign/tour"
	"countersign/examples/phone"
	"countersign/examples/shop"
	"countersign/host"
)

type demoCommand struct {
	Data   string `help:"Data folder (with --once: a temporary one, removed afterwards)." type:"path" placeholder:"DIR"`
	Listen string `help:"Address of the front door (with --once: any free port)." placeholder:"HOST:PORT"`
	Shop   string `help:"Name of the demo's shop, as shopper and bank see it." default:"Lantern Lane" placeholder:"NAME"`
	Once   bool   `help:"Play one payment without a browser, tell what each party saw, and end."`
	JSON   bool   `name:"json" help:"With --once: the same for machines."`
}

// Help is shown by --help.
func (demoCommand) Help() string {
	return `Everything runs in this process, on an embedded database in the data folder: shop, gateway, directory, bank,
Mobile Bank and a phone that shows the SMS. No card of the demo belongs to a real card network.

Examples:
  countersign demo
  countersign demo --listen 127.0.0.1:9090 --data ./try
  countersign demo --once
  countersign demo --once --json`
}

const demoListen = "127.0.0.1:8080"

// Run runs the demo.
func (c demoCommand) Run(p *program) error {
	if c.JSON && !c.Once {
		return withHint(exitUsage, errors.New("--json belongs to --once"), "countersign demo --once --json")
	}
	if len(c.Shop) == 0 || len(c.Shop) > 25 {
		return withHint(exitUsage, errors.New("--shop: a name has 1 to 25 characters"), `countersign demo --shop "Lantern Lane"`)
	}
	if c.Once {
		return c.once(p)
	}
	if c.Data == "" {
		c.Data = defaultData(p.getenv)
	}
	if c.Listen == "" {
		c.Listen = demoListen
	}
	if err := host.Harden(); err != nil {
		return err
	}
	begin := time.Now()
	d, err := c.start(p)
	if err != nil {
		return err
	}
	d.greet(p, time.Since(begin))
	return d.untilStopped(p)
}

// demo is a running demo.
type demo struct {
	*host.Host
	data    string
	secrets shopSecrets // of the demo's shop
	other   shopSecrets // of the second shop
	fresh   bool        // the data folder was new
	logFile *os.File
}

// start opens keys and secrets, puts the roles together and runs them.
func (c demoCommand) start(p *program) (d *demo, err error) {
	d = &demo{data: c.Data}
	if _, err := os.Stat(filepath.Join(c.Data, "issuer")); err != nil {
		d.fresh = true
	}
	ln, err := (&net.ListenConfig{}).Listen(p.ctx, "tcp", c.Listen)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			ln.Close()
			if d.logFile != nil {
				d.logFile.Close()
			}
			d = nil
		}
	}()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return d, err
	}
	url := func(origin string) string { return "http://" + origin + ".localhost:" + port }
	h := &house{now: p.now, holder: demoHolder, plain: true}
	if h.keys, err = openKeys(p, c.Data, true); err != nil {
		return d, err
	}
	if d.secrets, err = openShopSecrets(c.Data, "shop", p.rand); err != nil {
		return d, err
	}
	if d.other, err = openShopSecrets(c.Data, "other-shop", p.rand); err != nil {
		return d, err
	}
	if d.logFile, err = openLog(c.Data); err != nil {
		return d, err
	}
	h.log = slog.New(slog.NewJSONHandler(d.logFile, &slog.HandlerOptions{Level: slog.LevelInfo}))
	h.settings = settings.Settings{
		Acquirer: "00000999999", Ranges: []settings.Range{demoRange()},
		Merchants: []settings.Merchant{demoShop(c.Shop, url("shop"), d.secrets), otherShop(url("other"), d.other)},
	}
	if h.seed, err = demoSeed(); err != nil {
		return d, err
	}
	var running atomic.Pointer[host.Host]
	roles := append(h.roles(), phone.Role(phone.Config{}), shop.Role(shop.Config{APIKey: d.secrets.apiKey, WebhookSecret: d.secrets.webhook}),
		tour.Role(tour.Config{Holder: demoHolder, Status: func() []host.RoleStatus {
			if h := running.Load(); h != nil {
				return h.Status()
			}
			return nil
		}}))
	d.Host, err = host.Run(p.ctx, host.Config{
		Roles: roles, Listener: ln, BaseURL: "http://localhost:" + port, DataDir: c.Data, Keys: h.keys,
		EgressAllow: []string{"shop.localhost:" + port}, Log: h.log, Now: p.now, Rand: p.rand,
	})
	running.Store(d.Host)
	if err == nil {
		d.settle(p.ctx)
	}
	return d, err
}

// settle waits a little until every role is ready: the gateway signs on at the bank after both have started.
func (d *demo) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if !slices.ContainsFunc(d.Status(), func(s host.RoleStatus) bool { return !s.Ready }) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// maxLog is the size of the demo's log in bytes after which a start puts it aside.
const maxLog = 20 << 20

func openLog(data string) (*os.File, error) {
	path := filepath.Join(data, "countersign.log")
	if fi, err := os.Stat(path); err == nil && fi.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// greet says where to go.
func (d *demo) greet(p *program, took time.Duration) {
	bold, plain := "", ""
	if p.terminal {
		bold, plain = "\x1b[1m", "\x1b[0m"
	}
	fmt.Fprintf(p.out, "Countersign is running; all roles are in this process. Start with the tour:\n\n  %s%s%s\n\n", bold, d.URL("countersign"), plain)
	for _, l := range [][2]string{
		{"shop", "a marketplace: order something and pay"}, {"phone", "the phone that gets the SMS"},
		{"bank", "Mobile Bank: the card, the balance, every payment"}, {"pay", "the gateway: its API is described at /v1/openapi.json"},
		{"guard", "the guard: is an address the genuine shop's, or one letter off?"},
	} {
		fmt.Fprintf(p.out, "  %-34s  %s\n", d.URL(l[0]), l[1])
	}
	fmt.Fprintf(p.out, "\nData and log are in %s. Started in %.1f s; Ctrl-C stops it.\n", d.data, took.Seconds())
	for _, s := range d.Status() {
		if !s.Ready {
			fmt.Fprintf(p.out, "Not ready yet: %s (%s)\n", s.Name, s.Problem)
		}
	}
}

// stopLimit is how long a stop may take before what is in flight is cut.
const stopLimit = 10 * time.Second

// untilStopped waits for Ctrl-C or the end of the front door.
func (d *demo) untilStopped(p *program) error {
	var err error
	select {
	case <-p.ctx.Done():
		fmt.Fprintln(p.out, "Stopping.")
	case err = <-d.Done():
	}
	return errors.Join(err, d.close())
}

func (d *demo) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return errors.Join(d.Stop(ctx), d.logFile.Close())
}
