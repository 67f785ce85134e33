// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestALostClusterHoldsTheDeletionUntilItIsGivenUp(t *testing.T) {
	h := deployed(t)
	h.cut("dr2")
	h.disable()
	h.settle()
	assert.Equal(t, "Deleting/Deleting [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr2", "LinkLive"}, []string{w.Cluster, w.Fact})
	assert.Nil(t, h.wish("dr1").DeletionTimestamp, "the primary goes last")
	h.told()

	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/abandon-cluster"] = "dr2" })
	h.settle()
	require.Nil(t, h.drpc())
	assert.Nil(t, h.wish("dr1"))
	require.NotNil(t, h.wish("dr2"), "its tombstone stays (X6)")
	assert.Equal(t, []string{"Warning DRPCClusterAbandoned cluster dr2 was given up: VolumeReplicationGroup shop/db may be left there; outbox-dr2/shop.db has it removed when the cluster returns"}, h.told())

	h.pass()
	require.NotNil(t, h.wish("dr2"), "nobody obeyed it yet")
	h.connect("dr2")
	h.deliver("dr2")
	h.confirm("dr2")
	h.pass()
	require.NotNil(t, h.wish("dr2"), "the report is still there")
	h.tell("dr2")
	h.pass()
	assert.Nil(t, h.wish("dr2"), "it is swept away when it was obeyed")
	assert.False(t, h.spokes["dr2"].has)
}

func TestDisableIsPossibleWithoutThePolicy(t *testing.T) {
	for name, begin := range map[string]func(*hub){
		"gone before": func(*hub) {},
		"gone halfway": func(h *hub) {
			h.pass()
			h.obey("dr2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.disable()
			begin(h)
			require.NoError(t, h.api.Delete(t.Context(), policy()))
			h.settle()
			assert.Nil(t, h.drpc())
			assert.Nil(t, h.wish("dr1"))
			assert.Nil(t, h.wish("dr2"))
		})
	}
}

func TestDisableByANewHubAdoptsFirst(t *testing.T) {
	h := deployed(t)
	h.rebuild("hub-2", again(func(d *v1alpha1.DRPlacementControl) { d.Finalizers = []string{"drpc.ramendr.openshift.io/finalizer"} }))
	h.disable()
	assert.Equal(t, []string{
		"wish dr1 primary epoch 1 adopting dr1-1", "wish dr2 secondary epoch 1 adopting dr2-1",
		"remove wish dr2", "remove wish dr1", "release wish dr1", "release wish dr2", "release drpc db",
	}, h.settle())
	assert.False(t, h.spokes["dr1"].has, "the mirror removes only what carries the wish's UID")
}

func TestAnObjectWithoutOurFinalizerGetsItBack(t *testing.T) {
	h := deployed(t)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Finalizers = []string{"team.example.com/theirs"} })
	assert.Equal(t, []string{"hold drpc db"}, h.settle())
	assert.Equal(t, []string{"team.example.com/theirs", "drpc.ramendr.openshift.io/finalizer"}, h.drpc().Finalizers)
	h.disable()
	h.settle()
	assert.Equal(t, []string{"team.example.com/theirs"}, h.drpc().Finalizers, "only ours is taken off")
}

func TestAnObjectThatWasDeletedByForceAndMadeAnewGoesOn(t *testing.T) {
	h := deployed(t)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Finalizers = nil })
	h.disable()
	require.Nil(t, h.drpc())
	h.pass()
	assert.Empty(t, h.wrote(), "wishes are never removed because an object is missing (I3)")
	require.NoError(t, h.api.Create(t.Context(), again()))
	assert.Equal(t, []string{"hold drpc db", "decisions [dr1 Run]", "wish dr1 primary epoch 1", "wish dr2 secondary epoch 1"}, h.settle())
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, "drpc-again", h.wish("dr1").Annotations["drplacementcontrol.ramendr.openshift.io/drpc-uid"])
}

func TestATombstoneOfACopyThatWasNotSeenToGoStays(t *testing.T) {
	h := deployed(t)
	h.disable()
	h.pass()
	require.NotNil(t, h.wish("dr2").DeletionTimestamp)
	h.links.state["dr2"] = exchange.Link{State: exchange.LinkLost, LastRenewal: start}
	require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr2")))
	h.pass()
	assert.NotNil(t, h.wish("dr2"), "an empty inbox is no evidence (I3)")
	assert.Nil(t, h.wish("dr1").DeletionTimestamp)
}

func TestATombstoneStaysWhileTheReportIsStillSeen(t *testing.T) {
	h := deployed(t)
	h.disable()
	h.pass()
	h.deliver("dr2")
	h.confirm("dr2") // the mirror removed the report before; the cache does not show it yet
	h.pass()
	assert.Nil(t, h.wish("dr1").DeletionTimestamp)
	assert.Equal(t, "ObjectGone", h.drpc().Status.Waiting.Fact)
	h.tell("dr2")
	h.pass()
	assert.NotNil(t, h.wish("dr1").DeletionTimestamp)
}
