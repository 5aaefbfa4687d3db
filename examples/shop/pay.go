package shop

import (
	"net/http"
	"strconv"
	"strings"

	"countersign/ui"
)

// placeOrder turns the basket into an order. The form carries the order's id, so pressing twice is one order.
func (s *Shop) placeOrder(w http.ResponseWriter, r *http.Request) {
	lines, id := basketOf(r), r.PostFormValue("order")
	if old, ok := s.orders.get(id); ok {
		http.Redirect(w, r, "/orders/"+old.ID, http.StatusSeeOther)
		return
	}
	if len(lines) == 0 || !strings.HasPrefix(id, "ord_") || len(id) != 30 {
		http.Redirect(w, r, "/basket", http.StatusSeeOther)
		return
	}
	order, err := s.orders.add(Order{ID: id, Lines: lines, Total: total(lines), Created: s.Now().UTC()})
	if err != nil {
		s.fail(w, err)
		return
	}
	keepBasket(w, nil)
	http.Redirect(w, r, "/orders/"+order.ID+"/pay", http.StatusSeeOther)
}

// payOrder shows the gateway's card frame for an order that is not paid yet.
func (s *Shop) payOrder(w http.ResponseWriter, r *http.Request) {
	order, ok := s.orders.get(r.PathValue("id"))
	if !ok {
		s.noOrder(w)
		return
	}
	order, err := s.paymentFor(r, order)
	if err != nil {
		s.render(w, http.StatusBadGateway, "order.html", page{Title: "Your order", Order: &order, Problem: "Paying is not possible at the moment: " + err.Error() + " Your order is kept; please try again."})
		return
	}
	if !order.Open() {
		http.Redirect(w, r, "/orders/"+order.ID, http.StatusSeeOther)
		return
	}
	s.render(w, http.StatusOK, "pay.html", page{Title: "Pay", Basket: count(basketOf(r)), Order: &order, Loader: s.API.Base + "/v1/countersign.js"})
}

// paymentFor makes the order's payment, or reads how it stands.
func (s *Shop) paymentFor(r *http.Request, order Order) (Order, error) {
	if order.Payment != nil {
		return s.look(r, order)
	}
	p, err := s.API.Create(r.Context(), order, s.Site+"/orders/"+order.ID)
	if err != nil {
		return order, err
	}
	return s.orders.tell(order.ID, p)
}

// look asks the gateway how the order's payment stands and keeps the answer.
func (s *Shop) look(r *http.Request, order Order) (Order, error) {
	if order.Payment == nil {
		return order, nil
	}
	p, err := s.API.Get(r.Context(), order.Payment.ID)
	if err != nil {
		return order, err
	}
	if p.FrameURL == "" { // told once, when the payment was made
		p.FrameURL, p.PayURL = order.Payment.FrameURL, order.Payment.PayURL
	}
	return s.orders.tell(order.ID, p)
}

// showOrder is where the shopper comes back to. What it shows comes from the gateway, not from the address.
func (s *Shop) showOrder(w http.ResponseWriter, r *http.Request) {
	s.orderPage(w, r, "order.html", "Your order", "")
}

func (s *Shop) orderPage(w http.ResponseWriter, r *http.Request, name, title, problem string) {
	order, ok := s.orders.get(r.PathValue("id"))
	if !ok {
		s.noOrder(w)
		return
	}
	order, err := s.look(r, order)
	if err != nil && problem == "" {
		problem = "The payment service does not answer at the moment. This is the last that it told us."
	}
	s.render(w, http.StatusOK, name, page{Title: title, Basket: count(basketOf(r)), Order: &order, Problem: problem, Nonce: s.newID("ref"),
		Wait: problem == "" && (order.Pending() > 0 || order.State() == "processing")})
}

func (s *Shop) cancelOrder(w http.ResponseWriter, r *http.Request) {
	order, ok := s.orders.get(r.PathValue("id"))
	if !ok {
		s.noOrder(w)
		return
	}
	if order.Payment == nil {
		s.orderPage(w, r, "order.html", "Your order", "")
		return
	}
	p, err := s.API.Cancel(r.Context(), order.Payment.ID)
	if err == nil {
		p.FrameURL, p.PayURL = order.Payment.FrameURL, order.Payment.PayURL
		_, err = s.orders.tell(order.ID, p)
	}
	if err != nil {
		s.orderPage(w, r, "order.html", "Your order", "The order could not be cancelled: "+err.Error())
		return
	}
	http.Redirect(w, r, "/orders/"+order.ID, http.StatusSeeOther)
}

// desk is the shop's own view of all orders. The demo has no sign-in for it.
func (s *Shop) desk(w http.ResponseWriter, _ *http.Request) {
	s.render(w, http.StatusOK, "desk.html", page{Title: "Orders", Desk: true, Orders: s.orders.all()})
}

func (s *Shop) deskOrder(w http.ResponseWriter, r *http.Request) {
	s.orderPage(w, r, "desk-order.html", "Order", "")
}

// refundOrder gives money back: all that is left, or the amount typed. No card and no code are needed.
func (s *Shop) refundOrder(w http.ResponseWriter, r *http.Request) {
	order, ok := s.orders.get(r.PathValue("id"))
	if !ok || order.Payment == nil {
		s.noOrder(w)
		return
	}
	order, err := s.look(r, order)
	if err != nil {
		s.orderPage(w, r, "desk-order.html", "Order", "The refund was not made: "+err.Error())
		return
	}
	amount, problem := order.Left(), ""
	if r.PostFormValue("all") == "" {
		amount, problem = typedAmount(r.PostFormValue("amount"), order.Left())
	}
	if problem == "" {
		if err := s.API.Refund(r.Context(), order.Payment.ID, r.PostFormValue("nonce"), amount); err != nil {
			problem = "The refund was not made: " + err.Error()
		}
	}
	if problem != "" {
		s.orderPage(w, r, "desk-order.html", "Order", problem)
		return
	}
	http.Redirect(w, r, "/desk/"+order.ID, http.StatusSeeOther)
}

// typedAmount reads an amount as people type it ("5", "5.5", "5,50", "€ 5.00") as cents, and says what is wrong with it.
func typedAmount(text string, left int64) (int64, string) {
	text = strings.NewReplacer("€", "", " ", "", ",", ".").Replace(text)
	whole, frac, _ := strings.Cut(text, ".")
	cents, err := strconv.ParseUint(whole+(frac + "00")[:2], 10, 40)
	if err != nil || len(frac) > 2 || whole == "" || cents == 0 {
		return 0, "Enter an amount in euros, such as 5.00."
	}
	if int64(cents) > left {
		return 0, "At most " + ui.Display(left, Currency) + " can be refunded."
	}
	return int64(cents), ""
}
