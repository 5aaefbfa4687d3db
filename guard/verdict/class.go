package verdict

// Class is the kind of imitation, or what else decided.
type Class uint8

// The classes. Their names (String) are stable: they stand in JSON, in the budget file and in figures.
const (
	None              Class = iota // nothing to say
	Listed                         // the address is in the catalogue as a place of the brand
	Owned                          // the brand owns it, but it is no place to shop or to type a card
	Homograph                      // letters of other scripts or with marks that look the same: аliexpress.com
	Glyph                          // ASCII shapes: a1iexpress.com, rnicrosoft.com, any number of them
	Omission                       // a letter is missing
	Insertion                      // a letter too many
	Repetition                     // a letter doubled
	Replacement                    // another letter
	Transposition                  // two neighbours swapped
	BitFlip                        // another letter, one bit away
	VowelSwap                      // another vowel
	Plural                         // an s or es at the end
	Hyphen                         // hyphens more or fewer
	DoubleReplacement              // two neighbours replaced by one letter twice
	Shuffle                        // one letter at another place
	TwoTypos                       // two letters differ in a long name
	TLD                            // the brand's name under another ending
	Combo                          // the brand's name and other words
	ComboTypo                      // a typo or glyph of the name, and other words
	Embedded                       // the brand's whole address inside another: aliexpress.com.pay-id.top
	Subdomain                      // the brand's name left of somebody else's domain
	Dot                            // a dot inside the name: ali.express.com
	Tenant                         // the brand's name as a tenant of a hosting platform: aliexpress.pages.dev
	UserInfo                       // an address before an @: https://aliexpress.com@evil.example/
	Numeric                        // a number in place of a name: 3232235777, 0x7f.1
	Encoded                        // percent signs in the host
	Punycode                       // an xn-- label that does not decode
	Invisible                      // characters that cannot be seen or that turn the text around
	MixedScript                    // letters of several scripts in one label
	Malformed                      // not a host
	Scheme                         // not a web address
	classCount
)

// classNameTable is indexed by Class.
var classNameTable = [classCount]string{
	"none", "listed", "owned", "homograph", "glyph", "omission", "insertion", "repetition", "replacement", "transposition",
	"bit-flip", "vowel-swap", "plural", "hyphen", "double-replacement", "shuffle", "two-typos", "tld", "combo", "combo-typo",
	"embedded", "subdomain", "dot", "tenant", "userinfo", "numeric", "encoded", "punycode", "invisible", "mixed-script",
	"malformed", "scheme",
}

// String gives the stable name of the class.
func (c Class) String() string {
	if c < classCount {
		return classNameTable[c]
	}
	return "none"
}

// ClassByName finds a class by its stable name.
func ClassByName(name string) (Class, bool) {
	for c, n := range classNameTable {
		if n == name {
			return Class(c), true
		}
	}
	return None, false
}

// Classes gives all classes in order.
func Classes() []Class {
	all := make([]Class, classCount)
	for i := range all {
		all[i] = Class(i)
	}
	return all
}
