// Package payments measures whole payments: the built program, all roles in one process on the embedded database, and
// shoppers beside it who order, seal, pay, confirm with the code from the SMS, and wait until the shop sees the money,
// every step over HTTP and the roles' own protocols, every promise durable. The limit beside it is the fdatasync rate of
// the same disk in the same run. Shoppers and program share the machine's cores.
package payments

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/bench/disk"
	"countersign/e2e/house"
)

// Level is the result at one count of shoppers.
type Level struct {
	Shoppers  int     `json:"shoppers"`
	Payments  int     `json:"payments"`
	PerSecond float64 `json:"per_second"`
	P50ms     float64 `json:"p50_ms"`
	P99ms     float64 `json:"p99_ms"`
	CPUms     float64 `json:"cpu_ms"` // processor time of the program for each payment
}

// Result is a whole run.
type Result struct {
	SyncsPerSecond float64 `json:"fdatasync_per_second"`
	SyncP50ms      float64 `json:"fdatasync_p50_ms"`
	SyncP99ms      float64 `json:"fdatasync_p99_ms"`
	Levels         []Level `json:"levels"`
	Ratio          float64 `json:"ratio"` // payments per second at the most shoppers / fdatasyncs per second
}

// Run measures and writes a table to w, then a last line "ratio N". Or one JSON object.
func Run(w io.Writer, quick, jsonOut bool) error {
	dir, err := os.MkdirTemp("", "countersign-bench-payments-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := measure(dir, quick)
	if err != nil {
		return err
	}
	if jsonOut {
		return json.NewEncoder(w).Encode(r)
	}
	fmt.Fprintf(w, "payments end to end, all roles in one process, embedded database; order to money seen by the shop\n")
	fmt.Fprintf(w, "disk: %.0f fdatasync/s of 4 KiB appends (p50 %.2f ms, p99 %.2f ms), in the same run\n", r.SyncsPerSecond, r.SyncP50ms, r.SyncP99ms)
	fmt.Fprintf(w, "%9s %9s %8s %9s %9s %12s\n", "shoppers", "payments", "per s", "p50 ms", "p99 ms", "program ms")
	for _, l := range r.Levels {
		fmt.Fprintf(w, "%9d %9d %8.1f %9.1f %9.1f %12.2f\n", l.Shoppers, l.Payments, l.PerSecond, l.P50ms, l.P99ms, l.CPUms)
	}
	fmt.Fprintf(w, "ratio %.3f\n", r.Ratio)
	return nil
}

func measure(dir string, quick bool) (r Result, err error) {
	levels := []Level{{Shoppers: 1, Payments: 100}, {Shoppers: 8, Payments: 800}, {Shoppers: 32, Payments: 1600}}
	if quick {
		levels = []Level{{Shoppers: 1, Payments: 20}, {Shoppers: 8, Payments: 160}}
	}
	bin, err := house.Build(dir, "")
	if err != nil {
		return r, err
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		return r, err
	}
	h, err := house.New(bin, filepath.Join(dir, "data"))
	if err != nil {
		return r, err
	}
	defer h.Kill()
	customers, err := h.Customers("bench", levels[len(levels)-1].Shoppers)
	if err != nil {
		return r, err
	}
	var waits []time.Duration
	for i, l := range levels {
		probe, err := disk.Syncs(dir, 300)
		if err != nil {
			return r, err
		}
		waits = append(waits, probe...)
		if err := pay(h, customers[:l.Shoppers], &l, i); err != nil {
			return r, err
		}
		r.Levels = append(r.Levels, l)
	}
	r.SyncsPerSecond, r.SyncP50ms, r.SyncP99ms = disk.Summary(waits)
	r.Ratio = r.Levels[len(r.Levels)-1].PerSecond / r.SyncsPerSecond
	return r, nil
}

// pay lets every shopper pay one payment after the other until all are made.
func pay(h *house.House, customers []house.Customer, l *Level, round int) error {
	api, err := h.API()
	if err != nil {
		return err
	}
	ctx := context.Background()
	var mu sync.Mutex
	var waits []time.Duration
	var failed error
	var wg sync.WaitGroup
	cpu := processorTime(h.PID())
	began := time.Now()
	for s, c := range customers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := s; i < l.Payments; i += len(customers) {
				t := time.Now()
				err := one(ctx, h, api, c, fmt.Sprintf("bench-%d-%d-attempt-nonce", round, i))
				mu.Lock()
				waits = append(waits, time.Since(t))
				if err != nil && failed == nil {
					failed = fmt.Errorf("payment %d: %w", i, err)
				}
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		}()
	}
	wg.Wait()
	l.PerSecond = float64(len(waits)) / time.Since(began).Seconds()
	l.P50ms, l.P99ms = disk.Quantile(waits, 0.5), disk.Quantile(waits, 0.99)
	l.CPUms = float64((processorTime(h.PID()) - cpu).Microseconds()) / 1000 / float64(len(waits))
	return failed
}

func one(ctx context.Context, h *house.House, api *house.API, c house.Customer, nonce string) error {
	p, err := api.Create(ctx, nonce, nonce, "bench", 1234)
	if err != nil {
		return err
	}
	state, err := h.Pay(ctx, p.FrameURL, c, nonce)
	if err != nil {
		return err
	}
	if state != "paid" {
		return fmt.Errorf("ended as %q", state)
	}
	for {
		now, err := api.Get(ctx, p.ID)
		if err != nil || now.Status == "captured" {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// processorTime is what a process has used so far (user and system), from /proc; 0 when it cannot be read.
func processorTime(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}
