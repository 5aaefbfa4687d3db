// Package lookalike answers one question about a host name: is it a genuine address of a protected brand, an imitation of
// one (of which, and why), or unknown?
//
// It is pure: no clock, no disk, no network; the same code runs on servers and, as WebAssembly, in the browser. An Engine is built
// once from a catalogue (package brands) and never changes, so any number of goroutines may use it; to take up a new catalogue or
// public suffix list, build another Engine and swap a pointer.
//
// How it works, in the order of the files: host.go takes the host apart, index.go holds the prepared names, match.go finds protected
// names that a label resembles as a whole, combo.go finds them inside, compare.go says in what way they differ, policy.go
// decides what that is worth, evidence.go shows it.
package lookalike

import (
	"errors"

	"countersign/guard/brands"
	"countersign/guard/lookalike/fold"
	"countersign/guard/lookalike/idn"
	"countersign/guard/lookalike/psl"
	"countersign/guard/verdict"
)

// ErrTooMany: more than an index can number.
var ErrTooMany = errors.New("more than 65,535 brands, protected names, or domains of one brand")

// Engine judges hosts against one catalogue.
type Engine struct {
	psl    *psl.List
	mapper *idn.Mapper
	shapes *fold.Table
	index
}

// Options are what an Engine can be given beside the catalogue. The zero value is good.
type Options struct {
	PSL *psl.List // the public suffix list; nil = the one compiled in

	// For measuring:
	NoBudget      bool // ignore the catalogue's budgets
	NoIndependent bool // ignore the catalogue's independent names
}

// New builds an engine. It takes about 10 ms per 1,000 brands.
func New(cat *brands.Catalogue, opt Options) (*Engine, error) {
	e := &Engine{psl: opt.PSL, mapper: idn.NewMapper(), shapes: fold.NewTable()}
	if e.psl == nil {
		list, err := psl.Builtin()
		if err != nil {
			return nil, err
		}
		e.psl = list
	}
	if err := e.build(cat, opt); err != nil {
		return nil, err
	}
	return e, nil
}

// Answer is the verdict in the form that costs nothing: no texts, no allocation. Engine.Explain makes a verdict.Verdict of it.
type Answer struct {
	Level verdict.Level
	Class verdict.Class
	brand int32  // index in the catalogue, -1 = none
	token int32  // index of the protected name, -1 = none
	start uint16 // where in the (projected) host the resemblance lies
	end   uint16
	trick verdict.Class // what else is wrong with the address, or None
}

// Check judges a host: a name as it stands in an address, without scheme, user or port (see CheckURL for those). It does not
// allocate for ASCII hosts.
func (e *Engine) Check(host string) Answer {
	var q name
	e.read(&q, host)
	return e.judge(&q)
}

// judge decides about a host that has been taken apart.
func (e *Engine) judge(q *name) Answer {
	none := Answer{brand: -1, token: -1}
	if q.dead {
		if q.problem != verdict.None {
			none.Level, none.Class, none.trick = verdict.Caution, q.problem, q.problem
		}
		return none
	}
	if d := e.genuine(q); d >= 0 {
		a := Answer{Level: verdict.Genuine, Class: verdict.Listed, brand: int32(e.domains[d].brand), token: -1, trick: q.problem}
		switch {
		case q.problem != verdict.None: // the right name, written in a way that hides something
			a.Level, a.Class = verdict.Caution, q.problem
		case !e.isShop(e.domains[d]):
			a.Level, a.Class = verdict.Unknown, verdict.Owned
		}
		return a
	}
	best := e.search(q)
	if q.ambiguous && best.Level != verdict.Danger {
		e.project(q, true)
		if again := e.search(q); again.Level.Rank() > best.Level.Rank() {
			best = again
		} else {
			e.project(q, false)
		}
	}
	if q.problem != verdict.None {
		best.trick = q.problem
		if best.Level != verdict.Danger {
			best.Level = verdict.Caution
			if best.Class == verdict.None {
				best.Class = q.problem
			}
		}
	}
	return best
}

// Brand gives the brand that an answer is about, or nil.
func (e *Engine) Brand(a Answer) *brands.Brand {
	if a.brand < 0 {
		return nil
	}
	return &e.cat.Brands[a.brand]
}

// Token gives the protected name that an answer is about, or "".
func (e *Engine) Token(a Answer) string {
	if a.token < 0 {
		return ""
	}
	return e.tokens[a.token].text
}

// Catalogue gives the catalogue that the engine was built from.
func (e *Engine) Catalogue() *brands.Catalogue { return e.cat }
