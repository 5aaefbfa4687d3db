package checkout

import (
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
)

// BenchmarkPayment is a whole payment at the gateway: created over the shop API, sealed as the page does, opened,
// confirmed and approved by fakes, captured; each step durable. With many at once the commits are shared.
func BenchmarkPayment(b *testing.B) {
	for _, many := range []int{1, 32} {
		b.Run(fmt.Sprintf("at-once=%d", many), func(b *testing.B) {
			slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
			h := newHouse(b)
			h.stop()
			h.other = yesBank{}
			h.cfg.Merchants[0].WebhookURL = ""
			h.start()
			var bad atomic.Int64
			b.SetParallelism((many + 1) / 2)
			if many == 1 {
				for b.Loop() {
					if r := h.pay(h.create(100, "automatic")); r.State != "paid" {
						bad.Add(1)
					}
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if r := h.pay(h.create(100, "automatic")); r.State != "paid" {
							bad.Add(1)
						}
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "payments/s")
			if bad.Load() > 0 {
				b.Errorf("%d not paid", bad.Load())
			}
		})
	}
}
