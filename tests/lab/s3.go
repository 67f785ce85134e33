// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/ramendr/ramen-direct/tests/lab/pki"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// Region is the S3 region of the object stores.
const Region = "us-east-1"

// Store is one object store: a bucket and the only key pair that may use it.
type Store struct {
	Profile   string `json:"profile"`
	Bucket    string `json:"bucket"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
}

// Stores are the object stores, one per spoke.
func (l *Lab) Stores() []Store { return l.state.Stores }

// StoreURL is the endpoint of an object store for clients at a cluster.
func (l *Lab) StoreURL(from, store string) string {
	return "https://" + l.linkAddress(link{from, store})
}

// StoreCA is the certificate, in PEM, that clients of the object stores have to trust.
func (l *Lab) StoreCA() ([]byte, error) {
	pem, err := os.ReadFile(filepath.Join(l.dir, "s3", "pki", "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the authority of the object stores: %w", err)
	}
	return pem, nil
}

// startS3 starts the S3 server, with one bucket and one user for each spoke.
func (l *Lab) startS3(ctx context.Context) error {
	dir := filepath.Join(l.dir, "s3")
	authority, err := pki.New(filepath.Join(dir, "pki"), "ramenlab s3")
	if err != nil {
		return err
	}
	cert, key, err := authority.Server()
	if err != nil {
		return err
	}
	for _, sub := range []string{"objects", "users"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	root := s3Admin{
		program: l.program("versitygw"),
		url:     "https://" + l.address(serviceS3),
		ca:      authority.CAFile(),
		access:  "root",
		secret:  rand.Text(),
	}
	command := l.command(serviceS3, root.program,
		"--port", l.address(serviceS3), "--region", Region, "--cert", cert, "--key", key,
		"--iam-dir", filepath.Join(dir, "users"), "--health", "/health", "--keep-alive", "--quiet",
		"posix", filepath.Join(dir, "objects"))
	command.Env = []string{"ROOT_ACCESS_KEY=" + root.access, "ROOT_SECRET_KEY=" + root.secret}
	if err := l.supervisor.Start(ctx, supervise.Service{
		Name:    serviceS3,
		Address: root.url,
		Command: command,
		Ready:   func(ctx context.Context) error { return probe(ctx, root.url+"/health", root.ca) },
	}); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	var stores []Store
	for _, spoke := range Spokes() {
		store, err := newStore(spoke)
		if err != nil {
			return err
		}
		stores = append(stores, store)
		group.Go(func() error { return root.add(groupCtx, store) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return l.save(func(s *State) { s.Stores = stores })
}

func newStore(spoke string) (Store, error) {
	var id [4]byte
	if _, err := rand.Read(id[:]); err != nil {
		return Store{}, fmt.Errorf("make access key: %w", err)
	}
	return Store{
		Profile:   storeOf(spoke),
		Bucket:    spoke,
		AccessKey: storeOf(spoke) + "-" + hex.EncodeToString(id[:]),
		SecretKey: rand.Text(),
	}, nil
}

// s3Admin calls the administrator's API of the S3 server by its own program.
type s3Admin struct{ program, url, ca, access, secret string }

// add makes the user of a store, without any right, and then the bucket, which that user owns.
func (a s3Admin) add(ctx context.Context, s Store) error {
	// The role "user" may not make buckets.
	if err := a.run(ctx, "create-user", "--access", s.AccessKey, "--secret", s.SecretKey, "--role", "user"); err != nil {
		return err
	}
	return a.run(ctx, "create-bucket", "--bucket", s.Bucket, "--owner", s.AccessKey)
}

func (a s3Admin) run(ctx context.Context, what string, args ...string) error {
	cmd := exec.CommandContext(ctx, a.program, append([]string{"admin", what}, args...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+a.ca, "ADMIN_ENDPOINT_URL="+a.url, "ADMIN_REGION="+Region,
		"ADMIN_ACCESS_KEY="+a.access, "ADMIN_SECRET_KEY="+a.secret)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("s3 server: %s: %w: %s", what, err, said)
	}
	return nil
}
