// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestAStatusThatSomebodyElseWroteIsWrittenAgain at once: the hub reads there whether the peer stands by, and nothing else
// happens to a Secondary at rest.
func TestAStatusThatSomebodyElseWroteIsWrittenAgain(t *testing.T) {
	c := deployed(t, newStores())
	was := c.group()
	wakes := func(change func()) bool {
		old := was
		change()
		was = c.group()
		return c.r.Edited().Update(event.UpdateEvent{ObjectOld: old, ObjectNew: was})
	}
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
	for range 8 {
		assert.False(t, wakes(func() {
			_, err := c.pass()
			require.NoError(t, err)
		}), "our own write")
		c.neighbors()
	}
	require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	good := c.group().Status.Conditions

	for name, edit := range map[string]func(*v1alpha1.VolumeReplicationGroupStatus){
		"all":       func(s *v1alpha1.VolumeReplicationGroupStatus) { *s = v1alpha1.VolumeReplicationGroupStatus{} },
		"the state": func(s *v1alpha1.VolumeReplicationGroupStatus) { s.State = v1alpha1.PrimaryState },
		"a message": func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Conditions[0].Message = "all is lost" },
	} {
		assert.True(t, wakes(func() {
			g := c.group()
			edit(&g.Status)
			require.NoError(t, c.client.Status().Update(t.Context(), g))
		}), name)
		c.settle()
		was = c.group()
		assert.Equal(t, v1alpha1.SecondaryState, was.Status.State, name)
		assert.Len(t, was.Status.Conditions, len(good), name)
		assert.NotEqual(t, "all is lost", was.Status.Conditions[0].Message)
	}
	assert.False(t, c.r.Edited().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: was}), "a list again")
}
