package shop

import (
	"embed"
	"html/template"
)

//go:embed goods/*.svg
var art embed.FS

// Currency is what everything here is sold in.
const Currency = "EUR"

// Item is one good on sale.
type Item struct {
	ID, Name, Maker, Text string
	Price                 int64 // cents
}

// Art is the drawing of the item.
func (i Item) Art() template.HTML {
	b, _ := art.ReadFile("goods/" + i.ID + ".svg") // our own file; empty when there is none
	return template.HTML(b)
}

// goodsTable is what the shop sells.
var goodsTable = []Item{
	{"candles", "Two beeswax candles", "Hollow Hive", "Poured on Tuesdays, smell of summer. Eight hours each.", 1170},
	{"mug", "Half-dipped mug", "Potters’ Yard", "Stoneware, holds a good third of a litre and a grudge against dishwashers.", 1850},
	{"notebook", "Field notebook “Fern”", "Paper & Thread", "96 dotted pages that lie flat, with a band that keeps them shut.", 940},
	{"socks", "Striped wool socks", "Ewe and I", "Knitted in one piece, mended for free as long as we both live.", 1400},
	{"moth", "Night moth pin", "Small Enamel", "Goes well with coats, lamps and being out late.", 600},
	{"seeds", "Bee meadow seeds", "Gardener Odile", "Four square metres of flowers that bees have voted for.", 450},
	{"bookmark", "Brass bookmark", "Hammer & Leaf", "Has never lost a page. Ribbon in red.", 820},
	{"honey", "Linden honey", "Hollow Hive", "From eleven trees behind the church. 250 grams.", 780},
}

// find is the item with the id.
func find(id string) (Item, bool) {
	for _, i := range goodsTable {
		if i.ID == id {
			return i, true
		}
	}
	return Item{}, false
}
