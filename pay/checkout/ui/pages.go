// Package ui is what the shopper sees of the gateway: the card frame in the shop's page, the hosted
// page, the page around the bank's confirmation, and the loader that a shop's page includes.
//
// The functions write pages; the caller (pay/checkout/fields) sets the headers with countersign/ui.SecureWith
// and the policy functions of this package, and answers the addresses that FrameData names.
package ui

import (
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	base "countersign/ui"
)

//go:embed dist
var dist embed.FS

//go:embed *.html
var templates embed.FS

// FrameData is all that a page of one payment shows and needs.
type FrameData struct {
	Payment      string // payment id
	Key          string // the page's key, part of every address below already
	MerchantName string
	Acceptor     string // ISO 8583 DE 42 without padding: part of what number and code are bound to
	SiteURL      string // the shop's origin: who may frame the page and gets its messages
	Amount       int64  // minor units
	Currency     string // ISO 4217 alphabetic
	Display      string // "€23.40"
	Description  string
	State        string    // StateCard and so on
	Problem      *Problem  // why the shopper is back at the card form; nil at first
	Vault        Key       // the number is sealed to it
	Ranges       []Range   // the code is sealed to the key of the card's range
	SubmitURL    string    // POST of the sealed card
	StateURL     string    // GET of the state
	ChallengeURL string    // the page around the bank's confirmation
	LeaveURL     string    // where "leave" goes (usually the shop's cancel address)
	ReturnURL    string    // where a paid shopper goes
	ACSURL       string    // the bank's page (challenge only)
	CReq         string    // EMV 3DS CReq, base64url
	SessionData  string    // EMV 3DS threeDSSessionData
	Hosted       bool      // the page fills the window and navigates by itself; otherwise it is in a frame
	Expires      time.Time // when the bank stops waiting (challenge only); zero = ten minutes from when the page opens
}

// Self is the address of the payment's frame, or of its hosted page.
func (d FrameData) Self() string {
	path := "/frame/"
	if d.Hosted {
		path = "/p/"
	}
	return path + url.PathEscape(d.Payment) + "?key=" + url.QueryEscape(d.Key)
}

// Until is Expires in Unix seconds, "" when it is not known.
func (d FrameData) Until() string {
	if d.Expires.IsZero() {
		return ""
	}
	return strconv.FormatInt(d.Expires.Unix(), 10)
}

// Config is what the page's script needs, as JSON. Keys travel only to the card form.
func (d FrameData) Config() (string, error) {
	c := config{
		Payment: d.Payment, Acceptor: d.Acceptor, Site: d.SiteURL, Amount: d.Amount, Currency: d.Currency, State: d.State, Hosted: d.Hosted,
		Submit: d.SubmitURL, Status: d.StateURL, Challenge: d.ChallengeURL, Back: d.ReturnURL, Self: d.Self(), Problem: d.Problem,
	}
	if d.State == StateCard {
		c.Vault, c.Ranges = d.Vault, d.Ranges
	}
	b, err := json.Marshal(c)
	return string(b), err
}

type config struct {
	Payment   string   `json:"payment"`
	Acceptor  string   `json:"acceptor"`
	Site      string   `json:"site"`
	Amount    int64    `json:"amount"`
	Currency  string   `json:"currency"`
	State     string   `json:"state"`
	Hosted    bool     `json:"hosted"`
	Vault     Key      `json:"vault"`
	Ranges    []Range  `json:"ranges"`
	Submit    string   `json:"submit"`
	Status    string   `json:"status"`
	Challenge string   `json:"challenge"`
	Back      string   `json:"back"`
	Self      string   `json:"self"`
	Problem   *Problem `json:"problem"`
}

// The states of FrameData.
const (
	StateCard       = "card"       // waiting for a card
	StateChallenge  = "challenge"  // the bank is asking
	StateProcessing = "processing" // the authorisation is on its way
	StatePaid       = "paid"
	StateClosed     = "closed" // cancelled or expired
)

