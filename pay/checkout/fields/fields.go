// Package fields is the server behind the card frame and the hosted page: it gives out the pages of one
// payment, takes the sealed card, and tells the pages where the payment stands.
//
// Whoever has the payment's 128-bit key may pay it; nothing else opens these pages. Requests and answers
// carry ciphertext and masked data only. All refusals of a bank look the same.
package fields

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/internal/limit"
	"countersign/pay/checkout/internal/problem"
	"countersign/pay/checkout/ui"
	"countersign/pay/payment"
	base "countersign/ui"
)

// ErrNotFound: there is no such payment, or the key is wrong.
var ErrNotFound = errors.New("fields: no such payment")

// View is all that the pages need of a payment.
type View struct {
	Payment core.Payment
	Shop    Shop
	Vault   ui.Key
	Ranges  []ui.Range
}

// Shop is the merchant as the pages show it.
type Shop struct{ Name, Acceptor, SiteURL string }

// Gateway is what carries out what the pages ask for.
type Gateway interface {
	// View reads a payment; ErrNotFound when there is none.
	View(ctx context.Context, id string) (View, error)
	// Pay begins an attempt, or finds the one that this click has begun, and waits a while for what comes of it. The
	// error is a *Problem (the shopper's to put right), a *core.Refusal, or a fault.
	Pay(ctx context.Context, v View, f Form) (core.Payment, core.Attempt, error)
	// Abandon gives up the attempt that the bank is asking about.
	Abandon(ctx context.Context, v View) (core.Payment, error)
}

// Config is what the pages are made of.
type Config struct {
	Gateway Gateway
	Now     func() time.Time
	Log     *slog.Logger
}

type server struct {
	Config
	tries *limit.Limiter // posts of the card form, by payment
}

// Mount adds the pages and their endpoints to a mux.
func Mount(mux *http.ServeMux, cfg Config) {
	s := &server{Config: cfg, tries: limit.New(cfg.Now, 20, 3*time.Second, 100_000)}
	mux.HandleFunc("GET /frame/{id}", s.page(false))
	mux.HandleFunc("GET /p/{id}", s.page(true))
	mux.HandleFunc("GET /frame/{id}/challenge", s.challenge)
	mux.HandleFunc("GET /frame/{id}/state", s.state)
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.New(http.StatusForbidden, "cross_origin", "The card form is sent by its own page only.").Write(w)
	}))
	mux.Handle("POST /frame/{id}/card", cross.Handler(http.HandlerFunc(s.card)))
	mux.Handle("POST /frame/{id}/restart", cross.Handler(http.HandlerFunc(s.restart)))
	mux.HandleFunc("POST /3ds/notify/{id}", s.notified)
	mux.HandleFunc("GET /3ds/notify/{id}", s.notified)
	mux.Handle("/_checkout/", ui.Assets())
	mux.Handle("/_ui/", base.Assets())
	mux.Handle("GET /v1/countersign.js", ui.Loader())
}

// view finds the payment of a request whose key is right.
func (s *server) view(r *http.Request) (View, error) {
	v, err := s.Gateway.View(r.Context(), r.PathValue("id"))
	want := v.Payment.FrameKey
	if err != nil {
		want = "0000000000000000000000" // as long as any: the same work for an unknown payment
	}
	same := subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("key")), []byte(want)) == 1
	if err != nil && !errors.Is(err, ErrNotFound) {
		return View{}, err
	}
	if err != nil || !same {
		return View{}, ErrNotFound
	}
	return v, nil
}

func (s *server) page(hosted bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.view(r)
		if err != nil {
			s.message(w, err)
			return
		}
		d := s.data(v, hosted)
		if hosted {
			s.write(w, http.StatusOK, ui.HostedCSP(d), func(b io.Writer) error { return ui.Hosted(b, d) })
			return
		}
		s.write(w, http.StatusOK, ui.FrameCSP(d), func(b io.Writer) error { return ui.Frame(b, d) })
	}
}

