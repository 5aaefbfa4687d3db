package iso8583

import "strconv"

// Reason says what is wrong with a message.
type Reason uint8

// The reasons.
const (
	Short      Reason = iota + 1 // the message ends inside the field
	Trailing                     // bytes after the last field
	BadMTI                       // the first four bytes are not digits, or all zeros
	Tertiary                     // field 65 would be a third bitmap, which the dialect has not
	BadLength                    // the length in front of the field is not a number
	TooLong                      // longer than the field may be
	WrongSize                    // a fixed field, and not of its length
	WrongClass                   // a character that the field may not hold
	BadElement                   // DE 48 is not a list of tag, length, value
	OutOfOrder                   // packing: fields go in ascending order, each once
	NoRoom                       // packing: the buffer is full; it never grows
	NoField                      // there is no such field
	Missing                      // the message needs the field
	BadValue                     // the characters are right and the value makes no sense, such as a 13th month
)

var reasonTable = [...]string{
	Short: "the message ends inside", Trailing: "bytes after the last field", BadMTI: "not a message type",
	Tertiary: "a third bitmap is not supported", BadLength: "its length is not a number", TooLong: "too long",
	WrongSize: "wrong length", WrongClass: "a character that is not allowed here", BadElement: "not tag, length, value",
	OutOfOrder: "out of order", NoRoom: "the buffer is full", NoField: "no such field", Missing: "missing", BadValue: "not a value of this field",
}

// String is the reason in words.
func (r Reason) String() string {
	if int(r) < len(reasonTable) && reasonTable[r] != "" {
		return reasonTable[r]
	}
	return "unknown reason"
}

// Fault is the error of this package's codec: a place and a reason, never a value.
type Fault struct {
	Field   int // data element; 0 = the MTI or the message as a whole, 1 = the bitmap
	Element int // sub-element tag of DE 48, or 0
	Reason  Reason
}

// Error is such as "iso8583: DE 14: wrong length".
func (f *Fault) Error() string { return "iso8583: " + f.Where() + ": " + f.Reason.String() }

// Where names the place: "DE 14", "DE 48.93", "MTI", "bitmap", "message".
func (f *Fault) Where() string {
	switch {
	case f.Field == 0 && f.Reason == BadMTI:
		return "MTI"
	case f.Field == 0:
		return "message"
	case f.Field == 1:
		return "bitmap"
	case f.Element != 0:
		return "DE " + strconv.Itoa(f.Field) + "." + strconv.Itoa(f.Element)
	}
	return "DE " + strconv.Itoa(f.Field)
}
