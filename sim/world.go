package sim

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"countersign/pay/money"
)

// errDown: the gateway process is not there.
var errDown = errors.New("sim: gateway is down")

// Config says which world.
type Config struct {
	Seed     uint64 // same seed, same world
	Payments int    // orders placed
	Bug      Bug    // planted; None for the real thing
}

// Report is what a world has to say when it has come to rest.
type Report struct {
	Seed       uint64
	Payments   int
	Simulated  time.Duration
	Digest     uint64         // of everything that happened, in order
	Counts     map[string]int // how often each fault, state and step occurred
	Violations []string       // of the invariants; empty is the only good answer
}

// world holds everybody.
type world struct {
	*engine
	bug    Bug
	net    *network
	gw     *gateway
	bank   *bank
	eur    money.Currency
	holder *holders
	broken []string // violations noticed on the way
}

// Run lets one world happen and checks it.
func Run(cfg Config) Report {
	e := newEngine(cfg.Seed)
	w := &world{engine: e, bug: cfg.Bug}
	w.eur, _ = money.ByAlpha("EUR")
	w.net = &network{engine: e, faults: drawFaults(e)}
	w.bank = newBank(w)
	w.holder = newHolders(w)
	w.gw = newGateway(w)
	began := e.now
	w.scheduleOrders(cfg.Payments)
	w.scheduleTrouble()
	const sick = 4 * time.Hour
	e.run(began.Add(sick))
	w.net.healed = true
	e.count("healed")
	if !w.gw.up {
		e.after(time.Second, func() {
			if !w.gw.up {
				w.gw.start()
			}
		})
	}
	e.run(began.Add(sick + 3*time.Hour))
	w.calm()
	e.run(began.Add(40 * 24 * time.Hour)) // holds run out after seven days; nothing may be left by then
	r := Report{Seed: cfg.Seed, Payments: len(w.gw.order), Simulated: e.now.Sub(began), Digest: e.digest, Counts: e.counts}
	r.Violations = append(w.broken, w.check()...)
	sort.Strings(r.Violations)
	return r
}

func (w *world) violation(format string, args ...any) {
	if len(w.broken) < 50 {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

// scheduleOrders places the orders over two hours around midnight of New Year's Eve.
func (w *world) scheduleOrders(n int) {
	for range n {
		w.after(w.between(0, 3*time.Hour), w.order)
	}
}

// scheduleTrouble is what happens besides faults of the network: the bank restarts, the gateway is killed while
// idle, thieves try.
func (w *world) scheduleTrouble() {
	for range w.rnd.IntN(4) {
		w.after(w.between(0, 3*time.Hour), w.bank.restart)
	}
	for range w.rnd.IntN(3) {
		w.after(w.between(0, 3*time.Hour), func() { w.gw.kill() })
	}
	for range 2 + w.rnd.IntN(6) {
		w.after(w.between(10*time.Minute, 4*time.Hour), w.thief)
	}
}
