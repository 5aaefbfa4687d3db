package emv3ds

var ares220Table = []field{
	{"messageType", 'R', all, just(ARes), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"acsTransID", 'R', all, uuid(), nil},
	{"dsTransID", 'R', all, uuid(), nil},
	{"acsReferenceNumber", 'R', all, text(1, 32), nil},
	{"dsReferenceNumber", 'R', all, text(1, 32), nil},
	{"acsOperatorID", 'C', all, text(1, 32), nil},
	{"transStatus", 'C', all, oneOf("Y,N,U,A,C,D,R,I"), always},
	{"transStatusReason", 'C', all, oneOf("01-26,80-99"), status("NUR")},
	{"authenticationValue", 'C', all, b64(28), status("YA")},
	{"eci", 'C', all, digits(2, 2), status("YA")},
	{"acsURL", 'C', brw, webURL(2048), status("C")},
	{"acsChallengeMandated", 'C', all, oneOf("Y,N"), status("CD")},
	{"authenticationType", 'C', all, oneOf("01-04,80-99"), status("CD")},
	{"acsDecConInd", 'C', all, oneOf("Y,N"), status("D")},
	{"cardholderInfo", 'C', all, text(1, 128), status("D")},
	{"whiteListStatus", 'O', all, oneOf("Y,N,E,P,R,U"), nil},
	{"whiteListStatusSource", 'C', all, oneOf("01-03,80-99"), whiteListed},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
	{"acsRenderingType", 'C', app, object(rendering220Table), status("CD")},
	{"acsSignedContent", 'C', app, text(1, 64000), status("C")},
	{"sdkTransID", 'C', app, uuid(), always},
}

var creq220Table = []field{
	{"messageType", 'R', all, just(CReq), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"acsTransID", 'R', all, uuid(), nil},
	{"challengeWindowSize", 'R', brw, oneOf("01-05"), nil},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
}

var cres220Table = []field{
	{"messageType", 'R', all, just(CRes), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"acsTransID", 'R', all, uuid(), nil},
	{"transStatus", 'C', all, oneOf("Y,N"), always},
	{"challengeCompletionInd", 'O', all, oneOf("Y,N"), nil},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
	{"acsCounterAtoS", 'R', app, digits(3, 3), nil},
	{"sdkTransID", 'C', app, uuid(), always},
}

var rreq220Table = []field{
	{"messageType", 'R', all, just(RReq), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"acsTransID", 'R', all, uuid(), nil},
	{"dsTransID", 'R', all, uuid(), nil},
	{"messageCategory", 'R', all, oneOf("01-02,80-99"), nil},
	{"transStatus", 'C', all, oneOf("Y,N,U,A,R"), always},
	{"transStatusReason", 'C', all, oneOf("01-26,80-99"), status("NUR")},
	{"authenticationType", 'C', all, oneOf("01-04,80-99"), challengeDone},
	{"authenticationMethod", 'O', all, oneOf("01-10,80-99"), nil},
	{"authenticationValue", 'C', all, b64(28), status("YA")},
	{"eci", 'C', all, digits(2, 2), status("YA")},
	{"interactionCounter", 'C', app | brw, digits(2, 2), notDecoupled},
	{"challengeCancel", 'C', all, oneOf("01,03-08,80-99"), nil},
	{"whiteListStatus", 'O', all, oneOf("Y,N,E,P,R,U"), nil},
	{"whiteListStatusSource", 'C', all, oneOf("01-03,80-99"), whiteListed},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
	{"acsRenderingType", 'C', app, object(rendering220Table), nil},
	{"sdkTransID", 'C', app, uuid(), always},
}

var rres220Table = []field{
	{"messageType", 'R', all, just(RRes), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"acsTransID", 'R', all, uuid(), nil},
	{"dsTransID", 'R', all, uuid(), nil},
	{"resultsStatus", 'R', all, oneOf("01-04,80-99"), nil},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
}

var preq220Table = []field{
	{"messageType", 'R', all, just(PReq), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"threeDSServerRefNumber", 'R', all, text(1, 32), nil},
	{"threeDSServerOperatorID", 'C', all, text(1, 32), nil},
	{"serialNum", 'O', all, text(1, 20), nil},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
}

// maxRanges bounds the card ranges of one PRes.
const maxRanges = 20000

var pres220Table = []field{
	{"messageType", 'R', all, just(PRes), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"dsTransID", 'R', all, uuid(), nil},
	{"serialNum", 'C', all, text(1, 20), nil},
	{"dsStartProtocolVersion", 'C', all, matching(5, 8, isVersion), nil},
	{"dsEndProtocolVersion", 'C', all, matching(5, 8, isVersion), nil},
	{"cardRangeData", 'O', all, list(maxRanges, object(cardRange220Table)), nil},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},
}

var cardRange220Table = []field{
	{"startRange", 'R', all, digits(13, 19), nil},
	{"endRange", 'R', all, digits(13, 19), nil},
	{"actionInd", 'O', all, oneOf("A,D,M"), nil},
	{"acsStartProtocolVersion", 'R', all, matching(5, 8, isVersion), nil},
	{"acsEndProtocolVersion", 'R', all, matching(5, 8, isVersion), nil},
	{"dsStartProtocolVersion", 'O', all, matching(5, 8, isVersion), nil},
	{"dsEndProtocolVersion", 'O', all, matching(5, 8, isVersion), nil},
	{"threeDSMethodURL", 'O', all, webURL(256), nil},
	{"acsInfoInd", 'O', all, list(99, oneOf("01-04,80-99")), nil},
}

var erro220Table = []field{
	{"messageType", 'R', all, just(Erro), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'C', all, uuid(), nil},
	{"acsTransID", 'C', all, uuid(), nil},
	{"dsTransID", 'C', all, uuid(), nil},
	{"errorCode", 'R', all, digits(3, 3), nil},
	{"errorComponent", 'R', all, oneOf("C,S,D,A"), nil},
	{"errorDescription", 'R', all, text(1, 2048), nil},
	{"errorDetail", 'R', all, text(1, 2048), nil},
	{"errorMessageType", 'C', all, text(4, 4), nil},
	{"sdkTransID", 'C', app, uuid(), nil},
}

var rendering220Table = []field{
	{"acsInterface", 'R', all, oneOf("01-02"), nil},
	{"acsUiTemplate", 'R', all, oneOf("01-05"), nil},
}
