package emv3ds

// The tables of 2.2.0. A row: name, inclusion (Required, Conditional, Optional), device channels, format,
// and for conditional fields the condition under which the field is required.
var v220Table = version{reserved: 203, messages: map[string][]field{
	AReq: areq220Table, ARes: ares220Table, CReq: creq220Table, CRes: cres220Table, RReq: rreq220Table,
	RRes: rres220Table, PReq: preq220Table, PRes: pres220Table, Erro: erro220Table,
}}

var areq220Table = []field{
	{"messageType", 'R', all, just(AReq), nil},
	{"messageVersion", 'R', all, just(Version220), nil},
	{"threeDSServerTransID", 'R', all, uuid(), nil},
	{"threeDSServerRefNumber", 'R', all, text(1, 32), nil},
	{"threeDSServerOperatorID", 'C', all, text(1, 32), nil},
	{"threeDSServerURL", 'R', all, webURL(2048), nil},
	{"threeDSRequestorID", 'R', all, text(1, 35), nil},
	{"threeDSRequestorName", 'R', all, text(1, 40), nil},
	{"threeDSRequestorURL", 'R', all, webURL(2048), nil},
	{"deviceChannel", 'R', all, oneOf("01-03,80-99"), nil},
	{"messageCategory", 'R', all, oneOf("01-02,80-99"), nil},
	{"threeDSRequestorAuthenticationInd", 'R', app | brw, oneOf("01-06,80-99"), nil},
	{"threeDSCompInd", 'R', brw, oneOf("Y,N,U"), nil},
	{"notificationURL", 'R', brw, webURL(256), nil},

	{"acctNumber", 'R', all, digits(13, 19), nil},
	{"cardExpiryDate", 'C', all, matching(4, 4, isYYMM), nil},
	{"acctType", 'C', all, oneOf("01-03,80-99"), nil},
	{"acctID", 'O', all, text(1, 64), nil},
	{"acquirerBIN", 'C', all, digits(1, 11), payment},
	{"acquirerMerchantID", 'C', all, text(1, 35), payment},
	{"mcc", 'C', all, digits(4, 4), payment},
	{"merchantName", 'C', all, text(1, 40), payment},
	{"merchantCountryCode", 'C', all, country(), payment},
	{"purchaseAmount", 'C', all, digits(1, 48), purchase},
	{"purchaseCurrency", 'C', all, currency(), purchase},
	{"purchaseExponent", 'C', all, digits(1, 1), purchase},
	{"purchaseDate", 'C', all, when("20060102150405"), purchase},
	{"purchaseInstalData", 'C', all, matching(1, 3, isInstalments), instalments},
	{"recurringExpiry", 'C', all, when("20060102"), recurring},
	{"recurringFrequency", 'C', all, digits(1, 4), recurring},
	{"transType", 'C', all, oneOf("01,03,10,11,28"), nil},

	{"browserAcceptHeader", 'R', brw, text(1, 2048), nil},
	{"browserUserAgent", 'R', brw, text(1, 2048), nil},
	{"browserLanguage", 'R', brw, text(1, 8), nil},
	{"browserJavascriptEnabled", 'R', brw, boolean(), nil},
	{"browserJavaEnabled", 'C', brw, boolean(), javaScript},
	{"browserColorDepth", 'C', brw, oneOf("1,4,8,15,16,24,32,48"), javaScript},
	{"browserScreenHeight", 'C', brw, digits(1, 6), javaScript},
	{"browserScreenWidth", 'C', brw, digits(1, 6), javaScript},
	{"browserTZ", 'C', brw, matching(1, 5, isMinutes), javaScript},
	{"browserIP", 'C', brw, matching(2, 45, isIP), nil},

	{"threeDSRequestorChallengeInd", 'O', app | brw, oneOf("01-09,80-99"), nil},
	{"threeDSReqAuthMethodInd", 'O', app | brw, oneOf("01-03,80-99"), nil},
	{"threeDSRequestorAuthenticationInfo", 'O', app | brw, object(authInfo220Table), nil},
	{"threeDSRequestorPriorAuthenticationInfo", 'O', all, object(priorInfo220Table), nil},
	{"threeDSRequestorDecReqInd", 'O', all, oneOf("Y,N"), nil},
	{"threeDSRequestorDecMaxTime", 'C', all, matching(5, 5, isDecoupledTime), decoupledAsked},
	{"threeRIInd", 'R', tri, oneOf("01-11,80-99"), nil},

	{"cardholderName", 'C', all, text(2, 45), nil},
	{"email", 'C', all, matching(3, 254, isEmail), nil},
	{"homePhone", 'C', all, object(phone220Table), nil},
	{"mobilePhone", 'C', all, object(phone220Table), nil},
	{"workPhone", 'C', all, object(phone220Table), nil},
	{"addrMatch", 'O', app | brw, oneOf("Y,N"), nil},
	{"billAddrCity", 'C', all, text(1, 50), nil},
	{"billAddrCountry", 'C', all, country(), stateGiven("billAddrState")},
	{"billAddrLine1", 'C', all, text(1, 50), nil},
	{"billAddrLine2", 'C', all, text(1, 50), nil},
	{"billAddrLine3", 'C', all, text(1, 50), nil},
	{"billAddrPostCode", 'C', all, text(1, 16), nil},
	{"billAddrState", 'C', all, text(1, 3), nil},
	{"shipAddrCity", 'C', all, text(1, 50), nil},
	{"shipAddrCountry", 'C', all, country(), stateGiven("shipAddrState")},
	{"shipAddrLine1", 'C', all, text(1, 50), nil},
	{"shipAddrLine2", 'C', all, text(1, 50), nil},
	{"shipAddrLine3", 'C', all, text(1, 50), nil},
	{"shipAddrPostCode", 'C', all, text(1, 16), nil},
	{"shipAddrState", 'C', all, text(1, 3), nil},
	{"acctInfo", 'O', all, object(acctInfo220Table), nil},
	{"merchantRiskIndicator", 'O', all, object(merchantRisk220Table), nil},
	{"payTokenInd", 'C', all, boolean(), nil},
	{"payTokenSource", 'C', all, oneOf("01-02,80-99"), tokenUsed},
	{"whiteListStatus", 'O', all, oneOf("Y,N,E,P,R,U"), nil},
	{"whiteListStatusSource", 'C', all, oneOf("01-03,80-99"), whiteListed},
	{"messageExtension", 'C', all, list(10, object(extension220Table)), nil},

	{"deviceRenderOptions", 'R', app, object(renderOptions220Table), nil},
	{"sdkAppID", 'R', app, uuid(), nil},
	{"sdkEncData", 'R', app, text(1, 64000), nil},
	{"sdkEphemPubKey", 'R', app, format{json: '{', max: 256}, nil},
	{"sdkMaxTimeout", 'R', app, digits(2, 2), nil},
	{"sdkReferenceNumber", 'R', app, text(1, 32), nil},
	{"sdkTransID", 'C', app, uuid(), always},

	{"dsReferenceNumber", 'C', all, text(1, 32), atACS},
	{"dsTransID", 'C', all, uuid(), atACS},
	{"dsURL", 'C', all, webURL(2048), atACS},
}

