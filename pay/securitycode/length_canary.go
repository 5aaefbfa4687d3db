//go:build canary

package securitycode

// maxLen in a canary build: three digits and up to 29 letters that a memory scanner can tell from
// chance. The check reads the first three only; everything else takes the same path. Such a build
// is for tests: `countersign version` says so, and `serve` refuses to start.
const maxLen = 32

func valid(d []byte) bool {
	if len(d) < 3 || len(d) > maxLen {
		return false
	}
	for _, c := range d[:3] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
