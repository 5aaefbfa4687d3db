// Package threeds measures the time from AReq to ARes through the real 3DS Server, the real directory
// (with its durable record of the transaction) and an ACS that checks every field and answers "challenge",
// over memory pipes and over TCP on this machine.
//
// Beside it, in the same run, stands what cannot be saved: two bare exchanges of as many bytes over
// the same kind of connections (gateway → directory → ACS and back), and one fdatasync of the same disk, which
// the directory's record costs.
package threeds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"countersign/bench/disk"
	"countersign/pay/card"
	gateway "countersign/pay/checkout/threeds"
	"countersign/pay/money"
)

// Sizes of a typical AReq and ARes on the wire, HTTP head included, in bytes.
const (
	requestSize = 1650
	answerSize  = 600
)

// Row is one measurement. Times are in microseconds.
type Row struct {
	What      string  `json:"what"`
	Over      string  `json:"over"` // "memory", "tcp" or "disk"
	Callers   int     `json:"callers"`
	Count     int     `json:"count"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_us"`
	P95       float64 `json:"p95_us"`
	P99       float64 `json:"p99_us"`
}

// Result is a whole run. Ratio is the median AReq→ARes over memory with one caller, to the medians of the
// bare exchange and the fdatasync together.
type Result struct {
	Rows  []Row   `json:"rows"`
	Ratio float64 `json:"ratio"`
}

// Run measures and writes a table to w, then a last line "ratio N"; or one JSON object.
func Run(w io.Writer, quick, jsonOut bool) error {
	dir, err := os.MkdirTemp("", "countersign-bench-3ds-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	n := 3000
	if quick {
		n = 300
	}
	r, err := run(dir, n)
	if err != nil {
		return err
	}
	if jsonOut {
		return json.NewEncoder(w).Encode(r)
	}
	fmt.Fprintf(w, "AReq → ARes: 3DS Server → directory (durable record) → ACS; times in µs\n")
	fmt.Fprintf(w, "%-34s %-7s %8s %7s %9s %9s %9s %9s\n", "", "over", "callers", "count", "per s", "p50", "p95", "p99")
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%-34s %-7s %8d %7d %9.0f %9.0f %9.0f %9.0f\n", x.What, x.Over, x.Callers, x.Count, x.PerSecond, x.P50, x.P95, x.P99)
	}
	fmt.Fprintf(w, "ratio: AReq → ARes to bare exchange + fdatasync, medians, memory, one caller\nratio %.2f\n", r.Ratio)
	return nil
}

func run(dir string, n int) (r Result, err error) {
	probe, err := syncs(dir, n/3)
	if err != nil {
		return r, err
	}
	for _, tcp := range []bool{false, true} {
		bare, err := bareRow(tcp, n)
		if err != nil {
			return r, err
		}
		r.Rows = append(r.Rows, bare)
		for _, callers := range []int{1, 4, 16} {
			row, err := fullRow(dir, tcp, callers, n)
			if err != nil {
				return r, err
			}
			r.Rows = append(r.Rows, row)
			if !tcp && callers == 1 {
				again, err := syncs(dir, n/3) // the disk once more, near to the row it is compared with
				if err != nil {
					return r, err
				}
				probe = append(probe, again...)
				slices.Sort(probe)
				r.Ratio = row.P50 / (bare.P50 + micros(probe[len(probe)/2]))
			}
		}
	}
	r.Rows = append(r.Rows, summary("fdatasync of 4 KiB", "disk", 1, probe, 0))
	return r, nil
}

func over(tcp bool) string {
	if tcp {
		return "tcp"
	}
	return "memory"
}

// fullRow is n requests by so many callers through all roles.
func fullRow(dir string, tcp bool, callers, n int) (Row, error) {
	at, err := os.MkdirTemp(dir, "directory-")
	if err != nil {
		return Row{}, err
	}
	w, err := newWorld(at, tcp, func(context.Context, gateway.Result) error { return nil })
	if err != nil {
		return Row{}, err
	}
	defer w.close()
	each := n / callers
	waits, took, err := loads(callers, each, func() error {
		r, err := request()
		if err != nil {
			return err
		}
		defer r.PAN.Wipe()
		o, err := w.server.Authenticate(context.Background(), r)
		if err == nil && o.Status != "C" {
			err = errors.New("AReq: " + o.Problem)
		}
		return err
	})
	return summary("AReq → ARes", over(tcp), callers, waits, took), err
}

