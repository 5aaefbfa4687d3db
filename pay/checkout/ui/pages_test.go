package ui

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	base "countersign/ui"
)

func sample(state string) FrameData {
	return FrameData{
		Payment: "pay_1", Key: "k&y", MerchantName: `A "shop" <b>`, Acceptor: "ACC", SiteURL: "https://shop.example/x", Amount: 2340, Currency: "EUR", Display: "€23.40",
		Description: "Things", State: state, Vault: Key{"vault-1", "AAAA"}, Ranges: []Range{{Start: "9", End: "9", KeyID: "bank-1", Public: "BBBB"}},
		SubmitURL: "/s", StateURL: "/t", ChallengeURL: "/c", LeaveURL: "https://shop.example/", ReturnURL: "https://shop.example/back",
		ACSURL: "https://acs.example/challenge", CReq: "eyJ", SessionData: "sd",
	}
}

func write(t *testing.T, f func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var inline = regexp.MustCompile(`(?i)<script(?:[^>]*[^s]>|>)|<style|\sstyle=|\son[a-z]+=|javascript:`)
var foreign = regexp.MustCompile(`(?:src|href)="https?://([^/"]+)`)

// Every page in every state: no inline code, nothing loaded from elsewhere, what is foreign is escaped.
func TestPages(t *testing.T) {
	pages := map[string]string{
		"challenge": write(t, func(b *bytes.Buffer) error { return Challenge(b, sample(StateChallenge)) }),
		"notify":    write(t, func(b *bytes.Buffer) error { return Notify(b, NotifyData{Payment: "pay_1"}) }),
		"message":   write(t, func(b *bytes.Buffer) error { return Message(b, MessageData{Title: "T", Text: "<x>"}) }),
	}
	for _, s := range []string{StateCard, StateChallenge, StateProcessing, StatePaid, StateClosed} {
		pages["frame "+s] = write(t, func(b *bytes.Buffer) error { return Frame(b, sample(s)) })
		pages["hosted "+s] = write(t, func(b *bytes.Buffer) error { return Hosted(b, sample(s)) })
	}
	for name, html := range pages {
		for _, m := range inline.FindAllString(html, -1) {
			if !strings.Contains(m, " src=") {
				t.Errorf("%s: inline code: %s", name, m)
			}
		}
		if strings.Contains(html, "<b>") || strings.Contains(html, "<x>") {
			t.Errorf("%s: not escaped", name)
		}
		for _, m := range foreign.FindAllStringSubmatch(html, -1) {
			if m[1] != "shop.example" { // links back to the shop
				t.Errorf("%s: foreign host %s", name, m[1])
			}
		}
		if strings.Contains(html, "BBBB") && !strings.Contains(name, "card") {
			t.Errorf("%s: keys travel though there is no card form", name)
		}
		if n := strings.Count(html, "integrity=\"sha384-"); n < 2 {
			t.Errorf("%s: %d integrity hashes", name, n)
		}
	}
	if p := pages["frame card"]; strings.Contains(p, ` name="`+"number") || !strings.Contains(p, "disabled") {
		t.Error("card fields must have no names (nothing to post) and be disabled until the script runs")
	}
}

// The seam of the card form: what the script reads.
func TestConfig(t *testing.T) {
	d := sample(StateCard)
	d.Expires = time.Unix(1900000000, 0)
	text, err := d.Config()
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if c["self"] != "/frame/pay_1?key=k%26y" || c["amount"] != 2340.0 || d.Until() != "1900000000" {
		t.Error(text)
	}
	d.Hosted = true
	if d.Self() != "/p/pay_1?key=k%26y" {
		t.Error(d.Self())
	}
}

func TestPolicies(t *testing.T) {
	d := sample(StateCard)
	if p := FrameCSP(d); !strings.Contains(p, "frame-ancestors https://shop.example;") || !strings.Contains(p, "form-action 'none'") {
		t.Error(p)
	}
	if p := HostedCSP(d); !strings.Contains(p, "frame-ancestors 'none'") {
		t.Error(p)
	}
	if p := ChallengeCSP(d); !strings.Contains(p, "frame-src https://acs.example 'self';") || !strings.Contains(p, "form-action 'self' https://acs.example") {
		t.Error(p)
	}
	d.SiteURL = "nonsense; script-src *"
	if p := FrameCSP(d); !strings.Contains(p, "frame-ancestors 'none'") || strings.Contains(p, "*") {
		t.Error(p)
	}
}

func gzipped(data []byte) int {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(data)
	z.Close()
	return b.Len()
}

// All that the card frame loads, and the loader on the shop's page.
func TestWeight(t *testing.T) {
	read := func(name string) []byte {
		data, err := fs.ReadFile(dist, "dist/"+name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	shared, err := os.ReadFile("../../../ui/dist/base.css")
	if err != nil {
		t.Fatal(err)
	}
	icon, err := os.ReadFile("../../../ui/dist/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	total := gzipped([]byte(write(t, func(b *bytes.Buffer) error { return Frame(b, sample(StateCard)) })))
	for _, data := range [][]byte{shared, icon, read("frame.css"), read("frame.js")} {
		total += gzipped(data)
	}
	loader := gzipped(read("countersign.js"))
	t.Logf("card frame: %d bytes gzip in all (page, two styles, script, icon); loader: %d", total, loader)
	if total > 20_000 {
		t.Errorf("the card frame is %d bytes gzip, at most 20000", total)
	}
	if loader > 3_000 {
		t.Errorf("the loader is %d bytes gzip, at most 3000", loader)
	}
	if base.Shared().Integrity("base.css") == "" {
		t.Error("no integrity hash")
	}
}

// The brand table of the page against the table of facts.
func TestBrandTable(t *testing.T) {
	source, err := os.ReadFile("brand.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "TABLE = `\n")
	table, _, _ := strings.Cut(rest, "\n`")
	rows := map[string][]string{}
	for line := range strings.SplitSeq(table, "\n") {
		f := strings.Split(line, "|")
		if len(f) != 5 {
			t.Fatalf("row %q", line)
		}
		rows[f[0]] = f
	}
	data, err := os.ReadFile("testdata/brands.json")
	if err != nil {
		t.Fatal(err)
	}
	var facts struct {
		Brands []struct {
			Brand    string
			Prefixes []string
			Lengths  []int
			AlsoSeen []int
			Code     struct {
				Digits   int
				Optional bool
			}
		}
	}
	if err := json.Unmarshal(data, &facts); err != nil {
		t.Fatal(err)
	}
	for _, b := range facts.Brands {
		row, ok := rows[b.Brand]
		if !ok {
			t.Errorf("%s is missing", b.Brand)
			continue
		}
		if got := strings.Split(row[2], ","); !slices.Equal(got, b.Prefixes) {
			t.Errorf("%s: prefixes %v, facts %v", b.Brand, got, b.Prefixes)
		}
		all := slices.Sorted(slices.Values(append(b.Lengths, b.AlsoSeen...)))
		var text []string
		for _, n := range all {
			text = append(text, strconv.Itoa(n))
		}
		if row[3] != strings.Join(text, ",") {
			t.Errorf("%s: lengths %s, facts %v", b.Brand, row[3], all)
		}
		if want := strconv.Itoa(b.Code.Digits); strings.TrimSuffix(row[4], "?") != want || strings.HasSuffix(row[4], "?") != (b.Code.Optional || b.Code.Digits == 0) {
			t.Errorf("%s: code %s, facts %+v", b.Brand, row[4], b.Code)
		}
	}
	if len(rows) != len(facts.Brands)+1 || rows["demo"] == nil {
		t.Errorf("%d rows for %d facts and the demo bank", len(rows), len(facts.Brands))
	}
}
