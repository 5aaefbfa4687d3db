// Package directory is the 3DS directory server (EMV 3-D Secure, the DS): it tells 3DS Servers which card
// ranges exist and under which keys, passes authentication requests to the bank's ACS by card range, and
// passes the results back to the 3DS Server that asked.
//
// It decides nothing about payments. What it remembers of a transaction is three ids and a letter; card
// numbers pass through buffers that are wiped, and are never stored.
package directory

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"countersign/pay/directory/store"
	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

// Config is what a directory is made of.
type Config struct {
	Ranges    []Range
	Reference string   // dsReferenceNumber; "COUNTERSIGN-DS" when empty
	URL       string   // dsURL: where an ACS sends RReq; "http://directory.3ds/3ds" when empty
	Servers   []string // threeDSServerRefNumbers that may ask; none = all
	Server    string   // the endpoint of the 3DS Server for RReq; "gateway.rreq" when empty

	ARes time.Duration // how long an ACS may take for an ARes; 0 = 8 s
	RRes time.Duration // how long the 3DS Server may take for an RRes; 0 = 3 s (EMV 3DS §5.5)
	PReq time.Duration // least time between two full PReq of one 3DS Server, else 103; 0 = no limit
	Keep time.Duration // how long a transaction is remembered; 0 = 8 days (longer than a decoupled one may take)
}

// Range is one card range and the bank behind it.
type Range struct {
	Start, End string // 13 to 19 digits, both of one length
	Name       string // of the issuing bank, for people
	ACS        string // endpoint, such as "acs.3ds"
	// CodeKey gives the key to which security codes for the bank are sealed: its id and the X25519 public
	// key, 32 bytes. It is asked for every PReq, so a new key is seen. nil = the bank takes no sealed codes.
	CodeKey func() (id string, public []byte, err error)
}

// directory is a running directory server.
type directory struct {
	cfg     Config
	now     func() time.Time
	rand    io.Reader
	log     *slog.Logger
	store   *store.Store
	acs     map[string]*link.Client // by endpoint
	server  *link.Client
	mu      sync.Mutex
	claimed map[string]bool      // what is being worked on: "AReq " or "RReq " and a threeDSServerTransID
	asked   map[string]time.Time // last full PReq by reference number and operator
}

func newDirectory(cfg Config, st *store.Store, now func() time.Time, rand io.Reader, log *slog.Logger, dial func(ctx context.Context, endpoint string) (net.Conn, error)) (*directory, error) {
	cfg = defaults(cfg)
	if err := checkRanges(cfg.Ranges); err != nil {
		return nil, err
	}
	d := &directory{cfg: cfg, now: now, rand: rand, log: log, store: st, acs: map[string]*link.Client{}, claimed: map[string]bool{}, asked: map[string]time.Time{}}
	client := func(endpoint string) *link.Client {
		return &link.Client{Path: "/3ds", Host: endpoint, Dial: func(ctx context.Context) (net.Conn, error) { return dial(ctx, endpoint) }}
	}
	for _, r := range cfg.Ranges {
		if d.acs[r.ACS] == nil {
			d.acs[r.ACS] = client(r.ACS)
		}
	}
	d.server = client(cfg.Server)
	return d, nil
}

func defaults(cfg Config) Config {
	text := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	span := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	text(&cfg.Reference, "COUNTERSIGN-DS")
	text(&cfg.URL, "http://directory.3ds/3ds")
	text(&cfg.Server, "gateway.rreq")
	span(&cfg.ARes, 8*time.Second)
	span(&cfg.RRes, 3*time.Second)
	span(&cfg.Keep, 8*24*time.Hour)
	return cfg
}

func (d *directory) close() {
	for _, c := range d.acs {
		c.Close()
	}
	d.server.Close()
}

// answer takes one message of any kind and gives its answer, nil for none.
func (d *directory) answer(ctx context.Context, body []byte) []byte {
	m, f := emv3ds.Parse(body)
	if f == nil {
		if m.Type() == emv3ds.Erro {
			d.log.Warn("Erro received", "code", m.Text("errorCode"), "component", m.Text("errorComponent"), "threeDSServerTransID", m.Text("threeDSServerTransID"))
			return nil
		}
		f = m.ValidateFor(emv3ds.Directory)
	}
	if f != nil {
		return d.refuse(f, m)
	}
	switch m.Type() {
	case emv3ds.AReq:
		return d.areq(ctx, m)
	case emv3ds.RReq:
		return d.rreq(ctx, m)
	case emv3ds.PReq:
		return d.preq(m)
	}
	return d.refuse(emv3ds.NewFault(101, emv3ds.Directory, "messageType"), m)
}

// refuse is an Erro of ours about a message.
func (d *directory) refuse(f *emv3ds.Fault, about *emv3ds.Message) []byte {
	d.log.Warn("message refused", "type", knownType(about), "fault", f.String())
	return f.From(emv3ds.Directory).Erro(about)
}

// knownType is a message's type for the log, if it is one.
func knownType(m *emv3ds.Message) string {
	switch t := m.Type(); t {
	case emv3ds.AReq, emv3ds.ARes, emv3ds.RReq, emv3ds.RRes, emv3ds.PReq, emv3ds.PRes, emv3ds.Erro:
		return t
	}
	return "unknown"
}

// claim takes hold of one piece of work; false when somebody else has it. release gives it back.
func (d *directory) claim(work string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claimed[work] {
		return false
	}
	d.claimed[work] = true
	return true
}

func (d *directory) release(work string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.claimed, work)
}

// ask posts to another component within a limit; a connection that cannot be made is tried once more.
func ask(ctx context.Context, to *link.Client, limit time.Duration, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer, err := to.Post(ctx, body)
	if errors.Is(err, link.ErrConnect) && ctx.Err() == nil {
		answer, err = to.Post(ctx, body)
	}
	return answer, err
}

// unreachable is the fault for an exchange that failed: 402 no answer in time, 405 no connection.
func unreachable(err error, whom string) *emv3ds.Fault {
	if errors.Is(err, link.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return emv3ds.NewFault(402, emv3ds.Directory, whom+" did not answer in time")
	}
	return emv3ds.NewFault(405, emv3ds.Directory, whom+" cannot be reached")
}
