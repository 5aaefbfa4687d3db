package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// roleDomain ends the DNS name in a role's certificate: "issuer.countersign.internal".
const roleDomain = ".countersign.internal"

// Lifetimes of certificates. A leaf is made again when less than a third is left and the CA's key is here.
const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 365 * 24 * time.Hour
)

// identities makes and reads the certificates under which roles call each other: DATA/tls with ca.crt,
// ca.key (only where certificates are made), ROLE.crt, ROLE.key.
type identities struct {
	dir  string
	now  func() time.Time
	rand io.Reader

	mu sync.Mutex // one certificate is made at a time
}

// Certify makes (or renews) the certificate of a role that runs in another process, and returns the names of the
// files in DATA/tls that the other process needs in its own DATA/tls: ca.crt, ROLE.crt, ROLE.key. The CA is made
// on the first call; its key, ca.key, need not leave this folder.
func Certify(dataDir, role string, now func() time.Time, rand io.Reader) ([]string, error) {
	id := &identities{dir: filepath.Join(dataDir, "tls"), now: now, rand: rand}
	if _, _, err := id.load(role); err != nil {
		return nil, err
	}
	return []string{id.path("ca.crt"), id.path(role + ".crt"), id.path(role + ".key")}, nil
}

// server is the TLS configuration of an endpoint: TLS 1.3, a certificate of the role, and a client
// certificate that names one of the callers.
func (id *identities) server(role string, callers []string) (*tls.Config, error) {
	pool, _, err := id.load(role)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { // read anew, so that a renewed one is taken
			_, cert, err := id.load(role)
			return &cert, err
		},
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, Time: id.now,
		VerifyConnection: func(cs tls.ConnectionState) error {
			if who := peerRole(cs); !slices.Contains(callers, who) {
				return fmt.Errorf("%w: %q calls %s", ErrUndeclared, who, role)
			}
			return nil
		},
	}, nil
}

// client is the TLS configuration of a call from role to another role.
func (id *identities) client(role, to string) (*tls.Config, error) {
	pool, cert, err := id.load(role)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: to + roleDomain,
		MinVersion: tls.VersionTLS13, Time: id.now,
	}, nil
}

// peerRole is the role that the other side's verified certificate names, "" if none.
func peerRole(cs tls.ConnectionState) string {
	if len(cs.PeerCertificates) == 0 || len(cs.PeerCertificates[0].DNSNames) != 1 {
		return ""
	}
	name, ok := strings.CutSuffix(cs.PeerCertificates[0].DNSNames[0], roleDomain)
	if !ok {
		return ""
	}
	return name
}

// load reads a role's certificate, making CA and certificate where that is possible.
func (id *identities) load(role string) (*x509.CertPool, tls.Certificate, error) {
	var none tls.Certificate
	if id == nil {
		return nil, none, errors.New("host: no TLS identities")
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	if err := os.MkdirAll(id.dir, 0o700); err != nil {
		return nil, none, fmt.Errorf("host: %w", err)
	}
	caCert, err := id.ensureCA()
	if err != nil {
		return nil, none, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(caCert)
	cert, err := id.pair(role)
	if err == nil && cert.Leaf.NotAfter.Sub(id.now()) > leafLife/3 {
		return pool, cert, nil
	}
	if made := id.issue(role, caCert); made == nil {
		cert, err = id.pair(role)
	} else if err != nil {
		return nil, none, fmt.Errorf("host: no certificate for %s (%v) and none can be made: %w", role, err, made)
	}
	return pool, cert, err
}

func (id *identities) path(name string) string { return filepath.Join(id.dir, name) }

func (id *identities) pair(name string) (tls.Certificate, error) {
	fi, err := os.Stat(id.path(name + ".key"))
	if err != nil {
		return tls.Certificate{}, err
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return tls.Certificate{}, fmt.Errorf("host: %s has mode %04o, others could read it; want 0600", id.path(name+".key"), fi.Mode().Perm())
	}
	return tls.LoadX509KeyPair(id.path(name+".crt"), id.path(name+".key"))
}

// ensureCA reads ca.crt, or makes the CA on the first run.
func (id *identities) ensureCA() (*x509.Certificate, error) {
	text, err := os.ReadFile(id.path("ca.crt"))
	if err == nil {
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("host: %s is not a certificate", id.path("ca.crt"))
		}
		return x509.ParseCertificate(block.Bytes)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("host: %w", err)
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Countersign roles"}, NotBefore: id.now().Add(-time.Hour), NotAfter: id.now().Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{strings.TrimPrefix(roleDomain, ".")},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), id.rand)
	if err != nil {
		return nil, err
	}
	if err := id.write("ca", t, t, key, key); err != nil {
		return nil, err
	}
	return id.ensureCA()
}

// issue makes a certificate for a role, for both directions.
func (id *identities) issue(role string, caCert *x509.Certificate) error {
	ca, err := id.pair("ca")
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), id.rand)
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: role}, DNSNames: []string{role + roleDomain},
		NotBefore: id.now().Add(-time.Hour), NotAfter: id.now().Add(leafLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	caKey, ok := ca.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("host: the CA's key is not an ECDSA key")
	}
	return id.write(role, t, caCert, key, caKey)
}

func (id *identities) write(name string, t, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	var err error
	if t.SerialNumber, err = rand.Int(id.rand, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(id.rand, t, parent, &key.PublicKey, signer)
	if err != nil {
		return err
	}
	priv, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := replaceFile(id.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: priv})); err != nil {
		return err
	}
	return replaceFile(id.path(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// replaceFile writes a file of mode 0600 in one step.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}
