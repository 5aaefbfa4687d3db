package acs

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	mrand "math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/pay/acs/challenge"
	"countersign/pay/acs/sms"
	"countersign/wire/emv3ds"

	"pgregory.net/rapid"
)

// Every answer to an AReq, and never a message to the holder because of one.
func TestDecide(t *testing.T) {
	set := func(k string, v any) func(map[string]any) { return func(m map[string]any) { m[k] = v } }
	for _, c := range []struct {
		name   string
		card   func(*enrolment)
		areq   func(map[string]any)
		status string
		reason string
	}{
		{"fine", nil, nil, "C", ""},
		{"wrong expiry: the issuer's business", nil, set("cardExpiryDate", "2912"), "C", ""},
		{"no amount", nil, set("purchaseAmount", "0"), "C", ""},
		{"yen", nil, func(m map[string]any) { m["purchaseCurrency"], m["purchaseExponent"] = "392", "0" }, "C", ""},
		{"unknown card", nil, set("acctNumber", "4111111111111111"), "N", "08"},
		{"wrong check digit", nil, set("acctNumber", "4111111111111112"), "N", "06"},
		{"frozen", func(e *enrolment) { e.Status = "frozen" }, nil, "N", "12"},
		{"closed", func(e *enrolment) { e.Status = "closed" }, nil, "N", "12"},
		{"a status of tomorrow", func(e *enrolment) { e.Status = "strange" }, nil, "N", "12"},
		{"expired", func(e *enrolment) { e.Status = "expired" }, nil, "N", "05"},
		{"expired by date", func(e *enrolment) { e.Expiry = "2610" }, nil, "N", "05"},
		{"no telephone", func(e *enrolment) { e.Phone = "" }, nil, "N", "13"},
		{"not a payment", nil, set("messageCategory", "02"), "N", "20"},
	} {
		w := newWorld(t, Config{})
		w.enrol(c.card)
		if a := w.authenticate(c.areq); a["transStatus"] != c.status || a["transStatusReason"] != c.reason || (a["acsURL"] != "") != (c.status == "C") {
			t.Errorf("%s: %v", c.name, a)
		}
		if len(w.texts) != 0 {
			t.Errorf("%s: a message went out", c.name)
		}
	}
	w := newWorld(t, Config{})
	w.bankOff = true
	if a := w.authenticate(nil); a["transStatus"] != "U" || a["transStatusReason"] != "22" {
		t.Errorf("bank down: %v", a)
	}
}

func TestRefusedAReq(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	for name, c := range map[string]struct {
		edit func(map[string]any)
		code string
	}{
		"script as address":        {func(m map[string]any) { m["notificationURL"] = "javascript:alert(1)" }, "203"},
		"plain http elsewhere":     {func(m map[string]any) { m["notificationURL"] = "http://pay.example/" }, "203"},
		"policy in the shop":       {func(m map[string]any) { m["threeDSRequestorURL"] = "https://shop.example;script-src/" }, "203"},
		"user in the address":      {func(m map[string]any) { m["threeDSRequestorURL"] = "https://shop.example@evil.example/" }, "203"},
		"wrong exponent":           {func(m map[string]any) { m["purchaseExponent"] = "0" }, "203"},
		"amount of 30 digits":      {func(m map[string]any) { m["purchaseAmount"] = strings.Repeat("9", 30) }, "203"},
		"negative amount":          {func(m map[string]any) { m["purchaseAmount"] = "-5" }, "203"},
		"no amount":                {func(m map[string]any) { m["purchaseAmount"] = nil }, "201"},
		"currency of nobody":       {func(m map[string]any) { m["purchaseCurrency"] = "001" }, "304"},
		"without the directory":    {func(m map[string]any) { m["dsTransID"] = nil }, "201"},
		"a message not for us":     {func(m map[string]any) { m["messageType"] = "PReq" }, "101"},
		"a version nobody speaks":  {func(m map[string]any) { m["messageVersion"] = "1.0.2" }, "102"},
		"card number with letters": {func(m map[string]any) { m["acctNumber"] = "4111x11111111111" }, "203"},
	} {
		answer := w.s.message(context.Background(), w.areq(c.edit))
		m, f := emv3ds.Parse(answer)
		if f != nil || m.Type() != emv3ds.Erro || m.Text("errorCode") != c.code || m.Text("errorComponent") != "A" {
			t.Errorf("%s: %s, want %s", name, answer, c.code)
		}
		if bytes.Contains(answer, good()) || bytes.Contains(answer, []byte("4111x")) {
			t.Errorf("%s: the card number is echoed", name)
		}
	}
	if answer := w.s.message(context.Background(), emv3ds.NewFault(403, emv3ds.Directory, "").Erro(nil)); answer != nil {
		t.Errorf("an Erro is answered with %s", answer)
	}
	if answer := w.s.message(context.Background(), []byte("{")); !bytes.Contains(answer, []byte(`"101"`)) {
		t.Errorf("half a message: %s", answer)
	}
}

