package acs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/pay/acs/challenge"
	"countersign/pay/acs/sms"
	"countersign/pay/acs/store"
	"countersign/pay/acs/ui"
	base "countersign/ui"
	"countersign/wire/emv3ds"
)

const (
	maxForm    = 32 << 10
	maxSession = 1024 // threeDSSessionData
)

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pagePath, s.first)
	mux.HandleFunc("POST "+answerPath, s.answer)
	mux.HandleFunc("GET "+pagePath, func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "Confirm a payment", "This page belongs to a payment. Please open it from the shop where you are paying.")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "There is nothing here", "This is where "+s.cfg.Bank+" asks its card holders to confirm payments.")
	})
	mux.Handle("/_ui/", base.Assets())
	mux.Handle("/_acs/", ui.Assets())
	return mux
}

// plain is a page that belongs to no challenge. It has nothing to press, so anybody may frame it: in a checkout's
// frame the shopper must see the answer instead of the browser's own error.
func plain(w http.ResponseWriter, status int, title, text string) {
	base.SecureWith(w.Header(), ui.CSP([]string{"*"}, "'none'"))
	w.WriteHeader(status)
	_ = ui.Plain(w, title, text)
}

const (
	notValid = "This page is not valid"
	goBack   = "Please go back to the shop and pay again. Nothing was paid here."
)

// first is the CReq: the checkout opens our page in its frame.
func (s *server) first(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || len(r.PostForm.Get("threeDSSessionData")) > maxSession {
		plain(w, http.StatusBadRequest, notValid, goBack)
		return
	}
	m, f := parseCReq(r.PostForm.Get("creq"))
	if f != nil {
		s.env.Log.Info("CReq refused", "fault", f.String())
		plain(w, http.StatusBadRequest, notValid, goBack)
		return
	}
	st, err := s.store.Get(r.Context(), m.Text("acsTransID"))
	if err == nil && (st.ServerTransID != m.Text("threeDSServerTransID") || st.Version != m.Version()) {
		err = store.ErrNone
	}
	if err != nil {
		s.lost(w, err)
		return
	}
	event := challenge.CReq{Digest: digest(m), Session: r.PostForm.Get("threeDSSessionData")}
	code := ""
	if st.Phase == challenge.Offered {
		if code, event.Fresh, err = s.fresh(r.Context(), st); err != nil {
			s.lost(w, err)
			return
		}
	}
	s.step(w, r, st, event, code)
}

func parseCReq(form string) (*emv3ds.Message, *emv3ds.Fault) {
	raw, err := emv3ds.DecodeForm(form)
	if err != nil || len(raw) > 4<<10 {
		return nil, emv3ds.NewFault(101, emv3ds.ACS, "creq")
	}
	m, f := emv3ds.Parse(raw)
	if f == nil {
		f = m.ValidateFor(emv3ds.ACS)
	}
	if f == nil && m.Type() != emv3ds.CReq {
		f = emv3ds.NewFault(101, emv3ds.ACS, "messageType")
	}
	return m, f
}

// digest identifies the content of a CReq, in whatever order its fields stand.
func digest(m *emv3ds.Message) [32]byte {
	return sha256.Sum256([]byte(m.Version() + "\n" + m.Text("threeDSServerTransID") + "\n" + m.Text("acsTransID") + "\n" + m.Text("challengeWindowSize")))
}

// lost answers what has no challenge, or when the store does not answer.
func (s *server) lost(w http.ResponseWriter, err error) {
	if errors.Is(err, store.ErrNone) {
		plain(w, http.StatusBadRequest, notValid, goBack)
		return
	}
	s.env.Log.Error("challenge page failed", "error", err)
	plain(w, http.StatusServiceUnavailable, "We cannot answer at the moment", "Nothing was paid. Please load this page again in a moment, or go back to the shop.")
}

