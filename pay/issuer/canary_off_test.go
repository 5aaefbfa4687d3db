//go:build !canary

package issuer_test

const canary = false
