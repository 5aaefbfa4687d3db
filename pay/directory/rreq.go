package directory

import (
	"context"

	"countersign/wire/emv3ds"
)

// rreq passes a result to the 3DS Server and its answer back (EMV 3DS §3.3, steps 18 to 20). Exactly one
// result goes through for each challenge: 301 no such transaction, 313 it had no challenge, 312 its result
// went through before or is on its way. When the 3DS Server cannot be reached or does not take it, the
// ACS gets the Erro and may try again.
func (d *directory) rreq(ctx context.Context, m *emv3ds.Message) []byte {
	id := m.Text("threeDSServerTransID")
	work := "RReq " + id
	if !d.claim(work) {
		return d.refuse(emv3ds.NewFault(312, 0, "threeDSServerTransID"), m)
	}
	defer d.release(work)
	f, err := d.known(ctx, m, id)
	if err != nil {
		d.log.Error("cannot read transactions", "error", err)
		f = emv3ds.NewFault(403, 0, "storage")
	}
	if f != nil {
		return d.refuse(f, m)
	}
	out := emv3ds.New(emv3ds.RReq, m.Version())
	m.CopyTo(out)
	answer, err := ask(ctx, d.server, d.cfg.RRes, out.Bytes())
	out.Wipe()
	if err != nil {
		return d.refuse(unreachable(err, "the 3DS Server"), m)
	}
	return d.rres(ctx, m, id, answer)
}

// known compares a result with the transaction that it is for.
func (d *directory) known(ctx context.Context, m *emv3ds.Message, id string) (*emv3ds.Fault, error) {
	r, found, err := d.store.Find(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return emv3ds.NewFault(301, 0, "threeDSServerTransID"), nil
	case r.ACSTransID != m.Text("acsTransID"):
		return emv3ds.NewFault(301, 0, "acsTransID"), nil
	case r.DSTransID != m.Text("dsTransID"):
		return emv3ds.NewFault(301, 0, "dsTransID"), nil
	case r.Status != "C" && r.Status != "D":
		return emv3ds.NewFault(313, 0, "threeDSServerTransID"), nil
	case !r.Result.IsZero():
		return emv3ds.NewFault(312, 0, "threeDSServerTransID"), nil
	}
	return nil, nil
}

// rres checks what the 3DS Server answered, notes that the result went through, and passes the answer on.
func (d *directory) rres(ctx context.Context, m *emv3ds.Message, id string, answer []byte) []byte {
	a, f := emv3ds.Parse(answer)
	if f == nil {
		f = a.ValidateFor(emv3ds.Directory)
	}
	switch {
	case f != nil:
	case a.Type() == emv3ds.Erro:
		d.log.Warn("Erro for RReq", "threeDSServerTransID", id, "code", a.Text("errorCode"))
		if a.Text("errorCode") == "312" { // it has the result from an earlier try whose answer was lost
			d.done(ctx, id)
		}
		return answer
	case a.Type() != emv3ds.RRes:
		f = emv3ds.NewFault(101, 0, "messageType")
	case a.Version() != m.Version():
		f = emv3ds.NewFault(203, 0, "messageVersion")
	default:
		for _, name := range []string{"threeDSServerTransID", "acsTransID", "dsTransID"} {
			if f == nil && a.Text(name) != m.Text(name) {
				f = emv3ds.NewFault(301, 0, name)
			}
		}
	}
	if f != nil {
		return d.refuse(f, m)
	}
	d.done(ctx, id)
	out := emv3ds.New(emv3ds.RRes, a.Version())
	a.CopyTo(out)
	return out.Bytes()
}

// done notes that a result went through. If that fails, the 3DS Server still refuses a second one.
func (d *directory) done(ctx context.Context, id string) {
	if err := d.store.Done(ctx, id, d.now()); err != nil {
		d.log.Error("cannot store that a result went through", "error", err)
	}
}
