package lookalike

import "countersign/guard/verdict"

// compare says in what way s differs from the protected name t, given that the index brought them together. one and coarse are
// the folded forms of s. None means: not close enough.
func compare(s, one, coarse []byte, t *token) verdict.Class {
	if string(s) == t.text {
		return verdict.Listed // the very name
	}
	if string(one) == t.one || string(coarse) == t.coarse {
		return verdict.Glyph
	}
	if c := hyphens(s, t); c != verdict.None {
		return c
	}
	if c := edit(s, t.text); c != verdict.None {
		return c
	}
	if len(t.text) >= 6 && doubled(s, t.text) {
		return verdict.DoubleReplacement
	}
	if len(t.text) >= 7 {
		if edit(one, t.one) != verdict.None || edit(coarse, t.coarse) != verdict.None {
			return verdict.TwoTypos
		}
	}
	return verdict.None
}

// hyphens: equal when hyphens are left out, glyphs folded.
func hyphens(s []byte, t *token) verdict.Class {
	j, found := 0, len(t.bare) != len(t.text)
	for _, c := range s {
		if c == '-' {
			found = true
			continue
		}
		if j == len(t.bare) || foldOne(c) != foldOne(t.bare[j]) {
			return verdict.None
		}
		j++
	}
	if j == len(t.bare) && found {
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

// doubled: two neighbours of t replaced by one letter twice.
func doubled(s []byte, t string) bool {
	if len(s) != len(t) {
		return false
	}
	i := 0
	for i < len(s) && s[i] == t[i] {
		i++
	}
	if i > 0 && (i == len(s) || i+1 < len(s) && s[i] != s[i+1]) { // the doubled letter may begin with a right one
		i--
	}
	return i+1 < len(s) && s[i] == s[i+1] && string(s[i+2:]) == t[i+2:]
}
