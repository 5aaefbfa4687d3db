// Package face shows a holder the number and the code of a card, on an origin of its own (face.bank) that
// Mobile Bank frames and cannot read.
//
// The page makes a key pair and sends the public key with a ticket; the answer is sealed to it. So
// neither the HTTP stack here nor anything between ever holds number or code in clear: they exist in one
// scratch buffer, from the vault's decryption to the sealing.
package face

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"countersign/pay/issuer/book"
	faceui "countersign/pay/issuer/face/ui"
	"countersign/pay/sealed"
	"countersign/ui"
)

// TicketLife is how long a ticket is good; it is good once.
const TicketLife = 60 * time.Second

// Cards lends number and code of a card to a function that must not keep them.
type Cards interface {
	Reveal(ctx context.Context, id string, f func(c book.Card, number, code []byte) error) error
}

// Config is what New needs; all fields are.
type Config struct {
	Cards  Cards
	Frames []string // origins that may frame the page
	URL    string   // the face's own origin, without a slash at the end
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger
}

// Face serves the page and the sealed card.
type Face struct {
	Config
	mux  *http.ServeMux
	pool sync.Pool // *[512]byte, wiped

	mu      sync.Mutex
	tickets map[string]ticket
}

type ticket struct {
	card string
	ends time.Time
}

// New is the face of the bank's cards.
func New(c Config) *Face {
	f := &Face{Config: c, mux: http.NewServeMux(), tickets: map[string]ticket{}}
	f.mux.HandleFunc("GET /card", f.page)
	f.mux.HandleFunc("POST /card/open", f.open)
	f.mux.Handle("GET /_face/", faceui.Assets())
	f.mux.Handle("GET /_ui/", ui.Assets())
	return f
}

// ServeHTTP serves the origin face.bank.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.MaxBytesHandler(f.mux, 4<<10).ServeHTTP(w, r)
}

// Ticket makes a ticket for one look at a card, and the address of the page that uses it.
func (f *Face) Ticket(card string) (id, url string, err error) {
	var raw [24]byte
	if _, err := io.ReadFull(f.Rand, raw[:]); err != nil {
		return "", "", err
	}
	id = base64.RawURLEncoding.EncodeToString(raw[:])
	now := f.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for k, t := range f.tickets { // few, and each for a minute
		if !now.Before(t.ends) {
			delete(f.tickets, k)
		}
	}
	f.tickets[id] = ticket{card, now.Add(TicketLife)}
	return id, f.URL + "/card?ticket=" + id, nil
}

// good says whether a ticket would still open its card.
func (f *Face) good(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.tickets[id]
	return ok && f.Now().Before(t.ends)
}

// spend uses a ticket up and says for which card it was.
func (f *Face) spend(id string) (card string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.tickets[id]
	delete(f.tickets, id)
	return t.card, ok && f.Now().Before(t.ends)
}

func (f *Face) page(w http.ResponseWriter, r *http.Request) {
	ui.SecureWith(w.Header(), faceui.CSP(f.Frames...))
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the ticket
	id := r.URL.Query().Get("ticket")
	var err error
	if f.good(id) {
		err = faceui.Page(w, faceui.PageData{Ticket: id, OpenURL: "/card/open", Brand: "Demo Bank"})
	} else {
		w.WriteHeader(http.StatusGone)
		err = faceui.Gone(w)
	}
	if err != nil {
		f.Log.ErrorContext(r.Context(), "card face", "error", err)
	}
}

// open answers with the card, sealed to the page's key. A ticket is spent by the first well-formed try.
func (f *Face) open(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Ticket string `json:"ticket"`
		Public string `json:"public"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(&in)
	public, err2 := base64.RawURLEncoding.DecodeString(in.Public)
	if err != nil || err2 != nil || len(public) != 32 || in.Ticket == "" {
		problem(w, http.StatusBadRequest, "bad_body", "The body is {ticket, public}, public 32 bytes in base64url.")
		return
	}
	card, ok := f.spend(in.Ticket)
	if !ok {
		problem(w, http.StatusGone, "ticket_used", "This ticket was used, or its minute is over.")
		return
	}
	var box sealed.Box
	err = f.Cards.Reveal(r.Context(), card, func(c book.Card, number, code []byte) (err error) {
		box, err = f.seal(in.Ticket, public, c, number, code)
		return err
	})
	switch {
	case errors.Is(err, sealed.ErrFormat):
		problem(w, http.StatusBadRequest, "bad_key", "The public key is not an X25519 key.")
		return
	case err != nil:
		f.Log.ErrorContext(r.Context(), "card face", "card", card, "error", err)
		problem(w, http.StatusInternalServerError, "internal", "The card could not be shown.")
		return
	}
	b, _ := json.Marshal(map[string]string{"box": box.String()}) // a string: cannot fail
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b)
}

// seal writes {"number","expiry","code","name"} into scratch, by hand because a JSON encoder keeps copies,
// and seals it.
func (f *Face) seal(ticket string, public []byte, c book.Card, number, code []byte) (sealed.Box, error) {
	buf, _ := f.pool.Get().(*[512]byte)
	if buf == nil {
		buf = new([512]byte)
	}
	defer func() {
		clear(buf[:])
		f.pool.Put(buf)
	}()
	name, err := json.Marshal(c.Name)
	if err != nil || len(name) > 300 {
		name = []byte(`""`)
	}
	b := append(buf[:0], `{"number":"`...)
	b = append(b, number...)
	b = append(b, `","expiry":"`...)
	b = append(b, c.Expiry...)
	b = append(b, `","code":"`...)
	b = append(b, code...)
	b = append(b, `","name":`...)
	b = append(b, name...)
	b = append(b, '}')
	return sealed.Seal(sealed.Face, "page", public, []byte("face "+ticket), b)
}

// problem answers as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, code, detail string) {
	b, _ := json.Marshal(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	}) // strings and an int: cannot fail
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}
