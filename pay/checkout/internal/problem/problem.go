// Package problem answers HTTP requests that go wrong: application/problem+json (RFC 9457), without
// ever repeating a value that was sent.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Problem is the body of an answer that is not a success.
type Problem struct {
	Type   string  `json:"type"`   // "about:blank" or an address that explains Code
	Title  string  `json:"title"`  // for people: the kind of problem
	Status int     `json:"status"` // HTTP status
	Detail string  `json:"detail,omitempty"`
	Code   string  `json:"code"` // for programs
	Errors []Field `json:"errors,omitempty"`

	RetryAfter int `json:"-"` // seconds, for the header of that name; 0 = none
}

// Field is one thing that is wrong in the request's body.
type Field struct {
	Pointer string `json:"pointer"` // RFC 6901
	Message string `json:"message"`
}

// New makes a problem.
func New(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error is the code.
func (p *Problem) Error() string { return "problem: " + p.Code }

// Body is the JSON text.
func (p *Problem) Body() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		return []byte(`{"type":"about:blank","title":"Internal Server Error","status":500,"code":"internal"}`)
	}
	return append(b, '\n')
}

// Write sends the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="countersign"`)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(p.Body()) // the client may be gone
}
