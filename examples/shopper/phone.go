package shopper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrNoMessage: no SMS with a code came in time.
var ErrNoMessage = errors.New("shopper: no message with a code came")

// Message is one SMS on the demo phone.
type Message struct {
	ID   int64  `json:"id"`
	To   string `json:"to"`
	Text string `json:"text"`
	Code string `json:"code"`
	Shop string `json:"shop"` // the address that the code is bound to
}

// Phone is the demo phone, read over HTTP.
type Phone struct {
	HTTP *http.Client
	URL  string // "http://phone.localhost:8080"
}

// Messages lists the newest messages to a number (all numbers when it is ""), newest first.
func (p Phone) Messages(ctx context.Context, to string) ([]Message, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/messages.json?to="+url.QueryEscape(to), nil)
	if err != nil {
		return nil, err
	}
	resp, err := p.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("shopper: the phone answers HTTP %d", resp.StatusCode)
	}
	var list struct {
		Messages []Message `json:"messages"`
	}
	return list.Messages, json.NewDecoder(resp.Body).Decode(&list)
}

// Newest is the id of the newest message to a number, 0 when there is none: what Code is given as after.
func (p Phone) Newest(ctx context.Context, to string) (int64, error) {
	list, err := p.Messages(ctx, to)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].ID, nil
}

// Code waits for a message to a number, after the one given, whose text holds all of the words, and returns it.
func (p Phone) Code(ctx context.Context, to string, after int64, words ...string) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		list, err := p.Messages(ctx, to)
		if err != nil {
			return Message{}, err
		}
		for _, m := range list {
			if m.ID > after && m.Code != "" && hasAll(m.Text, words) {
				return m, nil
			}
		}
		select {
		case <-ctx.Done():
			return Message{}, ErrNoMessage
		case <-time.After(15 * time.Millisecond):
		}
	}
}

func hasAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
