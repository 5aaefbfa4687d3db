// Package journey plays one payment without a browser, from "order" to "refunded", through the same HTTP and
// protocol endpoints that browsers and shops use, and writes down what each party could see at each step.
//
// It is a test that explains itself: a step that does not hold ends the journey.
package journey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"

	"countersign/examples/shopper"
)

// Config says where the house is and who plays.
type Config struct {
	URL      func(origin string) string // "http://shop.localhost:8080"
	HTTP     *http.Client               // reaches the origins; its cookies and redirects are not used
	Shop     string                     // the shop's name, as the bank shows it
	APIKey   string                     // of the shop
	OtherKey string                     // of another shop
	Phone    string                     // the holder's number
	Card     string                     // the card's id at the bank
	Data     string                     // data folder, searched for the card number at the end
	Books    func(ctx context.Context) (string, error)
	Wrong    bool // also pay with a wrong security code; it counts against the card's three tries in 24 hours
	Rand     io.Reader
}

// Sight is what one party could see of a step.
type Sight struct {
	Who  string `json:"who"`
	Sees string `json:"sees"`
}

// Step is one step of the journey.
type Step struct {
	Number  int      `json:"number"`
	Title   string   `json:"title"`
	Sights  []Sight  `json:"sights"`
	Checks  []string `json:"checks"` // what was tried and held
	Millis  int64    `json:"ms"`
	Problem string   `json:"problem,omitempty"` // why the step did not hold
}

// Report is the whole journey.
type Report struct {
	OK     bool   `json:"ok"`
	Steps  []Step `json:"steps"`
	Millis int64  `json:"ms"`
}

// ErrStep: something was not as it has to be.
var ErrStep = errors.New("journey: a step did not hold")

// player carries what the steps hand on.
type player struct {
	Config
	browser *http.Client // the shopper's: cookies, redirects followed
	holder  *http.Client // the holder in Mobile Bank
	wire    *recorder
	step    *Step

	order   string
	payment payment
	page    *shopper.Page
	card    shopper.Card
	before  int64 // money at the bank, in cents
	state   shopper.State
}

// stepLimit bounds one step.
const stepLimit = 60 * time.Second

// Play plays all steps and tells each as it ends.
func Play(ctx context.Context, cfg Config, tell func(Step)) (Report, error) {
	p := &player{Config: cfg}
	if err := p.equip(); err != nil {
		return Report{}, err
	}
	defer p.forget()
	var r Report
	begin := time.Now()
	for _, s := range []struct {
		title string
		run   func(*player, context.Context) error
	}{
		{"The holder looks at the card in Mobile Bank", (*player).lookAtCard},
		{"The shopper orders", (*player).placeOrder},
		{"The shop shows the gateway's card form", (*player).openForm},
		{"The shopper types the card; the browser seals it", (*player).sendCard},
		{"The bank asks the holder", (*player).confirm},
		{"The bank says yes, the shop is told", (*player).shopLearns},
		{"The holder sees it at the bank", (*player).bankShows},
		{"The shop gives money back, without card or code", (*player).refund},
		{"Strangers and repeats get nothing", (*player).strangers},
		{"A wrong security code is refused", (*player).wrongCode},
		{"Nothing is left behind, and the books are in order", (*player).after},
	} {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		step := Step{Number: len(r.Steps) + 1, Title: s.title, Sights: []Sight{}, Checks: []string{}}
		p.step = &step
		start := time.Now()
		err := p.bounded(ctx, s.run)
		step.Millis = time.Since(start).Milliseconds()
		if ctx.Err() != nil { // somebody stopped it: no step is to blame
			return r, ctx.Err()
		}
		if errors.Is(err, errSkip) {
			continue
		}
		if err != nil {
			step.Problem = err.Error()
		}
		r.Steps = append(r.Steps, step)
		tell(step)
		if err != nil {
			r.Millis = time.Since(begin).Milliseconds()
			return r, fmt.Errorf("%w: %s: %w", ErrStep, s.title, err)
		}
	}
	r.OK, r.Millis = true, time.Since(begin).Milliseconds()
	return r, nil
}

var errSkip = errors.New("journey: step left out")

func (p *player) bounded(ctx context.Context, run func(*player, context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	return run(p, ctx)
}

// equip makes the two browsers over one recorded wire.
func (p *player) equip() error {
	p.wire = &recorder{next: p.HTTP.Transport}
	for _, c := range []**http.Client{&p.browser, &p.holder} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return err
		}
		*c = &http.Client{Transport: p.wire, Jar: jar, Timeout: p.HTTP.Timeout}
	}
	return nil
}

// forget wipes the card.
func (p *player) forget() {
	clear(p.card.Number)
	clear(p.card.Code)
}

// sees notes what a party could see.
func (p *player) sees(who, format string, args ...any) {
	p.step.Sights = append(p.step.Sights, Sight{who, fmt.Sprintf(format, args...)})
}

// held notes a check that held.
func (p *player) held(format string, args ...any) {
	p.step.Checks = append(p.step.Checks, fmt.Sprintf(format, args...))
}

// must is an error when something is not so.
func must(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// euros writes cents as people do.
func euros(cents int64) string { return fmt.Sprintf("€%d.%02d", cents/100, cents%100) }
