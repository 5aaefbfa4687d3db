package lookalike

import (
	"sort"
	"strings"

	"countersign/guard/brands"
	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

const maxToken = 40 // longest protected name

// token is one protected name, prepared.
type token struct {
	text    string
	one     string // fold.One of each byte
	coarse  string
	other   string // coarse form of the name with lc for k and ci for d; "" if it has neither
	bare    string // text without hyphens
	brand   int32
	kind    brands.Kind
	caution uint64 // classes, by bit, in which danger becomes caution
	hint    uint64 // classes in which caution becomes a hint
}

// domain is one genuine or owned domain.
type domain struct {
	name  string
	brand int32
	shop  bool
}

// index is everything that is looked up.
type index struct {
	cat       *brands.Catalogue
	tokens    []token
	domains   []domain
	byDomain  table              // hash of a domain → index in domains
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

// multi maps a hash to the tokens that may go with it: a bitmap that answers most questions with no, then buckets. It holds no keys;
// every hit is compared.
type multi struct {
	bits    []uint64
	bitMask uint32
	starts  []uint32
	mask    uint32
	ids     []uint16
}

type pairOf struct {
	key uint32
	id  uint16
}

func newMulti(pairs []pairOf) multi {
	nb, nbits := 8, 512
	for nb < len(pairs) {
		nb *= 2
	}
	for nbits < len(pairs)*16 {
		nbits *= 2
	}
	m := multi{bits: make([]uint64, nbits/64), bitMask: uint32(nbits - 1), starts: make([]uint32, nb+1), mask: uint32(nb - 1)}
	sort.Slice(pairs, func(i, j int) bool {
		a, b := pairs[i].key&m.mask, pairs[j].key&m.mask
		return a < b || a == b && pairs[i].id < pairs[j].id
	})
	for i, p := range pairs {
		bit := p.key >> 3 & m.bitMask
		m.bits[bit>>6] |= 1 << (bit & 63)
		if i > 0 && pairs[i-1].key&m.mask == p.key&m.mask && pairs[i-1].id == p.id {
			continue
		}
		m.starts[p.key&m.mask+1]++
		m.ids = append(m.ids, p.id)
	}
	for i := 1; i < len(m.starts); i++ {
		m.starts[i] += m.starts[i-1]
	}
	return m
}

// of gives the tokens under a key.
func (m *multi) of(key uint32) []uint16 {
	bit := key >> 3 & m.bitMask
	if m.bits[bit>>6]&(1<<(bit&63)) == 0 {
		return nil
	}
	b := key & m.mask
	return m.ids[m.starts[b]:m.starts[b+1]]
}

// build fills the index.
func (e *Engine) build(cat *brands.Catalogue, opt Options) error {
	e.cat = cat
	e.suffixes = map[int32][]uint32{}
	for i := range cat.Brands {
		b := &cat.Brands[i]
		for _, d := range b.Shop {
			e.addDomain(d, int32(i), true)
		}
		for _, d := range b.Owned {
			e.addDomain(d, int32(i), false)
		}
		for _, n := range b.Names {
			e.addToken(n, int32(i), b.Kind)
		}
	}
	if len(e.tokens) > 65535 {
		return ErrTooMany
	}
	e.byDomain = newTable(len(e.domains))
	for i, d := range e.domains {
		e.byDomain.put(hashText(d.name), int32(i+1))
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

func (e *Engine) addDomain(d string, brand int32, shop bool) {
	e.domains = append(e.domains, domain{d, brand, shop})
	if s := e.psl.Split([]byte(d)); s.Suffix < len(d) && d[0] != '.' && shop {
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
	t := token{text: n, one: string(fold.AppendOne(nil, []byte(n))), coarse: string(fold.AppendCoarse(nil, nil, []byte(n))), bare: strings.ReplaceAll(n, "-", ""), brand: brand, kind: kind}
	if alt := strings.NewReplacer("k", "lc", "d", "ci").Replace(n); alt != n {
		t.other = string(fold.AppendCoarse(nil, nil, []byte(alt)))
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
		if t.bare != t.text {
			forms = append(forms, string(fold.AppendOne(nil, []byte(t.bare))))
		}
		if t.other != "" {
			add(hashText(t.other))
		}
		for _, f := range forms {
			add(hashText(f))
			for i := range f {
				add(hashText(f[:i] + f[i+1:]))
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

// gramPairs lists the first letters of each form, for the search inside labels. Names of three letters are found as segments only.
func (e *Engine) gramPairs() []pairOf {
	var out []pairOf
	for id := range e.tokens {
		t := &e.tokens[id]
		for _, f := range []string{t.one, t.coarse} {
			if len(f) >= 4 {
				out = append(out, pairOf{mix(hashText(f[:4])), uint16(id)})
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
				t.hint |= 1 << c
			} else {
				t.caution |= 1 << c
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
		if d := e.byDomain.get(h); d > 0 && e.domains[d-1].name == string(host[start:]) {
			return int(d - 1)
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
		if d := e.byDomain.get(hashOf(host[at:])); d > 0 && e.domains[d-1].name == string(host[at:]) {
			return int(d - 1)
		}
	}
	return -1
}

// IndexBytes gives the memory that the index takes: tables, keys, protected names. The catalogue's texts and the tables that do not grow
// with it (public suffixes, characters, words) are not counted.
func (e *Engine) IndexBytes() int {
	n := 8*(len(e.byDomain.slots)+len(e.known.slots)+len(e.knownWord.slots)) + e.near.bytes() + e.grams.bytes()
	for i := range e.tokens {
		t := &e.tokens[i]
		n += 120 + len(t.one) + len(t.coarse) + len(t.other)
	}
	for _, list := range e.suffixes {
		n += 16 + 4*len(list)
	}
	return n + 24*len(e.domains)
}

func (m *multi) bytes() int { return 8*len(m.bits) + 4*len(m.starts) + 2*len(m.ids) }
