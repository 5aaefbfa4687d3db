package main

import (
	"countersign/cmd/countersign/settings"
	"countersign/pay/issuer"
	"countersign/pay/money"
)

// The demo's people and things.
const (
	demoHolder  = "hld_demo"
	demoAccount = "acct_demo"
	demoCard    = "card_demo"
	demoBank    = "Demo Bank"
	demoName    = "Robin Sample"
	demoPhone   = "+46700000042" // Swedish numbers 070-000 00 00 to 99 are kept for fiction
	demoFunds   = 50000          // cents
)

// demoShop is the shop as the gateway knows it.
func demoShop(name, site string, s shopSecrets) settings.Merchant {
	return settings.Merchant{
		ID: "mer_demo", Name: name, Acceptor: "COUNTERSIGNSHOP", Terminal: "WEB00001", MCC: "5942", Country: "752",
		SiteURL: site, WebhookURL: site + "/webhooks/countersign", APIKeyHash: s.keyHash(), WebhookSecret: s.webhook,
	}
}

// otherShop is a second shop, so that `demo --once` can try to read the first one's payments.
func otherShop(site string, s shopSecrets) settings.Merchant {
	return settings.Merchant{
		ID: "mer_other", Name: "Other Shop", Acceptor: "OTHERSHOP", Terminal: "WEB00002", MCC: "5942", Country: "752",
		SiteURL: site, APIKeyHash: s.keyHash(), WebhookSecret: s.webhook,
	}
}

// demoRange is the card range of the demo's bank: 9… is left to national assignment (ISO/IEC 7812-1), so
// these are numbers of no network.
func demoRange() settings.Range {
	return settings.Range{Start: "9999900000000000", End: "9999909999999999", Name: demoBank, ACS: "acs.3ds"}
}

// demoSeed is the bank's one customer.
func demoSeed() (*issuer.Seed, error) {
	eur, err := money.ByAlpha("EUR")
	if err != nil {
		return nil, err
	}
	funds, err := money.New(demoFunds, eur)
	if err != nil {
		return nil, err
	}
	return &issuer.Seed{
		Holders:  []issuer.SeedHolder{{ID: demoHolder, Name: demoName, Phone: demoPhone, Locale: "en"}},
		Accounts: []issuer.SeedAccount{{ID: demoAccount, Holder: demoHolder, Opening: funds}},
		Cards:    []issuer.SeedCard{{ID: demoCard, Holder: demoHolder, Account: demoAccount, Name: demoName}},
	}, nil
}
