package network

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
	"countersign/wire/iso8583"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const digits = "9400000000000007"

func clock() time.Time { return time.Date(2026, 11, 22, 15, 31, 0, 0, time.UTC) }

type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.buf.Bytes(), []byte(s))
}

// bank is the far end: what it does with each request is up to the test.
type bank struct {
	t     testing.TB
	mu    sync.Mutex
	conns []*iso8583.Conn
	dials int
	seen  []seen
	deaf  bool                                                                  // does not answer echoes
	no    bool                                                                  // refuses sign-on
	on    func(c *iso8583.Conn, m *iso8583.Message, reply func(map[int]string)) // a financial message; m is good until it returns
	wg    sync.WaitGroup
	tcp   bool
}

type seen struct {
	mti iso8583.MTI
	f   map[int]string
}

func (b *bank) dial(ctx context.Context) (net.Conn, error) {
	x, y := net.Pipe()
	if b.tcp {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		if x, err = net.Dial("tcp", ln.Addr().String()); err != nil {
			return nil, err
		}
		if y, err = ln.Accept(); err != nil {
			return nil, err
		}
	}
	c := iso8583.NewConn(y, iso8583.Limits{})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dials++
	b.conns = append(b.conns, c)
	b.wg.Go(func() { b.serve(c) })
	return x, nil
}

func (b *bank) serve(c *iso8583.Conn) {
	buf := make([]byte, c.MaxFrame())
	for {
		k, err := c.Read(buf)
		if err != nil {
			return
		}
		m := new(iso8583.Message)
		if err := m.Unpack(bytes.Clone(buf[:k])); err != nil {
			b.t.Error("the gateway sent what cannot be read:", err)
			continue
		}
		b.mu.Lock()
		s := seen{m.MTI(), map[int]string{}}
		for de := range 129 {
			if m.Has(de) {
				s.f[de] = string(m.Get(de))
			}
		}
		b.seen = append(b.seen, s)
		deaf, no, on := b.deaf, b.no, b.on
		b.mu.Unlock()
		reply := func(f map[int]string) { b.reply(c, m, f) }
		switch {
		case !m.MTI().IsRequest():
		case m.MTI().Class() == 8 && m.Text(70) == iso8583.Echo && deaf:
		case m.MTI().Class() == 8 && no:
			reply(map[int]string{39: "63"})
		case m.MTI().Class() == 8 || on == nil:
			reply(map[int]string{39: "00"})
		default:
			on(c, m, reply)
		}
	}
}

// reply answers m with DE 7, 11, 37 echoed; f adds, changes, or (with "") leaves out.
func (b *bank) reply(c *iso8583.Conn, m *iso8583.Message, f map[int]string) {
	var p iso8583.Packer
	p.Start(make([]byte, 1024), m.MTI().Answer())
	for de := range 129 {
		v, given := f[de]
		if !given && (de == 7 || de == 11 || de == 37) {
			v = string(m.Get(de))
		}
		if v != "" {
			p.Text(de, v)
		}
	}
	raw, err := p.Finish()
	if err != nil {
		b.t.Error(err)
		return
	}
	c.Write(raw)
}

func (b *bank) handle(on func(c *iso8583.Conn, m *iso8583.Message, reply func(map[int]string))) {
	b.mu.Lock()
	b.on = on
	b.mu.Unlock()
}

func (b *bank) last(t testing.TB) seen {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seen) == 0 {
		t.Fatal("nothing arrived")
	}
	return b.seen[len(b.seen)-1]
}

func (b *bank) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
}

type late struct {
	mu sync.Mutex
	t  []Trace
	a  []Answer
}

func (l *late) take(t Trace, a Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t, l.a = append(l.t, t), append(l.a, a)
}

func (l *late) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.t)
}

func start(t testing.TB, b *bank, change func(*Config)) (*Link, *late, *logbook) {
	t.Helper()
	b.t = t
	lt, lb := new(late), new(logbook)
	cfg := Config{Dial: b.dial, Acquirer: "400123", Timeout: 3 * time.Second, Echo: time.Minute, Now: clock,
		Log: slog.New(slog.NewTextHandler(lb, nil)), Late: lt.take}
	if change != nil {
		change(&cfg)
	}
	l := New(cfg)
	l.Start()
	t.Cleanup(func() {
		l.Close()
		b.cut()
		b.wg.Wait()
		if lb.has(digits[:8]) || lb.has("HARBOUR") {
			t.Error("the log carries content")
		}
	})
	return l, lt, lb
}

