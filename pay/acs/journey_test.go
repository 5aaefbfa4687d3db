package acs

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/host/keys"
	"countersign/pay/acs/challenge"
	"countersign/pay/money"
	"countersign/pay/proof"
	"countersign/wire/emv3ds"
	"countersign/wire/smpp"
)

func TestConfirmed(t *testing.T) {
	w := newWorld(t, Config{})
	index := w.enrol(nil)
	b := w.open()
	if b.ares["acsURL"] != bankURL+"/challenge" {
		t.Errorf("acsURL %q", b.ares["acsURL"])
	}
	b.says("€23.40", "Lantern Lane", "shop.localhost:8080", string(good()[12:]), "••• 67", `autocomplete="one-time-code"`, `inputmode="numeric"`)
	last4 := string(good()[12:])
	code := w.sms()
	want := "Demo Bank: pay 23.40 EUR to Lantern Lane, card ending " + last4 + "? Code: " + code +
		". Never tell it to anybody.\n@shop.localhost #" + code + " @acs.bank.localhost"
	if w.joined() != want {
		t.Errorf("the message:\n%q\nwant\n%q", w.joined(), want)
	}
	if len(w.results()) != 0 {
		t.Error("a result before an answer")
	}
	b.press("", code[:3]+" "+code[3:])
	b.says("Thank you", `action="`+gateway+`/3ds/notify/pay_1"`, "data-auto", "Back to the shop")
	if c := b.cres(); c["transStatus"] != "Y" || c["messageType"] != "CRes" || c["acsTransID"] != b.ares["acsTransID"] || b.forms.Get("threeDSSessionData") != "U2Vzc2lvbg" {
		t.Errorf("cres %v, session %q", c, b.forms.Get("threeDSSessionData"))
	}
	r := w.results()
	if len(r) != 1 || r[0]["transStatus"] != "Y" || r[0]["eci"] != "05" || r[0]["interactionCounter"] != "01" || r[0]["authenticationMethod"] != "02" || r[0]["transStatusReason"] != "" {
		t.Fatalf("results %v", r)
	}
	w.checkProof(r[0], index)
	if st := b.state(); st.Phase != challenge.Ended || st.Phone != "" || st.Code.MAC != [32]byte{} {
		t.Errorf("afterwards: %v, phone %q", st.Phase, st.Phone)
	}
	b.press("", code) // the final page's form has no code field: a replay of the answer goes nowhere
	w.noSecrets(code)
}

// joined is the newest message.
func (w *world) joined() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.texts[len(w.texts)-1]
}

// checkProof does what the issuer does with the value.
func (w *world) checkProof(r map[string]string, index [16]byte) {
	w.t.Helper()
	value, err := proof.Parse(r["authenticationValue"])
	if err != nil {
		w.t.Fatal(err)
	}
	eur, _ := money.ByAlpha("EUR")
	amount, _ := money.New(2340, eur)
	claim := proof.Claim{PAN: index, Acceptor: "LANTERNLANE0001", Amount: amount, DSTransID: r["dsTransID"]}
	ring := w.keys.For("issuer")
	lend := func(n byte) (key []byte) {
		for _, k := range ring.All(keys.CAVV) {
			if byte(k.Number) == n {
				k.Use(func(raw []byte) { key = bytes.Clone(raw) })
			}
		}
		return key
	}
	if _, err := proof.Check(lend, value, claim, w.clock()); err != nil {
		w.t.Errorf("the issuer refuses the proof: %v", err)
	}
	claim.Acceptor = "SOMEBODYELSE001"
	if _, err := proof.Check(lend, value, claim, w.clock()); err == nil {
		w.t.Error("the proof is good for another shop")
	}
}

