// SPDX-License-Identifier: Apache-2.0

// Package s3 is an object store that speaks S3. It promises that no call outlasts its context or CallTimeout, whichever
// ends first, that a call which fails is tried at most once more, and that its errors say what to change. It addresses
// buckets by path, so that a store needs no wildcard name.
package s3

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ramendr/ramen-direct/internal/store"
)

const (
	// CallTimeout bounds a call whose context ends later or never.
	CallTimeout = 15 * time.Second

	dialTimeout = 3 * time.Second
	tlsTimeout  = 5 * time.Second
	// idleTimeout closes connections of a store that nobody uses any more; a Store has no Close.
	idleTimeout = 30 * time.Second
	// attempts is one more than the first: enough for a connection that the other side closed while it was idle.
	attempts = 2
	// deleteBatch is how many objects S3 deletes in one request.
	deleteBatch = 1000
)

// Open is a store.Opener.
func Open(cfg store.Config) (store.Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	bad := func(err error) error {
		return &store.Error{Profile: cfg.Profile, Reason: store.ReasonBadProfile, Err: err}
	}
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, bad(fmt.Errorf("s3CompatibleEndpoint is no URL: %w", err))
	}
	transport, err := newTransport(cfg.CA)
	if err != nil {
		return nil, bad(err)
	}
	c, err := minio.New(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""),
		Secure:       endpoint.Scheme == "https",
		Region:       cfg.Region,
		BucketLookup: minio.BucketLookupPath,
		Transport:    transport,
		MaxRetries:   attempts,
	})
	if err != nil {
		return nil, bad(err)
	}
	return &bucket{cfg: cfg, client: c}, nil
}

func newTransport(ca []byte) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:   tlsTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConnsPerHost:   8,
		DisableCompression:    true, // objects come back as they were put
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ExpectContinueTimeout: time.Second,
	}
	if len(ca) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("caCertificates holds no PEM certificate: give a PEM bundle, encoded in base64")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}

type bucket struct {
	cfg    store.Config
	client *minio.Client
}

func (b *bucket) Profile() string { return b.cfg.Profile }

func (b *bucket) Put(ctx context.Context, key string, body []byte) error {
	_, err := b.put(ctx, key, body, func(*minio.PutObjectOptions) {})
	return err
}

func (b *bucket) put(ctx context.Context, key string, body []byte, condition func(*minio.PutObjectOptions)) (store.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	options := minio.PutObjectOptions{
		ContentType:      "application/octet-stream",
		DisableMultipart: true,
		SendContentMd5:   true, // a bucket with object lock refuses what has no checksum
	}
	condition(&options)
	info, err := b.client.PutObject(ctx, b.cfg.Bucket, key, bytes.NewReader(body), int64(len(body)), options)
	return cmp.Or(store.Version(info.ETag), unnamed), b.explain(ctx, "put "+key, err)
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, error) {
	body, _, err := b.Read(ctx, key)
	return body, err
}

func (b *bucket) Read(ctx context.Context, key string) ([]byte, store.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	doing := "get " + key
	core := minio.Core{Client: b.client}
	r, info, _, err := core.GetObject(ctx, b.cfg.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, store.AbsentVersion, b.explain(ctx, doing, err)
	}
	defer func() { _ = r.Close() }()
	body, err := io.ReadAll(io.LimitReader(r, store.MaxObject+1))
	switch {
	case err != nil:
		return nil, store.AbsentVersion, b.explain(ctx, doing, err)
	case len(body) > store.MaxObject:
		return nil, store.AbsentVersion, b.fail(store.ReasonTooLarge, fmt.Errorf("%s: the object is larger than %d bytes", doing, store.MaxObject))
	default:
		return body, cmp.Or(store.Version(info.ETag), unnamed), nil
	}
}

// unnamed is the version of an object of which the server tells none.
const unnamed store.Version = "-"

func (b *bucket) Replace(ctx context.Context, key string, body []byte, was store.Version) (store.Version, error) {
	if was == unnamed {
		return store.AbsentVersion, b.fail(store.ReasonError, fmt.Errorf("put %s: %w", key, store.ErrUnconditional))
	}
	return b.put(ctx, key, body, func(o *minio.PutObjectOptions) {
		if was == store.AbsentVersion {
			o.SetMatchETagExcept("*")
		} else {
			o.SetMatchETag(string(was))
		}
	})
}

func (b *bucket) List(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	var keys []string
	for o := range b.client.ListObjectsIter(ctx, b.cfg.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, b.explain(ctx, "list "+prefix, o.Err)
		}
		keys = append(keys, o.Key)
	}
	if err := ctx.Err(); err != nil {
		return nil, b.explain(ctx, "list "+prefix, err) // the iterator may end early without a word
	}
	slices.Sort(keys)
	return keys, nil
}

func (b *bucket) Delete(ctx context.Context, keys ...string) error {
	for batch := range slices.Chunk(keys, deleteBatch) {
		if err := b.deleteBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (b *bucket) deleteBatch(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	objects := func(yield func(minio.ObjectInfo) bool) {
		for _, k := range keys {
			if !yield(minio.ObjectInfo{Key: k}) {
				return
			}
		}
	}
	results, err := b.client.RemoveObjectsWithIter(ctx, b.cfg.Bucket, objects, minio.RemoveObjectsOptions{})
	if err != nil {
		return b.explain(ctx, "delete", err)
	}
	for r := range results {
		if r.Err != nil && minio.ToErrorResponse(r.Err).Code != minio.NoSuchKey {
			return b.explain(ctx, "delete "+r.ObjectName, r.Err)
		}
	}
	return b.explain(ctx, "delete", ctx.Err()) // the iterator may end early without a word
}

// Check lists rather than asks for the head of the bucket: the answer to a HEAD has no body, and so no reason.
func (b *bucket) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	for o := range b.client.ListObjectsIter(ctx, b.cfg.Bucket, minio.ListObjectsOptions{Recursive: true, MaxKeys: 1}) {
		return b.explain(ctx, "list", o.Err)
	}
	return b.explain(ctx, "list", ctx.Err())
}

func (b *bucket) fail(reason store.Reason, err error) error {
	return &store.Error{Profile: b.cfg.Profile, Reason: reason, Err: err}
}