var authInfo220Table = []field{
	{"threeDSReqAuthMethod", 'O', all, oneOf("01-08,80-99"), nil},
	{"threeDSReqAuthTimestamp", 'O', all, when("200601021504"), nil},
	{"threeDSReqAuthData", 'O', all, text(1, 20000), nil},
}

var priorInfo220Table = []field{
	{"threeDSReqPriorRef", 'O', all, text(1, 36), nil},
	{"threeDSReqPriorAuthMethod", 'O', all, oneOf("01-04,80-99"), nil},
	{"threeDSReqPriorAuthTimestamp", 'O', all, when("200601021504"), nil},
	{"threeDSReqPriorAuthData", 'O', all, text(1, 2048), nil},
}

var phone220Table = []field{
	{"cc", 'R', all, digits(1, 3), nil},
	{"subscriber", 'R', all, digits(1, 15), nil},
}

var acctInfo220Table = []field{
	{"chAccAgeInd", 'O', all, oneOf("01-05"), nil},
	{"chAccDate", 'O', all, when("20060102"), nil},
	{"chAccChangeInd", 'O', all, oneOf("01-04"), nil},
	{"chAccChange", 'O', all, when("20060102"), nil},
	{"chAccPwChangeInd", 'O', all, oneOf("01-05"), nil},
	{"chAccPwChange", 'O', all, when("20060102"), nil},
	{"shipAddressUsageInd", 'O', all, oneOf("01-04"), nil},
	{"shipAddressUsage", 'O', all, when("20060102"), nil},
	{"txnActivityDay", 'O', all, digits(1, 3), nil},
	{"txnActivityYear", 'O', all, digits(1, 3), nil},
	{"provisionAttemptsDay", 'O', all, digits(1, 3), nil},
	{"nbPurchaseAccount", 'O', all, digits(1, 4), nil},
	{"suspiciousAccActivity", 'O', all, oneOf("01-02"), nil},
	{"shipNameIndicator", 'O', all, oneOf("01-02"), nil},
	{"paymentAccInd", 'O', all, oneOf("01-05"), nil},
	{"paymentAccAge", 'O', all, when("20060102"), nil},
}

var merchantRisk220Table = []field{
	{"shipIndicator", 'O', all, oneOf("01-07"), nil},
	{"deliveryTimeframe", 'O', all, oneOf("01-04"), nil},
	{"deliveryEmailAddress", 'O', all, matching(3, 254, isEmail), nil},
	{"reorderItemsInd", 'O', all, oneOf("01-02"), nil},
	{"preOrderPurchaseInd", 'O', all, oneOf("01-02"), nil},
	{"preOrderDate", 'O', all, when("20060102"), nil},
	{"giftCardAmount", 'O', all, digits(1, 15), nil},
	{"giftCardCurr", 'O', all, currency(), nil},
	{"giftCardCount", 'O', all, digits(2, 2), nil},
}

var renderOptions220Table = []field{
	{"sdkInterface", 'R', all, oneOf("01-03"), nil},
	{"sdkUiType", 'R', all, list(7, oneOf("01-05")), nil},
}

var extension220Table = []field{
	{"name", 'R', all, text(1, 64), nil},
	{"id", 'R', all, text(1, 64), nil},
	{"criticalityIndicator", 'R', all, boolean(), nil},
	{"data", 'R', all, format{json: '{', max: 8059}, nil},
}
