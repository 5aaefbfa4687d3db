package iso8583

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a log that a test can look into.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.buf.Bytes(), []byte(s))
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("in vain: %s", what)
}

// pairs are two connected ends: a memory pipe and TCP.
func pairs(t *testing.T) map[string]func() (net.Conn, net.Conn) {
	return map[string]func() (net.Conn, net.Conn){
		"pipe": func() (net.Conn, net.Conn) { return net.Pipe() },
		"tcp": func() (net.Conn, net.Conn) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			a, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			b, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			return a, b
		},
	}
}

func TestFrames(t *testing.T) {
	for name, pair := range pairs(t) {
		t.Run(name, func(t *testing.T) {
			x, y := pair()
			a, b := NewConn(x, Limits{}), NewConn(y, Limits{})
			defer a.Close()
			defer b.Close()
			const writers, each = 8, 200
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						msg := bytes.Repeat([]byte{byte(w)}, 1+(i*37+w*11)%4000)
						if err := a.Write(msg); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			buf := make([]byte, b.MaxFrame())
			next := [writers]int{}
			for range writers * each {
				k, err := b.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				w := int(buf[0])
				if want := 1 + (next[w]*37+w*11)%4000; k != want || !bytes.Equal(buf[:k], bytes.Repeat([]byte{byte(w)}, k)) {
					t.Fatalf("writer %d, message %d: length %d, want %d", w, next[w], k, want)
				}
				next[w]++
			}
			wg.Wait()
			if b.Frames() != writers*each {
				t.Error(b.Frames())
			}
		})
	}
}

// TestWiped looks into every buffer of both ends after a message has passed.
func TestWiped(t *testing.T) {
	x, y := net.Pipe()
	a, b := NewConn(x, Limits{}), NewConn(y, Limits{})
	defer a.Close()
	defer b.Close()
	secret := []byte("9400000000000006")
	buf := NewBuffers(4096).Get()
	for range 3 {
		go a.Write(secret)
		if k, err := b.Read(buf.B); err != nil || !bytes.Equal(buf.B[:k], secret) {
			t.Fatal(k, err)
		}
	}
	within(t, "write buffers wiped", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.spare != nil && !bytes.Contains(a.fill[:cap(a.fill)], secret[:8]) && !bytes.Contains(a.spare[:cap(a.spare)], secret[:8])
	})
	if bytes.Contains(b.stash, secret[:8]) {
		t.Error("the read buffer keeps the message")
	}
	pool := NewBuffers(64)
	c := pool.Get()
	copy(c.B, secret)
	pool.Put(c)
	if bytes.Contains(c.B, secret[:8]) {
		t.Error("a buffer goes back to the pool unwiped")
	}
}

func TestBadFrames(t *testing.T) {
	cases := []struct {
		name string
		send []byte
		hang bool // keep the connection open after sending
		want error
	}{
		{"length 0", []byte{0, 0}, true, ErrEmptyFrame},
		{"too long", []byte{0xff, 0xff, 1, 2, 3}, true, ErrLongFrame},
		{"one more than allowed", []byte{0x10, 0x01}, true, ErrLongFrame},
		{"cut in the length", []byte{0}, false, ErrCut},
		{"cut in the message", []byte{0, 9, 1, 2, 3}, false, ErrCut},
		{"closed", nil, false, ErrPeerClosed},
		{"never finished", []byte{0, 9, 1, 2, 3}, true, ErrSlow},
		{"silent", nil, true, ErrIdle},
	}
	for name, pair := range pairs(t) {
		for _, c := range cases {
			t.Run(name+" "+c.name, func(t *testing.T) {
				x, y := pair()
				defer x.Close()
				conn := NewConn(y, Limits{MaxFrame: 4096, Idle: 60 * time.Millisecond, Frame: 60 * time.Millisecond})
				go func() {
					x.Write(c.send)
					if !c.hang {
						x.Close()
					}
				}()
				if _, err := conn.Read(make([]byte, 4096)); !errors.Is(err, c.want) {
					t.Fatalf("got %v, want %v", err, c.want)
				}
				if err := conn.Write([]byte("x")); !errors.Is(err, ErrNotWritten) {
					t.Errorf("write after the end: %v", err)
				}
			})
		}
	}
}

