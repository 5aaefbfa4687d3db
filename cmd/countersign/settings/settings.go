package settings

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Settings is the configuration of one process.
type Settings struct {
	Data     string            `toml:"data"`     // data folder
	Listen   string            `toml:"listen"`   // front door, "host:port"
	BaseURL  string            `toml:"base_url"` // what the origins hang under, "https://example.com"
	Admin    string            `toml:"admin"`    // health, readiness and metrics, "host:port"
	Roles    []string          `toml:"roles"`    // roles to run; none = all
	Log      string            `toml:"log"`      // debug, info, warn, error
	TLS      TLS               `toml:"tls"`      // of the front door
	Remote   map[string]string `toml:"remote"`   // endpoint → address in another process
	Publish  map[string]string `toml:"publish"`  // endpoint → address on which others may call it
	External map[string]string `toml:"external"` // endpoint → address outside the house, "tls://sms.example:2776"
	Egress   []string          `toml:"egress"`   // private "host" or "host:port" that webhooks may reach
	SMSC     SMSC              `toml:"smsc"`     // how the access control server binds at the message centre

	Acquirer  string     `toml:"acquirer"` // ISO 8583 DE 32
	Merchants []Merchant `toml:"merchants"`
	Ranges    []Range    `toml:"ranges"`
}

// TLS names the front door's certificate.
type TLS struct {
	Cert string `toml:"cert"` // PEM file
	Key  string `toml:"key"`  // PEM file
}

// SMSC is an account at a message centre (SMPP 3.4).
type SMSC struct {
	SystemID     string `toml:"system_id"`     // at most 15 characters; "" = "acs"
	PasswordFile string `toml:"password_file"` // at most 8 characters in it
	Sender       string `toml:"sender"`        // what the message is from, at most 11 letters and digits

	Password string // read from the file
}

// Merchant is a shop.
type Merchant struct {
	ID                string `toml:"id"`
	Name              string `toml:"name"`
	Acceptor          string `toml:"acceptor"` // ISO 8583 DE 42
	Terminal          string `toml:"terminal"` // DE 41
	MCC               string `toml:"mcc"`
	Country           string `toml:"country"` // ISO 3166-1 numeric
	SiteURL           string `toml:"site_url"`
	WebhookURL        string `toml:"webhook_url"`
	APIKeyHash        string `toml:"api_key_sha256"`
	WebhookSecretFile string `toml:"webhook_secret_file"`

	WebhookSecret string // read from the file
}

// Range is a card range and its bank.
type Range struct {
	Start   string `toml:"start"`
	End     string `toml:"end"`
	Name    string `toml:"name"`
	ACS     string `toml:"acs"`      // endpoint
	CodeKey string `toml:"code_key"` // key id of the bank; "" = this installation's own code-seal key
	Public  string `toml:"public"`   // its X25519 public key, base64url
}

// RoleTable names the roles that can be run. Read only.
var RoleTable = []string{"checkout", "directory", "issuer", "acs", "mobile", "guard"}

// endpointTable names the endpoints of the house.
var endpointTable = []string{"issuer.iso8583", "issuer.bank", "directory.3ds", "acs.3ds", "gateway.rreq", "smsc.smpp"}

// knownTable are variables with our prefix that are not settings.
var knownTable = []string{"COUNTERSIGN_DUMPABLE", "COUNTERSIGN_TEST_ALL", "COUNTERSIGN_CONFIG"}

// Read reads a file ("" = none), then the environment ("NAME=value" lines), then flags by key such as
// "listen". The error is Mistakes. Relative paths in the file are relative to the file.
func Read(file string, environ []string, flags map[string]string) (Settings, error) {
	s := Settings{Listen: "127.0.0.1:8080", Log: "info", Acquirer: "00000999999"}
	var m Mistakes
	if file != "" {
		m.file(&s, file)
	}
	m.environment(&s, environ)
	for _, k := range slices.Sorted(maps.Keys(flags)) {
		m.text(&s, "--"+k, k, flags[k])
	}
	m.check(&s)
	if len(m) > 0 {
		return s, m
	}
	return s, nil
}

func (m *Mistakes) file(s *Settings, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		m.add(file, File, "%v", err)
		return
	}
	var raw map[string]any
	if err := toml.NewDecoder(bytes.NewReader(text)).Decode(&raw); err != nil {
		if d, ok := err.(*toml.DecodeError); ok {
			row, col := d.Position()
			m.add(fmt.Sprintf("%s:%d:%d", file, row, col), Syntax, "%v", err)
		} else {
			m.add(file, Syntax, "%v", err)
		}
		return
	}
	m.fill("", reflect.ValueOf(s).Elem(), raw)
	dir := filepath.Dir(file)
	for _, p := range []*string{&s.Data, &s.TLS.Cert, &s.TLS.Key, &s.SMSC.PasswordFile} {
		*p = under(dir, *p)
	}
	for i := range s.Merchants {
		s.Merchants[i].WebhookSecretFile = under(dir, s.Merchants[i].WebhookSecretFile)
	}
}

