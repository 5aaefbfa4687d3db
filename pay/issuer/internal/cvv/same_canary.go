//go:build canary

package cvv

import "crypto/subtle"

// same in a canary build: the code may be up to 32 bytes, of which the first three are the digits (see
// package securitycode); the rest is what a memory scanner looks for.
func same(value, given []byte) int {
	if len(given) < len(value) {
		return 0
	}
	return subtle.ConstantTimeCompare(value, given[:len(value)])
}
