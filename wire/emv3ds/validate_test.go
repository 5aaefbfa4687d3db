package emv3ds

import (
	"bytes"
	"strings"
	"testing"
)

// goodTable holds one whole good message of every type, 2.2.0, browser channel.
var goodTable = map[string]string{
	AReq: `{"messageType":"AReq","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","threeDSServerRefNumber":"REF","threeDSServerURL":"http://gateway.rreq/3ds","threeDSRequestorID":"shop-1","threeDSRequestorName":"Shop","threeDSRequestorURL":"https://shop.example","deviceChannel":"02","messageCategory":"01","threeDSRequestorAuthenticationInd":"01","threeDSCompInd":"U","notificationURL":"https://pay.example/3ds/notify/1","acctNumber":"4000001234567899","cardExpiryDate":"2911","acquirerBIN":"400001","acquirerMerchantID":"SHOP1","mcc":"5411","merchantName":"Shop","merchantCountryCode":"276","purchaseAmount":"2340","purchaseCurrency":"978","purchaseExponent":"2","purchaseDate":"20261122153000","transType":"01","cardholderName":"A Holder","email":"a@b.example","browserAcceptHeader":"*/*","browserUserAgent":"test","browserLanguage":"en","browserIP":"2001:db8::1","browserJavascriptEnabled":true,"browserJavaEnabled":false,"browserColorDepth":"24","browserScreenHeight":"844","browserScreenWidth":"390","browserTZ":"-60","mobilePhone":{"cc":"49","subscriber":"123456789012345"},"acctInfo":{"chAccAgeInd":"05","chAccDate":"20200229"},"dsReferenceNumber":"DS","dsTransID":"f25084f0-5b16-4c0a-ae5d-b24808a95e4b","dsURL":"http://directory.3ds/3ds"}`,
	ARes: `{"messageType":"ARes","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"d7c1ee99-9478-44a6-b1f2-391e29c6b340","dsTransID":"f25084f0-5b16-4c0a-ae5d-b24808a95e4b","acsReferenceNumber":"ACS","dsReferenceNumber":"DS","transStatus":"C","acsChallengeMandated":"Y","authenticationType":"02","acsURL":"http://acs.bank.localhost:8080/challenge"}`,
	CReq: `{"messageType":"CReq","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"d7c1ee99-9478-44a6-b1f2-391e29c6b340","challengeWindowSize":"02"}`,
	CRes: `{"messageType":"CRes","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"d7c1ee99-9478-44a6-b1f2-391e29c6b340","transStatus":"Y"}`,
	RReq: `{"messageType":"RReq","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"d7c1ee99-9478-44a6-b1f2-391e29c6b340","dsTransID":"f25084f0-5b16-4c0a-ae5d-b24808a95e4b","messageCategory":"01","transStatus":"Y","authenticationType":"02","authenticationValue":"xgR6+aR8AAAAAAAAAAAAAAAAAAAA","eci":"05","interactionCounter":"01"}`,
	RRes: `{"messageType":"RRes","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","acsTransID":"d7c1ee99-9478-44a6-b1f2-391e29c6b340","dsTransID":"f25084f0-5b16-4c0a-ae5d-b24808a95e4b","resultsStatus":"01"}`,
	PReq: `{"messageType":"PReq","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","threeDSServerRefNumber":"REF"}`,
	PRes: `{"messageType":"PRes","messageVersion":"2.2.0","threeDSServerTransID":"8a880dc0-d2d2-4067-bcb1-b08d1690b26e","dsTransID":"f25084f0-5b16-4c0a-ae5d-b24808a95e4b","serialNum":"1","cardRangeData":[{"startRange":"4000000000000000","endRange":"4999999999999999","actionInd":"A","acsStartProtocolVersion":"2.1.0","acsEndProtocolVersion":"2.2.0"}]}`,
	Erro: `{"messageType":"Erro","messageVersion":"2.2.0","errorCode":"999","errorComponent":"A","errorDescription":"x","errorDetail":"y"}`,
}

func parsed(t testing.TB, s string) *Message {
	t.Helper()
	m, f := Parse([]byte(s))
	if f != nil {
		t.Fatal(f, s)
	}
	return m
}

