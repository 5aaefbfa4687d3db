package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/e2e/browser"
)

// pictures writes docs/img when asked to, and nothing otherwise.
type pictures struct {
	t    *testing.T
	on   bool
	dir  string
	film *browser.Film
}

func newPictures(t *testing.T, on bool) *pictures {
	return &pictures{t: t, on: on, dir: filepath.Join("..", "docs", "img"), film: &browser.Film{}}
}

func (p *pictures) shot(tab *browser.Tab, name string) {
	if p.on {
		tab.Shot(filepath.Join(p.dir, name+".png"))
	}
}

func (p *pictures) roll(tab *browser.Tab, hundredths int) {
	if p.on {
		p.film.Shoot(tab, hundredths)
	}
}

func (p *pictures) done() {
	if p.on {
		if err := p.film.Write(filepath.Join(p.dir, "journey.gif")); err != nil {
			p.t.Error(err)
		}
	}
}

// look checks a page with axe in both themes, and that it fits.
func look(tab *browser.Tab, what string) {
	for _, dark := range []bool{true, false} {
		tab.Dark(dark)
		tab.Axe(what)
	}
	tab.Fits(what)
}

// The whole journey in a browser against the real program: paid, seen by the shop, refunded, seen by the bank.
func TestJourney(t *testing.T) {
	b := browser.Start(t)
	d := startDemo(t)
	for _, size := range []browser.Size{browser.Desktop(), browser.Phone()} {
		t.Run(size.Name, func(t *testing.T) {
			d.t = t
			journey(t, d, b, size)
		})
	}
}

func journey(t *testing.T, d *demo, b *browser.Browser, size browser.Size) {
	pic := newPictures(t, *updateDocs)
	film := newPictures(t, *updateDocs && size.Mobile)
	tab := b.Tab(t, size)
	tab.Goto(d.url("countersign") + "/")
	look(tab, "tour")
	pic.shot(tab, "tour-"+size.Name)
	film.roll(tab, 200)
	card := d.demoCard(tab)
	look(tab, "card face")
	if !size.Mobile {
		browser.Eval[any](tab, "", "scrollTo(0, 0)")
	}
	pic.shot(tab, "card-"+size.Name)
	film.roll(tab, 220)

	tab.Goto(d.url("shop") + "/")
	look(tab, "shop")
	pic.shot(tab, "shop-"+size.Name)
	film.roll(tab, 150)
	tab.Click("", "li.ware:first-child button")
	tab.Visible("", "#order")
	film.roll(tab, 120)
	tab.Click("", "#order")
	tab.Until("/frame/", "!document.querySelector('#fields').disabled")
	look(tab, "pay")
	typeCard(tab, "/frame/", card)
	film.roll(tab, 200)
	pic.shot(tab, "pay-"+size.Name)
	before := d.lastSMS()
	tab.Click("/frame/", "#pay", 2)

	tab.Visible("acs.bank", "#code")
	look(tab, "challenge")
	sms := d.sms(before)
	if !strings.Contains(sms.Text, "11.70") || !strings.Contains(sms.Text, card.number[15:]) {
		t.Errorf("the SMS names neither amount nor card: %q", strings.ReplaceAll(sms.Text, sms.Code, "······"))
	}
	phone := b.Tab(t, browser.Phone())
	phone.Goto(d.url("phone") + "/")
	phone.Until("", "document.body.innerText.includes('"+sms.Code+"')")
	look(phone, "phone")
	pic.shot(phone, "phone")
	film.roll(phone, 250)
	phone.Quiet()
	tab.Type("acs.bank", "#code", sms.Code)
	pic.shot(tab, "confirm-"+size.Name)
	film.roll(tab, 180)
	tab.Click("acs.bank", "form button.btn")

	tab.Until("", "document.querySelector('#state')?.dataset.state === 'captured'")
	look(tab, "order")
	pic.shot(tab, "order-"+size.Name)
	film.roll(tab, 220)
	if s := tab.Text("", "main"); !strings.Contains(s, "•••• "+card.number[15:]) || !strings.Contains(s, card.name) {
		t.Errorf("the shop does not see masked card and name: %s", s)
	}

	tab.Click("", "a[href^='/desk/']")
	tab.Type("", "#amount", "5.00")
	tab.Click("", "#refund-part", 2)
	tab.Until("", "document.querySelector('#refunded')?.innerText === '€5.00'")
	look(tab, "desk")
	pic.shot(tab, "desk-"+size.Name)
	film.roll(tab, 200)
	tab.Click("", "#refund-all")
	tab.Until("", "document.querySelector('#state')?.dataset.state === 'refunded'")
	tab.Quiet()
	bankShows(t, d, b, size, pic, film)
	film.done()
	if html := string(must(os.ReadFile(filepath.Join(d.dir, "shop", "orders.json")))); strings.Contains(html, strings.ReplaceAll(card.number, " ", "")) {
		t.Error("the shop has the card number")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// bankShows opens Mobile Bank and finds the payment there.
func bankShows(t *testing.T, d *demo, b *browser.Browser, size browser.Size, pic, film *pictures) {
	tab := b.Tab(t, size)
	signIn(d, tab)
	tab.Until("", "document.body.innerText.includes('Lantern Lane')")
	look(tab, "bank")
	pic.shot(tab, "bank-"+size.Name)
	film.roll(tab, 300)
	tab.Quiet()
}

// signIn opens Mobile Bank as the demo holder.
func signIn(d *demo, tab *browser.Tab) {
	tab.Goto(d.url("bank") + "/")
	tab.Visible("", "form[action='/sign-in'] button")
	look(tab, "sign in")
	tab.Click("", "form[action='/sign-in'] button")
	tab.Visible("", "#payments")
}
