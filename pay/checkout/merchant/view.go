package merchant

import (
	"encoding/json"
	"net/url"
	"time"

	"countersign/pay/checkout/core"
	"countersign/pay/masked"
	"countersign/pay/payment"
)

// paymentJSON is a payment as the shop API writes it.
type paymentJSON struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Status      payment.State     `json:"status"`
	Amount      int64             `json:"amount"`
	Currency    string            `json:"currency"`
	Authorised  int64             `json:"authorised"`
	Captured    int64             `json:"captured"`
	Refunded    int64             `json:"refunded"`
	Refundable  int64             `json:"refundable"`
	Capture     core.Mode         `json:"capture"`
	Order       string            `json:"order"`
	Description string            `json:"description"`
	ReturnURL   string            `json:"return_url"`
	Metadata    map[string]string `json:"metadata"`
	Card        *masked.Card      `json:"card"`
	Declined    *payment.Decline  `json:"declined"`
	Captures    []movementJSON    `json:"captures"`
	Refunds     []movementJSON    `json:"refunds"`
	FrameURL    string            `json:"frame_url"`
	PayURL      string            `json:"pay_url"`
	Created     time.Time         `json:"created"`
	Changed     time.Time         `json:"changed"`
	Expires     time.Time         `json:"expires"`
}

// movementJSON is a capture or refund.
type movementJSON struct {
	ID       string             `json:"id"`
	Object   core.Kind          `json:"object"`
	Amount   int64              `json:"amount"`
	Currency string             `json:"currency"`
	Status   core.MovementState `json:"status"`
	Reason   string             `json:"reason"`
	Created  time.Time          `json:"created"`
}

// view is what a shop may know of a payment: nothing but masked card data can be named here.
func view(p core.Payment, origin string) paymentJSON {
	key := "?key=" + url.QueryEscape(p.FrameKey)
	v := paymentJSON{
		ID: p.ID, Object: "payment", Status: p.State, Amount: p.Amount.Minor(), Currency: p.Amount.Currency().Alpha(),
		Authorised: p.Authorised.Minor(), Captured: p.Captured.Minor(), Refunded: p.Refunded.Minor(), Refundable: p.Refundable().Minor(),
		Capture: p.Mode, Order: p.Reference, Description: p.Description, ReturnURL: p.ReturnURL, Metadata: p.Metadata,
		Declined: p.Declined, Captures: []movementJSON{}, Refunds: []movementJSON{},
		FrameURL: origin + "/frame/" + p.ID + key, PayURL: origin + "/p/" + p.ID + key,
		Created: p.Created, Changed: p.Changed, Expires: p.Expires,
	}
	if v.Metadata == nil {
		v.Metadata = map[string]string{}
	}
	if a, ok := p.Current(); ok {
		card := a.Card
		v.Card = &card
	}
	for _, m := range p.Movements {
		j := movementJSON{ID: m.ID, Object: m.Kind, Amount: m.Amount.Minor(), Currency: v.Currency, Status: m.State, Reason: m.Reason, Created: m.Created}
		if m.Kind == core.RefundKind {
			v.Refunds = append(v.Refunds, j)
		} else {
			v.Captures = append(v.Captures, j)
		}
	}
	return v
}

func body(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}") // cannot happen: all types above have JSON forms
	}
	return append(b, '\n')
}

// Event writes the body of a webhook: {type, timestamp, sequence, data: the payment as it stands}.
func Event(origin string) func(p core.Payment, n core.Notify, at time.Time) []byte {
	return func(p core.Payment, n core.Notify, at time.Time) []byte {
		return body(struct {
			Type      string      `json:"type"`
			Timestamp time.Time   `json:"timestamp"`
			Sequence  int64       `json:"sequence"`
			Data      paymentJSON `json:"data"`
		}{n.Type, at, n.Seq, view(p, origin)})
	}
}
