//go:build linux

package checkout

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/host/keys"
	"countersign/pay/card"
	"countersign/pay/checkout/core"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
)

// yesBank approves everything, and looks at nothing.
type yesBank struct{}

func (yesBank) Up() bool { return true }
func (yesBank) Authorise(context.Context, Authorisation) (core.Answer, error) {
	return core.Answer{Response: payment.Approved, Approval: "123456"}, nil
}
func (yesBank) Forward(context.Context, Forwarding) (core.Answer, error) {
	return core.Answer{Response: payment.Approved}, nil
}

// heap makes what it holds live on the heap: a stack that grows leaves its old copy behind.
var heap []byte

func onHeap(n int) []byte { heap = make([]byte, n); return heap }

// needles are the forms of a marker, each byte masked so that the search does not find itself.
func needles(marker []byte) map[string][]byte {
	const mask = 0x5a
	hide := func(b []byte) []byte {
		for i := range b {
			b[i] ^= mask
		}
		return b
	}
	out := map[string][]byte{}
	bcd := onHeap(len(marker) / 2)
	for i := range bcd {
		bcd[i] = (marker[2*i]-'0')<<4 | (marker[2*i+1] - '0')
	}
	out["BCD"] = hide(bcd)
	h := onHeap(hex.EncodedLen(len(marker)))
	hex.Encode(h, marker)
	out["hex"] = hide(h)
	for shift := range 3 {
		part := marker[(3-shift)%3:]
		part = part[:len(part)/3*3]
		b := onHeap(base64.StdEncoding.EncodedLen(len(part)))
		base64.StdEncoding.Encode(b, part)
		out[fmt.Sprint("base64 at ", shift)] = hide(b)
	}
	raw := onHeap(len(marker))
	copy(raw, marker)
	out["raw"] = hide(raw)
	return out
}

// scan counts the needles in a text.
func scan(text []byte, list map[string][]byte, found map[string]int) {
	const mask = 0x5a
	for name, n := range list {
		first := n[0] ^ mask
		for i := 0; i+len(n) <= len(text); i++ {
			if text[i] != first {
				continue
			}
			same := true
			for j := 1; same && j < len(n); j++ {
				same = text[i+j]^mask == n[j]
			}
			if same {
				found[name]++
			}
		}
	}
}

// scanMemory looks through all that this process may write.
func scanMemory(t *testing.T, list map[string][]byte) map[string]int {
	t.Helper()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	defer maps.Close()
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	defer mem.Close()
	found := map[string]int{}
	buf := make([]byte, 1<<20)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		f := strings.Fields(lines.Text())
		var from, to int64
		if _, err := fmt.Sscanf(f[0], "%x-%x", &from, &to); err != nil || !strings.HasPrefix(f[1], "rw") {
			continue
		}
		for at := from; at < to; at += int64(len(buf)) - 64 {
			n, _ := mem.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
			scan(buf[:n], list, found)
			clear(buf)
		}
	}
	return found
}

// TestResidue: after the answers, no card number is in the clear in memory, files or log.
func TestResidue(t *testing.T) {
	h := newHouse(t)
	h.stop()
	h.other = yesBank{}
	h.start()
	marker := onHeap(12) // the first 12 digits of all cards of this test
	if _, err := rand.Read(marker[6:]); err != nil {
		t.Fatal(err)
	}
	copy(marker, "424242")
	for i := 6; i < 12; i++ {
		marker[i] = '0' + marker[i]%10
	}
	list := needles(marker)
	const n = 200
	for i := range n {
		p := h.create(100, "automatic")
		pan := onHeap(16)
		copy(pan, marker)
		copy(pan[12:], fmt.Sprintf("%03d", i))
		for pan[15] = '0'; !card.Luhn(pan); pan[15]++ {
		}
		if i%10 == 0 {
			h.ds.mu.Lock()
			h.ds.status = []string{"C"}
			h.ds.mu.Unlock()
		}
		if r := h.post(p, h.wiped(p, pan)); r.State != "paid" && r.State != "challenge" {
			t.Fatalf("%+v", r)
		}
		if i%20 == 0 {
			if err := h.confirm(p.ID, "Y"); err != nil {
				t.Fatal(err)
			}
		}
	}
	clear(marker)
	time.Sleep(300 * time.Millisecond)
	s, err := h.engine.store.Stats(context.Background())
	if err != nil || s.Cards != n {
		t.Fatalf("%d cards kept: %v", s.Cards, err)
	}
	if found := scanMemory(t, list); len(found) != 0 {
		t.Errorf("in memory: %v", found)
	}
	plant := onHeap(len(list["raw"]))
	copy(plant, list["raw"])
	for i := range plant {
		plant[i] ^= 0x5a
	}
	if found := scanMemory(t, list); found["raw"] == 0 {
		t.Error("the planted number was not found: the search is blind")
	}
	clear(plant)
	files, err := filepath.Glob(h.dir + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		scan(text, list, found)
	}
	scan([]byte(h.log.String()), list, found)
	if len(found) != 0 {
		t.Errorf("on disk or in the log: %v", found)
	}
}

// wiped seals a card as the page does, and leaves nothing of it.
func (h *house) wiped(p paid, pan []byte) string {
	h.t.Helper()
	defer clear(pan)
	eur, _ := money.ByAlpha("EUR")
	amount, _ := money.New(p.Amount, eur)
	c := sealed.Context{Payment: p.ID, Merchant: "SHOP1", Amount: amount}
	k, err := h.keys.For("checkout").Current(keys.VaultSeal)
	if err != nil {
		h.t.Fatal(err)
	}
	number := onHeap(sealed.NumberSize)
	defer clear(number)
	copy(number, pan)
	copy(number[len(pan):], "D2911")
	box, err := sealed.Seal(sealed.Number, k.ID, k.Public(), c.NumberAAD(), number)
	if err != nil {
		h.t.Fatal(err)
	}
	code, err := sealed.Seal(sealed.Code, "code-seal-1", h.ds.public, nil, []byte("123\x00"))
	if err != nil {
		h.t.Fatal(err)
	}
	return fmt.Sprintf(`{"number":%q,"code":%q,"name":"Ada","attempt":%q}`, box, code, attempt())
}
