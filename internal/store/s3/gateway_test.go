// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/s3"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

// startGateway runs a real S3 server with TLS on loopback and returns what opens its one, empty bucket.
func startGateway(t *testing.T) store.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real S3 server")
	}
	bins, err := binaries.Ensure(t.Context(), t.Output())
	require.NoError(t, err)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	// Beside the objects, as not every file system keeps attributes; without them the server knows no versions of objects.
	sidecar := filepath.Join(dir, "sidecar")
	require.NoError(t, os.MkdirAll(filepath.Join(data, "bucket"), 0o755))
	require.NoError(t, os.MkdirAll(sidecar, 0o755))
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca := writeCertificate(t, certFile, keyFile)
	address := freeAddress(t)

	cmd := exec.CommandContext(t.Context(), filepath.Join(bins, "versitygw"),
		"--port", address, "--cert", certFile, "--key", keyFile, "--access", "reader", "--secret", "letmein", "--quiet",
		"posix", "--sidecar", sidecar, data)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // the context of the test has ended by now, and with it the process

	cfg := store.Config{
		Profile: "s3-test", Endpoint: "https://" + address, Bucket: "bucket", Region: "us-east-1",
		AccessKey: "reader", SecretKey: "letmein", CA: ca,
	}
	s, err := s3.Open(cfg)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Check(t.Context()) == nil }, 10*time.Second, 50*time.Millisecond,
		"the S3 server does not answer")
	return cfg
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// writeCertificate makes a certificate for 127.0.0.1 that is its own CA, and returns it in PEM.
func writeCertificate(t *testing.T, certFile, keyFile string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "s3 test"},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert
}
