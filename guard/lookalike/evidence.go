package lookalike

import (
	"strings"

	"countersign/guard/brands"
	"countersign/guard/verdict"
)

// Mark is one stretch of a host as it is shown.
type Mark struct {
	Text    string // characters
	Differs bool   // these are the ones that differ from the genuine name
}

// Judge judges an address (see CheckURL) and explains: texts, evidence, all reasons. It allocates.
func (e *Engine) Judge(raw string) verdict.Verdict {
	u := takeApart(raw)
	return e.explain(e.checkAddress(&u), u.host)
}

// JudgeHost is Judge for a bare host (see Check).
func (e *Engine) JudgeHost(host string) verdict.Verdict { return e.explain(e.Check(host), host) }

// Explain makes a verdict of an answer that Check gave for host.
func (e *Engine) Explain(a Answer, host string) verdict.Verdict { return e.explain(a, host) }

func (e *Engine) explain(a Answer, host string) verdict.Verdict {
	v := verdict.Verdict{Level: a.Level, Class: a.Class}
	var q name
	e.read(&q, host)
	shown := e.shown(&q)
	v.Host = joinMarks(shown, false)
	b := e.Brand(a)
	if b != nil {
		v.Brand, v.Name, v.Genuine = b.ID, b.Name, b.Home()
	}
	if a.Class == verdict.None {
		return v
	}
	r := verdict.Reason{Code: a.Class.String(), Weight: weightOf(a.Level)}
	if a.token >= 0 && a.Class != verdict.UserInfo {
		marks := e.Marks(a, host)
		r.Evidence = joinMarks(marks, true)
		r.Text = sentence(a.Class, b, e.tokens[a.token].text)
	} else {
		r.Text = sentence(a.Class, b, "")
		r.Evidence = v.Host
	}
	v.Reasons = append(v.Reasons, r)
	if a.trick != verdict.None && a.trick != a.Class {
		v.Reasons = append(v.Reasons, verdict.Reason{Code: a.trick.String(), Weight: weightOf(verdict.Caution), Text: sentence(a.trick, nil, "")})
	}
	return v
}

func weightOf(l verdict.Level) int {
	switch l {
	case verdict.Danger:
		return 90
	case verdict.Caution:
		return 50
	case verdict.Genuine:
		return 100
	}
	return 10
}

// shown gives the host as it is shown: Unicode where a label decodes, one mark per label and dot.
func (e *Engine) shown(q *name) []Mark {
	if len(q.runes) == 0 {
		return []Mark{{Text: string(q.host())}}
	}
	var b strings.Builder
	for i, label := range q.runes {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(string(label))
	}
	return []Mark{{Text: b.String()}}
}

// Marks shows the host of an answer with the characters that differ from the protected name. It compares the part in
// which the name was found with the name, letter by letter.
func (e *Engine) Marks(a Answer, host string) []Mark {
	var q name
	e.read(&q, host)
	if a.token < 0 || q.dead {
		return e.shown(&q)
	}
	chars, look := e.letters(&q)
	from, to := at(look, int(a.start)), at(look, int(a.end))
	if from >= to || to > len(chars) {
		return []Mark{{Text: string(chars)}}
	}
	differs := make([]bool, len(chars))
	align(chars[from:to], e.tokens[a.token].text, differs[from:to], a.Class == verdict.Dot)
	switch {
	case a.Class == verdict.TLD: // the name is right, the ending is not
		markFrom(chars, differs, to)
	case a.Class == verdict.Embedded || a.Class == verdict.Subdomain: // what counts is whose domain it is
		markFrom(chars, differs, at(look, q.reg))
	}
	var out []Mark
	for i, r := range chars {
		if n := len(out); n > 0 && out[n-1].Differs == differs[i] {
			out[n-1].Text += string(r)
			continue
		}
		out = append(out, Mark{string(r), differs[i]})
	}
	return out
}

func markFrom(chars []rune, differs []bool, from int) {
	for i := from; i < len(chars); i++ {
		differs[i] = true
	}
	if from < len(chars) && chars[from] == '.' {
		differs[from] = false
	}
}

// letters gives the host as characters, and for each the offset in the projected text where it begins (one more for the end).
func (e *Engine) letters(q *name) (chars []rune, look []int) {
	if len(q.runes) == 0 {
		for i, c := range q.host() {
			chars, look = append(chars, rune(c)), append(look, i)
		}
		return chars, append(look, q.n)
	}
	mark := func(r rune) bool { return e.mapper.Class(r) != 0 }
	pos := 0
	for i, label := range q.runes {
		if i > 0 {
			chars, look = append(chars, '.'), append(look, pos)
			pos++
		}
		for _, r := range label {
			chars, look = append(chars, r), append(look, pos)
			pos += len(e.shapes.AppendRune(nil, r, mark))
		}
	}
	return chars, append(look, pos)
}