func TestGood(t *testing.T) {
	for kind, s := range goodTable {
		if f := parsed(t, s).Validate(); f != nil {
			t.Error(kind, f)
		}
		for _, r := range []byte{Server, Directory, ACS} {
			f := parsed(t, s).ValidateFor(r)
			if goes := strings.ContainsRune(messageTable[kind], rune(r)); goes && f != nil || !goes && (f == nil || f.Code != 101 || f.Component != r) {
				t.Errorf("%s at %c: %v", kind, r, f)
			}
		}
	}
}

// TestEveryRequired takes each required field away, then makes it null and empty: always 201 with its name.
func TestEveryRequired(t *testing.T) {
	n := 0
	for kind, s := range goodTable {
		for _, f := range v220Table.messages[kind] {
			raw := parsed(t, s).Raw(f.name)
			if f.in != 'R' || f.on&brw == 0 || f.name == "messageType" {
				continue
			}
			n++
			if raw == nil {
				t.Fatal(kind, f.name, "is not in the good message")
			}
			for _, with := range []string{"", `"` + f.name + `":null,`, `"` + f.name + `":"",`} {
				in := strings.Replace(strings.Replace(s, `"`+f.name+`":`+string(raw), "", 1), "{,", "{", 1)
				in = strings.Replace(strings.ReplaceAll(in, ",,", ","), ",}", "}", 1)
				in = "{" + with + in[1:]
				if f2 := parsed(t, in).Validate(); f2 == nil || f2.Code != 201 || f2.Detail != f.name {
					t.Errorf("%s without %s (%q): %v", kind, f.name, with, f2)
				}
			}
		}
	}
	t.Log(n, "required fields")
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ kind, old, new, want string }{
		{AReq, `"messageType":"AReq"`, `"messageType":"XReq"`, "101 messageType"},
		{AReq, `"messageType":"AReq"`, `"messageType":7`, "101 messageType"},
		{AReq, `2.2.0`, `2.1.0`, "102 messageVersion"},
		{AReq, `2.2.0`, `2.3.1`, "102 messageVersion"},
		{AReq, `"2.2.0"`, `220`, "201 messageVersion"},
		{AReq, `2.2.0`, `two`, "203 messageVersion"},
		{AReq, `8a880dc0`, `8A880DC0`, "203 threeDSServerTransID"},
		{AReq, `8a880dc0-d2d2`, `8a880dc0d-2d2`, "203 threeDSServerTransID"},
		{AReq, `"4000001234567899"`, `"400000123456"`, "203 acctNumber"},
		{AReq, `"4000001234567899"`, `"40000012345678990000"`, "203 acctNumber"},
		{AReq, `"4000001234567899"`, `"4000 0012 3456 7899"`, "203 acctNumber"},
		{AReq, `"4000001234567899"`, `4000001234567899`, "203 acctNumber"},
		{AReq, `"2911"`, `"2913"`, "203 cardExpiryDate"},
		{AReq, `"2911"`, `""`, "203 cardExpiryDate"},
		{AReq, `"2911"`, `null`, "203 cardExpiryDate"},
		{AReq, `"purchaseAmount":"2340",`, ``, "201 purchaseAmount"},
		{AReq, `"2340"`, `"23.40"`, "203 purchaseAmount"},
		{AReq, `"978"`, `"111"`, "304 purchaseCurrency"},
		{AReq, `"978"`, `"999"`, "304 purchaseCurrency"},
		{AReq, `"978"`, `"EUR"`, "203 purchaseCurrency"},
		{AReq, `"276"`, `"277"`, "304 merchantCountryCode"},
		{AReq, `20261122153000`, `20261322153000`, "203 purchaseDate"},
		{AReq, `"deviceChannel":"02"`, `"deviceChannel":"04"`, "203 deviceChannel"},
		{AReq, `"deviceChannel":"02"`, `"deviceChannel":"2"`, "203 deviceChannel"},
		{AReq, `"browserJavaEnabled":false`, `"browserJavaEnabled":"false"`, "203 browserJavaEnabled"},
		{AReq, `"browserJavaEnabled":false,`, ``, "201 browserJavaEnabled"},
		{AReq, `"browserColorDepth":"24"`, `"browserColorDepth":"30"`, "203 browserColorDepth"},
		{AReq, `"browserTZ":"-60"`, `"browserTZ":"CET"`, "203 browserTZ"},
		{AReq, `2001:db8::1`, `2001:db8::1%eth0`, "203 browserIP"},
		{AReq, `https://shop.example`, `shop.example`, "203 threeDSRequestorURL"},
		{AReq, `https://shop.example`, `javascript:alert(1)`, "203 threeDSRequestorURL"},
		{AReq, `https://shop.example`, `https://shop.example@evil.example/`, "203 threeDSRequestorURL"},
		{AReq, `"A Holder"`, `"A"`, "203 cardholderName"},
		{AReq, `123456789012345`, `1234567890123456`, "203 mobilePhone.subscriber"},
		{AReq, `"cc":"49",`, ``, "201 mobilePhone.cc"},
		{AReq, `{"cc":"49","subscriber":"123456789012345"}`, `{}`, "203 mobilePhone"},
		{AReq, `{"cc":"49","subscriber":"123456789012345"}`, `"49"`, "203 mobilePhone"},
		{AReq, `20200229`, `20190229`, "203 acctInfo.chAccDate"},
		{AReq, `"chAccAgeInd":"05"`, `"chAccAgeInd":"06"`, "203 acctInfo.chAccAgeInd"},
		{AReq, `"mcc":"5411","merchantName":"Shop",`, ``, "201 mcc,merchantName"},
		{AReq, `"transType":"01"`, `"transType":"01","messageExtension":[{"name":"n","id":"i","criticalityIndicator":true,"data":{"a":1}}]`, "202 i"},
		{AReq, `"transType":"01"`, `"transType":"01","messageExtension":[{"name":"n","id":"i","criticalityIndicator":false,"data":{"a":1}}]`, ""},
		{AReq, `"transType":"01"`, `"transType":"01","messageExtension":[{"name":"n","id":"i","data":{"a":1}}]`, "201 messageExtension.criticalityIndicator"},
		{AReq, `"transType":"01"`, `"transType":"01","messageExtension":[` + strings.Repeat(`{},`, 10) + `{}]`, "203 messageExtension"},
		{AReq, `"transType":"01"`, `"transType":"01","threeDSRequestorDecReqInd":"Y"`, "201 threeDSRequestorDecMaxTime"},
		{AReq, `"transType":"01"`, `"transType":"01","threeDSRequestorDecMaxTime":"10081"`, "203 threeDSRequestorDecMaxTime"},
		{AReq, `"transType":"01"`, `"transType":"01","unheardOf":null`, ""},
		{AReq, `"transType":"01"`, `"transType":"01","sdkTransID":""`, ""},
		{AReq, `"transType":"01"`, `"transType":"01","billAddrState":"BY"`, "201 billAddrCountry"},
		{ARes, `"transStatus":"C"`, `"transStatus":"Y"`, "201 authenticationValue,eci"},
		{ARes, `"transStatus":"C"`, `"transStatus":"A"`, "201 authenticationValue,eci"},
		{ARes, `"transStatus":"C"`, `"transStatus":"N"`, "201 transStatusReason"},
		{ARes, `"transStatus":"C"`, `"transStatus":"S"`, "203 transStatus"},
		{ARes, `"transStatus":"C"`, `"transStatus":"D"`, "201 acsDecConInd,cardholderInfo"},
		{ARes, `,"acsURL":"http://acs.bank.localhost:8080/challenge"`, ``, "201 acsURL"},
		{ARes, `"transStatus":"C",`, ``, "201 transStatus"},
		{RReq, `xgR6+aR8AAAAAAAAAAAAAAAAAAAA`, `xgR6-aR8AAAAAAAAAAAAAAAAAAAA`, "203 authenticationValue"},
		{RReq, `xgR6+aR8AAAAAAAAAAAAAAAAAAAA`, `xgR6+aR8AAAAAAAAAAAAAAAAAAA`, "203 authenticationValue"},
		{RReq, `"transStatus":"Y"`, `"transStatus":"N","challengeCancel":"02","transStatusReason":"01"`, "203 challengeCancel"},
		{RReq, `"transStatus":"Y"`, `"transStatus":"N"`, "201 transStatusReason"},
		{RReq, `"transStatus":"Y"`, `"transStatus":"C"`, "203 transStatus"},
		{CReq, `"02"`, `"06"`, "203 challengeWindowSize"},
		{CRes, `"transStatus":"Y"`, `"transStatus":"A"`, "203 transStatus"},
		{PRes, `"4000000000000000"`, `"4000"`, "203 cardRangeData.startRange"},
		{Erro, `"errorComponent":"A"`, `"errorComponent":"X"`, "203 errorComponent"},
	} {
		in := strings.Replace(goodTable[c.kind], c.old, c.new, 1)
		if in == goodTable[c.kind] {
			t.Fatal("nothing replaced:", c.old)
		}
		got := ""
		if f := parsed(t, in).Validate(); f != nil {
			got = digits3(f.Code) + " " + f.Detail
		}
		if got != c.want {
			t.Errorf("%s %s → %s:\n got  %s\n want %s", c.kind, c.old, c.new, got, c.want)
		}
	}
}

