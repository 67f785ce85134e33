// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
)

// stores are the two object stores that both clusters use.
type stores struct {
	server *mem.Server
	mu     sync.Mutex
	down   map[string]bool
	asked  map[string]int // calls, by profile
	writes atomic.Int64
}

func newStores() *stores {
	s := &stores{server: mem.New(), down: map[string]bool{}, asked: map[string]int{}}
	for _, b := range []string{"dr1", "dr2"} {
		s.server.AddBucket(store.Config{Profile: "s3-" + b, Endpoint: "https://s3.example.com", Bucket: b, AccessKey: "a", SecretKey: "s"})
	}
	return s
}

func (s *stores) open() store.Opener {
	return storetest.Faulty(s.server.Open, func(_ context.Context, c storetest.Call) error {
		s.mu.Lock()
		s.asked[c.Profile]++
		s.mu.Unlock()
		if c.Op == storetest.OpPut {
			s.writes.Add(1)
		}
		if s.down[c.Profile] {
			return storetest.Failure(c.Profile, store.ReasonUnreachable, context.DeadlineExceeded)
		}
		return nil
	})
}

// keys are those of one bucket.
func (s *stores) keys(t *testing.T, bucket string) []string {
	t.Helper()
	b, err := s.server.Open(store.Config{Profile: "x", Endpoint: "https://s3.example.com", Bucket: bucket, AccessKey: "a", SecretKey: "s"})
	require.NoError(t, err)
	keys, err := b.List(t.Context(), "")
	require.NoError(t, err)
	return keys
}
