// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// TestStoringVolumesAndNamingACaptureTakeTurns : both replace the manifest of the group, and neither may take the other for
// another cluster.
func TestStoringVolumesAndNamingACaptureTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(0, 1, func(context.Context, storetest.Call) error {
			<-time.After(100 * time.Millisecond)
			return nil
		})
		require.NoError(t, p.store())
		var all sync.WaitGroup
		for delay := range 10 {
			all.Go(func() {
				<-time.After(time.Duration(delay) * 150 * time.Millisecond)
				o, err := capsule.Encode(map[string]int{"volumes": delay})
				assert.NoError(t, err)
				assert.NoError(t, p.archive.Sync(t.Context(), group, profiles, p.term, capsule.Content{group.VRG(): o}).Err())
			})
		}
		_, problems, err := p.capture(t.Context(), "new")
		require.NoError(t, err)
		require.NoError(t, problems.Err())
		all.Wait()
		assert.Equal(t, "new", text(t, p.newest()), "storing volumes keeps what was named meanwhile")
	})
}

// TestWhatNobodyIsKnownToHaveSignedIsNotCarriedOver : a store may hold what was written before the group's keys were known, or by
// somebody else. Its volumes are kept; a capture that it names would run here.
func TestWhatNobodyIsKnownToHaveSignedIsNotCarriedOver(t *testing.T) {
	w, _ := captured(t)
	p := w.start(1, 2, nil)
	p.term.Trust = capsule.Trust{Signers: []string{w.keys[1].Public()}}
	require.NoError(t, p.store())
	found, problems := p.archive.Pointers(t.Context(), group, profiles, p.term.Trust)
	require.NoError(t, problems.Err())
	require.Len(t, found, len(profiles))
	for _, f := range found {
		assert.Nil(t, f.Pointer, f.Store.Profile())
	}
}
