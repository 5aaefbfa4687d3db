package journey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// mask shows the last four digits.
func mask(number []byte) string { return "•••• " + string(number[max(0, len(number)-4):]) }

// short is the end of an id.
func short(id string) string {
	kind, rest, _ := strings.Cut(id, "_")
	return kind + "_…" + rest[max(0, len(rest)-6):]
}

// cents reads "€476.60".
func cents(display string) int64 {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, display)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// flip changes one character in the middle of a box.
func flip(box string) string {
	b := []byte(box)
	i := len(b) - len(b)/4
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// otherCode is a code of the same length that is not this one.
func otherCode(code string) string {
	b := []byte(code)
	b[len(b)-1] = '0' + (b[len(b)-1]-'0'+1)%10
	return string(b)
}

func orRefused(state string) string {
	if state == "" {
		return "refused"
	}
	return state
}

// needles are the forms in which a number could lie around.
type needles [][]byte

func forms(number []byte) needles {
	bcd, _ := hex.DecodeString(string(number[:len(number)&^1])) // digits are hexadecimal
	n := needles{number, bcd, []byte(hex.EncodeToString(number))}
	for shift := range 3 { // base64 at each of the three offsets, without the characters that neighbours share
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), number...))
		n = append(n, []byte(text[(shift*8+5)/6:len(text)-1]))
	}
	spaced := make([]byte, 0, 24)
	for i, c := range number {
		if i > 0 && i%4 == 0 {
			spaced = append(spaced, ' ')
		}
		spaced = append(spaced, c)
	}
	return append(n, spaced)
}

// in says whether any form is there.
func (n needles) in(b []byte) bool {
	for _, x := range n {
		if bytes.Contains(b, x) {
			return true
		}
	}
	return false
}
