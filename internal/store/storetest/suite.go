// SPDX-License-Identifier: Apache-2.0

// Package storetest is the conformance suite of package store: what every implementation promises, success and failure
// alike. It also holds a wrapper that makes any store fail on demand.
package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ramendr/ramen-direct/internal/store"
)

// beyondOnePage is more than the 1000 keys that S3 lists or deletes in one request.
const beyondOnePage = 1005

// nobodyListens is an endpoint that refuses connections: port 1 is reserved and unused.
const nobodyListens = "https://127.0.0.1:1"

// Run checks the stores that open makes. good opens an empty bucket.
func Run(t *testing.T, open store.Opener, good store.Config) {
	t.Helper()
	must := func(t *testing.T, cfg store.Config) store.Store {
		t.Helper()
		s, err := open(cfg)
		require.NoError(t, err)
		return s
	}
	t.Run("keeps objects", func(t *testing.T) { runObjects(t, must(t, good)) })
	t.Run("replaces what it was to replace, and nothing else", func(t *testing.T) { runReplace(t, must(t, good)) })
	t.Run("lists and deletes more than one page", func(t *testing.T) { runPages(t, must(t, good)) })
	t.Run("says why it fails", func(t *testing.T) { runReasons(t, open, good) })
	t.Run("refuses an object that is too large", func(t *testing.T) {
		s := must(t, good)
		require.NoError(t, s.Put(t.Context(), "large/object", make([]byte, store.MaxObject+1)))
		_, err := s.Get(t.Context(), "large/object")
		require.Error(t, err)
		assert.Equal(t, store.ReasonTooLarge, store.ReasonOf(err))
		require.NoError(t, s.Delete(t.Context(), "large/object"))
	})
	t.Run("ends when its context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, must(t, good).Check(ctx), context.Canceled)
	})
}

func runObjects(t *testing.T, s store.Store) {
	ctx := t.Context()
	require.NoError(t, s.Check(ctx))
	keys, err := s.List(ctx, "")
	require.NoError(t, err)
	require.Empty(t, keys, "the suite needs an empty bucket")

	_, err = s.Get(ctx, "app/vrg/one")
	require.ErrorIs(t, err, store.ErrNotFound)

	body := []byte("first")
	require.NoError(t, s.Put(ctx, "app/vrg/one", body))
	body[0] = 'X'
	got, err := s.Get(ctx, "app/vrg/one")
	require.NoError(t, err)
	assert.Equal(t, "first", string(got), "the store keeps a copy")

	require.NoError(t, s.Put(ctx, "app/vrg/one", []byte("2")))
	got, err = s.Get(ctx, "app/vrg/one")
	require.NoError(t, err)
	assert.Equal(t, "2", string(got), "an object is replaced whole")

	require.NoError(t, s.Put(ctx, "app/vrg/empty", nil))
	got, err = s.Get(ctx, "app/vrg/empty")
	require.NoError(t, err)
	assert.Empty(t, got)

	binary := bytes.Repeat([]byte{0, 0xff, '\n', '\r'}, 1000)
	odd := "app/vrg/v1.PersistentVolume/a+b c=d&e%2F~.é"
	require.NoError(t, s.Put(ctx, odd, binary))
	got, err = s.Get(ctx, odd)
	require.NoError(t, err)
	assert.Equal(t, binary, got)

	require.NoError(t, s.Put(ctx, "app/vrg-two/one", []byte("other")))
	keys, err = s.List(ctx, "app/vrg/")
	require.NoError(t, err)
	assert.Equal(t, []string{"app/vrg/empty", "app/vrg/one", odd}, keys, "sorted, and only what starts with the prefix")
	keys, err = s.List(ctx, "app/vr")
	require.NoError(t, err)
	assert.Len(t, keys, 4, "a prefix need not end at a slash")
	keys, err = s.List(ctx, "nobody/")
	require.NoError(t, err)
	assert.Empty(t, keys)

	require.NoError(t, s.Delete(ctx))
	require.NoError(t, s.Delete(ctx, "app/vrg/one", odd, "app/vrg/missing"))
	require.NoError(t, s.Delete(ctx, "app/vrg/one"), "deleting twice is no error")
	_, err = s.Get(ctx, "app/vrg/one")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, s.Delete(ctx, "app/vrg/empty", "app/vrg-two/one"))
	keys, err = s.List(ctx, "")
	require.NoError(t, err)
	assert.Empty(t, keys)
}

