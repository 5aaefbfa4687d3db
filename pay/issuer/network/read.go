package network

import (
	"bytes"
	"context"
	"encoding/base64"
	"time"

	"countersign/pay/card"
	"countersign/pay/issuer"
	"countersign/pay/money"
	"countersign/pay/payment"
	"countersign/pay/sealed"
	"countersign/pay/securitycode"
	"countersign/wire/iso8583"
)

// Processing codes, DE 3.
const (
	purchase     = "000000"
	refund       = "200000"
	accountCheck = "330000"
)

// reader takes values out of a message; the first thing that is wrong sticks.
type reader struct {
	m   *iso8583.Message
	now time.Time
	no  *refusal
}

func (r *reader) fail(no *refusal) {
	if r.no == nil {
		r.no = no
	}
}

// need lends a field that must be there.
func (r *reader) need(de int) []byte {
	if !r.m.Has(de) {
		r.fail(malformed(de, 0, iso8583.Missing))
	}
	return r.m.Get(de)
}

func (r *reader) text(de int) string {
	r.need(de)
	return r.m.Text(de)
}

func (r *reader) key() issuer.MessageKey {
	k := issuer.MessageKey{MTI: r.m.MTI().First().String(), Acquirer: r.text(iso8583.Acquirer), Terminal: r.text(iso8583.Terminal)}
	if v := r.need(iso8583.STAN); v != nil {
		stan, _ := iso8583.ParseDigits(v)
		k.STAN = uint32(stan)
	}
	if v := r.need(iso8583.Transmission); v != nil {
		at, ok := iso8583.ParseTime(v, r.now)
		if !ok {
			r.fail(malformed(iso8583.Transmission, 0, iso8583.BadValue))
		}
		k.Transmitted = at
	}
	return k
}

func (r *reader) pan() card.PAN {
	v := r.need(iso8583.PAN)
	if v == nil || r.no != nil {
		return card.PAN{}
	}
	p, err := card.ParsePAN(v)
	if err != nil {
		r.fail(refuse(payment.NoSuchCard, "not a card number"))
	}
	return p
}

func (r *reader) amount() money.Amount {
	minor, _ := iso8583.ParseDigits(r.need(iso8583.AmountField))
	n, _ := iso8583.ParseDigits(r.need(iso8583.Currency))
	if r.no != nil {
		return money.Amount{}
	}
	cur, err := money.ByNumeric(uint16(n))
	if err != nil {
		r.fail(refuse(payment.InvalidTx, "currency unknown"))
		return money.Amount{}
	}
	a, err := money.New(int64(minor), cur)
	if err != nil {
		r.fail(refuse(payment.InvalidAmount, "amount out of range"))
	}
	return a
}

// positive refuses an amount of nothing.
func (r *reader) positive(a money.Amount) {
	if r.no == nil && a.IsZero() {
		r.fail(refuse(payment.InvalidAmount, "amount is zero"))
	}
}

func (r *reader) merchant() issuer.Merchant {
	w := issuer.Merchant{Acquirer: r.text(iso8583.Acquirer), Acceptor: r.text(iso8583.Acceptor),
		Terminal: r.text(iso8583.Terminal), MCC: r.m.Text(iso8583.MCC)}
	if r.no == nil && w.Acceptor == "" {
		r.fail(malformed(iso8583.Acceptor, 0, iso8583.BadValue))
	}
	if v := r.m.Get(iso8583.NameAndPlace); v != nil {
		w.Name = string(bytes.TrimSpace(v[:37]))
		if _, ok := iso8583.ParseDigits(v[37:]); ok {
			w.Country = string(v[37:])
		}
	}
	return w
}

// original reads DE 90, which must be there when need is set. The terminal is the message's own.
func (r *reader) original(k issuer.MessageKey, need bool) issuer.MessageKey {
	if !need && !r.m.Has(iso8583.OriginalData) {
		return issuer.MessageKey{}
	}
	v := r.need(iso8583.OriginalData)
	if v == nil {
		return issuer.MessageKey{}
	}
	o, ok := iso8583.ParseOriginal(v, r.now)
	if !ok {
		r.fail(malformed(iso8583.OriginalData, 0, iso8583.BadValue))
	}
	who := o.Acquirer
	if iso8583.SameInstitution(who, k.Acquirer) {
		who = k.Acquirer
	}
	return issuer.MessageKey{MTI: o.MTI.First().String(), Acquirer: who, STAN: o.STAN, Transmitted: o.Transmission, Terminal: k.Terminal}
}

func (r *reader) element(t iso8583.Tag) string { return string(r.m.Element(t)) }

func (r *reader) badElement(t iso8583.Tag, why iso8583.Reason) {
	r.fail(malformed(iso8583.AdditionalData, int(t), why))
}

// proof reads what 3DS gave: DE 48.42, 48.43, 48.66.
func (r *reader) proof(q *issuer.Request) {
	q.ECI = r.element(iso8583.TagECI)
	if v := r.m.Element(iso8583.TagCAVV); v != nil {
		raw, err := base64.StdEncoding.Strict().AppendDecode(nil, v)
		if err != nil || len(raw) != 21 {
			r.badElement(iso8583.TagCAVV, iso8583.BadValue)
		}
		q.CAVV = raw
	}
	if v := r.m.Element(iso8583.TagThreeDS); v != nil {
		_, id, ok := bytes.Cut(v, []byte(" "))
		if !ok || len(id) == 0 {
			r.badElement(iso8583.TagThreeDS, iso8583.BadValue)
		}
		q.DSTransID = string(id)
	}
}

