//go:build !(js && wasm)

// Command guardwasm is the look-alike engine for the browser; see main.go. Build it with
//
//	GOOS=js GOARCH=wasm go build -ldflags "-s -w" -trimpath -o guard.wasm ./cmd/guardwasm
package main

import "fmt"

func main() { fmt.Println("build with GOOS=js GOARCH=wasm") }