func (s *server) challenge(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.message(w, err)
		return
	}
	d := s.data(v, r.URL.Query().Get("hosted") != "")
	if d.State != ui.StateChallenge {
		http.Redirect(w, r, d.Self(), http.StatusSeeOther)
		return
	}
	s.write(w, http.StatusOK, ui.ChallengeCSP(d), func(b io.Writer) error { return ui.Challenge(b, d) })
}

// notified is where the bank's page brings the CRes. It may be forged: it only tells our own page around it to look.
func (s *server) notified(w http.ResponseWriter, r *http.Request) {
	d := ui.NotifyData{Payment: r.PathValue("id")}
	site := ""
	if v, err := s.Gateway.View(r.Context(), d.Payment); err == nil {
		site = v.Shop.SiteURL
	} else {
		d.Payment = ""
	}
	s.write(w, http.StatusOK, ui.NotifyCSP(site), func(b io.Writer) error { return ui.Notify(b, d) })
}

func (s *server) write(w http.ResponseWriter, status int, csp string, page func(io.Writer) error) {
	var b bytes.Buffer
	if err := page(&b); err != nil {
		s.Log.Error("page", "error", err)
		http.Error(w, "This page cannot be shown just now.", http.StatusInternalServerError)
		return
	}
	base.SecureWith(w.Header(), csp)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

func (s *server) message(w http.ResponseWriter, err error) {
	status, d := http.StatusNotFound, ui.MessageData{Title: "This payment link does not work", Text: "Please go back to the shop and begin the payment again. Nothing was paid here."}
	if !errors.Is(err, ErrNotFound) {
		s.Log.Error("payment page", "error", err)
		status, d = http.StatusServiceUnavailable, ui.MessageData{Title: "Not available just now", Text: "Please try again in a moment."}
	}
	s.write(w, status, ui.MessageCSP(""), func(b io.Writer) error { return ui.Message(b, d) })
}

// data is what a page of the payment shows.
func (s *server) data(v View, hosted bool) ui.FrameData {
	p := v.Payment
	at := func(path string) string {
		q := "?key=" + url.QueryEscape(p.FrameKey)
		if hosted {
			q += "&hosted=1"
		}
		return "/frame/" + p.ID + path + q
	}
	d := ui.FrameData{
		Payment: p.ID, Key: p.FrameKey, MerchantName: v.Shop.Name, Acceptor: v.Shop.Acceptor, SiteURL: v.Shop.SiteURL,
		Amount: p.Amount.Minor(), Currency: p.Amount.Currency().Alpha(), Display: base.Display(p.Amount.Minor(), p.Amount.Currency().Alpha()),
		Description: p.Description, State: pageState(p.State), Vault: v.Vault, Ranges: v.Ranges,
		SubmitURL: at("/card"), StateURL: at("/state"), ChallengeURL: at("/challenge"),
		LeaveURL: p.ReturnURL, ReturnURL: p.ReturnURL, Hosted: hosted,
	}
	if d.LeaveURL == "" {
		d.LeaveURL = v.Shop.SiteURL
	}
	if p.Declined != nil && d.State == ui.StateCard {
		d.Problem = &ui.Problem{Message: p.Declined.Message}
	}
	if a, ok := p.Current(); ok && d.State == ui.StateChallenge {
		d.ACSURL, d.CReq, d.Expires = a.ACSURL, a.CReq, a.Until.Add(-core.ChallengeGrace)
	}
	return d
}

// pageState is the payment's state as the pages know it.
func pageState(s payment.State) string {
	switch s {
	case payment.NeedsCard:
		return ui.StateCard
	case payment.NeedsConfirmation:
		return ui.StateChallenge
	case payment.Processing:
		return ui.StateProcessing
	case payment.Authorised, payment.Captured, payment.Refunded:
		return ui.StatePaid
	}
	return ui.StateClosed
}

// whole is the reply that tells of the payment as it stands.
func whole(p core.Payment, hosted bool) Reply {
	r := Reply{State: pageState(p.State)}
	switch r.State {
	case ui.StateChallenge:
		r.URL = challengeURL(p, hosted)
	case ui.StateCard:
		if p.Declined != nil {
			r.Problem = &Problem{Message: p.Declined.Message}
		}
	default:
		r.ReturnURL = p.ReturnURL
	}
	return r
}

func challengeURL(p core.Payment, hosted bool) string {
	u := "/frame/" + p.ID + "/challenge?key=" + url.QueryEscape(p.FrameKey)
	if hosted {
		u += "&hosted=1"
	}
	return u
}

// ofAttempt is the reply to the click that made the attempt: the same however often it is asked for.
func ofAttempt(p core.Payment, a core.Attempt, hosted bool) Reply {
	switch {
	case a.State == core.Challenged, a.InFlight(), a.State == core.Reversing && !a.Until.IsZero():
		r := Reply{State: ui.StateProcessing}
		if a.State == core.Challenged {
			r.State, r.URL = ui.StateChallenge, challengeURL(p, hosted)
		}
		return r
	case a.Decline != nil:
		return Reply{State: ui.StateCard, Problem: &Problem{Message: a.Decline.Message}}
	}
	return whole(p, hosted)
}

func (s *server) state(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, whole(v.Payment, r.URL.Query().Get("hosted") != ""))
}

