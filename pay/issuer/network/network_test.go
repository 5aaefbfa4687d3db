package network

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/pay/card"
	"countersign/pay/issuer"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
	"countersign/pay/securitycode"
	"countersign/wire/iso8583"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	pan      = "9400000000000007"
	rrn      = "632615004711"
	acquirer = "400123"
)

func clock() time.Time { return time.Date(2026, 11, 22, 15, 31, 0, 0, time.UTC) }

// bank is a Decider that keeps what it was asked and answers what it is told.
type bank struct {
	mu       sync.Mutex
	request  *issuer.Request
	digits   string // of the PAN, as the Decider could read them (a test may)
	code     string
	advice   *issuer.Advice
	reversal *issuer.Reversal
	calls    int
	leave    bool // does not take the code
	decide   func(ctx context.Context) (issuer.Decision, error)
}

func (b *bank) answer(ctx context.Context, p card.PAN) (issuer.Decision, error) {
	b.mu.Lock()
	b.calls++
	p.Use(func(d []byte) { b.digits = string(d) })
	decide := b.decide
	b.mu.Unlock()
	if decide != nil {
		return decide(ctx)
	}
	return issuer.Decision{Response: payment.Approved, Approval: "A12345", Lifecycle: "lif_1", CodeResult: securitycode.Match, Reason: "never on the wire"}, nil
}

func (b *bank) Authorise(ctx context.Context, r *issuer.Request) (issuer.Decision, error) {
	b.mu.Lock()
	b.request, b.code = r, ""
	if !b.leave {
		_ = r.Plain.Use(func(d []byte) { b.code = string(d) })
	}
	b.mu.Unlock()
	return b.answer(ctx, r.PAN)
}

func (b *bank) Advise(ctx context.Context, a *issuer.Advice) (issuer.Decision, error) {
	b.mu.Lock()
	b.advice = a
	b.mu.Unlock()
	return b.answer(ctx, a.PAN)
}

func (b *bank) Reverse(ctx context.Context, r *issuer.Reversal) (issuer.Decision, error) {
	b.mu.Lock()
	b.reversal = r
	b.mu.Unlock()
	return b.answer(ctx, r.PAN)
}

type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func listener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
func (l *pipeListener) dial() net.Conn {
	a, b := net.Pipe()
	l.conns <- b
	return a
}

type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

type world struct {
	t    testing.TB
	bank *bank
	ln   *pipeListener
	log  *logbook
}

func start(t testing.TB, change func(*Config)) *world {
	w := &world{t: t, bank: &bank{}, ln: listener(), log: &logbook{}}
	cfg := Config{Now: clock, Log: slog.New(slog.NewTextHandler(w.log, nil)), Acquirers: []string{acquirer, "400999"}, Grace: time.Second}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, w.ln, w.bank, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s := w.log.String(); strings.Contains(s, pan[:8]) || strings.Contains(s, "never on the wire") || strings.Contains(s, "HARBOUR") {
			t.Error("the log carries content")
		}
	})
	return w
}

// link is a raw acquirer.
type link struct {
	t testing.TB
	c net.Conn
}

func (w *world) link() *link {
	l := &link{w.t, w.ln.dial()}
	w.t.Cleanup(func() { l.c.Close() })
	return l
}

func (w *world) signedOn() *link {
	l := w.link()
	if m := l.ask(message(w.t, "0800", fields{7: "1122153000", 11: "000001", 32: acquirer, 70: "001"})); m.Text(39) != "00" {
		w.t.Fatal("sign-on refused", m.Text(39))
	}
	return l
}

type fields map[int]string

