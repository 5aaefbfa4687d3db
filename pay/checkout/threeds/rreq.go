package threeds

import (
	"context"
	"errors"

	"countersign/wire/emv3ds"
)

// answer takes one message from the directory: an RReq is stored by Config.Result and then answered
// with an RRes; everything else with an Erro, and an Erro with nothing.
func (s *Server) answer(ctx context.Context, body []byte) []byte {
	m, f := emv3ds.Parse(body)
	if f == nil {
		if m.Type() == emv3ds.Erro {
			s.cfg.Log.Warn("Erro from the directory", "code", m.Text("errorCode"), "threeDSServerTransID", m.Text("threeDSServerTransID"))
			return nil
		}
		if f = m.ValidateFor(emv3ds.Server); f == nil && m.Type() != emv3ds.RReq {
			f = emv3ds.NewFault(101, emv3ds.Server, "messageType")
		}
	}
	if f != nil {
		s.cfg.Log.Warn("message refused", "fault", f.String())
		return f.From(emv3ds.Server).Erro(m)
	}
	r := Result{
		ServerTransID: m.Text("threeDSServerTransID"), ACSTransID: m.Text("acsTransID"), DSTransID: m.Text("dsTransID"),
		Status: m.Text("transStatus"), Reason: m.Text("transStatusReason"), Cancel: m.Text("challengeCancel"),
	}
	if r.Status == "Y" || r.Status == "A" {
		r.ECI, r.CAVV = m.Text("eci"), m.Text("authenticationValue")
	}
	if err := s.cfg.Result(ctx, r); err != nil {
		f := refusal(err)
		s.cfg.Log.Warn("result not taken", "threeDSServerTransID", r.ServerTransID, "code", f.Code)
		return f.Erro(m)
	}
	b := emv3ds.New(emv3ds.RRes, m.Version())
	b.Set("threeDSServerTransID", r.ServerTransID).Set("acsTransID", r.ACSTransID).Set("dsTransID", r.DSTransID)
	return b.Set("resultsStatus", "01").Bytes()
}

// refusal is the fault that an error of Config.Result stands for.
func refusal(err error) *emv3ds.Fault {
	switch {
	case errors.Is(err, ErrUnknown):
		return emv3ds.NewFault(301, emv3ds.Server, "threeDSServerTransID")
	case errors.Is(err, ErrDuplicate):
		return emv3ds.NewFault(312, emv3ds.Server, "threeDSServerTransID")
	case errors.Is(err, ErrNoChallenge):
		return emv3ds.NewFault(313, emv3ds.Server, "threeDSServerTransID")
	}
	return emv3ds.NewFault(403, emv3ds.Server, "the result could not be stored")
}
