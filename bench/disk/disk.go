// Package disk measures what the disk allows: the physical limit beside which durable work is measured, in the same
// run and the same folder.
package disk

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Syncs appends 4 KiB and waits for fdatasync, n times, and returns each wait, in order.
func Syncs(dir string, n int) ([]time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "fdatasync.probe"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	waits := make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		waits = append(waits, time.Since(began))
	}
	return waits, nil
}

// Summary is the rate per second of waits that came one after the other, and two of their quantiles in milliseconds.
func Summary(waits []time.Duration) (perSecond, p50ms, p99ms float64) {
	var sum time.Duration
	for _, w := range waits {
		sum += w
	}
	return float64(len(waits)) / sum.Seconds(), Quantile(waits, 0.5), Quantile(waits, 0.99)
}

// Quantile is the q-quantile of waits, in milliseconds; 0 when there are none.
func Quantile(waits []time.Duration, q float64) float64 {
	if len(waits) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(waits))
	return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds()) / 1000
}