func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 2500 {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("in vain:", what)
}

func pan(t testing.TB) card.PAN {
	p, err := card.ParsePAN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func eur(minor int64) money.Amount {
	c, _ := money.ByAlpha("EUR")
	a, _ := money.New(minor, c)
	return a
}

func trace(stan uint32) Trace {
	return Trace{STAN: stan, Transmitted: clock().Add(-15 * time.Second), RRN: fmt.Sprintf("6326%08d", stan)}
}

func shop() Merchant {
	return Merchant{Acceptor: "HARBOUR01", Terminal: "WEB1", Name: "Harbour Bikes", Country: "276", MCC: "5732"}
}

func purchase(t testing.TB, stan uint32) Purchase {
	return Purchase{Trace: trace(stan), PAN: pan(t), Expiry: card.Expiry{Year: 2029, Month: 11}, Amount: eur(2340), Merchant: shop(),
		Code:    sealed.Box{KeyID: "code-seal-1", Data: bytes.Repeat([]byte{1}, 52)},
		Payment: "pay_1", ECI: "05", CAVV: base64.StdEncoding.EncodeToString(make([]byte, 21)), DSTransID: "8d1f1ee6-6c3f-4a52-8a75-2f6a0a1f9c11", Version: "2.2.0"}
}

func TestPurchaseOnTheWire(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	b.handle(func(_ *iso8583.Conn, _ *iso8583.Message, reply func(map[int]string)) {
		reply(map[int]string{38: "A12345", 39: "00", 48: "8701M", 62: "lif_1"})
	})
	p := purchase(t, 4711)
	a, err := l.Authorise(t.Context(), p)
	if err != nil || a != (Answer{Response: "00", Approval: "A12345", CodeResult: 'M', Lifecycle: "lif_1"}) {
		t.Fatal(a, err)
	}
	want := map[int]string{2: digits, 3: "000000", 4: "000000002340", 7: "1122153045", 11: "004711", 12: "153045", 13: "1122", 14: "2911",
		18: "5732", 22: "810", 25: "59", 32: "400123", 37: "632600004711", 41: "WEB1    ", 42: "HARBOUR01      ", 43: "Harbour Bikes                        276",
		48: "420205" + "4328" + p.CAVV + "6305pay_1" + "66422.2.0 " + p.DSTransID + "91011" + fmt.Sprintf("93%d", len(p.Code.String())) + p.Code.String(), 49: "978"}
	got := b.last(t)
	if got.mti != iso8583.AuthRequest {
		t.Error(got.mti)
	}
	for de := range 129 {
		if got.f[de] != want[de] {
			t.Errorf("DE %d = %q, want %q", de, got.f[de], want[de])
		}
	}
	p.Amount, p.Code, p.Repeat, p.Trace, p.Lifecycle = eur(0), sealed.Box{}, true, trace(4712), "lif_2"
	if _, err := l.Authorise(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := b.last(t); got.mti != iso8583.AuthRepeat || got.f[3] != "330000" || got.f[25] != "51" || !strings.HasSuffix(got.f[48], "91010") || got.f[62] != "lif_2" {
		t.Errorf("account check: %v %v", got.mti, got.f)
	}
}

func TestAdviceAndReversalOnTheWire(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	orig := Original{MTI: "0101", Trace: trace(4711)}
	const de90 = "0100" + "004711" + "1122153045" + "00000400123" + "00000000000"
	a := Advice{Trace: trace(1), Repeat: true, PAN: pan(t), Amount: eur(1000), Merchant: shop(), Payment: "pay_1", Lifecycle: "lif_1", N: 1, M: 2, Original: orig}
	if _, err := l.Advise(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if s := b.last(t); s.mti != iso8583.FinancialAdviceRepeat || s.f[3] != "000000" || s.f[90] != de90 || s.f[48] != "20040102"+"6305pay_1" || s.f[62] != "lif_1" {
		t.Errorf("capture: %s %v", s.mti, s.f)
	}
	a = Advice{Trace: trace(2), Refund: true, PAN: pan(t), Amount: eur(1000), Merchant: shop()}
	if _, err := l.Advise(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if s := b.last(t); s.mti != iso8583.FinancialAdvice || s.f[3] != "200000" || s.f[90] != "" || s.f[48] != "" {
		t.Errorf("refund: %s %v", s.mti, s.f)
	}
	keep := eur(500)
	for _, c := range []struct {
		r    Reversal
		mti  iso8583.MTI
		de95 string
	}{
		{Reversal{Keep: &keep}, iso8583.ReversalRequest, "000000000500" + strings.Repeat("0", 30)},
		{Reversal{Repeat: true}, iso8583.ReversalRepeat, ""},
		{Reversal{Advice: true}, iso8583.ReversalAdvice, ""},
		{Reversal{Advice: true, Repeat: true}, iso8583.ReversalAdviceRepeat, ""},
	} {
		r := c.r
		r.Trace, r.PAN, r.Amount, r.Merchant, r.Original = trace(3), pan(t), eur(2340), shop(), orig
		if _, err := l.Reverse(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if s := b.last(t); s.mti != c.mti || s.f[90] != de90 || s.f[95] != c.de95 || s.f[4] != "000000002340" {
			t.Errorf("%s %v", s.mti, s.f)
		}
	}
}

// TestInvalid: what cannot be written is refused before anything leaves, and the error names the field.
func TestInvalid(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	within(t, "up", l.Up)
	wiped := pan(t)
	wiped.Wipe()
	for _, c := range []struct {
		name, where string
		change      func(*Purchase)
	}{
		{"no card", "DE 2", func(p *Purchase) { p.PAN = card.PAN{} }},
		{"wiped card", "DE 2", func(p *Purchase) { p.PAN = wiped }},
		{"no amount", "DE 49", func(p *Purchase) { p.Amount = money.Amount{} }},
		{"13 digits", "DE 4", func(p *Purchase) { p.Amount = eur(1e12) }},
		{"STAN 0", "DE 11", func(p *Purchase) { p.STAN = 0 }},
		{"STAN of 7 digits", "DE 11", func(p *Purchase) { p.STAN = 1e6 }},
		{"no time", "DE 7", func(p *Purchase) { p.Transmitted = time.Time{} }},
		{"RRN of 13", "DE 37", func(p *Purchase) { p.RRN = "1234567890123" }},
		{"no RRN", "DE 37", func(p *Purchase) { p.RRN = "" }},
		{"acceptor of 16", "DE 42", func(p *Purchase) { p.Merchant.Acceptor = "1234567890123456" }},
		{"acceptor with an umlaut", "DE 42", func(p *Purchase) { p.Merchant.Acceptor = "MÜLLER" }},
		{"country of 4", "DE 43", func(p *Purchase) { p.Merchant.Country = "2760" }},
		{"MCC of letters", "DE 18", func(p *Purchase) { p.Merchant.MCC = "bike" }},
		{"payment id with a newline", "DE 48.63", func(p *Purchase) { p.Payment = "a\nb" }},
		{"payment id of 2000", "DE 48.63", func(p *Purchase) { p.Payment = strings.Repeat("x", 2000) }},
	} {
		p := purchase(t, 1)
		c.change(&p)
		_, err := l.Authorise(t.Context(), p)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.where+":") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := l.Reverse(t.Context(), Reversal{Trace: trace(1), PAN: pan(t), Amount: eur(1), Merchant: shop()}); !errors.Is(err, ErrInvalid) {
		t.Error("reversal of nothing:", err)
	}
	if _, err := l.Advise(t.Context(), Advice{Trace: trace(1), PAN: pan(t), Amount: eur(1), Merchant: shop()}); !errors.Is(err, ErrInvalid) {
		t.Error("capture of nothing:", err)
	}
	if s := b.last(t); s.mti != iso8583.NetworkRequest {
		t.Error("something left:", s.mti)
	}
}

func TestAnswers(t *testing.T) {
	cases := []struct {
		name string
		f    map[int]string
		want Answer
		err  error
	}{
		{"declined", map[int]string{39: "51", 38: "123456"}, Answer{Response: "51"}, nil},
		{"wrong code", map[int]string{39: "N7", 48: "8701N"}, Answer{Response: "N7", CodeResult: 'N'}, nil},
		{"format error", map[int]string{39: "30", 44: "DE 49"}, Answer{Response: "30", Fault: "DE 49"}, nil},
		{"approved with a wrong code", map[int]string{39: "00", 48: "8701N"}, Answer{}, ErrNoAnswer},
		{"a part that nobody asked for", map[int]string{39: "10"}, Answer{}, ErrNoAnswer},
		{"no DE 39", map[int]string{48: "8701M"}, Answer{}, ErrNoAnswer},
	}
	b := &bank{}
	l, _, _ := start(t, b, nil)
	for i, c := range cases {
		b.handle(func(_ *iso8583.Conn, _ *iso8583.Message, reply func(map[int]string)) { reply(c.f) })
		a, err := l.Authorise(t.Context(), purchase(t, uint32(i+1)))
		if a != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v %v", c.name, a, err)
		}
	}
}

// TestBrokenAnswer: an answer that cannot be read leaves the payment in doubt at once, not after the timeout.
func TestBrokenAnswer(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, func(c *Config) { c.Timeout = time.Minute })
	b.handle(func(c *iso8583.Conn, m *iso8583.Message, _ func(map[int]string)) {
		var p iso8583.Packer
		p.Start(make([]byte, 256), iso8583.AuthAnswer)
		p.Bytes(7, m.Get(7))
		p.Bytes(11, m.Get(11))
		p.Text(39, "00")
		p.Text(62, "lif_1")
		raw, _ := p.Finish()
		c.Write(raw[:len(raw)-2])
	})
	_, err := l.Authorise(t.Context(), purchase(t, 1))
	var f *iso8583.Fault
	if !errors.Is(err, ErrNoAnswer) || !errors.As(err, &f) || f.Field != 62 {
		t.Error(err)
	}
}

// TestLateAndDoubled: the answer after the timeout is told once, a doubled one never.
func TestLateAndDoubled(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		b := &bank{tcp: tcp}
		l, lt, lb := start(t, b, func(c *Config) { c.Timeout = 60 * time.Millisecond })
		within(t, "up", l.Up)
		held := make(chan func(), 4)
		b.handle(func(_ *iso8583.Conn, m *iso8583.Message, reply func(map[int]string)) {
			ok := map[int]string{38: "A12345", 39: "00"}
			if m.Text(11) == "000001" { // answered twice, in time
				reply(ok)
				reply(ok)
				return
			}
			held <- func() { reply(ok) }
		})
		if _, err := l.Authorise(t.Context(), purchase(t, 1)); err != nil {
			t.Fatal(err)
		}
		within(t, "the doubled answer in the log", func() bool { return lb.has("has its answer already") })
		if _, err := l.Authorise(t.Context(), purchase(t, 2)); !errors.Is(err, ErrNoAnswer) {
			t.Fatal(err)
		}
		again := <-held
		again()
		again()
		within(t, "late answer", func() bool { return lt.count() == 1 })
		lt.mu.Lock()
		if lt.t[0] != trace(2) || lt.a[0].Approval != "A12345" {
			t.Errorf("%+v %+v", lt.t[0], lt.a[0])
		}
		lt.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := l.Authorise(ctx, purchase(t, 3)); !errors.Is(err, ErrNoAnswer) || !errors.Is(err, context.Canceled) {
			t.Error("cancelled:", err)
		}
		(<-held)()
		within(t, "late answer of the cancelled call", func() bool { return lt.count() == 2 })
		if _, err := l.Authorise(ctx, purchase(t, 4)); !errors.Is(err, ErrNotSent) {
			t.Error("cancelled before:", err)
		}
	}
}

// TestRepeatAfterLoss: request or answer lost; the repeat with the same trace finds its answer.
func TestRepeatAfterLoss(t *testing.T) {
	b := &bank{}
	l, lt, _ := start(t, b, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	within(t, "up", l.Up)
	b.handle(func(_ *iso8583.Conn, m *iso8583.Message, reply func(map[int]string)) {
		if m.MTI().IsRepeat() {
			reply(map[int]string{39: "00"})
		}
	})
	p := purchase(t, 1)
	if _, err := l.Authorise(t.Context(), p); !errors.Is(err, ErrNoAnswer) {
		t.Fatal(err)
	}
	p.Repeat = true
	if a, err := l.Authorise(t.Context(), p); err != nil || a.Response != payment.Approved {
		t.Fatal(a, err)
	}
	if lt.count() != 0 {
		t.Error("told as late")
	}
}

// TestManyInFlight: answers in reverse order, each to its own call.
func TestManyInFlight(t *testing.T) {
	const n = 500
	for _, tcp := range []bool{false, true} {
		b := &bank{tcp: tcp}
		l, _, _ := start(t, b, func(c *Config) { c.Timeout = 20 * time.Second })
		var mu sync.Mutex
		var held []func()
		b.handle(func(_ *iso8583.Conn, m *iso8583.Message, reply func(map[int]string)) {
			stan := m.Text(11)
			mu.Lock()
			defer mu.Unlock()
			if held = append(held, func() { reply(map[int]string{38: stan, 39: "00"}) }); len(held) == n {
				go func() {
					for i := n - 1; i >= 0; i-- {
						held[i]()
					}
				}()
			}
		})
		var wg sync.WaitGroup
		for i := range uint32(n) {
			p := purchase(t, i+1)
			wg.Go(func() {
				if a, err := l.Authorise(t.Context(), p); err != nil || a.Approval != fmt.Sprintf("%06d", i+1) {
					t.Error(i, a, err)
				}
			})
		}
		wg.Wait()
		p := purchase(t, 1000)
		b.handle(func(_ *iso8583.Conn, _ *iso8583.Message, reply func(map[int]string)) {
			reply(map[int]string{7: "", 11: "", 39: "00"})
		})
		if _, err := l.Authorise(t.Context(), p); err != nil {
			t.Error("matching by DE 37:", err)
		}
		if l.matcher.Waiting() != 0 {
			t.Error("calls left over")
		}
	}
}

func TestSameTraceTwice(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	within(t, "up", l.Up)
	release := make(chan struct{})
	var got atomic.Int32
	b.handle(func(_ *iso8583.Conn, _ *iso8583.Message, reply func(map[int]string)) {
		got.Add(1)
		<-release
		reply(map[int]string{39: "00"})
	})
	first := make(chan error)
	p := purchase(t, 1)
	go func() { _, err := l.Authorise(context.Background(), p); first <- err }()
	within(t, "first arrives", func() bool { return got.Load() == 1 })
	if _, err := l.Authorise(t.Context(), purchase(t, 1)); !errors.Is(err, ErrNotSent) {
		t.Error(err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// TestCutAndReconnect: what was under way is in doubt; the link comes back by itself.
func TestCutAndReconnect(t *testing.T) {
	b := &bank{}
	l, _, lb := start(t, b, func(c *Config) { c.Timeout = 2 * time.Minute })
	arrived := make(chan struct{}, 1)
	b.handle(func(*iso8583.Conn, *iso8583.Message, func(map[int]string)) { arrived <- struct{}{} })
	res := make(chan error)
	p := purchase(t, 1)
	go func() { _, err := l.Authorise(context.Background(), p); res <- err }()
	<-arrived
	b.cut()
	select {
	case err := <-res:
		if !errors.Is(err, ErrNoAnswer) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the call does not notice that the link is gone")
	}
	b.handle(nil)
	if _, err := l.Authorise(t.Context(), purchase(t, 2)); err != nil {
		t.Error("after the cut:", err)
	}
	within(t, "reason in the log", func() bool { return lb.has("closed by the other side") })
}

// TestNotWritten: the link ends between choosing it and writing: nothing left, and nobody waits.
func TestNotWritten(t *testing.T) {
	l := New(Config{Acquirer: "400123", Now: clock, Log: slog.New(slog.DiscardHandler)})
	x, _ := net.Pipe()
	s := &session{conn: iso8583.NewConn(x, iso8583.Limits{}), dead: make(chan struct{})}
	s.conn.Close()
	if err := l.manage(t.Context(), s, iso8583.Echo); !errors.Is(err, ErrNotSent) || !errors.Is(err, iso8583.ErrNotWritten) {
		t.Error(err)
	}
	if l.matcher.Waiting() != 0 {
		t.Error("a call waits for ever")
	}
	l.Close()
}

func TestDown(t *testing.T) {
	b := &bank{no: true}
	l, _, lb := start(t, b, func(c *Config) { c.Timeout = 200 * time.Millisecond })
	if _, err := l.Authorise(t.Context(), purchase(t, 1)); !errors.Is(err, ErrNotSent) {
		t.Error(err)
	}
	if l.Up() {
		t.Error("up without sign-on")
	}
	within(t, "reason", func() bool { return lb.has("refused with 63") })
	l.Close()
	if _, err := l.Authorise(t.Context(), purchase(t, 1)); !errors.Is(err, ErrNotSent) {
		t.Error("after Close:", err)
	}
}

// TestHalfOpen: the other side is there and does not answer echoes: the link is made anew.
func TestHalfOpen(t *testing.T) {
	b := &bank{deaf: true}
	l, _, lb := start(t, b, func(c *Config) { c.Echo, c.Timeout = 30*time.Millisecond, 50*time.Millisecond })
	within(t, "the link is dialled again", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.dials >= 2 })
	within(t, "reason", func() bool { return lb.has("no answer to echo") })
	b.mu.Lock()
	b.deaf = false
	b.mu.Unlock()
	within(t, "up", l.Up)
	b.mu.Lock()
	dials := b.dials
	b.mu.Unlock()
	time.Sleep(300 * time.Millisecond)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dials > dials+1 {
		t.Errorf("a healthy link was made anew %d times", b.dials-dials)
	}
}

func TestSignOff(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	within(t, "up", l.Up)
	l.Close()
	if s := b.last(t); s.mti != iso8583.NetworkRequest || s.f[70] != iso8583.SignOff {
		t.Errorf("%s %v", s.mti, s.f)
	}
}

// TestIssuerAsks: an echo from the issuer is answered, anything else refused.
func TestIssuerAsks(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	within(t, "up", l.Up)
	for mti, code := range map[iso8583.MTI]string{iso8583.NetworkRequest: "00", iso8583.AuthRequest: "12"} {
		var p iso8583.Packer
		p.Start(make([]byte, 128), mti)
		p.Text(7, "1122153045")
		p.Text(11, "000077")
		p.Text(70, "301")
		raw, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		c := b.conns[0]
		b.mu.Unlock()
		c.Write(raw)
		within(t, "answer", func() bool { s := b.last(t); return s.mti == mti.Answer() && s.f[39] == code && s.f[11] == "000077" })
	}
}

// TestWiped: no buffer of the link holds the card number once the answer is there.
func TestWiped(t *testing.T) {
	b := &bank{}
	l, _, _ := start(t, b, nil)
	if _, err := l.Authorise(t.Context(), purchase(t, 1)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		buf := l.buffers.Get()
		if !bytes.Equal(buf.B, make([]byte, len(buf.B))) {
			t.Fatal("a buffer in the pool is not wiped")
		}
	}
}

func TestPlace(t *testing.T) {
	for in, want := range map[string]string{
		"Café Müller & Søn Łódź": "Cafe Muller & Son Lodz", "Straße": "Strasse", "日本": "??", "  a\tb ": "a?b", "ﬁne": "fine",
		"A name that is longer than thirty-six characters": "A name that is longer than thirty-si",
	} {
		if got := place(in, "276"); len(got) != 40 || strings.TrimRight(got[:37], " ") != want || got[37:] != "276" {
			t.Errorf("%q: %q", in, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		got := place(rapid.String().Draw(t, "name"), "276")
		if len(got) != 40 {
			t.Fatal(len(got))
		}
		for _, c := range []byte(got) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q", got)
			}
		}
	})
}