func under(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// environment takes COUNTERSIGN_DATA, _LISTEN, _BASE_URL, _ADMIN, _ROLES, _LOG and _ACQUIRER.
func (m *Mistakes) environment(s *Settings, environ []string) {
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		key, ours := strings.CutPrefix(name, "COUNTERSIGN_")
		if ours && !slices.Contains(knownTable, name) {
			m.text(s, name, strings.ToLower(key), value)
		}
	}
}

// text sets one setting that came as text.
func (m *Mistakes) text(s *Settings, where, key, value string) {
	switch key {
	case "data":
		s.Data = value
	case "listen":
		s.Listen = value
	case "base_url":
		s.BaseURL = value
	case "admin":
		s.Admin = value
	case "log":
		s.Log = value
	case "acquirer":
		s.Acquirer = value
	case "roles":
		s.Roles = nil
		for r := range strings.SplitSeq(value, ",") {
			if r = strings.TrimSpace(r); r != "" {
				s.Roles = append(s.Roles, r)
			}
		}
	default:
		m.add(where, Unknown, "there is no such setting%s", nearest(key, []string{"data", "listen", "base_url", "admin", "log", "acquirer", "roles"}))
	}
}

func (m *Mistakes) check(s *Settings) {
	if s.Data == "" {
		m.add("data", Missing, "the data folder is needed")
	}
	m.address("listen", s.Listen, false)
	m.address("admin", s.Admin, true)
	if s.BaseURL != "" {
		m.site("base_url", s.BaseURL)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, s.Log) {
		m.add("log", Value, "must be debug, info, warn or error")
	}
	for i, r := range s.Roles {
		if !slices.Contains(RoleTable, r) {
			m.add(fmt.Sprintf("roles[%d]", i), Value, "there is no role %q%s; the roles are %s", r, nearest(r, RoleTable), strings.Join(RoleTable, ", "))
		}
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		m.add("tls", Missing, "cert and key belong together")
	}
	m.readable("tls.cert", s.TLS.Cert)
	m.readable("tls.key", s.TLS.Key)
	for name, table := range map[string]map[string]string{"remote": s.Remote, "publish": s.Publish} {
		for _, e := range slices.Sorted(maps.Keys(table)) {
			at := fmt.Sprintf("%s.%q", name, e)
			if !slices.Contains(endpointTable, e) {
				m.add(at, Unknown, "there is no such endpoint%s", nearest(e, endpointTable))
			}
			m.address(at, table[e], false)
		}
	}
	for _, e := range slices.Sorted(maps.Keys(s.External)) {
		at := fmt.Sprintf("external.%q", e)
		if !slices.Contains(endpointTable, e) {
			m.add(at, Unknown, "there is no such endpoint%s", nearest(e, endpointTable))
		}
		scheme, hostport, _ := strings.Cut(s.External[e], "://")
		if _, _, err := net.SplitHostPort(hostport); err != nil || scheme != "tcp" && scheme != "tls" {
			m.add(at, Value, "must be an address such as tls://sms.example:2776")
		}
	}
	if !digits(s.Acquirer, 1, 11) {
		m.add("acquirer", Value, "must be 1 to 11 digits")
	}
	m.smsc(&s.SMSC)
	m.merchants(s.Merchants)
	m.ranges(s.Ranges, slices.Contains(s.Roles, "directory") && !slices.Contains(s.Roles, "issuer"))
	slices.SortStableFunc(*m, func(a, b Mistake) int { return strings.Compare(a.Where, b.Where) })
}

func (m *Mistakes) smsc(s *SMSC) {
	if len(s.SystemID) > 15 {
		m.add("smsc.system_id", Value, "must be at most 15 characters (SMPP 3.4 §5.2.1)")
	}
	if !senderName(s.Sender) {
		m.add("smsc.sender", Value, "must be at most 11 letters and digits")
	}
	if s.Password = m.private("smsc.password_file", s.PasswordFile); len(s.Password) > 8 {
		m.add("smsc.password_file", File, "holds more than 8 characters (SMPP 3.4 §5.2.2)")
	}
}

