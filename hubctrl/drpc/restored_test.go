// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestARestoredHubRecallsWhatItsClustersObey(t *testing.T) {
	h := deployed(t)
	backup := h.backup()
	h.relocate("dr2")
	h.settle()
	h.restore(backup)
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows(), "the backup remembers no move")

	wrote := h.settle()
	assert.Equal(t, []string{"wish dr1 secondary for Relocate epoch 1", "wish dr2 primary for Relocate epoch 2"}, wrote[:2], "as they are, before anything else is decided")
	assert.Equal(t, "Deployed/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	assert.Equal(t, v1alpha1.Secondary, h.spokes["dr1"].spec.ReplicationState)
	assert.Equal(t, v1alpha1.Primary, h.spokes["dr2"].spec.ReplicationState)
	assert.True(t, h.spokes["dr2"].inUse)
	assert.Empty(t, h.settle())
}

func TestARestoredSpecMovesNothingUntilItIsSaidAgain(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	backup := h.backup()
	h.relocate("dr1")
	h.settle()
	h.restore(backup)
	h.settle()
	assert.Equal(t, "WaitForUser/Paused [dr1 Run] dr1:primary@3 dr2:secondary@2", h.shows())
	w := h.drpc().Status.Waiting
	assert.Equal(t, "SpecConfirmed", w.Fact)
	assert.Equal(t, "the hub was restored from a backup: its clusters had obeyed a later spec than this one, by which the workload is on cluster dr1. "+
		"This spec asks for Failover to dr2, and nothing was moved yet", w.Message)
	assert.Equal(t, "look at spec.action and the clusters in the spec, and set them to what you want; any change of the spec is a confirmation", w.NextStep)
	assert.EqualValues(t, "True", h.condition("Stalled").Status)

	h.relocate("dr1")
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr1 Run] dr1:primary@3 dr2:secondary@2", h.shows())
}

func TestARestoredSpecIsCarriedOutWhenItIsConfirmed(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	backup := h.backup()
	h.relocate("dr1")
	h.settle()
	h.restore(backup)
	h.settle()
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "" })
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@3 dr2:secondary@2", h.shows())
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@4 dr2:primary@4", h.shows())
}

// An object that was being deleted when its cluster last reported is not recalled: the wish of the backup is obeyed once
// it is gone.
func TestARestoredHubDoesNotRecallWhatIsOnItsWayOut(t *testing.T) {
	h := deployed(t)
	backup := h.backup()
	h.failover("dr2")
	h.settle()
	h.spokes["dr2"].stamp.SpokeDeleting = true
	h.restore(backup)
	h.pass()
	assert.Equal(t, []string{"wish dr1 secondary for Failover epoch 2"}, h.wrote())
}
