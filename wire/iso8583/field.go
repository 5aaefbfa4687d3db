package iso8583

import "strconv"

// Data elements that the dialect names. The rest of ISO 8583:1987 is read and written by number.
const (
	PAN              = 2  // primary account number, n..19
	ProcessingCode   = 3  // 000000 purchase, 200000 refund, 330000 account check
	AmountField      = 4  // minor units of DE 49
	Transmission     = 7  // MMDDhhmmss, UTC
	STAN             = 11 // systems trace audit number
	LocalTime        = 12 // hhmmss
	LocalDate        = 13 // MMDD
	Expiry           = 14 // YYMM
	MCC              = 18 // merchant category code, ISO 18245
	EntryMode        = 22 // 810 e-commerce, 100 card on file
	Condition        = 25 // 59 e-commerce, 08 mail or telephone order, 51 account check
	Acquirer         = 32 // acquiring institution id
	Forwarder        = 33 // forwarding institution id
	RRN              = 37 // retrieval reference number
	ApprovalCode     = 38
	ResponseCode     = 39
	Terminal         = 41
	Acceptor         = 42 // card acceptor id
	NameAndPlace     = 43 // card acceptor name (36), space, ISO 3166-1 numeric country (3)
	AdditionalAnswer = 44 // in a format error: the number of the field at fault, three digits
	AdditionalData   = 48 // tag(2) length(2) value; see Tag
	Currency         = 49 // ISO 4217 numeric
	PINData          = 52 // not used in the dialect
	Balance          = 54 // additional amounts
	Lifecycle        = 62 // lifecycle id, constant over authorisation, captures, refunds
	MAC              = 64 // message authentication code, in a message with one bitmap
	NetworkCode      = 70 // 001 sign-on, 002 sign-off, 101 key change, 301 echo
	OriginalData     = 90 // MTI 4, STAN 6, DE 7 10, DE 32 11, DE 33 11
	Replacement      = 95 // replacement amounts: transaction 12, settlement 12, fees 2 × 9
	MAC2             = 128
)

// Network management information codes, DE 70.
const (
	SignOn    = "001"
	SignOff   = "002"
	KeyChange = "101"
	Echo      = "301"
)

// class is a set of characters.
type class uint8

const (
	digit class = 1 << iota
	letter
	space
	special                // the rest of printable ASCII
	anyByte class = 1 << 7 // not text at all
	n             = digit
	an            = digit | letter | space
	ans           = digit | letter | space | special
	b             = anyByte
	z             = digit | letter | special // track data
)

// size is how the length of a field is known.
type size uint8

const (
	fixed size = iota
	ll         // two digits in front
	lll        // three digits in front
)

// Spec is one row of the field table.
type Spec struct {
	Name   string
	class  class
	size   size
	max    int  // bytes: the length of a fixed field, the greatest of a variable one
	Secret bool // cardholder or authentication data: never in logs or errors
}

// Field is the row of a data element 2 to 128; ok is false for others.
func Field(de int) (s Spec, ok bool) {
	if de < 2 || de >= len(fieldTable) || fieldTable[de].max == 0 {
		return Spec{}, false
	}
	return fieldTable[de], true
}

// Max is the length of a fixed field, or the greatest of a variable one, in bytes.
func (s Spec) Max() int { return s.max }

// Variable says whether a length stands in front of the field.
func (s Spec) Variable() bool { return s.size != fixed }

// Shape is how the field is framed: "fixed 12", "LL 19", "LLL 999".
func (s Spec) Shape() string {
	return [...]string{"fixed", "LL", "LLL"}[s.size] + " " + strconv.Itoa(s.max)
}

