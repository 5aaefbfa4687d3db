package checkout

import (
	"context"
	"errors"

	"countersign/pay/checkout/core"
	"countersign/pay/checkout/network"
)

// line is the Bank over an ISO 8583 link.
type line struct {
	link     *network.Link
	acquirer string
}

var _ Bank = line{}

// Up says whether the link is signed on.
func (l line) Up() bool { return l.link.Up() }

// Authorise sends a 0100.
func (l line) Authorise(ctx context.Context, a Authorisation) (core.Answer, error) {
	t := a.Attempt
	answer, err := l.link.Authorise(ctx, network.Purchase{
		Trace: wireTrace(t.Trace), PAN: a.PAN, Expiry: a.Expiry, Code: a.Code, Amount: a.Payment.Amount, Merchant: l.merchant(a.Merchant),
		Payment: a.Payment.ID, Lifecycle: t.Lifecycle, ECI: t.ECI, CAVV: t.CAVV, DSTransID: t.DSTransID, Version: t.Version,
	})
	return coreAnswer(answer), coreError(err)
}

// Forward sends a 0220, 0400 or 0420, or its repeat.
func (l line) Forward(ctx context.Context, f Forwarding) (core.Answer, error) {
	a := f.Advice
	original := network.Original{MTI: "0100", Trace: wireTrace(a.Original)}
	var answer network.Answer
	var err error
	switch a.Kind {
	case core.CaptureAdvice, core.RefundAdvice:
		answer, err = l.link.Advise(ctx, network.Advice{
			Trace: wireTrace(a.Trace), Repeat: f.Repeat, Refund: a.Kind == core.RefundAdvice, PAN: f.PAN, Amount: a.Amount,
			Merchant: l.merchant(f.Merchant), Payment: a.Payment, Lifecycle: a.Lifecycle, N: a.N, M: a.M, Original: original,
		})
	default:
		answer, err = l.link.Reverse(ctx, network.Reversal{
			Trace: wireTrace(a.Trace), Advice: a.Kind == core.Reversal, Repeat: f.Repeat, PAN: f.PAN, Amount: a.Amount,
			Merchant: l.merchant(f.Merchant), Lifecycle: a.Lifecycle, Original: original,
		})
	}
	return coreAnswer(answer), coreError(err)
}

func (l line) merchant(m Merchant) network.Merchant {
	return network.Merchant{Acquirer: l.acquirer, Acceptor: m.Acceptor, Terminal: m.Terminal, Name: m.Name, Country: m.Country, MCC: m.MCC}
}

func wireTrace(t core.Trace) network.Trace {
	return network.Trace{STAN: t.STAN, Transmitted: t.Transmitted, RRN: t.RRN}
}

func coreAnswer(a network.Answer) core.Answer {
	return core.Answer{Response: a.Response, Approval: a.Approval, CodeResult: a.CodeResult, Lifecycle: a.Lifecycle}
}

// coreError keeps what matters for money: whether anything may have left us.
func coreError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, network.ErrNotSent), errors.Is(err, network.ErrInvalid):
		return errors.Join(ErrNotSent, err)
	}
	return errors.Join(ErrNoAnswer, err)
}
