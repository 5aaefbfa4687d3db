//go:build !linux

package host

import (
	"fmt"
	"os"
	"path/filepath"
)

// Harden does nothing on this system.
func Harden() error { return nil }

// lockDir makes the data folder; this system gets no lock.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	return f, nil
}
