package lookalike

import (
	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

// compare says in what way s differs from the protected name t, given that the index brought them together. one and coarse are
// the folded forms of s. None means: not close enough.
func compare(s, one, coarse []byte, t *token) verdict.Class {
	if string(s) == t.text {
		return verdict.Listed // the very name
	}
	if string(one) == t.one() || string(coarse) == t.coarse() && (len(t.text) >= 6 || strictly(s, t.text)) {
		return verdict.Glyph
	}
	if len(t.text) >= 6 && t.other() != "" && string(coarse) == t.other() {
		return verdict.Glyph
	}
	if c := hyphens(s, t); c != verdict.None {
		return c
	}
	if len(t.text) < 4 {
		return verdict.None // one letter of three is no resemblance
	}
	if c := edit(s, t.text); c != verdict.None {
		return c
	}
	if c := vowels(s, t.text); c != verdict.None {
		return c
	}
	if len(t.text) >= 6 && doubled(s, t.text) {
		return verdict.DoubleReplacement
	}
	if plural(s, t.text) {
		return verdict.Plural
	}
	if len(t.text) >= 6 && nearShape(coarse, t.coarse()) {
		return verdict.TwoTypos
	}
	if len(t.text) >= 7 {
		if edit(one, t.one()) != verdict.None || edit(coarse, t.coarse()) != verdict.None {
			return verdict.TwoTypos
		}
	}
	return verdict.None
}

// strictly: equal when only shapes that are hard to tell apart are alike.
func strictly(s []byte, t string) bool {
	var a, b [maxToken*2 + 8]byte
	if len(s) > maxToken*2 || len(t) > maxToken {
		return false
	}
	for i := 0; i < len(t); i++ {
		if t[i] <= '9' && t[i] >= '0' { // c6bank: its digits are no letters in disguise
			return string(s) == t
		}
	}
	n := copy(b[maxToken:], t)
	return string(fold.Strict(a[:0], s)) == string(fold.Strict(b[:0], b[maxToken:maxToken+n]))
}

// nearShape: equal but for one letter of a similar shape that is in no class.
func nearShape(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	n := 0
	for i, c := range a {
		if c == b[i] {
			continue
		}
		n++
		switch string([]byte{min(c, b[i]), max(c, b[i])}) {
		case "nr", "hn", "ft", "gy", "uy", "bh", "hk":
		default:
			return false
		}
	}
	return n == 1
}

// hyphens: equal when hyphens are left out, glyphs folded.
func hyphens(s []byte, t *token) verdict.Class {
	j, found := 0, false
	for _, c := range s {
		if c == '-' {
			found = true
			continue
		}
		if j < len(t.text) && t.text[j] == '-' {
			j, found = j+1, true
		}
		if j == len(t.text) || foldOne(c) != foldOne(t.text[j]) {
			return verdict.None
		}
		j++
	}
	if j == len(t.text) && found {
		return verdict.Hyphen
	}
	return verdict.None
}

// edit names the one edit that makes t of s, or None: a letter more, less or other, two swapped, one moved.
func edit(s []byte, t string) verdict.Class {
	i := 0
	for i < len(s) && i < len(t) && s[i] == t[i] {
		i++
	}
	j := 0
	for j < len(s)-i && j < len(t)-i && s[len(s)-1-j] == t[len(t)-1-j] {
		j++
	}
	ds, dt := len(s)-i-j, len(t)-i-j // what is left between the common ends
	switch {
	case ds == 1 && dt == 0:
		return inserted(s, i, t)
	case ds == 0 && dt == 1:
		if t[i] == '-' {
			return verdict.Hyphen
		}
		return verdict.Omission
	case ds == 1 && dt == 1:
		return replaced(s[i], t[i])
	case ds == 2 && dt == 0 && i == len(t) && s[i] == 'e' && s[i+1] == 's':
		return verdict.Plural
	case ds == dt && ds >= 2:
		return moved(s[i:i+ds], t[i:i+dt])
	}
	return verdict.None
}

func inserted(s []byte, i int, t string) verdict.Class {
	c := s[i]
	switch {
	case c == '-':
		return verdict.Hyphen
	case i > 0 && s[i-1] == c || i+1 < len(s) && s[i+1] == c:
		return verdict.Repetition
	case c == 's' && i == len(t):
		return verdict.Plural
	}
	return verdict.Insertion
}

func replaced(a, b byte) verdict.Class {
	switch x := a ^ b; {
	case isVowel(a) && isVowel(b):
		return verdict.VowelSwap
	case x&(x-1) == 0:
		return verdict.BitFlip
	}
	return verdict.Replacement
}

func isVowel(c byte) bool { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' }

// moved: the middle parts hold the same letters, one of them at the other end.
func moved(s []byte, t string) verdict.Class {
	n := len(s)
	if s[0] == t[n-1] && string(s[1:]) == t[:n-1] || s[n-1] == t[0] && string(s[:n-1]) == t[1:] {
		if n == 2 {
			return verdict.Transposition
		}
		return verdict.Shuffle
	}
	return verdict.None
}

// doubled: two neighbours of t, or one letter, replaced by another letter twice.
func doubled(s []byte, t string) bool {
	if len(s) != len(t) && len(s) != len(t)+1 {
		return false
	}
	for i := 0; i+1 < len(s); i++ {
		if s[i] == s[i+1] && string(s[:i]) == t[:i] && string(s[i+2:]) == t[len(t)-(len(s)-i-2):] {
			return true
		}
		if s[i] != t[min(i, len(t)-1)] {
			return false
		}
	}
	return false
}

// vowels: one vowel replaced by another wherever it stands, at least twice.
func vowels(s []byte, t string) verdict.Class {
	if len(s) != len(t) {
		return verdict.None
	}
	var from, to byte
	n := 0
	for i, c := range s {
		if c == t[i] {
			continue
		}
		if from == 0 {
			from, to = t[i], c
		}
		if t[i] != from || c != to || !isVowelOrY(from) || !isVowelOrY(to) {
			return verdict.None
		}
		n++
	}
	if n < 2 {
		return verdict.None
	}
	return verdict.VowelSwap
}

func isVowelOrY(c byte) bool { return isVowel(c) || c == 'y' }

// plural: "es" after an s inside the name, or the ending ies for y.
func plural(s []byte, t string) bool {
	if len(s) != len(t)+2 {
		return false
	}
	for i := 1; i+1 < len(s); i++ {
		if s[i] == 'e' && s[i+1] == 's' && hisses(s[i-1]) && string(s[:i]) == t[:i] && string(s[i+2:]) == t[i:] {
			return true
		}
	}
	return t[len(t)-1] == 'y' && string(s[:len(t)-1]) == t[:len(t)-1] && string(s[len(t)-1:]) == "ies"
}

func hisses(c byte) bool { return c == 's' || c == 'x' || c == 'z' }

// hashVowels hashes with all vowels alike.
func hashVowels(s []byte) uint64 {
	h := uint64(seedVowels)
	for _, c := range s {
		if isVowelOrY(c) {
			c = '*'
		}
		h = h*hashBase + uint64(c) + 1
	}
	return h
}
