package directory

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/host"
	"countersign/pay/directory/store"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

// pipes is a listener of net.Pipe connections.
type pipes struct {
	in     chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{in: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.in:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
func (p *pipes) Dial(ctx context.Context) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case p.in <- b:
		return a, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

const (
	serverID = "8a880dc0-d2d2-4067-bcb1-b08d1690b26e"
	acsID    = "d7c1ee99-9478-44a6-b1f2-391e29c6b340"
	pan      = "4000010000000001"
)

// world is a directory role between an ACS and a 3DS Server that the test plays.
type world struct {
	t     *testing.T
	dir   string
	cfg   Config
	at    time.Time
	ends  map[string]*pipes
	dials map[string]int
	mu    sync.Mutex
	run   *host.Running
	in    *link.Client

	acs, server       func(m *emv3ds.Message) []byte
	acsGot, serverGot []string // messageTypes
	lastAReq          *emv3ds.Message
}

func newWorld(t *testing.T, cfg Config) *world {
	w := &world{t: t, dir: t.TempDir(), cfg: cfg, at: time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC), dials: map[string]int{}, ends: map[string]*pipes{}}
	if w.cfg.Ranges == nil {
		w.cfg.Ranges = []Range{{Start: "4000010000000000", End: "4000019999999999", Name: "Demo Bank", ACS: "acs.3ds",
			CodeKey: func() (string, []byte, error) { return "code-1", bytes.Repeat([]byte{5}, 32), nil }}}
	}
	w.acs, w.server = func(m *emv3ds.Message) []byte { return ares(m, "C").Bytes() }, rres
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for _, end := range []string{"acs.3ds", "gateway.rreq"} {
		p := newPipes()
		w.ends[end] = p
		done.Go(func() {
			link.Serve(ctx, p, func(_ context.Context, body []byte) []byte { return w.play(end, append([]byte(nil), body...)) })
		})
	}
	w.start()
	t.Cleanup(func() {
		w.stopRole()
		cancel()
		done.Wait()
	})
	return w
}

func (w *world) play(end string, body []byte) []byte {
	m, f := emv3ds.Parse(body)
	if f != nil {
		w.t.Error(end, "got", f)
		return nil
	}
	w.mu.Lock()
	reply := w.server
	if end == "acs.3ds" {
		reply = w.acs
		w.acsGot = append(w.acsGot, m.Type()+m.Text("errorCode"))
		if m.Type() == emv3ds.AReq {
			w.lastAReq = m
		}
	} else {
		w.serverGot = append(w.serverGot, m.Type())
	}
	w.mu.Unlock()
	if m.Type() == emv3ds.Erro {
		return nil
	}
	return reply(m)
}

// set changes how the ACS or the 3DS Server answers from now on.
func (w *world) set(which *func(*emv3ds.Message) []byte, reply func(*emv3ds.Message) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*which = reply
}

func (w *world) start() {
	run, err := Role(w.cfg).Start(w.t.Context(), &host.Env{
		Role: "directory", Log: slog.New(slog.DiscardHandler), DataDir: w.dir, Rand: rand.Reader,
		Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.at },
		Listen: func(end string) (net.Listener, error) {
			p := newPipes()
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ends[end] = p
			return p, nil
		},
		Dial: func(ctx context.Context, end string) (net.Conn, error) {
			w.mu.Lock()
			w.dials[end]++
			p := w.ends[end]
			w.mu.Unlock()
			return p.Dial(ctx)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.run = run
	w.in = &link.Client{Dial: w.ends[Endpoint].Dial}
}

func (w *world) stopRole() {
	w.in.Close()
	if err := w.run.Stop(context.Background()); err != nil {
		w.t.Error(err)
	}
}

// send posts to the directory and gives the answer as "ARes C", "RRes 01", "Erro 305 acctNumber" or "".
func (w *world) send(text string) (string, *emv3ds.Message) {
	w.t.Helper()
	answer, err := w.in.Post(context.Background(), []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	m, _ := emv3ds.Parse(answer)
	if m == nil {
		return string(answer), nil
	}
	if f := m.Validate(); f != nil {
		w.t.Errorf("the directory's answer: %v: %s", f, answer)
	}
	s := m.Type() + " " + m.Text("transStatus") + m.Text("resultsStatus") + m.Text("errorCode")
	if m.Type() == emv3ds.Erro {
		s += " " + m.Text("errorDetail")
	}
	return s, m
}

func (w *world) want(text, want string) *emv3ds.Message {
	w.t.Helper()
	got, m := w.send(text)
	if got != want {
		w.t.Errorf("got %q, want %q", got, want)
	}
	return m
}

func areq(change ...string) string {
	return strings.NewReplacer(change...).Replace(`{"messageType":"AReq","messageVersion":"2.2.0","threeDSServerTransID":"` + serverID + `","threeDSServerRefNumber":"REF","threeDSServerURL":"http://gateway.rreq/3ds","threeDSRequestorID":"shop-1","threeDSRequestorName":"Shop","threeDSRequestorURL":"https://shop.example","deviceChannel":"02","messageCategory":"01","threeDSRequestorAuthenticationInd":"01","threeDSCompInd":"U","notificationURL":"https://pay.example/3ds/notify/1","acctNumber":"` + pan + `","acquirerBIN":"400001","acquirerMerchantID":"SHOP1","mcc":"5411","merchantName":"Shop","merchantCountryCode":"276","purchaseAmount":"2340","purchaseCurrency":"978","purchaseExponent":"2","purchaseDate":"20261122153000","browserAcceptHeader":"*/*","browserUserAgent":"test","browserLanguage":"en","browserJavascriptEnabled":false}`)
}

func ares(m *emv3ds.Message, status string) *emv3ds.Builder {
	b := emv3ds.New(emv3ds.ARes, "2.2.0").Set("threeDSServerTransID", m.Text("threeDSServerTransID")).Set("acsTransID", acsID).Set("dsTransID", m.Text("dsTransID"))
	b.Set("acsReferenceNumber", "ACS").Set("dsReferenceNumber", m.Text("dsReferenceNumber")).Set("transStatus", status)
	switch status {
	case "C":
		b.Set("acsURL", "http://acs.bank.localhost:8080/challenge").Set("acsChallengeMandated", "Y").Set("authenticationType", "02")
	case "Y", "A":
		b.Set("eci", "05").Set("authenticationValue", "xgR6+aR8AAAAAAAAAAAAAAAAAAAA")
	default:
		b.Set("transStatusReason", "08")
	}
	return b
}

// rreq is a result for the transaction of the last AReq.
func (w *world) rreq(change ...string) string {
	return strings.NewReplacer(change...).Replace(`{"messageType":"RReq","messageVersion":"2.2.0","threeDSServerTransID":"` + w.lastAReq.Text("threeDSServerTransID") + `","acsTransID":"` + acsID + `","dsTransID":"` + w.lastAReq.Text("dsTransID") +
		`","messageCategory":"01","transStatus":"Y","authenticationType":"02","authenticationValue":"xgR6+aR8AAAAAAAAAAAAAAAAAAAA","eci":"05","interactionCounter":"01"}`)
}

func rres(m *emv3ds.Message) []byte {
	b := emv3ds.New(emv3ds.RRes, "2.2.0")
	for _, id := range []string{"threeDSServerTransID", "acsTransID", "dsTransID"} {
		b.Set(id, m.Text(id))
	}
	return b.Set("resultsStatus", "01").Bytes()
}

func TestJourney(t *testing.T) {
	w := newWorld(t, Config{})
	if err := w.run.Ready(); err != nil {
		t.Error(err)
	}
	w.want(areq(`"messageType"`, `"unheardOf":"x","messageType"`), "ARes C")
	got := w.lastAReq
	if f := got.ValidateFor(emv3ds.ACS); f != nil {
		t.Error("the ACS got", f)
	}
	if got.Text("dsReferenceNumber") != "COUNTERSIGN-DS" || got.Text("dsURL") != "http://directory.3ds/3ds" || len(got.Text("dsTransID")) != 36 || got.Has("unheardOf") {
		t.Error("what the directory adds or leaves out")
	}
	got.Secret("acctNumber", func(d []byte) {
		if string(d) != pan {
			t.Error("acctNumber")
		}
	})
	w.want(w.rreq(), "RRes 01")
	w.want(w.rreq(), "Erro 312 threeDSServerTransID")
	if len(w.serverGot) != 1 {
		t.Error("the 3DS Server got", w.serverGot)
	}
}

func TestAReqRefused(t *testing.T) {
	w := newWorld(t, Config{Servers: []string{"REF"}})
	for _, c := range [][3]string{
		{"garbage", "Erro 101 not a JSON object"},
		{"[]", "Erro 101 not a JSON object"},
		{areq(`"AReq"`, `"CReq"`), "Erro 101 messageType"},
		{areq(`"AReq"`, `"ARes"`, `"deviceChannel"`, `"x"`), "Erro 201 acsTransID,dsTransID,acsReferenceNumber,dsReferenceNumber,transStatus"},
		{areq("2.2.0", "2.3.1"), "Erro 102 messageVersion"},
		{areq(`"mcc":"5411",`, ``), "Erro 201 mcc"},
		{areq(pan, "400001000000"), "Erro 203 acctNumber"},
		{areq(`"mcc":"5411"`, `"mcc":"5411","mcc":"5411"`), "Erro 204 mcc"},
		{areq(`"978"`, `"000"`), "Erro 304 purchaseCurrency"},
		{areq(`"REF"`, `"EVIL"`), "Erro 303 threeDSServerRefNumber"},
		{areq(`"5411"`, `"0001"`), "Erro 306 mcc"},
		{areq(pan, "4000009999999999"), "Erro 305 acctNumber"},
		{areq(pan, "4000020000000000"), "Erro 305 acctNumber"},
		{areq(pan, "4000019999999"), "ARes C"}, // 13 digits, in the range
		{string(emv3ds.NewFault(301, emv3ds.ACS, "x").Erro(nil)), ""},
	} {
		w.want(c[0], c[1])
	}
	if len(w.acsGot) != 1 {
		t.Error("the ACS got", w.acsGot)
	}
	w.want(areq(), "Erro 312 threeDSServerTransID") // the id was used
}

func TestAResRefused(t *testing.T) {
	w := newWorld(t, Config{})
	for i, c := range []struct {
		acs  func(m *emv3ds.Message) []byte
		want string
		tell string // what the ACS gets afterwards
	}{
		{func(m *emv3ds.Message) []byte { return []byte("no") }, "Erro 101 not a JSON object", "Erro101"},
		{func(m *emv3ds.Message) []byte { return nil }, "Erro 101 not a JSON object", "Erro101"},
		{rres, "Erro 201 acsTransID", "Erro201"},
		{func(m *emv3ds.Message) []byte {
			return bytes.Replace(rres(m), []byte(`"dsTransID"`), []byte(`"acsTransID":"`+acsID+`","dsTransID"`), 1)
		}, "Erro 101 messageType", "Erro101"},
		{func(m *emv3ds.Message) []byte {
			return bytes.Replace(ares(m, "C").Bytes(), []byte(`"C"`), []byte(`"Y"`), 1)
		}, "Erro 201 authenticationValue,eci", "Erro201"},
		{func(m *emv3ds.Message) []byte {
			return bytes.Replace(ares(m, "C").Bytes(), []byte(m.Text("dsTransID")), []byte(acsID), 1)
		}, "Erro 301 dsTransID", "Erro301"},
		{func(m *emv3ds.Message) []byte {
			return bytes.Replace(ares(m, "C").Bytes(), []byte(m.Text("threeDSServerTransID")), []byte(acsID), 1)
		}, "Erro 301 threeDSServerTransID", "Erro301"},
		{func(m *emv3ds.Message) []byte { return emv3ds.NewFault(303, emv3ds.ACS, "x").Erro(m) }, "Erro 303 x", ""},
		{func(m *emv3ds.Message) []byte { return ares(m, "N").Bytes() }, "ARes N", ""},
	} {
		w.set(&w.acs, c.acs)
		w.acsGot = nil
		id := strings.Replace(serverID, "8a88", "8a8"+string(rune('0'+i)), 1)
		got, _ := w.send(areq(serverID, id))
		if got != c.want || strings.Join(w.acsGot, " ") != strings.TrimSpace("AReq "+c.tell) {
			t.Errorf("%d: %q, want %q; the ACS got %v", i, got, c.want, w.acsGot)
		}
	}
}

func TestRReqRefused(t *testing.T) {
	w := newWorld(t, Config{})
	w.want(areq(), "ARes C")
	w.want(w.rreq(serverID, acsID), "Erro 301 threeDSServerTransID")
	w.want(w.rreq(acsID, serverID), "Erro 301 acsTransID")
	w.want(w.rreq(w.lastAReq.Text("dsTransID"), serverID), "Erro 301 dsTransID")
	w.want(w.rreq(`"eci":"05",`, ""), "Erro 201 eci")
	w.want(w.rreq("2.2.0", "2.1.0"), "Erro 102 messageVersion")
	if len(w.serverGot) != 0 {
		t.Error("the 3DS Server got", w.serverGot)
	}
	// The 3DS Server does not take it: the ACS hears so, and may come again.
	w.set(&w.server, func(m *emv3ds.Message) []byte { return emv3ds.NewFault(403, emv3ds.Server, "later").Erro(m) })
	w.want(w.rreq(), "Erro 403 later")
	w.set(&w.server, func(m *emv3ds.Message) []byte { return []byte("{}") })
	w.want(w.rreq(), "Erro 101 messageType")
	w.set(&w.server, func(m *emv3ds.Message) []byte { return bytes.Replace(rres(m), []byte(acsID), []byte(serverID), 1) })
	w.want(w.rreq(), "Erro 301 acsTransID")
	w.set(&w.server, rres)
	w.want(w.rreq(), "RRes 01")

	w.set(&w.acs, func(m *emv3ds.Message) []byte { return ares(m, "Y").Bytes() })
	other := strings.Replace(serverID, "8a88", "9a88", 1)
	w.want(areq(serverID, other), "ARes Y")
	w.want(w.rreq(), "Erro 313 threeDSServerTransID")
}

// TestLostRRes: the 3DS Server had taken the result, but its answer was lost; it then says 312, and so do we.
func TestLostRRes(t *testing.T) {
	w := newWorld(t, Config{})
	w.want(areq(), "ARes C")
	w.set(&w.server, func(m *emv3ds.Message) []byte { return emv3ds.NewFault(312, emv3ds.Server, "x").Erro(m) })
	w.want(w.rreq(), "Erro 312 x")
	w.want(w.rreq(), "Erro 312 threeDSServerTransID")
	if len(w.serverGot) != 1 {
		t.Error(w.serverGot)
	}
}

// TestRestart: a result still finds its way after the directory was started anew, and only once.
func TestRestart(t *testing.T) {
	w := newWorld(t, Config{})
	w.want(areq(), "ARes C")
	w.stopRole()
	w.start()
	w.want(areq(), "Erro 312 threeDSServerTransID")
	w.want(w.rreq(acsID, serverID), "Erro 301 acsTransID")
	w.want(w.rreq(), "RRes 01")
	w.stopRole()
	w.start()
	w.want(w.rreq(), "Erro 312 threeDSServerTransID")
}

// TestRace: of many results at the same time exactly one goes through.
func TestRace(t *testing.T) {
	w := newWorld(t, Config{})
	w.want(areq(), "ARes C")
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 20 {
		all.Go(func() {
			s, _ := w.send(w.rreq())
			mu.Lock()
			got[s]++
			mu.Unlock()
		})
	}
	all.Wait()
	if got["RRes 01"] != 1 || got["Erro 312 threeDSServerTransID"] != 19 || len(w.serverGot) != 1 {
		t.Error(got, w.serverGot)
	}
}

func TestTimeLimits(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(w *world)
		rreq    bool
		want    string
		after   time.Duration
		dials   int
	}{
		"ACS silent": {func(w *world) {
			w.set(&w.acs, func(*emv3ds.Message) []byte { time.Sleep(9 * time.Second); return nil })
		}, false, "Erro 402 the ACS did not answer in time", 8 * time.Second, 1},
		"ACS gone": {func(w *world) { w.ends["acs.3ds"].Close() }, false, "Erro 405 the ACS cannot be reached", 0, 2},
		"3DS Server silent": {func(w *world) {
			w.set(&w.server, func(*emv3ds.Message) []byte { time.Sleep(4 * time.Second); return nil })
		}, true, "Erro 402 the 3DS Server did not answer in time", 3 * time.Second, 1},
		"3DS Server gone": {func(w *world) { w.ends["gateway.rreq"].Close() }, true, "Erro 405 the 3DS Server cannot be reached", 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{})
				if c.rreq {
					w.want(areq(), "ARes C")
				}
				c.prepare(w)
				clear(w.dials)
				from, text := time.Now(), areq()
				if c.rreq {
					text = w.rreq()
				}
				w.want(text, c.want)
				if took := time.Since(from); took != c.after || w.dials["acs.3ds"]+w.dials["gateway.rreq"] != c.dials {
					t.Errorf("after %v with %v connections, want %v", took, w.dials, c.after)
				}
				time.Sleep(20 * time.Second)
			})
		})
	}
}