// at finds the character that begins at or after an offset.
func at(look []int, offset int) int {
	for i, p := range look {
		if p >= offset {
			return i
		}
	}
	return len(look)
}

// align marks the characters of s that are not in t at their place: the least number of edits. A missing letter marks its neighbour, so
// that there is something to see.
func align(s []rune, t string, differs []bool, skipDots bool) {
	n, m := len(s), len(t)
	if n > 128 || m > 128 {
		return
	}
	cost := make([][]int, n+1)
	for i := range cost {
		cost[i] = make([]int, m+1)
		for j := range cost[i] {
			switch {
			case i == 0:
				cost[i][j] = j
			case j == 0:
				cost[i][j] = i
			default:
				same := 1
				if s[i-1] == rune(t[j-1]) {
					same = 0
				}
				cost[i][j] = min(cost[i-1][j-1]+same, cost[i-1][j]+1, cost[i][j-1]+1)
			}
		}
	}
	for i, j := n, m; i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && s[i-1] == rune(t[j-1]) && cost[i][j] == cost[i-1][j-1]:
			i, j = i-1, j-1
		case i > 0 && j > 0 && cost[i][j] == cost[i-1][j-1]+1:
			differs[i-1] = true
			i, j = i-1, j-1
		case i > 0 && cost[i][j] == cost[i-1][j]+1:
			differs[i-1] = true
			i--
		default: // a letter of t is missing here
			if k := min(i, n-1); k >= 0 && !skipDots {
				differs[k] = true
			}
			j--
		}
	}
}

// joinMarks writes marks as text; brackets around what differs.
func joinMarks(marks []Mark, brackets bool) string {
	var b strings.Builder
	for _, m := range marks {
		if brackets && m.Differs {
			b.WriteByte('[')
		}
		b.WriteString(m.Text)
		if brackets && m.Differs {
			b.WriteByte(']')
		}
	}
	return b.String()
}

// sentence says a class in plain words.
func sentence(c verdict.Class, b *brands.Brand, token string) string {
	name, home := "a known shop", ""
	if b != nil {
		name, home = b.Name, b.Home()
	}
	switch c {
	case verdict.Listed:
		return "This is an address of " + name + "."
	case verdict.Owned:
		return "This belongs to " + name + ", but it is no place to shop or to type a card."
	case verdict.TLD:
		return "The name of " + name + " under an ending that is not known to be theirs; " + name + " is at " + home + "."
	case verdict.Homograph:
		return "Written with other letters that look like those of " + home + "."
	case verdict.Glyph:
		return "Written with characters that look like those of " + home + "."
	case verdict.Combo, verdict.ComboTypo:
		return "The name of " + name + " with other words; " + name + " is at " + home + "."
	case verdict.Embedded, verdict.Subdomain:
		return "The name of " + name + " stands in front, but the address belongs to somebody else; " + name + " is at " + home + "."
	case verdict.Tenant:
		return "A page at a hosting service that carries the name of " + name + "; " + name + " is at " + home + "."
	case verdict.Dot:
		return "The name of " + name + " with a dot inside; " + name + " is at " + home + "."
	case verdict.Hyphen:
		return "The name of " + name + " with other hyphens; " + name + " is at " + home + "."
	case verdict.UserInfo:
		return "What stands before the @ is not the address. The page belongs to what follows it."
	case verdict.Numeric:
		return "A number in place of a name. No shop has such an address."
	case verdict.Encoded:
		return "The host is written with percent signs, to hide what it is."
	case verdict.Punycode:
		return "The host has a coded label that does not decode."
	case verdict.Invisible:
		return "The address holds characters that cannot be seen."
	case verdict.MixedScript:
		return "The name mixes letters of different scripts."
	case verdict.Malformed:
		return "This cannot be read as an address."
	case verdict.Scheme:
		return "This is not a web address."
	}
	return "Almost " + token + ", but not quite (" + strings.ReplaceAll(c.String(), "-", " ") + "); " + name + " is at " + home + "."
}

// Show gives the host of an address with the characters that differ from the protected name it resembles: what Judge shows with
// brackets, in parts. It allocates.
func (e *Engine) Show(raw string) []Mark {
	u := takeApart(raw)
	if a := e.checkAddress(&u); a.Class != verdict.UserInfo {
		return e.Marks(a, u.host)
	}
	var q name
	e.read(&q, u.host)
	return e.shown(&q)
}
