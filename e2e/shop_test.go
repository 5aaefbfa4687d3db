package e2e

import (
	"strings"
	"testing"

	"countersign/e2e/browser"
)

// Every page of the shop, in both themes and sizes, is clean, fits and can be used.
func TestShopPages(t *testing.T) {
	b := browser.Start(t)
	for _, size := range []browser.Size{browser.Phone(), browser.Desktop()} {
		t.Run(size.Name, func(t *testing.T) {
			f := newFake(t)
			f.next = "paid"
			tab := b.Tab(t, size)
			look := func(name string) {
				for _, dark := range []bool{false, true} {
					tab.Dark(dark)
					tab.Axe(name)
				}
				tab.Dark(false)
				tab.Fits(name)
			}
			shop := f.url("shop")
			tab.Goto(shop + "/")
			look("front")
			tab.Goto(shop + "/basket")
			look("empty")
			tab.Goto(shop + "/desk")
			look("desk-empty")
			tab.Goto(shop + "/nothing")
			look("nothing")
			tab.Goto(shop + "/")
			tab.Click("", "li.ware:nth-child(2) button")
			tab.Visible("", "#order")
			look("basket")
			tab.Click("", "#order")
			tab.Visible("/frame/", "#number")
			fill(tab, "/frame/", testNumber("9123", 16), nextYear(), "042", "Ada Example")
			tab.Keys("\r")
			tab.Until("", "document.querySelector('#state')?.dataset.state === 'captured'")
			look("paid")
			tab.Click("", "a[href^='/desk/']")
			tab.Type("", "#amount", "5,00")
			tab.Click("", "#refund-part", 2)
			tab.Until("", "document.querySelector('#refunded')?.innerText === '€5.00'")
			look("desk-order")
			tab.Type("", "#amount", "999")
			tab.Click("", "#refund-part")
			if s := tab.Text("", ".note.bad"); !strings.Contains(s, "At most") {
				t.Errorf("says %q", s)
			}
			look("refund-refused")
			tab.Click("", "#refund-all")
			tab.Until("", "document.querySelector('#state')?.dataset.state === 'refunded'")
			tab.Goto(shop + "/desk")
			look("desk")
			tab.Quiet("404 (Not Found)")
		})
	}
}

// The back button after paying leads to no second payment.
func TestBackAfterPaying(t *testing.T) {
	f := newFake(t)
	f.next = "paid"
	tab := browser.Start(t).Tab(t, browser.Phone())
	order(tab, f.url("shop"))
	fill(tab, "/frame/", testNumber("9123", 16), nextYear(), "042", "Ada Example")
	tab.Keys("\r")
	tab.Until("", "document.querySelector('#state')?.dataset.state === 'captured'")
	tab.Back()
	tab.Until("", "document.querySelector('#state')?.dataset.state === 'captured' || document.body.innerText.includes('basket')")
	if len(f.posts) != 1 {
		t.Errorf("%d cards were sent", len(f.posts))
	}
	tab.Quiet()
}
