package challenge

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func t0() time.Time { return time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC) }

func mac(b byte) [32]byte { return [32]byte{31: b} }

// good is the HMAC of the first code, other of the second; guess(n) are wrong.
var (
	good  = mac(1)
	other = mac(2)
)

func guess(n byte) [32]byte { return mac(100 + n) }

// at is an event at a time after t0.
type at struct {
	after time.Duration
	e     Event
}

func run(t *testing.T, events ...at) (State, Outcome) {
	t.Helper()
	s, o := New(Deal{ACSTransID: "a", Phone: "+49170"}, t0()), Outcome{}
	for _, e := range events {
		before := s
		tries := append([]Try(nil), s.Tries...)
		s, o = Step(s, e.e, t0().Add(e.after))
		before2, tries2 := before, append([]Try(nil), before.Tries...)
		if !reflect.DeepEqual(before, before2) || !reflect.DeepEqual(tries, tries2) {
			t.Fatal("Step changed its argument")
		}
	}
	return s, o
}

const sec = time.Second

func first(after time.Duration) at { return at{after, CReq{Digest: mac(7), Session: "s", Fresh: good}} }

func form(tries, round int) int { return tries*16 + round }

// Every transition: events in order, then what must hold after the last.
func TestTransitions(t *testing.T) {
	asked := first(2 * sec)
	sent := at{3 * sec, MessageSent{1, Done}}
	failed := at{3 * sec, MessageSent{1, Failed}}
	yes := at{20 * sec, Answer{form(0, 1), good}}
	wrong := func(n byte) at { return at{time.Duration(10+n) * sec, Answer{form(int(n), 1), guess(n)}} }
	for _, c := range []struct {
		name   string
		events []at
		phase  Phase
		result Result // without At
		out    Outcome
	}{
		{"first page", []at{asked}, Asking, Result{}, Outcome{SendCode: true}},
		{"first page in the last moment", []at{first(FirstPage - 1)}, Asking, Result{}, Outcome{SendCode: true}},
		{"first page too late", []at{first(FirstPage)}, Ending, Result{Status: "N", Reason: "14", Cancel: "05"}, Outcome{Notice: CReqLate, SendRReq: true}},
		{"nobody came", []at{{FirstPage, Tick{}}}, Ending, Result{Status: "N", Reason: "14", Cancel: "05"}, Outcome{SendRReq: true}},
		{"nobody came yet", []at{{FirstPage - 1, Tick{}}}, Offered, Result{}, Outcome{}},
		{"came after nobody came", []at{{FirstPage, Tick{}}, first(31 * sec)}, Ending, Result{Status: "N", Reason: "14", Cancel: "05"}, Outcome{Notice: CReqLate}},
		{"form before the page", []at{{1 * sec, Answer{1, good}}}, Offered, Result{}, Outcome{Notice: NotStarted}},
		{"empty code against no code", []at{{1 * sec, Answer{0, [32]byte{}}}}, Offered, Result{}, Outcome{Notice: NotStarted}},
		{"resend before the page", []at{{1 * sec, Resend{other}}}, Offered, Result{}, Outcome{Notice: NotStarted}},
		{"cancel before the page", []at{{1 * sec, Cancel{}}}, Offered, Result{}, Outcome{Notice: NotStarted}},

		{"right code", []at{asked, sent, yes}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"right code though the message is in doubt", []at{asked, {3 * sec, MessageSent{1, Unknown}}, yes}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"right code from an older form", []at{asked, wrong(0), yes}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"right code at the end of its time", []at{asked, {2*sec + CodeTime - 1, Answer{1, good}}}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"right code too late", []at{asked, {2*sec + CodeTime, Answer{1, good}}}, Asking, Result{}, Outcome{Notice: CodeOver}},
		{"right code, page over", []at{asked, {2*sec + PageTime, Answer{1, good}}}, Ending, Result{Status: "N", Reason: "14", Cancel: "04"}, Outcome{Notice: TooLate, SendRReq: true}},
		{"one wrong", []at{asked, wrong(0)}, Asking, Result{}, Outcome{Notice: Wrong}},
		{"two wrong", []at{asked, wrong(0), wrong(1)}, Asking, Result{}, Outcome{Notice: Wrong}},
		{"three wrong", []at{asked, wrong(0), wrong(1), wrong(2)}, Ending, Result{Status: "N", Reason: "01"}, Outcome{SendRReq: true}},
		{"right after three wrong", []at{asked, wrong(0), wrong(1), wrong(2), yes}, Ending, Result{Status: "N", Reason: "01"}, Outcome{Notice: AlreadyOver}},
		{"the same form twice", []at{asked, wrong(0), wrong(0)}, Asking, Result{}, Outcome{Notice: Replayed}},
		{"the same form thrice, then right", []at{asked, wrong(0), wrong(0), wrong(0), yes}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"right twice (double click)", []at{asked, yes, yes}, Ending, Result{Status: "Y"}, Outcome{Notice: AlreadyOver}},
		{"first code after a second was made", []at{asked, {40 * sec, Resend{other}}, {41 * sec, Answer{2, good}}}, Asking, Result{}, Outcome{Notice: Wrong}},
		{"second code", []at{asked, {40 * sec, Resend{other}}, {41 * sec, Answer{2, other}}}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"no digits at all", []at{asked, {41 * sec, Answer{1, [32]byte{}}}}, Asking, Result{}, Outcome{Notice: Wrong}},

		{"another code too soon", []at{asked, {2*sec + ResendAfter - 1, Resend{other}}}, Asking, Result{}, Outcome{Notice: TooSoon}},
		{"another code", []at{asked, {2*sec + ResendAfter, Resend{other}}}, Asking, Result{}, Outcome{Notice: NewCode, SendCode: true}},
		{"another code at once when the message failed", []at{asked, failed, {4 * sec, Resend{other}}}, Asking, Result{}, Outcome{Notice: NewCode, SendCode: true}},
		{"no fifth message", []at{asked, {40 * sec, Resend{other}}, {80 * sec, Resend{other}}, {120 * sec, Resend{other}}, {160 * sec, Resend{other}}}, Asking, Result{}, Outcome{Notice: NoMoreCodes}},
		{"old news of a message", []at{asked, {40 * sec, Resend{other}}, {41 * sec, MessageSent{1, Failed}}, {42 * sec, Resend{other}}}, Asking, Result{}, Outcome{Notice: TooSoon}},

		{"cancel", []at{asked, {5 * sec, Cancel{}}}, Ending, Result{Status: "N", Reason: "01", Cancel: "01"}, Outcome{SendRReq: true}},
		{"cancel twice", []at{asked, {5 * sec, Cancel{}}, {5 * sec, Cancel{}}}, Ending, Result{Status: "N", Reason: "01", Cancel: "01"}, Outcome{Notice: AlreadyOver}},
		{"cancel after yes", []at{asked, yes, {21 * sec, Cancel{}}}, Ending, Result{Status: "Y"}, Outcome{Notice: AlreadyOver}},
		{"card stopped meanwhile", []at{asked, {5 * sec, Stopped{}}}, Ending, Result{Status: "N", Reason: "12"}, Outcome{SendRReq: true}},
		{"card stopped after yes", []at{asked, yes, {25 * sec, Stopped{}}}, Ending, Result{Status: "Y"}, Outcome{}},

		{"tab closed", []at{asked, {2*sec + PageTime, Tick{}}}, Ending, Result{Status: "N", Reason: "14", Cancel: "04"}, Outcome{SendRReq: true}},
		{"tab closed, not yet", []at{asked, {2*sec + PageTime - 1, Tick{}}}, Asking, Result{}, Outcome{}},
		{"a wrong code is a new page", []at{asked, {250 * sec, Answer{1, guess(9)}}, {700 * sec, Tick{}}}, Asking, Result{}, Outcome{}},
		{"reload", []at{asked, first(9 * sec)}, Asking, Result{}, Outcome{}},
		{"reload does not give more time", []at{asked, first(590 * sec), {2*sec + PageTime, Tick{}}}, Ending, Result{Status: "N", Reason: "14", Cancel: "04"}, Outcome{SendRReq: true}},
		{"other CReq", []at{asked, {3 * sec, CReq{Digest: mac(8)}}}, Ending, Result{Status: "N", Reason: "07", Cancel: "06"}, Outcome{Notice: CReqOther, SendRReq: true}},
		{"CReq after the result", []at{asked, yes, first(30 * sec)}, Ending, Result{Status: "Y"}, Outcome{Notice: CReqAfterEnd}},

		{"received", []at{asked, yes, {21 * sec, Delivered{}}}, Ended, Result{Status: "Y"}, Outcome{}},
		{"received twice", []at{asked, yes, {21 * sec, Delivered{}}, {22 * sec, NotDelivered{}}}, Ended, Result{Status: "Y"}, Outcome{}},
		{"no connection: at once again", []at{asked, yes, {21 * sec, NotDelivered{}}}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"no connection twice: nothing may be paid later", []at{asked, yes, {21 * sec, NotDelivered{}}, {22 * sec, NotDelivered{}}}, Ending, Result{Status: "U", Reason: "22"}, Outcome{}},
		{"in doubt: the result stays", []at{asked, yes, {25 * sec, NotDelivered{InDoubt: true}}, {35 * sec, Tick{}}, {36 * sec, NotDelivered{}}}, Ending, Result{Status: "Y"}, Outcome{}},
		{"in doubt: again after ten seconds", []at{asked, yes, {25 * sec, NotDelivered{InDoubt: true}}, {35 * sec, Tick{}}}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"in doubt: not sooner", []at{asked, yes, {25 * sec, NotDelivered{InDoubt: true}}, {34 * sec, Tick{}}}, Ending, Result{Status: "Y"}, Outcome{}},
		{"an attempt is under way", []at{asked, yes, {31 * sec, Tick{}}}, Ending, Result{Status: "Y"}, Outcome{}},
		{"an attempt fell silent", []at{asked, yes, {32 * sec, Tick{}}, {33 * sec, NotDelivered{}}, {34 * sec, NotDelivered{}}}, Ending, Result{Status: "Y"}, Outcome{}},
		{"restart: the result stays", []at{asked, yes, {60 * sec, Restarted{}}, {60 * sec, Tick{}}, {61 * sec, NotDelivered{}}}, Ending, Result{Status: "Y"}, Outcome{}},
		{"restart: again at once", []at{asked, yes, {21 * sec, Restarted{}}, {21 * sec, Tick{}}}, Ending, Result{Status: "Y"}, Outcome{SendRReq: true}},
		{"refused", []at{asked, yes, {21 * sec, NotDelivered{Refused: true}}}, Ended, Result{Status: "Y"}, Outcome{}},
		{"undeliverable", []at{asked, yes, {25 * sec, NotDelivered{InDoubt: true}}, {21*sec + RReqUntil, Tick{}}}, Ended, Result{Status: "Y"}, Outcome{}},
		{"nothing to tick", []at{asked, yes, {21 * sec, Delivered{}}, {9000 * sec, Tick{}}}, Ended, Result{Status: "Y"}, Outcome{}},
	} {
		s, o := run(t, c.events...)
		s.Result.At = time.Time{}
		if s.Phase != c.phase || s.Result != c.result || o != c.out {
			t.Errorf("%s:\n got %v %+v %+v\nwant %v %+v %+v", c.name, s.Phase, s.Result, o, c.phase, c.result, c.out)
		}
		if (s.Phase == Ended) != (s.Phone == "") {
			t.Errorf("%s: in phase %v the number is %q", c.name, s.Phase, s.Phone)
		}
	}
}

