// Package torture mistreats the real program: it pays with it over its HTTP endpoints, kills it, reads its memory, and
// compares what it answered with what it kept.
package torture

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/e2e/canary"
	"countersign/e2e/house"
	"countersign/examples/shopper"
)

// control is a text that the program may keep: what the scan must find, in every kind of place, to be believed.
const control = "controlQ7vN2xWk41ZtLm"

// TestNoCodeIsLeftAnywhere pays with known numbers and codes, in every way that goes well or wrong, and then looks for
// them in the data folder (database, write-ahead log, logs), in all that crossed the loopback interface, and in the
// memory of the process, which plays all roles. The build marks codes with 24 letters, so that chance cannot be one.
func TestNoCodeIsLeftAnywhere(t *testing.T) {
	payments := size(120, 2_000, 20_000)
	capture, err := canary.StartCapture()
	if err != nil {
		missing(t, "cannot listen on the loopback interface or read another process (needs root): "+err.Error())
	}
	h := start(t, "canary")
	customers, err := h.Customers("canary", 24)
	must(t, err)
	codes := pay(t, h, customers, payments)
	time.Sleep(300 * time.Millisecond) // what is in flight comes to rest

	numbers := make([]string, len(customers))
	for i, c := range customers {
		numbers[i] = string(c.Card.Number)
	}
	codeSet, numberSet, controls := set(t, codes...), set(t, numbers...), set(t, control)
	traffic := capture.Stop()
	look := func(what string, s *canary.Set) (hits []canary.Hit) {
		mem, scanned, err := s.Process(h.PID())
		must(t, err)
		files, n, err := s.Files(h.Data)
		must(t, err)
		lines, err := s.Reader("traffic", bytes.NewReader(traffic))
		must(t, err)
		t.Logf("%s: %d in %d MB of memory, %d in %d files, %d in %d MB of traffic", what, len(mem), scanned>>20, len(files), n, len(lines), len(traffic)>>20)
		if what == "control" && (len(mem) == 0 || len(files) == 0 || len(lines) == 0 || !inLog(files)) {
			t.Error("the control was not found everywhere: this test cannot be believed")
		}
		return append(append(mem, files...), lines...)
	}
	look("control", controls)
	for what, s := range map[string]*canary.Set{"codes": codeSet, "numbers": numberSet} {
		if hits := look(what, s); len(hits) > 0 {
			t.Errorf("%d copies of %d different %s:\n%s", len(hits), canary.Different(hits), what, strings.Join(canary.Places(hits), "\n"))
		}
	}
}

func inLog(hits []canary.Hit) bool {
	for _, h := range hits {
		if strings.HasSuffix(h.Place, ".log") {
			return true
		}
	}
	return false
}

func set(t *testing.T, secrets ...string) *canary.Set {
	t.Helper()
	s, err := canary.NewSet(secrets...)
	must(t, err)
	return s
}

// pay makes the payments with four shoppers and returns every code that was typed.
func pay(t *testing.T, h *house.House, customers []house.Customer, n int) (codes []string) {
	ctx := context.Background()
	api, err := h.API()
	must(t, err)
	must(t, get(h, h.URL("pay")+"/"+control)) // into the log
	var mu sync.Mutex
	var paid, done atomic.Int64
	var wg sync.WaitGroup
	const workers = 4
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < n; i += workers {
				c := customers[i%workers*(len(customers)/workers)+i/workers%(len(customers)/workers)]
				code := fmt.Sprintf("%s%s", c.Card.Code, letters(24))
				if i%9 == 3 {
					code = "000" + code[3:] // wrong, or by chance right
				}
				mu.Lock()
				codes = append(codes, code)
				mu.Unlock()
				c.Card.Code = []byte(code)
				p, err := api.Create(ctx, fmt.Sprintf("canary-%d", i), fmt.Sprintf("order-%d", i), control, int64(100+i))
				if err != nil {
					t.Errorf("payment %d: %v", i, err)
					return
				}
				state, err := one(ctx, h, p.FrameURL, c, i)
				if err != nil {
					t.Errorf("payment %d: %v", i, err)
					return
				}
				if state == "paid" {
					paid.Add(1)
					if i%5 == 0 {
						_, _, err = api.Call(ctx, "POST", "/v1/payments/"+p.ID+"/refunds", fmt.Sprintf("refund-%d", i), map[string]any{"amount": 50}, nil)
						must(t, err)
					}
				}
				done.Add(1)
			}
		}()
	}
	wg.Wait()
	t.Logf("%d payments, %d paid", done.Load(), paid.Load())
	if paid.Load() < int64(n)/3 {
		t.Errorf("only %d of %d payments were paid: the paths that matter were not taken", paid.Load(), n)
	}
	return codes
}

// one pays in one of the ways there are: well, with a wrong SMS code, leaving at the bank, with a broken box, twice.
func one(ctx context.Context, h *house.House, frame string, c house.Customer, i int) (string, error) {
	switch i % 16 {
	case 5, 11:
		page, err := shopper.Open(ctx, h.HTTP, frame)
		if err != nil {
			return "", err
		}
		s, err := page.Seal(c.Card, letters(20))
		if err != nil {
			return "", err
		}
		if i%16 == 5 { // a tampered code
			b := []byte(s.Code)
			b[len(b)-3] ^= 1
			s.Code = string(b)
		} // otherwise: closes the tab
		_, err = page.Send(ctx, s)
		if r, ok := err.(*shopper.Refused); ok && r.Status < 500 {
			err = nil
		}
		return "left", err
	}
	return h.Pay(ctx, frame, c, letters(20))
}

func get(h *house.House, url string) error {
	resp, err := h.HTTP.Get(url)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func letters(n int) string {
	const alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}

// size is how much to do: with plain go test, under ./test, and with ./test --long.
func size(quick, all, long int) int {
	switch {
	case os.Getenv("TEST_LONG") == "1":
		return long
	case os.Getenv("COUNTERSIGN_TEST_ALL") == "1":
		return all
	}
	return quick
}

// start builds the program with tags and starts it in a folder of the test's.
func start(t testing.TB, tags string) *house.House {
	t.Helper()
	bin, err := house.Build(t.TempDir(), tags)
	must(t, err)
	h, err := house.New(bin, t.TempDir())
	must(t, err)
	t.Cleanup(h.Kill)
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("COUNTERSIGN_TEST_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}
