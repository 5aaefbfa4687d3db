package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct {
	JSON bool `name:"json" help:"For machines."`
}

// Help is shown by --help.
func (versionCommand) Help() string {
	return "Examples:\n  countersign version\n  countersign version --json"
}

// Run says which build this is.
func (c versionCommand) Run(p *program) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Modified bool   `json:"modified,omitempty"`
		Go       string `json:"go"`
		Canary   bool   `json:"canary,omitempty"`
	}{Version: "0.1.0", Go: runtime.Version(), Canary: canaryBuild}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	if c.JSON {
		return json.NewEncoder(p.out).Encode(v)
	}
	fmt.Fprintf(p.out, "countersign %s", v.Version)
	if v.Revision != "" {
		fmt.Fprintf(p.out, " (%.12s", v.Revision)
		if v.Modified {
			fmt.Fprint(p.out, ", changed")
		}
		fmt.Fprint(p.out, ")")
	}
	fmt.Fprintf(p.out, ", %s %s/%s\n", v.Go, runtime.GOOS, runtime.GOARCH)
	if v.Canary {
		fmt.Fprintln(p.out, "This is a canary build: it accepts marked security codes, for tests only. It will not serve.")
	}
	return nil
}