func TestTransactionIDOnce(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	body := w.areq(nil)
	first := w.s.message(context.Background(), bytes.Clone(body))
	again := w.s.message(context.Background(), bytes.Clone(body))
	if !bytes.Contains(first, []byte(`"C"`)) || !bytes.Contains(again, []byte(`"305"`)) {
		t.Errorf("%s\n%s", first, again)
	}
}

func TestLimitsOfACard(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	var open []*tab
	for range 3 {
		open = append(open, w.open())
	}
	if a := w.authenticate(nil); a["transStatus"] != "N" || a["transStatusReason"] != "19" {
		t.Errorf("a fourth at the same time: %v", a)
	}
	open[0].press("cancel", "")
	for range 5 { // 15 wrong codes
		b := w.open()
		code := w.sms()
		for i := range 3 {
			b.press("", not(code, i+1))
		}
	}
	if a := w.authenticate(nil); a["transStatus"] != "N" || a["transStatusReason"] != "04" {
		t.Errorf("after 15 wrong codes: %v", a)
	}
	w.pass(25 * time.Hour)
	if a := w.authenticate(nil); a["transStatus"] != "C" {
		t.Errorf("a day later: %v", a)
	}
}

// Codes are uniform: chi-square over 100 groups of a million draws stays below the 1-in-10⁶ bound.
func TestCodesAreUniform(t *testing.T) {
	r := &source{mrand.New(mrand.NewPCG(1, 2))}
	var group [100]int
	const n = 200_000
	for range n {
		code, err := newCode(r)
		if err != nil || len(code) != 6 {
			t.Fatal(code, err)
		}
		group[(code[0]-'0')*10+code[5]-'0']++
	}
	chi := 0.0
	for _, g := range group {
		chi += math.Pow(float64(g)-n/100, 2) / (n / 100)
	}
	if chi > 180 { // 99 degrees of freedom: mean 99, deviation 14
		t.Errorf("chi-square %.0f", chi)
	}
	// Draws above the last whole million are thrown away, not folded onto the small codes.
	code, err := newCode(io.MultiReader(bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 7})))
	if code != "000007" || err != nil {
		t.Errorf("%q %v", code, err)
	}
	if _, err := newCode(bytes.NewReader(nil)); err == nil {
		t.Error("a code without randomness")
	}
}

type source struct{ r *mrand.Rand }

func (s *source) Read(b []byte) (int, error) {
	for i := 0; i+4 <= len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], s.r.Uint32())
	}
	return len(b), nil
}