// message writes fields as they are; DE 48 is given as raw sub-elements.
func message(t testing.TB, mti string, f fields) []byte {
	t.Helper()
	m, ok := iso8583.ParseMTI(mti)
	if !ok {
		t.Fatal(mti)
	}
	var p iso8583.Packer
	p.Start(make([]byte, 4096), m)
	for de := 2; de <= 128; de++ {
		if v, ok := f[de]; ok {
			p.Text(de, v)
		}
	}
	raw, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (l *link) send(raw []byte) {
	l.t.Helper()
	l.c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if _, err := l.c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *link) next() *iso8583.Message {
	l.t.Helper()
	l.c.SetReadDeadline(time.Now().Add(5 * time.Second))
	var head [2]byte
	if _, err := io.ReadFull(l.c, head[:]); err != nil {
		l.t.Fatal(err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(l.c, buf); err != nil {
		l.t.Fatal(err)
	}
	m := new(iso8583.Message)
	if err := m.Unpack(buf); err != nil {
		l.t.Fatal(err)
	}
	if m.Has(2) {
		l.t.Error("an answer carries the card number")
	}
	return m
}

func (l *link) ask(raw []byte) *iso8583.Message {
	l.t.Helper()
	l.send(raw)
	return l.next()
}

func tlv(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		n := len(pairs[i+1])
		b.WriteString(pairs[i] + string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) + pairs[i+1])
	}
	return b.String()
}

func auth(change fields) fields {
	f := fields{2: pan, 3: "000000", 4: "000000002340", 7: "1122153045", 11: "004711", 12: "153045", 13: "1122", 14: "2911", 18: "5732",
		22: "810", 25: "59", 32: acquirer, 37: rrn, 41: "WEB1", 42: "HARBOUR01", 43: "Harbour Bikes                        276", 49: "978", 62: "lif_0",
		48: tlv("42", "05", "43", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 21)), "63", "pay_1", "66", "2.2.0 ds-1", "91", "1", "92", "123")}
	for de, v := range change {
		if v == "" {
			delete(f, de)
		} else {
			f[de] = v
		}
	}
	return f
}

func TestAuthorise(t *testing.T) {
	w := start(t, nil)
	l := w.signedOn()
	m := l.ask(message(t, "0101", auth(nil)))
	want := fields{3: "000000", 4: "000000002340", 7: "1122153045", 11: "004711", 32: acquirer, 37: rrn, 38: "A12345", 39: "00", 41: "WEB1    ", 42: "HARBOUR01      ", 48: "8701M", 49: "978", 62: "lif_1"}
	if m.MTI() != iso8583.AuthAnswer {
		t.Error(m.MTI())
	}
	for de, v := range want {
		if string(m.Get(de)) != v {
			t.Errorf("DE %d = %q, want %q", de, m.Get(de), v)
		}
	}
	q := w.bank.request
	key := issuer.MessageKey{MTI: "0100", Acquirer: acquirer, STAN: 4711, Transmitted: time.Date(2026, 11, 22, 15, 30, 45, 0, time.UTC), Terminal: "WEB1"}
	eur, _ := money.ByAlpha("EUR")
	amount, _ := money.New(2340, eur)
	who := issuer.Merchant{Acquirer: acquirer, Acceptor: "HARBOUR01", Terminal: "WEB1", Name: "Harbour Bikes", Country: "276", MCC: "5732"}
	switch {
	case q.Key != key:
		t.Errorf("key %+v", q.Key)
	case !q.Repeat, q.RRN != rrn, q.Lifecycle != "lif_0", q.Payment != "pay_1", q.Presence != '1', q.AccountCheck, q.ECI != "05", q.DSTransID != "ds-1":
		t.Errorf("%+v", q)
	case q.Amount != amount, q.Merchant != who, q.Expiry.YYMM() != "2911", len(q.CAVV) != 21 || q.CAVV[0] != 7:
		t.Errorf("%+v", q)
	case w.bank.digits != pan || w.bank.code != "123":
		t.Error("the Decider could not read card or code")
	}
	called := false
	q.PAN.Use(func([]byte) { called = true })
	if called {
		t.Error("the PAN was not wiped after the decision")
	}
	if err := q.Plain.Use(func([]byte) {}); !errors.Is(err, securitycode.ErrTaken) {
		t.Error("the code was not wiped")
	}
	w.bank.leave = true
	l.ask(message(t, "0100", auth(nil)))
	if err := w.bank.request.Plain.Use(func([]byte) {}); !errors.Is(err, securitycode.ErrTaken) {
		t.Error("a code that the Decider left was not wiped")
	}
}