// noSecrets looks for code and card number in files and log, with a planted control.
func (w *world) noSecrets(code string) {
	w.t.Helper()
	planted := filepath.Join(w.dir, "planted")
	if err := os.WriteFile(planted, []byte("xx"+code+"xx"+string(good())), 0o600); err != nil {
		w.t.Fatal(err)
	}
	found := 0
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(files) < 2 {
		w.t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			w.t.Fatal(err)
		}
		hit := bytes.Contains(data, []byte(code)) || bytes.Contains(data, good())
		if hit && f == planted {
			found++
		} else if hit {
			w.t.Errorf("%s holds the code or the number", filepath.Base(f))
		}
	}
	if found != 1 {
		w.t.Error("the control was not found")
	}
	w.logs.Lock()
	defer w.logs.Unlock()
	if text := w.log.String(); strings.Contains(text, code) || strings.Contains(text, string(good())) || strings.Contains(text, "491701234567") || text == "" {
		w.t.Errorf("the log holds the code or the number, or nothing:\n%s", text)
	}
}

// The message leaves only after the part of the page that names amount, payee and card was sent to the browser.
func TestMessageAfterPage(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := &tab{w: w, ares: w.authenticate(nil)}
	rec := &flushing{ResponseRecorder: httptest.NewRecorder()}
	seen := ""
	w.smsc = func(*smpp.Message) (string, smpp.Status) { seen = rec.flushed; return "1", smpp.OK }
	j := `{"messageType":"CReq","messageVersion":"2.2.0","threeDSServerTransID":"` + b.ares["threeDSServerTransID"] + `","acsTransID":"` + b.ares["acsTransID"] + `","challengeWindowSize":"01"}`
	r := httptest.NewRequest("POST", bankURL+pagePath, strings.NewReader(url.Values{"creq": {emv3ds.EncodeForm([]byte(j))}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.web.ServeHTTP(rec, r)
	for _, word := range []string{"€23.40", "Lantern Lane", string(good()[12:])} {
		if !strings.Contains(seen, word) {
			t.Errorf("when the message left, the browser did not have %q", word)
		}
	}
	if strings.Contains(seen, "<form") || !strings.Contains(rec.Body.String(), "We sent an SMS") {
		t.Error("the form came before the message")
	}
}

// flushing notes what was written when Flush was called.
type flushing struct {
	*httptest.ResponseRecorder
	flushed string
}

func (f *flushing) Flush() { f.flushed = f.Body.String() }

// A browser that is gone before the page could be sent gets no message.
func TestNoMessageForNobody(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := &tab{w: w, ares: w.authenticate(nil)}
	j := `{"messageType":"CReq","messageVersion":"2.2.0","threeDSServerTransID":"` + b.ares["threeDSServerTransID"] + `","acsTransID":"` + b.ares["acsTransID"] + `","challengeWindowSize":"01"}`
	r := httptest.NewRequest("POST", bankURL+pagePath, strings.NewReader(url.Values{"creq": {emv3ds.EncodeForm([]byte(j))}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.web.ServeHTTP(broken{httptest.NewRecorder()}, r)
	if len(w.texts) != 0 {
		t.Error("a message went out though nobody can see the page")
	}
	if b.creq(nil); b.state().Phase != challenge.Asking {
		t.Error("the page does not come back")
	}
	b.says("cannot send")
	if b.press("resend", ""); len(w.texts) == 0 {
		t.Error("a new code is not sent")
	}
}

type broken struct{ *httptest.ResponseRecorder }

func (broken) Write([]byte) (int, error) { return 0, http.ErrHandlerTimeout }

func TestWrongCodes(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := w.open()
	code := w.sms()
	b.press("", "12345").says("six digits", `role="alert"`, `aria-invalid="true"`, `aria-describedby="error about"`)
	b.press("", "１２３４５６").says("six digits")
	b.press("", not(code, 1)).says("You can try 2 more times", `role="alert"`)
	old := b.forms
	b.press("", not(code, 2)).says("once more")
	newer := b.forms
	b.forms = old
	b.press("", not(code, 2)).says("did not count again") // the replayed form
	b.forms = newer
	if st := b.state(); st.Left() != 1 {
		t.Fatalf("%d tries left", st.Left())
	}
	b.press("", not(code, 3)).says("wrong three times", "data-auto")
	if c := b.cres(); c["transStatus"] != "N" {
		t.Errorf("cres %v", c)
	}
	if r := w.results(); len(r) != 1 || r[0]["transStatus"] != "N" || r[0]["transStatusReason"] != "01" || r[0]["authenticationValue"] != "" || r[0]["interactionCounter"] != "03" {
		t.Errorf("results %v", r)
	}
	b.forms = newer
	b.press("", code).says("wrong three times") // the back button and the right code: too late
	if len(w.results()) != 1 {
		t.Error("a second result")
	}
}

// 500 guesses at once count exactly; so do 500 copies of one.
func TestParallelGuesses(t *testing.T) {
	for _, c := range []struct {
		name  string
		guess func(code string, i int) string
		tries int
		phase challenge.Phase
	}{
		{"all different and wrong", func(code string, i int) string { return not(code, i+1) }, 3, challenge.Ended},
		{"one form 500 times", func(code string, i int) string { return not(code, 1) }, 1, challenge.Asking},
	} {
		w := newWorld(t, Config{})
		w.enrol(nil)
		b := w.open()
		code := w.sms()
		parallel(b, func(i int) string { return c.guess(code, i) })
		if st := b.state(); len(st.Tries) != c.tries || st.Phase != c.phase {
			t.Errorf("%s: %d tries, %v", c.name, len(st.Tries), st.Phase)
		}
		if r := w.results(); (c.phase == challenge.Ended) != (len(r) == 1) {
			t.Errorf("%s: %d results", c.name, len(r))
		}
	}
}

// 499 wrong guesses and the right code race: whoever comes first decides, and there is one result.
func TestRightAmongWrong(t *testing.T) {
	yes := 0
	for range 5 {
		w := newWorld(t, Config{})
		w.enrol(nil)
		b := w.open()
		code := w.sms()
		parallel(b, func(i int) string { return not(code, i%500) })
		st, r := b.state(), w.results()
		if len(r) != 1 || st.Phase != challenge.Ended || len(st.Tries) > 3 || (r[0]["transStatus"] == "Y") != (len(st.Tries) < 3) {
			t.Errorf("%v, %d tries, results %v", st.Phase, len(st.Tries), r)
		}
		if r[0]["transStatus"] == "Y" {
			yes++
		}
	}
	t.Logf("the right code was among the first three in %d of 5", yes)
}

func parallel(b *tab, guess func(int) string) {
	var all sync.WaitGroup
	for i := range 500 {
		all.Go(func() {
			c := *b
			c.press("", guess(i))
		})
	}
	all.Wait()
}

func TestResendAndCancel(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := w.open()
	first := w.sms()
	b.press("resend", "").says("another code in 30 seconds")
	w.pass(30 * time.Second)
	b.press("resend", "").says("The code before is not good any more", "We sent an SMS")
	second := w.sms()
	if first != second { // one in a million
		b.press("", first).says("That is not the code")
	}
	b.press("cancel", "").says("Cancelled", "Nothing was paid")
	if r := w.results(); len(r) != 1 || r[0]["transStatus"] != "N" || r[0]["challengeCancel"] != "01" {
		t.Errorf("results %v", r)
	}
	b = w.open()
	w.pass(challenge.CodeTime)
	b.press("", w.sms()).says("too old")
	b.press("resend", "").says("We sent an SMS")
	b.press("", w.sms()).says("Thank you")
}

func TestSecondCReq(t *testing.T) {
	w := newWorld(t, Config{MaxOpen: 9})
	w.enrol(nil)
	b := w.open()
	n := len(w.texts)
	b.creq(nil).says("€23.40")
	if len(w.texts) != n {
		t.Error("a reload sends another message")
	}
	b.press("", w.sms()).says("Thank you")
	if e := b.creq(nil).cres(); e["messageType"] != "Erro" || e["errorCode"] != "315" || e["errorMessageType"] != "CReq" || e["acsTransID"] != b.ares["acsTransID"] {
		t.Errorf("after the result: %v", e)
	}
	b = w.open()
	b.creq(func(m map[string]string) { m["challengeWindowSize"] = "05" })
	if e := b.cres(); e["errorCode"] != "305" {
		t.Errorf("other content: %v", e)
	}
	if r := w.results(); len(r) != 2 || r[1]["transStatus"] != "N" || r[1]["challengeCancel"] != "06" {
		t.Errorf("results %v", r)
	}
	b = &tab{w: w, ares: w.authenticate(nil)}
	w.pass(challenge.FirstPage)
	if e := b.creq(nil).cres(); e["errorCode"] != "402" {
		t.Errorf("too late: %v", e)
	}
	b = w.open()
	for range challenge.MaxCReqs {
		b.creq(nil)
	}
	if e := b.cres(); e["errorCode"] != "314" || b.state().Phase != challenge.Asking {
		t.Errorf("too many: %v", e)
	}
}

func TestRefusedCReq(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := &tab{w: w, ares: w.authenticate(nil)}
	other, _ := emv3ds.NewID(w.env.Rand)
	for name, edit := range map[string]func(map[string]string){
		"unknown acsTransID":           func(m map[string]string) { m["acsTransID"] = other },
		"other threeDSServerTransID":   func(m map[string]string) { m["threeDSServerTransID"] = other },
		"no window size":               func(m map[string]string) { delete(m, "challengeWindowSize") },
		"other message":                func(m map[string]string) { m["messageType"] = "AReq" },
		"version that nobody speaks":   func(m map[string]string) { m["messageVersion"] = "9.9.9" },
		"acsTransID that is no id":     func(m map[string]string) { m["acsTransID"] = "../../etc/passwd" },
		"acsTransID with an SQL quote": func(m map[string]string) { m["acsTransID"] = "' OR 1=1 --" },
	} {
		if b.creq(edit); b.code != 400 || strings.Contains(b.html, "<form") {
			t.Errorf("%s: %d", name, b.code)
		}
	}
	for name, form := range map[string]url.Values{
		"nothing": {}, "not base64": {"creq": {"%%%"}}, "not JSON": {"creq": {emv3ds.EncodeForm([]byte("hello"))}},
		"huge": {"creq": {strings.Repeat("A", 40<<10)}},
	} {
		if b.post(pagePath, form, nil); b.code != 400 {
			t.Errorf("%s: %d", name, b.code)
		}
	}
	if st := b.state(); st.Phase != challenge.Offered || len(w.texts) != 0 {
		t.Errorf("something happened: %v, %d messages", st.Phase, len(w.texts))
	}
	b.creq(nil).says("€23.40") // and the right one still works
}

func TestForgedForms(t *testing.T) {
	w := newWorld(t, Config{MaxOpen: 9})
	w.enrol(nil)
	victim, attacker := w.open(), w.open()
	code := w.sms()
	for name, edit := range map[string]func(url.Values){
		"no token":          func(f url.Values) { f.Del("session") },
		"token of another":  func(f url.Values) { f.Set("session", attacker.forms.Get("session")) },
		"id of nobody":      func(f url.Values) { f.Set("acs", "nobody") },
		"token, one letter": func(f url.Values) { f.Set("session", "0"+f.Get("session")[1:]+"0") },
	} {
		f := url.Values{"code": {code}}
		for k, v := range victim.forms {
			f[k] = v
		}
		edit(f)
		b := *victim
		if b.post(answerPath, f, nil); b.code != 400 {
			t.Errorf("%s: %d", name, b.code)
		}
	}
	f := url.Values{"code": {code}, "do": {"cancel"}}
	for k, v := range victim.forms {
		f[k] = v
	}
	b := *victim
	if b.post(answerPath, f, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example")
	}); b.code != 400 {
		t.Errorf("another site's form: %d", b.code)
	}
	if st := victim.state(); st.Phase != challenge.Asking || len(st.Tries) != 0 {
		t.Errorf("something happened: %v %d", st.Phase, len(st.Tries))
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := w.open()
	for range 2 {
		csp := b.head.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors " + gateway + " " + shop + ";", "form-action 'self' " + gateway + ";"} {
			if !strings.Contains(csp+";", want) {
				t.Errorf("the policy %q has no %q", csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || b.head.Get("X-Frame-Options") != "" || b.head.Get("Set-Cookie") != "" || b.head.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", b.head)
		}
		if strings.Contains(b.html, "<script>") || strings.Contains(b.html, "style=") || strings.Contains(b.html, "target=") {
			t.Error("inline code, or a way out of the frame")
		}
		b.press("", w.sms())
	}
}

// Free text of the shop stays text, on the page and in the message.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "{{.Session}}", "a\r\nSet-Cookie: x=1", "Shop\n@evil.example #111111 @evil.example",
		"\u202Egnihsihp\u202C", "'; DROP TABLE challenge; --", "&lt;b&gt;", "javascript:alert(1)", "\x00\x1b[31mred",
	} {
		w := newWorld(t, Config{})
		w.enrol(nil)
		b := &tab{w: w, ares: w.authenticate(func(m map[string]any) { m["merchantName"] = string([]rune(name)[:min(40, len([]rune(name)))]) })}
		if b.ares["transStatus"] != "C" {
			continue // refused as ill-formed: just as good
		}
		b.creq(nil)
		if strings.Contains(b.html, "<script>") || strings.Contains(b.html, "<img") || strings.ContainsAny(b.html, "\u202E\x00\x1b") {
			t.Errorf("%q came through:\n%s", name, b.html)
		}
		text := w.joined()
		if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "@shop.localhost #"+w.sms()+" @acs.bank.localhost") {
			t.Errorf("%q changed the message's lines: %q", name, text)
		}
	}
}

func TestSMSCentreDown(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	w.smscOff = true
	b := w.open()
	b.says("cannot send an SMS", "Send a new code", ">Cancel<")
	b.press("resend", "").says("cannot send an SMS")
	w.smscOff = false
	b.press("resend", "").says("We sent an SMS")
	b.press("", w.sms()).says("Thank you")

	w.smsc = func(*smpp.Message) (string, smpp.Status) { return "", smpp.QueueFull }
	b = w.open()
	b.says("cannot send an SMS")
	b.press("cancel", "").says("Cancelled")
}

func TestFrozenMeanwhile(t *testing.T) {
	w := newWorld(t, Config{MaxOpen: 9})
	w.enrol(nil)
	b := &tab{w: w, ares: w.authenticate(nil)}
	w.enrol(func(e *enrolment) { e.Status = "frozen" })
	b.creq(nil).says("Not possible")
	if r := w.results(); len(w.texts) != 0 || len(r) != 1 || r[0]["transStatusReason"] != "12" {
		t.Errorf("%d messages, results %v", len(w.texts), r)
	}
	w.enrol(nil)
	b = w.open()
	w.enrol(func(e *enrolment) { e.Status = "frozen" })
	w.pass(time.Minute)
	n := len(w.texts)
	if b.press("resend", "").says("Not possible"); len(w.texts) != n {
		t.Error("a message for a frozen card")
	}
}

func TestCloseTheTab(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	never := &tab{w: w, ares: w.authenticate(nil)}
	b := w.open()
	w.pass(challenge.FirstPage - 1)
	if w.tick(); len(w.results()) != 0 {
		t.Fatal("too soon")
	}
	w.pass(1)
	w.tick()
	if r := w.results(); len(r) != 1 || r[0]["acsTransID"] != never.ares["acsTransID"] || r[0]["challengeCancel"] != "05" || r[0]["transStatusReason"] != "14" {
		t.Fatalf("first page: %v", r)
	}
	w.stop() // killed and started again: the limits go on
	w.pass(challenge.PageTime - challenge.FirstPage)
	w.start(Config{})
	w.tick()
	if r := w.results(); len(r) != 2 || r[1]["acsTransID"] != b.ares["acsTransID"] || r[1]["challengeCancel"] != "04" || r[1]["transStatus"] != "N" {
		t.Fatalf("page time: %v", r)
	}
	w.tick()
	w.pass(time.Hour)
	if w.tick(); len(w.results()) != 2 {
		t.Error("a second result")
	}
	b.press("", "123456").says("The time is over")
}

func TestDirectoryDown(t *testing.T) {
	w := newWorld(t, Config{MaxOpen: 9})
	w.enrol(nil)
	w.dsOff = true
	b := w.open()
	b.press("", w.sms()).says("could not be passed on", "Nothing was paid")
	if c := b.cres(); c["transStatus"] != "N" {
		t.Errorf("cres %v", c)
	}
	w.dsOff = false
	w.pass(challenge.RReqAgain)
	w.tick()
	if r := w.results(); len(r) != 1 || r[0]["transStatus"] != "U" || r[0]["authenticationValue"] != "" || r[0]["transStatusReason"] != "22" {
		t.Errorf("results %v", r)
	}
}

// The result was received and the answer to it is lost: it is sent again, unchanged, and nobody is told Y before that.
func TestResultInDoubt(t *testing.T) {
	for name, answer := range map[string]func(m *emv3ds.Message) []byte{
		"no answer": func(*emv3ds.Message) []byte { time.Sleep(150 * time.Millisecond); return nil },
		"nonsense":  func(*emv3ds.Message) []byte { return []byte("hello") },
		"for another": func(m *emv3ds.Message) []byte {
			return bytes.Replace(rres(m), []byte(m.Text("acsTransID")), []byte("00000000-0000-4000-8000-000000000000"), 1)
		},
		"transient Erro": func(m *emv3ds.Message) []byte { return emv3ds.NewFault(405, emv3ds.Directory, "").Erro(m) },
	} {
		w := newWorld(t, Config{})
		w.enrol(nil)
		w.ds = answer
		if name == "no answer" {
			w.s.rreqTime = 100 * time.Millisecond
		}
		b := w.open()
		b.press("", w.sms()).says("One moment")
		w.mu.Lock()
		w.ds = func(m *emv3ds.Message) []byte { return emv3ds.NewFault(312, emv3ds.Server, "").Erro(m) }
		w.mu.Unlock()
		w.stop()
		w.start(Config{})
		w.tick()
		b.press("look", "").says("Thank you")
		w.mu.Lock()
		if len(w.rreqs) != 2 || w.rreqs[0] != w.rreqs[1] {
			t.Errorf("%s: %d results, not the same: %v", name, len(w.rreqs), w.rreqs)
		}
		w.mu.Unlock()
	}
}

func TestResultRefused(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	w.ds = func(m *emv3ds.Message) []byte { return emv3ds.NewFault(301, emv3ds.Server, "acsTransID").Erro(m) }
	b := w.open()
	b.press("", w.sms())
	if c := b.cres(); c["transStatus"] != "N" {
		t.Errorf("the browser is told %v though the shop's side refused", c)
	}
}

func TestOneResultBeforeThePage(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := w.open()
	var order []string
	w.ds = func(m *emv3ds.Message) []byte { order = append(order, "RReq"); return rres(m) }
	b.press("", w.sms())
	if order = append(order, b.cres()["messageType"]); fmt.Sprint(order) != "[RReq CRes]" {
		t.Errorf("order %v", order)
	}
}
