package acs

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/host/keys"
	"countersign/pay/acs/challenge"
	"countersign/pay/acs/sms"
	"countersign/pay/acs/store"
	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/wire/emv3ds"
)

// message answers what comes in from the directory.
func (s *server) message(ctx context.Context, body []byte) []byte {
	m, f := emv3ds.Parse(body)
	if f == nil && m.Type() == emv3ds.Erro {
		s.env.Log.Warn("Erro from the directory", "code", m.Text("errorCode"), "acsTransID", m.Text("acsTransID"))
		return nil
	}
	if f == nil {
		f = m.ValidateFor(emv3ds.ACS)
	}
	if f == nil && m.Type() != emv3ds.AReq {
		f = emv3ds.NewFault(101, emv3ds.ACS, "messageType")
	}
	if f != nil {
		s.env.Log.Info("message refused", "type", m.Type(), "fault", f.String())
		return f.From(emv3ds.ACS).Erro(m)
	}
	return s.authenticate(ctx, m)
}

// authenticate answers an AReq that is well-formed.
func (s *server) authenticate(ctx context.Context, m *emv3ds.Message) []byte {
	id, err := emv3ds.NewID(s.env.Rand)
	if err != nil {
		return emv3ds.NewFault(403, emv3ds.ACS, "").Erro(m)
	}
	d, f := s.deal(m, id)
	if f != nil {
		return f.Erro(m)
	}
	status, reason := s.decide(ctx, m, &d)
	if status == "C" {
		status, reason, f = s.offer(ctx, d)
		if f != nil {
			return f.Erro(m)
		}
	}
	s.env.Log.Info("AReq", "acsTransID", id, "transStatus", status, "reason", reason, "dsTransID", d.DSTransID)
	return s.ares(m, id, status, reason)
}

// deal reads what the holder will be asked, apart from the card.
func (s *server) deal(m *emv3ds.Message, id string) (challenge.Deal, *emv3ds.Fault) {
	d := challenge.Deal{
		ACSTransID: id, ServerTransID: m.Text("threeDSServerTransID"), DSTransID: m.Text("dsTransID"), Version: m.Version(),
		Payee: sms.Clean(m.Text("merchantName"), 40), NotificationURL: m.Text("notificationURL"),
		Acceptor: m.Text("acquirerMerchantID"), Bank: s.cfg.Bank,
	}
	if _, ok := webOrigin(d.NotificationURL); !ok {
		return d, emv3ds.NewFault(203, emv3ds.ACS, "notificationURL")
	}
	site, ok := webOrigin(m.Text("threeDSRequestorURL"))
	if !ok {
		return d, emv3ds.NewFault(203, emv3ds.ACS, "threeDSRequestorURL")
	}
	d.Site = site
	if m.Text("messageCategory") != "01" {
		return d, nil // without an amount; decide refuses it
	}
	n, err := strconv.ParseUint(m.Text("purchaseCurrency"), 10, 16)
	cur, err2 := money.ByNumeric(uint16(n))
	if err != nil || err2 != nil {
		return d, emv3ds.NewFault(304, emv3ds.ACS, "purchaseCurrency")
	}
	if e, err := strconv.Atoi(m.Text("purchaseExponent")); err != nil || e != int(cur.Exponent) {
		return d, emv3ds.NewFault(203, emv3ds.ACS, "purchaseExponent")
	}
	minor, err := strconv.ParseInt(m.Text("purchaseAmount"), 10, 64)
	if err != nil {
		return d, emv3ds.NewFault(203, emv3ds.ACS, "purchaseAmount")
	}
	if d.Amount, err = money.New(minor, cur); err != nil {
		return d, emv3ds.NewFault(203, emv3ds.ACS, "purchaseAmount")
	}
	return d, nil
}

