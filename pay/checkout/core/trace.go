package core

import "time"

// Numbers hands out message numbers: STANs count up to 999999 and begin again, and no two messages ever
// share STAN and transmission time, even when the clock jumps back. The caller stores it in the commit
// that stores the message.
type Numbers struct {
	Last  uint32 // the STAN handed out last; 0 before the first
	Lap   int64  // latest transmission time since the STAN began again, unix seconds
	Floor int64  // latest transmission time of all earlier laps: later messages are later than that
}

// maxSTAN is the largest number of six digits (ISO 8583 DE 11).
const maxSTAN = 999_999

// Next hands out the trace of a message that is sent at now.
func (n Numbers) Next(now time.Time) (Numbers, Trace) {
	if n.Last >= maxSTAN {
		n.Last, n.Floor, n.Lap = 0, max(n.Floor, n.Lap), 0
	}
	n.Last++
	at := now.Unix()
	if n.Floor != 0 && at <= n.Floor {
		at = n.Floor + 1
	}
	n.Lap = max(n.Lap, at)
	t := time.Unix(at, 0).UTC()
	return n, Trace{STAN: n.Last, Transmitted: t, RRN: RRN(t, n.Last)}
}

// RRN is the retrieval reference number (ISO 8583 DE 37) in its usual form: last digit of the year, day of
// the year, hour, STAN.
func RRN(at time.Time, stan uint32) string {
	var b [12]byte
	put := func(i, width, n int) {
		for j := i + width - 1; j >= i; j-- {
			b[j] = byte('0' + n%10)
			n /= 10
		}
	}
	put(0, 1, at.Year()%10)
	put(1, 3, at.YearDay())
	put(4, 2, at.Hour())
	put(6, 6, int(stan))
	return string(b[:])
}
