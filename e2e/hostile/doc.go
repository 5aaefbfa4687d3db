// Package hostile is the shopper, the shop and the stranger who mean harm, or only press the wrong thing: each of its
// tests sends one kind of bad input to the built program, over the addresses that everybody can reach, and wants a
// clear answer, no partial effect, a way on or out, and no word that helps a thief.
//
// Every number and code that is typed here is looked for at the end in all answers, in the log and in all other files.
// The build is one whose codes may carry letters (-tags canary), so that a code found is that code and not chance.
package hostile
