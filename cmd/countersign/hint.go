package main

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"syscall"

	"countersign/cmd/countersign/settings"
	"countersign/host"
	"countersign/host/keys"
	"countersign/sql"
)

// hinted is an error with an exit code and with what a person can do about it.
type hinted struct {
	err  error
	code int
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

func withHint(code int, err error, hint string) error { return &hinted{err, code, hint} }

// explain gives known errors their exit code and hint.
func explain(err error) error {
	var h *hinted
	if errors.As(err, &h) {
		return err
	}
	var m settings.Mistakes
	var op *net.OpError
	switch {
	case errors.As(err, &m):
		return withHint(exitUsage, err, "countersign serve --help shows a configuration with every key")
	case errors.Is(err, syscall.EADDRINUSE):
		hint := "another program (perhaps another countersign) has this port: stop it, or choose another with --listen"
		if errors.As(err, &op) && op.Addr != nil {
			hint += " " + nextPort(op.Addr.String())
		}
		return withHint(exitBusy, err, hint)
	case errors.Is(err, host.ErrInUse):
		return withHint(exitBusy, err, "stop that process, or choose another folder with --data")
	case errors.Is(err, host.ErrConfig):
		return withHint(exitUsage, err, "each role's calls need a role in this process or a [remote] address")
	case errors.Is(err, keys.ErrUnwrap):
		return withHint(exitFailed, err, "the files in keys/ belong together: restore keys.json and kek from the same backup")
	case errors.Is(err, sql.ErrNewer):
		return withHint(exitFailed, err, "this data was written by a newer version; run that one, or choose another folder with --data")
	case errors.Is(err, fs.ErrPermission):
		return withHint(exitFailed, err, "this user may not do that; choose a folder of your own with --data")
	}
	return err
}

// nextPort proposes the port after one that is taken.
func nextPort(addr string) string {
	h, port, err := net.SplitHostPort(addr)
	n, errN := strconv.Atoi(port)
	if err != nil || errN != nil || n >= 65535 {
		return ""
	}
	return net.JoinHostPort(h, strconv.Itoa(n+1))
}

// defaultData is the folder for the user's data: $XDG_DATA_HOME/countersign, ~/.local/share/countersign,
// or ./countersign-data where there is no home.
func defaultData(getenv func(string) string) string {
	if d := getenv("COUNTERSIGN_DATA"); d != "" {
		return d
	}
	if d := getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "countersign")
	}
	if d := getenv("HOME"); d != "" {
		return filepath.Join(d, ".local", "share", "countersign")
	}
	return "countersign-data"
}