// Problem is one thing to put right: Field is "number", "expiry", "code", "name" or "".
type Problem struct {
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// Key is an X25519 public key: its id and 32 bytes as base64url without padding.
type Key struct {
	ID     string `json:"id"`
	Public string `json:"public"`
}

// Range is a card range with the issuing bank's public key; Start and End have 19 digits.
type Range struct {
	Start  string `json:"start"`
	End    string `json:"end"`
	Name   string `json:"name"`
	KeyID  string `json:"key_id"`
	Public string `json:"public"` // base64url without padding
}

// NotifyData is what the page after the bank's confirmation needs.
type NotifyData struct {
	Payment string
	BackURL string // link for a shopper whose browser opened the notice outside the frame; may be ""
}

// MessageData is a page that only says something: an unknown link, an expired payment, a mistake.
type MessageData struct {
	Title, Text string
	LinkURL     string // may be ""
	LinkText    string
}

// Frame writes the card frame's page for the state of the payment.
func Frame(w io.Writer, d FrameData) error { d.Hosted = false; return page(w, "frame.html", d) }

// Hosted writes the full page for the state of the payment.
func Hosted(w io.Writer, d FrameData) error { d.Hosted = true; return page(w, "frame.html", d) }

// Challenge writes the page around the bank's confirmation (EMV 3DS CReq into an iframe).
func Challenge(w io.Writer, d FrameData) error { return page(w, "challenge.html", d) }

// Notify writes the page that the bank's page posts its CRes to: it tells the page around it.
func Notify(w io.Writer, d NotifyData) error { return page(w, "notify.html", d) }

// Message writes a page with a sentence and perhaps a link.
func Message(w io.Writer, d MessageData) error { return page(w, "message.html", d) }

// FrameCSP is the policy of Frame: nothing foreign; only the shop may frame it.
func FrameCSP(d FrameData) string {
	return base.Policy{Form: []string{"'none'"}, Ancestors: []string{origin(d.SiteURL)}}.String()
}

// HostedCSP is the policy of Hosted: nobody may frame it.
func HostedCSP(FrameData) string { return base.Policy{Form: []string{"'none'"}}.String() }

// ChallengeCSP is the policy of Challenge: it frames the bank's page (which posts to our own origin).
func ChallengeCSP(d FrameData) string {
	p := base.Policy{Frame: []string{origin(d.ACSURL), "'self'"}, Form: []string{origin(d.ACSURL)}}
	if !d.Hosted {
		p.Ancestors = []string{origin(d.SiteURL)}
	}
	return p.String()
}

// NotifyCSP is the policy of Notify: it lives in our own challenge page, perhaps in the shop's page.
func NotifyCSP(siteURL string) string {
	return base.Policy{Form: []string{"'none'"}, Ancestors: []string{"'self'", origin(siteURL)}}.String()
}

// MessageCSP is the policy of Message; siteURL may be "" (then nobody frames it).
func MessageCSP(siteURL string) string {
	p := base.Policy{NoScript: true, Form: []string{"'none'"}}
	if siteURL != "" {
		p.Ancestors = []string{origin(siteURL)}
	}
	return p.String()
}

// origin cuts an address to scheme, host and port; "'none'" when it is not an address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}

// Assets serves the scripts and styles of these pages. Mount it at "/_checkout/" on origin pay,
// and countersign/ui.Assets at "/_ui/".
func Assets() http.Handler { return pagesTable.Assets() }

// Loader serves the script for shops' pages. Mount it at "/v1/countersign.js" on origin pay.
func Loader() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := dist.ReadFile("dist/countersign.js")
		if err != nil {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", "*") // so that shops can use an integrity attribute
		h.Set("Cache-Control", "public, max-age=300")
		w.Write(data)
	})
}

var pagesTable = base.NewPages("/_checkout/", dist, templates, nil)

func page(w io.Writer, name string, data any) error { return pagesTable.Write(w, name, data) }
