// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/tests/lab/pki"
)

// frontName is a name of the hub under which its API server shows a certificate of another authority than to all other
// clients: that authority can be replaced without them.
const frontName = "front.hub.ramenlab"

// frontDir holds the certificate that the front shows, and its authority; nextDir those that come next.
func (l *Lab) frontDir() string { return filepath.Join(l.dir, Hub, "front") }
func (l *Lab) nextDir() string  { return filepath.Join(l.dir, Hub, "front-next") }

// makeFront makes an authority and a certificate for frontName.
func makeFront(dir string) (certFile, keyFile string, err error) {
	authority, err := pki.New(dir, "ramenlab front of the hub")
	if err != nil {
		return "", "", err
	}
	return authority.Server(frontName)
}

// Front is the way from a spoke to the hub, without an identity, under a name of its own with an authority of its own.
func (l *Lab) Front(spoke string) (*rest.Config, error) {
	ca, err := os.ReadFile(filepath.Join(l.frontDir(), "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the authority of the hub's front: %w", err)
	}
	return &rest.Config{
		Host:            "https://" + l.linkAddress(link{spoke, Hub}),
		TLSClientConfig: rest.TLSClientConfig{CAData: ca, ServerName: frontName},
	}, nil
}

// PrepareFront makes the next authority of the hub's front, and returns its certificate. Nothing shows it yet.
func (l *Lab) PrepareFront() (ca []byte, err error) {
	if _, _, err := makeFront(l.nextDir()); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(l.nextDir(), "ca.crt"))
}

// SwitchFront lets the hub's front show a certificate of the authority that was prepared, and returns when it does. Its API
// server is not restarted.
func (l *Lab) SwitchFront(ctx context.Context) error {
	for _, file := range []string{"ca.crt", "server.key", "server.crt"} {
		if err := os.Rename(filepath.Join(l.nextDir(), file), filepath.Join(l.frontDir(), file)); err != nil {
			return fmt.Errorf("switch the hub's front: %w", err)
		}
	}
	cfg, err := l.Front(DR1)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cfg.CAData)
	return await(ctx, "the hub's front shows the new certificate", func(ctx context.Context) error {
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: frontName, MinVersion: tls.VersionTLS12}}
		conn, err := dialer.DialContext(ctx, "tcp", l.address(on(serviceAPIServer, Hub)))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}