// TestStuck: the other side does not read. What was begun is in doubt, what waited behind it was not written.
func TestStuck(t *testing.T) {
	x, y := net.Pipe()
	defer y.Close()
	c := NewConn(x, Limits{Write: 50 * time.Millisecond})
	var unsure, not atomic.Int32
	var wg sync.WaitGroup
	one := make([]byte, 100)
	wg.Go(func() {
		if err := c.Write(one); errors.Is(err, ErrUnsure) {
			unsure.Add(1)
		}
	})
	within(t, "the first write is under way", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.busy })
	for range 9 {
		wg.Go(func() {
			if err := c.Write(one); errors.Is(err, ErrNotWritten) {
				not.Add(1)
			}
		})
	}
	wg.Wait()
	if unsure.Load() != 1 || not.Load() != 9 {
		t.Errorf("in doubt %d, not written %d; want 1 and 9", unsure.Load(), not.Load())
	}
	if !errors.Is(c.Err(), ErrStuck) {
		t.Error(c.Err())
	}
}

// answerTo makes the message that answers ref, as the test wants it.
func answerTo(t testing.TB, mti MTI, stan, sent, rrn string) *Message {
	t.Helper()
	var p Packer
	p.Start(make([]byte, 256), mti)
	for _, f := range []struct {
		de int
		v  string
	}{{Transmission, sent}, {STAN, stan}, {RRN, rrn}, {ResponseCode, "00"}} {
		if f.v != "" {
			p.Text(f.de, f.v)
		}
	}
	raw, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	m := new(Message)
	if err := m.Unpack(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

func ref(mti MTI, stan, sent, rrn string) (r Ref) {
	r.MTI = mti
	copy(r.STAN[:], stan)
	copy(r.Sent[:], sent)
	copy(r.RRN[:], rrn)
	return r
}

func TestMatcher(t *testing.T) {
	const sent, other, rrn = "1122153045", "1122153046", "632615004711"
	type step struct {
		mti             MTI
		stan, sent, rrn string
		want            Verdict
	}
	cases := []struct {
		name   string
		calls  []Ref
		giveUp []int
		steps  []step
	}{
		{"by DE 11 and DE 7", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "000001", sent, rrn, Matched}}},
		{"a repeat's answer", []Ref{ref(AuthRepeat, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "000001", sent, rrn, Matched}}},
		{"same STAN, other second", []Ref{ref(AuthRequest, "000001", sent, ""), ref(AuthRequest, "000001", other, "")}, nil,
			[]step{{AuthAnswer, "000001", other, "", Matched}, {AuthAnswer, "000001", sent, "", Matched}}},
		{"doubled", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil,
			[]step{{AuthAnswer, "000001", sent, rrn, Matched}, {AuthAnswer, "000001", sent, rrn, Twice}}},
		{"late, and doubled then", []Ref{ref(AuthRequest, "000001", sent, rrn)}, []int{0},
			[]step{{AuthAnswer, "000001", sent, rrn, Late}, {AuthAnswer, "000001", sent, rrn, Twice}}},
		{"DE 7 rewritten: by DE 37 and DE 11", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "000001", other, rrn, Matched}}},
		{"no DE 7 and DE 11: by DE 37", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "", "", rrn, Matched}}},
		{"late by DE 37", []Ref{ref(AuthRequest, "000001", sent, rrn)}, []int{0}, []step{{AuthAnswer, "", "", rrn, Late}}},
		{"DE 37 of two", []Ref{ref(AuthRequest, "000001", sent, rrn), ref(AuthRequest, "000002", sent, rrn)}, nil, []step{{AuthAnswer, "", "", rrn, Ambiguous}}},
		{"right DE 37, wrong DE 11", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "000009", sent, rrn, Nobody}}},
		{"another type", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{ReversalAnswer, "000001", sent, "", OtherType}, {ReversalAnswer, "000001", sent, rrn, OtherType}}},
		{"a stranger", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "000007", other, "", Nobody}}},
		{"nothing to go by", []Ref{ref(AuthRequest, "000001", sent, rrn)}, nil, []step{{AuthAnswer, "", "", "", NoKey}}},
		{"a request", nil, nil, []step{{AuthRequest, "000001", sent, rrn, NotAnAnswer}}},
		{"auth and reversal with one STAN", []Ref{ref(AuthRequest, "000001", sent, rrn), ref(ReversalAdvice, "000001", sent, rrn)}, nil,
			[]step{{ReversalAdviceAnswer, "000001", sent, rrn, Matched}, {AuthAnswer, "000001", sent, rrn, Matched}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := NewMatcher(16)
			var took, late int
			var calls []*Call
			for _, r := range c.calls {
				call, err := m.Expect(r, func(*Message, error) { took++ }, func(*Message, error) { late++ })
				if err != nil {
					t.Fatal(err)
				}
				calls = append(calls, call)
			}
			for _, i := range c.giveUp {
				if !calls[i].GiveUp() {
					t.Fatal("given up too late")
				}
			}
			matched, lates := 0, 0
			for i, s := range c.steps {
				if got := m.Give(answerTo(t, s.mti, s.stan, s.sent, s.rrn), nil); got != s.want {
					t.Errorf("step %d: %q, want %q", i, got, s.want)
				}
				if s.want == Matched {
					matched++
				}
				if s.want == Late {
					lates++
				}
			}
			if took != matched || late != lates {
				t.Errorf("took %d, late %d; want %d, %d", took, late, matched, lates)
			}
			if m.Waiting() != len(c.calls)-matched-len(c.giveUp) {
				t.Errorf("%d wait", m.Waiting())
			}
		})
	}
}

