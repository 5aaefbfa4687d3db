// Package issuer is the bank: it decides about payments, holds the money, and shows the holder why.
//
// The way of one authorisation: the network decodes the message (package network), Bank.Authorise opens
// the sealed code and computes the right one (package cards, internal/cvv), and package book decides on
// loaded rows by one ordered table of checks. Decision, hold, ledger transfers and journal are one
// durable commit of package store. The code exists in two wiped scratch buffers for the time of one
// comparison, and nowhere else.
package issuer
