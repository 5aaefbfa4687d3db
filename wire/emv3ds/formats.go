package emv3ds

import (
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// format is what a value must look like.
type format struct {
	json     byte              // kind: '"' text, 't' boolean, '{' object, '[' array, 0 any
	min, max int               // characters of text; elements of an array; bytes of JSON text of an object or any
	check    func([]byte) bool // text that passed the lengths; nil = any text
	codes    string            // the values that are allowed: "01-03,80-99,Y"
	iso      string            // a list of three-digit ISO codes, one after the other: not in it = 304
	fields   []field           // of an object
	element  *format           // of an array
}

func text(min, max int) format { return format{json: '"', min: min, max: max} }
func digits(min, max int) format {
	return format{json: '"', min: min, max: max, check: isDigits}
}
func oneOf(codes string) format { return format{json: '"', min: 1, max: 8, codes: codes} }
func just(word string) format   { return format{json: '"', min: 1, max: 16, codes: word} }
func boolean() format           { return format{json: 't'} }
func uuid() format              { return format{json: '"', min: 36, max: 36, check: isUUID[[]byte]} }
func webURL(max int) format     { return format{json: '"', min: 1, max: max, check: isURL} }
func b64(n int) format          { return format{json: '"', min: n, max: n, check: isBase64} }
func object(fields []field) format {
	return format{json: '{', max: MaxSize, fields: fields}
}
func list(max int, element format) format {
	return format{json: '[', min: 1, max: max, element: &element}
}
func when(layout string) format {
	return format{json: '"', min: len(layout), max: len(layout), check: func(b []byte) bool {
		if !isDigits(b) {
			return false
		}
		_, err := time.Parse(layout, string(b))
		return err == nil
	}}
}
func matching(min, max int, check func([]byte) bool) format {
	return format{json: '"', min: min, max: max, check: check}
}
func country() format  { return format{json: '"', min: 3, max: 3, check: isDigits, iso: countryCodes} }
func currency() format { return format{json: '"', min: 3, max: 3, check: isDigits, iso: currencyCodes} }

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// number is the value of up to nine digits, -1 if b is something else.
func number(b []byte) int {
	if !isDigits(b) || len(b) > 9 {
		return -1
	}
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

// isYYMM checks a card's expiry without making a string of it.
func isYYMM(b []byte) bool {
	return isDigits(b) && number(b)%100 >= 1 && number(b)%100 <= 12
}

// isInstalments: a number of instalments is more than one.
func isInstalments(b []byte) bool { return number(b) > 1 }

// isDecoupledTime: minutes up to seven days.
func isDecoupledTime(b []byte) bool { return number(b) >= 1 && number(b) <= 10080 }

// isMinutes: an offset such as Date.getTimezoneOffset gives.
func isMinutes(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	return isDigits(b) && len(b) <= 4
}

func isIP(b []byte) bool {
	a, err := netip.ParseAddr(string(b))
	return err == nil && a.Zone() == ""
}

// isURL: an absolute http or https URL in printable ASCII.
func isURL(b []byte) bool {
	s := string(b)
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	host, _, _ := strings.Cut(rest, "/")
	if host == "" || strings.ContainsAny(host, "@?#") {
		return false
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' {
			return false
		}
	}
	return true
}

func isEmail(b []byte) bool {
	s := string(b)
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !strings.ContainsAny(s, " \t\r\n")
}

// isBase64: standard alphabet with padding (RFC 4648 §4).
func isBase64(b []byte) bool {
	pad := 0
	for len(b) > 0 && b[len(b)-1] == '=' && pad < 2 {
		b, pad = b[:len(b)-1], pad+1
	}
	for _, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return (len(b)+pad)%4 == 0 && len(b) > 0
}

func isVersion(b []byte) bool {
	dots := 0
	for i, c := range b {
		switch {
		case c == '.' && i > 0 && i < len(b)-1:
			dots++
		case c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return dots >= 1 && dots <= 3
}

// listed says whether a value is in a code list such as "01-03,80-99,Y".
func listed(codes string, v []byte) bool {
	for codes != "" {
		var item string
		item, codes, _ = strings.Cut(codes, ",")
		if from, to, ok := strings.Cut(item, "-"); ok {
			if len(v) == len(from) && isDigits(v) && string(v) >= from && string(v) <= to {
				return true
			}
		} else if string(v) == item {
			return true
		}
	}
	return false
}

// inISO says whether a three-digit code is in a list of them.
func inISO(list string, v []byte) bool {
	for i := 0; i+3 <= len(list); i += 3 {
		if list[i:i+3] == string(v) {
			return true
		}
	}
	return false
}

// characters counts as EMV 3DS does.
func characters(b []byte) int { return utf8.RuneCount(b) }
