package hostile

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/examples/shopper"
)

func TestWrongSMSCode(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	bank, code := w.asked(t, page, c, w.enter(t, page, c.Card, "challenge"))
	var err error
	guess := code
	for i, words := range []string{"2 more times", "once more", ""} {
		guess = other(guess)
		if bank, err = bank.Answer(t.Context(), guess); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(bank.Text, words) || strings.Contains(bank.Text, guess) {
			t.Errorf("try %d: the page says %s", i+1, bank.Text)
		}
	}
	if !bank.Done() || !strings.Contains(bank.Text, "wrong three times") || !strings.Contains(bank.Text, "Nothing was paid") {
		t.Errorf("after three wrong codes the page says %s", bank.Text)
	}
	must(t, bank.Return(t.Context()))
	s, err := page.Wait(t.Context())
	must(t, err)
	if s.State != "card" || s.Problem == nil {
		t.Errorf("after three wrong codes: %+v", s)
	}
	w.refusal(t, p, page)
	w.untouched(t, c, 100_000)
	w.paysNow(t, page, c, 100_000)
}

// Twelve guesses at the same moment are still three tries, and the right code among them is found by luck at most.
func TestSMSGuessingInParallel(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	bank, code := w.asked(t, page, c, w.enter(t, page, c.Card, "challenge"))
	form := bank.Forms[0]
	var wg sync.WaitGroup
	var mu sync.Mutex
	tries := 0
	for i := range 12 {
		wg.Go(func() {
			v := url.Values{}
			for k := range form.Values {
				v.Set(k, form.Values.Get(k))
			}
			v.Set(form.Code, strings.Repeat(string(rune('0'+i%10)), 5)+string(rune('0'+(i+1)%10)))
			r := w.fetch(t, "POST", form.Action.String(), v.Encode(), urlencoded())
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(string(r.body), "more times") || strings.Contains(string(r.body), "once more") {
				tries++
			}
		})
	}
	wg.Wait()
	if tries > 2 {
		t.Errorf("%d guesses were told that more may follow", tries)
	}
	if after, err := bank.Answer(t.Context(), code); err != nil || !after.Done() || !strings.Contains(after.Text, "Nothing was paid") {
		t.Errorf("the right code after all tries: %v %+v", err, after)
	}
	if s, err := page.Wait(t.Context()); err != nil || s.State != "card" {
		t.Errorf("%+v %v", s, err)
	}
	w.untouched(t, c, 100_000)
}

func urlencoded() map[string]string {
	return map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
}

// The bank's page is opened too late. The clock of the built program cannot be moved, so this waits the real half minute
// that EMV 3DS gives the first page; the ten minutes of an open page are tested in pay/acs/challenge, where time is a value.
func TestExpiredChallenge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits half a minute")
	}
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	s := w.enter(t, page, c.Card, "challenge")
	form := w.creq(t, page, s)
	time.Sleep(32 * time.Second)
	r := w.fetch(t, "POST", form.Action.String(), form.Values.Encode(), urlencoded())
	if text := string(r.body); r.status != 200 || !strings.Contains(text, "The time is over") || !strings.Contains(text, "Nothing was paid") {
		t.Errorf("HTTP %d %s", r.status, text)
	}
	if list, err := (shopper.Phone{HTTP: w.HTTP, URL: w.URL("phone")}).Messages(t.Context(), c.Phone); err != nil || len(list) > 0 {
		t.Errorf("%d messages were sent for a confirmation that is over (%v)", len(list), err)
	}
	if s, err := page.Wait(t.Context()); err != nil || s.State != "card" || s.Problem == nil {
		t.Errorf("%+v %v", s, err)
	}
	w.refusal(t, p, page)
	w.untouched(t, c, 100_000)
	w.paysNow(t, page, c, 100_000)
}

// creq is the form by which the page around the bank's page opens it.
func (w *world) creq(t *testing.T, page *shopper.Page, s shopper.State) shopper.Form {
	t.Helper()
	return w.form(t, page.URL.ResolveReference(ref(s.URL)).String(), "creq")
}

// The tab is closed before the bank's page opens, and after the answer: the first can be taken up again, the second is paid.
func TestClosedTab(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	w.enter(t, page, c.Card, "challenge")
	again := w.open(t, p.FrameURL) // another day, another tab
	if again.State != "challenge" || len(again.Ranges) > 0 {
		t.Fatalf("the page of a payment that waits for the bank is in state %q", again.State)
	}
	s, err := again.Now(t.Context())
	must(t, err)
	bank, code := w.asked(t, again, c, s)
	_, err = bank.Answer(t.Context(), code)
	must(t, err) // and closed: nobody brings the CRes back
	if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Errorf("%+v %v", s, err)
	}
	w.took(t, c, 100_000, 2340)
}

