package mobile

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/pay/mobile/ui"
	base "countersign/ui"
)

const shown = 50

// routes: everything that changes something is a POST, and a POST from another site is refused.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("POST /sign-out", s.signOut)
	mux.HandleFunc("GET /state.json", s.with(s.stateJSON))
	mux.HandleFunc("GET /events", s.with(s.events))
	mux.HandleFunc("POST /cards/{id}/freeze", s.with(s.setFrozen(true)))
	mux.HandleFunc("POST /cards/{id}/unfreeze", s.with(s.setFrozen(false)))
	mux.HandleFunc("POST /cards/{id}/face", s.with(s.face))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.note(w, http.StatusNotFound, "There is nothing here", "Go back to your cards.")
	})
	mux.Handle("/_ui/", base.Assets())
	mux.Handle("/_bank/", ui.Assets())
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(w, http.StatusForbidden, "That came from another site", "Another site tried to do something here in your name. Nothing was changed.")
	}))
	return guard.Handler(http.MaxBytesHandler(mux, 4<<10))
}

// with runs a handler for the holder who is signed in.
func (s *server) with(f func(w http.ResponseWriter, r *http.Request, holder string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := s.signedIn(w, r)
		if !ok {
			s.note(w, http.StatusUnauthorized, "Please sign in", "You are not signed in, or were away for a while.")
			return
		}
		f(w, r, id)
	}
}

func (s *server) home(w http.ResponseWriter, r *http.Request) {
	id, ok := s.signedIn(w, r)
	if !ok {
		_, err := r.Cookie(s.cookie())
		// A link from another site carries no cookie (SameSite=Strict): the page asks once more for itself.
		again := err != nil && r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.URL.RawQuery == ""
		s.headers(w, nil)
		_ = ui.SignIn(w, ui.SignInPage{Bank: s.cfg.Bank, Demo: s.cfg.Holder != "", Again: again})
		return
	}
	s.show(w, r, id, ui.Look{}, "")
}

func (s *server) headers(w http.ResponseWriter, frame []string) {
	base.SecureWith(w.Header(), base.Policy{Frame: frame}.String())
}

// show writes the one page of the app; a problem is what the bank refused.
func (s *server) show(w http.ResponseWriter, r *http.Request, id string, look ui.Look, problem string) {
	p, err := s.state(r.Context(), id)
	if errors.Is(err, errNone) {
		s.setCookie(w, "", -1)
		s.note(w, http.StatusNotFound, "You are not known here", "The bank does not know this holder any more.")
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	p.Look, p.Problem = look, problem
	var frame []string
	if look.URL != "" {
		frame = []string{s.env.URL(face)}
	}
	s.headers(w, frame)
	if problem != "" {
		w.WriteHeader(http.StatusConflict)
	}
	if err := ui.Home(w, p); err != nil {
		s.env.Log.Error("page not written", "error", err)
	}
}

func (s *server) state(ctx context.Context, id string) (ui.Page, error) {
	h, err := s.bank.holder(ctx, id)
	if err != nil {
		return ui.Page{}, err
	}
	payments, err := s.bank.payments(ctx, id, shown)
	if err != nil {
		return ui.Page{}, err
	}
	return page(s.cfg.Bank, h, payments), nil
}

func (s *server) stateJSON(w http.ResponseWriter, r *http.Request, id string) {
	p, err := s.state(r.Context(), id)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(p)
}

// events passes the bank's stream on. It ends when the session would, so that a forgotten tab signs itself out.
func (s *server) events(w http.ResponseWriter, r *http.Request, id string) {
	ctx, cancel := context.WithTimeout(r.Context(), idleTime)
	defer cancel()
	in, err := s.bank.events(ctx, id, r.Header.Get("Last-Event-ID"))
	if err != nil {
		s.fail(w, err)
		return
	}
	defer in.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil || out.Flush() != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF && ctx.Err() == nil {
				s.env.Log.Warn("the bank's event stream broke", "error", err)
			}
			return
		}
	}
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Holder == "" {
		s.note(w, http.StatusForbidden, "No demo here", "This bank has no demo sign-in.")
		return
	}
	if err := s.begin(w, s.cfg.Holder); err != nil {
		s.fail(w, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) {
	s.setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *server) setFrozen(frozen bool) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, r *http.Request, id string) {
		err := s.bank.setFrozen(r.Context(), id, r.PathValue("id"), frozen)
		switch {
		case errors.Is(err, errNone):
			s.note(w, http.StatusNotFound, "No such card", "You have no such card.")
		case errors.Is(err, errState):
			s.show(w, r, id, ui.Look{}, "This card cannot be changed any more.")
		case err != nil:
			s.fail(w, err)
		default:
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	}
}

