// Package sim is the world in a box: shoppers, shops, a gateway, a network that loses, delays and doubles,
// a bank and thieves, all from one seed and on one clock of its own.
//
// The gateway and the bank in it are not models: they are the deciding cores that production runs
// (pay/checkout/core, pay/issuer/book), driven event by event. What is simulated is what surrounds them:
// time, disks that keep what was committed and nothing else, processes that die between two lines, and people.
//
// A world has two phases. While it is sick, faults happen at rates drawn from the seed. Then it heals, and
// everything must come to rest with the books of both sides agreeing. The checks in check.go fold the
// journal anew and share no code with what they check.
//
// A simulation that finds nothing proves nothing: mutants.go plants a bug at a time, and the tests fail unless
// each is caught, and unless every fault and every state that the generator can make was made.
package sim