func TestSealedCode(t *testing.T) {
	w := start(t, nil)
	l := w.signedOn()
	for _, size := range []int{52, 80, 200} { // the last two do not fit into one sub-element
		box := sealed.Box{KeyID: "code-seal-0123456789-0123456789", Data: bytes.Repeat([]byte{9}, size)}
		var p iso8583.Packer
		p.Start(make([]byte, 4096), iso8583.AuthRequest)
		f := auth(nil)
		for de := 2; de <= 128; de++ {
			if de == 48 {
				p.ElementText(iso8583.TagPayment, "pay_1")
				p.ElementText(iso8583.TagSealedCode, box.String())
			} else if v := f[de]; v != "" {
				p.Text(de, v)
			}
		}
		raw, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if m := l.ask(raw); m.Text(39) != "00" {
			t.Fatal(size, m.Text(39), m.Text(44))
		}
		if q := w.bank.request; q.Code.String() != box.String() || q.Presence != '1' || q.Plain.Present() {
			t.Errorf("size %d: box came as %d bytes, presence %c", size, len(q.Code.Data), q.Presence)
		}
	}
}

func TestAdviseAndReverse(t *testing.T) {
	w := start(t, nil)
	l := w.signedOn()
	orig := "0100" + "004711" + "1122153045" + "00000" + acquirer + "00000000000"
	base := auth(fields{14: "", 22: "", 25: "", 48: tlv("20", "0102", "63", "pay_1"), 90: orig})
	if m := l.ask(message(t, "0221", base)); m.Text(39) != "00" || m.MTI() != iso8583.FinancialAdviceAnswer {
		t.Fatal(m.Text(39), m.Text(44))
	}
	a := w.bank.advice
	original := issuer.MessageKey{MTI: "0100", Acquirer: acquirer, STAN: 4711, Transmitted: time.Date(2026, 11, 22, 15, 30, 45, 0, time.UTC), Terminal: "WEB1"}
	if a.Kind != issuer.Capture || a.N != 1 || a.M != 2 || a.Original != original || !a.Repeat || a.Key.MTI != "0220" || a.Payment != "pay_1" || a.Lifecycle != "lif_0" {
		t.Errorf("%+v", a)
	}
	base[3], base[90], base[48] = "200000", "", ""
	delete(base, 90)
	delete(base, 48)
	for mti, answer := range map[string]iso8583.MTI{"0220": iso8583.FinancialAdviceAnswer, "0200": iso8583.FinancialAnswer} {
		if m := l.ask(message(t, mti, base)); m.Text(39) != "00" || m.MTI() != answer {
			t.Fatal(m.MTI(), m.Text(39), m.Text(44))
		}
		if a = w.bank.advice; a.Kind != issuer.Refund || a.Original != (issuer.MessageKey{}) || a.Key.MTI != mti {
			t.Errorf("%+v", a)
		}
	}
	base[3], base[90] = "000000", orig
	if m := l.ask(message(t, "0420", base)); m.Text(39) != "00" || m.MTI() != iso8583.ReversalAdviceAnswer {
		t.Fatal(m.Text(39), m.Text(44))
	}
	if r := w.bank.reversal; !r.Advice || r.Repeat || r.Keep != nil || r.Original != original || r.Amount.Minor() != 2340 {
		t.Errorf("%+v", r)
	}
	base[95] = "000000001000" + strings.Repeat("0", 30)
	if m := l.ask(message(t, "0401", base)); m.Text(39) != "00" || m.MTI() != iso8583.ReversalAnswer {
		t.Fatal(m.Text(39), m.Text(44))
	}
	if r := w.bank.reversal; r.Advice || !r.Repeat || r.Keep == nil || r.Keep.Minor() != 1000 {
		t.Errorf("%+v", r)
	}
}