func senderName(s string) bool {
	return len(s) <= 11 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func (m *Mistakes) merchants(list []Merchant) {
	ids := map[string]bool{}
	for i := range list {
		x, at := &list[i], func(k string) string { return fmt.Sprintf("merchants[%d].%s", i, k) }
		if !name(x.ID, 32) {
			m.add(at("id"), Value, "must be 1 to 32 of a-z 0-9 _ -")
		} else if ids[x.ID] {
			m.add(at("id"), Value, "is used twice")
		}
		ids[x.ID] = true
		if x.Name == "" {
			m.add(at("name"), Missing, "is needed: shopper and holder see it")
		}
		if len(x.Acceptor) == 0 || len(x.Acceptor) > 15 {
			m.add(at("acceptor"), Value, "must be 1 to 15 characters (ISO 8583 DE 42)")
		}
		if len(x.Terminal) == 0 || len(x.Terminal) > 8 {
			m.add(at("terminal"), Value, "must be 1 to 8 characters (ISO 8583 DE 41)")
		}
		if !digits(x.MCC, 4, 4) {
			m.add(at("mcc"), Value, "must be four digits")
		}
		if !digits(x.Country, 3, 3) {
			m.add(at("country"), Value, "must be three digits (ISO 3166-1 numeric)")
		}
		m.site(at("site_url"), x.SiteURL)
		if x.WebhookURL != "" {
			m.web(at("webhook_url"), x.WebhookURL)
		}
		if len(x.APIKeyHash) != 64 || strings.Trim(x.APIKeyHash, "0123456789abcdef") != "" {
			m.add(at("api_key_sha256"), Value, "must be 64 hexadecimal digits: the SHA-256 of the API key")
		}
		x.WebhookSecret = m.secret(at("webhook_secret_file"), x.WebhookSecretFile, x.WebhookURL != "")
	}
}

// ranges checks the card ranges; apart says that the directory runs here and our own bank does not, so that there is no
// key of its own to fall back to.
func (m *Mistakes) ranges(list []Range, apart bool) {
	for i, r := range list {
		at := func(k string) string { return fmt.Sprintf("ranges[%d].%s", i, k) }
		if !digits(r.Start, 13, 19) || !digits(r.End, 13, 19) || len(r.Start) != len(r.End) || r.Start > r.End {
			m.add(at("start"), Value, "start and end must be 13 to 19 digits of one length, start first")
		}
		if r.Name == "" {
			m.add(at("name"), Missing, "is needed: the bank's name")
		}
		if !slices.Contains(endpointTable, r.ACS) {
			m.add(at("acs"), Value, "must be an endpoint such as acs.3ds")
		}
		if (r.CodeKey == "") != (r.Public == "") {
			m.add(at("code_key"), Missing, "code_key and public belong together")
		} else if r.CodeKey == "" && apart {
			m.add(at("code_key"), Missing, "is needed, with public: the issuer, to whose key security codes are sealed, does not run in this process")
		}
		if b, err := base64.RawURLEncoding.DecodeString(r.Public); err != nil || (r.Public != "" && len(b) != 32) {
			m.add(at("public"), Value, "must be 32 bytes in base64url")
		}
	}
}

func (m *Mistakes) address(at, s string, optional bool) {
	if s == "" && optional {
		return
	}
	if _, port, err := net.SplitHostPort(s); err != nil || !digits(port, 1, 5) {
		m.add(at, Value, "must be an address such as 127.0.0.1:8080")
	}
}

// web wants https, or http on this machine.
func (m *Mistakes) web(at, s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		m.add(at, Value, "must be an address such as https://shop.example")
		return nil
	}
	local := u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") || u.Hostname() == "127.0.0.1"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		m.add(at, Value, "must begin with https:// (http:// only on localhost)")
		return nil
	}
	return u
}

// site wants an origin: no path, no query.
func (m *Mistakes) site(at, s string) {
	if u := m.web(at, s); u != nil && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		m.add(at, Value, "must be an origin such as https://shop.example, without a path")
	}
}

func (m *Mistakes) readable(at, path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		m.add(at, File, "%v", err)
		return
	}
	f.Close()
}

// secret reads a webhook secret.
func (m *Mistakes) secret(at, path string, needed bool) string {
	if path == "" {
		if needed {
			m.add(at, Missing, "is needed with a webhook_url")
		}
		return ""
	}
	before := len(*m)
	s := m.private(at, path)
	if len(*m) == before && !strings.HasPrefix(s, "whsec_") {
		m.add(at, File, "%s does not hold a secret that begins with whsec_", path)
	}
	return s
}

// private reads a file that only we may read, without the spaces around it; "" when there is none or it cannot be read.
func (m *Mistakes) private(at, path string) string {
	if path == "" {
		return ""
	}
	fi, err := os.Stat(path)
	if err != nil {
		m.add(at, File, "%v", err)
		return ""
	}
	if fi.Mode().Perm()&0o077 != 0 {
		m.add(at, File, "%s has mode %04o, others could read it; want 0600", path, fi.Mode().Perm())
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		m.add(at, File, "%v", err)
	}
	return strings.TrimSpace(string(text))
}

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

func name(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
