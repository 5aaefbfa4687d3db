package sim

import "time"

// timeout is how long the gateway waits for the bank.
const timeout = 10 * time.Second

// network is the link between gateway and bank.
type network struct {
	*engine
	faults
	healed bool
}

// reply is what a caller learns; exactly one of the first three happens, once.
type reply[A any] struct {
	answer   func(A) // in time
	none     func()  // the request may have arrived
	notSent  func()  // it did not leave
	tooLate  func(A) // an answer after none
	answered bool
	gaveUp   bool
}

// send carries one request; handle runs at the bank for every copy that arrives.
func send[A any](n *network, handle func() (A, bool), r *reply[A]) {
	if !n.healed && n.chance(n.linkDown) {
		n.count("fault: link down")
		n.after(time.Millisecond, r.notSent)
		return
	}
	n.after(timeout, func() {
		if !r.answered {
			r.gaveUp = true
			n.count("fault: no answer in time")
			r.none()
		}
	})
	if !n.healed && n.chance(n.loseRequest) {
		n.count("fault: request lost")
		return
	}
	deliver(n, n.latency(), handle, r)
	if !n.healed && n.chance(n.double) {
		n.count("fault: request doubled")
		deliver(n, n.between(0, 90*time.Second), handle, r)
	}
}

func (n *network) latency() time.Duration {
	if !n.healed && n.chance(n.late) {
		n.count("fault: late")
		return n.between(timeout/2, 6*timeout)
	}
	return n.between(time.Millisecond, 400*time.Millisecond)
}

func deliver[A any](n *network, in time.Duration, handle func() (A, bool), r *reply[A]) {
	n.after(in, func() {
		a, ok := handle()
		if !ok { // the bank was not there
			return
		}
		if !n.healed && n.chance(n.loseAnswer) {
			n.count("fault: answer lost")
			return
		}
		n.after(n.latency(), func() {
			switch {
			case r.answered:
				n.count("fault: answer doubled")
			case r.gaveUp:
				n.count("fault: answer late")
				r.tooLate(a)
			default:
				r.answered = true
				r.answer(a)
			}
		})
	})
}