// runReplace : of two that replace the same, one fails, and knows it.
func runReplace(t *testing.T, s store.Store) {
	ctx, key := t.Context(), "app/vrg/manifest.json"
	_, version, err := s.Read(ctx, key)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Equal(t, store.AbsentVersion, version)
	_, err = s.Replace(ctx, key, []byte("late"), "0123456789abcdef0123456789abcdef")
	require.Error(t, err, "there is nothing to replace")

	first, err := s.Replace(ctx, key, []byte("first"), store.AbsentVersion)
	require.NoError(t, err)
	_, err = s.Replace(ctx, key, []byte("another first"), store.AbsentVersion)
	require.ErrorIs(t, err, store.ErrChanged)

	body, version, err := s.Read(ctx, key)
	require.NoError(t, err)
	assert.Equal(t, "first", string(body))
	assert.Equal(t, first, version)
	second, err := s.Replace(ctx, key, []byte("second"), first)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	_, err = s.Replace(ctx, key, []byte("another second"), first)
	require.ErrorIs(t, err, store.ErrChanged)
	assert.Equal(t, "second", string(must(s.Get(ctx, key))))
	require.NoError(t, s.Delete(ctx, key))
}

func must(body []byte, _ error) []byte { return body }

func runPages(t *testing.T, s store.Store) {
	var want []string
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for i := range beyondOnePage {
		key := fmt.Sprintf("many/%05d", i)
		want = append(want, key)
		group.Go(func() error { return s.Put(ctx, key, []byte("x")) })
	}
	require.NoError(t, group.Wait())
	got, err := s.List(t.Context(), "many/")
	require.NoError(t, err)
	assert.Equal(t, want, got)
	slices.Reverse(got)
	require.NoError(t, s.Delete(t.Context(), got...))
	got, err = s.List(t.Context(), "many/")
	require.NoError(t, err)
	assert.Empty(t, got)
}

func runReasons(t *testing.T, open store.Opener, good store.Config) {
	for name, tc := range map[string]struct {
		change func(*store.Config)
		want   store.Reason
		says   string
	}{
		"a secret key that is wrong":        {func(c *store.Config) { c.SecretKey += "x" }, store.ReasonAccessDenied, "key"},
		"an access key that nobody has":     {func(c *store.Config) { c.AccessKey = "nobody" }, store.ReasonAccessDenied, "key"},
		"a bucket that is missing":          {func(c *store.Config) { c.Bucket += "-missing" }, store.ReasonBucketNotFound, good.Bucket + "-missing"},
		"an endpoint where nothing listens": {func(c *store.Config) { c.Endpoint = nobodyListens }, store.ReasonUnreachable, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tc.change(&cfg)
			s, err := open(cfg)
			require.NoError(t, err, "opening talks to nobody")
			_, getErr := s.Get(t.Context(), "app/vrg/one")
			_, listErr := s.List(t.Context(), "app/")
			for call, err := range map[string]error{
				"check":  s.Check(t.Context()),
				"put":    s.Put(t.Context(), "app/vrg/one", []byte("x")),
				"get":    getErr,
				"list":   listErr,
				"delete": s.Delete(t.Context(), "app/vrg/one"),
			} {
				require.Error(t, err, call)
				assert.Equal(t, tc.want, store.ReasonOf(err), "%s: %v", call, err)
				assert.ErrorContains(t, err, cfg.Profile, call)
				assert.ErrorContains(t, err, tc.says, call)
				require.NotErrorIs(t, err, store.ErrNotFound, "%s: a store that fails has not said that the object is missing", call)
			}
		})
	}
	for name, change := range map[string]func(*store.Config){
		"an endpoint without scheme": func(c *store.Config) { c.Endpoint = "s3.example.com" },
		"an endpoint with a path":    func(c *store.Config) { c.Endpoint += "/bucket" },
		"no endpoint":                func(c *store.Config) { c.Endpoint = "" },
		"no bucket":                  func(c *store.Config) { c.Bucket = "" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			change(&cfg)
			_, err := open(cfg)
			require.Error(t, err)
			assert.Equal(t, store.ReasonBadProfile, store.ReasonOf(err))
		})
	}
}
