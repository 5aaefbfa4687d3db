package iso8583

import (
	"errors"
	"sync"
)

// Ref is what an answer must bring back for its request to be found.
type Ref struct {
	MTI  MTI      // of the request
	STAN [6]byte  // DE 11
	Sent [10]byte // DE 7
	RRN  [12]byte // DE 37; zero when the request had none
}

// RefOf reads a Ref from a request; ok is false without DE 7 and DE 11.
func RefOf(m *Message) (r Ref, ok bool) {
	r.MTI = m.MTI()
	ok = copy(r.STAN[:], m.Get(STAN)) == 6 && copy(r.Sent[:], m.Get(Transmission)) == 10
	copy(r.RRN[:], m.Get(RRN))
	return r, ok
}

// key is how a call is found: the type of the answer that is awaited, DE 11, DE 7.
type key struct {
	answer MTI
	stan   [6]byte
	sent   [10]byte
}

func (r Ref) key() key { return key{r.MTI.Answer(), r.STAN, r.Sent} }

// Verdict is what became of an answer.
type Verdict string

// The verdicts. All but Matched and Late name the reason why an answer was dropped.
const (
	Matched     Verdict = "matched"
	Late        Verdict = "late: its request had been given up"
	Twice       Verdict = "dropped: the request has its answer already"
	NoKey       Verdict = "dropped: no DE 11 and no DE 37 to find the request by"
	OtherType   Verdict = "dropped: DE 11 and DE 7 fit a request of another type"
	Nobody      Verdict = "dropped: no request with its DE 11 and DE 7, nor with its DE 37"
	Ambiguous   Verdict = "dropped: its DE 37 fits several requests"
	NotAnAnswer Verdict = "dropped: not an answer"
)

// ErrSameKey: a request with the same type, DE 11 and DE 7 is waiting already.
var ErrSameKey = errors.New("iso8583: a request with the same DE 11 and DE 7 is waiting")

// Matcher pairs answers with requests in flight: by DE 11 and DE 7, else by DE 37 when the other side
// did not send those two back as they were. It remembers the last requests, so that late and doubled
// answers are told from strange ones. It may outlive a connection. Use NewMatcher.
type Matcher struct {
	mu    sync.Mutex
	calls map[key]*Call
	past  map[key]*Call // answered (late == nil) or given up
	order []key         // ring of past's keys
	next  int
}

// NewMatcher remembers so many ended requests (at least one).
func NewMatcher(remember int) *Matcher {
	return &Matcher{calls: map[key]*Call{}, past: map[key]*Call{}, order: make([]key, max(remember, 1))}
}

// Call is a request that waits for its answer.
type Call struct {
	m    *Matcher
	ref  Ref
	take func(*Message, error)
	late func(*Message, error)
	done chan struct{}
}

// Expect begins to wait. When the answer comes, take is called with it, once, on the goroutine that
// gives it (fault is what Unpack said of it). When the call was given up before, late is called instead
// (nil = not wanted). Both must take what they need and return: the message is wiped afterwards.
func (m *Matcher) Expect(ref Ref, take, late func(answer *Message, fault error)) (*Call, error) {
	c := &Call{m: m, ref: ref, take: take, late: late, done: make(chan struct{})}
	k := ref.key()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls[k] != nil {
		return nil, ErrSameKey
	}
	m.calls[k] = c
	return c, nil
}

// Done is closed when take has returned.
func (c *Call) Done() <-chan struct{} { return c.done }

// GiveUp ends the wait: an answer from now on is late. It says false when the answer was there first;
// take has then returned.
func (c *Call) GiveUp() bool {
	c.m.mu.Lock()
	k := c.ref.key()
	mine := c.m.calls[k] == c
	if mine {
		delete(c.m.calls, k)
		c.m.remember(k, c)
	}
	c.m.mu.Unlock()
	if !mine {
		<-c.done
	}
	return mine
}

// Drop ends the wait for a request that was never sent: no answer to it can come.
func (c *Call) Drop() {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if k := c.ref.key(); c.m.calls[k] == c {
		delete(c.m.calls, k)
	}
}

// remember keeps an ended call until so many others have ended. m.mu is held.
func (m *Matcher) remember(k key, c *Call) {
	if _, known := m.past[k]; !known {
		delete(m.past, m.order[m.next])
		m.order[m.next] = k
		m.next = (m.next + 1) % len(m.order)
	}
	m.past[k] = c
}

// Waiting is how many calls wait.
func (m *Matcher) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

// Give hands an answer to its call, and says what became of it.
func (m *Matcher) Give(answer *Message, fault error) Verdict {
	if answer.MTI() == 0 || answer.MTI().IsRequest() {
		return NotAnAnswer
	}
	m.mu.Lock()
	c, v := m.find(answer)
	f := func(*Message, error) {}
	switch {
	case v == Matched:
		k := c.ref.key()
		delete(m.calls, k)
		f, c.take, c.late = c.take, nil, nil
		m.remember(k, c)
	case v == Late && c.late != nil:
		f, c.late = c.late, nil
	case v == Late:
		v = Twice
	}
	m.mu.Unlock()
	f(answer, fault)
	if v == Matched {
		close(c.done)
	}
	return v
}

// find looks an answer's call up. m.mu is held.
func (m *Matcher) find(a *Message) (*Call, Verdict) {
	k := key{answer: a.MTI()}
	stan, sent := copy(k.stan[:], a.Get(STAN)) == 6, copy(k.sent[:], a.Get(Transmission)) == 10
	if stan && sent {
		if c := m.calls[k]; c != nil {
			return c, Matched
		}
		if c := m.past[k]; c != nil {
			return c, Late
		}
	}
	rrn := a.Get(RRN)
	if len(rrn) != 12 {
		switch {
		case stan && sent && m.otherType(k):
			return nil, OtherType
		case stan && sent:
			return nil, Nobody
		}
		return nil, NoKey
	}
	c, v := byRRN(m.calls, k, stan, rrn)
	if v == Nobody {
		if c, v = byRRN(m.past, k, stan, rrn); v == Matched {
			return c, Late
		}
		if stan && sent && m.otherType(k) {
			return nil, OtherType
		}
	}
	return c, v
}

// byRRN finds the one call with the type and the DE 37, and with the DE 11 if the answer has one.
func byRRN(calls map[key]*Call, want key, stan bool, rrn []byte) (found *Call, v Verdict) {
	v = Nobody
	for k, c := range calls {
		if k.answer != want.answer || (stan && k.stan != want.stan) || string(c.ref.RRN[:]) != string(rrn) {
			continue
		}
		if found != nil {
			return nil, Ambiguous
		}
		found, v = c, Matched
	}
	return found, v
}

func (m *Matcher) otherType(k key) bool {
	for _, t := range [...]MTI{AuthAnswer, AuthAdviceAnswer, FinancialAnswer, FinancialAdviceAnswer, ReversalAnswer, ReversalAdviceAnswer, NetworkAnswer} {
		if m.calls[key{t, k.stan, k.sent}] != nil {
			return true
		}
	}
	return false
}
