package e2e

import (
	"strings"
	"testing"
	"time"

	"countersign/e2e/browser"
)

func nextYear() string { return time.Now().AddDate(2, 0, 0).Format("0106") }

func fill(tab *browser.Tab, part, number, expiry, code, name string) {
	tab.Until(part, "!document.querySelector('#fields')?.disabled")
	tab.Type(part, "#number", number)
	tab.Keys("\t" + expiry + "\t" + code + "\t" + name)
}

// The frame in the shop's page: typed, sealed in the page, opened here by the keys of vault and bank, confirmed, paid.
func TestFrameSealsWhatTheBankOpens(t *testing.T) {
	b := browser.Start(t)
	for _, size := range []browser.Size{browser.Phone(), browser.Desktop()} {
		t.Run(size.Name, func(t *testing.T) {
			f := newFake(t)
			tab := b.Tab(t, size)
			order(tab, f.url("shop"))
			number := testNumber("9123", 16)
			fill(tab, "/frame/", number, nextYear(), "042", "Ada Example")
			tab.Axe("card frame")
			tab.Fits("pay page")
			tab.Dark(true)
			tab.Axe("card frame, dark")
			tab.Dark(false)
			tab.Click("/frame/", "#pay", 2)
			tab.Visible("acs.bank", "#ok")
			tab.Axe("challenge")
			if len(f.posts) != 1 || len(f.posts[0]) < 16 {
				t.Errorf("double click sent %d cards", len(f.posts))
			}
			want := number + "D" + nextYear()[2:] + nextYear()[:2]
			if f.number != want || f.code != "042" || f.name != "Ada Example" {
				t.Errorf("opened %q %q %q", f.number, f.code, f.name)
			}
			if strings.Contains(f.raw[0], number) || strings.Contains(f.raw[0], `"042"`) {
				t.Error("the card travelled in clear")
			}
			tab.Click("acs.bank", "#ok")
			tab.Click("acs.bank", "#on")
			tab.Until("", "location.pathname.startsWith('/orders/') && document.querySelector('#state')?.dataset.state === 'captured'")
			tab.Axe("order")
			tab.Quiet()
		})
	}
}

func order(tab *browser.Tab, shop string) {
	tab.Goto(shop + "/")
	tab.Click("", "li.ware:first-child button")
	tab.Visible("", "#order")
	tab.Click("", "#order")
	tab.Visible("/frame/", "#number")
}

// What is wrong is said next to the field, when it makes sense and not before; and nothing is sent.
func TestFrameChecksWhileTyping(t *testing.T) {
	f := newFake(t)
	tab := browser.Start(t).Tab(t, browser.Phone())
	tab.Goto(f.url("pay") + "/p/pay_1?key=k")
	tab.Until("", "!document.querySelector('#fields').disabled")
	says := func(field string) string {
		return browser.Eval[string](tab, "", "document.querySelector('#"+field+"-error').textContent")
	}
	tab.Type("", "#number", "9123")
	if s := says("number"); s != "" {
		t.Errorf("complains while typing: %s", s)
	}
	tab.Keys("\t")
	if s := says("number"); !strings.Contains(s, "not complete") {
		t.Errorf("short number: %q", s)
	}
	for _, c := range []struct{ field, typed, want string }{
		{"number", "5555555555554445", "mistake"}, // complete: complains at once
		{"number", "4111 1111 1111 1111", ""},
		{"expiry", "1399", "such as"},
		{"expiry", "0121", "expired"},
		{"expiry", "1/2031", ""},
		{"code", "12a", "digits only"},
		{"name", "4111 1111 1111", "looks like a number"},
	} {
		browser.Eval[any](tab, "", "document.querySelector('#"+c.field+"').value = ''")
		tab.Type("", "#"+c.field, c.typed)
		if s := says(c.field); c.want == "" && s != "" || !strings.Contains(s, c.want) {
			t.Errorf("%s %q: says %q, want %q", c.field, c.typed, s, c.want)
		}
		if strings.Contains(says(c.field), c.typed) {
			t.Errorf("%s: echoes what was typed", c.field)
		}
	}
	tab.Click("", "#pay")
	if s := tab.Text("", "#summary"); !strings.Contains(s, "2 things") && !strings.Contains(s, "3 things") {
		t.Errorf("summary: %q", s)
	}
	tab.Until("", "document.activeElement.getAttribute('aria-invalid') === 'true'")
	tab.Axe("card form with mistakes")
	tab.Dark(true)
	tab.Axe("card form with mistakes, dark")
	if len(f.posts) > 0 {
		t.Error("a card with mistakes was sent")
	}
	tab.Quiet()
}

