package fields

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode"

	"countersign/pay/checkout/internal/problem"
	"countersign/pay/checkout/internal/strictjson"
	"countersign/pay/sealed"
)

// Form is what the card form sends: two boxes that only the vault and the issuing bank can open, and what is
// not secret.
type Form struct {
	Number  sealed.Box
	Code    sealed.Box
	Name    string // as on the card; may be empty
	Attempt string // 16 to 64 of [A-Za-z0-9_-]: the click
	Browser Browser
}

// Browser is what the page's script can tell of the browser, as EMV 3DS wants it, and what its requests tell.
type Browser struct {
	Language, ColorDepth, Height, Width, TZ string
	Java                                    *bool
	Accept, UserAgent, IP                   string
}

// The names of the members of the card form, as problems point at them.
const (
	fieldNumber = "number"
	fieldCode   = "code"
	fieldName   = "name"
)

// maxForm bounds the body of the card form in bytes.
const maxForm = 8 << 10

// ParseForm reads the card form's JSON. The problem says what is wrong and repeats nothing.
func ParseForm(body []byte) (Form, *problem.Problem) {
	v, err := strictjson.Parse(body)
	r, ok := strictjson.Read(v)
	if err != nil || !ok {
		return Form{}, problem.New(http.StatusBadRequest, "malformed", "The body is not a JSON object.")
	}
	var f Form
	f.Number = box(r, fieldNumber)
	f.Code = box(r, fieldCode)
	f.Name = strings.Join(strings.Fields(r.String(fieldName, 60)), " ")
	if digits(f.Name) > 4 {
		r.Complain(fieldName, "Please type the name as it is on the card.")
		f.Name = ""
	}
	f.Attempt = r.String("attempt", 64)
	if !validAttempt(f.Attempt) {
		r.Complain("attempt", "must be 16 to 64 letters, digits, - or _")
	}
	if b := r.Object("browser"); b != nil {
		f.Browser = browser(b)
	}
	r.End()
	if complaints := r.Errors(); len(complaints) > 0 {
		p := problem.New(http.StatusUnprocessableEntity, "invalid", "Some fields cannot be used.")
		for _, c := range complaints {
			p.Errors = append(p.Errors, problem.Field{Pointer: c.Pointer, Message: c.Message})
		}
		return Form{}, p
	}
	return f, nil
}

func box(r *strictjson.Reader, name string) sealed.Box {
	text := r.String(name, 1024)
	b, err := sealed.Parse(text)
	if err != nil {
		r.Complain(name, "must be sealed by the page")
	}
	return b
}

func browser(r *strictjson.Reader) Browser {
	b := Browser{
		Language: r.Scalar("language", 35), ColorDepth: r.Scalar("colorDepth", 3), Height: r.Scalar("height", 8),
		Width: r.Scalar("width", 8), TZ: r.Scalar("tz", 6),
	}
	switch r.Scalar("java", 5) {
	case "true":
		b.Java = new(bool)
		*b.Java = true
	case "false":
		b.Java = new(bool)
	}
	r.End()
	return b
}

func validAttempt(s string) bool {
	if len(s) < 16 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// digits counts digits of any script: more than a few in a name are a card number in the wrong field.
func digits(s string) (n int) {
	for _, c := range s {
		if unicode.IsDigit(c) {
			n++
		}
	}
	return n
}

// Reply is the answer to the page.
type Reply struct {
	State     string   `json:"state"`         // ui.StateCard and so on
	URL       string   `json:"url,omitempty"` // of the challenge page
	Problem   *Problem `json:"problem,omitempty"`
	ReturnURL string   `json:"return_url,omitempty"`
}

// Problem is what the shopper can put right.
type Problem struct {
	Field   string `json:"field,omitempty"` // number, expiry, code, name, or none
	Message string `json:"message"`
}

// Error is the message.
func (p *Problem) Error() string { return "fields: " + p.Message }

func (r Reply) body() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		return []byte(`{"state":"processing"}`)
	}
	return append(b, '\n')
}
