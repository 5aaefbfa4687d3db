package sim

// Bug is one planted mistake: the kind that real card systems have had.
type Bug int

// The bugs. Each must be caught by the checks, or the checks are worth nothing.
const (
	None Bug = iota

	// At the gateway.
	ReversalNotStored      // a timeout's reversal is not stored before it is sent
	SentOnce               // a message without an answer is taken for answered
	SilenceIsNo            // no answer is taken for a refusal
	LateApprovalCounts     // an approval that comes after the reversal makes the payment paid
	FreshNumbersForRepeats // a repeated capture, refund or reversal gets new message numbers
	ReusedNumbers          // message numbers repeat within the hour
	EffectBeforeCommit     // messages go out before the decision is stored
	NotFlushed             // a crash loses the last commit
	NoRecovery             // nothing is resolved after a crash

	// At the bank.
	NoDuplicateCheck    // a message that comes twice is decided twice
	EarlyReversalLost   // a reversal before its request is forgotten
	AnswerBeforeEffect  // a crash between answer and commit loses the decision
	HoldNotKept         // approved without a hold
	ReleasedTwice       // a hold given back twice
	LimitNotExact       // spending is read before others have stored theirs
	SingleUseNotKept    // a single-use card is not marked as used
	WrongCodesNotKept   // wrong codes are not counted
	ProofReusable       // one confirmation buys twice
	RefundWithoutLimit  // more goes back than was taken
	CaptureWithoutLimit // a capture that comes twice under two keys takes twice
	bugs
)

// bugNameTable names the bugs for reports.
var bugNameTable = [...]string{
	None: "none", ReversalNotStored: "reversal not stored", SentOnce: "sent once", SilenceIsNo: "silence is no",
	LateApprovalCounts: "late approval counts", FreshNumbersForRepeats: "fresh numbers for repeats", ReusedNumbers: "reused numbers",
	EffectBeforeCommit: "effect before commit", NotFlushed: "not flushed", NoRecovery: "no recovery",
	NoDuplicateCheck: "no duplicate check", EarlyReversalLost: "early reversal lost", AnswerBeforeEffect: "answer before effect",
	HoldNotKept: "hold not kept", ReleasedTwice: "released twice", LimitNotExact: "limit not exact", SingleUseNotKept: "single use not kept",
	WrongCodesNotKept: "wrong codes not kept", ProofReusable: "proof reusable", RefundWithoutLimit: "refund without limit",
	CaptureWithoutLimit: "capture without limit",
}

// String is the bug's name.
func (b Bug) String() string { return bugNameTable[b] }

// Bugs lists every planted bug.
func Bugs() []Bug {
	var all []Bug
	for b := None + 1; b < bugs; b++ {
		all = append(all, b)
	}
	return all
}
