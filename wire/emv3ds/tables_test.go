package emv3ds

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// theirs is a row of the collected tables, which were made from another 3DS Server's documentation.
type theirs struct {
	Name, Type string
	Rules      []struct {
		Inclusion, Length, MinLength, MaxLength, Regexp, Enum string
		Codes, Category, Channel                              []string
	}
}

// differenceTable is where our tables and theirs differ, each with the reason. Entries that no longer
// differ fail the test too. Where theirs says Optional and ours Conditional, that is no difference: the
// condition lies with the directory or the market.
var differenceTable = map[string]string{
	// Fields that the other 3DS Server adds itself, so its input tables leave them out; 2.2.0 requires them.
	"AReq threeDSServerRefNumber: only ours": "added by their server", "AReq threeDSServerURL: only ours": "added by their server",
	"AReq threeDSServerOperatorID: only ours": "added by their server", "AReq threeDSRequestorID: only ours": "added by their server",
	"AReq threeDSRequestorName: only ours": "added by their server",
	"AReq dsReferenceNumber: only ours":    "added by the directory", "AReq dsTransID: only ours": "added by the directory", "AReq dsURL: only ours": "added by the directory",
	"AReq ds: only theirs": "not a field of the protocol: chooses one of their directories",
	// Field lengths and lists that their tables share between versions or do not say.
	"AReq mobilePhone.subscriber: max 15, theirs 12": "2.2.0 has 15 (ITU-T E.164)", "AReq homePhone.subscriber: max 15, theirs 12": "as above", "AReq workPhone.subscriber: max 15, theirs 12": "as above",
	"AReq acctInfo.chAccReqID: only theirs":                                                                "2.3.1",
	"AReq merchantRiskIndicator.transChar: only theirs":                                                    "2.3.1",
	"AReq merchantRiskIndicator.shipIndicator: their code 08 is refused by ours":                           "08 and 09 are 2.3.1",
	"AReq merchantRiskIndicator.shipIndicator: their code 09 is refused by ours":                           "as above",
	"AReq deviceRenderOptions.sdkAuthenticationType: only theirs":                                          "2.3.1; app channel, which is not served",
	"AReq deviceRenderOptions.sdkInterface: ours R, theirs O":                                              "2.2.0 requires it; app channel",
	"AReq deviceRenderOptions.sdkUiType: ours R, theirs O":                                                 "as above",
	"AReq threeDSRequestorAuthenticationInfo.threeDSReqAuthMethod: our code 80 is not in theirs":           "80-99 are for directories",
	"AReq threeDSRequestorPriorAuthenticationInfo.threeDSReqPriorAuthMethod: our code 80 is not in theirs": "as above",
	"RReq authenticationMethod: only ours":                                                                 "in 2.1.0 and 2.2.0 messages of three real ACSs, with the codes of 2.3.1",
	"RReq transStatusReason: our code 80 is not in theirs":                                                 "80-99 are for directories", "ARes transStatusReason: our code 80 is not in theirs": "as above",
	"CRes challengeCompletionInd: channels":         "the app channel there; we allow it from a browser",
	"CRes challengeCompletionInd: ours O, theirs R": "theirs means the app channel; many real browser messages have it",
	"Erro threeDSServerTransID: ours C, theirs R":   "2.2.0: if known. An Erro about something unreadable has none",
}