// fresh draws a code for a challenge.
func (s *server) fresh(_ context.Context, st challenge.State) (code string, mac [32]byte, err error) {
	if code, err = newCode(s.env.Rand); err != nil {
		return "", mac, err
	}
	mac, err = s.codeMAC(st.Deal, code)
	return code, mac, err
}

// answer takes the forms of our own page.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || foreign(r) {
		plain(w, http.StatusBadRequest, notValid, goBack)
		return
	}
	st, err := s.store.Get(r.Context(), r.PostForm.Get("acs"))
	if err == nil {
		var token string
		if token, err = s.session(st.Deal); err == nil && subtle.ConstantTimeCompare([]byte(token), []byte(r.PostForm.Get("session"))) != 1 {
			err = store.ErrNone
		}
	}
	if err != nil {
		s.lost(w, err)
		return
	}
	event, code, err := s.event(r, st)
	if err != nil {
		s.lost(w, err)
		return
	}
	if event == nil { // looking, or digits that are no code: nothing happens
		s.show(w, r, st, challenge.Outcome{}, "", r.PostForm.Get("do") == "")
		return
	}
	s.step(w, r, st, event, code)
}

// foreign says that a form was sent by another site. A frame without an origin of its own (a checkout that sandboxes
// us more than EMV 3DS says) sends "null"; the token in the form protects that case.
func foreign(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Origin") != "null"
}

// event reads what the holder wants; nil when there is nothing to decide.
func (s *server) event(r *http.Request, st challenge.State) (e challenge.Event, code string, err error) {
	switch r.PostForm.Get("do") {
	case "cancel":
		return challenge.Cancel{}, "", nil
	case "look":
		return nil, "", nil
	case "resend":
		resend := challenge.Resend{}
		code, resend.Fresh, err = s.fresh(r.Context(), st)
		return resend, code, err
	}
	typed, ok := cleanCode(r.PostForm.Get("code"))
	form, err := strconv.Atoi(r.PostForm.Get("form"))
	if !ok || err != nil {
		if st.Phase != challenge.Asking { // the clear answer there does not depend on the digits
			return challenge.Tick{}, "", nil
		}
		return nil, "", nil
	}
	mac, err := s.codeMAC(st.Deal, typed)
	return challenge.Answer{Form: form, MAC: mac}, "", err
}

// step decides, delivers what was decided, and shows the page. A card that was stopped meanwhile gets no message.
func (s *server) step(w http.ResponseWriter, r *http.Request, st challenge.State, e challenge.Event, code string) {
	if code != "" && s.stopped(r.Context(), st) {
		e, code = challenge.Stopped{}, ""
	}
	next, out, err := s.store.Step(r.Context(), st.ACSTransID, e, s.env.Now())
	if err != nil {
		s.lost(w, err)
		return
	}
	if out.SendRReq {
		next = s.deliverWhile(r.Context(), next)
	}
	if !out.SendCode {
		code = ""
	}
	s.show(w, r, next, out, code, false)
}

// stopped asks the bank whether the card may still be used; when it does not answer, what it said before counts.
func (s *server) stopped(ctx context.Context, st challenge.State) bool {
	e, err := s.bank.enrolment(ctx, st.PAN)
	return errors.Is(err, errNoCard) || err == nil && e.reason(s.env.Now()) != ""
}

// deliverWhile delivers, even if the browser goes away meanwhile; it returns the state as soon as there is one.
func (s *server) deliverWhile(ctx context.Context, st challenge.State) challenge.State {
	done := make(chan challenge.State, 1)
	s.work.Go(func() { done <- s.deliver(st) })
	select {
	case st = <-done:
	case <-ctx.Done():
	}
	return st
}