func TestMatcherSameKeyAndMemory(t *testing.T) {
	m := NewMatcher(4)
	nop := func(*Message, error) {}
	r := ref(AuthRequest, "000001", "1122153045", "")
	c, err := m.Expect(r, nop, nop)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Expect(r, nop, nop); !errors.Is(err, ErrSameKey) {
		t.Fatal(err)
	}
	c.Drop()
	for i := range 100 {
		r := ref(AuthRequest, fmt.Sprintf("%06d", i), "1122153045", "")
		c, err := m.Expect(r, nop, nop)
		if err != nil {
			t.Fatal(err)
		}
		c.GiveUp()
	}
	if len(m.past) != 4 || m.Waiting() != 0 {
		t.Errorf("remembers %d", len(m.past))
	}
	if v := m.Give(answerTo(t, AuthAnswer, "000099", "1122153045", ""), nil); v != Late {
		t.Error(v)
	}
	if v := m.Give(answerTo(t, AuthAnswer, "000003", "1122153045", ""), nil); v != Nobody {
		t.Error(v)
	}
}

// TestMatcherRace: an answer and a giving-up meet; exactly one of them wins, and the loser knows.
func TestMatcherRace(t *testing.T) {
	m := NewMatcher(8)
	for i := range 2000 {
		stan := fmt.Sprintf("%06d", i)
		took, late := false, false
		c, err := m.Expect(ref(AuthRequest, stan, "1122153045", ""), func(*Message, error) { took = true }, func(*Message, error) { late = true })
		if err != nil {
			t.Fatal(err)
		}
		a := answerTo(t, AuthAnswer, stan, "1122153045", "")
		done := make(chan struct{})
		go func() { m.Give(a, nil); close(done) }()
		gave := c.GiveUp()
		<-done
		if gave == took || gave != late {
			t.Fatalf("gave up %v, took %v, late %v", gave, took, late)
		}
	}
}

