// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

// TestWhatWasRestoredOnceIsNotRestoredAgain : a Job that ended and was removed does not run again while something else is refused, whatever
// process makes the next attempt. A restore in another term makes all.
func TestWhatWasRestoredOnceIsNotRestoredAgain(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		primary(t, w)
		peer := w.cluster(t, 1)
		peer.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"two": true}})
		want := peer.want(cycle.Restore, 2)
		peer.store(want)
		again := func() cycle.Standing {
			t.Helper()
			<-time.After(5 * time.Minute)
			return peer.tend(want)
		}
		is := peer.tend(want)
		require.Error(t, is.Failure)
		require.Equal(t, []string{"one"}, peer.engine.Has())
		peer.engine.Lose("one")
		is = again()
		require.Error(t, is.Failure)
		assert.Empty(t, peer.engine.Has())

		want.Attempted = is.Attempted()
		require.NotEmpty(t, want.Attempted)
		peer.restart()
		is = again()
		require.Error(t, is.Failure)
		assert.Empty(t, peer.engine.Has(), "the process after it knows")
		assert.Equal(t, want.Attempted, is.Attempted())

		peer.engine.Rule(enginetest.Rules{})
		is = again()
		require.NotNil(t, is.Restored)
		assert.Equal(t, []string{"two"}, peer.engine.Has(), "what was refused is made at last")
		assert.Contains(t, is.Restored.String(), "1 were restored, are gone since, and are not made a second time: one")
		assert.Empty(t, is.Attempted())

		third := w.cluster(t, 0)
		later := third.want(cycle.Restore, 3)
		later.Attempted = want.Attempted
		third.store(later)
		is = third.tend(later)
		require.NotNil(t, is.Restored)
		assert.Equal(t, []string{"one", "two"}, third.engine.Has())
	})
}

// TestAllThatIsMissingIsNamed : a right that is missing hides no quota.
func TestAllThatIsMissingIsNamed(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		primary(t, w)
		peer := w.cluster(t, 1)
		peer.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"two": true}, Findings: []objects.Finding{{Reason: objects.NotAllowed, Object: "Secret shop/a", What: "no right"}}})
		want := peer.want(cycle.Restore, 2)
		peer.store(want)
		is := peer.tend(want)
		f := cycle.OfRestore(&want, &is)
		assert.Contains(t, f.Message, "exceeded quota: small")
		assert.Contains(t, f.Message, "Secret shop/a: no right. Apply config/spoke/objects")
	})
}
