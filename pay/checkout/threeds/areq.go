package threeds

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"countersign/wire/emv3ds"
)

// areq builds the authentication request (EMV 3DS annex B.1, browser channel, payment). The caller
// wipes it.
func (s *Server) areq(id string, r *Request) (*emv3ds.Builder, error) {
	if !r.PAN.Present() {
		return nil, fmt.Errorf("%w: acctNumber", ErrRequest)
	}
	m := &r.Merchant
	requestor := m.Acceptor
	if s.cfg.RequestorID != nil {
		requestor = s.cfg.RequestorID(m.Acceptor)
	}
	b := emv3ds.New(emv3ds.AReq, emv3ds.Version220)
	b.Set("threeDSServerTransID", id).Set("threeDSServerRefNumber", s.cfg.Reference)
	b.Set("threeDSServerOperatorID", s.cfg.Operator).Set("threeDSServerURL", s.cfg.ServerURL)
	b.Set("threeDSRequestorID", requestor).Set("threeDSRequestorName", cut(m.Name, 40)).Set("threeDSRequestorURL", m.URL)
	b.Set("deviceChannel", "02").Set("messageCategory", "01")
	b.Set("threeDSRequestorAuthenticationInd", "01").Set("threeDSCompInd", "U")
	b.Set("notificationURL", s.cfg.NotificationURL(r.Payment))
	r.PAN.Use(func(digits []byte) { b.SetSecret("acctNumber", digits) })
	if r.Expiry.Month != 0 {
		b.Set("cardExpiryDate", r.Expiry.YYMM())
	}
	b.Set("acquirerBIN", m.Acquirer).Set("acquirerMerchantID", m.Acceptor).Set("mcc", m.MCC)
	b.Set("merchantName", cut(m.Name, 40)).Set("merchantCountryCode", m.Country)
	cur := r.Amount.Currency()
	b.Set("purchaseAmount", strconv.FormatInt(r.Amount.Minor(), 10)).Set("purchaseCurrency", cur.Code())
	b.Set("purchaseExponent", strconv.Itoa(int(cur.Exponent)))
	b.Set("purchaseDate", s.cfg.Now().UTC().Format("20060102150405")).Set("transType", "01")
	if name := strings.TrimSpace(r.Holder); sendable(name) {
		b.Set("cardholderName", name)
	}
	setBrowser(b, &r.Browser)
	return b, s.check(b)
}

// check looks at our own message before it leaves, so that a mistake names its field here.
func (s *Server) check(b *emv3ds.Builder) error {
	m, f := emv3ds.Parse(b.Bytes())
	if f == nil {
		f = m.ValidateFor(emv3ds.Directory)
	}
	if f != nil {
		b.Wipe()
		return fmt.Errorf("%w: %s", ErrRequest, f.Detail)
	}
	return nil
}

// setBrowser writes the browser fields. Those that need JavaScript are all there or browserJavascriptEnabled is false.
func setBrowser(b *emv3ds.Builder, w *Browser) {
	b.Set("browserAcceptHeader", orElse(cut(strings.TrimSpace(w.Accept), 2048), "*/*"))
	b.Set("browserUserAgent", orElse(cut(strings.TrimSpace(w.UserAgent), 2048), "unknown"))
	b.Set("browserLanguage", language(w.Language))
	if ip, err := netip.ParseAddr(w.IP); err == nil {
		b.Set("browserIP", ip.WithZone("").Unmap().String())
	}
	depth := colorDepth(w.ColorDepth)
	script := w.JavaScript && w.Java != nil && depth != "" && pixels(w.Height) && pixels(w.Width) && minutes(w.TZ)
	b.SetBool("browserJavascriptEnabled", script)
	if !script {
		return
	}
	b.SetBool("browserJavaEnabled", *w.Java).Set("browserColorDepth", depth)
	b.Set("browserScreenHeight", w.Height).Set("browserScreenWidth", w.Width).Set("browserTZ", w.TZ)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// language cuts a language tag to 8 characters at a hyphen: "zh-Hant-TW" becomes "zh-Hant".
func language(tag string) string {
	tag, _, _ = strings.Cut(tag, ",")
	tag = strings.TrimSpace(tag)
	for len(tag) > 8 {
		at := strings.LastIndexByte(tag, '-')
		if at < 0 {
			return "en"
		}
		tag = tag[:at]
	}
	for _, c := range tag {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return "en"
		}
	}
	return orElse(tag, "en")
}

// colorDepth lowers a depth to one that 2.2.0 lists; "" when it is none.
func colorDepth(bits string) string {
	n, err := strconv.Atoi(bits)
	if err != nil || n < 1 || n > 99 {
		return ""
	}
	best := 1
	for _, d := range []int{4, 8, 15, 16, 24, 32, 48} {
		if d <= n {
			best = d
		}
	}
	return strconv.Itoa(best)
}

func pixels(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && len(s) <= 6 && s[0] != '+' && s[0] != '-'
}

func minutes(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > -10000 && n < 10000 && len(s) <= 5
}

// sendable says whether a holder's name can be a cardholderName: 2 to 45 printable ASCII characters.
func sendable(name string) bool {
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return false
		}
	}
	return len(name) >= 2 && len(name) <= 45
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// creq is the challenge request for the browser, ready for the form field "creq".
func creq(o *Outcome, window string) string {
	b := emv3ds.New(emv3ds.CReq, o.Version)
	b.Set("threeDSServerTransID", o.ServerTransID).Set("acsTransID", o.ACSTransID)
	return emv3ds.EncodeForm(b.Set("challengeWindowSize", orElse(window, "02")).Bytes())
}

// defaults fills what Config leaves open.
func defaults(cfg Config) Config {
	cfg.Reference = orElse(cfg.Reference, "COUNTERSIGN-3DSS")
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Refresh == 0 {
		cfg.Refresh = time.Hour
	}
	return cfg
}
