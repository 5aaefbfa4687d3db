package core

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/pay/masked"
	"countersign/pay/money"
	"countersign/pay/payment"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func eur(minor int64) money.Amount {
	c, err := money.ByAlpha("EUR")
	if err != nil {
		panic(err)
	}
	a, err := money.New(minor, c)
	if err != nil {
		panic(err)
	}
	return a
}

// bench drives one payment by hand.
type bench struct {
	t       *testing.T
	p       Payment
	now     time.Time
	n       Numbers
	ids     int
	effects []Effect // of the last step
}

func (b *bench) world() World {
	return World{Now: b.now, Policy: Policy{}.WithDefaults(), ID: func(p string) string { b.ids++; return fmt.Sprintf("%s_%d", p, b.ids) },
		Trace: func() Trace { var t Trace; b.n, t = b.n.Next(b.now); return t }}
}

func begin(t *testing.T, mode Mode) *bench {
	b := &bench{t: t, now: start}
	p, _, err := New("pay_1", Order{Merchant: "m", Amount: eur(1000), Mode: mode}, b.world())
	if err != nil {
		t.Fatal(err)
	}
	b.p = p
	return b
}

func (b *bench) do(e Event) *bench {
	b.t.Helper()
	p, eff, err := Step(b.p, e, b.world())
	if err != nil {
		b.t.Fatalf("%T: %v", e, err)
	}
	b.p, b.effects = p, eff
	return b
}

func (b *bench) refused(e Event, code string) {
	b.t.Helper()
	p, eff, err := Step(b.p, e, b.world())
	var no *Refusal
	if !errors.As(err, &no) || no.Code != code || len(eff) != 0 || p.Version != b.p.Version {
		b.t.Errorf("%T: %v with %d effects, want refusal %s", e, err, len(eff), code)
	}
}

func (b *bench) nothing(e Event) {
	b.t.Helper()
	p, eff, err := Step(b.p, e, b.world())
	if err != nil || len(eff) != 0 || p.Version != b.p.Version {
		b.t.Errorf("%T changed something: %v %v", e, eff, err)
	}
}

func (b *bench) state(s payment.State) *bench {
	b.t.Helper()
	if b.p.State != s {
		b.t.Fatalf("payment is %s, want %s", b.p.State, s)
	}
	return b
}

// has finds an effect of the last step.
func has[E Effect](b *bench) (e E) {
	b.t.Helper()
	for _, x := range b.effects {
		if e, ok := x.(E); ok {
			return e
		}
	}
	b.t.Fatalf("no effect %T in %v", e, b.effects)
	return e
}

func none[E Effect](b *bench) {
	b.t.Helper()
	for _, x := range b.effects {
		if _, ok := x.(E); ok {
			b.t.Fatalf("effect %#v", x)
		}
	}
}

func outcome(status string) Outcome {
	o := Outcome{Status: status, ServerTransID: "s", ACSTransID: "a", DSTransID: "d", Version: "2.2.0"}
	switch status {
	case "Y", "A":
		o.ECI, o.CAVV = "05", "proof"
	case "C":
		o.ACSURL, o.CReq = "https://acs", "creq"
	}
	return o
}

func (b *bench) card(nonce string) *bench {
	b.t.Helper()
	return b.do(CardEntered{Nonce: nonce, Card: masked.Card{Brand: "Visa", Last4: "4242"}})
}

// authorising is a payment whose 0100 is on its way.
func authorising(t *testing.T, mode Mode) *bench {
	t.Helper()
	return begin(t, mode).card("n1").do(Authenticated{1, outcome("Y")}).state(payment.Processing)
}

func approved() Answer { return Answer{Response: payment.Approved, Approval: "123456"} }

