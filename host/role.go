// Package host runs roles: one process or many, one path.
//
// A role is a value. It gets everything from outside through Env (clock, randomness, log, keys, named
// endpoints) and there are no globals. Roles never hold each other: they Listen on and Dial endpoints by
// name, and the host decides what that means. In one process it is a memory pipe; between processes it
// is TCP with mutual TLS under the role's name. A dial that a role did not declare is refused either way.
package host

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"countersign/host/keys"
)

// Role is one part of the system that can run alone.
type Role struct {
	Name    string   // such as "issuer"; its TLS name and its log field
	Serves  []string // endpoints that it listens on, such as "issuer.iso8583"
	Calls   []string // endpoints that it may dial
	Origins []string // web origins that it answers, such as "pay" (http://pay.localhost:8080)
	Start   func(ctx context.Context, env *Env) (*Running, error)
}

// Running is a started role.
type Running struct {
	Web   map[string]http.Handler     // by origin name; exactly the role's Origins
	Ready func() error                // nil when it can work; the error says what is missing. nil func = always
	Stop  func(context.Context) error // finishes what is in flight; nil func = nothing to do
}

// Env is all that a role gets from outside.
type Env struct {
	Role    string
	Log     *slog.Logger     // with the role's name
	Now     func() time.Time // the wall clock, for what is compared with stored or foreign times
	Rand    io.Reader        // for ids, codes and keys
	DataDir string           // the role's own folder; exists
	Keys    *keys.Ring       // the keys that this role may use
	Listen  func(endpoint string) (net.Listener, error)
	Dial    func(ctx context.Context, endpoint string) (net.Conn, error)
	URL     func(origin string) string // "http://pay.localhost:8080", no slash at the end
	Egress  *http.Client               // the only way out of the house (webhooks, page fetch): private addresses refused unless configured
}
