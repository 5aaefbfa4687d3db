//go:build !canary

package main

// canaryBuild says whether this build takes marked security codes (see pay/securitycode).
const canaryBuild = false