// code reads the security code, sealed (DE 48.93) or in the clear (48.92, which is wiped in the message),
// and what the sender says of it (48.91).
func (r *reader) code(q *issuer.Request) {
	extra := r.m.Get(iso8583.AdditionalData)
	clearCode, box := iso8583.Element(extra, iso8583.TagCode), iso8583.AppendElement(nil, extra, iso8583.TagSealedCode)
	if clearCode != nil && box != nil {
		r.badElement(iso8583.TagCode, iso8583.BadValue)
	}
	q.Presence = '0'
	if clearCode != nil || box != nil {
		q.Presence = '1'
	}
	if v := r.m.Element(iso8583.TagPresence); v != nil {
		if len(v) != 1 || bytes.IndexByte([]byte("0129"), v[0]) < 0 || (v[0] == '1') != (q.Presence == '1') {
			r.badElement(iso8583.TagPresence, iso8583.BadValue)
		} else {
			q.Presence = v[0]
		}
	}
	if r.no != nil {
		return
	}
	var err error
	if box != nil {
		if q.Code, err = sealed.Parse(string(box)); err != nil {
			r.badElement(iso8583.TagSealedCode, iso8583.BadValue)
		}
	}
	if clearCode != nil {
		if q.Plain, err = securitycode.New(clearCode); err != nil {
			r.badElement(iso8583.TagCode, iso8583.BadValue)
		}
	}
}

func (s *session) reader(m *iso8583.Message) *reader {
	return &reader{m: m, now: s.cfg.Now()}
}

func (s *session) authorise(ctx context.Context, m *iso8583.Message) (issuer.Decision, *refusal, error) {
	r := s.reader(m)
	q := &issuer.Request{Key: r.key(), Repeat: m.MTI().IsRepeat(), RRN: r.text(iso8583.RRN), Lifecycle: m.Text(iso8583.Lifecycle),
		Payment: r.element(iso8583.TagPayment), Amount: r.amount(), Merchant: r.merchant()}
	switch r.text(iso8583.ProcessingCode) {
	case purchase:
		r.positive(q.Amount)
	case accountCheck:
		q.AccountCheck = true
		if !q.Amount.IsZero() {
			r.fail(refuse(payment.InvalidAmount, "account check with an amount"))
		}
	default:
		r.fail(refuse(payment.InvalidTx, "processing code not offered"))
	}
	if v := m.Get(iso8583.Expiry); v != nil {
		var err error
		if q.Expiry, err = card.ParseExpiry(string(v)); err != nil {
			r.fail(malformed(iso8583.Expiry, 0, iso8583.BadValue))
		}
	}
	r.proof(q)
	r.code(q)
	q.PAN = r.pan()
	defer q.PAN.Wipe()
	defer q.Plain.Wipe()
	if r.no != nil {
		return issuer.Decision{}, r.no, nil
	}
	d, err := s.decide.Authorise(ctx, q)
	return d, nil, err
}

func (s *session) advise(ctx context.Context, m *iso8583.Message) (issuer.Decision, *refusal, error) {
	r := s.reader(m)
	a := &issuer.Advice{Key: r.key(), Repeat: m.MTI().IsRepeat(), RRN: r.text(iso8583.RRN), Lifecycle: m.Text(iso8583.Lifecycle),
		Payment: r.element(iso8583.TagPayment), Amount: r.amount(), Merchant: r.merchant()}
	r.positive(a.Amount)
	switch code := r.text(iso8583.ProcessingCode); {
	case code == refund:
		a.Kind = issuer.Refund
	case code == purchase && m.MTI().First() == iso8583.FinancialAdvice:
		a.Kind = issuer.Capture
	default:
		r.fail(refuse(payment.InvalidTx, "processing code not offered"))
	}
	a.Original = r.original(a.Key, a.Kind == issuer.Capture)
	if v := m.Element(iso8583.TagCapture); v != nil {
		nm, ok := iso8583.ParseDigits(v)
		if a.N, a.M = int(nm/100), int(nm%100); !ok || len(v) != 4 || a.N < 1 || a.N > a.M {
			r.badElement(iso8583.TagCapture, iso8583.BadValue)
		}
	}
	a.PAN = r.pan()
	defer a.PAN.Wipe()
	if r.no != nil {
		return issuer.Decision{}, r.no, nil
	}
	d, err := s.decide.Advise(ctx, a)
	return d, nil, err
}

func (s *session) reverse(ctx context.Context, m *iso8583.Message) (issuer.Decision, *refusal, error) {
	r := s.reader(m)
	v := &issuer.Reversal{Key: r.key(), Repeat: m.MTI().IsRepeat(), Advice: m.MTI().First() == iso8583.ReversalAdvice,
		RRN: r.text(iso8583.RRN), Lifecycle: m.Text(iso8583.Lifecycle), Amount: r.amount(), Merchant: r.merchant()}
	v.Original = r.original(v.Key, true)
	if w := m.Get(iso8583.Replacement); w != nil && r.no == nil {
		v.Keep = r.keep(w, v.Amount)
	}
	v.PAN = r.pan()
	defer v.PAN.Wipe()
	if r.no != nil {
		return issuer.Decision{}, r.no, nil
	}
	d, err := s.decide.Reverse(ctx, v)
	return d, nil, err
}

// keep reads DE 95: what stays held, which must be less than what was. Zero is a full reversal.
func (r *reader) keep(v []byte, of money.Amount) *money.Amount {
	minor, ok := iso8583.ParseReplacement(v)
	if !ok {
		r.fail(malformed(iso8583.Replacement, 0, iso8583.BadValue))
		return nil
	}
	a, err := money.New(int64(minor), of.Currency())
	if err != nil || a.Minor() >= of.Minor() {
		r.fail(refuse(payment.InvalidAmount, "replacement amount is not less than the original"))
		return nil
	}
	if a.IsZero() {
		return nil
	}
	return &a
}
