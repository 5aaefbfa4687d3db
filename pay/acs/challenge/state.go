// Package challenge is the pure core of a 3-D Secure challenge with a code by SMS: what is known, what
// happened, what follows. It has no clock, no randomness, no disk and no network.
//
//	Step(state, event, now) → state, answer
//
// The answer says which page to show and what to do: send a code, send the result (RReq). The role
// stores the state before it does any of it, one transaction per step, so that concurrent guesses are
// counted one after the other and a restart goes on where it stopped.
//
// A code is never in here: only its HMAC, which the role makes with a key.
package challenge

import (
	"time"

	"countersign/pay/card"
	"countersign/pay/money"
)

// The limits of a challenge. Times of EMV 3DS 2.3.1.1 §5.5 and of Regulation (EU) 2018/389 art. 4.
const (
	FirstPage   = 30 * time.Second  // from ARes to the first CReq
	PageTime    = 600 * time.Second // for each page that asks something
	CodeTime    = 5 * time.Minute   // a code is good for so long
	ResendAfter = 30 * time.Second  // between two messages
	MaxTries    = 3                 // wrong codes
	MaxSends    = 4                 // messages, the first one included
	MaxCReqs    = 20                // identical CReqs (reload, second tab, back button)

	RReqLease = 12 * time.Second // an attempt to deliver the result that is silent for so long is repeated
	RReqAgain = 10 * time.Second // between attempts
	RReqUntil = time.Hour        // then the result counts as undeliverable
)

// Phase is where a challenge stands.
type Phase byte

// The phases, in order; there is no way back.
const (
	Offered Phase = 1 // ARes C was given; the browser has not come yet
	Asking  Phase = 2 // the holder sees the page
	Ending  Phase = 3 // decided; the result is on its way (RReq)
	Ended   Phase = 4 // the result was received, or can be received by nobody
)

// String names the phase for logs.
func (p Phase) String() string {
	switch p {
	case Offered:
		return "offered"
	case Asking:
		return "asking"
	case Ending:
		return "ending"
	case Ended:
		return "ended"
	}
	return "none"
}

// Deal is what the holder is asked to confirm; it never changes.
type Deal struct {
	ACSTransID, ServerTransID, DSTransID string
	Version                              string // messageVersion
	Payee                                string // merchantName of the AReq, made fit for a page and an SMS
	Site                                 string // origin of threeDSRequestorURL: the shop's address
	NotificationURL                      string
	Acceptor                             string // acquirerMerchantID of the AReq = ISO 8583 DE 42
	Amount                               money.Amount
	PAN                                  card.Index
	Card                                 string // the bank's id of the card
	Brand, Last4                         string
	Phone                                string // forgotten when the challenge has ended
	Bank                                 string // the bank's name
	KeyID                                string // of the OTP key
	Created                              time.Time
}

// State is all that is known of one challenge.
type State struct {
	Deal
	Phase    Phase
	Deadline time.Time // for the first CReq, or for the page
	CReq     [32]byte  // digest of the first CReq
	CReqs    int
	Session  string // threeDSSessionData of the newest CReq, as it came
	Code     Code
	Sends    int
	Tries    []Try // wrong codes
	Result   Result
	Delivery Delivery
}

// Code is the newest code; older ones are worth nothing.
type Code struct {
	MAC    [32]byte
	Round  int // counts the codes from 1; 0 = there is none
	Made   time.Time
	Status Sent
}

// Sent is what is known of a message.
type Sent byte

// The states of a message. Unknown is for one that may or may not have reached the message centre.
const (
	Sending Sent = 0
	Done    Sent = 1
	Failed  Sent = 2
	Unknown Sent = 3
)

// Try is one wrong code, and the form that it came with.
type Try struct {
	Form int
	MAC  [32]byte
}

// Result is what RReq says.
type Result struct {
	Status string // transStatus: Y, N, U
	Reason string // transStatusReason: 01, 14 …; "" with Y
	Cancel string // challengeCancel
	At     time.Time
}

// Delivery is how far the result got.
type Delivery struct {
	Attempts  int
	Flying    bool      // an attempt is under way, as far as is known
	MaybeSent bool      // an attempt may have arrived: the result cannot be changed any more
	Next      time.Time // when to try again
	Lost      bool      // given up
}

// Final says whether the browser may be sent back (final CRes): when the result was received, or when no
// money can follow from it anyway and delivering it takes long.
func (s *State) Final() bool {
	return s.Phase == Ended || s.Phase == Ending && s.Result.Status != "Y" && s.Delivery.Attempts > 1
}

// CResStatus is transStatus of the final CRes, which knows Y and N only.
func (s *State) CResStatus() string {
	if s.Phase == Ended && s.Result.Status == "Y" && !s.Delivery.Lost {
		return "Y"
	}
	return "N"
}

// Left is how many wrong codes are still allowed.
func (s *State) Left() int { return MaxTries - len(s.Tries) }

// Form is the number that the next form carries: it changes with every answer and every code, so that a
// form that is sent twice can be told from a second try.
func (s *State) Form() int { return len(s.Tries)*16 + s.Code.Round }

// ResendIn is how long the holder must wait for another code; 0 = none, negative = no more codes.
func (s *State) ResendIn(now time.Time) time.Duration {
	switch {
	case s.Sends >= MaxSends:
		return -1
	case s.Code.Round == 0 || s.Code.Status == Failed:
		return 0
	}
	return max(0, s.Code.Made.Add(ResendAfter).Sub(now))
}

// CodeLeft is how long the newest code is still good; 0 when it is not.
func (s *State) CodeLeft(now time.Time) time.Duration {
	if s.Phase != Asking || s.Code.Round == 0 {
		return 0
	}
	return max(0, min(s.Code.Made.Add(CodeTime).Sub(now), s.Deadline.Sub(now)))
}

// Due is when the state wants a Tick; the zero time when never.
func (s *State) Due() time.Time {
	switch s.Phase {
	case Offered, Asking:
		return s.Deadline
	case Ending:
		return s.Delivery.Next
	}
	return time.Time{}
}

// New is a challenge that was just offered (ARes C).
func New(d Deal, now time.Time) State {
	d.Created = now
	return State{Deal: d, Phase: Offered, Deadline: now.Add(FirstPage)}
}
