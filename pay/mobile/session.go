package mobile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/host/keys"
)

const (
	cookieName = "bank_session"
	idleTime   = 15 * time.Minute // PCI DSS 8.2.8
	longest    = 12 * time.Hour
)

// session is who is signed in. The cookie is v1.KEYID.HOLDER.BEGAN.SEEN.NONCE.MAC, times in unix seconds.
type session struct {
	holder      string
	began, seen time.Time
	nonce       string
}

func (s *server) sign(x session) (string, error) {
	k, err := s.env.Keys.Current(keys.BankSession)
	if err != nil {
		return "", err
	}
	text := strings.Join([]string{"v1", k.ID, base64.RawURLEncoding.EncodeToString([]byte(x.holder)),
		strconv.FormatInt(x.began.Unix(), 10), strconv.FormatInt(x.seen.Unix(), 10), x.nonce}, ".")
	return text + "." + base64.RawURLEncoding.EncodeToString(mac(k, text)), nil
}

func mac(k keys.Key, text string) (sum []byte) {
	k.Use(func(raw []byte) {
		h := hmac.New(sha256.New, raw)
		h.Write([]byte(text))
		sum = h.Sum(nil)
	})
	return sum
}

// verify reads a cookie; ok is false when it is not ours, or too old.
func (s *server) verify(cookie string) (x session, ok bool) {
	text, tag, _ := cutLast(cookie)
	f := strings.Split(text, ".")
	if len(cookie) > 400 || len(f) != 6 || f[0] != "v1" {
		return x, false
	}
	k, err := s.env.Keys.ByID(keys.BankSession, f[1])
	if err != nil {
		return x, false
	}
	got, err := base64.RawURLEncoding.DecodeString(tag)
	if err != nil || !hmac.Equal(got, mac(k, text)) {
		return x, false
	}
	id, err1 := base64.RawURLEncoding.DecodeString(f[2])
	began, err2 := strconv.ParseInt(f[3], 10, 64)
	seen, err3 := strconv.ParseInt(f[4], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return x, false
	}
	x = session{string(id), time.Unix(began, 0), time.Unix(seen, 0), f[5]}
	now := s.env.Now()
	return x, now.Sub(x.seen) < idleTime && now.Sub(x.began) < longest
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// begin signs a holder in, with a session that nobody can have known before.
func (s *server) begin(w http.ResponseWriter, holder string) error {
	var b [12]byte
	if _, err := io.ReadFull(s.env.Rand, b[:]); err != nil {
		return err
	}
	now := s.env.Now()
	return s.keep(w, session{holder, now, now, base64.RawURLEncoding.EncodeToString(b[:])})
}

// keep writes the cookie. The __Host- prefix needs https; the demo's plain http inside one machine has none.
func (s *server) keep(w http.ResponseWriter, x session) error {
	v, err := s.sign(x)
	if err != nil {
		return err
	}
	s.setCookie(w, v, int(longest/time.Second))
	return nil
}

func (s *server) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: s.cookie(), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: s.secure(), MaxAge: age})
}

func (s *server) secure() bool { return strings.HasPrefix(s.env.URL(origin), "https:") }

func (s *server) cookie() string {
	if s.secure() {
		return "__Host-" + cookieName
	}
	return cookieName
}

// signedIn says who is signed in and, once a minute, notes that they are still there.
func (s *server) signedIn(w http.ResponseWriter, r *http.Request) (string, bool) {
	c, err := r.Cookie(s.cookie())
	if err != nil {
		return "", false
	}
	x, ok := s.verify(c.Value)
	if !ok {
		return "", false
	}
	if now := s.env.Now(); now.Sub(x.seen) > time.Minute && !strings.HasSuffix(r.URL.Path, ".json") {
		x.seen = now
		if err := s.keep(w, x); err != nil {
			s.env.Log.Error("cannot renew a session", "error", err)
		}
	}
	return x.holder, true
}
