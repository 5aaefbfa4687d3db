package threeds

import (
	"errors"
	"net/url"

	"countersign/wire/emv3ds"
)

// ErrCRes: the form holds no final challenge answer.
var ErrCRes = errors.New("threeds: not a CRes")

// maxSession is the longest threeDSSessionData, in characters (EMV 3DS table A.3).
const maxSession = 1024

// ParseCRes reads the form that the ACS page posts to the notification URL: "cres" with a CRes or an
// Erro, and "threeDSSessionData". It says who came back and never decides anything. The error is ErrCRes.
func ParseCRes(form url.Values) (CRes, error) {
	session := form.Get("threeDSSessionData")
	text := form.Get("cres")
	if text == "" {
		text = form.Get("erro")
	}
	body, err := emv3ds.DecodeForm(text)
	if err != nil || len(session) > maxSession {
		return CRes{}, ErrCRes
	}
	m, f := emv3ds.Parse(body)
	if f == nil {
		f = m.ValidateFor(emv3ds.Server)
	}
	if f != nil {
		return CRes{}, ErrCRes
	}
	c := CRes{ServerTransID: m.Text("threeDSServerTransID"), ACSTransID: m.Text("acsTransID"), SessionData: session}
	switch m.Type() {
	case emv3ds.CRes:
		c.Status = m.Text("transStatus")
	case emv3ds.Erro:
		c.Code = atoi(m.Text("errorCode"))
	default:
		return CRes{}, ErrCRes
	}
	return c, nil
}
