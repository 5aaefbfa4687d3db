// Package iso8583 is the card networks' message protocol, ISO 8583:1987, in the dialect CS87: ASCII
// fields, binary bitmaps, frames of two length bytes (big-endian), DE 48 as tag(2) length(2) value.
//
// It knows no business. A Message is offsets into a buffer of the caller; a Packer writes into a buffer
// of the caller; both allocate nothing. Card numbers therefore never become strings here: bytes are
// lent, and Wipe clears them. A message that cannot be read to its end keeps what could be read, the
// field at fault and the reason, so that it can be answered with a format error.
//
// Conn frames messages over a net.Conn, Server answers on many, Matcher pairs answers with requests.
// Errors and logs of this package name fields and never carry what is in them.
package iso8583
