package lookalike

import (
	"fmt"
	"io"
	"strings"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
	"countersign/guard/verdict"
)

// brand makes an entry for a test catalogue.
func brand(kind brands.Kind, shop ...string) brands.Brand {
	return brands.Brand{ID: label(shop[0]), Name: label(shop[0]), Kind: kind, Shop: shop, Names: []string{label(shop[0])}}
}

func label(d string) string {
	l, _, _ := strings.Cut(d, ".")
	return l
}

func engineOf(list ...brands.Brand) *lookalike.Engine {
	e, err := lookalike.New(&brands.Catalogue{Brands: list}, lookalike.Options{})
	if err != nil {
		panic(err) // the lists stand in this file
	}
	return e
}

// metamaskEngine protects the names that MetaMask's tests are about.
func metamaskEngine() *lookalike.Engine {
	return engineOf(brand(brands.Coined, "metamask.io"), brand(brands.Coined, "myetherwallet.com"), brand(brands.Coined, "blockchain.info"),
		brand(brands.Coined, "decentraland.org"), brand(brands.Coined, "originprotocol.com"), brand(brands.Coined, "omisego.com"),
		brand(brands.Coined, "numerai.com"), brand(brands.Coined, "etherdelta.com"), brand(brands.Coined, "etherscan.io"), brand(brands.Ambiguous, "ethereum.org"))
}

// chromiumEngine protects the names that Chromium's tests are about. Its test sites of high engagement stand for a user's own shops.
func chromiumEngine() *lookalike.Engine {
	google := brand(brands.Coined, "google.com", "google.co.uk", "google.co.kr", "google.com.mx", "google.ca")
	google.Owned = []string{"scholar.google.com"}
	youtube := brand(brands.Coined, "youtube.com", "youtube.ca")
	return engineOf(google, youtube, brand(brands.Dictionary, "office.com"), brand(brands.Dictionary, "weather.com"), brand(brands.Dictionary, "hoteles.com"),
		brand(brands.Coined, "highengagement.com", "highengagement.co.uk"))
}

// difference is an assertion that the engine does not fulfil, and why.
type difference struct {
	Host, Wanted, Got, Why string
}

// reasonTable says why the engine answers otherwise than a peer's test wants.
var reasonTable = map[string]string{
	"myetherwallet.cx":           "the same name under an ordinary ending is a hint that names the brand and no warning: among popular domains it is nearly always the brand's own site that nobody has listed; caution under cheap and non-existent endings",
	"myetherwallet.cm":           "the same name under an ordinary ending is a hint that names the brand and no warning: among popular domains it is nearly always the brand's own site that nobody has listed; caution under cheap and non-existent endings",
	"numerai.tech":               "the same name under an ordinary ending is a hint that names the brand and no warning: among popular domains it is nearly always the brand's own site that nobody has listed; caution under cheap and non-existent endings",
	"metamask.com":               "the same name under an ordinary ending is a hint that names the brand and no warning: among popular domains it is nearly always the brand's own site that nobody has listed; caution under cheap and non-existent endings",
	"myetherwallet.aaa":          "the same name under an ordinary ending is a hint that names the brand and no warning: among popular domains it is nearly always the brand's own site that nobody has listed; caution under cheap and non-existent endings",
	"myetherwallet.za":           "the same name under an ordinary ending is a hint that names the brand and no warning: among popular domains it is nearly always the brand's own site that nobody has listed; caution under cheap and non-existent endings",
	"example-google.com":         "a name of six letters beside a word that says nothing: a hint; with login, shop or track it is caution or danger",
	"abcxd.com|abcyd.com":        "names of five letters: only slips of the finger (a letter doubled, two swapped) are warned of, the rest are hints; other letters make other words",
	"abcx1.com|abcy1.com":        "names of five letters: only slips of the finger (a letter doubled, two swapped) are warned of, the rest are hints; other letters make other words",
	"ethereum.os.tc":             "the name stands in a sub-domain of somebody else: caution, not danger; a help desk at a third party is told apart by listing it as owned",
	"ethereum1.cz":               "a coined or uncommon name beside other words, on a domain that is not the brand's, is worth a second look; honest projects go on the list of independent names",
	"ethereumdev.io":             "a coined or uncommon name beside other words, on a domain that is not the brand's, is worth a second look; honest projects go on the list of independent names",
	"ethereumdev.kr":             "a coined or uncommon name beside other words, on a domain that is not the brand's, is worth a second look; honest projects go on the list of independent names",
	"theethereum.wiki":           "a coined or uncommon name beside other words, on a domain that is not the brand's, is worth a second look; honest projects go on the list of independent names",
	"myetherwallet.groovehq.com": "the name stands in a sub-domain of somebody else: caution, not danger; a help desk at a third party is told apart by listing it as owned",
	"bllookchain.info":           "two other letters that look like nothing in the name: beyond one edit; warning of it costs honest names (MetaMask itself lowered its tolerance from 2 to 1 in 2023)",
	"blockcrein.info":            "two other letters that look like nothing in the name: beyond one edit; warning of it costs honest names (MetaMask itself lowered its tolerance from 2 to 1 in 2023)",
	"myelherwallel.com":          "two other letters that look like nothing in the name: beyond one edit; warning of it costs honest names (MetaMask itself lowered its tolerance from 2 to 1 in 2023)",
	"myetherieumwallet.com":      "two other letters that look like nothing in the name: beyond one edit; warning of it costs honest names (MetaMask itself lowered its tolerance from 2 to 1 in 2023)",
	"myetcwallet.com":            "two other letters that look like nothing in the name: beyond one edit; warning of it costs honest names (MetaMask itself lowered its tolerance from 2 to 1 in 2023)",
	"ethtrade.io":                "on MetaMask's block list, not like any protected name: a list's job, not the look-alike engine's",
	"myetherweb.com.de":          "on MetaMask's block list, not like any protected name: a list's job, not the look-alike engine's",
	"tokenswap.org":              "on MetaMask's block list, not like any protected name: a list's job, not the look-alike engine's",
	"etherclassicwallet.com":     "on MetaMask's block list, not like any protected name: a list's job, not the look-alike engine's",
	"myÄ—therwallet.com":         "the test's text is broken UTF-8 (a doubled encoding): the dash in it may stand in no host name, so the label does not resemble the name enough; browsers refuse it",
	"this-is-a-very-long-url-but-it-should-not-affect-the-outcome-of-this-target-embedding-test-google.com-login.com": "a label of more than 63 letters cannot exist in the DNS: caution as malformed, the address opens nowhere",
	"google-com-this-is-a-very-long-url-but-it-should-not-affect-the-outcome-of-this-target-embedding-test-login.com": "a label of more than 63 letters cannot exist in the DNS: caution as malformed, the address opens nowhere",
	"goog0le.com-login.com":          "a typo of the name as a label of its own: caution; Chromium wants the exact skeleton",
	"foo-google.l.com-foo.com":       "the name stands in a sub-domain of somebody else: caution, not danger; a help desk at a third party is told apart by listing it as owned",
	"scholar.google.com.foo.com":     "we protect a curated list and not the top 5,000 sites, so there is no table of common words: a listed name with its own ending inside another address is danger; an exemption for one target's sub-domain is a matter of Chromium's test set-up",
	"foo.scholar.google.com.foo.com": "we protect a curated list and not the top 5,000 sites, so there is no table of common words: a listed name with its own ending inside another address is danger",
	"foo.hoteles.com-foo.com":        "we protect a curated list and not the top 5,000 sites, so there is no table of common words: a listed name with its own ending inside another address is danger",
	"weathercom-foo.com":             "we protect a curated list and not the top 5,000 sites, so there is no table of common words: a listed name with its own ending inside another address is danger",
	"google.randomreg-login.com":     "the name as a sub-domain, and login beside it: that is how OpenPhish's hosts look",
	"google.com.de":                  "com.de is run like a registry: the name under an ending that is not the brand's is caution",
	"example-office.com":             "Chromium has an exception for the word office; here its budget decides, and none is set in a test catalogue",
	"abcde.com|abcde.net":            "the same name under another ending is caution, for every listed name",
	"abcde.sr|abcde.rs":              "the same name under another ending is caution, for every listed name",
	"abcd1.com|abcd2.com":            "Chromium drops this to keep noise low over thousands of targets; we protect few names, and the budget of each name decides. Still caution only",
	"abcde.com|abcde1.com":           "Chromium drops this to keep noise low over thousands of targets; we protect few names, and the budget of each name decides. Still caution only",
	"xabcd.com|yabcd.com":            "Chromium drops this to keep noise low over thousands of targets; we protect few names, and the budget of each name decides. Still caution only",
	"xabcde.com|abcde.com":           "Chromium drops this to keep noise low over thousands of targets; we protect few names, and the budget of each name decides. Still caution only",
	"ab-cde.com|abcde.com":           "Chromium drops this to keep noise low over thousands of targets; we protect few names, and the budget of each name decides. Still caution only",
	"google-youtube-account.com":     "two listed names in one label: we name the longer one",
}

