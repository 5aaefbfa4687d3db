package network

import (
	"time"

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

// inStep says whether the fields of a message stand where they seem to: DE 7 is a time. In a garbled one, whose bitmap or
// lengths lost DE 2, the number's digits are read as the fields behind it.
func inStep(m *iso8583.Message, now time.Time) bool {
	_, ok := iso8583.ParseTime(m.Get(iso8583.Transmission), now)
	return ok
}

// between are the fields that could hold a whole number then. What finds the question again (DE 7, 11, 37) is too short.
func between(de int) bool {
	switch de {
	case iso8583.ProcessingCode, iso8583.AmountField, iso8583.LocalTime, iso8583.LocalDate:
		return true
	}
	return false
}

// answer writes the answer to e. An approval with a wrong code cannot leave: it becomes a malfunction, as
// does what cannot be written.
func answer(e *iso8583.Exchange, d issuer.Decision, fault *iso8583.Fault, now time.Time) {
	if d.Response.OK() && d.CodeResult == securitycode.NoMatch {
		d = issuer.Decision{Response: payment.Malfunction}
	}
	if write(e, d, fault, now) != nil {
		_ = write(e, issuer.Decision{Response: payment.Malfunction}, nil, now)
	}
}

func write(e *iso8583.Exchange, d issuer.Decision, fault *iso8583.Fault, now time.Time) error {
	p := e.Answer(e.In.MTI().Answer())
	echoed, whole := 0, inStep(&e.In, now)
	echo := func(below int) {
		for ; echoed < len(echoTable) && echoTable[echoed] < below; echoed++ {
			if v := e.In.Get(echoTable[echoed]); v != nil && (whole || !between(echoTable[echoed])) {
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
