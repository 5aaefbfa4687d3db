package host

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Check finds all that is wrong with a configuration, without running anything. The error joins one ErrConfig
// for each mistake.
func (c Config) Check() error {
	_, err := c.check()
	return err
}

// check finds all that is wrong with a configuration and returns the roles to run here.
func (c Config) check() ([]Role, error) {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
	if c.Log == nil || c.Now == nil || c.Rand == nil || c.DataDir == "" {
		bad("Log, Now, Rand and DataDir are needed")
	}
	if c.Listen == "" && c.Listener == nil {
		bad("no address for the front door")
	}
	if (c.Cert == "") != (c.Key == "") {
		bad("certificate and key of the front door come together")
	}
	names, serves, origins := map[string]bool{}, map[string]string{}, map[string]string{}
	var local []Role
	for _, r := range c.Roles {
		if names[r.Name] || r.Name == "" || r.Start == nil {
			bad("role %q appears twice, or has no name or Start", r.Name)
		}
		names[r.Name] = true
		for _, e := range r.Serves {
			if serves[e] != "" {
				bad("%s and %s both serve %s", serves[e], r.Name, e)
			}
			serves[e] = r.Name
		}
		for _, o := range r.Origins {
			if origins[o] != "" {
				bad("%s and %s both answer %s", origins[o], r.Name, o)
			}
			origins[o] = r.Name
		}
		if len(c.Only) == 0 || slices.Contains(c.Only, r.Name) {
			local = append(local, r)
		}
	}
	for _, n := range c.Only {
		if !names[n] {
			bad("there is no role %q", n)
		}
	}
	c.checkEndpoints(local, serves, bad)
	return local, errors.Join(errs...)
}

// checkEndpoints wants every call of the roles here to lead somewhere.
func (c Config) checkEndpoints(local []Role, serves map[string]string, bad func(string, ...any)) {
	here := func(e string) bool {
		return slices.ContainsFunc(local, func(r Role) bool { return slices.Contains(r.Serves, e) })
	}
	for _, r := range local {
		for _, e := range r.Calls {
			if !here(e) && c.Remote[e] == "" && c.External[e] == "" {
				bad("%s calls %s, which no role here serves; name its address", r.Name, e)
			}
		}
	}
	for e := range c.Remote {
		switch {
		case serves[e] == "":
			bad("remote endpoint %q is unknown", e)
		case here(e):
			bad("%s is served here and also has a remote address", e)
		}
	}
	for e, addr := range c.External {
		scheme, hostport, _ := strings.Cut(addr, "://")
		if _, _, err := net.SplitHostPort(hostport); err != nil || scheme != "tcp" && scheme != "tls" {
			bad("external endpoint %q needs an address such as tls://host:port", e)
		}
		if here(e) || c.Remote[e] != "" {
			bad("%s has an external address and another one", e)
		}
	}
	for e := range c.Publish {
		if !here(e) {
			bad("%s is to be published, but no role here serves it", e)
		}
	}
}

// base is what the origins hang under.
type base struct{ scheme, host, port string }

// parseBase reads Config.BaseURL, or derives it from the front door's address.
func parseBase(text string, addr net.Addr, secure bool) (base, error) {
	if text == "" {
		b := base{scheme: "http", host: "localhost"}
		if secure {
			b.scheme = "https"
		}
		if _, port, err := net.SplitHostPort(addr.String()); err == nil {
			b.port = port
		}
		return b.trim(), nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return base{}, fmt.Errorf("%w: base URL %q is not like http://localhost:8080", ErrConfig, text)
	}
	return base{u.Scheme, strings.ToLower(u.Hostname()), u.Port()}.trim(), nil
}

func (b base) trim() base {
	if b.scheme == "http" && b.port == "80" || b.scheme == "https" && b.port == "443" {
		b.port = ""
	}
	return b
}

func (b base) url(origin string) string {
	s := b.scheme + "://" + origin + "." + b.host
	if b.port != "" {
		s += ":" + b.port
	}
	return s
}

// origin is the origin that a Host header names, "" if none.
func (b base) origin(hostHeader string) string {
	h := hostHeader
	if name, _, err := net.SplitHostPort(h); err == nil {
		h = name
	}
	name, ok := strings.CutSuffix(strings.TrimSuffix(strings.ToLower(h), "."), "."+b.host)
	if !ok || strings.Contains(name, ":") {
		return ""
	}
	return name
}
