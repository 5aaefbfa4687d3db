package cvv

import "testing"

func FuzzCheck(f *testing.F) {
	f.Add([]byte("4123456789012345"), "8701", "101", []byte("561"))
	var e Engine
	k, err := NewKey([]byte("\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"), MMYY)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, pan []byte, expiry, service string, given []byte) {
		ok := e.Check(k, pan, expiry, service, given)
		var right []byte
		if err := e.Value(k, pan, expiry, service, func(d []byte) { right = append(right, d...) }); err != nil {
			if ok {
				t.Fatal("accepted what has no value")
			}
			return
		}
		if ok != (same(right, given) == 1) || len(right) != Size {
			t.Fatal("Check and Value disagree")
		}
		for _, c := range right {
			if c < '0' || c > '9' {
				t.Fatal("not digits")
			}
		}
	})
}
