package emv3ds

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// agree compares with encoding/json: what we accept it must accept, with the same text.
func agree(t *testing.T, m *Message, f *Fault, in []byte) {
	t.Helper()
	if !json.Valid(in) {
		t.Fatalf("accepted what is no JSON: %q", in)
	}
	if f != nil {
		return
	}
	var other map[string]any
	if err := json.Unmarshal(in, &other); err != nil {
		t.Fatal(err)
	}
	if len(other) != len(m.members) {
		t.Fatalf("%d members, encoding/json has %d", len(m.members), len(other))
	}
	for name, v := range other {
		if s, ok := v.(string); ok && !secret(name) && m.Text(name) != s {
			t.Fatalf("%q is %q, encoding/json has %q", name, m.Text(name), s)
		}
	}
}

// dataDir finds the sample data beside the repository, which is not part of it.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "..", "shared", "data", "3ds")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the collected samples and field tables are not beside the repository")
	}
	return dir
}

// sampleTable says what is wrong with each collected sample when it is read as 2.2.0 (samples of other
// versions are also read as they are: 102). "" means that it is good.
var sampleTable = map[string]string{
	"lyra-areq-brw-210":                          "201 browserJavascriptEnabled,payTokenSource", // both are new in 2.2.0
	"lyra-ares-challenge-210":                    "",
	"lyra-creq-app-210":                          "201 challengeWindowSize", // an app message, read as a browser's
	"lyra-cres-app-210":                          "201 transStatus",
	"lyra-erro-203":                              "",
	"lyra-preq-210":                              "",
	"lyra-pres-210":                              "",
	"lyra-rreq-210":                              "",
	"lyra-rres-210":                              "",
	"netcetera-rreq-210":                         "201 interactionCounter",
	"netcetera-rres-210":                         "",
	"endeavour-rreq-210":                         "",
	"kapital-ares-challenge-220":                 "",
	"kapital-rreq-220":                           "",
	"clearhaus-auth-6-ARes":                      "",
	"clearhaus-auth-7-Erro":                      "",
	"clearhaus-challenge_flow-8-CRes":            "",
	"clearhaus-decoupled_authentication-11-Erro": "",
	"clearhaus-decoupled_authentication-12-AReq": "201 threeDSServerTransID,threeDSServerRefNumber,threeDSServerURL,threeDSCompInd,notificationURL,purchaseDate,browserAcceptHeader,browserUserAgent,browserLanguage,browserJavascriptEnabled",
	"clearhaus-decoupled_authentication-13-RReq": "",
	"clearhaus-examples-1-AReq":                  "201 threeDSServerTransID,threeDSServerRefNumber,threeDSServerURL,threeDSRequestorID,threeDSRequestorName",
	"clearhaus-examples-2-AReq":                  "201 threeDSServerTransID,threeDSServerRefNumber,threeDSServerURL,threeDSRequestorID,threeDSRequestorName",
	"clearhaus-postauth-10-Erro":                 "",
	"clearhaus-postauth-9-obj":                   "101 messageType",
	"clearhaus-preauth-3-obj":                    "101 messageType",
	"clearhaus-preauth-4-CRD":                    "101 messageType",
	"clearhaus-preauth-5-Erro":                   "",
	"copyleftdev-pres-220":                       "201 dsTransID",
	"emvco-pres-crd-231":                         "201 cardRangeData.startRange,cardRangeData.endRange,cardRangeData.acsStartProtocolVersion,cardRangeData.acsEndProtocolVersion",
	"lab-AReq_v210":                              "201 threeDSServerURL,threeDSRequestorName,threeDSRequestorAuthenticationInd,browserJavascriptEnabled",
	"lab-AReq_v220":                              "201 threeDSServerURL,threeDSRequestorName,threeDSRequestorAuthenticationInd",
	"lab-AReq_v231":                              "201 threeDSServerURL,threeDSRequestorName,threeDSRequestorAuthenticationInd,mobilePhone.subscriber",
	"lab-ARes_v210":                              "201 dsReferenceNumber,transStatus",
	"lab-ARes_v220":                              "201 dsReferenceNumber,transStatus",
	"lab-ARes_v231":                              "201 dsReferenceNumber,transStatus",
	"lab-CReq_v220":                              "203 messageExtension",
	"lab-CRes_v220":                              "203 messageExtension",
	"lab-RReq_v220":                              "201 messageCategory,authenticationType",
	"lab-RReq_v231":                              "201 messageCategory,authenticationType",
}

func TestSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dataDir(t), "samples", "*.json"))
	if err != nil || len(files) != len(sampleTable) {
		t.Fatalf("%d samples, %v; the table has %d", len(files), err, len(sampleTable))
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		want, listed := sampleTable[name]
		if !listed {
			t.Errorf("%s is not in the table", name)
			continue
		}
		in, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, f := Parse(in)
		if f != nil {
			t.Errorf("%s: %v", name, f)
			continue
		}
		agree(t, m, f, in)
		if v := m.Version(); messageTable[m.Type()] != "" && v != Version220 {
			if f := m.Validate(); f == nil || f.Code != 102 {
				t.Errorf("%s as it is: %v, want 102", name, f)
			}
			m, _ = Parse(bytes.Replace(in, []byte(`"`+v+`"`), []byte(`"2.2.0"`), 1))
		}
		got := ""
		if f := m.Validate(); f != nil {
			got = digits3(f.Code) + " " + f.Detail
		}
		if got != want {
			t.Errorf("%s:\n got  %s\n want %s", name, got, want)
		}
	}
}