func TestDoubleClick(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	sealed, err := page.Seal(c.Card, letters(20))
	must(t, err)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if s, err := page.Send(t.Context(), sealed); err != nil || s.State != "challenge" {
				t.Errorf("%+v %v", s, err)
			}
		})
	}
	wg.Wait()
	s, err := page.Now(t.Context())
	must(t, err)
	bank, code := w.asked(t, page, c, s)
	for range 8 {
		wg.Go(func() {
			if b, err := bank.Answer(t.Context(), code); err != nil || !b.Done() && !strings.Contains(b.Text, "telling the shop") {
				t.Errorf("%v %+v", err, b)
			}
		})
	}
	wg.Wait()
	if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Errorf("%+v %v", s, err)
	}
	if s, err := page.Send(t.Context(), sealed); err != nil || s.State != "paid" { // a very late click
		t.Errorf("%+v %v", s, err)
	}
	w.took(t, c, 100_000, 2340)
	list, err := (shopper.Phone{HTTP: w.HTTP, URL: w.URL("phone")}).Messages(t.Context(), c.Phone)
	must(t, err)
	if len(list) != 1 {
		t.Errorf("%d messages for one payment", len(list))
	}
	for range 100 { // the bank has the capture; the gateway hears of it in a moment
		now, err := w.api.Get(t.Context(), p.ID)
		must(t, err)
		if now.Captured == 2340 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the shop is not told that the money was captured")
}

func TestBackButton(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	s := w.enter(t, page, c.Card, "challenge")
	creq := w.creq(t, page, s)
	bank, code := w.asked(t, page, c, s)
	// Back to the card form while the bank asks: another try is refused, and using another card is possible.
	if _, err := page.Pay(t.Context(), c.Card, letters(20)); refusedWith(err) != http.StatusConflict {
		t.Errorf("a second try while the bank asks: %v", err)
	}
	answered, err := bank.Answer(t.Context(), code)
	must(t, err)
	must(t, answered.Return(t.Context()))
	if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Fatalf("%+v %v", s, err)
	}
	// Back through all pages of a paid payment.
	if _, err := page.Pay(t.Context(), c.Card, letters(20)); refusedWith(err) != http.StatusConflict {
		t.Errorf("the card form of a paid payment: %v", err)
	}
	if again := w.open(t, p.FrameURL); again.State != "paid" || len(again.Ranges) > 0 {
		t.Errorf("the frame of a paid payment is in state %q", again.State)
	}
	challenge := w.fetch(t, "GET", page.URL.ResolveReference(ref(s.URL)).String(), "", nil)
	if challenge.status != http.StatusSeeOther {
		t.Errorf("the challenge page of a paid payment: HTTP %d", challenge.status)
	}
	r := w.fetch(t, "POST", creq.Action.String(), creq.Values.Encode(), urlencoded())
	if !strings.Contains(string(r.body), "This confirmation is finished") {
		t.Errorf("the bank's page, opened again: HTTP %d %s", r.status, r.body)
	}
	if b, err := bank.Answer(t.Context(), code); err != nil || !b.Done() {
		t.Errorf("the code, sent again: %v", err)
	}
	if b, err := bank.Press(t.Context(), "do=cancel"); err != nil || !b.Done() {
		t.Errorf("cancel after the confirmation: %v", err)
	}
	must(t, answered.Return(t.Context()))
	w.took(t, c, 100_000, 2340)
}

// refusedWith is the HTTP status of a refusal, 0 when there was none.
func refusedWith(err error) int {
	var r *shopper.Refused
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// Two tabs of one payment, two people with a card each: one of them pays, once.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	w := shared
	p, first := w.order(t, 2340)
	second := w.open(t, strings.Replace(p.FrameURL, "/frame/", "/p/", 1))
	a, b := w.customer(t), w.customer(t)
	var wg sync.WaitGroup
	var states [2]shopper.State
	var errs [2]error
	for i, x := range []struct {
		page *shopper.Page
		card shopper.Card
	}{{first, a.Card}, {second, b.Card}} {
		wg.Go(func() { states[i], errs[i] = x.page.Pay(t.Context(), x.card, letters(20)) })
	}
	wg.Wait()
	winner, page, state, loser := a, first, states[0], 1
	if errs[0] != nil {
		winner, page, state, loser = b, second, states[1], 0
	}
	if state.State != "challenge" || refusedWith(errs[loser]) != http.StatusConflict {
		t.Fatalf("%+v %v", states, errs)
	}
	bank, code := w.asked(t, page, winner, state)
	bank, err := bank.Answer(t.Context(), code)
	must(t, err)
	must(t, bank.Return(t.Context()))
	for _, page := range []*shopper.Page{first, second} {
		if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
			t.Errorf("%+v %v", s, err)
		}
	}
	w.took(t, winner, 100_000, 2340)
	if winner.CardID == a.CardID {
		w.untouched(t, b, 100_000)
	} else {
		w.untouched(t, a, 100_000)
	}
}