// echoServer answers every request with 00; it holds back those with DE 3 = 999999 until released.
func echoServer(t *testing.T, s Server) (dial func() net.Conn, l *log, stop func()) {
	t.Helper()
	l = new(log)
	s.Log = l.logger()
	if s.Open == nil {
		s.Open = func() Handler { return answerAll }
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	return func() net.Conn {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}, l, func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
}

func answerAll(_ context.Context, e *Exchange) {
	if !e.In.MTI().IsRequest() {
		return
	}
	code := "00"
	if e.Fault != nil {
		code = "30"
	}
	p := e.Answer(e.In.MTI().Answer())
	for _, de := range []int{Transmission, STAN, RRN} {
		if e.In.Has(de) {
			p.Bytes(de, e.In.Get(de))
		}
	}
	p.Text(ResponseCode, code)
}

func frame(msg string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

func ask(t *testing.T, c net.Conn, raw []byte) *Message {
	t.Helper()
	if _, err := c.Write(raw); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		t.Fatal(err)
	}
	m := new(Message)
	if err := m.Unpack(buf); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestServerAnswersAndSurvives(t *testing.T) {
	dial, l, stop := echoServer(t, Server{Limits: Limits{Frame: 100 * time.Millisecond, Idle: 2 * time.Second}})
	defer stop()
	good := dial()
	defer good.Close()
	check := func(after string) {
		t.Helper()
		if m := ask(t, good, frame(golden)); m.Text(ResponseCode) != "00" || m.Text(STAN) != "004711" {
			t.Fatalf("after %s: %v", after, m)
		}
	}
	check("nothing")
	broken := golden[:70] + "x" + golden[71:]
	if m := ask(t, good, frame(broken)); m.Text(ResponseCode) != "30" || m.Text(STAN) != "004711" {
		t.Errorf("format error: %v", m)
	}
	for _, c := range []struct {
		name, reason string
		send         []byte
	}{
		{"http", "a frame longer than allowed", []byte("GET / HTTP/1.1\r\n\r\n")},
		{"tls", "a frame longer than allowed", []byte("\x16\x03\x01\x02\x00\x01\x00")},
		{"zeros", "a frame of length 0", make([]byte, 64)},
		{"half a frame", "took too long", []byte{0, 100, 1}},
		{"unreadable messages", "too many messages that cannot be read", bytes.Repeat(frame("!!!!!!!!!!!!!!!!!!!!"), maxUnreadable)},
	} {
		bad := dial()
		bad.Write(c.send)
		within(t, c.name+": reason in the log", func() bool { return l.has(c.reason) })
		bad.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := bad.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: link still open", c.name)
		}
		bad.Close()
		check(c.name)
	}
	if l.has("94000000") || l.has("HARBOUR") || l.has("!!!!") {
		t.Error("the log carries content")
	}
}

func TestServerManyAtOnce(t *testing.T) {
	const all = 3000
	var most, now atomic.Int32
	dial, _, stop := echoServer(t, Server{InFlight: 64, Open: func() Handler {
		return func(ctx context.Context, e *Exchange) {
			if k := now.Add(1); k > most.Load() {
				most.Store(k)
			}
			time.Sleep(time.Millisecond)
			answerAll(ctx, e)
			now.Add(-1)
		}
	}})
	defer stop()
	conn := NewConn(dial(), Limits{})
	defer conn.Close()
	m := NewMatcher(all)
	go func() {
		var msg Message
		buf := make([]byte, conn.MaxFrame())
		for {
			k, err := conn.Read(buf)
			if err != nil {
				return
			}
			m.Give(&msg, msg.Unpack(buf[:k]))
		}
	}()
	var wg sync.WaitGroup
	var answered atomic.Int32
	for i := range all {
		wg.Go(func() {
			var p Packer
			p.Start(make([]byte, 128), AuthRequest)
			p.Text(Transmission, "1122153045")
			p.Number(STAN, uint64(i))
			raw, err := p.Finish()
			if err != nil {
				t.Error(err)
				return
			}
			var q Message
			q.Unpack(raw)
			r, _ := RefOf(&q)
			c, err := m.Expect(r, func(a *Message, fault error) {
				if fault == nil && a.Text(ResponseCode) == "00" {
					answered.Add(1)
				}
			}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if err := conn.Write(raw); err != nil {
				t.Error(err)
				return
			}
			<-c.Done()
		})
	}
	wg.Wait()
	if answered.Load() != all {
		t.Errorf("%d answers", answered.Load())
	}
	if most.Load() > 64 || most.Load() < 8 {
		t.Errorf("%d at a time", most.Load())
	}
}

// TestServerStops: what is at work when the server stops is answered.
func TestServerStops(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	dial, _, stop := echoServer(t, Server{Open: func() Handler {
		return func(ctx context.Context, e *Exchange) {
			close(begun)
			<-goOn
			answerAll(ctx, e)
		}
	}})
	c := dial()
	defer c.Close()
	go func() {
		<-begun
		time.Sleep(30 * time.Millisecond)
		close(goOn)
	}()
	done := make(chan struct{})
	go func() { <-begun; stop(); close(done) }()
	if m := ask(t, c, frame(golden)); m.Text(ResponseCode) != "00" {
		t.Error(m)
	}
	<-done
}

// TestServerGrace: what does not end in time has its context ended.
func TestServerGrace(t *testing.T) {
	begun := make(chan struct{})
	dial, _, stop := echoServer(t, Server{Grace: 50 * time.Millisecond, Open: func() Handler {
		return func(ctx context.Context, e *Exchange) { close(begun); <-ctx.Done() }
	}})
	c := dial()
	defer c.Close()
	c.Write(frame(golden))
	<-begun
	stop()
}

func TestServerTooManyLinks(t *testing.T) {
	dial, l, stop := echoServer(t, Server{Links: 2})
	defer stop()
	var open []net.Conn
	for range 2 {
		c := dial()
		ask(t, c, frame(golden))
		open = append(open, c)
	}
	c := dial()
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a third link was let in")
	}
	c.Close()
	within(t, "log", func() bool { return l.has("too many") })
	for _, c := range open {
		if m := ask(t, c, frame(golden)); m.Text(ResponseCode) != "00" {
			t.Error(m)
		}
		c.Close()
	}
}
