package card

import (
	"errors"
	"time"
)

// ErrExpiry: the text is not a month of the form YYMM.
var ErrExpiry = errors.New("card: not an expiry month")

// Expiry is the last month in which a card may be used. The zero value is "none".
type Expiry struct {
	Year  int // four digits
	Month time.Month
}

// ParseExpiry reads YYMM, as ISO 8583 DE 14 and EMV 3DS cardExpiryDate carry it. Years are 2000-2099.
func ParseExpiry(yymm string) (Expiry, error) {
	if len(yymm) != 4 {
		return Expiry{}, ErrExpiry
	}
	for i := range 4 {
		if yymm[i] < '0' || yymm[i] > '9' {
			return Expiry{}, ErrExpiry
		}
	}
	m := int(yymm[2]-'0')*10 + int(yymm[3]-'0')
	if m < 1 || m > 12 {
		return Expiry{}, ErrExpiry
	}
	return Expiry{Year: 2000 + int(yymm[0]-'0')*10 + int(yymm[1]-'0'), Month: time.Month(m)}, nil
}

// YYMM is the form of ISO 8583 DE 14: "2911".
func (e Expiry) YYMM() string {
	y, m := e.Year%100, int(e.Month)
	return string([]byte{byte('0' + y/10), byte('0' + y%10), byte('0' + m/10), byte('0' + m%10)})
}

// MMYY is the form printed on a card, without the stroke: "1129".
func (e Expiry) MMYY() string { s := e.YYMM(); return s[2:] + s[:2] }

// Past says whether the card's last month is over at the given time (UTC, with a grace of 14 hours
// for holders west of it, so that a card is good until its month has ended everywhere).
func (e Expiry) Past(now time.Time) bool {
	end := time.Date(e.Year, e.Month+1, 1, 14, 0, 0, 0, time.UTC)
	return !now.Before(end)
}
