// SPDX-License-Identifier: Apache-2.0

// Package pki makes the keys and certificates of a lab: ECDSA P-256, valid for one year, in PEM files. Each authority is
// meant for one server, so that a client of one cluster never trusts another by accident.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/utils/clock"
)

const (
	// early is how far a certificate reaches into the past: tests shift clocks.
	early = 24 * time.Hour
	valid = 365 * 24 * time.Hour

	privateFile = 0o600
	publicFile  = 0o644
)

// Authority signs certificates and puts them into its folder.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority in dir: file ca.crt. Its key exists in memory only.
func New(dir, name string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder of certificates: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of %s: %w", name, err)
	}
	template, err := base(pkix.Name{CommonName: name})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make certificate of %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate of %s: %w", name, err)
	}
	a := &Authority{dir: dir, cert: cert, key: key}
	return a, write(a.CAFile(), "CERTIFICATE", der, publicFile)
}

// CAFile is the file with the authority's own certificate.
func (a *Authority) CAFile() string { return filepath.Join(a.dir, "ca.crt") }

// Server makes the files server.crt and server.key for a server on loopback, which may have further names.
func (a *Authority) Server(names ...string) (certFile, keyFile string, err error) {
	template, err := base(pkix.Name{CommonName: "server"})
	if err != nil {
		return "", "", err
	}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	template.DNSNames = append([]string{"localhost"}, names...)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return a.sign("server", template)
}

// Client makes the files <file>.crt and <file>.key for a Kubernetes user with its groups.
func (a *Authority) Client(file, user string, groups ...string) (certFile, keyFile string, err error) {
	template, err := base(pkix.Name{CommonName: user, Organization: groups})
	if err != nil {
		return "", "", err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(file, template)
}

// Key makes a bare private key in <file>.key.
func (a *Authority) Key(file string) (keyFile string, err error) {
	_, keyFile, err = a.newKey(file)
	return keyFile, err
}

func (a *Authority) sign(file string, template *x509.Certificate) (certFile, keyFile string, err error) {
	key, keyFile, err := a.newKey(file)
	if err != nil {
		return "", "", err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return "", "", fmt.Errorf("make certificate %s: %w", file, err)
	}
	certFile = filepath.Join(a.dir, file+".crt")
	return certFile, keyFile, write(certFile, "CERTIFICATE", der, publicFile)
}

func (a *Authority) newKey(file string) (*ecdsa.PrivateKey, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make key %s: %w", file, err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, "", fmt.Errorf("encode key %s: %w", file, err)
	}
	keyFile := filepath.Join(a.dir, file+".key")
	return key, keyFile, write(keyFile, "EC PRIVATE KEY", der, privateFile)
}

// base is what all certificates have: a random serial number and the time of validity.
func base(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := clock.RealClock{}.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-early),
		NotAfter:     now.Add(valid),
	}, nil
}

func write(file, kind string, der []byte, mode os.FileMode) error {
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return nil
}
