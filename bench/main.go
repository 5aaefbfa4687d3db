// Command bench measures Countersign against a peer or a physical limit, in the same run.
//
//	go run ./bench                    lists the benchmarks
//	go run ./bench codec              one of them
//	go run ./bench codec --quick      a shorter run, for a first look
//	go run ./bench codec --json       for machines
//
// Each prints a table and, last, a line "ratio N": ours to the peer's, as the table says. Figures of different
// machines or runs cannot be compared; ratios can.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"countersign/bench/codec"
	"countersign/bench/issuer"
	"countersign/bench/lookalike"
	"countersign/bench/payments"
	"countersign/bench/threeds"
)

type benchmark struct {
	name, what string
	run        func(w io.Writer, quick, jsonOut bool) error
}

func all() []benchmark {
	return []benchmark{
		{"codec", "pack and unpack a typical ISO 8583 0100, against moov-io/iso8583", codec.Run},
		{"threeds", "AReq to ARes through 3DS Server, directory and ACS, against a bare round trip", threeds.Run},
		{"issuer", "durable authorisations per second at the bank, against fdatasync", issuer.Run},
		{"payments", "payments per second end to end on the embedded database, against fdatasync", payments.Run},
		{"lookalike", "verdicts on addresses: recall, false positives, time and size", lookalike.Run},
	}
}

func main() {
	quick := slices.Contains(os.Args[1:], "--quick")
	jsonOut := slices.Contains(os.Args[1:], "--json")
	var names []string
	for _, a := range os.Args[1:] {
		if a != "--quick" && a != "--json" {
			names = append(names, a)
		}
	}
	if len(names) != 1 || names[0] == "--help" || names[0] == "-h" {
		usage()
		return
	}
	for _, b := range all() {
		if b.name == names[0] {
			if err := b.run(os.Stdout, quick, jsonOut); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintf(os.Stderr, "bench: no benchmark %q\nhint: go run ./bench lists them\n", names[0])
	os.Exit(2)
}

func usage() {
	fmt.Println("usage: go run ./bench NAME [--quick] [--json]")
	for _, b := range all() {
		fmt.Printf("  %-10s %s\n", b.name, b.what)
	}
}
