package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// door is the front door: one HTTP server that dispatches by Host header.
type door struct {
	h       *Host
	ln      net.Listener
	server  *http.Server
	admin   *http.Server
	adminLn net.Listener
	page    *template.Template
	base    context.Context
	cut     context.CancelFunc

	body time.Duration // how long a request's body may take

	mu      sync.RWMutex
	origins map[string]http.Handler
}

// grace is how long requests in flight may go on undisturbed when the door closes; after that their
// contexts end (which ends event streams), and at the end of Stop's context they are cut.
const grace = 2 * time.Second

// Limits of the front door.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 120 * time.Second
	bodyTimeout   = 60 * time.Second
	maxHeader     = 64 << 10
)

func newDoor(h *Host, ln net.Listener) (*door, error) {
	d := &door{h: h, ln: ln, body: bodyTimeout, origins: map[string]http.Handler{}}
	d.base, d.cut = context.WithCancel(context.Background())
	quiet := slog.NewLogLogger(h.cfg.Log.Handler(), slog.LevelDebug)
	var err error
	if d.page, err = template.New("fallback").Parse(fallbackPage); err != nil {
		return d, err
	}
	server := func(handler http.Handler) *http.Server {
		return &http.Server{
			Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog: quiet, BaseContext: func(net.Listener) context.Context { return d.base },
		}
	}
	d.server = server(d)
	if h.cfg.Admin == "" {
		return d, nil
	}
	if d.adminLn, err = net.Listen("tcp", h.cfg.Admin); err != nil {
		ln.Close()
		return d, fmt.Errorf("host: admin address: %w", err)
	}
	d.admin = server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.operate(w, r) {
			http.NotFound(w, r)
		}
	}))
	return d, nil
}

func (d *door) add(origin string, h http.Handler) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.origins[origin] = h
}

func (d *door) serve(context.Context) error {
	if d.admin != nil {
		go d.admin.Serve(d.adminLn)
	}
	if err := d.server.Serve(d.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("host: front door: %w", err)
	}
	return nil
}

func (d *door) shutdown(ctx context.Context) error {
	timer := time.AfterFunc(grace, d.cut)
	defer timer.Stop()
	err := d.server.Shutdown(ctx)
	d.close()
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("host: requests were cut off: %w", err)
	}
	return err
}

func (d *door) close() {
	d.cut()
	d.server.Close()
	d.ln.Close()
	if d.admin != nil {
		d.admin.Close()
	}
	if d.adminLn != nil {
		d.adminLn.Close()
	}
}

// ServeHTTP finds the origin, guards the handler and writes one log line without query (queries carry keys).
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin := d.h.base.origin(r.Host)
	d.mu.RLock()
	handler := d.origins[origin]
	d.mu.RUnlock()
	if handler == nil {
		if origin != operator {
			origin = "none"
		}
		handler = http.HandlerFunc(d.fallback)
	}
	rec := &recorder{ResponseWriter: w}
	done := d.h.metrics.request(origin)
	begin := time.Now()
	defer func() {
		p := recover()
		if p != nil && p != http.ErrAbortHandler {
			// The value may quote data: name its type only. The stack holds addresses, no contents.
			d.h.cfg.Log.Error("panic in a handler", "origin", origin, "type", reflect.TypeOf(p).String(), "stack", string(debug.Stack()))
			if rec.status == 0 {
				problem(rec, http.StatusInternalServerError, "internal", "Something broke on our side.")
				p = nil // answered in full: the connection may live on
			}
		}
		took := time.Since(begin)
		done(r.Method, rec.code(), took)
		d.h.cfg.Log.Info("request", "origin", origin, "method", method(r.Method), "path", logged(r.URL.Path), "status", rec.code(),
			"bytes", rec.bytes, "ms", float64(took.Microseconds())/1000)
		if p != nil {
			panic(http.ErrAbortHandler)
		}
	}()
	if d.h.cfg.Cert != "" {
		rec.Header().Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	if r.ContentLength != 0 { // a body may not dribble in for ever; without one, answers may be streams
		_ = http.NewResponseController(w).SetReadDeadline(begin.Add(d.body))
	}
	if origin == operator && d.h.cfg.Admin == "" && d.operate(rec, r) {
		return
	}
	handler.ServeHTTP(rec, r)
}

// operator is the origin that answers /healthz, /readyz and /metrics.
const operator = "countersign"

// operate answers the paths for machines that run the process; false for any other path.
func (d *door) operate(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/healthz": // the process answers
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	case "/readyz": // every role can work
		status := d.h.Status()
		code := http.StatusOK
		if slices.ContainsFunc(status, func(s RoleStatus) bool { return !s.Ready }) {
			code = http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		json.NewEncoder(w).Encode(map[string]any{"roles": status})
	case "/metrics":
		d.h.metrics.ServeHTTP(w, r)
	default:
		return false
	}
	return true
}

// logged is a path as the log may have it: a card number can stray into an address, so as many digits as one has, in a
// row or in groups, become "…"; and a long path is cut.
func logged(path string) string {
	const longest, number = 200, 13
	var out []byte
	for i := 0; i < len(path) && len(out) < longest; {
		end, digits := i, 0
		for j := i; j < len(path) && (j > i || path[i] >= '0' && path[i] <= '9') && strings.IndexByte("0123456789 -.", path[j]) >= 0; j++ {
			if path[j] >= '0' && path[j] <= '9' {
				end, digits = j+1, digits+1
			}
		}
		if end = max(end, i+1); digits >= number {
			out = append(out, "…"...)
		} else {
			out = append(out, path[i:end]...)
		}
		i = end
	}
	return string(out)
}

// method keeps the log and the metrics to the methods that exist.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return m
	}
	return "other"
}

func problem(w http.ResponseWriter, status int, code, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": title, "status": status, "code": code})
}

const fallbackPage = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Countersign</title>
<style>body{font:1.1rem/1.6 system-ui,sans-serif;margin:3rem auto;max-width:34rem;padding:0 1rem;color:#1b1f24;background:#fff}a{color:#0b57d0}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#15181c}a{color:#8ab4f8}}</style>
<main><h1>Countersign</h1><p>There is nothing at this address. These are the addresses of this house:</p>
<ul>{{range .}}<li><a href="{{.}}">{{.}}</a></li>{{else}}<li>(none is open yet)</li>{{end}}</ul></main></html>
`

// fallback is the page for an unknown host: where the doors are.
func (d *door) fallback(w http.ResponseWriter, r *http.Request) {
	d.mu.RLock()
	var urls []string
	for o := range d.origins {
		urls = append(urls, d.h.base.url(o))
	}
	d.mu.RUnlock()
	slices.Sort(urls)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusMisdirectedRequest)
	_ = d.page.Execute(w, urls)
}

// recorder remembers status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// WriteHeader remembers the first final status.
func (r *recorder) WriteHeader(code int) {
	if r.status == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write counts.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush passes on what is written so far (event streams need it).
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