// TestRefusals: what the bank is never asked.
func TestRefusals(t *testing.T) {
	orig := "0100" + "004711" + "1122153045" + "00000" + acquirer + "00000000000"
	cases := []struct {
		name, mti string
		f         fields
		code, de  string // DE 39, DE 44
	}{
		{"unknown type", "0500", auth(nil), "12", ""},
		{"stand-in advice", "0120", auth(nil), "12", ""},
		{"single-message purchase", "0200", auth(nil), "12", ""},
		{"processing code", "0100", auth(fields{3: "010000"}), "12", ""},
		{"unknown currency", "0100", auth(fields{49: "999"}), "12", ""},
		{"nothing to pay", "0100", auth(fields{4: "000000000000"}), "13", ""},
		{"account check with an amount", "0100", auth(fields{3: "330000"}), "13", ""},
		{"no card number", "0100", auth(fields{2: "9400000000000006"}), "14", ""},
		{"short card number", "0100", auth(fields{2: "94"}), "14", ""},
		{"another acquirer", "0100", auth(fields{32: "400999"}), "63", ""},
		{"MAC that nobody checks", "0100", auth(fields{64: "12345678"}), "63", ""},
		{"MAC in the second bitmap", "0100", auth(fields{128: "12345678"}), "63", ""},
		{"no DE 2", "0100", auth(fields{2: ""}), "30", "DE 2"},
		{"no DE 3", "0100", auth(fields{3: ""}), "30", "DE 3"},
		{"no DE 4", "0100", auth(fields{4: ""}), "30", "DE 4"},
		{"no DE 7", "0100", auth(fields{7: ""}), "30", "DE 7"},
		{"no DE 11", "0100", auth(fields{11: ""}), "30", "DE 11"},
		{"no DE 32", "0100", auth(fields{32: ""}), "30", "DE 32"},
		{"no DE 37", "0100", auth(fields{37: ""}), "30", "DE 37"},
		{"no DE 41", "0100", auth(fields{41: ""}), "30", "DE 41"},
		{"no DE 42", "0100", auth(fields{42: ""}), "30", "DE 42"},
		{"empty DE 42", "0100", auth(fields{42: " "}), "30", "DE 42"},
		{"no DE 49", "0100", auth(fields{49: ""}), "30", "DE 49"},
		{"13th month in DE 7", "0100", auth(fields{7: "1322153045"}), "30", "DE 7"},
		{"13th month in DE 14", "0100", auth(fields{14: "2913"}), "30", "DE 14"},
		{"CAVV not base64", "0100", auth(fields{48: tlv("43", strings.Repeat("!", 28))}), "30", "DE 48.43"},
		{"CAVV too short", "0100", auth(fields{48: tlv("43", "AAAA")}), "30", "DE 48.43"},
		{"no 3DS id", "0100", auth(fields{48: tlv("66", "2.2.0")}), "30", "DE 48.66"},
		{"code of five digits", "0100", auth(fields{48: tlv("92", "12345")}), "30", "DE 48.92"},
		{"two codes", "0100", auth(fields{48: tlv("92", "123", "93", "v1.k.AAAA")}), "30", "DE 48.92"},
		{"box that is none", "0100", auth(fields{48: tlv("93", "v1.k.AAAA")}), "30", "DE 48.93"},
		{"code promised and absent", "0100", auth(fields{48: tlv("91", "1")}), "30", "DE 48.91"},
		{"code denied and present", "0100", auth(fields{48: tlv("91", "0", "92", "123")}), "30", "DE 48.91"},
		{"presence unknown", "0100", auth(fields{48: tlv("91", "7")}), "30", "DE 48.91"},
		{"capture of nothing known", "0220", auth(nil), "30", "DE 90"},
		{"capture 3 of 2", "0220", auth(fields{48: tlv("20", "0302"), 90: orig}), "30", "DE 48.20"},
		{"reversal of nothing known", "0400", auth(nil), "30", "DE 90"},
		{"reversal of an answer", "0420", auth(fields{90: "0110" + orig[4:]}), "30", "DE 90"},
		{"keeps more than there was", "0400", auth(fields{90: orig, 95: "000000002340" + strings.Repeat("0", 30)}), "13", ""},
		{"DE 95 with fees", "0400", auth(fields{90: orig, 95: "000000001000" + strings.Repeat("0", 29) + "1"}), "30", "DE 95"},
		{"key change", "0800", fields{7: "1122153045", 11: "000001", 70: "101"}, "12", ""},
		{"no DE 70", "0800", fields{7: "1122153045", 11: "000001"}, "30", "DE 70"},
		{"sign-on of a stranger", "0800", fields{7: "1122153045", 11: "000001", 32: "999", 70: "001"}, "63", ""},
		{"sign-on of nobody", "0800", fields{7: "1122153045", 11: "000001", 70: "001"}, "63", ""},
	}
	w := start(t, nil)
	l := w.signedOn()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l.t = t
			m := l.ask(message(t, c.mti, c.f))
			if m.Text(39) != c.code || m.Text(44) != c.de {
				t.Errorf("answered %s %q, want %s %q", m.Text(39), m.Text(44), c.code, c.de)
			}
			want, _ := iso8583.ParseMTI(c.mti)
			if m.MTI() != want.Answer() {
				t.Errorf("answered with %s", m.MTI())
			}
			for _, de := range []int{7, 11, 37} {
				if c.f[de] != "" && string(m.Get(de)) != c.f[de] {
					t.Errorf("DE %d not echoed", de)
				}
			}
		})
	}
	l.t = t
	if w.bank.calls != 0 {
		t.Errorf("the bank was asked %d times", w.bank.calls)
	}
	if m := l.ask(message(t, "0100", auth(nil))); m.Text(39) != "00" {
		t.Error("the link does not work any more")
	}
}

