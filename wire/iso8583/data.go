package iso8583

import "time"

// AppendTime appends a time as DE 7 has it: MMDDhhmmss in UTC.
func AppendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "0102150405")
}

// ParseTime reads a DE 7. It has no year: the one is taken that puts the time nearest to now, so that
// a message of 31 December is understood on 1 January. ok is false when there is no such moment.
func ParseTime(v []byte, now time.Time) (t time.Time, ok bool) {
	if len(v) != 10 || !class(digit).fits(v) {
		return time.Time{}, false
	}
	two := func(i int) int { return int(v[i]-'0')*10 + int(v[i+1]-'0') }
	month, day, hour, minute, second := two(0), two(2), two(4), two(6), two(8)
	if month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	now = now.UTC()
	best := time.Duration(1<<63 - 1)
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		c := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
		if c.Day() != day || c.Month() != time.Month(month) {
			continue // 29 February of a common year, or no such day at all
		}
		if d := c.Sub(now).Abs(); d < best {
			best, t, ok = d, c, true
		}
	}
	return t, ok
}

// Original is what DE 90 points at: a message that was sent before.
type Original struct {
	MTI          MTI
	STAN         uint32    // at most 999999
	Transmission time.Time // UTC, whole seconds
	Acquirer     string    // digits of DE 32
	Forwarder    string    // digits of DE 33; "" is written as zeros
}

// Append appends the 42 digits of DE 90 to dst. Institution ids are padded with zeros on the left; what
// does not fit is the fault of the caller and makes a value that Packer refuses.
func (o Original) Append(dst []byte) []byte {
	m := o.MTI.ascii()
	dst = append(dst, m[:]...)
	dst = appendDigits(dst, uint64(o.STAN), 6)
	dst = AppendTime(dst, o.Transmission)
	dst = appendPadded(dst, o.Acquirer, 11)
	return appendPadded(dst, o.Forwarder, 11)
}

func appendPadded(dst []byte, s string, width int) []byte {
	for range width - len(s) {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

// appendDigits appends v with at least width digits.
func appendDigits(dst []byte, v uint64, width int) []byte {
	var d [20]byte
	i := len(d)
	for v > 0 || len(d)-i < width {
		i--
		d[i] = '0' + byte(v%10)
		v /= 10
	}
	return append(dst, d[i:]...)
}

// ParseOriginal reads a DE 90. Ids lose the zeros in front; see SameInstitution.
func ParseOriginal(v []byte, now time.Time) (o Original, ok bool) {
	if len(v) != 42 || !class(digit).fits(v) {
		return Original{}, false
	}
	o.MTI, _ = ParseMTI(v[:4])
	stan, _ := ParseDigits(v[4:10])
	o.STAN = uint32(stan)
	o.Transmission, ok = ParseTime(v[10:20], now)
	o.Acquirer, o.Forwarder = trimZeros(v[20:31]), trimZeros(v[31:42])
	return o, ok && o.MTI.Known() && o.MTI.IsRequest()
}

func trimZeros(v []byte) string {
	for len(v) > 0 && v[0] == '0' {
		v = v[1:]
	}
	return string(v)
}

// SameInstitution says whether two ids are equal but for zeros in front, which DE 90 pads with.
func SameInstitution(a, b string) bool { return trimZeros([]byte(a)) == trimZeros([]byte(b)) }

// AppendReplacement appends a DE 95 that gives only the replacement amount of the transaction, in minor
// units of DE 49.
func AppendReplacement(dst []byte, minor uint64) []byte {
	dst = appendDigits(dst, minor, 12)
	return appendPadded(dst, "", 30)
}

// ParseReplacement reads the transaction amount of a DE 95; ok is false when it is not a number or when
// the other amounts, which the dialect does not use, are not zero.
func ParseReplacement(v []byte) (minor uint64, ok bool) {
	if len(v) != 42 {
		return 0, false
	}
	for _, c := range v[12:] {
		if c != '0' {
			return 0, false
		}
	}
	return ParseDigits(v[:12])
}
