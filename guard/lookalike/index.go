package lookalike

import (
	"slices"
	"strings"

	"countersign/guard/brands"
	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

const maxToken = 40 // longest protected name

// token is one protected name, prepared.
type token struct {
	text   string
	one    string // fold.One of each byte
	coarse string // shares one's bytes when it is the same
	more   *extra // nil for most
	brand  int32
	kind   brands.Kind
}

// extra is what few names have.
type extra struct {
	bare    string // text without hyphens, if it has some
	other   string // coarse form of the name with lc for k and ci for d, if it has either
	caution uint64 // classes, by bit, in which danger becomes caution
	hint    uint64 // classes in which caution becomes a hint
}

// rest gives the extras, empty if there are none.
func (t *token) rest() extra {
	if t.more == nil {
		return extra{bare: t.text}
	}
	return *t.more
}

// grow makes room for extras.
func (t *token) grow() *extra {
	if t.more == nil {
		t.more = &extra{bare: t.text}
	}
	return t.more
}

// domain is one genuine or owned domain: the brand's pos-th, shops first.
type domain struct {
	brand int32
	pos   uint16
	shop  bool
}

// domainName gives the text of a domain.
func (e *Engine) domainName(d domain) string {
	b := &e.cat.Brands[d.brand]
	if d.shop {
		return b.Shop[d.pos]
	}
	return b.Owned[d.pos]
}

// index is everything that is looked up.
type index struct {
	cat       *brands.Catalogue
	tokens    []token
	domains   []domain
	byDomain  []uint32           // open addressing by hash of the domain: ten bits of the hash, index in domains + 1
	suffixes  map[int32][]uint32 // brand → hashes of the suffixes of its genuine domains
	near      multi              // hash of a form, or of a form with one letter out → token
	grams     multi              // first four letters of a form → token
	known     table              // hash of an independent domain → 1
	knownWord table              // hash of the first label of one → 1
	words     table              // affix words → weight
	maxOne    int                // longest form
}

// hash constants of the polynomial hash: it can drop a letter in constant time
const (
	hashBase   = 0x9e3779b97f4a7c15 | 1
	seedOne    = 0x51
	seedVowels = 0x75
)

// mix spreads a hash.
func mix(h uint64) uint32 {
	h ^= h >> 32
	return uint32(h * 0xd6e8feb86659fd93 >> 32)
}

// hashOf hashes a short string.
func hashOf(s []byte) uint64 {
	h := uint64(0)
	for _, c := range s {
		h = h*hashBase + uint64(c) + 1
	}
	return h
}

// hashText is hashOf for strings.
func hashText(s string) uint64 {
	h := uint64(0)
	for i := 0; i < len(s); i++ {
		h = h*hashBase + uint64(s[i]) + 1
	}
	return h
}

// table is an open-addressed map from a hash to a small number. A hit must be verified, or may be believed at 2^-32.
type table struct {
	slots []tableSlot
	mask  uint32
}

type tableSlot struct {
	key   uint32
	value int32 // 0 = empty
}

func newTable(n int) table {
	size := 8
	for size < n*3/2 {
		size *= 2
	}
	return table{make([]tableSlot, size), uint32(size - 1)}
}

// put adds a value (not 0) under a hash. Equal hashes may stand several times.
func (t *table) put(h uint64, value int32) {
	k := mix(h)
	i := k * 0x9e3779b1 >> 7 & t.mask
	for t.slots[i].value != 0 {
		i = (i + 1) & t.mask
	}
	t.slots[i] = tableSlot{k, value}
}

// get gives the first value under a hash, or 0.
func (t *table) get(h uint64) int32 {
	if len(t.slots) == 0 {
		return 0
	}
	k := mix(h)
	for i := k * 0x9e3779b1 >> 7 & t.mask; ; i = (i + 1) & t.mask {
		if s := t.slots[i]; s.value == 0 || s.key == k {
			return s.value
		}
	}
}

// multi maps a hash to the tokens that may go with it: a bitmap that answers most questions with no, then buckets. It holds
// eight bits of each key; every hit is compared.
type multi struct {
	bits   []uint64
	starts []uint32 // one more than there are buckets, which hold four on average
	ids    []uint16
	tags   []uint8 // of the keys
}

// tag gives eight bits of a key that neither bucket nor bitmap uses alone.
func tag(key uint32) uint8 { return uint8(key * 0x85ebca6b >> 13) }

// bucket spreads a key over the buckets.
func (m *multi) bucket(key uint32) uint32 { return uint32(uint64(key) * uint64(len(m.starts)-1) >> 32) }

// bit spreads a key over the bitmap.
func (m *multi) bit(key uint32) uint32 {
	return uint32(uint64(key*0x9e3779b1) * uint64(len(m.bits)*64) >> 32)
}

type pairOf struct {
	key uint32
	id  uint16
}

func newMulti(pairs []pairOf) multi {
	m := multi{bits: make([]uint64, len(pairs)/8+8), starts: make([]uint32, len(pairs)/4+9)}
	for _, p := range pairs {
		bit := m.bit(p.key)
		m.bits[bit>>6] |= 1 << (bit & 63)
		m.starts[m.bucket(p.key)+1]++
	}
	for i := 1; i < len(m.starts); i++ {
		m.starts[i] += m.starts[i-1]
	}
	m.ids, m.tags = make([]uint16, len(pairs)), make([]uint8, len(pairs))
	next := slices.Clone(m.starts)
	for _, p := range pairs {
		at := &next[m.bucket(p.key)]
		m.ids[*at], m.tags[*at] = p.id, tag(p.key)
		*at++
	}
	return m
}

// of gives the tokens that may be under a key: those of ids whose tag is tag(key).
func (m *multi) of(key uint32) (ids []uint16, tags []uint8) {
	bit := m.bit(key)
	if m.bits[bit>>6]&(1<<(bit&63)) == 0 {
		return nil, nil
	}
	b := m.bucket(key)
	return m.ids[m.starts[b]:m.starts[b+1]], m.tags[m.starts[b]:m.starts[b+1]]
}

// build fills the index.
func (e *Engine) build(cat *brands.Catalogue, opt Options) error {
	e.cat = cat
	e.suffixes = map[int32][]uint32{}
	for i := range cat.Brands {
		b := &cat.Brands[i]
		for k, d := range b.Shop {
			e.addDomain(d, domain{int32(i), uint16(k), true})
		}
		for k, d := range b.Owned {
			e.addDomain(d, domain{int32(i), uint16(k), false})
		}
		for k, n := range b.Names {
			kind := b.Kind
			if k > 0 && len(n) <= 4 && kind == brands.Coined { // the kind is that of the first name
				kind = brands.Short
			}
			e.addToken(n, int32(i), kind)
		}
	}
	if len(e.tokens) > 65535 {
		return ErrTooMany
	}
	size := 8
	for size < len(e.domains)*4/3 {
		size *= 2
	}
	e.byDomain = make([]uint32, size)
	for i, d := range e.domains {
		h := mix(hashText(e.domainName(d)))
		slot := h & uint32(size-1)
		for e.byDomain[slot] != 0 {
			slot = (slot + 1) & uint32(size-1)
		}
		e.byDomain[slot] = h&^(1<<22-1) | uint32(i+1)
	}
	e.near = newMulti(e.nearPairs())
	e.grams = newMulti(e.gramPairs())
	e.words = newTable(len(affixTable))
	for w, weight := range affixTable {
		e.words.put(hashText(w), weight)
	}
	if !opt.NoIndependent {
		e.addIndependent(cat)
	}
	if !opt.NoBudget {
		e.addBudget(cat)
	}
	return nil
}

func (e *Engine) addDomain(d string, entry domain) {
	e.domains = append(e.domains, entry)
	brand := entry.brand
	if s := e.psl.Split([]byte(d)); s.Suffix < len(d) && d[0] != '.' && entry.shop {
		h := mix(hashText(d[s.Suffix:]))
		for _, old := range e.suffixes[brand] {
			if old == h {
				return
			}
		}
		e.suffixes[brand] = append(e.suffixes[brand], h)
	}
}

func (e *Engine) addToken(n string, brand int32, kind brands.Kind) {
	if len(n) > maxToken {
		return
	}
	t := token{text: n, one: string(fold.AppendOne(nil, []byte(n))), coarse: string(fold.AppendCoarse(nil, nil, []byte(n))), brand: brand, kind: kind}
	if t.coarse == t.one {
		t.coarse = t.one
	}
	if strings.Contains(n, "-") {
		t.grow().bare = strings.ReplaceAll(n, "-", "")
	}
	if alt := strings.NewReplacer("k", "lc", "d", "ci").Replace(n); alt != n {
		t.grow().other = string(fold.AppendCoarse(nil, nil, []byte(alt)))
	}
	e.maxOne = max(e.maxOne, len(n))
	e.tokens = append(e.tokens, t)
}

// nearPairs lists the keys under which a token is found: its forms, its forms with one letter out, its letters with two neighbours out.
func (e *Engine) nearPairs() []pairOf {
	var out []pairOf
	for id := range e.tokens {
		t := &e.tokens[id]
		add := func(h uint64) { out = append(out, pairOf{mix(h), uint16(id)}) }
		forms := []string{t.one}
		if t.coarse != t.one {
			forms = append(forms, t.coarse)
		}
		if more := t.rest(); more.bare != t.text {
			forms = append(forms, string(fold.AppendOne(nil, []byte(more.bare))))
		}
		if other := t.rest().other; other != "" {
			add(hashText(other))
		}
		for _, f := range forms {
			add(hashText(f))
			for i := range f {
				if i == 0 || f[i] != f[i-1] { // without either of two equal neighbours it is the same
					add(hashText(f[:i] + f[i+1:]))
				}
			}
		}
		if len(t.text) >= 6 {
			add(hashVowels([]byte(t.text)))
		}
		if len(t.text) >= 6 {
			for i := 0; i+1 < len(t.one); i++ {
				add(hashText(t.one[:i]+t.one[i+2:]) + seedOne)
			}
		}
	}
	return out
}

// gramPairs lists the first letters of each form, for the search inside labels, and three pieces of long names, for two typos. Names of three letters are found as segments only.
func (e *Engine) gramPairs() []pairOf {
	var out []pairOf
	for id := range e.tokens {
		t := &e.tokens[id]
		for _, f := range []string{t.one, t.coarse} {
			if len(f) >= 4 {
				out = append(out, pairOf{mix(hashText(f[:4])), uint16(id)})
			}
		}
		if len(t.one) >= minTwo {
			for _, o := range pieces(len(t.one)) {
				out = append(out, pairOf{mix(hashText(t.one[o : o+4])), uint16(id)})
			}
		}
	}
	return out
}

// addIndependent takes over the independent names of the catalogue.
func (e *Engine) addIndependent(cat *brands.Catalogue) {
	e.known, e.knownWord = newTable(len(cat.Independent)), newTable(len(cat.Independent))
	for _, d := range cat.Independent {
		e.known.put(hashText(d), 1)
		label, _, _ := strings.Cut(d, ".")
		e.knownWord.put(hashText(label), 1)
	}
}

// addBudget takes over the budgets of the catalogue.
func (e *Engine) addBudget(cat *brands.Catalogue) {
	limits := map[string][]brands.Limit{}
	for _, l := range cat.Budget {
		limits[l.Name] = append(limits[l.Name], l)
	}
	for i := range e.tokens {
		t := &e.tokens[i]
		for _, l := range limits[t.text] {
			c, ok := verdict.ClassByName(l.Class)
			if !ok {
				continue
			}
			if l.To == "hint" {
				t.grow().hint |= 1 << c
			} else {
				t.grow().caution |= 1 << c
			}
		}
	}
}

// genuine finds the listed domain that the host is or lies under, or -1. Only domains from the registrable one leftwards count, so a
// tenant of a platform is never genuine by the platform's name.
func (e *Engine) genuine(q *name) int {
	host := q.host()
	h := uint64(0)
	// the polynomial hash runs left to right, so each parent is hashed on its own: hosts have two or three labels
	limit := q.split.Registrable
	if limit < 0 {
		limit = 0
	}
	for start := limit; ; {
		h = hashOf(host[start:])
		if d := e.domainAt(h, host[start:]); d >= 0 {
			return d
		}
		if start == 0 {
			break
		}
		start -= 2
		for start >= 0 && host[start] != '.' {
			start--
		}
		start++
	}
	if q.split.ICANNRegistrable >= 0 && string(host[len(host)-3:]) != "com" { // a top-level domain of the brand's own
		at := len(host) - 1
		for at > 0 && host[at] != '.' {
			at--
		}
		return e.domainAt(hashOf(host[at:]), host[at:])
	}
	return -1
}

// domainAt gives the index of a listed domain, or -1.
func (e *Engine) domainAt(h uint64, name []byte) int {
	mask := uint32(len(e.byDomain) - 1)
	k := mix(h)
	for slot := k & mask; ; slot = (slot + 1) & mask {
		v := e.byDomain[slot]
		if v == 0 {
			return -1
		}
		d := v & (1<<22 - 1)
		if v>>22 == k>>22 && e.domainName(e.domains[d-1]) == string(name) {
			return int(d - 1)
		}
	}
}

// IndexBytes gives the memory that the index takes: tables, keys, protected names. The catalogue's texts and the tables that do not grow
// with it (public suffixes, characters, words) are not counted.
func (e *Engine) IndexBytes() int {
	n := 4*len(e.byDomain) + 8*len(e.domains) + 8*(len(e.known.slots)+len(e.knownWord.slots)) + e.near.bytes() + e.grams.bytes()
	for i := range e.tokens {
		t := &e.tokens[i]
		n += 64 + len(t.one)
		if t.coarse != t.one {
			n += len(t.coarse)
		}
		if t.more != nil {
			n += 48 + len(t.more.other)
		}
	}
	for _, list := range e.suffixes {
		n += 32 + 4*len(list)
	}
	return n
}

func (m *multi) bytes() int { return 8*len(m.bits) + 4*len(m.starts) + 3*len(m.ids) }
