//go:build js && wasm

// Command guardwasm is the look-alike engine for the browser: GOOS=js GOARCH=wasm.
//
// It does not use strings across syscall/js, which costs 30 to 40 µs a call. The page writes the address as UTF-8 into the buffer at
// guardBuffer() and calls an exported function:
//
//	guardBuffer() pointer              where to write, guardCapacity() bytes
//	guardCheck(n) level | class<<8     judge the address of n bytes; level and class as in guard/verdict
//	guardExplain(n) m                  the same, and the verdict as JSON, m bytes, in the buffer
//	guardBrands(n) m                   replace the user's own brands by the catalogue text in the buffer; m = 0, or the length of an error text in the buffer
//
// guard.js beside it wraps them. The main goroutine sleeps for ever; the exports run on the caller's stack.
package main

import (
	"sync"
	"unsafe"

	"countersign/guard/brands"
	"countersign/guard/lookalike"
)

const capacity = 64 << 10

// state is what the exported functions work on.
type state struct {
	engine *lookalike.Engine
	base   *brands.Catalogue
	buffer [capacity]byte
}

// stateTable makes the state once. Exported functions have no receiver, so it can stand nowhere else; the page calls one at a time.
var stateTable = sync.OnceValue(func() *state {
	cat, err := brands.Builtin()
	if err != nil {
		panic(err) // embedded, and checked by a test
	}
	e, err := lookalike.New(cat, lookalike.Options{})
	if err != nil {
		panic(err)
	}
	return &state{engine: e, base: cat}
})

func main() {
	stateTable()
	select {}
}

//go:wasmexport guardBuffer
func guardBuffer() unsafe.Pointer { return unsafe.Pointer(&stateTable().buffer) }

//go:wasmexport guardCapacity
func guardCapacity() int32 { return capacity }

// input gives the first n bytes of the buffer without copying; it is read before anything is written there.
func input(n int32) string {
	return unsafe.String(&stateTable().buffer[0], int(max(0, min(n, capacity))))
}

//go:wasmexport guardCheck
func guardCheck(n int32) int32 {
	a := stateTable().engine.CheckURL(input(n))
	return int32(a.Level) | int32(a.Class)<<8
}

//go:wasmexport guardExplain
func guardExplain(n int32) int32 {
	v := stateTable().engine.Judge(string(stateTable().buffer[:max(0, min(n, capacity))]))
	return answer(string(v.AppendJSON(nil)))
}

//go:wasmexport guardBrands
func guardBrands(n int32) int32 {
	own, err := brands.Parse("own", string(stateTable().buffer[:max(0, min(n, capacity))]))
	if err != nil {
		return answer(err.Error())
	}
	cat := stateTable().base.Merge(own)
	if err := cat.Check(); err != nil {
		return answer(err.Error())
	}
	e, err := lookalike.New(cat, lookalike.Options{})
	if err != nil {
		return answer(err.Error())
	}
	stateTable().engine = e
	return 0
}

func answer(s string) int32 { return int32(copy(stateTable().buffer[:], s)) }
