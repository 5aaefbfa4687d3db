package shop

import (
	"net/http"
	"strconv"
	"strings"
)

const (
	basketCookie = "basket"
	maxOfOne     = 9
)

// Line is some of one item.
type Line struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
	Price int64  `json:"price"` // cents a piece, as agreed when ordered
}

// Good is the item of the line.
func (l Line) Good() Item { i, _ := find(l.Item); return i }

// Sum is the price of the line in cents.
func (l Line) Sum() int64 { return int64(l.Count) * l.Price }

func total(lines []Line) (sum int64) {
	for _, l := range lines {
		sum += l.Sum()
	}
	return sum
}

func count(lines []Line) (n int) {
	for _, l := range lines {
		n += l.Count
	}
	return n
}

// basketOf reads the basket from its cookie: "candles:2.mug:1". What is not a good is dropped.
func basketOf(r *http.Request) (lines []Line) {
	c, err := r.Cookie(basketCookie)
	if err != nil {
		return nil
	}
	for part := range strings.SplitSeq(c.Value, ".") {
		id, n, _ := strings.Cut(part, ":")
		count, err := strconv.Atoi(n)
		if item, ok := find(id); ok && err == nil && count > 0 {
			lines = set(lines, item, count)
		}
	}
	return lines
}

// set puts count of the item into the lines; 0 takes it out.
func set(lines []Line, item Item, count int) (out []Line) {
	done := false
	count = min(count, maxOfOne)
	for _, l := range lines {
		if l.Item == item.ID {
			l.Count, done = count, true
		}
		if l.Count > 0 {
			out = append(out, l)
		}
	}
	if !done && count > 0 {
		out = append(out, Line{item.ID, count, item.Price})
	}
	return out
}

func keepBasket(w http.ResponseWriter, lines []Line) {
	var parts []string
	for _, l := range lines {
		parts = append(parts, l.Item+":"+strconv.Itoa(l.Count))
	}
	age := 0
	if len(parts) == 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: basketCookie, Value: strings.Join(parts, "."), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: age})
}

func (s *Shop) changeBasket(w http.ResponseWriter, r *http.Request) {
	item, ok := find(r.PostFormValue("item"))
	if !ok {
		s.say(w, http.StatusNotFound, "No such thing", "We do not sell this any more.")
		return
	}
	lines := basketOf(r)
	have := 0
	for _, l := range lines {
		if l.Item == item.ID {
			have = l.Count
		}
	}
	n, err := strconv.Atoi(r.PostFormValue("count"))
	switch {
	case r.PostFormValue("add") != "":
		n = have + 1
	case err != nil || n < 0:
		n = have
	}
	keepBasket(w, set(lines, item, n))
	http.Redirect(w, r, "/basket", http.StatusSeeOther)
}

func (s *Shop) showBasket(w http.ResponseWriter, r *http.Request) {
	lines := basketOf(r)
	s.render(w, http.StatusOK, "basket.html", page{Title: "Your basket", Basket: count(lines), Lines: lines, Total: total(lines), Nonce: s.newID("ord")})
}
