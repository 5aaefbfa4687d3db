package network

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/pay/payment"
	"countersign/wire/iso8583"
)

// Authorise sends a Purchase and waits for its answer: at most Config.Timeout, or until ctx ends.
func (l *Link) Authorise(ctx context.Context, p Purchase) (Answer, error) {
	return l.call(ctx, p.Trace, repeat(iso8583.AuthRequest, p.Repeat), func(w *iso8583.Packer) error { return l.purchase(w, &p) })
}

// Advise sends an Advice and waits for its answer.
func (l *Link) Advise(ctx context.Context, a Advice) (Answer, error) {
	return l.call(ctx, a.Trace, repeat(iso8583.FinancialAdvice, a.Repeat), func(w *iso8583.Packer) error { return l.advice(w, &a) })
}

// Reverse sends a Reversal and waits for its answer.
func (l *Link) Reverse(ctx context.Context, r Reversal) (Answer, error) {
	t := iso8583.ReversalRequest
	if r.Advice {
		t = iso8583.ReversalAdvice
	}
	return l.call(ctx, r.Trace, repeat(t, r.Repeat), func(w *iso8583.Packer) error { return l.reversal(w, &r) })
}

func repeat(t iso8583.MTI, again bool) iso8583.MTI {
	if again {
		return t | 1
	}
	return t
}

// call sends a message and waits for the answer. When the link ended before a byte of the message went
// out, it is sent once more on the next one.
func (l *Link) call(ctx context.Context, t Trace, mti iso8583.MTI, build func(*iso8583.Packer) error) (Answer, error) {
	a, err := l.try(ctx, t, mti, build)
	if errors.Is(err, iso8583.ErrNotWritten) {
		a, err = l.try(ctx, t, mti, build)
	}
	return a, err
}

// try writes a message, sends it on the link that is up, and waits for the answer.
func (l *Link) try(ctx context.Context, t Trace, mti iso8583.MTI, build func(*iso8583.Packer) error) (Answer, error) {
	buf := l.buffers.Get()
	msg, ref, err := pack(buf, mti, build)
	if err != nil {
		l.buffers.Put(buf)
		return Answer{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	s, err := l.wait(ctx)
	if err != nil {
		l.buffers.Put(buf)
		return Answer{}, err
	}
	var late func(*iso8583.Message, error)
	if l.cfg.Late != nil {
		late = func(m *iso8583.Message, fault error) {
			if a, err := read(m, fault); err == nil {
				l.cfg.Late(t, a)
			}
		}
	}
	var a Answer
	err = l.exchange(ctx, s, buf, msg, ref, late, func(m *iso8583.Message, fault error) error {
		var err error
		a, err = read(m, fault)
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

// pack builds a message in buf, and checks that it can be read again and has what an answer is found by.
func pack(buf *iso8583.Buffer, mti iso8583.MTI, build func(*iso8583.Packer) error) ([]byte, iso8583.Ref, error) {
	var p iso8583.Packer
	p.Start(buf.B, mti)
	if err := build(&p); err != nil {
		return nil, iso8583.Ref{}, err
	}
	msg, err := p.Finish()
	if err != nil {
		return nil, iso8583.Ref{}, err
	}
	var m iso8583.Message
	if err := m.Unpack(msg); err != nil {
		return nil, iso8583.Ref{}, err
	}
	ref, ok := iso8583.RefOf(&m)
	if !ok {
		return nil, ref, &iso8583.Fault{Field: iso8583.STAN, Reason: iso8583.Missing}
	}
	return msg, ref, nil
}

// exchange sends msg, which lies in buf, and waits. buf is wiped as soon as the message is on its way. use
// reads the answer; its error means that the answer is no use.
func (l *Link) exchange(ctx context.Context, s *session, buf *iso8583.Buffer, msg []byte, ref iso8583.Ref,
	late func(*iso8583.Message, error), use func(*iso8583.Message, error) error) error {
	var unusable error
	call, err := l.matcher.Expect(ref, func(m *iso8583.Message, fault error) { unusable = use(m, fault) }, late)
	if err != nil {
		l.buffers.Put(buf)
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	err = s.conn.Write(msg)
	l.buffers.Put(buf)
	if errors.Is(err, iso8583.ErrNotWritten) {
		call.Drop()
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	if err == nil {
		err = l.await(ctx, s, call)
	}
	if err != nil && call.GiveUp() {
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	if unusable != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, unusable)
	}
	return nil
}

var (
	errTimeout = errors.New("network: timed out")
	// errContradiction: an approval that says that the code was wrong, or of a part that nobody asked for.
	errContradiction = errors.New("network: the answer contradicts itself")
)

// await returns nil when the answer was read, else why nobody waits for it any longer.
func (l *Link) await(ctx context.Context, s *session, c *iso8583.Call) error {
	t := time.NewTimer(l.cfg.Timeout)
	defer t.Stop()
	select {
	case <-c.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return errTimeout
	case <-s.dead:
		return s.conn.Err()
	}
}

// read takes an answer out of a message that is wiped afterwards.
func read(m *iso8583.Message, fault error) (Answer, error) {
	if fault != nil {
		return Answer{}, fault
	}
	if !m.Has(iso8583.ResponseCode) {
		return Answer{}, &iso8583.Fault{Field: iso8583.ResponseCode, Reason: iso8583.Missing}
	}
	a := Answer{Response: payment.ResponseCode(m.Get(iso8583.ResponseCode)), Lifecycle: m.Text(iso8583.Lifecycle)}
	if v := m.Element(iso8583.TagCodeResult); len(v) == 1 {
		a.CodeResult = v[0]
	}
	if a.Response.OK() {
		a.Approval = m.Text(iso8583.ApprovalCode)
	}
	if a.Response == payment.FormatError {
		a.Fault = m.Text(iso8583.AdditionalAnswer)
	}
	if a.Response == payment.PartialApproval || a.Response.OK() && a.CodeResult == 'N' {
		return Answer{}, errContradiction
	}
	return a, nil
}

// manage sends an 0800 and wants 00.
func (l *Link) manage(ctx context.Context, s *session, what string) error {
	buf := l.buffers.Get()
	now := l.cfg.Now()
	stan := uint64(l.stan.Add(1)-1)%999999 + 1
	msg, ref, err := pack(buf, iso8583.NetworkRequest, func(p *iso8583.Packer) error {
		p.Bytes(iso8583.Transmission, iso8583.AppendTime(nil, now))
		p.Number(iso8583.STAN, stan)
		p.Text(iso8583.Acquirer, l.cfg.Acquirer)
		p.Text(iso8583.NetworkCode, what)
		return nil
	})
	if err != nil {
		l.buffers.Put(buf)
		return err
	}
	return l.exchange(ctx, s, buf, msg, ref, nil, func(m *iso8583.Message, fault error) error {
		a, err := read(m, fault)
		if err == nil && a.Response != payment.Approved {
			err = fmt.Errorf("network: refused with %s", string(a.Response))
		}
		return err
	})
}
