// Package tidy is the test that keeps the house true: who may import whom, what must be documented,
// how long a file and a function may be, and what a role may not touch behind its host's back.
//
// Each rule is a function from the source tree to a list of complaints, and each has planted
// violations of its own in the tests, so that a rule that stops biting is noticed.
package tidy
