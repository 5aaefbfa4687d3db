package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"countersign/cmd/countersign/tour"
	"countersign/e2e/browser"
	"countersign/host"
	faceui "countersign/pay/issuer/face/ui"
	"countersign/pay/sealed"
	base "countersign/ui"
)

// bankAndTour adds the tour, the bank's side door and the card face to a fake.
func (f *fake) bankAndTour(t *testing.T, mux *http.ServeMux) {
	bank := http.NewServeMux()
	bank.HandleFunc("GET /v1/holders/{id}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"cards":[{"id":"card_1"}]}`) })
	bank.HandleFunc("POST /v1/cards/{id}/face-ticket", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"ticket":"t1","url":"`+f.url("face.bank")+`/card?ticket=t1"}`)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: bank}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	running, err := tour.Role(tour.Config{Holder: "h1", Status: func() []host.RoleStatus {
		return []host.RoleStatus{{Name: "issuer", Ready: true}, {Name: "checkout", Ready: true}, {Name: "acs", Problem: "waits for the phone"}, {Name: "tour", Ready: true}}
	}}).Start(t.Context(), &host.Env{Log: slog.New(slog.DiscardHandler), URL: f.url, Dial: func(ctx context.Context, endpoint string) (net.Conn, error) {
		if endpoint != "issuer.bank" {
			t.Errorf("dials %s", endpoint)
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", ln.Addr().String())
	}})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("countersign.localhost/", running.Web["countersign"])
	mux.Handle("/_face/", faceui.Assets())
	mux.HandleFunc("GET face.bank.localhost/card", func(w http.ResponseWriter, r *http.Request) {
		base.SecureWith(w.Header(), faceui.CSP(f.url("bank"), f.url("countersign")))
		faceui.Page(w, faceui.PageData{Ticket: r.URL.Query().Get("ticket"), Brand: "Demo Bank"})
	})
	used := false
	mux.HandleFunc("POST face.bank.localhost/card/open", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Ticket, Public string }
		json.NewDecoder(r.Body).Decode(&in)
		if used || in.Ticket != "t1" {
			w.WriteHeader(http.StatusGone)
			return
		}
		used = true
		public, _ := base64.RawURLEncoding.DecodeString(in.Public)
		box, err := sealed.Seal(sealed.Face, "page", public, []byte("face "+in.Ticket), []byte(`{"number":"9123000000000003","expiry":"2911","code":"042","name":"Ada Example"}`))
		if err != nil {
			t.Error(err)
		}
		json.NewEncoder(w).Encode(map[string]string{"box": box.String()})
	})
}

// The tour is readable at both sizes and themes, and the card face opens what Go sealed, hidden from the page's scripts.
func TestTourAndCardFace(t *testing.T) {
	b := browser.Start(t)
	for _, size := range []browser.Size{browser.Phone(), browser.Desktop()} {
		t.Run(size.Name, func(t *testing.T) {
			f := newFake(t)
			tab := b.Tab(t, size)
			tab.Goto(f.url("countersign") + "/")
			tab.Fits("tour")
			tab.Axe("tour")
			tab.Dark(true)
			tab.Axe("tour, dark")
			tab.Dark(false)
			tab.Click("", ".hero a[target=card].btn")
			tab.Until("face.bank", "document.querySelector('#say').textContent.includes('one minute')")
			if n, c, e := tab.Pierced("number"), tab.Pierced("code"), tab.Pierced("expiry"); n != "9123 0000 0000 0003" || c != "042" || e != "11/29" {
				t.Errorf("face shows %q %q %q", n, c, e)
			}
			if html := browser.Eval[string](tab, "face.bank", "document.documentElement.outerHTML + document.querySelector('#face').shadowRoot"); strings.Contains(html, "9123") || !strings.HasSuffix(html, "null") {
				t.Error("the card lies open in the page")
			}
			tab.Axe("card face")
			tab.Dark(true)
			tab.Axe("card face, dark")
			tab.Dark(false)
			tab.Click("", ".steps a[target=card]")
			tab.Until("face.bank", "document.querySelector('#say').textContent.includes('has been used')")
			tab.Quiet("410 (Gone)")
		})
	}
}
