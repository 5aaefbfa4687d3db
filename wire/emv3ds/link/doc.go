// Package link carries EMV 3DS server messages: an HTTP/1.1 POST and its answer over a given connection.
//
// It exists because net/http keeps what it read and wrote in buffers that nobody can wipe, and these
// messages hold card numbers. Here each connection has one buffer for each direction, overwritten after
// every exchange. It speaks the little of RFC 9112 that the links between 3DS Server, directory and ACS
// need: POST with Content-Length, keep-alive, no chunks, no pipelining. A connection may be TLS; wiping
// what TLS keeps is then beyond this package.
package link