// TestBrokenMessages: answered with what could be read.
func TestBrokenMessages(t *testing.T) {
	w := start(t, nil)
	l := w.signedOn()
	good := string(message(t, "0100", auth(nil)))
	cases := []struct {
		name, raw, de, stan string
	}{
		{"letter in the card number", strings.Replace(good, pan, "94000000x0000007", 1), "DE 2", "004711"},
		{"letter in the amount", strings.Replace(good, "000000002340", "00000000234O", 1), "DE 4", "004711"},
		{"DE 48 torn", strings.Replace(good, "9101192", "9199192", 1), "DE 48.91", "004711"},
		{"cut", good[:len(good)-4], "DE 62", "004711"},
		{"too long", good + "0", "message", "004711"},
		{"length of DE 2", strings.Replace(good, "16"+pan, "99"+pan, 1), "DE 2", ""},
		{"no bitmap", "0100", "bitmap", ""},
		{"third bitmap", good[:4] + "\x80" + good[5:12] + "\x80" + good[12:], "DE 65", ""},
	}
	for _, c := range cases {
		if c.raw == good {
			t.Fatal(c.name, "changes nothing")
		}
		m := l.ask([]byte(c.raw))
		if m.MTI() != iso8583.AuthAnswer || m.Text(39) != "30" || m.Text(44) != c.de || m.Text(11) != c.stan {
			t.Errorf("%s: %s %s %q, STAN %q", c.name, m.MTI(), m.Text(39), m.Text(44), m.Text(11))
		}
		if c.stan != "" && (m.Text(37) != rrn || m.Text(7) != "1122153045") {
			t.Errorf("%s: DE 37 and DE 7 not echoed", c.name)
		}
	}
	// One bit of the bitmap lost: the number is read as processing code and amount, which are repeated in other answers.
	lost := []byte(good)
	lost[4] &^= 0x40
	if m := l.ask(lost); m.Text(39) != "30" || strings.Contains(m.Text(3)+m.Text(4)+m.Text(7)+m.Text(11), pan) {
		t.Errorf("answered %s; the answer to a garbled question repeats the number", m.Text(39))
	}
	if w.bank.calls != 0 {
		t.Error("the bank was asked")
	}
}

func TestManagement(t *testing.T) {
	w := start(t, nil)
	l := w.link()
	net := func(what string) *iso8583.Message {
		return l.ask(message(t, "0800", fields{7: "1122153045", 11: "000009", 32: acquirer, 70: what}))
	}
	if m := l.ask(message(t, "0100", auth(nil))); m.Text(39) != "63" {
		t.Error("served before sign-on", m.Text(39))
	}
	if m := net("301"); m.Text(39) != "00" || m.Text(70) != "301" || m.Text(11) != "000009" {
		t.Error("echo", m.Text(39))
	}
	if m := net("001"); m.Text(39) != "00" {
		t.Error("sign-on")
	}
	if m := l.ask(message(t, "0100", auth(nil))); m.Text(39) != "00" {
		t.Error("not served after sign-on", m.Text(39))
	}
	if m := net("002"); m.Text(39) != "00" {
		t.Error("sign-off")
	}
	if m := l.ask(message(t, "0100", auth(nil))); m.Text(39) != "63" {
		t.Error("served after sign-off", m.Text(39))
	}
	// An answer out of nowhere gets no answer: the next thing that comes is that of the echo.
	l.send(message(t, "0110", fields{7: "1122153045", 11: "004711", 39: "00"}))
	if m := net("301"); m.MTI() != iso8583.NetworkAnswer {
		t.Error("an answer was answered")
	}
}

