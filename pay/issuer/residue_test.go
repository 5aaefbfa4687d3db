package issuer_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"countersign/pay/issuer/book"
	"countersign/pay/issuer/cards"
	"countersign/pay/issuer/issuertest"
)

// needle is a secret as a test may hold it: masked, so that the test does not find itself.
type needle []byte

const mask = 0x5a

func hide(secret []byte) needle {
	n := make(needle, len(secret))
	for i, c := range secret {
		n[i] = c ^ mask
	}
	return n
}

// in counts the copies of the secret in b.
func (n needle) in(b []byte) (count int) {
	first := n[0] ^ mask
	for {
		i := bytes.IndexByte(b, first)
		if i < 0 || len(b)-i < len(n) {
			return count
		}
		same := true
		for j := range n {
			if b[i+j] != n[j]^mask {
				same = false
				break
			}
		}
		if same {
			count++
		}
		b = b[i+1:]
	}
}

// scan counts copies of the needles in all writable memory of this process.
func scan(t *testing.T, needles map[string]needle) map[string]int {
	t.Helper()
	runtime.GC()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip("no /proc/self/maps here: ", err)
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skip("cannot read own memory: ", err)
	}
	defer mem.Close()
	found, buf := map[string]int{}, make([]byte, 1<<20)
	for s := bufio.NewScanner(bytes.NewReader(maps)); s.Scan(); {
		f := strings.Fields(s.Text())
		var from, to int64
		if _, err := fmt.Sscanf(f[0], "%x-%x", &from, &to); err != nil || !strings.HasPrefix(f[1], "rw") {
			continue
		}
		for at := from; at < to; at += int64(len(buf)) - 64 { // overlap: nothing hides on a border
			n, err := mem.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
			if n == 0 && err != nil && !errors.Is(err, io.EOF) {
				break
			}
			for name, x := range needles {
				found[name] += x.in(buf[:n])
			}
		}
	}
	clear(buf)
	return found
}

// After the answer no copy of a card number is left in this process, in any plain form; and in a canary
// build, where a code is long enough to be told from chance, no copy of a code.
func TestNothingStaysInMemory(t *testing.T) {
	if os.Getenv("COUNTERSIGN_TEST_ALL") == "" && testing.Short() {
		t.Skip("scans memory: not in short mode")
	}
	b := newSQLite(t)
	needles := map[string]needle{}
	// Too large for the stack: what lies on a stack is copied when it grows, and nobody wipes the old one.
	marker, long := make([]byte, 12, 128<<10), make([]byte, 24, 128<<10)
	if _, err := rand.Read(marker); err != nil {
		t.Fatal(err)
	}
	hex.Encode(long, marker) // into its own buffer: a string could not be wiped
	clear(marker)
	if canary {
		watch(needles, "code", long)
	}
	for i := range 40 {
		c := b.issue(1_000_000, cards.Order{})
		if canary {
			c.Code = append(c.Code, long...)
		}
		for range 5 {
			r := b.purchase(c, i%3, 10)
			d, err := b.Bank.Authorise(context.Background(), r)
			if err != nil || d.Response != "00" {
				t.Fatalf("%+v %v", d, err)
			}
			clear(r.Code.Data)
		}
		bad := b.purchase(c, 1, 10)
		c.Code[0] = '0' + (c.Code[0]-'0'+1)%10 // in place: since Go 1.26 a small copy may begin on the stack and stay there
		if err := b.SealCode(bad, c.Code); err != nil {
			t.Fatal(err)
		}
		if d, err := b.Bank.Authorise(context.Background(), bad); err != nil || d.Response != "N7" {
			t.Fatalf("%+v %v", d, err)
		}
		if err := b.Desk.Reveal(context.Background(), c.ID, func(book.Card, []byte, []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if i >= 30 { // the last ones: pooled memory that was not wiped would be overwritten by the next card
			c.PAN.Use(func(d []byte) { watch(needles, fmt.Sprintf("number %d", i), d) })
		}
		forget(c)
	}
	clear(long)
	for name, n := range scan(t, needles) {
		if n > 0 {
			t.Errorf("%s: %d copies in memory", name, n)
		}
	}
	planted := make([]byte, 32, 128<<10)
	if _, err := rand.Read(planted); err != nil {
		t.Fatal(err)
	}
	if got := scan(t, map[string]needle{"control": hide(planted)}); got["control"] == 0 {
		t.Error("the scanner does not find what was planted: it proves nothing")
	}
	runtime.KeepAlive(planted)
}

// watch adds a secret in its plain forms.
func watch(needles map[string]needle, name string, secret []byte) {
	needles[name] = hide(secret)
	h := make([]byte, hex.EncodedLen(len(secret)))
	hex.Encode(h, secret)
	needles[name+" hex"] = hide(h)
	clear(h)
	if len(secret)%2 == 0 && !bytes.ContainsFunc(secret, func(r rune) bool { return r < '0' || r > '9' }) {
		bcd := make([]byte, len(secret)/2)
		for i := range bcd {
			bcd[i] = (secret[2*i]-'0')<<4 | (secret[2*i+1] - '0')
		}
		needles[name+" bcd"] = hide(bcd)
		clear(bcd)
	}
	whole := secret[:len(secret)/3*3]
	e := make([]byte, base64.StdEncoding.EncodedLen(len(whole)))
	base64.StdEncoding.Encode(e, whole)
	needles[name+" base64"] = hide(e)
	clear(e)
}

func forget(c *issuertest.Card) {
	c.PAN.Wipe()
	clear(c.Code[:cap(c.Code)])
}
