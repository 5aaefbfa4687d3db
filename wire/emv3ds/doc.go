// Package emv3ds is the message layer of EMV 3-D Secure for the browser channel: parsing, the field
// rules of each protocol version, the Erro message, and the base64url forms that travel through browsers.
//
// A Message never copies what it was parsed from: every value is a slice of the caller's buffer, so the
// card number (acctNumber) can be lent and wiped and never becomes a string. Names, formats and numbers
// follow the EMV 3-D Secure Protocol and Core Functions Specification, version 2.2.0; the tables are laid
// out per version so that 2.3.1 is further rows, not further code. There is no business here: who may
// send what, and what it means for a payment, is decided by the roles.
package emv3ds

// Version220 is the protocol version that Validate accepts.
const Version220 = "2.2.0"

// Message types (the values of messageType).
const (
	AReq = "AReq" // authentication request: 3DS Server → DS → ACS
	ARes = "ARes" // its answer
	CReq = "CReq" // challenge request: browser → ACS
	CRes = "CRes" // final challenge answer: ACS → browser → 3DS Requestor
	RReq = "RReq" // results request: ACS → DS → 3DS Server
	RRes = "RRes" // its answer
	PReq = "PReq" // preparation request: 3DS Server → DS, asks for card ranges
	PRes = "PRes" // its answer
	Erro = "Erro" // protocol error, any direction; never answered
)

// Components, as errorComponent writes them.
const (
	SDK       byte = 'C' // app SDK (not served here)
	Server    byte = 'S' // 3DS Server
	Directory byte = 'D' // directory server
	ACS       byte = 'A' // access control server
)
