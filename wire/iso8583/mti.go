package iso8583

// MTI is a message type indicator, its four digits as four nibbles: 0x0100 is "0100". The first digit is
// the version (0 = 1987), then class, function and origin (1 = repeat of the acquirer's message).
type MTI uint16

// The messages of the dialect.
const (
	AuthRequest           MTI = 0x0100 // authorisation, account check
	AuthRepeat            MTI = 0x0101
	AuthAnswer            MTI = 0x0110
	AuthAdvice            MTI = 0x0120 // stand-in decisions, told afterwards
	AuthAdviceAnswer      MTI = 0x0130
	FinancialRequest      MTI = 0x0200 // single-message purchase, refund
	FinancialAnswer       MTI = 0x0210
	FinancialAdvice       MTI = 0x0220 // capture, refund
	FinancialAdviceRepeat MTI = 0x0221
	FinancialAdviceAnswer MTI = 0x0230
	ReversalRequest       MTI = 0x0400
	ReversalRepeat        MTI = 0x0401
	ReversalAnswer        MTI = 0x0410
	ReversalAdvice        MTI = 0x0420 // after a timeout; sent until answered
	ReversalAdviceRepeat  MTI = 0x0421
	ReversalAdviceAnswer  MTI = 0x0430
	NetworkRequest        MTI = 0x0800 // sign-on, sign-off, echo
	NetworkAnswer         MTI = 0x0810
)

// mtiTable is every message type of the dialect. Repeats that a side may send though the dialect has no
// use for them (0121, 0201) are known too, so that they are answered and not taken for garbage.
var mtiTable = [...]MTI{
	AuthRequest, AuthRepeat, AuthAnswer, AuthAdvice, 0x0121, AuthAdviceAnswer,
	FinancialRequest, 0x0201, FinancialAnswer, FinancialAdvice, FinancialAdviceRepeat, FinancialAdviceAnswer,
	ReversalRequest, ReversalRepeat, ReversalAnswer, ReversalAdvice, ReversalAdviceRepeat, ReversalAdviceAnswer,
	NetworkRequest, 0x0801, NetworkAnswer,
}

// Known says whether the dialect has this message.
func (m MTI) Known() bool {
	for _, k := range mtiTable {
		if k == m {
			return true
		}
	}
	return false
}

// IsRequest says whether somebody waits for an answer: the function digit is even.
func (m MTI) IsRequest() bool { return m>>4&1 == 0 }

// IsRepeat says whether this is a message sent again.
func (m MTI) IsRepeat() bool { return m&1 == 1 }

// First is the message type with the repeat cleared: 0101 gives 0100.
func (m MTI) First() MTI { return m &^ 1 }

// Answer is the type of the answer to a request or advice: 0100 and 0101 give 0110, 0420 gives 0430.
func (m MTI) Answer() MTI { return m.First() + 0x10 }

// Class is the second digit: 1 authorisation, 2 financial, 4 reversal, 8 network management.
func (m MTI) Class() int { return int(m >> 8 & 15) }

// String is the four digits.
func (m MTI) String() string {
	b := m.ascii()
	return string(b[:])
}

func (m MTI) ascii() [4]byte {
	return [4]byte{'0' + byte(m>>12), '0' + byte(m>>8&15), '0' + byte(m>>4&15), '0' + byte(m&15)}
}

// ParseMTI reads four digits, as text or as bytes. 0000 is no message type.
func ParseMTI[T string | []byte](s T) (MTI, bool) {
	if len(s) != 4 {
		return 0, false
	}
	var m MTI
	for i := range 4 {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		m = m<<4 | MTI(c-'0')
	}
	return m, m != 0
}
