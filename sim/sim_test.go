package sim

import (
	"flag"
	"os"
	"testing"
	"time"
)

var (
	paymentsFlag = flag.Int("payments", 0, "how many payments to simulate (0 = 100,000 under ./test, fewer with plain go test)")
	seedFlag     = flag.Uint64("seed", 0, "first seed (0 = from the clock)")
)

const perWorld = 200

func size() int {
	switch {
	case *paymentsFlag > 0:
		return *paymentsFlag
	case os.Getenv("TEST_LONG") == "1":
		return 2_000_000
	case os.Getenv("COUNTERSIGN_TEST_ALL") == "1":
		return 100_000
	}
	return 4_000
}

func firstSeed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return uint64(time.Now().UnixNano())
}

// expected is what the generator must have made in any run of some size: a fault that never happened was not tested.
func expected() []string {
	return []string{
		"fault: link down", "fault: request lost", "fault: request doubled", "fault: answer lost", "fault: answer doubled",
		"fault: answer late", "fault: late", "fault: no answer in time", "fault: gateway killed", "fault: bank killed",
		"advice repeated", "double click", "two tabs", "result told twice", "confirmed too late",
		"numbers: around",
		"thief: stolen card without confirmation", "thief: confirmation of another amount", "thief: confirmation used before", "thief: guessed code", "thief: insider",
		"state: needs_card", "state: needs_confirmation", "state: processing", "state: authorised", "state: captured", "state: refunded", "state: cancelled", "state: expired",
		"bank: 00", "bank: N7", "bank: 51", "bank: 54", "bank: 61", "bank: 62", "bank: 75",
	}
}

func TestPaymentsUnderFaults(t *testing.T) {
	first := firstSeed()
	seed, n := first, 0
	counts := map[string]int{}
	began := time.Now()
	var simulated time.Duration
	for n < size() {
		r := Run(Config{Seed: seed, Payments: perWorld})
		if len(r.Violations) > 0 {
			for _, v := range r.Violations {
				t.Errorf("seed %d: %s", seed, v)
			}
			t.Fatalf("repeat with: go test ./sim -run TestPaymentsUnderFaults -seed %d -payments 1", seed)
		}
		for k, v := range r.Counts {
			counts[k] += v
		}
		n += r.Payments
		simulated += r.Simulated
		seed++
	}
	faults := 0
	for k, v := range counts {
		if len(k) > 6 && k[:6] == "fault:" {
			faults += v
		}
	}
	t.Logf("%d payments, %d faults, seeds %d to %d, %.0f simulated days in %.1f s: 0 violations", n, faults, first, seed-1, simulated.Hours()/24, time.Since(began).Seconds())
	for _, what := range expected() {
		if counts[what] == 0 {
			t.Errorf("the generator never made %q: it was not tested", what)
		}
	}
}

func TestReplayIsIdentical(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		a, b := Run(Config{Seed: seed, Payments: 100}), Run(Config{Seed: seed, Payments: 100})
		if a.Digest != b.Digest {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
	if Run(Config{Seed: 1, Payments: 100}).Digest == Run(Config{Seed: 2, Payments: 100}).Digest {
		t.Error("the seed does not matter")
	}
}

func TestEveryPlantedBugIsCaught(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ { // the control: no bug, no complaint
		if r := Run(Config{Seed: seed, Payments: perWorld}); len(r.Violations) > 0 {
			t.Fatalf("seed %d without a bug: %s", seed, r.Violations[0])
		}
	}
	for _, bug := range Bugs() {
		t.Run(bug.String(), func(t *testing.T) {
			for seed := uint64(1); seed <= 300; seed++ {
				if r := Run(Config{Seed: seed, Payments: perWorld, Bug: bug}); len(r.Violations) > 0 {
					t.Logf("caught by seed %d: %s", seed, r.Violations[0])
					return
				}
			}
			t.Error("not caught by 300 seeds: the checks are blind here")
		})
	}
}
