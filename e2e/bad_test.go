package e2e

import (
	"strings"
	"testing"

	"countersign/e2e/browser"
)

// toPay places an order and opens the card form.
func toPay(d *demo, tab *browser.Tab) {
	tab.Goto(d.url("shop") + "/")
	tab.Click("", "li.ware:nth-child(5) button")
	tab.Visible("", "#order")
	tab.Click("", "#order")
	tab.Until("/frame/", "!document.querySelector('#fields').disabled")
}

// confirm answers the bank's challenge with the code from the SMS.
func confirm(d *demo, tab *browser.Tab, before int64) {
	tab.Visible("acs.bank", "#code")
	tab.Type("acs.bank", "#code", d.sms(before).Code)
	tab.Click("acs.bank", "form button.btn")
}

func paid(tab *browser.Tab) {
	tab.Until("", "document.querySelector('#state')?.dataset.state === 'captured'")
}

// Whatever goes wrong, the shopper gets a plain answer and can try again; nothing is paid twice or by halves.
func TestWhatGoesWrong(t *testing.T) {
	b := browser.Start(t)
	d := startDemo(t)
	start := b.Tab(t, browser.Phone())
	start.Goto(d.url("countersign") + "/")
	good := d.demoCard(start)
	for _, c := range []struct {
		name string
		run  func(*testing.T, *demo, *browser.Tab, card)
	}{
		{"wrong security code", wrongCode}, {"wrong SMS code three times", wrongSMS}, {"cancelled at the bank", cancelled},
		{"another card during the confirmation", anotherCard}, {"reload and back", reloadAndBack}, {"closed tab", closedTab},
		{"two tabs", twoTabs}, {"hosted page", hostedPage}, {"frozen card", frozen},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.t = t
			tab := b.Tab(t, browser.Phone())
			c.run(t, d, tab, good)
			tab.Quiet("409 (Conflict)")
		})
	}
}

// declined waits for the card form with a reason and checks that the reason helps no thief.
func declined(t *testing.T, tab *browser.Tab) {
	t.Helper()
	tab.Visible("/frame/", "#summary")
	s := strings.ToLower(tab.Text("/frame/", "#summary"))
	for _, word := range []string{"code", "funds", "money left", "frozen", "expired", "limit", "stolen"} {
		if strings.Contains(s, word) {
			t.Errorf("the reason is told to whoever asks: %q", s)
		}
	}
	tab.Axe("declined")
}

func wrongCode(t *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	wrong := c
	wrong.code = string([]byte{'0' + (c.code[0]-'0'+1)%10}) + c.code[1:]
	typeCard(tab, "/frame/", wrong)
	before := d.lastSMS()
	tab.Keys("\r")
	confirm(d, tab, before)
	declined(t, tab)
	typeCard(tab, "/frame/", c)
	before = d.lastSMS()
	tab.Keys("\r")
	confirm(d, tab, before)
	paid(tab)
}

func wrongSMS(t *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	typeCard(tab, "/frame/", c)
	before := d.lastSMS()
	tab.Keys("\r")
	tab.Visible("acs.bank", "#code")
	right := d.sms(before).Code
	wrong := "000000"
	if right == wrong {
		wrong = "111111"
	}
	for i := range 3 {
		tab.Visible("acs.bank", "#code")
		tab.Type("acs.bank", "#code", wrong)
		tab.Click("acs.bank", "form button.btn")
		if i < 2 {
			tab.Visible("acs.bank", "#error")
			tab.Axe("wrong SMS code")
		}
	}
	declined2(t, tab)
}

// declined2 is declined for what happened at the bank's page, where the word "code" is no secret.
func declined2(t *testing.T, tab *browser.Tab) {
	t.Helper()
	tab.Visible("/frame/", "#summary")
	if v := browser.Eval[string](tab, "/frame/", "document.querySelector('#number').value"); v != "" {
		t.Error("the card is still in the form")
	}
	tab.Goto(browser.Eval[string](tab, "", "location.href.replace(/\\/pay$/, '')"))
	if s := tab.Text("", "#state"); !strings.Contains(s, "Not paid") {
		t.Errorf("the shop says %q", s)
	}
}

func cancelled(t *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	typeCard(tab, "/frame/", c)
	tab.Keys("\r")
	tab.Click("acs.bank", "button[value=cancel]")
	declined2(t, tab)
}

