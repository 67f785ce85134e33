// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
)

// everywhere runs check with something that happens before the first call of a store, before the second, and so on, until there
// is no such call.
func everywhere(t *testing.T, check func(t *testing.T, n int) (reached bool)) {
	t.Helper()
	for n := 1; ; n++ {
		require.Less(t, n, 500)
		if !check(t, n) {
			require.Greater(t, n, 15, "it has to do something")
			return
		}
		require.False(t, t.Failed(), "before call %d", n)
	}
}

// Wherever the process dies, what the stores name is whole: the capture before, or the new one.
func TestACrashAtAnyCallLeavesAWholeCapture(t *testing.T) {
	everywhere(t, func(t *testing.T, n int) bool {
		w := newWorld(t)
		p := w.start(0, 1, nil)
		require.NoError(t, p.store())
		_, _, err := p.capture(t.Context(), "old")
		require.NoError(t, err)

		fault, reached := at(n, func() error { return errCrashed })
		_, _, err = w.start(0, 1, fault).capture(t.Context(), "new")

		next := w.start(0, 1, nil)
		found := text(t, next.newest())
		if err == nil {
			assert.Equal(t, "new", found, "a capture that was told to be there is found")
		} else {
			assert.Contains(t, []string{"old", "new"}, found)
		}
		_, problems, err := next.capture(t.Context(), "last")
		require.NoError(t, err)
		require.NoError(t, problems.Err())
		assert.Equal(t, "last", text(t, w.start(1, 2, nil).newest()), "the peer reads it")
		return *reached
	})
}

// A crash during the first capture leaves none, which is an answer.
func TestACrashOfTheFirstCaptureLeavesNoneOrAWholeOne(t *testing.T) {
	everywhere(t, func(t *testing.T, n int) bool {
		w := newWorld(t)
		require.NoError(t, w.start(0, 1, nil).store())
		fault, reached := at(n, func() error { return errCrashed })
		_, _, err := w.start(0, 1, fault).capture(t.Context(), "new")
		found := w.start(1, 2, nil).newest()
		require.NoError(t, found.Problems.Err())
		if err == nil || found.Answer == captures.Found {
			assert.Equal(t, "new", text(t, found))
		} else {
			assert.Equal(t, captures.Nothing, found.Answer)
		}
		return *reached
	})
}

// A store that is lost at any call does not hold the other one back, and names a whole capture if it comes back.
func TestAStoreThatIsLostAtAnyCallHoldsNobodyBack(t *testing.T) {
	for _, lost := range profiles {
		everywhere(t, func(t *testing.T, n int) bool {
			w := newWorld(t)
			p := w.start(0, 1, nil)
			require.NoError(t, p.store())
			_, _, err := p.capture(t.Context(), "old")
			require.NoError(t, err)

			var away atomic.Bool
			count, reached := at(n, func() error { away.Store(true); return nil })
			_, problems, err := w.start(0, 1, func(ctx context.Context, c storetest.Call) error {
				if err := count(ctx, c); err != nil {
					return err
				}
				if away.Load() && c.Profile == lost {
					return storetest.Failure(lost, store.ReasonUnreachable, errCrashed)
				}
				return nil
			}).capture(t.Context(), "new")
			require.NoError(t, err)
			if problems[lost] != nil {
				assert.ErrorContains(t, problems.Err(), lost, "the profile is named")
			}

			assert.Equal(t, "new", text(t, w.start(0, 1, nil).newest()))
			for _, gone := range profiles {
				alone := w.start(1, 2, func(_ context.Context, c storetest.Call) error {
					if c.Profile == gone {
						return storetest.Failure(gone, store.ReasonUnreachable, errCrashed)
					}
					return nil
				}).newest()
				assert.Error(t, alone.Problems.Err(), "the store that did not answer may hold a newer one, which is told")
				want := []string{"new"}
				if gone != lost && problems[lost] != nil {
					want = []string{"old", "new"}
				}
				assert.Contains(t, want, text(t, alone))
			}
			return *reached
		})
	}
}

// The peer is promoted, and stores and captures, while a capture of the old primary is under way. From then on the old one
// changes nothing.
func TestACaptureOfALowerEpochNeverReplacesOneOfAHigher(t *testing.T) {
	everywhere(t, func(t *testing.T, n int) bool {
		w := newWorld(t)
		p := w.start(0, 1, nil)
		require.NoError(t, p.store())
		_, _, err := p.capture(t.Context(), "old")
		require.NoError(t, err)

		fault, reached := at(n, func() error {
			peer := w.start(1, 2, nil)
			require.Equal(t, captures.Found, peer.newest().Answer)
			require.NoError(t, peer.store())
			_, problems, err := peer.capture(context.Background(), "peer")
			require.NoError(t, err)
			require.NoError(t, problems.Err())
			return nil
		})
		_, _, _ = w.start(0, 1, fault).capture(t.Context(), "late")
		if *reached {
			for _, cluster := range []int{0, 1} {
				found := w.start(cluster, 2, nil).newest()
				assert.Equal(t, "peer", text(t, found))
				require.NoError(t, found.Problems.Err(), "in both stores")
			}
			_, _, err := w.start(0, 1, nil).capture(t.Context(), "later")
			require.ErrorContains(t, err, "at epoch 1 and must not overwrite it")
		}
		return *reached
	})
}

// Two processes of one cluster, of which one was thought to be dead, leave a whole capture.
func TestTwoProcessesOfOneClusterLeaveAWholeCapture(t *testing.T) {
	everywhere(t, func(t *testing.T, n int) bool {
		w := newWorld(t)
		p := w.start(0, 1, nil)
		require.NoError(t, p.store())
		_, _, err := p.capture(t.Context(), "old")
		require.NoError(t, err)
		fault, reached := at(n, func() error {
			_, _, err := w.start(0, 1, nil).capture(context.Background(), "second")
			require.NoError(t, err)
			return nil
		})
		_, _, _ = w.start(0, 1, fault).capture(t.Context(), "first")
		found := w.start(0, 1, nil).newest()
		assert.Contains(t, []string{"first", "second"}, text(t, found))
		require.NoError(t, found.Problems.Err())
		return *reached
	})
}

// Rules of buckets expire objects, and people delete them: a store names nothing that it does not hold.
func TestWhatIsGoneAgainBeforeTheEndIsNotNamed(t *testing.T) {
	w := newWorld(t)
	p := w.start(0, 1, nil)
	require.NoError(t, p.store())
	_, _, err := p.capture(t.Context(), "old")
	require.NoError(t, err)
	b := w.bucket(t, "b")
	expire := func(_ context.Context, c storetest.Call) error {
		if c.Profile == "b" && c.Op == storetest.OpPut && strings.HasSuffix(c.Key, "manifest.json") {
			keys, err := b.List(t.Context(), group.Captures()+"0/")
			require.NoError(t, err)
			require.NoError(t, b.Delete(t.Context(), keys[0]))
		}
		return nil
	}
	_, problems, err := w.start(0, 1, expire).capture(t.Context(), "new")
	require.NoError(t, err, "the other store has it")
	require.ErrorContains(t, problems["b"], "is gone again: look at the rules of the bucket")
	assert.Equal(t, "new", text(t, w.start(0, 1, nil).newest()))
	w.server.AddBucket(config("a"))
	assert.Equal(t, "old", text(t, w.start(0, 1, nil).newest()))
}
