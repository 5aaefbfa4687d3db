package lookalike

// minTwo is the shortest name of which two plain typos are looked for.
const minTwo = 10

// pieces gives where the first, middle and last four letters of a name of n letters begin. Two typos leave one of them whole if n is 12 or
// more, and mostly otherwise.
func pieces(n int) [3]int { return [3]int{0, (n - 4) / 2, n - 4} }

// twoTypos: at most two edits (a letter more, less, other, two neighbours swapped) make the name of s, and one of its pieces stands whole
// within two places of where it belongs. one is s with shapes folded.
func twoTypos(s, one []byte, t *token) bool {
	n := len(t.text)
	if n < minTwo || len(s) < n-2 || len(s) > n+2 || one[0] != t.one()[0] { // typos in the first letter are rare, other words are not
		return false
	}
	for _, o := range pieces(n) {
		for i := max(0, o-2); i <= o+2 && i+4 <= len(one); i++ {
			if string(one[i:i+4]) == t.one()[o:o+4] {
				return distance(s, t.text) <= 2
			}
		}
	}
	return false
}

// distance gives the number of edits between s and t, or 3 if it is more than 2. Only a band of five diagonals is looked at.
func distance(s []byte, t string) int {
	const far = 3
	var rows [3][maxToken + 8]int8
	var blank [maxToken + 8]int8
	for j := range len(t) + 1 {
		blank[j] = far
	}
	rows[0], rows[1], rows[2] = blank, blank, blank
	for j := 0; j <= min(2, len(t)); j++ {
		rows[0][j] = int8(j)
	}
	for i := 1; i <= len(s); i++ {
		now, last, before := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		*now = blank
		if i <= 2 {
			now[0] = int8(i)
		}
		for j := max(1, i-2); j <= min(len(t), i+2); j++ {
			d := last[j-1]
			if s[i-1] != t[j-1] {
				d = min(d, last[j], now[j-1]) + 1
				if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
					d = min(d, before[j-2]+1)
				}
			}
			now[j] = min(d, far)
		}
	}
	return int(rows[len(s)%3][len(t)])
}