func TestAutomaticPayment(t *testing.T) {
	b := begin(t, Automatic).card("n1")
	has[Authenticate](b)
	b.do(Authenticated{1, outcome("C")}).state(payment.NeedsConfirmation)
	b.do(Confirmed{1, outcome("Y")}).state(payment.Processing)
	has[Authorise](b)
	if b.p.Attempts[0].Trace.STAN != 1 || b.p.Attempts[0].Lifecycle == "" {
		t.Error("the 0100's numbers are not chosen before it is sent")
	}
	b.do(AuthAnswered{1, approved()}).state(payment.Authorised)
	capture := has[Enqueue](b).Advice
	if capture.Kind != CaptureAdvice || capture.Amount != eur(1000) || capture.Original != b.p.Attempts[0].Trace {
		t.Error(capture)
	}
	b.refused(Cancel{}, RefuseCapturing)
	b.refused(Refund{}, RefuseNoCapture)
	b.do(AdviceAnswered{capture, approved()}).state(payment.Captured)
	b.nothing(AdviceAnswered{capture, approved()})
	b.refused(Capture{}, RefuseCaptured)
	b.refused(Cancel{}, RefuseCaptured)
	b.do(Refund{Amount: eur(300)})
	first := has[Enqueue](b).Advice
	b.refused(Refund{Amount: eur(701)}, RefuseAmount)
	b.do(Refund{})
	second := has[Enqueue](b).Advice
	if second.Amount != eur(700) {
		t.Error("the rest is", second.Amount)
	}
	b.refused(Refund{}, RefuseRefunded)
	b.do(AdviceAnswered{first, Answer{Response: payment.DoNotHonour}}).state(payment.Captured)
	b.do(AdviceAnswered{second, approved()}).state(payment.Captured)
	none[Forget](b)
	b.do(Refund{Amount: eur(300)})
	b.do(AdviceAnswered{has[Enqueue](b).Advice, approved()}).state(payment.Refunded)
	has[Forget](b)
	b.refused(Refund{}, RefuseRefunded)
}

func TestDoubt(t *testing.T) {
	b := authorising(t, Automatic)
	trace := b.p.Attempts[0].Trace
	b.do(AuthNoAnswer{1}).state(payment.Processing)
	rev := has[Enqueue](b).Advice
	if rev.Kind != Reversal || rev.Original != trace || rev.Trace == trace {
		t.Error(rev)
	}
	none[Forget](b)
	b.nothing(AuthAnswered{1, approved()})
	b.do(AuthLate{1, approved()}).state(payment.Processing)
	b.refused(CardEntered{Nonce: "n2"}, RefuseInFlight)
	b.do(AdviceAnswered{rev, Answer{Response: payment.NoSuchOriginal}}).state(payment.NeedsCard)
	has[Forget](b)
	b.do(AuthLate{1, approved()}).state(payment.NeedsCard)
	if b.p.Authorised != eur(0) {
		t.Error("a late approval counts")
	}
	b.card("n2").state(payment.Processing)
}

// TestDoubtAndPatience: the bank answers no reversal, and the shopper can go on all the same.
func TestDoubtAndPatience(t *testing.T) {
	b := authorising(t, Automatic).do(AuthNoAnswer{1})
	rev := has[Enqueue](b).Advice
	b.now = b.p.Due()
	b.do(Tick{}).state(payment.NeedsCard)
	b.card("n2").do(Authenticated{2, outcome("Y")}).do(AuthAnswered{2, approved()}).state(payment.Authorised)
	b.do(AdviceAnswered{rev, approved()}).state(payment.Authorised)
	if b.p.Attempts[0].State != Reversed || b.p.Attempts[1].State != Approved {
		t.Error(b.p.Attempts)
	}
}

func TestOneOrderOnePayment(t *testing.T) {
	b := begin(t, Manual).card("n1")
	b.refused(CardEntered{Nonce: "n1"}, RefuseSame)
	b.refused(CardEntered{Nonce: "n2"}, RefuseInFlight)
	b.do(Authenticated{1, outcome("C")})
	b.refused(CardEntered{Nonce: "n2"}, RefuseInFlight)
	b.do(Confirmed{1, outcome("Y")})
	b.refused(CardEntered{Nonce: "n2"}, RefuseInFlight)
	b.refused(Confirmed{1, outcome("Y")}, RefuseDuplicate)
	b.refused(Abandon{1}, RefuseInFlight)
	b.refused(Cancel{}, RefuseProcessing)
	b.refused(Capture{}, RefuseProcessing)
	b.do(AuthAnswered{1, approved()})
	b.refused(CardEntered{Nonce: "n2"}, RefusePaid)
	b.refused(CardEntered{Nonce: "n1"}, RefuseSame)
	b.refused(Capture{Amount: eur(1001)}, RefuseAmount)
	b.refused(Capture{Amount: eur(0)}, RefuseZero)
	usd, _ := money.ByAlpha("USD")
	dollars, _ := money.New(5, usd)
	b.refused(Capture{Amount: dollars}, RefuseCurrency)
	b.do(Capture{Amount: eur(400)})
	b.refused(Capture{Amount: eur(400)}, RefuseCapturing)
	b.do(AdviceAnswered{has[Enqueue](b).Advice, approved()}).state(payment.Captured)
	if b.p.Captured != eur(400) || b.p.Refundable() != eur(400) {
		t.Error(b.p.Captured)
	}
}

