// SPDX-License-Identifier: Apache-2.0

// Package mem is an object store in memory, for tests. It obeys the contract of package store as a real one does: an
// endpoint that nobody listens at, a bucket that is missing and a key that is wrong fail with their reasons.
package mem

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ramendr/ramen-direct/internal/store"
)

// Server holds buckets. It is safe for concurrent use.
type Server struct {
	mu      sync.Mutex
	buckets map[address]*bucket
}

type address struct{ endpoint, bucket string }

type bucket struct {
	accessKey, secretKey string
	objects              map[string][]byte
}

// New returns a server without buckets.
func New() *Server { return &Server{buckets: map[address]*bucket{}} }

// AddBucket makes the bucket that cfg names, which cfg's keys open. An existing one is emptied.
func (s *Server) AddBucket(cfg store.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[address{cfg.Endpoint, cfg.Bucket}] = &bucket{
		accessKey: cfg.AccessKey,
		secretKey: cfg.SecretKey,
		objects:   map[string][]byte{},
	}
}

// Open is a store.Opener.
func (s *Server) Open(cfg store.Config) (store.Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &memory{server: s, cfg: cfg}, nil
}

type memory struct {
	server *Server
	cfg    store.Config
}

func (m *memory) Profile() string { return m.cfg.Profile }

func (m *memory) Put(ctx context.Context, key string, body []byte) error {
	return m.with(ctx, func(objects map[string][]byte) error {
		objects[key] = slices.Clone(body)
		return nil
	})
}

func (m *memory) Get(ctx context.Context, key string) ([]byte, error) {
	var body []byte
	err := m.with(ctx, func(objects map[string][]byte) error {
		found, ok := objects[key]
		switch {
		case !ok:
			return fmt.Errorf("S3 profile %s: object %s: %w", m.cfg.Profile, key, store.ErrNotFound)
		case len(found) > store.MaxObject:
			return m.fail(store.ReasonTooLarge, fmt.Errorf("object %s is larger than %d bytes", key, store.MaxObject))
		}
		body = slices.Clone(found)
		return nil
	})
	return body, err
}

func (m *memory) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	body, err := m.Get(ctx, key)
	if err != nil {
		return nil, store.AbsentVersion, err
	}
	return body, versionOf(body), nil
}

func (m *memory) Replace(ctx context.Context, key string, body []byte, was store.Version) (store.Version, error) {
	err := m.with(ctx, func(objects map[string][]byte) error {
		is := store.AbsentVersion
		if found, ok := objects[key]; ok {
			is = versionOf(found)
		}
		if is != was {
			return m.fail(store.ReasonError, fmt.Errorf("replace %s: %w", key, store.ErrChanged))
		}
		objects[key] = slices.Clone(body)
		return nil
	})
	return versionOf(body), err
}

// versionOf is the version of an object that holds body: equal content has equal versions, as in S3.
func versionOf(body []byte) store.Version {
	sum := sha256.Sum256(body)
	return store.Version(hex.EncodeToString(sum[:]))
}

func (m *memory) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	err := m.with(ctx, func(objects map[string][]byte) error {
		for _, k := range slices.Sorted(maps.Keys(objects)) {
			if strings.HasPrefix(k, prefix) {
				keys = append(keys, k)
			}
		}
		return nil
	})
	return keys, err
}

func (m *memory) Delete(ctx context.Context, keys ...string) error {
	return m.with(ctx, func(objects map[string][]byte) error {
		for _, k := range keys {
			delete(objects, k)
		}
		return nil
	})
}

func (m *memory) Check(ctx context.Context) error {
	return m.with(ctx, func(map[string][]byte) error { return nil })
}

// with runs do on the objects of the bucket, if the bucket may be used.
func (m *memory) with(ctx context.Context, do func(map[string][]byte) error) error {
	if err := ctx.Err(); err != nil {
		return m.fail(store.ReasonUnreachable, err)
	}
	s := m.server
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[address{m.cfg.Endpoint, m.cfg.Bucket}]
	switch {
	case !ok && !s.listens(m.cfg.Endpoint):
		return m.fail(store.ReasonUnreachable, fmt.Errorf("nothing listens at %s", m.cfg.Endpoint))
	case !ok:
		return m.fail(store.ReasonBucketNotFound, fmt.Errorf("there is no bucket %q at %s", m.cfg.Bucket, m.cfg.Endpoint))
	case b.accessKey != m.cfg.AccessKey || b.secretKey != m.cfg.SecretKey:
		return m.fail(store.ReasonAccessDenied, errors.New("the keys are wrong"))
	default:
		return do(b.objects)
	}
}

func (s *Server) listens(endpoint string) bool {
	for a := range s.buckets {
		if a.endpoint == endpoint {
			return true
		}
	}
	return false
}

func (m *memory) fail(reason store.Reason, err error) error {
	return &store.Error{Profile: m.cfg.Profile, Reason: reason, Err: err}
}
