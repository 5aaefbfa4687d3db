package network

import (
	"strings"
	"time"
	"unicode"

	"countersign/pay/card"
	"countersign/pay/money"
	"countersign/wire/iso8583"

	"golang.org/x/text/unicode/norm"
)

// Fixed values of e-commerce: DE 22 and DE 25.
const (
	entryMode      = "810"
	conditionShop  = "59"
	conditionCheck = "51"
)

func missing(de int) error { return &iso8583.Fault{Field: de, Reason: iso8583.Missing} }

// head writes the fields up to DE 18 that all messages have in common.
func head(w *iso8583.Packer, pan card.PAN, processing string, amount money.Amount, t Trace, e card.Expiry, mcc string) error {
	switch {
	case !amount.Currency().Known():
		return missing(iso8583.Currency)
	case t.STAN < 1 || t.STAN > 999999:
		return &iso8583.Fault{Field: iso8583.STAN, Reason: iso8583.BadValue}
	case t.Transmitted.IsZero():
		return missing(iso8583.Transmission)
	}
	wiped := true
	pan.Use(func(digits []byte) { w.Bytes(iso8583.PAN, digits); wiped = false })
	if wiped {
		return missing(iso8583.PAN)
	}
	w.Text(iso8583.ProcessingCode, processing)
	w.Number(iso8583.AmountField, uint64(amount.Minor()))
	at := t.Transmitted.UTC()
	w.Text(iso8583.Transmission, at.Format("0102150405"))
	w.Number(iso8583.STAN, uint64(t.STAN))
	w.Text(iso8583.LocalTime, at.Format("150405"))
	w.Text(iso8583.LocalDate, at.Format("0102"))
	if e.Month >= time.January {
		w.Text(iso8583.Expiry, e.YYMM())
	}
	if mcc != "" {
		w.Text(iso8583.MCC, mcc)
	}
	return nil
}

// who writes DE 32 to DE 43.
func (l *Link) who(w *iso8583.Packer, m Merchant, rrn string) {
	w.Text(iso8583.Acquirer, l.acquirer(m))
	w.Text(iso8583.RRN, rrn)
	w.Text(iso8583.Terminal, m.Terminal)
	w.Text(iso8583.Acceptor, m.Acceptor)
	if m.Name != "" {
		w.Text(iso8583.NameAndPlace, place(m.Name, m.Country))
	}
}

func (l *Link) acquirer(m Merchant) string {
	if m.Acquirer != "" {
		return m.Acquirer
	}
	return l.cfg.Acquirer
}

func (l *Link) purchase(w *iso8583.Packer, p *Purchase) error {
	processing, condition := "000000", conditionShop
	if p.Amount.IsZero() {
		processing, condition = "330000", conditionCheck
	}
	if err := head(w, p.PAN, processing, p.Amount, p.Trace, p.Expiry, p.Merchant.MCC); err != nil {
		return err
	}
	w.Text(iso8583.EntryMode, entryMode)
	w.Text(iso8583.Condition, condition)
	l.who(w, p.Merchant, p.RRN)
	element(w, iso8583.TagECI, p.ECI)
	element(w, iso8583.TagCAVV, p.CAVV)
	element(w, iso8583.TagPayment, p.Payment)
	if p.DSTransID != "" {
		element(w, iso8583.TagThreeDS, p.Version+" "+p.DSTransID)
	}
	if len(p.Code.Data) > 0 {
		element(w, iso8583.TagPresence, "1")
		element(w, iso8583.TagSealedCode, p.Code.String())
	} else {
		element(w, iso8583.TagPresence, "0")
	}
	tail(w, p.Amount, p.Lifecycle)
	return nil
}

func (l *Link) advice(w *iso8583.Packer, a *Advice) error {
	processing := "000000"
	if a.Refund {
		processing = "200000"
	}
	if err := head(w, a.PAN, processing, a.Amount, a.Trace, card.Expiry{}, a.Merchant.MCC); err != nil {
		return err
	}
	l.who(w, a.Merchant, a.RRN)
	if a.N != 0 || a.M != 0 {
		if a.N < 1 || a.N > a.M || a.M > 99 {
			return &iso8583.Fault{Field: iso8583.AdditionalData, Element: int(iso8583.TagCapture), Reason: iso8583.BadValue}
		}
		n := a.N*100 + a.M
		w.Element(iso8583.TagCapture, []byte{'0' + byte(n/1000), '0' + byte(n/100%10), '0' + byte(n/10%10), '0' + byte(n%10)})
	}
	element(w, iso8583.TagPayment, a.Payment)
	tail(w, a.Amount, a.Lifecycle)
	if a.Refund && a.Original == (Original{}) {
		return nil
	}
	return l.original(w, a.Original, a.Merchant)
}

func (l *Link) reversal(w *iso8583.Packer, r *Reversal) error {
	if err := head(w, r.PAN, "000000", r.Amount, r.Trace, card.Expiry{}, r.Merchant.MCC); err != nil {
		return err
	}
	l.who(w, r.Merchant, r.RRN)
	tail(w, r.Amount, r.Lifecycle)
	if err := l.original(w, r.Original, r.Merchant); err != nil {
		return err
	}
	if r.Keep != nil {
		if less, err := r.Keep.Cmp(r.Amount); err != nil || less >= 0 {
			return &iso8583.Fault{Field: iso8583.Replacement, Reason: iso8583.BadValue}
		}
		w.Bytes(iso8583.Replacement, iso8583.AppendReplacement(nil, uint64(r.Keep.Minor())))
	}
	return nil
}

// tail writes DE 49 and DE 62.
func tail(w *iso8583.Packer, a money.Amount, lifecycle string) {
	w.Text(iso8583.Currency, a.Currency().Code())
	if lifecycle != "" {
		w.Text(iso8583.Lifecycle, lifecycle)
	}
}

// original writes DE 90.
func (l *Link) original(w *iso8583.Packer, o Original, m Merchant) error {
	t, ok := iso8583.ParseMTI(o.MTI)
	if !ok || !t.Known() || !t.IsRequest() || o.STAN < 1 || o.STAN > 999999 || o.Transmitted.IsZero() {
		return &iso8583.Fault{Field: iso8583.OriginalData, Reason: iso8583.BadValue}
	}
	w.Bytes(iso8583.OriginalData, iso8583.Original{MTI: t.First(), STAN: o.STAN, Transmission: o.Transmitted, Acquirer: l.acquirer(m)}.Append(nil))
	return nil
}

func element(w *iso8583.Packer, t iso8583.Tag, v string) {
	if v != "" {
		w.ElementText(t, v)
	}
}

// place is DE 43: the name in 36 characters of ASCII, a space, and the country's three digits.
func place(name, country string) string {
	name = ascii(name)
	if len(name) > 36 {
		name = strings.TrimRight(name[:36], " ")
	}
	return name + strings.Repeat(" ", 37-len(name)) + country
}

// ascii drops accents and writes '?' for what is still not printable ASCII.
func ascii(s string) string {
	s = strings.NewReplacer("ß", "ss", "æ", "ae", "Æ", "AE", "ø", "o", "Ø", "O", "œ", "oe", "Œ", "OE", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D", "þ", "th", "Þ", "Th").Replace(s)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, norm.NFKD.String(s)))
}
