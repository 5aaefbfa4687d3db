package main

import (
	"context"

	"countersign/host"
)

// demoRoles are the roles that only a demo has.
func demoRoles() []host.Role {
	return []host.Role{{Name: "phone", Serves: []string{"smsc.smpp"}, Start: func(context.Context, *host.Env) (*host.Running, error) { return nil, nil }}}
}
