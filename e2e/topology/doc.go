// Package topology runs the house as production does: the built program in three processes (gateway and directory,
// bank, access control server), each with a data folder, keys and certificates of its own, mutual TLS between them,
// TLS at the front doors, and a message centre over TCP. It follows docs/operate/serve.md: the commands and the
// configuration files are those of that page. Then it pays, kills processes in the middle, calls with foreign
// certificates, and checks both sides' books.
package topology
