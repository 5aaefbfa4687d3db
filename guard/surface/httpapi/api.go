package httpapi

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"countersign/guard/verdict"
)

//go:embed openapi.json
var openapiJSON []byte

// limits of a request
const (
	maxBody = 256 << 10
	maxMany = 1000
)

// request is the body of POST /v1/check: one url, or many.
type request struct {
	URL  *string  `json:"url"`
	URLs []string `json:"urls"`
}

// Handler answers the origin.
func (s *service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/check", s.check)
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "application/json", openapiJSON) })
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "not-found", "There is nothing at this address", "see /v1/openapi.json", "")
	})
	s.pages(mux)
	return mux
}

func (s *service) check(w http.ResponseWriter, r *http.Request) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		problem(w, http.StatusUnsupportedMediaType, "media-type", "The body must be application/json", "", "")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		problem(w, http.StatusRequestEntityTooLarge, "too-large", "The body is too large", "at most 256 KB", "")
		return
	}
	var q request
	if err != nil || json.Unmarshal(body, &q) != nil {
		problem(w, http.StatusBadRequest, "json", "The body is not the JSON object that was expected", "", "")
		return
	}
	e := s.engine.Load()
	switch {
	case q.URL != nil && q.URLs == nil:
		v := e.Judge(*q.URL)
		write(w, http.StatusOK, "application/json", v.AppendJSON(nil))
	case q.URL == nil && len(q.URLs) > 0 && len(q.URLs) <= maxMany:
		out := []byte(`{"verdicts":[`)
		for i, u := range q.URLs {
			if i > 0 {
				out = append(out, ',')
			}
			v := e.Judge(u)
			out = v.AppendJSON(out)
		}
		write(w, http.StatusOK, "application/json", append(out, "]}"...))
	case len(q.URLs) > maxMany:
		problem(w, http.StatusUnprocessableEntity, "too-many", "Too many addresses", "at most 1000 at once", "/urls")
	default:
		problem(w, http.StatusUnprocessableEntity, "url", "Give either url, a text, or urls, a list of texts", "", "/url")
	}
}

func write(w http.ResponseWriter, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// problem answers with application/problem+json (RFC 9457). Nothing of the request is echoed.
func problem(w http.ResponseWriter, status int, code, title, detail, pointer string) {
	b := []byte(`{"type":"about:blank","title":`)
	b = verdict.AppendString(b, title)
	b = append(b, `,"status":`...)
	b = append(b, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10))
	b = append(b, `,"code":`...)
	b = verdict.AppendString(b, code)
	if detail != "" {
		b = verdict.AppendString(append(b, `,"detail":`...), detail)
	}
	if pointer != "" {
		b = append(b, `,"errors":[{"pointer":`...)
		b = verdict.AppendString(b, pointer)
		b = append(b, `,"message":`...)
		b = append(verdict.AppendString(b, title), `}]`...)
	}
	write(w, status, "application/problem+json", append(b, '}'))
}
