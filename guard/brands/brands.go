// Package brands is the catalogue of protected names: shops, marketplaces, payment firms, banks, carriers, each with the
// addresses that are genuinely theirs. It is a set of text files that a person edits (see docs/guard/add-a-brand.md);
// this package parses and checks them. It does no I/O: the built-in files are embedded, others come as bytes.
package brands

import "strings"

// Kind says how ordinary a name is, and so how much else must speak for an imitation.
type Kind uint8

// The kinds of name.
const (
	Coined     Kind = iota // invented, means nothing else: aliexpress, klarna
	Ambiguous              // also other firms' or people's name: santander, allegro
	Dictionary             // an ordinary word: target, apple, chase
	Short                  // four letters or fewer: temu, visa, dhl
)

// kindNameTable is indexed by Kind.
var kindNameTable = [...]string{"coined", "ambiguous", "dictionary", "short"}

// String gives the word that the files use.
func (k Kind) String() string { return kindNameTable[k] }

// KindByName reads the word that the files use.
func KindByName(s string) (Kind, bool) {
	for i, n := range kindNameTable {
		if n == s {
			return Kind(i), true
		}
	}
	return 0, false
}

// Source is where a fact about a brand was read, and when.
type Source struct {
	Ref  string // a URL, or a short citation such as "v2fly domain-list-community (MIT)"
	Date string // YYYY-MM-DD
}

// Brand is one entry of the catalogue.
type Brand struct {
	ID      string   // [a-z0-9-], unique; the block's head
	Name    string   // as people write it: "AliExpress"
	Sector  string   // marketplace, shop, payment, bank, carrier, travel, telecom, media, social, crypto, software, government
	Country string   // ISO 3166-1 alpha-2 of its home, or "--"
	Kind    Kind     // of its names; a name of four letters or fewer is treated as Short whatever stands here
	Shop    []string // genuine domains where one may shop, sign in, pay; the first is the one that is shown. ".brand" = a top-level domain of its own
	Owned   []string // owned, but no place to type a card: content servers, mail, corporate, defensive registrations
	Names   []string // protected name tokens, [a-z0-9-]; the first label of Shop[0] if the entry gives none
	Sources []Source // at least one
	Checked string   // YYYY-MM-DD: when a person last looked
	File    string   // file and line of the block, for messages
	Line    int
}

// Catalogue is a set of brands, in file order.
type Catalogue struct {
	Brands      []Brand
	Independent []string // domains that resemble a protected name and are known to be somebody else's honest own
	Budget      []Limit  // classes that are lowered for a name, because they would be wrong too often
}

// Limit lowers one class for one protected name. The checker writes these lines; see budget.txt.
type Limit struct {
	Name  string // protected name token
	Class string // verdict class name
	To    string // "caution": danger becomes caution; "hint": caution becomes no warning, the answer only names the resemblance
}

// Find gives the brand with that id, or nil.
func (c *Catalogue) Find(id string) *Brand {
	for i := range c.Brands {
		if c.Brands[i].ID == id {
			return &c.Brands[i]
		}
	}
	return nil
}

// Home is the address to show: the first shop domain that is a domain and not a top-level domain.
func (b *Brand) Home() string {
	for _, d := range b.Shop {
		if !strings.HasPrefix(d, ".") {
			return d
		}
	}
	return ""
}