// TestReservedByVersion: a later version is another value of the same type; its reserved codes are 207.
func TestReservedByVersion(t *testing.T) {
	later := &version{reserved: 207, messages: v220Table.messages}
	m := parsed(t, strings.Replace(goodTable[AReq], `"deviceChannel":"02"`, `"deviceChannel":"04"`, 1))
	if f := validate(m, later, 0); f == nil || f.Code != 207 || f.Detail != "deviceChannel" {
		t.Error(f)
	}
}

// TestAtACS: what the directory adds is required by the ACS only.
func TestAtACS(t *testing.T) {
	in := goodTable[AReq][:strings.Index(goodTable[AReq], `,"dsReferenceNumber"`)] + "}"
	if f := parsed(t, in).ValidateFor(Directory); f != nil {
		t.Error(f)
	}
	if f := parsed(t, in).ValidateFor(ACS); f == nil || f.Code != 201 || f.Detail != "dsReferenceNumber,dsTransID,dsURL" {
		t.Error(f)
	}
}

func TestCopyTo(t *testing.T) {
	in := strings.Replace(goodTable[AReq], `{`, `{"unheardOf":"x",`, 1)
	in = strings.Replace(in, `"chAccAgeInd":"05"`, `"strange":"4000001234567899","chAccAgeInd":"05"`, 1)
	m := parsed(t, in)
	b := New(AReq, Version220)
	m.CopyTo(b, "dsURL")
	out := string(b.Bytes())
	for _, gone := range []string{"unheardOf", "strange", "dsURL"} {
		if strings.Contains(out, gone) {
			t.Error(gone, "was passed on")
		}
	}
	copied := parsed(t, out)
	for _, f := range v220Table.messages[AReq] {
		if f.name != "acctInfo" && f.name != "dsURL" && !bytes.Equal(m.Raw(f.name), copied.Raw(f.name)) {
			t.Error(f.name, "was not passed on as it was")
		}
	}
	if copied.Object("acctInfo").Text("chAccAgeInd") != "05" {
		t.Error("acctInfo")
	}
}

