package merchant

import (
	"net/http"
	"net/url"
	"strings"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/internal/problem"
	"countersign/pay/checkout/internal/strictjson"
	"countersign/pay/money"
)

const (
	maxBody     = 16 << 10       // bytes
	maxAmount   = 99_999_999_999 // minor units: 12 digits of ISO 8583 DE 4, less one for good measure
	maxMetadata = 20             // members
)

// parse reads a body as one JSON object; an empty one counts as {} where that is allowed.
func parse(text []byte, mayBeEmpty bool) (*strictjson.Reader, *problem.Problem) {
	if len(text) == 0 && mayBeEmpty {
		text = []byte("{}")
	}
	v, err := strictjson.Parse(text)
	if err != nil {
		p := problem.New(http.StatusBadRequest, "malformed", "The body is not a JSON text as RFC 8259 has it, or a member occurs twice.")
		if e, ok := err.(*strictjson.Error); ok {
			p.Errors = []problem.Field{{Pointer: e.Pointer, Message: e.Message}}
		}
		return nil, p
	}
	r, ok := strictjson.Read(v)
	if !ok {
		return nil, problem.New(http.StatusBadRequest, "malformed", "The body must be a JSON object.")
	}
	return r, nil
}

// finish turns what the reader complained of into a problem; nil when there is nothing.
func finish(r *strictjson.Reader) *problem.Problem {
	r.End()
	list := r.Errors()
	if len(list) == 0 {
		return nil
	}
	p := problem.New(http.StatusUnprocessableEntity, "invalid", "Some members cannot be used.")
	for _, e := range list {
		p.Errors = append(p.Errors, problem.Field{Pointer: e.Pointer, Message: e.Message})
	}
	return p
}

// texts reads free text, and refuses card numbers in it: they must not get into answers, mails and logs.
func (s *server) texts(r *strictjson.Reader, name string, max int) string {
	t := r.String(name, max)
	if t != "" && s.CardLike(t) {
		r.Complain(name, "must not contain a card number")
		return ""
	}
	return t
}

// order reads the body of POST /v1/payments.
func (s *server) order(merchant Merchant, text []byte) (core.Order, *problem.Problem) {
	r, bad := parse(text, false)
	if bad != nil {
		return core.Order{}, bad
	}
	o := core.Order{Merchant: merchant.ID, Mode: core.Automatic}
	cur, err := money.ByAlpha(r.String("currency", 3))
	if err != nil {
		r.Complain("currency", "must be a currency of ISO 4217, such as EUR")
	}
	minor, ok := amount(r, true)
	if ok && err == nil {
		o.Amount, _ = money.New(minor, cur) // in bounds
	}
	switch m := r.String("capture", 20); m {
	case "", string(core.Automatic):
	case string(core.Manual):
		o.Mode = core.Manual
	default:
		r.Complain("capture", "must be automatic or manual")
	}
	o.Reference = s.texts(r, "order", 64)
	if o.Reference == "" {
		r.Complain("order", "is required: the shop's order number")
	}
	o.Description = s.texts(r, "description", 200)
	o.ReturnURL = s.texts(r, "return_url", 500)
	if o.ReturnURL != "" && !sameSite(o.ReturnURL, merchant.SiteURL) {
		r.Complain("return_url", "must be an address on the shop's own site")
	}
	if m := r.Object("metadata"); m != nil {
		o.Metadata = s.metadata(m)
	}
	return o, finish(r)
}

func (s *server) metadata(r *strictjson.Reader) map[string]string {
	out := map[string]string{}
	names := r.Names()
	if len(names) > maxMetadata {
		r.Complain("", "must have at most 20 members")
		return nil
	}
	for i, name := range names {
		if name == "" || len(name) > 40 || s.CardLike(name) || strings.ContainsFunc(name, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
			r.Complain("", "member "+string(rune('a'+i))+": names have 1 to 40 visible ASCII characters")
			continue
		}
		out[name] = s.texts(r, name, 500)
	}
	return out
}

// amount reads "amount" in minor units.
func amount(r *strictjson.Reader, required bool) (int64, bool) {
	if !required && !r.Has("amount") {
		return 0, false
	}
	n, ok := r.Int("amount")
	switch {
	case !ok && !r.Has("amount"):
		r.Complain("amount", "is required: a whole number of minor units, such as cents")
	case ok && n <= 0:
		r.Complain("amount", "must be above zero")
		return 0, false
	case ok && n > maxAmount:
		r.Complain("amount", "is too large")
		return 0, false
	}
	return n, ok
}

// sameSite says whether an address lies on the shop's origin: the gateway sends shoppers nowhere else.
func sameSite(address, site string) bool {
	a, err := url.Parse(address)
	if err != nil || a.User != nil || a.Host == "" {
		return false
	}
	s, err := url.Parse(site)
	return err == nil && a.Scheme == s.Scheme && strings.EqualFold(a.Host, s.Host)
}

// partial reads the body of capture: {amount?}.
func partial(text []byte) (minor int64, bad *problem.Problem) {
	r, bad := parse(text, true)
	if bad != nil {
		return 0, bad
	}
	minor, _ = amount(r, false)
	return minor, finish(r)
}

// refund reads the body of a refund: {amount?, reason?}.
func (s *server) refund(text []byte) (minor int64, reason string, bad *problem.Problem) {
	r, bad := parse(text, true)
	if bad != nil {
		return 0, "", bad
	}
	minor, _ = amount(r, false)
	reason = s.texts(r, "reason", 200)
	return minor, reason, finish(r)
}

// nothing reads the body of a cancel: {}.
func nothing(text []byte) *problem.Problem {
	r, bad := parse(text, true)
	if bad != nil {
		return bad
	}
	return finish(r)
}