func TestConfirmation(t *testing.T) {
	for _, c := range []struct {
		status, code string
	}{{"N", payment.DeclineConfirmation}, {"R", payment.DeclineConfirmation}, {"U", payment.DeclineTechnical}, {"", payment.DeclineTechnical}} {
		b := begin(t, Automatic).card("n1").do(Authenticated{1, outcome(c.status)}).state(payment.NeedsCard)
		if b.p.Declined == nil || b.p.Declined.Code != c.code || b.p.Attempts[0].PANKept {
			t.Errorf("%s: %+v", c.status, b.p.Declined)
		}
		none[Authorise](b)
		b.refused(Confirmed{1, outcome("Y")}, RefuseNoQuestion)
	}
	unproven := outcome("Y")
	unproven.CAVV = ""
	b := begin(t, Automatic).card("n1").do(Authenticated{1, unproven}).state(payment.NeedsCard)
	none[Authorise](b)
	b = begin(t, Automatic).card("n1").do(Authenticated{1, outcome("C")})
	foreign := outcome("Y")
	foreign.ACSTransID = "x"
	b.refused(Confirmed{1, foreign}, RefuseUnknown)
	b.do(Confirmed{1, unproven}).state(payment.NeedsCard)
	b = begin(t, Automatic).card("n1").do(Authenticated{1, Outcome{Unsupported: true}}).state(payment.NeedsCard)
	if b.p.Declined.Code != payment.DeclineUnsupported {
		t.Error(b.p.Declined)
	}
}

// TestLateConfirmation: the shopper went another way before the bank's yes came.
func TestLateConfirmation(t *testing.T) {
	b := begin(t, Automatic).card("n1").do(Authenticated{1, outcome("C")}).do(Abandon{1}).state(payment.NeedsCard)
	has[Forget](b)
	b.do(Confirmed{1, outcome("Y")}).state(payment.NeedsCard)
	none[Authorise](b)
	b.refused(Confirmed{1, outcome("Y")}, RefuseDuplicate)

	b = begin(t, Automatic).card("n1").do(Authenticated{1, outcome("C")})
	b.now = b.p.Due()
	b.do(Tick{}).state(payment.NeedsCard)
	b.do(Confirmed{1, outcome("Y")}).state(payment.NeedsCard)
	none[Authorise](b)
}

func TestRestart(t *testing.T) {
	b := begin(t, Automatic)
	b.nothing(Restarted{})
	b.card("n1").do(Restarted{}).state(payment.NeedsCard)
	b.card("n2").do(Authenticated{2, outcome("C")}).do(Restarted{}).state(payment.NeedsCard)
	has[Forget](b)
	b.card("n3").do(Authenticated{3, outcome("Y")}).do(Restarted{}).state(payment.Processing)
	rev := has[Enqueue](b).Advice
	if rev.Kind != Reversal || rev.Attempt != 3 {
		t.Error(rev)
	}
	b.nothing(Restarted{})
	b.do(AdviceAnswered{rev, approved()}).state(payment.NeedsCard)
	b.nothing(Restarted{})
}

func TestRefusals(t *testing.T) {
	for _, r := range []payment.ResponseCode{payment.DoNotHonour, payment.NoFunds, payment.WrongCode, payment.Restricted, payment.NoSuchCard, payment.ExpiredCard} {
		b := authorising(t, Automatic).do(AuthAnswered{1, Answer{Response: r}}).state(payment.NeedsCard)
		none[Enqueue](b)
		has[Forget](b)
		if *b.p.Declined != payment.DeclineFor(payment.DoNotHonour) {
			t.Errorf("%s looks different from outside: %+v", r, b.p.Declined)
		}
	}
	for _, r := range []payment.ResponseCode{payment.PartialApproval, payment.IssuerDown, payment.Malfunction} {
		b := authorising(t, Automatic).do(AuthAnswered{1, Answer{Response: r}}).state(payment.NeedsCard)
		if has[Enqueue](b).Advice.Kind != Reversal {
			t.Errorf("%s: not reversed", r)
		}
		none[Forget](b)
	}
	b := authorising(t, Automatic).do(AuthNotSent{N: 1}).state(payment.NeedsCard)
	none[Enqueue](b)
}

