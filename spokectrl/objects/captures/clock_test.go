// SPDX-License-Identifier: Apache-2.0

package captures_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A clock that was set back does not make an earlier capture the newest one.
func TestACaptureIsNewerThanTheOneBeforeWhateverTheClockSays(t *testing.T) {
	w := newWorld(t)
	p := w.start(0, 1, nil)
	require.NoError(t, p.store())
	before, _, err := p.capture(t.Context(), "old")
	require.NoError(t, err)
	for _, name := range []string{"new", "newer"} {
		w.clock.SetTime(time.Unix(10, 0))
		after, _, err := w.start(0, 1, nil).capture(t.Context(), name)
		require.NoError(t, err)
		assert.True(t, after.Newer(&before))
		before = after
		assert.Equal(t, name, text(t, w.start(1, 2, nil).newest()))
	}
	keys, err := w.bucket(t, "a").List(t.Context(), group.Captures())
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, key := range keys {
		ids[group.CaptureOf(key).ID] = true
	}
	assert.Len(t, ids, 2, "what is older is deleted: %v", keys)
}
