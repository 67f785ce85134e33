// SPDX-License-Identifier: Apache-2.0

package mem_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
)

var config = store.Config{Profile: "p", Endpoint: "https://s3.example.com", Bucket: "b", AccessKey: "a", SecretKey: "s"}

func TestConformance(t *testing.T) {
	server := mem.New()
	server.AddBucket(config)
	storetest.Run(t, server.Open, config)
}

func TestAFaultHitsTheCallThatItIsMeantFor(t *testing.T) {
	server := mem.New()
	server.AddBucket(config)
	boom := errors.New("boom")
	open := storetest.Faulty(server.Open, func(_ context.Context, c storetest.Call) error {
		if c == (storetest.Call{Profile: "p", Op: storetest.OpPut, Key: "k"}) {
			return storetest.Failure(c.Profile, store.ReasonUnreachable, boom)
		}
		return nil
	})
	s, err := open(config)
	require.NoError(t, err)
	require.ErrorIs(t, s.Put(t.Context(), "k", nil), boom)
	require.NoError(t, s.Put(t.Context(), "other", nil))
	_, err = s.Get(t.Context(), "k")
	require.ErrorIs(t, err, store.ErrNotFound)
}
