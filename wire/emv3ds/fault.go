package emv3ds

import "strings"

// Fault is what is wrong with a message, in the terms of the Erro message (EMV 3DS annex A.5.5). It
// carries names of fields, never values. A nil *Fault means that nothing is wrong.
type Fault struct {
	Code        int    // errorCode: 101, 201 …
	Component   byte   // errorComponent: who found it; Server, Directory or ACS; 0 = not yet said
	Description string // errorDescription: the meaning of the code
	Detail      string // errorDetail: for 201, 203, 204, 207 and 304 the field paths, separated by commas
}

// NewFault makes a fault of a component with the description that belongs to the code.
func NewFault(code int, component byte, detail string) *Fault {
	return &Fault{Code: code, Component: component, Description: Describe(code), Detail: detail}
}

// fault is NewFault with a description of its own if it is not "".
func fault(code int, description, detail string) *Fault {
	f := NewFault(code, 0, detail)
	if description != "" {
		f.Description = description
	}
	return f
}

// From says who found it and returns f; f may be nil.
func (f *Fault) From(component byte) *Fault {
	if f != nil {
		f.Component = component
	}
	return f
}

// String is "203 Format or value …: acctInfo.chAccAgeInd", for logs.
func (f *Fault) String() string {
	if f == nil {
		return "no fault"
	}
	return digits3(f.Code) + " " + f.Description + ": " + f.Detail
}

// Erro is the Erro message about a message; about may be nil when nothing could be read. It repeats the
// ids that are well-formed. An Erro is never answered: about an Erro, the answer is nil.
func (f *Fault) Erro(about *Message) []byte {
	if about.Type() == Erro {
		return nil
	}
	component := f.Component
	if component == 0 {
		component = Directory
	}
	b := New(Erro, Version220)
	for _, id := range idTable {
		if text := about.Text(id); isUUID(text) {
			b.Set(id, text)
		}
	}
	b.Set("errorCode", digits3(f.Code)).Set("errorComponent", string(rune(component)))
	b.Set("errorDescription", f.Description).Set("errorDetail", orDash(cut(f.Detail, 2048)))
	if _, known := messageTable[about.Type()]; known {
		b.Set("errorMessageType", about.Type())
	}
	return b.Bytes()
}

var idTable = []string{"threeDSServerTransID", "acsTransID", "dsTransID"}

func digits3(n int) string {
	return string([]byte{byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// cut shortens s to at most n bytes of valid UTF-8.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// paths joins field paths and leaves out repetitions.
func paths(list []string) string {
	var out []string
next:
	for _, p := range list {
		for _, q := range out {
			if p == q {
				continue next
			}
		}
		out = append(out, p)
	}
	return strings.Join(out, ",")
}

// Describe is the meaning of an errorCode in plain words. Codes that nobody knows are allowed.
func Describe(code int) string {
	if text, ok := codeTable[code]; ok {
		return text
	}
	return "Error of a kind unknown here"
}

var codeTable = map[int]string{
	101: "Not a message that is accepted here",
	102: "Protocol version not supported",
	103: "Too many PReq messages",
	201: "Required field missing",
	202: "Critical extension not recognised",
	203: "Field has a wrong format or value",
	204: "Field occurs more than once",
	205: "Card ranges overlap",
	206: "Action on a card range is not possible",
	207: "Field has a reserved value",
	301: "Transaction id not recognised",
	302: "Data could not be decrypted",
	303: "Access denied, endpoint not allowed",
	304: "ISO code not valid",
	305: "Transaction data not valid",
	306: "Merchant category code not valid",
	307: "Serial number not valid",
	308: "Signature not valid",
	309: "Content security policy refused",
	310: "Algorithm not supported",
	311: "Key id not known",
	312: "Message already received",
	313: "RReq without a challenge",
	314: "More than one CReq",
	315: "CReq after the RReq",
	402: "Transaction timed out",
	403: "Transient system failure",
	404: "Permanent system failure",
	405: "System connection failure",
}
