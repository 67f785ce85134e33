// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// deleteByHand deletes the wish for cluster, as an administrator may who breaks the glass.
func (h *hub) deleteByHand(cluster string) {
	h.t.Helper()
	require.NoError(h.t, h.api.Delete(h.t.Context(), h.wish(cluster)))
}

func TestTheWishOfASecondaryThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	h := deployed(t)
	h.deleteByHand("dr2")
	h.pass()
	require.NotNil(t, h.wish("dr2").DeletionTimestamp, "the cluster has not obeyed yet")
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr2", "ObjectGone"}, []string{w.Cluster, w.Fact})
	assert.Equal(t, "the wish outbox-dr2/shop.db was deleted by hand: VolumeReplicationGroup shop/db still exists on cluster dr2", w.Message)
	assert.Equal(t, "the wish is re-created when the cluster has removed the VolumeReplicationGroup", w.NextStep)
	assert.Equal(t, []string{"release wish dr2", "wish dr2 secondary epoch 1"}, h.settle())
	assert.Nil(t, h.wish("dr2").DeletionTimestamp)
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
}

func TestTheWishOfAPrimaryThatSomebodyDeletedIsMadeAnewWhereTheWorkloadIs(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	h.settle()
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "", "dr1" })
	h.settle()
	require.Equal(t, "Deployed/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	h.deleteByHand("dr2")
	h.pass()
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr2", "ObjectGone"}, []string{w.Cluster, w.Fact})
	assert.Equal(t, []string{"release wish dr2", "mark wish dr1", "wish dr2 primary epoch 3"}, h.settle(), "the workload was there, whatever is preferred")
	assert.Equal(t, "Deployed/Completed [dr2 Run] dr1:secondary@1 dr2:primary@3", h.shows())
	assert.Equal(t, "True", string(h.condition("Ready").Status))
}

func TestBothWishesThatSomebodyDeletedAreMadeAnewWhereTheWorkloadIs(t *testing.T) {
	h := deployed(t)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr2" })
	h.settle()
	h.deleteByHand("dr1")
	h.deleteByHand("dr2")
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@2 dr2:secondary@2", h.shows())
	for _, c := range []string{"dr1", "dr2"} {
		assert.Nil(t, h.wish(c).DeletionTimestamp, c)
	}
}

func TestAHubThatCrashesWhileItMakesAWishAnewGoesOn(t *testing.T) {
	h := deployed(t)
	h.deleteByHand("dr1")
	h.pass()
	h.obey("dr1")
	h.count, h.crashAt = 0, 1
	_, err := h.try(app)
	require.ErrorIs(t, err, errCrash)
	require.Nil(t, h.wish("dr1"), "between the two writes")
	h.crashAt = -1
	assert.Equal(t, []string{"release wish dr1", "mark wish dr2", "wish dr1 primary epoch 2"}, h.settle())
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@2 dr2:secondary@1", h.shows())
}

func TestAFailoverGoesOnThoughTheFailedSidesWishWasDeleted(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	h.deleteByHand("dr1")
	h.pass()
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr1", "LinkLive"}, []string{w.Cluster, w.Fact})
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:primary@1 dr2:primary@2", h.shows())
	h.connect("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
}

// A group whose workload has left lets claims go that leave, and what was written to them: to promote it again would
// replace the peer's copies by nothing.
func TestTheWishOfASourceThatSomebodyDeletedInTheMiddleOfARelocateWaitsForTheUser(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	for range 3 {
		h.pass()
		h.obey("dr1")
	}
	require.Equal(t, "Relocating/WaitOnUserToCleanUp [] dr1:primary@1 dr2:secondary@1", h.shows())
	h.deleteByHand("dr1")
	h.settle()
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr1", "HomeNamed"}, []string{w.Cluster, w.Fact})
	assert.Equal(t, "the wish outbox-dr1/shop.db was deleted by hand while the workload was between clusters: cluster dr1 gives up what it replicated", w.Message)
	assert.Equal(t, "look for the data on both clusters; where it is, it stays if you disable and protect again: kubectl -n shop delete drpc db; "+
		"or, if dr2 has it, set action Failover and failoverCluster to dr2", w.NextStep)
	assert.Equal(t, "True", string(h.condition("Stalled").Status))

	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
}

func TestDRIsDisabledThoughSomebodyDeletedAWish(t *testing.T) {
	for _, cluster := range []string{"dr1", "dr2"} {
		h := deployed(t)
		h.deleteByHand(cluster)
		h.pass()
		h.disable()
		h.settle()
		assert.Nil(t, h.drpc(), cluster)
		assert.Nil(t, h.wish("dr1"), cluster)
		assert.Nil(t, h.wish("dr2"), cluster)
	}
}