// Somebody recorded what the page sent. It is good for this payment and click only.
func TestReplayedForm(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	recorded, err := page.Seal(c.Card, letters(20))
	must(t, err)
	s, err := page.Send(t.Context(), recorded)
	must(t, err)
	bank, code := w.asked(t, page, c, s)
	bank, err = bank.Answer(t.Context(), code)
	must(t, err)
	must(t, bank.Return(t.Context()))
	if s, err := page.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Fatalf("%+v %v", s, err)
	}
	recorded.Attempt = letters(20)
	if _, err := page.Send(t.Context(), recorded); refusedWith(err) != http.StatusConflict {
		t.Errorf("the same form as another click of a paid payment: %v", err)
	}
	_, next := w.order(t, 2340) // same shop, same amount
	if s, err := next.Send(t.Context(), recorded); err != nil || s.State != "card" || s.Problem == nil {
		t.Errorf("the form of another payment: %+v %v", s, err)
	}
	w.took(t, c, 100_000, 2340)
}

// The page is made to believe in another amount: neither box opens, and the bank's page names the true one.
func TestTamperedAmount(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	for name, change := range map[string]func(*shopper.Page){
		"less": func(x *shopper.Page) { x.Amount = 1 }, "currency": func(x *shopper.Page) { x.Currency = "JPY" },
		"shop": func(x *shopper.Page) { x.Acceptor = "OTHERSHOP" }, "payment": func(x *shopper.Page) { x.Payment = "pay_0" },
	} {
		changed := *page
		change(&changed)
		if s, err := changed.Pay(t.Context(), c.Card, letters(20)); err != nil || s.State != "card" || s.Problem == nil {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
	// An extra member that names an amount is no amount.
	sealed, err := page.Seal(c.Card, letters(20))
	must(t, err)
	body, err := json.Marshal(sealed)
	must(t, err)
	r := w.fetch(t, "POST", page.URL.ResolveReference(ref(page.Submit)).String(), strings.Replace(string(body), "{", `{"amount":1,`, 1), map[string]string{"Content-Type": "application/json"})
	if r.status != http.StatusUnprocessableEntity || r.problem(t) != "invalid" {
		t.Errorf("HTTP %d %s", r.status, r.body)
	}
	s := w.enter(t, page, c.Card, "challenge")
	form := w.creq(t, page, s)
	form.Values.Set("purchaseAmount", "1")
	form.Values.Set("amount", "1")
	if r := w.fetch(t, "POST", form.Action.String(), form.Values.Encode(), urlencoded()); !strings.Contains(string(r.body), "€23.40") {
		t.Errorf("the bank's page does not name the amount: %s", r.body)
	}
	if now, err := w.api.Get(t.Context(), p.ID); err != nil || now.Amount != 2340 {
		t.Errorf("%+v %v", now, err)
	}
}

// A CRes comes through the shopper's browser, so it decides nothing: forged, it moves no money.
func TestForgedResult(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	p, page := w.order(t, 2340)
	s := w.enter(t, page, c.Card, "challenge")
	form := w.creq(t, page, s)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(form.Values.Get("creq"), "="))
	must(t, err)
	var creq map[string]string
	must(t, json.Unmarshal(raw, &creq))
	cres := map[string]string{
		"messageType": "CRes", "messageVersion": creq["messageVersion"], "threeDSServerTransID": creq["threeDSServerTransID"], "acsTransID": creq["acsTransID"],
		"challengeCompletionInd": "Y", "transStatus": "Y",
	}
	rreq := map[string]string{
		"messageType": "RReq", "messageVersion": creq["messageVersion"], "threeDSServerTransID": creq["threeDSServerTransID"], "acsTransID": creq["acsTransID"],
		"dsTransID": creq["acsTransID"], "messageCategory": "01", "transStatus": "Y", "eci": "05", "authenticationValue": "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "interactionCounter": "01",
	}
	result, err := json.Marshal(rreq)
	must(t, err)
	text, err := json.Marshal(cres)
	must(t, err)
	for _, address := range []string{"/3ds/notify/" + p.ID, "/3ds/notify/" + p.ID + "?status=Y"} {
		r := w.fetch(t, "POST", w.URL("pay")+address, url.Values{"cres": {base64.RawURLEncoding.EncodeToString(text)}}.Encode(), urlencoded())
		if r.status != http.StatusOK || strings.Contains(string(r.body), "transStatus") {
			t.Errorf("HTTP %d %s", r.status, r.body)
		}
	}
	for _, origin := range []string{"pay", "acs.bank", "bank", "countersign", "shop"} {
		for _, path := range []string{"/3ds", "/3ds/rreq", "/rreq", "/3ds/notify", "/", "/challenge", "/3ds/notify/" + p.ID} {
			w.fetch(t, "POST", w.URL(origin)+path, string(result), map[string]string{"Content-Type": "application/json"})
		}
	}
	if now, err := page.Now(t.Context()); err != nil || now.State != "challenge" {
		t.Errorf("a forged result changed the payment: %+v %v", now, err)
	}
	w.untouched(t, c, 100_000)
	if now, err := w.api.Get(t.Context(), p.ID); err != nil || now.Status != "needs_confirmation" {
		t.Errorf("%+v %v", now, err)
	}
}

// Two payments of one card: the code of one confirms the other never, nor does its form.
func TestSwappedChallenges(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, cheap := w.order(t, 100)
	_, dear := w.order(t, 90_000)
	bankCheap, codeCheap := w.asked(t, cheap, c, w.enter(t, cheap, c.Card, "challenge"))
	bankDear, codeDear := w.asked(t, dear, c, w.enter(t, dear, c.Card, "challenge"))
	if codeCheap == codeDear {
		t.Skip("the two codes are the same by chance")
	}
	a, b := bankCheap.Forms[0], bankDear.Forms[0]
	for name, v := range map[string]url.Values{
		"session of the other": {"acs": b.Values["acs"], "session": a.Values["session"], "form": b.Values["form"], b.Code: {codeDear}},
		"no session":           {"acs": b.Values["acs"], "form": b.Values["form"], b.Code: {codeDear}},
		"two ids":              {"acs": {a.Values.Get("acs"), b.Values.Get("acs")}, "session": {b.Values.Get("session")}, "form": b.Values["form"], b.Code: {codeDear}},
	} {
		r := w.fetch(t, "POST", b.Action.String(), v.Encode(), urlencoded())
		if r.status != http.StatusBadRequest || !strings.Contains(string(r.body), "not valid") {
			t.Errorf("%s: HTTP %d %s", name, r.status, r.body)
		}
	}
	after, err := bankDear.Answer(t.Context(), codeCheap)
	if err != nil || after.Done() || !strings.Contains(after.Text, "not the code") {
		t.Errorf("the cheap payment's code confirms the dear one: %v %+v", err, after)
	}
	w.untouched(t, c, 100_000)
	if after, err = after.Answer(t.Context(), codeDear); err != nil || !after.Done() {
		t.Errorf("%v %+v", err, after)
	}
	if s, err := dear.Wait(t.Context()); err != nil || s.State != "paid" {
		t.Errorf("%+v %v", s, err)
	}
	w.took(t, c, 100_000, 90_000)
}

// A CReq that was tampered with ends the confirmation without money, as EMV 3DS wants, and a strange one is refused.
func TestTamperedCReq(t *testing.T) {
	t.Parallel()
	w, c := shared, shared.customer(t)
	_, page := w.order(t, 2340)
	s := w.enter(t, page, c.Card, "challenge")
	form := w.creq(t, page, s)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(form.Values.Get("creq"), "="))
	must(t, err)
	for name, text := range map[string]string{
		"empty": "", "no base64": "!!!", "no JSON": base64.RawURLEncoding.EncodeToString([]byte("<xml/>")), "large": strings.Repeat("A", 31<<10),
		"unknown": base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), `"acsTransID":"`, `"acsTransID":"0`, 1))),
		"AReq":    base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), "CReq", "AReq", 1))),
		"twice":   base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), "{", `{"acsTransID":"0",`, 1))),
	} {
		r := w.fetch(t, "POST", form.Action.String(), url.Values{"creq": {text}}.Encode(), urlencoded())
		if r.status != http.StatusBadRequest || !strings.Contains(string(r.body), "This page is not valid") {
			t.Errorf("%s: HTTP %d %s", name, r.status, r.body)
		}
	}
	if r := w.fetch(t, "POST", form.Action.String(), url.Values{"creq": form.Values["creq"], "threeDSSessionData": {strings.Repeat("x", 2000)}}.Encode(), urlencoded()); r.status != http.StatusBadRequest {
		t.Errorf("HTTP %d", r.status)
	}
	if r := w.fetch(t, "POST", form.Action.String(), strings.Repeat("x=y&", 20_000), urlencoded()); r.status != http.StatusBadRequest {
		t.Errorf("HTTP %d", r.status)
	}
	bank, code := w.asked(t, page, c, s)
	if bank, err = bank.Answer(t.Context(), code); err != nil || !bank.Done() {
		t.Errorf("%v %+v", err, bank)
	}
	w.took(t, c, 100_000, 2340)
}
