package checkout

import (
	"strings"
	"testing"
)

// TestConfig: all mistakes are reported at once, and no secret is repeated.
func TestConfig(t *testing.T) {
	_, err := Config{Acquirer: "12x", Merchants: []Merchant{
		{ID: "Shop", MCC: "1", Country: "DE", SiteURL: "shop.example/path", APIKeyHash: "beef", WebhookURL: "http://x", WebhookSecret: "whsec_secret"},
		{ID: "a", Name: "A", Acceptor: "A", MCC: "5399", Country: "276", SiteURL: "https://a.example", APIKeyHash: strings.Repeat("00", 32)},
		{ID: "a", Name: "A", Acceptor: strings.Repeat("A", 16), MCC: "5399", Country: "276", SiteURL: "https://a.example", APIKeyHash: strings.Repeat("00", 32)},
	}}.check()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Acquirer", "[0].ID", "[0].Name", "[0]: Acceptor", "[0]: MCC", "[0].SiteURL", "[0].APIKeyHash", "[0].WebhookURL", "[0].WebhookSecret", "[2].ID", "[2]: Acceptor"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "[1]") || strings.Contains(err.Error(), "whsec_secret") || strings.Contains(err.Error(), "beef") {
		t.Error(err)
	}
}