// Brand, picture and length of the code follow the number; pasted spaces and dashes do no harm.
func TestFrameKnowsTheBrand(t *testing.T) {
	f := newFake(t)
	tab := browser.Start(t).Tab(t, browser.Desktop())
	tab.Goto(f.url("pay") + "/p/pay_1?key=k")
	tab.Until("", "!document.querySelector('#fields').disabled")
	for _, c := range []struct{ pasted, brand, where, shown string }{
		{"3700 000000 00002", "American Express", "front", "3700 000000 00002"},
		{"9123-0000-0000-0003", "Demo Bank", "back", "9123 0000 0000 0003"},
		{"4111111111111111", "Visa", "back", "4111 1111 1111 1111"},
		{"6011000000000004", "Discover", "back", "6011 0000 0000 0004"},
		{"2720990000000007", "Mastercard", "back", "2720 9900 0000 0007"},
		{"9792000000000001", "Troy", "back", "9792 0000 0000 0001"},
	} {
		browser.Eval[any](tab, "", "document.querySelector('#number').value = ''")
		tab.Paste("", "#number", c.pasted)
		tab.Until("", "document.querySelector('#brand').textContent === '"+c.brand+"'")
		if s := tab.Text("", "#code-where"); !strings.Contains(s, c.where) {
			t.Errorf("%s: %s", c.brand, s)
		}
		tab.Visible("", "svg."+c.where)
		if s := browser.Eval[string](tab, "", "document.querySelector('#number').value"); s != c.shown {
			t.Errorf("%s: shown as %q", c.brand, s)
		}
	}
	tab.Quiet()
}

// A form filled by script or browser (no typing) is left as it is and works, by keyboard alone.
func TestFrameAutofillAndKeyboard(t *testing.T) {
	f := newFake(t)
	f.next = "paid"
	tab := browser.Start(t).Tab(t, browser.Phone())
	tab.Goto(f.url("pay") + "/p/pay_1?key=k")
	tab.Until("", "!document.querySelector('#fields').disabled")
	browser.Eval[any](tab, "", `for (const [id, v] of [["number","`+testNumber("9555", 16)+`"],["expiry","`+time.Now().AddDate(1, 0, 0).Format("2006-01")+`"],["code","123"],["name","Grace Example"]]) {
		const e = document.getElementById(id); e.value = v; e.dispatchEvent(new Event("input", {bubbles: true})); e.dispatchEvent(new Event("change", {bubbles: true})); }`)
	if s := browser.Eval[string](tab, "", "document.querySelector('#number').value"); s != testNumber("9555", 16) {
		t.Errorf("reformatted to %q", s)
	}
	for _, want := range []string{"cc-number", "cc-exp", "cc-csc", "cc-name"} {
		if browser.Eval[int](tab, "", `document.querySelectorAll('form input[autocomplete="`+want+`"]').length`) != 1 {
			t.Errorf("no field for %s", want)
		}
	}
	browser.Eval[any](tab, "", "document.querySelector('#name').focus()")
	tab.Keys("\r")
	tab.Visible("", "#paid")
	if f.name != "Grace Example" || f.code != "123" {
		t.Errorf("opened %q %q", f.name, f.code)
	}
	tab.Axe("paid")
	tab.Quiet()
}

// A decline brings the shopper back to an empty form with the reason, announced; another try goes through.
func TestFrameAfterADecline(t *testing.T) {
	f := newFake(t)
	f.next, f.failures = "card", 2 // and the connection breaks twice: the same attempt is sent again
	tab := browser.Start(t).Tab(t, browser.Phone())
	tab.Goto(f.url("pay") + "/p/pay_1?key=k")
	fill(tab, "", testNumber("9001", 16), nextYear(), "999", "Ada Example")
	tab.Keys("\r")
	tab.Visible("", "#summary")
	if s := tab.Text("", "#summary"); !strings.Contains(s, "declined") {
		t.Errorf("summary: %q", s)
	}
	for _, id := range []string{"number", "expiry", "code"} {
		if v := browser.Eval[string](tab, "", "document.getElementById('"+id+"').value"); v != "" {
			t.Errorf("%s was not wiped", id)
		}
	}
	if len(f.posts) != 3 || f.posts[0] != f.posts[2] || f.raw[0] != f.raw[2] {
		t.Errorf("attempts: %v", f.posts)
	}
	tab.Axe("declined")
	f.mu.Lock()
	f.next, f.posts = "processing", nil
	f.mu.Unlock()
	fill(tab, "", testNumber("9001", 16), nextYear(), "111", "")
	tab.Keys("\r")
	tab.Visible("", "#wait")
	f.mu.Lock()
	f.state = "paid"
	f.mu.Unlock()
	tab.Visible("", "#paid")
	tab.Until("", "location.pathname === '/desk'")
	tab.Quiet("ERR_EMPTY_RESPONSE", "ERR_CONNECTION")
}

