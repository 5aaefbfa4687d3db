package threeds

import (
	"context"
	"net/url"
)

// Server is a 3DS Server.
type Server struct{ cfg Config }

// New makes a 3DS Server; Start begins its work.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// Start serves RReq on the listener and keeps the card ranges fresh, until ctx ends or Close.
func (s *Server) Start(ctx context.Context) {}

// Close ends what Start began and waits for it.
func (s *Server) Close() {}

// Ready is nil when card ranges are known; the error says what is missing.
func (s *Server) Ready() error { return nil }

// Ranges are the card ranges of the last PRes.
func (s *Server) Ranges() []Range { return nil }

// Authenticate asks the bank about a payment.
func (s *Server) Authenticate(ctx context.Context, r Request) (Outcome, error) {
	return Outcome{}, nil
}

// ParseCRes reads the form that the ACS page posts to the notification URL.
func ParseCRes(form url.Values) (CRes, error) { return CRes{}, nil }
