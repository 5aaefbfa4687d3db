package network

import (
	"countersign/pay/issuer"
	"countersign/pay/payment"
	"countersign/pay/securitycode"
	"countersign/wire/iso8583"
)

// echoTable is what an answer repeats of its request, as far as it could be read: never card data.
var echoTable = [...]int{
	iso8583.ProcessingCode, iso8583.AmountField, iso8583.Transmission, iso8583.STAN, iso8583.LocalTime, iso8583.LocalDate,
	iso8583.Acquirer, iso8583.RRN, iso8583.Terminal, iso8583.Acceptor, iso8583.Currency, iso8583.NetworkCode,
}

// answer writes the answer to e. An approval with a wrong code cannot leave: it becomes a malfunction, as
// does what cannot be written.
func answer(e *iso8583.Exchange, d issuer.Decision, fault *iso8583.Fault) {
	if d.Response.OK() && d.CodeResult == securitycode.NoMatch {
		d = issuer.Decision{Response: payment.Malfunction}
	}
	if write(e, d, fault) != nil {
		_ = write(e, issuer.Decision{Response: payment.Malfunction}, nil)
	}
}

func write(e *iso8583.Exchange, d issuer.Decision, fault *iso8583.Fault) error {
	p := e.Answer(e.In.MTI().Answer())
	echoed := 0
	echo := func(below int) {
		for ; echoed < len(echoTable) && echoTable[echoed] < below; echoed++ {
			if v := e.In.Get(echoTable[echoed]); v != nil {
				p.Bytes(echoTable[echoed], v)
			}
		}
	}
	echo(iso8583.ApprovalCode)
	if d.Response.OK() && d.Approval != "" {
		p.Text(iso8583.ApprovalCode, d.Approval)
	}
	p.Text(iso8583.ResponseCode, string(d.Response))
	echo(iso8583.AdditionalAnswer)
	if fault != nil {
		p.Text(iso8583.AdditionalAnswer, fault.Where())
	}
	if d.CodeResult != 0 {
		p.Element(iso8583.TagCodeResult, []byte{byte(d.CodeResult)})
	}
	echo(iso8583.Lifecycle)
	if d.Lifecycle != "" {
		p.Text(iso8583.Lifecycle, d.Lifecycle)
	}
	echo(iso8583.MAC2)
	_, err := p.Finish()
	return err
}