func TestCodeMACBindsThePayment(t *testing.T) {
	w := newWorld(t, Config{})
	w.enrol(nil)
	b := w.open()
	st := b.state()
	mac, err := w.s.codeMAC(st.Deal, w.sms())
	if err != nil || mac != st.Code.MAC {
		t.Fatalf("%x %v", mac, err)
	}
	for name, edit := range map[string]func(*challenge.Deal){
		"shop": func(d *challenge.Deal) { d.Payee += "x" }, "site": func(d *challenge.Deal) { d.Site += "x" },
		"acceptor": func(d *challenge.Deal) { d.Acceptor += "x" }, "transaction": func(d *challenge.Deal) { d.DSTransID += "x" },
		"amount": func(d *challenge.Deal) { d.Amount, _ = d.Amount.Add(d.Amount) },
	} {
		d := st.Deal
		edit(&d)
		if other, err := w.s.codeMAC(d, w.sms()); err != nil || other == mac {
			t.Errorf("the code is not bound to the %s", name)
		}
	}
}

func TestWebOrigin(t *testing.T) {
	for in, want := range map[string]string{
		"https://Shop.Example/a?b#c": "https://shop.example", "https://shop.example:444": "https://shop.example:444", "http://shop.localhost:8080/x": "http://shop.localhost:8080",
		"http://127.0.0.1:1": "http://127.0.0.1:1", "https://[2001:db8::1]/": "https://[2001:db8::1]",
		"http://shop.example": "", "http://localhost.evil.example": "", "javascript:x": "", "data:text/html,x": "", "//shop.example": "", "https://a b": "",
		"https://a;b": "", "https://a,b": "", "https://*": "", "https://a'b": "", "https://u:p@a": "", "https://": "", "": "",
	} {
		if got, ok := webOrigin(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestCleanTexts(t *testing.T) {
	for in, want := range map[string]string{
		"Lantern Lane": "Lantern Lane", "a\nb": "a b", "  a \r\n\t b  ": "a b", "\u202Eabc\u200B": "abc", "Книга мир": "Книга мир", "\x00\x1b[31m": "[31m", strings.Repeat("x", 50): strings.Repeat("x", 40), "": "",
	} {
		if got := sms.Clean(in, 40); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		got := sms.Clean(rapid.String().Draw(t, "text"), 40)
		if strings.ContainsAny(got, "\r\n\x00\u202e\u2066") || len([]rune(got)) > 40 || got != strings.TrimSpace(got) {
			t.Fatalf("%q", got)
		}
	})
}

// AReq to ARes with a durable challenge in between, one after the other.
func BenchmarkAReq(b *testing.B) {
	w := newWorld(b, Config{MaxOpen: 1 << 30})
	w.enrol(nil)
	for b.Loop() {
		w.pass(time.Second) // no more than 31 are open
		if w.clock().Unix()%30 == 0 {
			b.StopTimer()
			w.tick()
			b.StartTimer()
		}
		if a := w.s.message(context.Background(), w.areq(nil)); !bytes.Contains(a, []byte(`"C"`)) {
			b.Fatalf("%s", a)
		}
	}
}

func FuzzAnswerForm(f *testing.F) {
	w := newWorld(f, Config{MaxOpen: 1 << 30})
	w.enrol(nil)
	b := w.open()
	for _, body := range []string{"", b.forms.Encode() + "&code=123456", "acs=x&session=y&form=1&code=1", "do=cancel&" + b.forms.Encode(), "do=resend", "creq=eyJ9", "%zz", "code=%00"} {
		f.Add(body, true)
		f.Add(body, false)
	}
	f.Fuzz(func(t *testing.T, body string, answer bool) {
		path := pagePath
		if answer {
			path = answerPath
		}
		c := *b
		values, err := url.ParseQuery(body)
		if err != nil || len(body) > maxForm {
			return
		}
		genuine := values.Get("session") == b.forms.Get("session")
		before := len(c.state().Tries)
		c.post(path, values, nil)
		if c.code >= 500 || c.html == "" {
			t.Fatalf("%d %s", c.code, c.html)
		}
		if !genuine && len(c.state().Tries) != before {
			t.Fatal("a form without the token counted")
		}
	})
}
