// Package smpp is the Short Message Peer-to-Peer protocol, version 3.4, as far as a sender of text
// messages (ESME) and a message centre (SMSC) need it: bind, submit_sm, deliver_sm, enquire_link, unbind,
// generic_nack; texts in the GSM 7-bit alphabet and UCS-2; long messages by concatenation (UDH).
//
// pdu.go and body.go are the codec, gsm.go and text.go the texts, session.go the sender's end and server.go
// the centre's end of a connection. Section numbers are those of the SMPP 3.4 specification (issue 1.2).
package smpp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors of the codec. They never carry the text of a message.
var (
	// ErrFormat: bytes are not a PDU, or not the body that its command says.
	ErrFormat = errors.New("smpp: malformed PDU")
	// ErrTooLong: a PDU or field is longer than allowed.
	ErrTooLong = errors.New("smpp: too long")
)

// Command is a command_id (§5.1.2.1). Answers have the highest bit set.
type Command uint32

// The commands that this package speaks.
const (
	GenericNack     Command = 0x80000000
	BindReceiver    Command = 0x00000001
	BindTransmitter Command = 0x00000002
	SubmitSM        Command = 0x00000004
	DeliverSM       Command = 0x00000005
	Unbind          Command = 0x00000006
	BindTransceiver Command = 0x00000009
	EnquireLink     Command = 0x00000015
	respBit         Command = 0x80000000
)

// Answer is the command that answers c: submit_sm_resp to submit_sm.
func (c Command) Answer() Command { return c | respBit }

// IsAnswer says whether c answers another command (generic_nack does too).
func (c Command) IsAnswer() bool { return c&respBit != 0 }

// String is the specification's name of the command.
func (c Command) String() string {
	name := ""
	switch c &^ respBit {
	case 0:
		return "generic_nack"
	case BindReceiver:
		name = "bind_receiver"
	case BindTransmitter:
		name = "bind_transmitter"
	case SubmitSM:
		name = "submit_sm"
	case DeliverSM:
		name = "deliver_sm"
	case Unbind:
		name = "unbind"
	case BindTransceiver:
		name = "bind_transceiver"
	case EnquireLink:
		name = "enquire_link"
	default:
		return fmt.Sprintf("command 0x%08x", uint32(c))
	}
	if c.IsAnswer() {
		name += "_resp"
	}
	return name
}

// Status is a command_status (§5.1.3). As an error it is the other side's refusal.
type Status uint32

// The statuses that this package sends; others are passed through.
const (
	OK                Status = 0x00
	InvalidMsgLength  Status = 0x01 // ESME_RINVMSGLEN
	InvalidCommandLen Status = 0x02 // ESME_RINVCMDLEN
	InvalidCommandID  Status = 0x03 // ESME_RINVCMDID
	WrongBindState    Status = 0x04 // ESME_RINVBNDSTS
	AlreadyBound      Status = 0x05 // ESME_RALYBND
	SystemError       Status = 0x08 // ESME_RSYSERR
	InvalidSource     Status = 0x0a // ESME_RINVSRCADR
	InvalidDest       Status = 0x0b // ESME_RINVDSTADR
	BindFailed        Status = 0x0d // ESME_RBINDFAIL
	InvalidPassword   Status = 0x0e // ESME_RINVPASWD
	QueueFull         Status = 0x14 // ESME_RMSGQFUL
	Throttled         Status = 0x58 // ESME_RTHROTTLED
	SubmitFailed      Status = 0x45 // ESME_RSUBMITFAIL
)

// Error names the status by number.
func (s Status) Error() string { return fmt.Sprintf("smpp: refused with status 0x%02x", uint32(s)) }

// Temporary says whether the same request may pass later (§5.1.3: queue full, throttled, system error).
func (s Status) Temporary() bool { return s == QueueFull || s == Throttled || s == SystemError }

// HeaderSize is the size of a PDU header in bytes; MaxPDU is the longest PDU that ReadPDU takes.
const (
	HeaderSize = 16
	MaxPDU     = 70_000
)

// PDU is one protocol data unit: header and raw body.
type PDU struct {
	Command  Command
	Status   Status
	Sequence uint32 // 1 to 0x7fffffff; 0 only in a generic_nack to something unreadable
	Body     []byte
}

// AppendPDU appends the wire form of p.
func AppendPDU(dst []byte, p PDU) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(HeaderSize+len(p.Body)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.Command))
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.Status))
	dst = binary.BigEndian.AppendUint32(dst, p.Sequence)
	return append(dst, p.Body...)
}

// ReadPDU reads one PDU. A length below the header's size is ErrFormat, one above MaxPDU ErrTooLong: after
// both the stream cannot be followed any more. io.EOF means: ended between two PDUs.
func ReadPDU(r io.Reader) (PDU, error) {
	var h [HeaderSize]byte
	if _, err := io.ReadFull(r, h[:4]); err != nil {
		return PDU{}, err
	}
	n := binary.BigEndian.Uint32(h[:4])
	if n < HeaderSize {
		return PDU{}, ErrFormat
	}
	if n > MaxPDU {
		return PDU{}, ErrTooLong
	}
	if _, err := io.ReadFull(r, h[4:]); err != nil {
		return PDU{}, noEOF(err)
	}
	p := PDU{Command: Command(binary.BigEndian.Uint32(h[4:])), Status: Status(binary.BigEndian.Uint32(h[8:])), Sequence: binary.BigEndian.Uint32(h[12:])}
	if n > HeaderSize {
		p.Body = make([]byte, n-HeaderSize)
		if _, err := io.ReadFull(r, p.Body); err != nil {
			return PDU{}, noEOF(err)
		}
	}
	return p, nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