// A browser without X25519 gets a sentence and no field to type into.
func TestFrameWithoutX25519(t *testing.T) {
	f := newFake(t)
	tab := browser.Start(t).Tab(t, browser.Phone())
	tab.Before(`crypto.subtle.generateKey = () => Promise.reject(new DOMException("no", "NotSupportedError"))`)
	tab.Goto(f.url("pay") + "/p/pay_1?key=k")
	if s := tab.Text("", "#summary"); !strings.Contains(s, "cannot encrypt") {
		t.Errorf("says %q", s)
	}
	if !browser.Eval[bool](tab, "", "document.querySelector('#fields').disabled") {
		t.Error("the form can be typed into")
	}
}

// The notice of the bank's page is lost, and the shopper gets on all the same; a wrong page gets no message.
func TestChallengeWithoutTheNotice(t *testing.T) {
	f := newFake(t)
	tab := browser.Start(t).Tab(t, browser.Phone())
	tab.Goto(f.url("pay") + "/p/pay_1?key=k")
	fill(tab, "", testNumber("9001", 16), nextYear(), "111", "Ada Example")
	tab.Keys("\r")
	tab.Visible("acs.bank", "#ok")
	if s := browser.Eval[[]string](tab, "", "[...document.querySelectorAll('iframe')].flatMap(f => [f.sandbox.value, f.allow])"); s[0] != "allow-forms allow-scripts allow-same-origin allow-pointer-lock" || s[1] != "payment *; publickey-credentials-get *" {
		t.Errorf("frame of the bank: %q", s)
	}
	tab.Visible("", "#left")
	tab.Axe("hosted challenge")
	tab.Click("", "#restart")
	tab.Visible("", "#number")
	fill(tab, "", testNumber("9001", 16), nextYear(), "111", "Ada Example")
	tab.Keys("\r")
	tab.Visible("acs.bank", "#ok")
	f.mu.Lock()
	f.state = "paid" // RReq came, CRes never does
	f.mu.Unlock()
	tab.Visible("", "#paid")
	tab.Quiet()
}

// The remaining states, in the frame and on a page of their own.
func TestFrameStates(t *testing.T) {
	f := newFake(t)
	b := browser.Start(t)
	for _, size := range []browser.Size{browser.Phone(), browser.Desktop()} {
		tab := b.Tab(t, size)
		for _, state := range []string{"closed", "processing", "challenge", "card"} {
			f.mu.Lock()
			f.state = state
			f.mu.Unlock()
			tab.Goto(f.url("pay") + "/p/pay_1?key=k")
			switch state {
			case "challenge": // the page goes on by itself
				tab.Visible("acs.bank", "#ok")
			case "card":
				tab.Until("", "!document.querySelector('#fields').disabled")
				tab.Click("", "summary")
			default:
				tab.Visible("", ".moment")
			}
			for _, dark := range []bool{false, true} {
				tab.Dark(dark)
				tab.Axe(state)
			}
			tab.Dark(false)
			tab.Fits(state)
		}
		tab.Quiet()
	}
}

// The loader believes only its own frame: a message from anybody else changes nothing.
func TestLoaderIgnoresStrangers(t *testing.T) {
	f := newFake(t)
	tab := browser.Start(t).Tab(t, browser.Phone())
	order(tab, f.url("shop"))
	tab.Until("/frame/", "!document.querySelector('#fields').disabled")
	tab.Until("", "document.querySelector('iframe').style.height !== '34rem'")
	height := browser.Eval[string](tab, "", "document.querySelector('iframe').style.height")
	browser.Eval[any](tab, "", `for (const m of [{source: "countersign", type: "state", state: "paid", return_url: "https://evil.example/"}, {source: "countersign", type: "resize", height: 3}]) window.postMessage(m, "*")`)
	browser.Eval[any](tab, "", "new Promise(r => setTimeout(r, 1600))")
	if s := browser.Eval[string](tab, "", "location.pathname"); !strings.HasSuffix(s, "/pay") {
		t.Errorf("went to %s", s)
	}
	if s := browser.Eval[string](tab, "", "document.querySelector('iframe').style.height"); s != height {
		t.Errorf("height went from %s to %s", height, s)
	}
	if s := browser.Eval[string](tab, "", "document.querySelector('iframe').title"); s == "" || strings.Contains(strings.ToLower(s), "iframe") {
		t.Errorf("title of the frame: %q", s)
	}
	tab.Quiet()
}