// metamask runs MetaMask's assertions. AnyType:true, Fuzzylist and Blacklist want a warning; the rest none.
func metamask() (total int, out []difference) {
	e := metamaskEngine()
	lines("tests-metamask", func(f []string) {
		total++
		v := e.Judge(f[1])
		warned := v.Level.Rank() >= verdict.Caution.Rank()
		want := f[0] == "AnyType:true" || f[0] == "Fuzzylist" || f[0] == "Blacklist"
		good := warned == want && (f[0] != "Whitelist" || v.Level == verdict.Genuine)
		if !good {
			out = append(out, difference{f[1], f[0], v.Level.String() + " " + v.Class.String(), reasonTable[f[1]]})
		}
	})
	return total, out
}

// chromium runs Chromium's assertions.
func chromium() (total int, out []difference) {
	e := chromiumEngine()
	lines("tests-chromium-lookalike", func(f []string) {
		if len(f) < 3 {
			return
		}
		total++
		engine, host, want := e, f[0], f[1] != "" && f[1] != "allow"
		if a, b, pair := strings.Cut(f[0], "|"); pair {
			engine, host = engineOf(brand(brands.Coined, b)), a
		}
		v := engine.Judge(host)
		warned := v.Level.Rank() >= verdict.Caution.Rank()
		if warned != want || want && strings.Contains(f[1], ".") && v.Name != label(f[1]) {
			out = append(out, difference{f[0], strings.TrimSpace(f[2] + " " + f[1]), v.Level.String() + " " + v.Class.String() + " " + v.Name, reasonTable[f[0]]})
		}
	})
	return total, out
}

func assertions(w io.Writer) {
	for _, peer := range []struct {
		name string
		run  func() (int, []difference)
	}{{"MetaMask eth-phishing-detect", metamask}, {"Chromium lookalikes", chromium}} {
		total, diffs := peer.run()
		fmt.Fprintf(w, "\n%s: %d of %d assertions hold; the others, each with its reason:\n", peer.name, total-len(diffs), total)
		for _, d := range diffs {
			fmt.Fprintf(w, "  %s wants %s, we say %s: %s\n", d.Host, d.Wanted, d.Got, d.Why)
		}
	}
}