func TestCancelAndExpiry(t *testing.T) {
	b := begin(t, Automatic).do(Cancel{}).state(payment.Cancelled)
	b.refused(CardEntered{Nonce: "n"}, RefuseClosed)
	b.refused(Cancel{}, RefuseClosed)

	b = begin(t, Automatic).card("n1").do(Authenticated{1, outcome("C")}).do(Cancel{}).state(payment.Cancelled)
	has[Forget](b)
	b.do(Confirmed{1, outcome("Y")}).state(payment.Cancelled)
	none[Authorise](b)

	b = authorising(t, Manual).do(AuthAnswered{1, approved()}).do(Cancel{}).state(payment.Cancelled)
	req := has[Enqueue](b).Advice
	if req.Kind != CancelRequest {
		t.Error(req)
	}
	b.do(AdviceAnswered{req, approved()}).state(payment.Cancelled)
	has[Forget](b)

	b = authorising(t, Manual).do(AuthAnswered{1, approved()})
	b.now = b.p.Due()
	b.do(Tick{}).state(payment.Expired)
	if has[Enqueue](b).Advice.Kind != CancelRequest {
		t.Error("the hold is not given back")
	}

	b = begin(t, Manual)
	b.nothing(Tick{})
	b.now = b.p.Due()
	b.refused(CardEntered{Nonce: "n"}, RefuseClosed)
	b.do(Tick{}).state(payment.Expired)
	if !b.p.Due().IsZero() {
		t.Error("an expired payment waits for", b.p.Due())
	}

	// Expiry waits for an authorisation on its way, and for a doubt.
	b = authorising(t, Manual)
	b.now = b.p.Expires.Add(time.Hour)
	b.nothing(Tick{})
	b.do(AuthNoAnswer{1})
	b.now = b.p.Due()
	b.do(Tick{}).state(payment.Expired)
}

func TestRetention(t *testing.T) {
	b := authorising(t, Automatic).do(AuthAnswered{1, approved()})
	b.do(AdviceAnswered{has[Enqueue](b).Advice, approved()}).state(payment.Captured)
	b.now = b.p.Due()
	if b.now != start.Add(180*24*time.Hour) {
		t.Error(b.now)
	}
	b.refused(Refund{}, RefuseWindow)
	b.do(Tick{})
	has[Forget](b)
	b.refused(Refund{}, RefuseWindow)
	if !b.p.Due().IsZero() {
		t.Error("waits for", b.p.Due())
	}
}

func TestAttemptLimit(t *testing.T) {
	b := begin(t, Automatic)
	for i := range 10 {
		b.card(fmt.Sprint("n", i)).do(Authenticated{i + 1, outcome("N")})
	}
	b.refused(CardEntered{Nonce: "x"}, RefuseTooMany)
	b = begin(t, Automatic)
	for i := range 6 {
		b.card(fmt.Sprint("n", i)).do(Authenticated{i + 1, outcome("C")}).do(Abandon{i + 1})
	}
	b.refused(CardEntered{Nonce: "x"}, RefuseTooMany)
}

func TestNumbers(t *testing.T) {
	seen := map[string]bool{}
	n, now := Numbers{}, start
	last := uint32(0)
	for i := range 2_100_000 {
		if i == 500_000 {
			now = now.Add(-3 * time.Hour) // somebody sets the clock back
		}
		if i%1000 == 0 {
			now = now.Add(time.Second)
		}
		var tr Trace
		n, tr = n.Next(now)
		if tr.STAN == 0 || tr.STAN > 999_999 || tr.STAN != last%999_999+1 || len(tr.RRN) != 12 {
			t.Fatal(tr, last)
		}
		last = tr.STAN
		if i%7 == 0 || tr.STAN < 50 || tr.STAN > 999_900 { // memory
			k := fmt.Sprint(tr.STAN, tr.Transmitted.Unix())
			if seen[k] {
				t.Fatal("twice:", tr)
			}
			seen[k] = true
		}
	}
	if got := RRN(time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), 42); got != "603404000042" {
		t.Error(got)
	}
}
