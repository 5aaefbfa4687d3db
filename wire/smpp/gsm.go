package smpp

// gsmAlphabet is the GSM 7-bit default alphabet, 3GPP TS 23.038 §6.2.1, in the order of its codes.
// 0x1b, the escape to the extension table, stands as U+FFFD.
const gsmAlphabet = "@£$¥èéùìòÇ\nØø\rÅå" +
	"Δ_ΦΓΛΩΠΨΣΘΞ\uFFFDÆæßÉ" +
	" !\"#¤%&'()*+,-./" +
	"0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNO" +
	"PQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmno" +
	"pqrstuvwxyzäöñüà"

// gsmExtension is the extension table, §6.2.1.1: code behind the escape, then the character.
const gsmExtension = "\x0a\f\x14^\x28{\x29}\x2f\\\x3c[\x3d~\x3e]\x40|\x65€"

const gsmEscape = 0x1b

// gsm holds both directions of the alphabet.
type gsm struct {
	code map[rune][]byte
	char [128]rune
	ext  map[byte]rune
}

// gsmTable is filled once and never changed.
var gsmTable = newGSM()

func newGSM() *gsm {
	g := &gsm{code: map[rune][]byte{}, ext: map[byte]rune{}}
	i := byte(0)
	for _, r := range gsmAlphabet {
		g.char[i] = r
		if i != gsmEscape {
			g.code[r] = []byte{i}
		}
		i++
	}
	pair := []rune(gsmExtension)
	for i := 0; i < len(pair); i += 2 {
		g.ext[byte(pair[i])] = pair[i+1]
		g.code[pair[i+1]] = []byte{gsmEscape, byte(pair[i])}
	}
	return g
}

// encode writes s with one byte per septet; ok is false when a character is not in the alphabet.
func (g *gsm) encode(s string) (out []byte, ok bool) {
	for _, r := range s {
		c, in := g.code[r]
		if !in {
			return nil, false
		}
		out = append(out, c...)
	}
	return out, true
}

// decode reads one byte per septet. An unknown escape gives the character of the main table, as §6.2.1.1
// wants; a byte above 127 or an escape at the end gives U+FFFD.
func (g *gsm) decode(b []byte) string {
	out := make([]rune, 0, len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c > 127:
			out = append(out, '\uFFFD')
		case c == gsmEscape && i+1 < len(b):
			i++
			if r, ok := g.ext[b[i]]; ok {
				out = append(out, r)
			} else if b[i] < 128 {
				out = append(out, g.char[b[i]])
			} else {
				out = append(out, '\uFFFD')
			}
		default:
			out = append(out, g.char[c])
		}
	}
	return string(out)
}