func anotherCard(_ *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	typeCard(tab, "/frame/", c)
	tab.Keys("\r")
	tab.Visible("acs.bank", "#code")
	tab.Click("/challenge?key", "#restart")
	typeCard(tab, "/frame/", c)
	before := d.lastSMS()
	tab.Keys("\r")
	confirm(d, tab, before)
	paid(tab)
}

func reloadAndBack(t *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	typeCard(tab, "/frame/", c)
	before := d.lastSMS()
	tab.Keys("\r")
	tab.Visible("acs.bank", "#code")
	code := d.sms(before).Code
	tab.Goto(browser.Eval[string](tab, "", "location.href")) // a reload in the middle
	tab.Visible("acs.bank", "#code")
	tab.Type("acs.bank", "#code", code)
	tab.Click("acs.bank", "form button.btn")
	paid(tab)
	order := browser.Eval[string](tab, "", "location.href")
	tab.Back()
	tab.Goto(order + "/pay") // paying a paid order again is not possible
	paid(tab)
	if n := browser.Eval[int](tab, "", "document.querySelectorAll('iframe').length"); n != 0 {
		t.Error("a paid order shows a card form")
	}
}

func closedTab(_ *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	order := browser.Eval[string](tab, "", "location.href.replace(/\\/pay$/, '')")
	typeCard(tab, "/frame/", c)
	before := d.lastSMS()
	tab.Keys("\r")
	tab.Visible("acs.bank", "#code")
	tab.Type("acs.bank", "#code", d.sms(before).Code)
	tab.Click("acs.bank", "form button.btn")
	for tab.Shows("acs.bank", "#code") { // the bank has the answer; its page is on the way back
	}
	tab.Goto("about:blank") // the shopper leaves at once; the bank's word alone decides
	tab.Goto(order)
	for range 100 {
		if browser.Eval[string](tab, "", "document.querySelector('#state').dataset.state") == "captured" {
			return
		}
		tab.Goto(order)
	}
	paid(tab)
}

func twoTabs(t *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	page := browser.Eval[string](tab, "", "document.querySelector('.alone a').href")
	typeCard(tab, "/frame/", c)
	before := d.lastSMS()
	tab.Keys("\r")
	tab.Visible("acs.bank", "#code")
	other := tab.Again()
	other.Goto(page) // the same payment on the hosted page, in another tab: it joins in
	other.Visible("acs.bank", "#code")
	confirm(d, other, before)
	other.Until("", "location.hostname.startsWith('shop.')")
	paid(tab)
	if s := d.refundable(t, tab); s != "€6.00" {
		t.Errorf("paid %s", s)
	}
}

// refundable is what the shop's desk says was paid.
func (d *demo) refundable(t *testing.T, tab *browser.Tab) string {
	t.Helper()
	tab.Click("", "a[href^='/desk/']")
	return tab.Text("", "#captured")
}

func hostedPage(_ *testing.T, d *demo, tab *browser.Tab, c card) {
	toPay(d, tab)
	tab.Goto(browser.Eval[string](tab, "", "document.querySelector('.alone a').href"))
	tab.Until("", "!document.querySelector('#fields').disabled")
	look(tab, "hosted page")
	typeCard(tab, "", c)
	before := d.lastSMS()
	tab.Keys("\r")
	tab.Visible("acs.bank", "#code")
	look(tab, "hosted challenge")
	confirm(d, tab, before)
	tab.Until("", "location.hostname.startsWith('shop.')")
	paid(tab)
}

func frozen(t *testing.T, d *demo, tab *browser.Tab, c card) {
	signIn(d, tab)
	tab.Click("", "form[action*='/freeze'] button")
	tab.Visible("", "form[action*='/unfreeze'] button")
	look(tab, "frozen card")
	toPay(d, tab)
	typeCard(tab, "/frame/", c)
	tab.Keys("\r")
	declined(t, tab)
	tab.Goto(d.url("bank") + "/")
	tab.Click("", "form[action*='/unfreeze'] button")
	tab.Visible("", "form[action*='/freeze'] button")
	toPay(d, tab)
	typeCard(tab, "/frame/", c)
	before := d.lastSMS()
	tab.Keys("\r")
	confirm(d, tab, before)
	paid(tab)
}