func FuzzValidate(f *testing.F) {
	for _, s := range goodTable {
		f.Add([]byte(s), byte('D'))
	}
	f.Fuzz(func(t *testing.T, in []byte, any byte) {
		receiver := []byte{0, Server, Directory, ACS}[any%4]
		m, fault := Parse(in)
		if fault != nil {
			if erro, _ := Parse(fault.Erro(m)); erro.Type() != "" && erro.Validate() != nil {
				t.Fatal(erro.Validate())
			}
			return
		}
		if fault = m.ValidateFor(receiver); fault == nil {
			b := New(m.Type(), m.Version())
			m.CopyTo(b)
			again, fault := Parse(b.Bytes())
			if fault != nil {
				t.Fatal("passed on:", fault)
			}
			if fault = again.ValidateFor(receiver); fault != nil {
				t.Fatal("passed on:", fault)
			}
			return
		}
		if erro := fault.Erro(m); erro != nil {
			e, f := Parse(erro)
			if f == nil {
				f = e.Validate()
			}
			if f != nil {
				t.Fatalf("our own Erro: %v: %s", f, erro)
			}
		} else if m.Type() != Erro {
			t.Fatal("no Erro")
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add("eyJ9", []byte("{}"))
	f.Fuzz(func(t *testing.T, s string, b []byte) {
		if d, err := DecodeForm(s); err == nil && EncodeForm(d) != strings.TrimRight(s, "=") {
			t.Fatal("two texts for one value")
		}
		if len(b) < MaxForm/2 {
			if d, err := DecodeForm(EncodeForm(b)); err != nil || !bytes.Equal(d, b) {
				t.Fatal(err)
			}
		}
	})
}

// BenchmarkAReq is parse and check of a whole browser AReq.
func BenchmarkAReq(b *testing.B) {
	in := []byte(goodTable[AReq])
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		m, f := Parse(in)
		if f == nil {
			f = m.ValidateFor(ACS)
		}
		if f != nil {
			b.Fatal(f)
		}
	}
}