// fieldTable is ISO 8583:1987 as the dialect reads it: the whole format of every message is here.
var fieldTable = [129]Spec{
	2:   {"primary account number", n, ll, 19, true},
	3:   {"processing code", n, fixed, 6, false},
	4:   {"amount, transaction", n, fixed, 12, false},
	5:   {"amount, settlement", n, fixed, 12, false},
	6:   {"amount, cardholder billing", n, fixed, 12, false},
	7:   {"transmission date and time", n, fixed, 10, false},
	8:   {"amount, cardholder billing fee", n, fixed, 8, false},
	9:   {"conversion rate, settlement", n, fixed, 8, false},
	10:  {"conversion rate, cardholder billing", n, fixed, 8, false},
	11:  {"systems trace audit number", n, fixed, 6, false},
	12:  {"time, local transaction", n, fixed, 6, false},
	13:  {"date, local transaction", n, fixed, 4, false},
	14:  {"date, expiration", n, fixed, 4, true},
	15:  {"date, settlement", n, fixed, 4, false},
	16:  {"date, conversion", n, fixed, 4, false},
	17:  {"date, capture", n, fixed, 4, false},
	18:  {"merchant category code", n, fixed, 4, false},
	19:  {"acquiring institution country", n, fixed, 3, false},
	20:  {"PAN extended, country", n, fixed, 3, false},
	21:  {"forwarding institution country", n, fixed, 3, false},
	22:  {"point of service entry mode", n, fixed, 3, false},
	23:  {"card sequence number", n, fixed, 3, false},
	24:  {"network international identifier", n, fixed, 3, false},
	25:  {"point of service condition code", n, fixed, 2, false},
	26:  {"point of service PIN capture code", n, fixed, 2, false},
	27:  {"authorisation id response length", n, fixed, 1, false},
	28:  {"amount, transaction fee", an, fixed, 9, false},
	29:  {"amount, settlement fee", an, fixed, 9, false},
	30:  {"amount, transaction processing fee", an, fixed, 9, false},
	31:  {"amount, settlement processing fee", an, fixed, 9, false},
	32:  {"acquiring institution id", n, ll, 11, false},
	33:  {"forwarding institution id", n, ll, 11, false},
	34:  {"PAN, extended", ans, ll, 28, true},
	35:  {"track 2", z, ll, 37, true},
	36:  {"track 3", z, lll, 104, true},
	37:  {"retrieval reference number", an, fixed, 12, false},
	38:  {"authorisation id response", an, fixed, 6, false},
	39:  {"response code", an, fixed, 2, false},
	40:  {"service restriction code", an, fixed, 3, true},
	41:  {"card acceptor terminal id", ans, fixed, 8, false},
	42:  {"card acceptor id", ans, fixed, 15, false},
	43:  {"card acceptor name and place", ans, fixed, 40, false},
	44:  {"additional response data", ans, ll, 25, false},
	45:  {"track 1", ans, ll, 76, true},
	46:  {"additional data, ISO", ans, lll, 999, false},
	47:  {"additional data, national", ans, lll, 999, false},
	48:  {"additional data, private", ans, lll, 999, true},
	49:  {"currency, transaction", n, fixed, 3, false},
	50:  {"currency, settlement", n, fixed, 3, false},
	51:  {"currency, cardholder billing", n, fixed, 3, false},
	52:  {"PIN data", b, fixed, 8, true},
	53:  {"security related control information", n, fixed, 16, true},
	54:  {"additional amounts", an, lll, 120, false},
	55:  {"ICC data", b, lll, 999, true},
	56:  {"reserved ISO", ans, lll, 999, false},
	57:  {"reserved national", ans, lll, 999, false},
	58:  {"reserved national", ans, lll, 999, false},
	59:  {"reserved national", ans, lll, 999, false},
	60:  {"reserved private", ans, lll, 999, false},
	61:  {"reserved private", ans, lll, 999, false},
	62:  {"lifecycle id", ans, lll, 999, false},
	63:  {"reserved private", ans, lll, 999, false},
	64:  {"message authentication code", b, fixed, 8, false},
	66:  {"settlement code", n, fixed, 1, false},
	67:  {"extended payment code", n, fixed, 2, false},
	68:  {"receiving institution country", n, fixed, 3, false},
	69:  {"settlement institution country", n, fixed, 3, false},
	70:  {"network management information code", n, fixed, 3, false},
	71:  {"message number", n, fixed, 4, false},
	72:  {"message number, last", n, fixed, 4, false},
	73:  {"date, action", n, fixed, 6, false},
	74:  {"credits, number", n, fixed, 10, false},
	75:  {"credits, reversal number", n, fixed, 10, false},
	76:  {"debits, number", n, fixed, 10, false},
	77:  {"debits, reversal number", n, fixed, 10, false},
	78:  {"transfer, number", n, fixed, 10, false},
	79:  {"transfer, reversal number", n, fixed, 10, false},
	80:  {"inquiries, number", n, fixed, 10, false},
	81:  {"authorisations, number", n, fixed, 10, false},
	82:  {"credits, processing fee amount", n, fixed, 12, false},
	83:  {"credits, transaction fee amount", n, fixed, 12, false},
	84:  {"debits, processing fee amount", n, fixed, 12, false},
	85:  {"debits, transaction fee amount", n, fixed, 12, false},
	86:  {"credits, amount", n, fixed, 16, false},
	87:  {"credits, reversal amount", n, fixed, 16, false},
	88:  {"debits, amount", n, fixed, 16, false},
	89:  {"debits, reversal amount", n, fixed, 16, false},
	90:  {"original data elements", n, fixed, 42, false},
	91:  {"file update code", an, fixed, 1, false},
	92:  {"file security code", an, fixed, 2, false},
	93:  {"response indicator", an, fixed, 5, false},
	94:  {"service indicator", an, fixed, 7, false},
	95:  {"replacement amounts", an, fixed, 42, false},
	96:  {"message security code", b, fixed, 8, true},
	97:  {"amount, net settlement", an, fixed, 17, false},
	98:  {"payee", ans, fixed, 25, false},
	99:  {"settlement institution id", n, ll, 11, false},
	100: {"receiving institution id", n, ll, 11, false},
	101: {"file name", ans, ll, 17, false},
	102: {"account identification 1", ans, ll, 28, true},
	103: {"account identification 2", ans, ll, 28, true},
	104: {"transaction description", ans, lll, 100, false},
	105: {"reserved ISO", ans, lll, 999, false},
	106: {"reserved ISO", ans, lll, 999, false},
	107: {"reserved ISO", ans, lll, 999, false},
	108: {"reserved ISO", ans, lll, 999, false},
	109: {"reserved ISO", ans, lll, 999, false},
	110: {"reserved ISO", ans, lll, 999, false},
	111: {"reserved ISO", ans, lll, 999, false},
	112: {"reserved national", ans, lll, 999, false},
	113: {"reserved national", ans, lll, 999, false},
	114: {"reserved national", ans, lll, 999, false},
	115: {"reserved national", ans, lll, 999, false},
	116: {"reserved national", ans, lll, 999, false},
	117: {"reserved national", ans, lll, 999, false},
	118: {"reserved national", ans, lll, 999, false},
	119: {"reserved national", ans, lll, 999, false},
	120: {"reserved private", ans, lll, 999, false},
	121: {"reserved private", ans, lll, 999, false},
	122: {"reserved private", ans, lll, 999, false},
	123: {"reserved private", ans, lll, 999, false},
	124: {"reserved private", ans, lll, 999, false},
	125: {"reserved private", ans, lll, 999, false},
	126: {"reserved private", ans, lll, 999, false},
	127: {"reserved private", ans, lll, 999, false},
	128: {"message authentication code", b, fixed, 8, false},
}

// classTable is the class of each byte; 0 for what is not printable ASCII.
var classTable = makeClasses()

func makeClasses() (t [256]class) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = digit
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
			t[c] = letter
		case c == ' ':
			t[c] = space
		case c > ' ' && c < 0x7f:
			t[c] = special
		}
	}
	return t
}

// fits says whether every byte of v is of the class.
func (k class) fits(v []byte) bool {
	if k == digit {
		for _, c := range v {
			if c-'0' > 9 {
				return false
			}
		}
		return true
	}
	if k&anyByte != 0 {
		return true
	}
	for _, c := range v {
		if classTable[c]&k == 0 {
			return false
		}
	}
	return true
}