// show writes the page of a state.
func (s *server) show(w http.ResponseWriter, r *http.Request, st challenge.State, out challenge.Outcome, code string, badDigits bool) {
	back, _ := webOrigin(st.NotificationURL)
	ancestors := []string{back}
	if st.Site != back {
		ancestors = append(ancestors, st.Site)
	}
	base.SecureWith(w.Header(), ui.CSP(ancestors, back))
	token, err := s.session(st.Deal)
	switch {
	case err != nil:
		s.lost(w, err)
	case erroTable[out.Notice] != 0:
		s.complain(w, st, erroTable[out.Notice])
	case st.Phase == challenge.Asking:
		s.ask(w, r, st, out, code, token, badDigits)
	case st.Phase == challenge.Offered:
		plain(w, http.StatusBadRequest, notValid, goBack)
	case st.Final():
		s.finish(w, st)
	default:
		_ = ui.Waiting(w, ui.Wait{Deal: page(st), Action: answerPath, ID: st.ACSTransID, Session: token})
	}
}

// page is the payment as pages show it.
func page(st challenge.State) ui.Deal {
	site := st.Site
	if _, host, ok := strings.Cut(site, "://"); ok {
		site = host
	}
	return ui.Deal{Bank: st.Bank, Payee: st.Payee, Site: site, Minor: st.Amount.Minor(), Currency: st.Amount.Currency().Alpha(), Brand: st.Brand, Last4: st.Last4}
}

// ask shows the form. The upper half, which names the payee, goes out before the message does.
func (s *server) ask(w http.ResponseWriter, r *http.Request, st challenge.State, out challenge.Outcome, code, token string, badDigits bool) {
	var top, bottom bytes.Buffer
	a := s.form(st, out, token, badDigits)
	if err := ui.Top(&top, a); err != nil {
		s.lost(w, err)
		return
	}
	_, err := w.Write(top.Bytes())
	if code != "" {
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		if errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
		st = s.notify(r.Context(), st, code, err == nil && r.Context().Err() == nil)
		a = s.form(st, out, token, badDigits)
	}
	if err := ui.Bottom(&bottom, a); err == nil {
		_, _ = w.Write(bottom.Bytes())
	}
}

// notify sends the newest code, or notes that it was not sent because nobody sees the page.
func (s *server) notify(ctx context.Context, st challenge.State, code string, seen bool) challenge.State {
	status := challenge.Failed
	if seen {
		text := sms.Text(sms.Content{Bank: st.Bank, Payee: st.Payee, Amount: st.Amount.String(), Last4: st.Last4, Code: code, Shop: st.Site, ACS: s.env.URL(origin)})
		status = sentTable[s.sms.Send(s.life, st.Phone, text)]
	}
	next, _, err := s.store.Step(context.WithoutCancel(ctx), st.ACSTransID, challenge.MessageSent{Round: st.Code.Round, Status: status}, s.env.Now())
	if err != nil {
		s.env.Log.Error("cannot store what became of a message", "acsTransID", st.ACSTransID, "error", err)
		return st
	}
	return next
}

var sentTable = map[sms.Status]challenge.Sent{sms.Failed: challenge.Failed, sms.Sent: challenge.Done, sms.Unknown: challenge.Unknown}

// form is what the form page says.
func (s *server) form(st challenge.State, out challenge.Outcome, token string, badDigits bool) ui.Ask {
	now := s.env.Now()
	a := ui.Ask{
		Deal: page(st), Action: answerPath, ID: st.ACSTransID, Session: token, Form: st.Form(), Phone: maskPhone(st.Phone),
		Status: statusTable[st.Code.Status], CodeLeft: seconds(st.CodeLeft(now)), ResendIn: seconds(st.ResendIn(now)), Focus: true,
	}
	a.Error, a.Notice = words(st, out, a.ResendIn)
	if badDigits {
		a.Error = "Please type the six digits of the code from the SMS."
	}
	return a
}

var statusTable = map[challenge.Sent]string{
	challenge.Sending: "unknown", challenge.Done: "sent", challenge.Failed: "failed", challenge.Unknown: "unknown",
}