// TestUnreachable: the same over the whole role, with short limits; afterwards the result goes through.
func TestUnreachable(t *testing.T) {
	w := newWorld(t, Config{ARes: 50 * time.Millisecond, RRes: 50 * time.Millisecond})
	w.want(areq(), "ARes C")
	slow := make(chan struct{})
	w.set(&w.server, func(*emv3ds.Message) []byte { <-slow; return nil })
	w.want(w.rreq(), "Erro 402 the 3DS Server did not answer in time")
	close(slow)
	w.set(&w.server, rres)
	w.want(w.rreq(), "RRes 01")
	hang := make(chan struct{})
	w.set(&w.acs, func(*emv3ds.Message) []byte { <-hang; return nil })
	w.want(areq(serverID, acsID), "Erro 402 the ACS did not answer in time")
	close(hang)
}

func TestPReq(t *testing.T) {
	w := newWorld(t, Config{PReq: time.Hour})
	ask := `{"messageType":"PReq","messageVersion":"2.2.0","threeDSServerTransID":"` + serverID + `","threeDSServerRefNumber":"REF"}`
	m := w.want(ask, "PRes ")
	ranges, keys := m.Objects("cardRangeData"), m.CodeKeys()
	if len(ranges) != 1 || ranges[0].Text("startRange") != "4000010000000000" || len(keys) != 1 || keys[0].KeyID != "code-1" || keys[0].Name != "Demo Bank" || len(keys[0].Public) != 32 {
		t.Error(ranges, keys)
	}
	w.want(ask, "Erro 103 PReq")
	serial := m.Text("serialNum")
	m = w.want(strings.Replace(ask, "}", `,"serialNum":"`+serial+`"}`, 1), "PRes ")
	if m.Has("cardRangeData") || m.Text("serialNum") != serial {
		t.Error("nothing is new, but", m.Has("cardRangeData"))
	}
	w.want(strings.Replace(ask, "}", `,"serialNum":"old"}`, 1), "Erro 307 serialNum")
	w.mu.Lock()
	w.at = w.at.Add(time.Hour)
	w.mu.Unlock()
	w.want(ask, "PRes ")
}

