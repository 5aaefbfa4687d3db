package shop

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

// Order is what the shop keeps of an order. There is no card in it, only what the gateway tells.
type Order struct {
	ID      string    `json:"id"`
	Lines   []Line    `json:"lines"`
	Total   int64     `json:"total"` // cents
	Created time.Time `json:"created"`
	Payment *Payment  `json:"payment,omitempty"` // as the gateway last told it
}

// State is the payment's state, "" before there is one.
func (o Order) State() string {
	if o.Payment == nil {
		return ""
	}
	return o.Payment.Status
}

// Paid says whether the shop has money for the order.
func (o Order) Paid() bool {
	switch o.State() {
	case "authorised", "captured", "refunded":
		return true
	}
	return false
}

// Open says whether the order can still be paid.
func (o Order) Open() bool {
	switch o.State() {
	case "", "needs_card", "needs_confirmation", "processing":
		return true
	}
	return false
}

// Left is what can still be refunded, in cents.
func (o Order) Left() int64 {
	if o.Payment == nil {
		return 0
	}
	return o.Payment.Captured - o.Payment.Refunded - o.Pending()
}

// Pending is what is on its way back to the card, in cents.
func (o Order) Pending() (sum int64) {
	if o.Payment == nil {
		return 0
	}
	for _, r := range o.Payment.Refunds {
		if r.Status == "pending" {
			sum += r.Amount
		}
	}
	return sum
}

// orders keeps all orders in one JSON file; every change is on disk before it is answered.
type orders struct {
	mu   sync.Mutex
	file string
	byID map[string]Order
	seen map[string]bool // webhook ids of this run
}

func openOrders(file string) (*orders, error) {
	o := &orders{file: file, byID: map[string]Order{}, seen: map[string]bool{}}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	return o, json.Unmarshal(data, &o.byID)
}

func (o *orders) get(id string) (Order, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	order, ok := o.byID[id]
	return order, ok
}

// byPayment finds the order of a payment.
func (o *orders) byPayment(id string) (Order, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, order := range o.byID {
		if order.Payment != nil && order.Payment.ID == id {
			return order, true
		}
	}
	return Order{}, false
}

// all are the orders, newest first.
func (o *orders) all() []Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Order, 0, len(o.byID))
	for _, order := range o.byID {
		list = append(list, order)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Created.After(list[j].Created) })
	return list
}

// add keeps a new order; an order that exists stays as it is (the button was pressed twice).
func (o *orders) add(order Order) (Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old, ok := o.byID[order.ID]; ok {
		return old, nil
	}
	o.byID[order.ID] = order
	return order, o.save()
}

// tell notes what the gateway said of the order's payment.
func (o *orders) tell(id string, p Payment) (Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	order := o.byID[id]
	order.Payment = &p
	o.byID[id] = order
	return order, o.save()
}

// heard says whether a webhook was dealt with already.
func (o *orders) heard(webhook string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen[webhook]
}

// hear notes that a webhook was dealt with.
func (o *orders) hear(webhook string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.seen) > 10_000 {
		clear(o.seen)
	}
	o.seen[webhook] = true
}

// save writes a new file beside the old one and puts it in its place.
func (o *orders) save() error {
	data, err := json.MarshalIndent(o.byID, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(o.file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(o.file+".new", o.file)
}

// newID is a prefix and 26 random letters and digits: who knows an order's address may see the order.
func (s *Shop) newID(prefix string) string {
	var b [16]byte
	if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
		panic("shop: no randomness: " + err.Error()) // the system cannot go on safely
	}
	return prefix + "_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}