// words says what came of the last form.
func words(st challenge.State, out challenge.Outcome, wait int) (problem, notice string) {
	switch out.Notice {
	case challenge.Wrong:
		if st.Left() == 1 {
			return "That is not the code. You can try once more.", ""
		}
		return "That is not the code. You can try " + strconv.Itoa(st.Left()) + " more times.", ""
	case challenge.Replayed:
		return "This form was sent before; it did not count again. That is not the code.", ""
	case challenge.CodeOver:
		return "This code is too old. Ask for a new one.", ""
	case challenge.NoCode:
		return "There is no code yet. Ask for one.", ""
	case challenge.TooSoon:
		return "You can ask for another code in " + strconv.Itoa(wait) + " seconds.", ""
	case challenge.NoMoreCodes:
		return "We cannot send more codes for this payment. Use the last one, or cancel.", ""
	case challenge.NewCode:
		return "", "The code before is not good any more."
	}
	return "", ""
}

func seconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int((d + time.Second - 1) / time.Second)
}

// maskPhone leaves the last two digits.
func maskPhone(number string) string {
	if len(number) < 4 {
		return "your phone"
	}
	return "your phone ••• " + number[len(number)-2:]
}

// finish sends the browser back with the final CRes.
func (s *server) finish(w http.ResponseWriter, st challenge.State) {
	b := emv3ds.New(emv3ds.CRes, st.Version).Set("threeDSServerTransID", st.ServerTransID).Set("acsTransID", st.ACSTransID)
	b.Set("challengeCompletionInd", "Y").Set("transStatus", st.CResStatus())
	p := ui.Back{Deal: page(st), Target: st.NotificationURL, CRes: emv3ds.EncodeForm(b.Bytes()), Session: st.Session, Auto: true, Good: st.CResStatus() == "Y"}
	p.Title, p.Text = goodbye(st)
	_ = ui.Return(w, p)
}

func goodbye(st challenge.State) (title, text string) {
	r := st.Result
	switch {
	case st.CResStatus() == "Y":
		return "Thank you", "You confirmed this payment. Back to the shop …"
	case r.Status != "N":
		return "We could not tell the shop", "Your confirmation could not be passed on. Nothing was paid. Please try again in a while."
	case r.Cancel == "01":
		return "Cancelled", "You did not confirm. Nothing was paid."
	case r.Reason == "01":
		return "Not confirmed", "The code was wrong three times. Nothing was paid. You can start again from the shop."
	case r.Reason == "14":
		return "The time is over", "Nothing was paid. You can start again from the shop."
	case r.Reason == "12":
		return "Not possible", "This card cannot be used at the moment; Mobile Bank says why. Nothing was paid."
	}
	return "Not confirmed", "Nothing was paid. You can start again from the shop."
}

// erroTable is the errorCode (EMV 3DS annex A.5.5) that answers a CReq.
var erroTable = map[challenge.Notice]int{
	challenge.CReqAfterEnd: 315, challenge.CReqTooMany: 314, challenge.CReqOther: 305, challenge.CReqLate: 402,
}

// complain sends the browser back with an Erro, as EMV 3DS answers a CReq that may not be.
func (s *server) complain(w http.ResponseWriter, st challenge.State, code int) {
	about := emv3ds.New(emv3ds.CReq, st.Version).Set("threeDSServerTransID", st.ServerTransID).Set("acsTransID", st.ACSTransID)
	m, _ := emv3ds.Parse(about.Bytes())
	p := ui.Back{Target: st.NotificationURL, CRes: emv3ds.EncodeForm(emv3ds.NewFault(code, emv3ds.ACS, "").Erro(m)), Session: st.Session, Auto: true,
		Title: "This confirmation is finished", Text: "Its result stands: the shop shows it. Back to the shop …"}
	switch code {
	case 402:
		p.Title, p.Text = "The time is over", "Nothing was paid. You can start again from the shop."
	case 305, 314:
		p.Title, p.Text = "Something is wrong with this page", "Please go back to the shop."
	}
	_ = ui.Return(w, p)
}