func TestDecisions(t *testing.T) {
	cases := []struct {
		name   string
		d      issuer.Decision
		err    error
		panics bool
		want   fields
	}{
		{"declined", issuer.Decision{Response: payment.NoFunds, Approval: "123456", Reason: "never on the wire"}, nil, false, fields{39: "51", 38: ""}},
		{"wrong code", issuer.Decision{Response: payment.WrongCode, CodeResult: securitycode.NoMatch}, nil, false, fields{39: "N7", 48: "8701N", 38: ""}},
		{"approved with a wrong code", issuer.Decision{Response: payment.Approved, CodeResult: securitycode.NoMatch}, nil, false, fields{39: "96", 48: "", 38: ""}},
		{"approval code too long", issuer.Decision{Response: payment.Approved, Approval: "12345678"}, nil, false, fields{39: "96", 38: ""}},
		{"no response", issuer.Decision{}, nil, false, fields{39: "96"}},
		{"error", issuer.Decision{}, errors.New("disk"), false, fields{39: "96"}},
		{"timeout", issuer.Decision{}, context.DeadlineExceeded, false, fields{39: "91"}},
		{"panic", issuer.Decision{}, nil, true, fields{39: "96"}},
	}
	w := start(t, nil)
	l := w.signedOn()
	for _, c := range cases {
		w.bank.mu.Lock()
		w.bank.decide = func(context.Context) (issuer.Decision, error) {
			if c.panics {
				panic("never on the wire " + pan)
			}
			return c.d, c.err
		}
		w.bank.mu.Unlock()
		m := l.ask(message(t, "0100", auth(nil)))
		for de, v := range c.want {
			if string(m.Get(de)) != v {
				t.Errorf("%s: DE %d = %q, want %q", c.name, de, m.Get(de), v)
			}
		}
		called := false
		w.bank.request.PAN.Use(func([]byte) { called = true })
		if called {
			t.Errorf("%s: PAN not wiped", c.name)
		}
	}
}

// TestOutOfOrder: a slow decision does not hold up the others.
func TestOutOfOrder(t *testing.T) {
	w := start(t, nil)
	l := w.signedOn()
	slow := make(chan struct{})
	first := true
	w.bank.decide = func(context.Context) (issuer.Decision, error) {
		w.bank.mu.Lock()
		mine := first
		first = false
		w.bank.mu.Unlock()
		if mine {
			<-slow
		}
		return issuer.Decision{Response: payment.Approved, Approval: "123456"}, nil
	}
	l.send(message(t, "0100", auth(nil)))
	for {
		w.bank.mu.Lock()
		begun := !first
		w.bank.mu.Unlock()
		if begun {
			break
		}
		time.Sleep(time.Millisecond)
	}
	l.send(message(t, "0100", auth(fields{11: "004712"})))
	if m := l.next(); m.Text(11) != "004712" {
		t.Error("held up")
	}
	close(slow)
	if m := l.next(); m.Text(11) != "004711" {
		t.Error("lost")
	}
}

func TestMACVerified(t *testing.T) {
	var covered int
	w := start(t, func(c *Config) {
		c.Verify = func(msg, mac []byte) bool { covered = len(msg); return string(mac) == "goodgood" }
	})
	l := w.signedOn()
	raw := message(t, "0100", auth(fields{64: "goodgood"}))
	if m := l.ask(raw); m.Text(39) != "00" || covered != len(raw)-8 {
		t.Error(m.Text(39), covered, len(raw))
	}
	if m := l.ask(message(t, "0100", auth(fields{64: "badbadba"}))); m.Text(39) != "63" {
		t.Error(m.Text(39))
	}
}

func FuzzServer(f *testing.F) {
	good := message(f, "0100", auth(nil))
	on := message(f, "0800", fields{7: "1122153000", 11: "000001", 32: acquirer, 70: "001"})
	framed := func(msgs ...[]byte) []byte {
		var b []byte
		for _, m := range msgs {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
		}
		return b
	}
	f.Add(framed(on, good))
	f.Add(framed(on, good[:40], good))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{0, 0, 0, 0})
	w := start(f, nil)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := w.ln.dial()
		go io.Copy(io.Discard, c)
		c.SetWriteDeadline(time.Now().Add(5 * time.Second))
		c.Write(raw)
		c.Close()
		l := &link{t, w.ln.dial()}
		defer l.c.Close()
		if m := l.ask(on); m.Text(39) != "00" {
			t.Fatal("the server is not well")
		}
	})
}
