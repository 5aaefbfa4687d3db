// Package tour is the front page of the demo: it explains one payment in five steps with live links, shows the demo
// card, and tells how each role is doing.
package tour

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"time"

	"countersign/host"
	"countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed *.html
var templates embed.FS

// Config is what the tour shows.
type Config struct {
	Holder string                   // the demo holder's id at the issuer; "" = no demo card on the page
	Status func() []host.RoleStatus // how the roles are doing; nil = not shown
}

// Role is the tour as a part of the demo, with origin "countersign". It asks the issuer for the demo card's one-time ticket.
func Role(cfg Config) host.Role {
	return host.Role{Name: "tour", Origins: []string{"countersign"}, Calls: []string{"issuer.bank"}, Start: func(_ context.Context, env *host.Env) (*host.Running, error) {
		t := &tour{cfg: cfg, env: env, bank: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return env.Dial(ctx, "issuer.bank") },
			DisableKeepAlives: true,
		}}}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /{$}", t.front)
		mux.HandleFunc("GET /card", t.card)
		mux.HandleFunc("GET /status.json", t.status)
		mux.Handle("/_ui/", ui.Assets())
		mux.Handle("/_tour/", pagesTable.Assets())
		return &host.Running{Web: map[string]http.Handler{"countersign": mux}}, nil
	}}
}

type tour struct {
	cfg  Config
	env  *host.Env
	bank *http.Client
}

type page struct {
	Shop, Desk, Bank, Phone, Face, Guard string // addresses
	Card                                 bool
	Roles                                []host.RoleStatus
}

func (t *tour) front(w http.ResponseWriter, _ *http.Request) {
	p := page{Shop: t.env.URL("shop"), Desk: t.env.URL("shop") + "/desk", Bank: t.env.URL("bank"), Phone: t.env.URL("phone"), Face: t.env.URL("face.bank"), Guard: t.env.URL("guard"), Card: t.cfg.Holder != ""}
	if t.cfg.Status != nil {
		p.Roles = t.cfg.Status()
	}
	t.render(w, http.StatusOK, "tour.html", p)
}

// card sends the frame on the page to the bank's card face with a fresh one-time ticket.
func (t *tour) card(w http.ResponseWriter, r *http.Request) {
	url, err := t.ticket(r.Context())
	if err != nil {
		t.env.Log.Warn("demo card", "err", err)
		t.render(w, http.StatusServiceUnavailable, "nocard.html", nil)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, url, http.StatusSeeOther)
}

// ticket asks the issuer for the first card of the demo holder.
func (t *tour) ticket(ctx context.Context) (string, error) {
	if t.cfg.Holder == "" {
		return "", errors.New("no demo holder")
	}
	var holder struct {
		Cards []struct{ ID string } `json:"cards"`
	}
	if err := t.ask(ctx, "GET", "/v1/holders/"+t.cfg.Holder, nil, &holder); err != nil {
		return "", err
	}
	if len(holder.Cards) == 0 {
		return "", errors.New("the demo holder has no card")
	}
	var ticket struct{ URL string }
	err := t.ask(ctx, "POST", "/v1/cards/"+holder.Cards[0].ID+"/face-ticket", map[string]string{"holder": t.cfg.Holder}, &ticket)
	return ticket.URL, err
}

func (t *tour) ask(ctx context.Context, method, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://issuer.bank"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := t.bank.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return fmt.Errorf("issuer.bank answers %s", res.Status)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(answer)
}

func (t *tour) status(w http.ResponseWriter, _ *http.Request) {
	roles := []host.RoleStatus{}
	if t.cfg.Status != nil {
		roles = t.cfg.Status()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(roles)
}

var pagesTable = ui.NewPages("/_tour/", dist, templates, func(*ui.Bundle) template.FuncMap { return template.FuncMap{"does": does} })

// does says in plain words what a role is for.
func does(role string) string {
	switch role {
	case "checkout":
		return "payment gateway: card form, vault, shop API"
	case "directory":
		return "3-D Secure directory: finds the bank of a card"
	case "issuer":
		return "the bank: cards, checks, ledger"
	case "acs":
		return "the bank’s confirmation page"
	case "mobile":
		return "Mobile Bank for the holder"
	case "shop":
		return "demo marketplace"
	case "phone":
		return "demo phone: SMS inbox"
	case "tour":
		return "this page"
	case "guard":
		return "knows genuine shops from look-alikes"
	}
	return ""
}

func (t *tour) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pagesTable.Write(&b, name, data); err != nil {
		t.env.Log.Error("page", "err", err)
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	policy := ui.Policy{Frame: []string{"'self'", t.env.URL("face.bank")}}
	if name == "nocard.html" {
		policy = ui.Policy{NoScript: true, Ancestors: []string{"'self'"}}
	}
	ui.Secure(w.Header(), policy)
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