// bareRow is n exchanges of as many bytes along the same way, with nobody looking at them.
func bareRow(tcp bool, n int) (Row, error) {
	nw := &network{tcp: tcp, by: map[string]net.Listener{}}
	ctx := context.Background()
	end, err := nw.listen("end")
	if err != nil {
		return Row{}, err
	}
	defer end.Close()
	middle, err := nw.listen("middle")
	if err != nil {
		return Row{}, err
	}
	defer middle.Close()
	go bareServer(end, func() (func([]byte, []byte) error, error) { return func(_, _ []byte) error { return nil }, nil })
	go bareServer(middle, func() (func([]byte, []byte) error, error) {
		c, err := nw.dial(ctx, "end")
		return func(q, a []byte) error { return exchange(c, q, a) }, err
	})
	c, err := nw.dial(ctx, "middle")
	if err != nil {
		return Row{}, err
	}
	defer c.Close()
	q, a := make([]byte, requestSize), make([]byte, answerSize)
	waits, took, err := loads(1, n, func() error { return exchange(c, q, a) })
	return summary("bare bytes, two hops", over(tcp), 1, waits, took), err
}

func exchange(c net.Conn, q, a []byte) error {
	if _, err := c.Write(q); err != nil {
		return err
	}
	_, err := io.ReadFull(c, a)
	return err
}

// bareServer takes requests of a fixed size and gives answers of a fixed size, after asking next.
func bareServer(ln net.Listener, next func() (func(q, a []byte) error, error)) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			ask, err := next()
			q, a := make([]byte, requestSize), make([]byte, answerSize)
			for err == nil {
				if _, err = io.ReadFull(c, q); err == nil {
					if err = ask(q, a); err == nil {
						_, err = c.Write(a)
					}
				}
			}
		}()
	}
}

// loads runs f by so many callers, each so often, and gives all times in order and the whole time.
func loads(callers, each int, f func() error) (waits []time.Duration, took time.Duration, err error) {
	for range max(20, each/20) {
		if err := f(); err != nil {
			return nil, 0, err
		}
	}
	lists := make([][]time.Duration, callers)
	errs := make([]error, callers)
	var all sync.WaitGroup
	from := time.Now()
	for i := range callers {
		all.Go(func() {
			for range each {
				start := time.Now()
				if errs[i] = f(); errs[i] != nil {
					return
				}
				lists[i] = append(lists[i], time.Since(start))
			}
		})
	}
	all.Wait()
	took = time.Since(from)
	waits = slices.Concat(lists...)
	slices.Sort(waits)
	return waits, took, errors.Join(errs...)
}

// syncs is disk.Syncs in order of time.
func syncs(dir string, n int) ([]time.Duration, error) {
	waits, err := disk.Syncs(dir, n)
	slices.Sort(waits)
	return waits, err
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// summary is a row from times in order; took 0 = one after the other.
func summary(what, over string, callers int, waits []time.Duration, took time.Duration) Row {
	if len(waits) == 0 {
		return Row{What: what, Over: over, Callers: callers}
	}
	if took == 0 {
		for _, d := range waits {
			took += d
		}
	}
	at := func(share float64) float64 { return micros(waits[min(len(waits)-1, int(share*float64(len(waits))))]) }
	return Row{What: what, Over: over, Callers: callers, Count: len(waits), PerSecond: float64(len(waits)) / took.Seconds(), P50: at(.5), P95: at(.95), P99: at(.99)}
}

// request is a typical payment of 23.40.
func request() (gateway.Request, error) {
	pan, err := card.ParsePAN([]byte("4000010000000001"))
	if err != nil {
		return gateway.Request{}, err
	}
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		return gateway.Request{}, err
	}
	amount, err := money.New(2340, cur)
	no := false
	return gateway.Request{
		Payment: "pay_01kahx3v4x6m3q9w8c5r7t2e0b", PAN: pan, Expiry: card.Expiry{Year: 2029, Month: 11}, Amount: amount, Holder: "Anna Petrova",
		Merchant: gateway.Merchant{Acquirer: "400001", Acceptor: "KNIGAMIR0000001", Name: "Kniga-Mir", Country: "276", MCC: "5942", URL: "http://shop.localhost:8080"},
		Browser: gateway.Browser{Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
			Language: "de-DE", IP: "127.0.0.1", JavaScript: true, Java: &no, ColorDepth: "24", Height: "844", Width: "390", TZ: "-60"},
	}, err
}
