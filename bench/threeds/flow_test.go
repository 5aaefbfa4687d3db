package threeds

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"countersign/pay/card"
	gateway "countersign/pay/checkout/threeds"
	"countersign/pay/directory"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

// payments is the gateway's durable memory, as small as can be.
type payments struct {
	mu   sync.Mutex
	open map[string]gateway.Outcome
	done map[string]gateway.Result
}

func (p *payments) result(_ context.Context, r gateway.Result) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.done[r.ServerTransID]; twice {
		return gateway.ErrDuplicate
	}
	o, known := p.open[r.ServerTransID]
	if !known || o.ACSTransID != r.ACSTransID || o.DSTransID != r.DSTransID {
		return gateway.ErrUnknown
	}
	p.done[r.ServerTransID] = r
	return nil
}

func rreq(o gateway.Outcome) []byte {
	b := emv3ds.New(emv3ds.RReq, "2.2.0").Set("threeDSServerTransID", o.ServerTransID).Set("acsTransID", o.ACSTransID).Set("dsTransID", o.DSTransID)
	b.Set("messageCategory", "01").Set("transStatus", "Y").Set("authenticationType", "02").Set("interactionCounter", "01")
	return b.Set("eci", "05").Set("authenticationValue", "xgR6+aR8AAAAAAAAAAAAAAAAAAAA").Bytes()
}

// TestResultAfterRestarts: gateway and directory are both started anew while the holder is typing the code;
// the result still reaches the payment, exactly once.
func TestResultAfterRestarts(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		dir := t.TempDir()
		p := &payments{open: map[string]gateway.Outcome{}, done: map[string]gateway.Result{}}
		w, err := newWorld(dir, tcp, p.result)
		if err != nil {
			t.Fatal(err)
		}
		r, err := request()
		if err != nil {
			t.Fatal(err)
		}
		o, err := w.server.Authenticate(t.Context(), r)
		if err != nil || o.Status != "C" {
			t.Fatalf("%+v %v", o, err)
		}
		p.open[o.ServerTransID] = o
		w.close()
		if w, err = newWorld(dir, tcp, p.result); err != nil {
			t.Fatal(err)
		}
		toDS := &link.Client{Dial: w.net.to(directory.Endpoint)}
		for _, want := range []string{"RRes 01", "Erro 312"} {
			answer, err := toDS.Post(t.Context(), rreq(o))
			m, _ := emv3ds.Parse(answer)
			if got := m.Type() + " " + m.Text("resultsStatus") + m.Text("errorCode"); err != nil || got != want {
				t.Errorf("%s %v, want %s", got, err, want)
			}
		}
		if got := p.done[o.ServerTransID]; got.Status != "Y" || got.ECI != "05" || got.CAVV == "" {
			t.Errorf("%+v", got)
		}
		toDS.Close()
		w.close()
	}
}

// TestNoNumberLeft sends payments with known card numbers through all roles and then looks for them in all
// memory of the process, as text and as BCD. One number is planted as a control.
func TestNoNumberLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/mem")
	}
	dir := t.TempDir()
	needles := map[[16]byte]bool{} // masked, so that they are not found themselves
	buf := make([]byte, 16)
	for _, tcp := range []bool{false, true} {
		w, err := newWorld(dir, tcp, func(context.Context, gateway.Result) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			fill(buf)
			needles[mask(buf)] = true
			r, err := request()
			if err != nil {
				t.Fatal(err)
			}
			if r.PAN, err = card.ParsePAN(buf); err != nil {
				t.Fatal(err)
			}
			o, err := w.server.Authenticate(t.Context(), r)
			r.PAN.Wipe()
			if err != nil || o.Status != "C" {
				t.Fatal(i, o, err)
			}
		}
		w.close()
	}
	planted := bytes.Clone(buf) // the last number
	clear(buf)
	if n := find(t, needles); n != 1 {
		t.Errorf("%d numbers in memory, want only the planted one", n)
	}
	clear(planted)
	if n := find(t, needles); n != 0 {
		t.Errorf("%d numbers in memory", n)
	}
	runtime.KeepAlive(planted)
}

// fill makes a random number of the range 400001 with its check digit.
func fill(d []byte) {
	copy(d, "400001")
	rand.Read(d[6:])
	for i := 6; i < 16; i++ {
		d[i] = '0' + d[i]%10
	}
	for d[15] = '0'; !card.Luhn(d); d[15]++ {
	}
}

func mask(d []byte) (m [16]byte) {
	for i := range m {
		m[i] = d[i] ^ 0x5a
	}
	return m
}

// find counts the needles in all writable memory, as text or BCD.
func find(t *testing.T, needles map[[16]byte]bool) (n int) {
	const chunk, overlap = 1 << 20, 32
	buf := make([]byte, chunk)
	own := uint64(uintptr(unsafe.Pointer(&buf[0])))
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	var total uint64
	at := make([]byte, 16)
	lines := bufio.NewScanner(bytes.NewReader(maps))
	for lines.Scan() {
		var from, to uint64
		var mode string
		fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode)
		if !strings.HasPrefix(mode, "rw") {
			continue
		}
		for a := from; a < to; a += chunk - overlap {
			clear(buf)
			k, _ := mem.ReadAt(buf[:min(chunk, to-a)], int64(a))
			blank(buf[:k], a, own, own+chunk)
			n += count(buf[:k], needles, at)
			total += uint64(k)
		}
	}
	clear(buf)
	clear(at)
	t.Log(total>>20, "MiB looked at")
	return n
}

// blank overwrites the part of a chunk that is our own reading buffer.
func blank(b []byte, at, from, to uint64) {
	lo, hi := max(at, from), min(at+uint64(len(b)), to)
	if lo < hi {
		clear(b[lo-at : hi-at])
	}
}

func count(b []byte, needles map[[16]byte]bool, at []byte) (n int) {
	for rest := b; ; {
		i := bytes.Index(rest, []byte("400001"))
		if i < 0 || len(rest)-i < 16 {
			break
		}
		if needles[mask(rest[i:i+16])] {
			n++
		}
		rest = rest[i+1:]
	}
	for rest := b; ; {
		i := bytes.Index(rest, []byte{0x40, 0x00, 0x01})
		if i < 0 || len(rest)-i < 8 {
			return n
		}
		for j := range at {
			at[j] = '0' + rest[i+j/2]>>(4*(1-j%2))&15
		}
		if needles[mask(at)] {
			n++
		}
		rest = rest[i+1:]
	}
}

// TestLatency: the goal of the confirmation, AReq to ARes within 5 ms at the 99th percentile in one process.
// It is measured by the benchmark; here only that a slow machine still answers at all.
func TestLatency(t *testing.T) {
	row, err := fullRow(t.TempDir(), false, 1, 100)
	if err != nil || row.P99 > float64(2*time.Second/time.Microsecond) {
		t.Error(row, err)
	}
}