func (s *server) restart(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	p, err := s.Gateway.Abandon(r.Context(), v)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, whole(p, r.URL.Query().Get("hosted") != ""))
}

func (s *server) card(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	if !s.tries.Allow(v.Payment.ID) {
		s.fail(w, tooOften())
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		s.fail(w, problem.New(http.StatusUnsupportedMediaType, "media_type", "The card form is sent as application/json."))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		s.fail(w, problem.New(http.StatusRequestEntityTooLarge, "too_large", "The body is too large."))
		return
	}
	form, bad := ParseForm(body)
	if bad != nil {
		s.fail(w, bad)
		return
	}
	form.Browser.Accept, form.Browser.UserAgent = r.Header.Get("Accept"), r.UserAgent()
	form.Browser.IP, _, _ = net.SplitHostPort(r.RemoteAddr)
	p, a, err := s.Gateway.Pay(r.Context(), v, form)
	var wrong *Problem
	if errors.As(err, &wrong) {
		answer(w, Reply{State: ui.StateCard, Problem: wrong})
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	answer(w, ofAttempt(p, a, r.URL.Query().Get("hosted") != ""))
}

func tooOften() *problem.Problem {
	p := problem.New(http.StatusTooManyRequests, "too_many_requests", "That was too often. Please wait a moment.")
	p.RetryAfter = 5
	return p
}

func answer(w http.ResponseWriter, r Reply) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(r.body()) // the client may be gone
}

// fail answers with a problem. A fault of ours says nothing of its nature.
func (s *server) fail(w http.ResponseWriter, err error) {
	var p *problem.Problem
	var no *core.Refusal
	switch {
	case errors.As(err, &p):
	case errors.As(err, &no):
		p = refused(no)
	case errors.Is(err, ErrNotFound):
		p = problem.New(http.StatusNotFound, "not_found", "There is no such payment.")
	default:
		if !strings.Contains(err.Error(), context.Canceled.Error()) {
			s.Log.Error("card form", "error", err)
		}
		p = problem.New(http.StatusServiceUnavailable, "unavailable", "That did not work just now. Nothing was paid. Please try again.")
		p.RetryAfter = 1
	}
	p.Write(w)
}

// refused has the words for a refusal of core.
func refused(no *core.Refusal) *problem.Problem {
	text := map[string]string{
		core.RefuseInFlight: "Another try of this payment is on its way. Please finish it, or wait a moment.",
		core.RefuseTooMany:  "There were too many tries. Please go back to the shop and order again.",
		core.RefusePaid:     "This payment is paid already.",
		core.RefuseClosed:   "This payment is closed. Nothing was taken. Please go back to the shop.",
	}[no.Code]
	if text == "" {
		text = "That is not possible just now."
	}
	return problem.New(http.StatusConflict, no.Code, text)
}
