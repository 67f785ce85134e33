// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func abandon(h *hub, clusters string) {
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/abandon-cluster"] = clusters })
}

func TestDRCanBeDisabledWithBothClustersLost(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	h.cut("dr2")
	h.disable()
	next := func() string {
		h.settle()
		return h.drpc().Status.Waiting.NextStep
	}
	assert.Contains(t, next(), "kubectl -n shop annotate --overwrite drpc db ramendr.openshift.io/abandon-cluster=dr2")
	abandon(h, "dr2")
	assert.Contains(t, next(), "kubectl -n shop annotate --overwrite drpc db ramendr.openshift.io/abandon-cluster=dr2,dr1", "what was given up stays so")
	abandon(h, "dr2,dr1")
	h.settle()
	assert.Nil(t, h.drpc())
	assert.NotNil(t, h.wish("dr1").DeletionTimestamp)
	assert.NotNil(t, h.wish("dr2").DeletionTimestamp)
}

// protectedAgain is an application whose DR was disabled without the lost cluster, and that is protected again.
func protectedAgain(t *testing.T, lost, preferred string) *hub {
	t.Helper()
	h := deployed(t)
	h.cut(lost)
	h.disable()
	h.settle()
	abandon(h, lost)
	h.settle()
	require.Nil(t, h.drpc())
	h.put(again(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = preferred }))
	h.settle()
	return h
}

func TestWhatAnEarlierProtectionLeftIsOnlyWaitedFor(t *testing.T) {
	for _, lost := range []string{"dr1", "dr2"} {
		other := map[string]string{"dr1": "dr2", "dr2": "dr1"}[lost]
		t.Run(lost, func(t *testing.T) {
			h := protectedAgain(t, lost, other)
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Equal(t, []string{lost, "LinkLive", "DR was disabled earlier without cluster " + lost + ", which was given up: VolumeReplicationGroup shop/db must still be removed there (outbox-" + lost +
				"/shop.db); cluster " + lost + " can't be reached; last heard of at 2026-01-01T11:59:45Z"}, []string{w.Cluster, w.Fact, w.Message})
			assert.Contains(t, w.NextStep, "; to protect the application on "+other+" now, set action Failover and failoverCluster to "+other)

			h.connect(lost)
			h.settle()
			if h.spokes[lost].inUse {
				assert.Contains(t, h.shows(), "WaitForUser/Paused []", "the workload of that time still runs there")
				h.spokes[lost].inUse = false
				h.obey(lost)
				h.settle()
			}
			assert.Contains(t, h.shows(), "Deployed/Completed ["+other+" Run]", "it begins once that was obeyed")
		})
		t.Run(lost+" and a failover to the other side", func(t *testing.T) {
			h := protectedAgain(t, lost, other)
			h.failover(other)
			h.settle()
			assert.Contains(t, h.shows(), "FailedOver/Cleaning Up [", "it does not wait")
			assert.Contains(t, h.shows(), other+" Run")
			assert.Contains(t, h.shows(), lost+" Retain")
			assert.Equal(t, "primary", string(h.wish(other).Spec.ReplicationState))
			assert.NotNil(t, h.wish(lost).DeletionTimestamp)

			h.connect(lost)
			h.settle()
			assert.Contains(t, h.shows(), "FailedOver/Completed ["+other+" Run]")
			assert.Equal(t, "secondary", string(h.wish(lost).Spec.ReplicationState))
			assert.Nil(t, h.wish(lost).DeletionTimestamp)
		})
		t.Run(lost+" and DR is disabled once more", func(t *testing.T) {
			h := protectedAgain(t, lost, other)
			h.disable()
			h.settle()
			assert.Nil(t, h.drpc())
			require.NotNil(t, h.wish(lost), "it is swept away when it was obeyed")
			h.connect(lost)
			h.obey(lost)
			h.pass()
			assert.Nil(t, h.wish(lost))
		})
	}
}

func TestDisableLeavesAloneWhatAnotherHubTookOver(t *testing.T) {
	h := deployed(t)
	for name, s := range h.spokes {
		s.stamp.Origin, s.stamp.WishUID = "hub-2", "a wish of hub-2 for "+name
		h.tell(name)
		h.delivery(name, condition("Applied", "False", "OwnedElsewhere", "the object on the cluster belongs to the hub hub-2"))
	}
	h.pass()
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"ForeignObject", "VolumeReplicationGroup shop/db on cluster dr1 belongs to another hub, hub-2: the mirror can't apply the wish: OwnedElsewhere: the object on the cluster belongs to the hub hub-2",
		"protect the application by one hub only: disable DR on the other one, or here: kubectl -n shop delete drpc db, which leaves the object on cluster dr1 as it is"}, []string{w.Fact, w.Message, w.NextStep})

	h.disable()
	for range 6 {
		h.pass()
		for _, name := range []string{"dr1", "dr2"} {
			if wish := h.wish(name); wish != nil && wish.DeletionTimestamp != nil {
				h.delivery(name, condition("Applied", "False", "OwnedElsewhere", "the object on the cluster was not made from this wish; it is not deleted"))
			}
		}
	}
	assert.Nil(t, h.drpc())
	assert.Empty(t, h.wishes())
	assert.True(t, h.spokes["dr1"].has)
	assert.True(t, h.spokes["dr2"].has)
}
