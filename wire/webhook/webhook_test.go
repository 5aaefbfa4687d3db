package webhook

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	official "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

var now = time.Now() // the official library reads the clock itself

func secret(t testing.TB, fill byte) string {
	t.Helper()
	s, err := NewSecret(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOfficial signs here and verifies with the official library, and the other way round.
func TestOfficial(t *testing.T) {
	for _, body := range []string{`{"a":1}`, "", "é\n", strings.Repeat("x", 20000)} {
		peer, err := official.NewWebhook(secret(t, 7))
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(secret(t, 7) + " " + secret(t, 8))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		s.Sign(h, "evt_1", now, []byte(body))
		if err := peer.Verify([]byte(body), h); err != nil {
			t.Errorf("the official library refuses our signature: %v", err)
		}
		if err := peer.Verify([]byte(body+" "), h); err == nil {
			t.Error("the official library accepts a changed body")
		}
		sig, err := peer.Sign("evt_2", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h = http.Header{}
		h.Set(HeaderID, "evt_2")
		h.Set(HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		h.Set(HeaderSignature, sig)
		if err := s.Verify(h, []byte(body), now); err != nil {
			t.Errorf("we refuse the official library's signature: %v", err)
		}
	}
}

// TestKnown is the example of the standard's own tests.
func TestKnown(t *testing.T) {
	s, err := New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1614265330, 0)
	h := http.Header{}
	body := []byte(`{"test": 2432232314}`)
	s.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
	if got, want := h.Get(HeaderSignature), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := s.Verify(h, body, at.Add(time.Minute)); err != nil {
		t.Error(err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	s, err := New(secret(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := New(secret(t, 2))
	body := []byte(`{"type":"payment.captured"}`)
	signed := func(by *Signer, at time.Time) http.Header {
		h := http.Header{}
		by.Sign(h, "evt_1", at, body)
		return h
	}
	change := func(name, value string) http.Header { h := signed(s, now); h.Set(name, value); return h }
	for name, c := range map[string]struct {
		h    http.Header
		want error
	}{
		"good":         {signed(s, now), nil},
		"old":          {signed(s, now.Add(-6*time.Minute)), ErrTime},
		"future":       {signed(s, now.Add(6*time.Minute)), ErrTime},
		"stranger":     {signed(other, now), ErrSignature},
		"other id":     {change(HeaderID, "evt_2"), ErrSignature},
		"other time":   {change(HeaderTimestamp, strconv.FormatInt(now.Unix()-1, 10)), ErrSignature},
		"no id":        {change(HeaderID, ""), ErrHeaders},
		"no time":      {change(HeaderTimestamp, "soon"), ErrHeaders},
		"no signature": {change(HeaderSignature, ""), ErrHeaders},
		"asymmetric":   {change(HeaderSignature, "v1a,AAAA"), ErrSignature},
		"garbage":      {change(HeaderSignature, "v1,%%%"), ErrSignature},
	} {
		if err := s.Verify(c.h, body, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := s.Verify(signed(s, now), append(body, ' '), now); !errors.Is(err, ErrSignature) {
		t.Error("changed body accepted")
	}
	both, _ := New(secret(t, 2) + " " + secret(t, 1))
	if err := s.Verify(signed(both, now), body, now); err != nil {
		t.Error("during a change of secrets:", err)
	}
	for _, bad := range []string{"", "whsec_", "whsec_AAAA", "whsec_!!", secret(t, 1) + " x"} {
		if _, err := New(bad); !errors.Is(err, ErrSecret) {
			t.Errorf("%q accepted", bad)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s, err := New(secret(f, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("evt_1", "1614265330", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, at, sig string, body []byte) {
		h := http.Header{HeaderID: {id}, HeaderTimestamp: {at}, HeaderSignature: {sig}}
		if s.Verify(h, body, now) == nil {
			t.Error("forged")
		}
	})
}
