// Package verdict holds the words that every guard speaks: how sure we are that an address is a genuine one,
// which brand is meant, and why, with the characters that differ.
//
// A verdict is never "safe". Genuine means "listed in the signed catalogue as a place of this brand"; Unknown is
// the honest answer for the rest of the web.
package verdict

// Level is the answer in one word.
type Level uint8

// The four answers. They are ordered by how they are shown, not by trust: use Rank to find the worse of two.
const (
	Unknown Level = iota // not listed, and nothing that imitates a listed name
	Genuine              // listed in the catalogue as an address of the brand
	Caution              // may be an imitation, or could not be parsed: look twice
	Danger               // an imitation
)

// String gives "unknown", "genuine", "caution" or "danger".
func (l Level) String() string {
	switch l {
	case Genuine:
		return "genuine"
	case Caution:
		return "caution"
	case Danger:
		return "danger"
	}
	return "unknown"
}

// Rank orders levels from harmless to harmful: genuine 0, unknown 1, caution 2, danger 3.
func (l Level) Rank() int {
	switch l {
	case Genuine:
		return 0
	case Caution:
		return 2
	case Danger:
		return 3
	}
	return 1
}

// ExitCode is the exit status of the command line for a level: 0 genuine or unknown, 1 caution, 2 danger.
func (l Level) ExitCode() int {
	if r := l.Rank(); r > 1 {
		return r - 1
	}
	return 0
}

// Reason is one thing that speaks for a verdict.
type Reason struct {
	Code     string // a Class name such as "omission", or a code of the page or mail guard
	Weight   int    // 0..100: how much it alone says
	Text     string // one plain sentence for a person
	Evidence string // the part that shows it, differing characters in brackets: "aliexpre[s].com"; may be empty
}

// Verdict is what a guard answers about one address.
type Verdict struct {
	Level   Level
	Class   Class    // the strongest class
	Host    string   // the host that was judged, lower case, Unicode form; empty if none could be read
	Brand   string   // catalogue id of the brand that is meant; empty if none
	Name    string   // the brand as people write it, such as "AliExpress"
	Genuine string   // where the brand really is, such as "aliexpress.com"; empty if none
	Reasons []Reason // strongest first
}

// Worse gives the verdict with the higher rank; a wins a tie.
func Worse(a, b Verdict) Verdict {
	if b.Level.Rank() > a.Level.Rank() {
		return b
	}
	return a
}

// AppendJSON appends the verdict as a JSON object. All surfaces (command line, HTTP, mail, browser) use it, so that the
// same input gives the same bytes everywhere. Keys: level, class, host, brand, name, genuine, reasons (code, weight, text, evidence).
func (v *Verdict) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"level":"`...)
	dst = append(dst, v.Level.String()...)
	dst = append(dst, `","class":"`...)
	dst = append(dst, v.Class.String()...)
	dst = append(dst, '"')
	dst = appendField(dst, "host", v.Host)
	dst = appendField(dst, "brand", v.Brand)
	dst = appendField(dst, "name", v.Name)
	dst = appendField(dst, "genuine", v.Genuine)
	dst = append(dst, `,"reasons":[`...)
	for i := range v.Reasons {
		r := &v.Reasons[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"code":`...)
		dst = AppendString(dst, r.Code)
		dst = append(dst, `,"weight":`...)
		dst = appendInt(dst, r.Weight)
		dst = appendField(dst, "text", r.Text)
		dst = appendField(dst, "evidence", r.Evidence)
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

func appendField(dst []byte, key, value string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':')
	return AppendString(dst, value)
}

func appendInt(dst []byte, n int) []byte {
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	if n >= 10 {
		dst = appendInt(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

// AppendString appends s as a JSON string. Control characters, <, >, & and invalid UTF-8 are escaped, so that the result
// can stand in a page and in a terminal.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20, r == 0x7f, r == '<', r == '>', r == '&', isInvisible(r):
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}

// isInvisible names the format characters that turn or hide text.
func isInvisible(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r == 0xad || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e ||
		r >= 0x2060 && r <= 0x206f || r == 0xfeff
}
