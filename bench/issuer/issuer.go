// Package issuer measures the bank: durable authorisations per second through Bank.Authorise on the
// embedded database, beside the fdatasync rate of the same disk in the same run, which is what the disk
// allows one caller who waits.
//
// Each request is whole: sealed code (opened and compared), proof (verified), all checks, hold, ledger
// transfer, journal, and an answer only after the commit is on the disk. What the shopper's browser and
// the holder's bank do (sealing, confirming) is made beforehand and not counted.
package issuer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"countersign/bench/disk"
	bank "countersign/pay/issuer"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/check"
	"countersign/pay/issuer/issuertest"
	"countersign/pay/issuer/store"
	"countersign/pay/money"
	"countersign/sql"

	"golang.org/x/sys/unix"
)

// Level is the result at one count of callers.
type Level struct {
	Callers    int     `json:"callers"`
	Requests   int     `json:"requests"`
	PerSecond  float64 `json:"per_second"`
	P50ms      float64 `json:"p50_ms"`
	P99ms      float64 `json:"p99_ms"`
	PerCommit  float64 `json:"per_commit"`   // authorisations in one durable commit
	CPUmicros  float64 `json:"cpu_us"`       // processor time of the process for each, in µs
	OfSyncRate float64 `json:"of_sync_rate"` // PerSecond / the disk's fdatasync rate
}

// Result is a whole run.
type Result struct {
	SyncsPerSecond float64 `json:"fdatasync_per_second"`
	SyncP50ms      float64 `json:"fdatasync_p50_ms"`
	SyncP99ms      float64 `json:"fdatasync_p99_ms"`
	Levels         []Level `json:"levels"`
	Clean          bool    `json:"clean"` // the independent checker found nothing afterwards
	Ratio          float64 `json:"ratio"` // authorisations at the most callers / fdatasyncs
}

// Run measures and writes a table to w, then a last line "ratio N": authorisations per second at 128
// callers for each fdatasync per second of the disk. Or one JSON object.
func Run(w io.Writer, quick, jsonOut bool) error {
	dir, err := os.MkdirTemp("", "countersign-bench-issuer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := run(dir, quick)
	if err != nil {
		return err
	}
	if jsonOut {
		return json.NewEncoder(w).Encode(r)
	}
	fmt.Fprintf(w, "bank: durable authorisations, embedded database\n")
	fmt.Fprintf(w, "disk: %.0f fdatasync/s of 4 KiB appends (p50 %.2f ms, p99 %.2f ms), in the same run\n", r.SyncsPerSecond, r.SyncP50ms, r.SyncP99ms)
	fmt.Fprintf(w, "%8s %9s %9s %9s %9s %11s %8s %12s\n", "callers", "requests", "per s", "p50 ms", "p99 ms", "per commit", "CPU µs", "of the disk")
	for _, l := range r.Levels {
		fmt.Fprintf(w, "%8d %9d %9.0f %9.2f %9.2f %11.1f %8.0f %12.2f\n", l.Callers, l.Requests, l.PerSecond, l.P50ms, l.P99ms, l.PerCommit, l.CPUmicros, l.OfSyncRate)
	}
	fmt.Fprintf(w, "books afterwards: clean %v\nratio %.2f\n", r.Clean, r.Ratio)
	return nil
}

// level is how many requests for how many callers.
type level struct{ callers, requests int }

func run(dir string, quick bool) (r Result, err error) {
	levels := []level{{1, 1500}, {16, 8000}, {128, 20_000}}
	syncs := 1500
	if quick {
		levels, syncs = []level{{1, 200}, {16, 1000}, {128, 3000}}, 300
	}
	ctx := context.Background()
	path := filepath.Join(dir, "issuer.db")
	s, err := store.Open(path, sql.Options{})
	if err != nil {
		return r, err
	}
	world, err := issuertest.New(ctx, s, time.Now, rand.Reader, nil)
	if err != nil {
		return r, err
	}
	deck, err := issue(ctx, world, 256)
	if err != nil {
		return r, err
	}
	var waits []time.Duration
	for _, l := range levels { // the disk is measured around every level: neighbours come and go
		before, err := disk.Syncs(dir, syncs/len(levels))
		if err != nil {
			return r, err
		}
		waits = append(waits, before...)
		one, err := measure(ctx, world, s, deck, l)
		if err != nil {
			return r, err
		}
		r.Levels = append(r.Levels, one)
	}
	r.SyncsPerSecond, r.SyncP50ms, r.SyncP99ms = disk.Summary(waits)
	for i := range r.Levels {
		r.Levels[i].OfSyncRate = r.Levels[i].PerSecond / r.SyncsPerSecond
		r.Ratio = r.Levels[i].OfSyncRate
	}
	if err := s.Close(); err != nil {
		return r, err
	}
	rep, err := check.Run(ctx, path, check.Options{})
	r.Clean = rep.OK()
	return r, err
}

func issue(ctx context.Context, w *issuertest.World, n int) (deck []*issuertest.Card, err error) {
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		return nil, err
	}
	funds, err := money.New(1_000_000_00, cur)
	if err != nil {
		return nil, err
	}
	for range n {
		c, err := w.Issue(ctx, funds, cards.Order{})
		if err != nil {
			return nil, err
		}
		deck = append(deck, c)
	}
	return deck, nil
}

func measure(ctx context.Context, w *issuertest.World, s *store.Store, deck []*issuertest.Card, l level) (Level, error) {
	requests, err := prepare(w, deck, l.requests)
	if err != nil {
		return Level{}, err
	}
	var next, refused atomic.Int64
	waits := make([]time.Duration, len(requests))
	errs := make(chan error, l.callers)
	commits, cpu, start := s.DB.Stats().Commits, cpuTime(), time.Now()
	var wg sync.WaitGroup
	for range l.callers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(requests); i = int(next.Add(1)) - 1 {
				began := time.Now()
				d, err := w.Bank.Authorise(ctx, requests[i])
				if err != nil {
					errs <- err
					return
				}
				waits[i] = time.Since(began)
				if d.Response != "00" {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	took, used := time.Since(start), cpuTime()-cpu
	commits = s.DB.Stats().Commits - commits
	select {
	case err := <-errs:
		return Level{}, err
	default:
	}
	if n := refused.Load(); n > 0 {
		return Level{}, fmt.Errorf("bench: %d of %d authorisations were refused", n, len(requests))
	}
	_, p50, p99 := disk.Summary(waits)
	n := float64(len(requests))
	return Level{
		Callers: l.callers, Requests: len(requests), PerSecond: n / took.Seconds(), P50ms: p50, P99ms: p99,
		PerCommit: n / float64(commits), CPUmicros: used.Seconds() * 1e6 / n,
	}, nil
}

func prepare(w *issuertest.World, deck []*issuertest.Card, n int) (out []*bank.Request, err error) {
	cur, err := money.ByAlpha("EUR")
	if err != nil {
		return nil, err
	}
	for i := range n {
		amount, err := money.New(int64(100+i%900), cur)
		if err != nil {
			return nil, err
		}
		r, err := w.Purchase(deck[i%len(deck)], issuertest.Shop(i%40), amount)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
