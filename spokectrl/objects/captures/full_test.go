// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
)

var errFull = errors.New("the quota of the bucket is used up")

// full is a store that takes a number of objects, and no more. What it has can be read, and deleted.
func full(profile string, room int) storetest.Fault {
	var mu sync.Mutex
	return func(_ context.Context, c storetest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if c.Op != storetest.OpPut || profile != "" && c.Profile != profile {
			return nil
		}
		if room--; room < 0 {
			return storetest.Failure(c.Profile, store.ReasonError, errFull)
		}
		return nil
	}
}

// A store gets full at any object of a capture: it names the capture before, which is whole. The other one has the new one. With
// room again it gets the next, and nothing is left of the half one.
func TestAStoreThatGetsFullKeepsAWholeCapture(t *testing.T) {
	for _, of := range append(profiles, "") { // one of them, or both
		for room := 0; ; room++ {
			require.Less(t, room, 100)
			w := newWorld(t)
			p := w.start(0, 1, nil)
			require.NoError(t, p.store())
			_, _, err := p.capture(t.Context(), "old")
			require.NoError(t, err)
			_, problems, err := w.start(0, 1, full(of, room)).capture(t.Context(), "new")
			if err == nil && problems.Err() == nil {
				require.Greater(t, room, 3)
				break
			}
			next := w.start(1, 2, nil)
			if of == "" && err != nil {
				require.ErrorContains(t, err, errFull.Error())
				assert.Equal(t, "old", text(t, next.newest()))
			} else if of != "" {
				require.NoError(t, err, "the other store has room")
				require.ErrorContains(t, problems[of], errFull.Error(), "the profile is named, and why")
				assert.Equal(t, "new", text(t, next.newest()))
			}
			for _, gone := range profiles { // each by itself
				alone := w.start(1, 2, func(_ context.Context, c storetest.Call) error {
					if c.Profile == gone {
						return storetest.Failure(gone, store.ReasonUnreachable, errCrashed)
					}
					return nil
				}).newest()
				assert.Contains(t, []string{"old", "new"}, text(t, alone))
			}
			_, problems, err = w.start(0, 1, nil).capture(t.Context(), "last")
			require.NoError(t, err)
			require.NoError(t, problems.Err())
			assert.Equal(t, "last", text(t, w.start(1, 2, nil).newest()))
			for _, profile := range profiles {
				keys, err := w.bucket(t, profile).List(t.Context(), group.Captures())
				require.NoError(t, err)
				ids := map[string]bool{}
				for _, key := range keys {
					ids[group.CaptureOf(key).ID] = true
				}
				assert.LessOrEqual(t, len(ids), 2, "half a capture does not stay: %v", keys)
			}
			require.False(t, t.Failed(), "%q with room for %d", of, room)
		}
	}
}
