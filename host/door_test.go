package host

import (
	"strings"
	"testing"
)

// A card number in an address does not get into the log; ids do.
func TestLoggedPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "": "", "/v1/payments/pay_01m82182vf4cckh0cwrnebm6pb": "/v1/payments/pay_01m82182vf4cckh0cwrnebm6pb", "/a/4111111111111111": "/a/…", "/4111-1111 1111.1111/x": "/…/x",
		"/1234567890123": "/…", "/123456789012": "/123456789012", "/x-1-2/3": "/x-1-2/3", "/-4111111111111111-": "/-…-",
	} {
		if got := logged(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	if got := logged("/" + strings.Repeat("x", 5000)); len(got) > 220 {
		t.Errorf("%d bytes", len(got))
	}
}