// face shows the card's number and code in the bank's own frame, for a minute.
func (s *server) face(w http.ResponseWriter, r *http.Request, id string) {
	card := r.PathValue("id")
	address, err := s.bank.face(r.Context(), id, card)
	switch {
	case errors.Is(err, errNone):
		s.note(w, http.StatusNotFound, "No such card", "You have no such card.")
	case err != nil:
		s.fail(w, err)
	case !sameOrigin(address, s.env.URL(face)):
		s.fail(w, errors.New("mobile: the card face is at an unexpected address"))
	default:
		s.show(w, r, id, ui.Look{Card: card, URL: address}, "")
	}
}

func sameOrigin(address, origin string) bool {
	a, err1 := url.Parse(address)
	b, err2 := url.Parse(origin)
	return err1 == nil && err2 == nil && a.Scheme == b.Scheme && a.Host == b.Host
}

func (s *server) fail(w http.ResponseWriter, err error) {
	s.env.Log.Warn("Mobile Bank cannot answer", "error", err)
	s.note(w, http.StatusServiceUnavailable, "The bank does not answer", "Please try again in a moment. Nothing is known to have changed.")
}

func (s *server) note(w http.ResponseWriter, status int, title, text string) {
	s.headers(w, nil)
	w.WriteHeader(status)
	_ = ui.Note(w, title, text)
}

// page turns the bank's answers into what the page shows.
func page(bank string, h holder, payments []payment) ui.Page {
	p := ui.Page{Bank: bank, Name: h.Name, Cards: []ui.Card{}, Payments: []ui.Payment{}}
	accounts := map[string]account{}
	for _, a := range h.Accounts {
		accounts[a.ID] = a
	}
	for _, c := range h.Cards {
		a := accounts[c.Account]
		p.Cards = append(p.Cards, ui.Card{
			ID: c.ID, Brand: c.Brand, Last4: c.Last4, Name: c.Name, Expiry: slashed(c.Expiry), Status: c.Status,
			Available: base.Display(a.Available, a.Currency), Held: display(a.Held, a.Currency), Limit: display(c.Limit, a.Currency), Lock: c.Lock,
		})
	}
	for _, x := range payments {
		p.Payments = append(p.Payments, row(x))
	}
	return p
}

// display is "" for nothing.
func display(minor int64, currency string) string {
	if minor <= 0 || currency == "" {
		return ""
	}
	return base.Display(minor, currency)
}

func slashed(yymm string) string {
	if len(yymm) != 4 {
		return ""
	}
	return yymm[2:] + "/" + yymm[:2]
}

func row(x payment) ui.Payment {
	p := ui.Payment{ID: x.ID, Merchant: strings.Join(strings.Fields(x.Merchant), " "), Amount: base.Display(x.Amount, x.Currency),
		Last4: x.Last4, At: x.At.UTC().Format(time.RFC3339), Day: x.At.UTC().Format("2 Jan, 15:04")}
	p.Status, p.Tone = statusTable[x.Status].text, statusTable[x.Status].tone
	if p.Status == "" {
		p.Status = x.Status
	}
	switch {
	case x.Status == "declined":
		p.Reason = "Not paid. " + reason(x)
	case x.Refunded > 0 && x.Refunded < x.Captured:
		p.Reason = base.Display(x.Refunded, x.Currency) + " came back."
	case x.Captured > 0 && x.Captured < x.Amount:
		p.Reason = "The shop took " + base.Display(x.Captured, x.Currency) + "."
	}
	return p
}

type standing struct{ text, tone string }

// statusTable is how the bank's words for a payment read to its holder.
var statusTable = map[string]standing{
	"declined": {"Declined", "bad"}, "held": {"Set aside", "warn"}, "captured": {"Paid", "good"}, "partly_refunded": {"Partly refunded", ""},
	"refunded": {"Refunded", ""}, "released": {"Cancelled", ""}, "expired": {"Given back", ""},
}

func reason(x payment) string {
	if x.Reason != "" {
		return x.Reason
	}
	return "The bank could not approve it."
}
