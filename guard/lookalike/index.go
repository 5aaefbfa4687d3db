package lookalike

import (
	"slices"
	"strings"

	"countersign/guard/brands"
	"countersign/guard/lookalike/fold"
	"countersign/guard/verdict"
)

const maxToken = 40 // longest protected name

// token is one protected name, prepared. There are many, so it is kept small.
type token struct {
	text    string
	forms   string // the name folded by fold.One, which keeps its length; then its coarse form if that differs; then the other one
	coarseN uint8  // length of the coarse form; 0 = the same as the first form
	kind    brands.Kind
	brand   uint16
	limit   uint16 // index in limits
}

// one is fold.One of each byte.
func (t *token) one() string { return t.forms[:len(t.text)] }

// coarse is the form in which letters that flow together are joined.
func (t *token) coarse() string {
	if t.coarseN == 0 {
		return t.forms[:len(t.text)]
	}
	return t.forms[len(t.text) : len(t.text)+int(t.coarseN)]
}

// other is the coarse form of the name with lc for k and ci for d; empty if it has neither.
func (t *token) other() string { return t.forms[len(t.text)+int(t.coarseN):] }

// limit says which classes are lowered for a name.
type limit struct {
	caution uint64 // classes, by bit, in which danger becomes caution
	hint    uint64 // classes in which caution becomes a hint
}

// domain is one genuine or owned domain: the brand's pos-th. Owned ones are counted on from the last shop.
type domain struct {
	brand uint16
	pos   uint16
}

// isShop reports whether one may shop at a domain.
func (e *Engine) isShop(d domain) bool { return int(d.pos) < len(e.cat.Brands[d.brand].Shop) }

// domainName gives the text of a domain.
func (e *Engine) domainName(d domain) string {
	b := &e.cat.Brands[d.brand]
	if int(d.pos) < len(b.Shop) {
		return b.Shop[d.pos]
	}
	return b.Owned[int(d.pos)-len(b.Shop)]
}

