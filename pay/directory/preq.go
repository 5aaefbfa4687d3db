package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"countersign/wire/emv3ds"
)

// preq tells the card ranges (EMV 3DS §5.6). There is one state of the ranges at a time and no history: the
// current serial number gets an empty PRes, none gets all ranges, another one 307, after which a 3DS
// Server asks again without.
func (d *directory) preq(m *emv3ds.Message) []byte {
	keys, err := d.codeKeys()
	if err != nil {
		d.log.Error("cannot read a code key", "error", err)
		return d.refuse(emv3ds.NewFault(403, 0, "keys"), m)
	}
	serial := d.serial(keys)
	asked := m.Text("serialNum")
	switch {
	case asked == "" && !d.mayAsk(m):
		return d.refuse(emv3ds.NewFault(103, 0, "PReq"), m)
	case asked != "" && asked != serial:
		return d.refuse(emv3ds.NewFault(307, 0, "serialNum"), m)
	}
	dsID, err := emv3ds.NewID(d.rand)
	if err != nil {
		return d.refuse(emv3ds.NewFault(403, 0, "randomness"), m)
	}
	b := emv3ds.New(emv3ds.PRes, m.Version()).Set("threeDSServerTransID", m.Text("threeDSServerTransID")).Set("dsTransID", dsID)
	b.Set("serialNum", serial).Set("dsStartProtocolVersion", emv3ds.Version220).Set("dsEndProtocolVersion", emv3ds.Version220)
	if asked == "" {
		ranges := make([]*emv3ds.Builder, 0, len(d.cfg.Ranges))
		for _, r := range d.cfg.Ranges {
			o := emv3ds.NewObject().Set("startRange", r.Start).Set("endRange", r.End).Set("actionInd", "A")
			o.Set("acsStartProtocolVersion", emv3ds.Version220).Set("acsEndProtocolVersion", emv3ds.Version220)
			ranges = append(ranges, o.SetTexts("acsInfoInd", []string{"01"}))
		}
		b.SetObjects("cardRangeData", ranges).SetObjects("messageExtension", emv3ds.CodeKeyExtensions(keys))
	}
	return b.Bytes()
}

// codeKeys reads the banks' current keys.
func (d *directory) codeKeys() ([]emv3ds.CodeKey, error) {
	out := make([]emv3ds.CodeKey, 0, len(d.cfg.Ranges))
	for _, r := range d.cfg.Ranges {
		k := emv3ds.CodeKey{Start: r.Start, End: r.End, Name: r.Name}
		if r.CodeKey != nil {
			var err error
			if k.KeyID, k.Public, err = r.CodeKey(); err != nil {
				return nil, err
			}
		}
		out = append(out, k)
	}
	return out, nil
}

// serial names the state of the ranges: 20 hex digits of a hash over all that a PRes would tell.
func (d *directory) serial(keys []emv3ds.CodeKey) string {
	h := sha256.New()
	for _, k := range keys {
		for _, part := range []string{k.Start, k.End, k.Name, k.KeyID, string(k.Public)} {
			h.Write([]byte{byte(len(part))})
			h.Write([]byte(part))
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:20]
}

// mayAsk allows one full PReq of a 3DS Server in Config.PReq.
func (d *directory) mayAsk(m *emv3ds.Message) bool {
	if d.cfg.PReq == 0 {
		return true
	}
	who := m.Text("threeDSServerRefNumber") + "\n" + m.Text("threeDSServerOperatorID")
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if last, ok := d.asked[who]; ok && now.Sub(last) < d.cfg.PReq {
		return false
	}
	for w, at := range d.asked {
		if now.Sub(at) >= d.cfg.PReq {
			delete(d.asked, w)
		}
	}
	d.asked[who] = now
	return true
}

// pruneEvery is how often old transactions are forgotten.
const pruneEvery = time.Hour