func TestTablesAgree(t *testing.T) {
	dir := filepath.Join(dataDir(t), "fields")
	found := map[string]bool{}
	for kind, file := range map[string]string{AReq: "areq_220", ARes: "ares_220", CReq: "creq", CRes: "cres_220", RReq: "rreq_220", Erro: "erro_220"} {
		compareTables(t, dir, kind, "", v220Table.messages[kind], file, found)
	}
	var lines []string
	for line := range found {
		if _, known := differenceTable[line]; !known {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		t.Error("differs:", line)
	}
	for line := range differenceTable {
		if !found[line] {
			t.Error("does not differ any more:", line)
		}
	}
	t.Logf("%d differences, all with a reason", len(differenceTable))
}

func readTheirs(t *testing.T, dir, file string) []theirs {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []theirs
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// objectTable says where their tables of objects are.
var objectTable = map[string]string{
	"acctInfo": "acctinfo", "merchantRiskIndicator": "merchantriskindicator", "messageExtension": "messageextension",
	"homePhone": "phonenumber", "mobilePhone": "phonenumber", "workPhone": "phonenumber", "deviceRenderOptions": "devicerenderoptions",
	"acsRenderingType": "acsrenderingtype", "threeDSRequestorAuthenticationInfo": "threedsrequestorauthenticationinfo_220",
	"threeDSRequestorPriorAuthenticationInfo": "threedsrequestorpriorauthenticationinfo_220",
}

func compareTables(t *testing.T, dir, kind, prefix string, ours []field, file string, found map[string]bool) {
	rows := readTheirs(t, dir, file)
	note := func(name, what string) { found[kind+" "+prefix+name+": "+what] = true }
	for _, f := range ours {
		i := slices.IndexFunc(rows, func(r theirs) bool { return r.Name == f.name })
		if i < 0 {
			note(f.name, "only ours")
			continue
		}
		for _, d := range compareRow(&f, &rows[i]) {
			note(f.name, d)
		}
		if object := objectTable[f.name]; object != "" {
			inner := f.form
			if inner.element != nil {
				inner = *inner.element
			}
			compareTables(t, dir, kind, prefix+f.name+".", inner.fields, object, found)
		}
	}
	for _, r := range rows {
		if !slices.ContainsFunc(ours, func(f field) bool { return f.name == r.Name }) {
			note(r.Name, "only theirs")
		}
	}
}

// compareRow lists what differs in one row: JSON type, inclusion, channels, lengths, codes.
func compareRow(f *field, r *theirs) (out []string) {
	rule := r.Rules[0]
	jsonType := map[string]byte{"string": '"', "bool": 't', "json": '{'}[r.Type]
	switch {
	case strings.HasPrefix(r.Type, "Array"):
		jsonType = '['
	case jsonType == 0:
		jsonType = '{'
	}
	if jsonType != f.form.json {
		out = append(out, "type "+r.Type)
	}
	if in := rule.Inclusion[0]; in != f.in && !(in == 'O' && f.in == 'C') && !(in == 'R' && f.in == 'C' && f.when != nil) {
		out = append(out, "ours "+string(rune(f.in))+", theirs "+string(rune(in)))
	}
	var on channels
	for _, c := range rule.Channel {
		on |= map[string]channels{"APP": app, "BRW": brw, "3RI": tri}[c]
	}
	if on != 0 && on != f.on {
		out = append(out, "channels")
	}
	if f.form.json == '"' {
		out = append(out, compareLengths(f, rule.Length, rule.MaxLength, rule.Regexp)...)
		out = append(out, compareCodes(f, rule.Codes)...)
	}
	return out
}

var lengthPattern = regexp.MustCompile(`\{(?:\d+,)?(\d+)\}\$$`)

func compareLengths(f *field, length, maxLength, pattern string) []string {
	n := maxLength
	if length != "" {
		n = length
	}
	if n == "" && f.form.codes == "" {
		if m := lengthPattern.FindStringSubmatch(pattern); m != nil && !strings.ContainsAny(pattern, "+=|") {
			n = m[1]
		}
	}
	if n == "" || f.form.codes != "" {
		return nil
	}
	if strconv.Itoa(f.form.max) != n {
		return []string{"max " + strconv.Itoa(f.form.max) + ", theirs " + n}
	}
	return nil
}

// compareCodes tries every value of up to two characters that either side lists.
func compareCodes(f *field, codes []string) (out []string) {
	if len(codes) == 0 || f.form.codes == "" {
		return nil
	}
	list := strings.Join(codes, ",")
	for i := range 100 {
		v := []byte{byte('0' + i/10), byte('0' + i%10)}
		ours, other := listed(f.form.codes, v), listed(list, v)
		switch {
		case ours && !other && i <= 80:
			out = append(out, "our code "+string(v)+" is not in theirs")
		case other && !ours:
			out = append(out, "their code "+string(v)+" is refused by ours")
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		if listed(f.form.codes, []byte{c}) != listed(list, []byte{c}) {
			out = append(out, "code "+string(rune(c)))
		}
	}
	return out
}
