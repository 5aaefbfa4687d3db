package acs

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"countersign/pay/card"
)

// errNoCard: the bank has no such card.
var errNoCard = errors.New("acs: the bank has no such card")

// enrolment is what the bank tells of a card.
type enrolment struct {
	Card   string `json:"card"`
	Last4  string `json:"last4"`
	Brand  string `json:"brand"`
	Holder string `json:"holder"`
	Name   string `json:"name"`
	Phone  string `json:"phone"`
	Locale string `json:"locale"`
	Status string `json:"status"` // active, frozen, closed, expired
	Expiry string `json:"expiry"` // YYMM
}

// reason says why a card cannot be confirmed: transStatusReason, "" when it can.
func (e enrolment) reason(now time.Time) string {
	x, err := card.ParseExpiry(e.Expiry)
	switch {
	case e.Status == "expired" || err == nil && x.Past(now):
		return "05"
	case e.Status != "active":
		return "12"
	case e.Phone == "":
		return "13"
	}
	return ""
}

// bank asks issuer.bank.
type bank struct{ http *http.Client }

func newBank(dial func(context.Context) (net.Conn, error)) *bank {
	return &bank{&http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}}
}

// enrolment looks a card up by its index; errNoCard, or any other error when the bank did not say.
func (b *bank) enrolment(ctx context.Context, index card.Index) (enrolment, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+toBank+"/v1/enrolment/"+hex.EncodeToString(index[:]), nil)
	if err != nil {
		return enrolment{}, err
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return enrolment{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case err != nil:
		return enrolment{}, err
	case resp.StatusCode == http.StatusNotFound:
		return enrolment{}, errNoCard
	case resp.StatusCode != http.StatusOK:
		return enrolment{}, fmt.Errorf("acs: the bank answered %d", resp.StatusCode)
	}
	var e enrolment
	if err := json.Unmarshal(body, &e); err != nil {
		return enrolment{}, fmt.Errorf("acs: the bank's answer: %w", err)
	}
	return e, nil
}
