package acs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"countersign/host/keys"
	"countersign/pay/acs/challenge"
	"countersign/pay/proof"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

const (
	day      = 24 * time.Hour
	rreqTime = 5 * time.Second // EMV 3DS: the ACS waits so long for the RRes
)

// deliver sends the result and repeats it as the core says; it returns the state then.
func (s *server) deliver(st challenge.State) challenge.State {
	for {
		e := s.post(st)
		next, out, err := s.store.Step(s.life, st.ACSTransID, e, s.env.Now())
		if err != nil {
			if s.life.Err() == nil {
				s.env.Log.Error("cannot store what became of a result", "acsTransID", st.ACSTransID, "error", err)
			}
			return st
		}
		if st = next; !out.SendRReq {
			if st.Delivery.Lost {
				s.env.Log.Warn("a result could not be delivered", "acsTransID", st.ACSTransID, "attempts", st.Delivery.Attempts)
			}
			return st
		}
	}
}

// post makes one attempt. A RRes that does not come in time is not complained about with an Erro 402: the same RReq is
// sent again, and the other side knows it by its ids (312).
func (s *server) post(st challenge.State) challenge.Event {
	body, err := s.rreq(st)
	if err != nil {
		s.env.Log.Error("cannot make a result", "acsTransID", st.ACSTransID, "error", err)
		return challenge.NotDelivered{}
	}
	defer clear(body)
	ctx, cancel := context.WithTimeout(s.life, s.rreqTime)
	defer cancel()
	answer, err := s.ds.Post(ctx, body)
	defer clear(answer)
	if err != nil {
		s.env.Log.Warn("no answer to a result", "acsTransID", st.ACSTransID, "error", err)
		return challenge.NotDelivered{InDoubt: !errors.Is(err, link.ErrConnect)}
	}
	return s.received(st, answer)
}

// received reads the answer to an RReq.
func (s *server) received(st challenge.State, answer []byte) challenge.Event {
	m, f := emv3ds.Parse(answer)
	if f == nil {
		f = m.ValidateFor(emv3ds.ACS)
	}
	switch {
	case f != nil:
		s.env.Log.Warn("strange answer to a result", "acsTransID", st.ACSTransID, "fault", f.String())
		return challenge.NotDelivered{InDoubt: true}
	case m.Type() == emv3ds.Erro:
		code := m.Text("errorCode")
		s.env.Log.Warn("Erro for a result", "acsTransID", st.ACSTransID, "code", code)
		switch code {
		case "312": // received before
			return challenge.Delivered{}
		case "402", "403", "405":
			return challenge.NotDelivered{InDoubt: true}
		}
		return challenge.NotDelivered{Refused: true}
	case m.Type() != emv3ds.RRes || m.Text("acsTransID") != st.ACSTransID || m.Text("dsTransID") != st.DSTransID ||
		m.Text("threeDSServerTransID") != st.ServerTransID:
		s.env.Log.Warn("the answer to a result is for something else", "acsTransID", st.ACSTransID)
		return challenge.NotDelivered{InDoubt: true}
	case m.Text("resultsStatus") != "01":
		return challenge.NotDelivered{Refused: true}
	}
	return challenge.Delivered{}
}

// rreq writes the result. The proof is made here and nowhere else, for Y only; it is the same in every attempt,
// because its time is that of the answer, and it is not stored.
func (s *server) rreq(st challenge.State) ([]byte, error) {
	r := st.Result
	b := emv3ds.New(emv3ds.RReq, st.Version)
	b.Set("threeDSServerTransID", st.ServerTransID).Set("acsTransID", st.ACSTransID).Set("dsTransID", st.DSTransID)
	b.Set("messageCategory", "01").Set("authenticationType", "02").Set("authenticationMethod", fmt.Sprintf("%02d", proof.MethodSMS))
	b.Set("transStatus", r.Status).Set("transStatusReason", r.Reason).Set("challengeCancel", r.Cancel)
	tries := len(st.Tries)
	if r.Status != "Y" {
		b.Set("eci", "07")
	} else {
		value, err := s.prove(st)
		if err != nil {
			return nil, err
		}
		b.Set("eci", "05").Set("authenticationValue", value)
		tries++
	}
	return b.Set("interactionCounter", twoDigits(tries)).Bytes(), nil
}

func twoDigits(n int) string {
	s := strconv.Itoa(n)
	if len(s) < 2 {
		s = "0" + s
	}
	return s
}

// prove makes the CAVV of a confirmed payment.
func (s *server) prove(st challenge.State) (string, error) {
	k, err := s.proofKey(st.Result.At)
	if err != nil {
		return "", err
	}
	claim := proof.Claim{PAN: st.PAN, Acceptor: st.Acceptor, Amount: st.Amount, DSTransID: st.DSTransID, Method: proof.MethodSMS}
	var v [proof.Size]byte
	k.Use(func(raw []byte) { v = proof.Make(byte(k.Number), raw, claim, st.Result.At) })
	return proof.Text(v), nil
}

// proofKey is the key that was current at a time, so that every attempt carries the same value.
func (s *server) proofKey(at time.Time) (keys.Key, error) {
	for _, k := range newestFirst(s.env.Keys.All(keys.CAVV)) {
		if !k.Created.After(at) {
			return k, nil
		}
	}
	return s.env.Keys.Current(keys.CAVV)
}