// index is everything that is looked up.
type index struct {
	cat       *brands.Catalogue
	tokens    []token
	limits    []limit  // the first is empty
	domains   []domain // by bucket of their hash
	starts    []uint32 // where a bucket begins; one more than there are buckets, which hold four on average
	tags      []uint8  // eight bits of the hash of each domain
	suffixes  []uint16 // brand by brand, 16 bits of the hashes of the suffixes of its genuine domains. A false match, at 2^-16, costs a level
	suffixAt  []uint32 // where a brand's begin
	near      multi    // hash of a form, or of a form with one letter out → token
	grams     multi    // first four letters of a form → token
	known     table    // hash of an independent domain → 1
	knownWord table    // hash of the first label of one → 1
	words     table    // affix words → weight
	maxOne    int      // longest form
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

// may asks the bitmap: false = certainly nothing is under the key. It is small, so that it is compiled into the loops that ask.
func (m *multi) may(key uint32) bool {
	bit := m.bit(key)
	return m.bits[bit>>6]>>(bit&63)&1 != 0
}

// of gives the tokens that may be under a key for which may is true: those of ids whose tag is tag(key).
func (m *multi) of(key uint32) (ids []uint16, tags []uint8) {
	b := m.bucket(key)
	from, to := m.starts[b], m.starts[b+1]
	return m.ids[from:to], m.tags[from:to]
}

// build fills the index.
func (e *Engine) build(cat *brands.Catalogue, opt Options) error {
	e.cat = cat
	if len(cat.Brands) > 65535 {
		return ErrTooMany
	}
	e.suffixAt = make([]uint32, 1, len(cat.Brands)+1)
	e.limits = make([]limit, 1)
	for i := range cat.Brands {
		b := &cat.Brands[i]
		if len(b.Shop)+len(b.Owned) > 65535 {
			return ErrTooMany
		}
		for _, d := range b.Shop {
			e.addSuffix(d)
		}
		e.suffixAt = append(e.suffixAt, uint32(len(e.suffixes)))
		for k, n := range b.Names {
			kind := b.Kind
			if k > 0 && len(n) <= 4 && kind == brands.Coined { // the kind is that of the first name
				kind = brands.Short
			}
			e.addToken(n, uint16(i), kind)
		}
	}
	if len(e.tokens) > 65535 {
		return ErrTooMany
	}
	e.addDomains()
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

// eachDomain yields all domains of the catalogue and their hashes.
func (e *Engine) eachDomain(yield func(d domain, hash uint32)) {
	for i := range e.cat.Brands {
		b := &e.cat.Brands[i]
		for k := range len(b.Shop) + len(b.Owned) {
			d := domain{uint16(i), uint16(k)}
			yield(d, mix(hashText(e.domainName(d))))
		}
	}
}

// bucketOf spreads the hashes of domains over the buckets.
func (e *Engine) bucketOf(hash uint32) uint32 {
	return uint32(uint64(hash) * uint64(len(e.starts)-1) >> 32)
}

// addDomains sorts the domains into buckets.
func (e *Engine) addDomains() {
	n := 0
	for i := range e.cat.Brands {
		n += len(e.cat.Brands[i].Shop) + len(e.cat.Brands[i].Owned)
	}
	e.starts, e.domains, e.tags = make([]uint32, n/4+2), make([]domain, n), make([]uint8, n)
	e.eachDomain(func(_ domain, h uint32) { e.starts[e.bucketOf(h)+1]++ })
	for i := 1; i < len(e.starts); i++ {
		e.starts[i] += e.starts[i-1]
	}
	next := slices.Clone(e.starts)
	e.eachDomain(func(d domain, h uint32) {
		at := &next[e.bucketOf(h)]
		e.domains[*at], e.tags[*at] = d, tag(h)
		*at++
	})
}

// addSuffix takes over the suffix of a genuine domain of the brand whose turn it is.
func (e *Engine) addSuffix(d string) {
	s := e.psl.Split([]byte(d))
	if s.Suffix >= len(d) || d[0] == '.' {
		return
	}
	h := uint16(mix(hashText(d[s.Suffix:])))
	if !slices.Contains(e.suffixes[e.suffixAt[len(e.suffixAt)-1]:], h) {
		e.suffixes = append(e.suffixes, h)
	}
}

func (e *Engine) addToken(n string, brand uint16, kind brands.Kind) {
	if len(n) > maxToken {
		return
	}
	t := token{text: n, brand: brand, kind: kind}
	one := string(fold.AppendOne(nil, []byte(n)))
	coarse, other := string(fold.AppendCoarse(nil, nil, []byte(n))), ""
	if coarse == one {
		coarse = ""
	}
	if alt := strings.NewReplacer("k", "lc", "d", "ci").Replace(n); alt != n {
		other = string(fold.AppendCoarse(nil, nil, []byte(alt)))
	}
	t.coarseN = uint8(len(coarse))
	if t.forms = one + coarse + other; t.forms == n {
		t.forms = n
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
		forms := []string{t.one()}
		if t.coarseN != 0 {
			forms = append(forms, t.coarse())
		}
		if bare := strings.ReplaceAll(t.text, "-", ""); bare != t.text {
			forms = append(forms, string(fold.AppendOne(nil, []byte(bare))))
		}
		if other := t.other(); other != "" {
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
			for i := 0; i+1 < len(t.one()); i++ {
				add(hashText(t.one()[:i]+t.one()[i+2:]) + seedOne)
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
		for _, f := range []string{t.one(), t.coarse()} {
			if len(f) >= 4 {
				out = append(out, pairOf{mix(hashText(f[:4])), uint16(id)})
			}
		}
		if len(t.one()) >= minTwo {
			for _, o := range pieces(len(t.one())) {
				out = append(out, pairOf{mix(hashText(t.one()[o : o+4])), uint16(id)})
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
			if t.limit == 0 {
				t.limit = uint16(len(e.limits))
				e.limits = append(e.limits, limit{})
			}
			if l.To == "hint" {
				e.limits[t.limit].hint |= 1 << c
			} else {
				e.limits[t.limit].caution |= 1 << c
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
	k := mix(h)
	b := e.bucketOf(k)
	for i := e.starts[b]; i < e.starts[b+1]; i++ {
		if e.tags[i] == tag(k) && e.domainName(e.domains[i]) == string(name) {
			return int(i)
		}
	}
	return -1
}

// IndexBytes gives the memory that the index takes: tables, keys, protected names. The catalogue's texts and the tables that do not grow
// with it (public suffixes, characters, words) are not counted.
func (e *Engine) IndexBytes() int {
	n := 4*len(e.starts) + 5*len(e.domains) + 2*len(e.suffixes) + 4*len(e.suffixAt) + 16*len(e.limits) +
		8*(len(e.known.slots)+len(e.knownWord.slots)) + e.near.bytes() + e.grams.bytes()
	for i := range e.tokens {
		n += 40 + len(e.tokens[i].forms)
	}
	return n
}

func (m *multi) bytes() int { return 8*len(m.bits) + 4*len(m.starts) + 3*len(m.ids) }