// TestNewKey: a bank's new key changes the serial number.
func TestNewKey(t *testing.T) {
	n := byte(1)
	r := Range{Start: "4000010000000000", End: "4000019999999999", Name: "B", ACS: "acs.3ds", CodeKey: func() (string, []byte, error) {
		if n == 0 {
			return "", nil, errors.New("no key")
		}
		return "k", bytes.Repeat([]byte{n}, 32), nil
	}}
	w := newWorld(t, Config{Ranges: []Range{r}})
	ask := `{"messageType":"PReq","messageVersion":"2.2.0","threeDSServerTransID":"` + serverID + `","threeDSServerRefNumber":"REF"}`
	first := w.want(ask, "PRes ").Text("serialNum")
	n = 2
	w.want(strings.Replace(ask, "}", `,"serialNum":"`+first+`"}`, 1), "Erro 307 serialNum")
	n = 0
	w.want(ask, "Erro 403 keys")
	if w.run.Ready() == nil {
		t.Error("ready without a key")
	}
}

func TestRanges(t *testing.T) {
	good := Range{Start: "4000010000000000", End: "4000019999999999", Name: "B", ACS: "acs.3ds"}
	if err := checkRanges([]Range{good}); err != nil {
		t.Error(err)
	}
	for why, list := range map[string][]Range{
		"none": {}, "overlaps": {good, good}, "overlaps B": {good, {Start: "4000015000000", End: "4000015000000", ACS: "x"}},
		"digits": {{Start: "4000", End: "4001", ACS: "x"}}, "after end": {{Start: good.End, End: good.Start, ACS: "x"}},
		"no ACS": {{Start: good.Start, End: good.End}}, "more than": make([]Range, emv3ds.MaxCodeKeys+1),
	} {
		if err := checkRanges(list); !errors.Is(err, ErrRange) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	for number, in := range map[string]bool{
		"4000010000000000": true, "4000019999999999": true, "4000020000000000": false, "4000009999999999": false, "4000010000000": true,
		"4000019999999": true, "4000019999999999999": true, "4000020000000000000": false, "4000009999999999999": false, "5000010000000000": false,
	} {
		if got := find([]Range{good}, []byte(number)) != nil; got != in {
			t.Error(number, got)
		}
	}
}

func TestPrune(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "d.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for i, id := range []string{"a", "b", "c"} {
		if err := st.Add(t.Context(), store.Record{ServerTransID: id, ACSTransID: "x", DSTransID: "y", Status: "C", At: at.AddDate(0, 0, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Add(t.Context(), store.Record{ServerTransID: "a", At: at}); !errors.Is(err, store.ErrExists) {
		t.Error(err)
	}
	if n, err := st.Prune(t.Context(), at.AddDate(0, 0, 2)); n != 2 || err != nil {
		t.Error(n, err)
	}
	if _, found, err := st.Find(t.Context(), "c"); !found || err != nil {
		t.Error(found, err)
	}
}