func TestTooManyCReqs(t *testing.T) {
	var events []at
	for range MaxCReqs {
		events = append(events, first(3*sec))
	}
	if _, o := run(t, events...); o.Notice != None {
		t.Errorf("reload %d: %v", MaxCReqs, o)
	}
	if s, o := run(t, append(events, first(3*sec))...); o.Notice != CReqTooMany || s.Phase != Asking {
		t.Errorf("reload %d: %v %v", MaxCReqs+1, s.Phase, o)
	}
}

func TestWhatTheBrowserIsTold(t *testing.T) {
	yes := at{20 * sec, Answer{1, good}}
	for _, c := range []struct {
		name   string
		events []at
		final  bool
		status string
	}{
		{"asking", []at{first(2 * sec)}, false, "N"},
		{"yes, not delivered", []at{first(2 * sec), yes}, false, "N"},
		{"yes, delivered", []at{first(2 * sec), yes, {21 * sec, Delivered{}}}, true, "Y"},
		{"yes, refused", []at{first(2 * sec), yes, {21 * sec, NotDelivered{Refused: true}}}, true, "N"},
		{"yes, no connection", []at{first(2 * sec), yes, {21 * sec, NotDelivered{}}, {21 * sec, NotDelivered{}}}, true, "N"},
		{"yes, in doubt", []at{first(2 * sec), yes, {21 * sec, NotDelivered{InDoubt: true}}, {31 * sec, Tick{}}}, false, "N"},
		{"no, first attempt", []at{first(2 * sec), {5 * sec, Cancel{}}}, false, "N"},
		{"no, delivered", []at{first(2 * sec), {5 * sec, Cancel{}}, {6 * sec, Delivered{}}}, true, "N"},
		{"no, in doubt", []at{first(2 * sec), {5 * sec, Cancel{}}, {6 * sec, NotDelivered{InDoubt: true}}, {17 * sec, Tick{}}}, true, "N"},
	} {
		if s, _ := run(t, c.events...); s.Final() != c.final || s.CResStatus() != c.status {
			t.Errorf("%s: final %v, %s", c.name, s.Final(), s.CResStatus())
		}
	}
}

