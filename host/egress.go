package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ErrPrivate: an address that leads into a private network, or to this machine.
var ErrPrivate = errors.New("host: private address refused")

// specialTable are ranges that are not the public internet and that netip's own questions do not cover.
var specialTable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

// public says whether an address belongs to the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	return !slices.ContainsFunc(specialTable, func(p netip.Prefix) bool { return p.Contains(a) })
}

// egressClient is the one way out of the house. A name is resolved once, every address is checked, and
// the checked address is dialled, so that a name cannot change its mind in between. Redirects are
// not followed: their target was never agreed to.
func egressClient(allow []string) *http.Client {
	d := &net.Dialer{Timeout: 10 * time.Second}
	return client(func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if slices.Contains(allow, addr) || slices.Contains(allow, host) {
			if local(host) {
				host = "127.0.0.1"
			}
			return d.DialContext(ctx, network, net.JoinHostPort(host, port))
		}
		if local(host) {
			return nil, fmt.Errorf("%w: %s", ErrPrivate, host)
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, err
		}
		for _, ip := range ips {
			if !public(ip) {
				return nil, fmt.Errorf("%w: %s", ErrPrivate, host)
			}
		}
		err = fmt.Errorf("host: %s has no address", host)
		for _, ip := range ips {
			var c net.Conn
			if c, err = d.DialContext(ctx, network, net.JoinHostPort(ip.Unmap().String(), port)); err == nil {
				return c, nil
			}
		}
		return nil, err
	})
}

// LoopbackClient reaches NAME.localhost at 127.0.0.1 without asking DNS, and nothing else: for the
// demo's parts that talk to each other over HTTP.
func LoopbackClient() *http.Client {
	d := &net.Dialer{Timeout: 5 * time.Second}
	return client(func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if !local(host) && host != "127.0.0.1" {
			return nil, fmt.Errorf("host: %s is not on this machine", host)
		}
		return d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	})
}

func local(host string) bool {
	h := strings.TrimSuffix(strings.ToLower(host), ".")
	return h == "localhost" || strings.HasSuffix(h, ".localhost")
}

func client(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			DialContext: dial, MaxIdleConnsPerHost: 32, IdleConnTimeout: 60 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
			ResponseHeaderTimeout: 25 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
