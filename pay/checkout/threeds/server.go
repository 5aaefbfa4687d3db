package threeds

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"countersign/wire/emv3ds"
	"countersign/wire/emv3ds/link"
)

// Server is a 3DS Server. It is safe for concurrent use.
type Server struct {
	cfg    Config
	ds     *link.Client
	ranges atomic.Pointer[rangeSet]
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// New makes a 3DS Server; Start begins its work.
func New(cfg Config) *Server {
	cfg = defaults(cfg)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg:  cfg,
		ds:   &link.Client{Dial: cfg.Dial, Path: "/3ds", Host: "directory.3ds"},
		stop: func() {},
	}
}

// Start serves RReq on the listener and keeps the card ranges fresh, until ctx ends or Close.
func (s *Server) Start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	if s.cfg.Listener != nil {
		s.work.Go(func() {
			if err := link.Serve(ctx, s.cfg.Listener, s.answer); err != nil {
				s.cfg.Log.Error("results link ended", "error", err)
			}
		})
	}
	s.work.Go(func() { s.keepRanges(ctx) })
}

// Close ends what Start began, waits for results that are being stored, and closes the connections.
func (s *Server) Close() {
	s.stop()
	s.work.Wait()
	s.ds.Close()
}

// Authenticate asks the bank about a payment: AReq through the directory, and its ARes. It does not
// take over r.PAN: the caller wipes it. Whatever goes wrong on the way is an Outcome without Status and
// with a Problem; an error (ErrRequest) means that this request can never be sent.
func (s *Server) Authenticate(ctx context.Context, r Request) (Outcome, error) {
	if w := r.WindowSize; w != "" && (len(w) != 2 || w < "01" || w > "05") {
		return Outcome{}, errors.Join(ErrRequest, errors.New("challengeWindowSize"))
	}
	id, err := emv3ds.NewID(s.cfg.Rand)
	if err != nil {
		return Outcome{}, err
	}
	b, err := s.areq(id, &r)
	if err != nil {
		return Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	answer, err := s.post(ctx, b.Bytes())
	b.Wipe()
	out := Outcome{ServerTransID: id, Version: emv3ds.Version220}
	if err != nil {
		out.Code, out.Problem = sayPost(err)
		s.cfg.Log.Warn("no answer to AReq", "threeDSServerTransID", id, "code", out.Code)
		return out, nil
	}
	s.readARes(&out, answer)
	clear(answer)
	if out.Status == "C" {
		out.CReq = creq(&out, r.WindowSize)
	}
	return out, nil
}

// post sends to the directory; a refused connection is tried once more (EMV 3DS §5.5).
func (s *Server) post(ctx context.Context, body []byte) ([]byte, error) {
	answer, err := s.ds.Post(ctx, body)
	if errors.Is(err, link.ErrConnect) && ctx.Err() == nil {
		answer, err = s.ds.Post(ctx, body)
	}
	return answer, err
}

// sayPost is the errorCode and the words for a failed exchange with the directory.
func sayPost(err error) (int, string) {
	switch {
	case errors.Is(err, link.ErrConnect):
		return 405, "The directory of banks cannot be reached."
	case errors.Is(err, link.ErrTimeout):
		return 402, "The bank did not answer in time."
	}
	return 405, "The connection to the directory of banks broke."
}

// readARes fills an outcome from the answer to an AReq.
func (s *Server) readARes(out *Outcome, answer []byte) {
	m, f := emv3ds.Parse(answer)
	if f == nil && m.Type() == emv3ds.Erro {
		s.readErro(out, m)
		return
	}
	if f == nil {
		f = m.ValidateFor(emv3ds.Server)
	}
	switch {
	case f != nil:
	case m.Type() != emv3ds.ARes:
		f = emv3ds.NewFault(101, emv3ds.Server, "messageType")
	case m.Text("threeDSServerTransID") != out.ServerTransID:
		f = emv3ds.NewFault(301, emv3ds.Server, "threeDSServerTransID")
	case m.Version() != out.Version:
		f = emv3ds.NewFault(203, emv3ds.Server, "messageVersion")
	}
	if f != nil {
		out.Code, out.Problem = f.Code, "The bank's answer was not understood."
		s.complain(f.From(emv3ds.Server), m)
		return
	}
	out.ACSTransID, out.DSTransID = m.Text("acsTransID"), m.Text("dsTransID")
	out.Reason = m.Text("transStatusReason")
	switch status := m.Text("transStatus"); status {
	case "Y", "A":
		out.Status, out.ECI, out.CAVV = status, m.Text("eci"), m.Text("authenticationValue")
	case "C":
		out.Status, out.ACSURL = status, m.Text("acsURL")
	case "N", "R", "U":
		out.Status = status
	default: // D and I: only after an AReq that asked for them, which ours does not
		out.Code, out.Problem = 203, "The bank answered in a way that was not asked for."
		s.complain(emv3ds.NewFault(203, emv3ds.Server, "transStatus"), m)
	}
}

func (s *Server) readErro(out *Outcome, m *emv3ds.Message) {
	out.Code, out.Problem = 404, "The directory of banks refused the request."
	if f := m.ValidateFor(emv3ds.Server); f == nil {
		out.Code = atoi(m.Text("errorCode"))
		out.Problem = sayCode(out.Code)
	}
	s.cfg.Log.Warn("Erro for AReq", "threeDSServerTransID", out.ServerTransID, "code", out.Code,
		"component", m.Text("errorComponent"))
}

// sayCode turns an errorCode into words for the outside.
func sayCode(code int) string {
	switch code {
	case 305:
		return "This card belongs to no bank that can confirm payments here."
	case 402:
		return "The bank did not answer in time."
	case 403, 405:
		return "The bank cannot be reached at the moment."
	case 303, 306:
		return "This shop may not take such payments."
	}
	return "The directory of banks refused the request: " + emv3ds.Describe(code) + "."
}

func atoi(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// complaint is how long delivering an Erro may take.
const complaint = 3 * time.Second

// complain sends an Erro about an answer to the directory; nobody answers it.
func (s *Server) complain(f *emv3ds.Fault, about *emv3ds.Message) {
	s.cfg.Log.Warn("answer of the directory refused", "fault", f.String())
	erro := f.Erro(about)
	if erro == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), complaint)
	defer cancel()
	if _, err := s.ds.Post(ctx, erro); err != nil {
		s.cfg.Log.Warn("Erro not delivered", "error", err)
	}
}