// Whatever happens in whatever order, the promises hold.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := New(Deal{Phone: "+49170"}, t0()), t0()
		var newest [32]byte
		var made time.Time
		evaluated, messages, results := 0, 0, map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, sec, 10 * sec, 31 * sec, 301 * sec, 601 * sec}).Draw(t, "wait"))
			e := event(t, s)
			next, o := Step(s, e, now)
			if next.Phase < s.Phase {
				t.Fatalf("%v: back from %v to %v", e, s.Phase, next.Phase)
			}
			if s.Phase >= Ending && s.Delivery.MaybeSent && next.Result != s.Result {
				t.Fatalf("a result that may be known was changed from %+v to %+v", s.Result, next.Result)
			}
			if next.Phase == Ending && s.Phase < Ending {
				if !o.SendRReq {
					t.Fatal("decided without sending the result")
				}
				a, typed := e.(Answer)
				right := typed && a.MAC == newest && newest != [32]byte{} && now.Before(made.Add(CodeTime))
				if (next.Result.Status == "Y") != right {
					t.Fatalf("%+v ends with %+v", e, next.Result)
				}
			}
			if len(next.Tries) > len(s.Tries) {
				evaluated++
			}
			if o.SendCode {
				messages++
				newest, made = next.Code.MAC, now
			}
			if m, ok := e.(MessageSent); ok && m.Status == Failed && next.Sends < s.Sends {
				messages--
			}
			if evaluated > MaxTries || len(next.Tries) != evaluated || messages > MaxSends {
				t.Fatalf("%d wrong, %d messages", evaluated, messages)
			}
			if o.SendRReq {
				results[next.Result.Status] = true
			}
			if results["Y"] && results["U"] && s.Delivery.MaybeSent && next.Result.Status == "U" && s.Result.Status == "Y" {
				t.Fatal("two results")
			}
			if next.Phase < Ended && next.Due().IsZero() {
				t.Fatalf("nothing would ever happen in %v", next.Phase)
			}
			s = next
		}
		for range 2000 { // and it always ends, with no more than time going by
			if s.Phase == Ended {
				return
			}
			if due := s.Due(); due.After(now) {
				now = due
			}
			var o Outcome
			if s, o = Step(s, Tick{}, now); o.SendRReq {
				s, _ = Step(s, NotDelivered{InDoubt: true}, now)
			}
		}
		t.Fatalf("stuck in %v", s.Phase)
	})
}

func event(t *rapid.T, s State) Event {
	code := rapid.SampledFrom([][32]byte{good, other, s.Code.MAC, guess(1), guess(2), guess(3), {}}).Draw(t, "code")
	round := rapid.IntRange(0, 3).Draw(t, "round")
	return rapid.SampledFrom([]Event{
		CReq{Digest: mac(7), Fresh: code}, CReq{Digest: mac(7), Fresh: good}, CReq{Digest: mac(byte(round))},
		Answer{s.Form(), code}, Answer{round, code}, Resend{code}, Cancel{}, Stopped{}, Tick{}, Restarted{},
		MessageSent{s.Code.Round, Sent(round)}, MessageSent{round, Failed},
		Delivered{}, NotDelivered{}, NotDelivered{InDoubt: true}, NotDelivered{Refused: true},
	}).Draw(t, "event")
}