// decide looks at the card: C, or the answer that needs no challenge. A wrong expiry date in the AReq is not looked at:
// an answer to it would let a thief try dates without the holder noticing; the issuer refuses it afterwards.
func (s *server) decide(ctx context.Context, m *emv3ds.Message, d *challenge.Deal) (status, reason string) {
	switch {
	case m.Text("messageCategory") != "01":
		return "N", "20"
	case m.Text("deviceChannel") == "03":
		return "N", "21"
	case m.Text("deviceChannel") != "02":
		return "U", "03"
	}
	var pan card.PAN
	var bad error
	m.Secret("acctNumber", func(digits []byte) { pan, bad = card.ParsePAN(digits) })
	defer pan.Wipe()
	if bad != nil || !pan.Present() {
		return "N", "06"
	}
	e, index, err := s.enrolled(ctx, pan)
	switch {
	case errors.Is(err, errNoCard):
		return "N", "08"
	case err != nil:
		s.env.Log.Warn("the bank does not answer", "error", err)
		return "U", "22"
	}
	if reason := e.reason(s.env.Now()); reason != "" {
		return "N", reason
	}
	d.PAN, d.Card, d.Brand, d.Last4, d.Phone = index, e.Card, e.Brand, e.Last4, e.Phone
	return "C", ""
}

// enrolled looks the card up under every index key that there is, the newest first.
func (s *server) enrolled(ctx context.Context, pan card.PAN) (e enrolment, index card.Index, err error) {
	err = errNoCard
	for _, k := range newestFirst(s.env.Keys.All(keys.PANIndex)) {
		k.Use(func(raw []byte) {
			var ik card.IndexKey
			if ik, err = card.NewIndexKey(raw); err == nil {
				index = ik.Of(pan)
			}
		})
		if err == nil {
			e, err = s.bank.enrolment(ctx, index)
		}
		if !errors.Is(err, errNoCard) {
			return e, index, err
		}
	}
	return e, index, err
}

func newestFirst(all []keys.Key) []keys.Key {
	out := make([]keys.Key, 0, len(all))
	for i := range all {
		out = append(out, all[len(all)-1-i])
	}
	if len(out) > 1 && out[0].Number < out[len(out)-1].Number {
		return all
	}
	return out
}

// offer stores the challenge before the shop may know of it.
func (s *server) offer(ctx context.Context, d challenge.Deal) (status, reason string, f *emv3ds.Fault) {
	k, err := s.env.Keys.Current(keys.OTP)
	if err == nil {
		d.KeyID = k.ID
		now := s.env.Now()
		limits := store.Limits{Open: s.cfg.MaxOpen, Wrong: s.cfg.WrongPerDay, Day: day, Vain: s.cfg.VainPerHour, Hour: time.Hour}
		err = s.store.Offer(ctx, challenge.New(d, now), limits, now)
	}
	switch {
	case err == nil:
		return "C", "", nil
	case errors.Is(err, store.ErrUsed):
		return "", "", emv3ds.NewFault(305, emv3ds.ACS, "dsTransID")
	case errors.Is(err, store.ErrTooMany):
		return "N", "19", nil
	case errors.Is(err, store.ErrTooOften):
		return "N", "04", nil
	}
	s.env.Log.Error("cannot store a challenge", "error", err)
	return "U", "22", nil
}

func (s *server) ares(m *emv3ds.Message, id, status, reason string) []byte {
	b := emv3ds.New(emv3ds.ARes, m.Version())
	b.Set("threeDSServerTransID", m.Text("threeDSServerTransID")).Set("acsTransID", id)
	b.Set("acsReferenceNumber", s.cfg.Reference).Set("acsOperatorID", s.cfg.Operator)
	b.Set("dsReferenceNumber", m.Text("dsReferenceNumber")).Set("dsTransID", m.Text("dsTransID"))
	b.Set("transStatus", status).Set("transStatusReason", reason)
	if status == "C" {
		b.Set("acsURL", s.env.URL(origin)+pagePath).Set("acsChallengeMandated", "Y").Set("authenticationType", "02")
	}
	return b.Bytes()
}

// webOrigin is the origin of an address that a page may be framed by or send a form to: https, or http inside this
// machine. Only characters that cannot change the meaning of a Content-Security-Policy are allowed.
func webOrigin(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return "", false
	}
	for _, c := range u.Host {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-:[]", c) {
			return "", false
		}
	}
	h := u.Hostname()
	local := h == "localhost" || strings.HasSuffix(h, ".localhost") || h == "127.0.0.1" || h == "::1"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return "", false
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), true
}
