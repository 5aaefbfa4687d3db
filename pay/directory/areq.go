package directory

import (
	"context"
	"errors"
	"slices"

	"countersign/pay/directory/store"
	"countersign/wire/emv3ds"
)

// areq passes an authentication request to the bank's ACS and its answer back (EMV 3DS §3.3, steps 5 to 8).
func (d *directory) areq(ctx context.Context, m *emv3ds.Message) []byte {
	id := m.Text("threeDSServerTransID")
	r, f := d.admit(m)
	if f != nil {
		return d.refuse(f, m)
	}
	work := "AReq " + id
	if !d.claim(work) {
		return d.refuse(emv3ds.NewFault(312, 0, "threeDSServerTransID"), m)
	}
	defer d.release(work)
	if _, used, err := d.store.Find(ctx, id); err != nil || used {
		if err != nil {
			d.log.Error("cannot read transactions", "error", err)
			return d.refuse(emv3ds.NewFault(403, 0, "storage"), m)
		}
		return d.refuse(emv3ds.NewFault(312, 0, "threeDSServerTransID"), m)
	}
	dsID, err := emv3ds.NewID(d.rand)
	if err != nil {
		return d.refuse(emv3ds.NewFault(403, 0, "randomness"), m)
	}
	out := emv3ds.New(emv3ds.AReq, m.Version())
	m.CopyTo(out, "dsReferenceNumber", "dsTransID", "dsURL")
	out.Set("dsReferenceNumber", d.cfg.Reference).Set("dsTransID", dsID).Set("dsURL", d.cfg.URL)
	answer, err := ask(ctx, d.acs[r.ACS], d.cfg.ARes, out.Bytes())
	out.Wipe()
	if err != nil {
		return d.refuse(unreachable(err, "the ACS"), m)
	}
	return d.ares(ctx, m, id, dsID, r, answer)
}

// admit decides whether an AReq may go on, and to whom: 303 the 3DS Server is not known, 306 the merchant
// category code, 305 no card range.
func (d *directory) admit(m *emv3ds.Message) (*Range, *emv3ds.Fault) {
	if len(d.cfg.Servers) > 0 && !slices.Contains(d.cfg.Servers, m.Text("threeDSServerRefNumber")) {
		return nil, emv3ds.NewFault(303, 0, "threeDSServerRefNumber")
	}
	if mcc := m.Text("mcc"); mcc != "" && !goodMCC(mcc) {
		return nil, emv3ds.NewFault(306, 0, "mcc")
	}
	var r *Range
	m.Secret("acctNumber", func(digits []byte) { r = find(d.cfg.Ranges, digits) })
	if r == nil {
		return nil, emv3ds.NewFault(305, 0, "acctNumber")
	}
	return r, nil
}

// goodMCC: ISO 18245 gives codes from 0700 (agriculture) to 9999.
func goodMCC(mcc string) bool { return mcc >= "0700" && mcc <= "9999" }

// ares checks what the ACS answered, remembers the transaction durably, and passes the answer on. When
// the answer is wrong, both sides get an Erro.
func (d *directory) ares(ctx context.Context, m *emv3ds.Message, id, dsID string, r *Range, answer []byte) []byte {
	a, f := emv3ds.Parse(answer)
	if f == nil {
		f = a.ValidateFor(emv3ds.Directory)
	}
	if f == nil && a.Type() == emv3ds.Erro {
		d.log.Warn("Erro for AReq", "threeDSServerTransID", id, "code", a.Text("errorCode"))
		return answer
	}
	switch {
	case f != nil:
	case a.Type() != emv3ds.ARes:
		f = emv3ds.NewFault(101, 0, "messageType")
	case a.Text("threeDSServerTransID") != id:
		f = emv3ds.NewFault(301, 0, "threeDSServerTransID")
	case a.Text("dsTransID") != dsID:
		f = emv3ds.NewFault(301, 0, "dsTransID")
	case a.Version() != m.Version():
		f = emv3ds.NewFault(203, 0, "messageVersion")
	}
	if f != nil {
		d.tell(ctx, r.ACS, f.From(emv3ds.Directory).Erro(a))
		return d.refuse(f, m)
	}
	err := d.store.Add(ctx, store.Record{ServerTransID: id, ACSTransID: a.Text("acsTransID"), DSTransID: dsID, Status: a.Text("transStatus"), At: d.now()})
	if err != nil {
		if errors.Is(err, store.ErrExists) {
			return d.refuse(emv3ds.NewFault(312, 0, "threeDSServerTransID"), m)
		}
		d.log.Error("cannot store a transaction", "error", err)
		return d.refuse(emv3ds.NewFault(403, 0, "storage"), m)
	}
	out := emv3ds.New(emv3ds.ARes, a.Version())
	a.CopyTo(out)
	clear(answer)
	return out.Bytes()
}

// tell sends an Erro to an ACS; it is not answered, and that it may get lost changes nothing.
func (d *directory) tell(ctx context.Context, acs string, erro []byte) {
	if erro == nil {
		return
	}
	if _, err := ask(ctx, d.acs[acs], d.cfg.RRes, erro); err != nil {
		d.log.Warn("Erro not delivered", "error", err)
	}
}
