package emv3ds

import "encoding/base64"

// CodeKeyExtension is the id of our own message extension of PRes: it tells, by card range, the name of
// the issuing bank and the public key to which security codes for that bank are sealed. It is never
// critical: a 3DS Server that does not know it can work without. Its data is an object with one array,
// "keys", whose objects have start, end, name, keyID and public (base64url without padding).
const CodeKeyExtension = "countersign-code-key"

// CodeKey is one entry of that extension.
type CodeKey struct {
	Start, End string // the card range, as startRange and endRange
	Name       string // of the issuing bank
	KeyID      string // "" = the bank takes no sealed codes
	Public     []byte // X25519, 32 bytes
}

// MaxCodeKeys is how many entries fit into one PRes of 2.2.0: ten extensions of 8,059 characters.
const MaxCodeKeys = 10 * codeKeysEach

// codeKeysEach entries fit into one extension: each takes at most 400 characters.
const codeKeysEach = 20

// CodeKeyExtensions are the extension objects for SetObjects("messageExtension", …). Entries beyond
// MaxCodeKeys are left out.
func CodeKeyExtensions(keys []CodeKey) []*Builder {
	var out []*Builder
	for len(keys) > 0 && len(out) < 10 {
		n := min(codeKeysEach, len(keys))
		entries := make([]*Builder, 0, n)
		for _, k := range keys[:n] {
			e := NewObject().Set("start", k.Start).Set("end", k.End).Set("name", cut(k.Name, 128)).Set("keyID", cut(k.KeyID, 32))
			entries = append(entries, e.Set("public", base64.RawURLEncoding.EncodeToString(k.Public)))
		}
		out = append(out, Extension("Countersign code key", CodeKeyExtension, NewObject().SetObjects("keys", entries)))
		keys = keys[n:]
	}
	return out
}

// CodeKeys reads the extension from a PRes. Entries that are not whole are left out.
func (m *Message) CodeKeys() []CodeKey {
	var out []CodeKey
	for _, x := range m.Objects("messageExtension") {
		if x.Text("id") != CodeKeyExtension {
			continue
		}
		for _, e := range x.Object("data").Objects("keys") {
			k := CodeKey{Start: e.Text("start"), End: e.Text("end"), Name: e.Text("name"), KeyID: e.Text("keyID")}
			public, err := base64.RawURLEncoding.DecodeString(e.Text("public"))
			if err != nil || !isDigits([]byte(k.Start)) || !isDigits([]byte(k.End)) || k.KeyID != "" && len(public) != 32 {
				continue
			}
			k.Public = public
			out = append(out, k)
		}
	}
	return out
}
