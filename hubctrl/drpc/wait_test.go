// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestALostHomeIsUnknownNotGone(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	h.pass()
	assert.Empty(t, h.wrote(), "nothing moves because something is silent (I3)")
	for kind, want := range map[string]string{
		"Available":   "Unknown LinkLost the workload runs on dr1 as far as is known: cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z",
		"PeerReady":   "True Success cluster dr2 is Secondary",
		"Protected":   "Unknown LinkLost cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z; what was written after 2026-01-01T11:59:00Z would be lost by a failover",
		"Ready":       "False LinkLive cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z",
		"Reconciling": "True LinkLive cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z",
	} {
		c := h.condition(kind)
		assert.Equal(t, want, string(c.Status)+" "+c.Reason+" "+c.Message, kind)
	}
	assert.False(t, h.has("Stalled"), "it heals by itself")
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, start.Add(-15*time.Second), w.Since.UTC())
	assert.Equal(t, "the operation continues automatically when the mirror on dr1 reports again; to run the workload on the other cluster now, set action Failover", w.NextStep)
}

func TestALostPeerIsNotReady(t *testing.T) {
	h := deployed(t)
	h.cut("dr2")
	h.pass()
	assert.Empty(t, h.wrote())
	c := h.condition("PeerReady")
	assert.Equal(t, "False LinkLost cluster dr2 can't be reached; last heard of at 2026-01-01T11:59:45Z", string(c.Status)+" "+c.Reason+" "+c.Message)
	assert.Equal(t, "True", string(h.condition("Available").Status))
	assert.Equal(t, "True", string(h.condition("Protected").Status))
}

func TestSinceTellsWhenAWaitBegan(t *testing.T) {
	for name, tc := range map[string]struct {
		begin func(*hub)
		fact  string
	}{
		"for an answer": {func(h *hub) { h.failover("dr2") }, "Answer"},
		"for an inbox behind a live link": {func(h *hub) {
			require.NoError(h.t, h.api.Delete(h.t.Context(), h.inbox("dr2")))
			w := h.wish("dr2")
			w.Finalizers = nil
			require.NoError(h.t, h.api.Update(h.t.Context(), w))
			require.NoError(h.t, h.api.Delete(h.t.Context(), w))
			h.lease("dr2", "of something more")
		}, "InboxComplete"},
		"for the user": {func(h *hub) { h.failover("dr7") }, "TargetNamed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			tc.begin(h)
			h.clock.SetTime(start.Add(time.Minute))
			h.connect("dr2")
			h.pass()
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Equal(t, tc.fact, w.Fact)
			assert.Equal(t, start.Add(time.Minute), w.Since.UTC())
			h.log = nil
			h.clock.SetTime(start.Add(2 * time.Minute))
			h.connect("dr2") // another renewal
			h.pass()
			assert.Empty(t, h.log, "nothing is new")
			assert.Equal(t, start.Add(time.Minute), h.drpc().Status.Waiting.Since.UTC())
		})
	}
}

func TestWhatTheMirrorRefusesIsSaid(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.pass()
	h.delivery("dr2", condition("Applied", "False", "EpochRefused", "the cluster has applied epoch 9"))
	h.pass()
	assert.Equal(t, "the mirror of cluster dr2 can't apply the wish: EpochRefused: the cluster has applied epoch 9", h.drpc().Status.Waiting.Message)
	h.delivery("dr2", condition("Applied", "False", "OwnedElsewhere", "the object belongs to the hub other"))
	h.pass()
	w := h.drpc().Status.Waiting
	assert.Equal(t, "ForeignObject", w.Fact)
	assert.Equal(t, "VolumeReplicationGroup shop/db on cluster dr2 is not this hub's: the mirror can't apply the wish: OwnedElsewhere: the object belongs to the hub other", w.Message)
	assert.Equal(t, "find out who made it; if it is not needed, remove it: kubectl --context dr2 -n shop delete vrg db", w.NextStep)
	assert.Equal(t, "True", string(h.condition("Stalled").Status))
}

func TestATroubledWorkloadIsToldAsTheClusterTellsIt(t *testing.T) {
	h := deployed(t)
	h.spokes["dr1"].broken = "VolumeReplication data is gone"
	h.obey("dr1")
	h.pass()
	assert.Empty(t, h.wrote())
	for kind, want := range map[string]string{
		"Available": "False Deployed cluster dr1 is not Primary and ready: DataReady is False, Error: VolumeReplication data is gone",
		"Protected": "False Error cluster dr1: DataReady: Error: VolumeReplication data is gone",
	} {
		c := h.condition(kind)
		assert.Equal(t, want, string(c.Status)+" "+c.Reason+" "+c.Message, kind)
	}
}

func TestAWishThatIsNotAnsweredYetDoesNotHideTrouble(t *testing.T) {
	h := deployed(t)
	h.spokes["dr1"].broken = "VolumeReplication data is gone"
	h.obey("dr1")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange.WishGeneration-- })
	h.pass()
	assert.Equal(t, "False", string(h.condition("Available").Status))
	h.spokes["dr1"].broken = ""
	h.obey("dr1")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange.WishGeneration-- })
	h.pass()
	assert.Equal(t, "True", string(h.condition("Available").Status))
	assert.Equal(t, "the workload runs on dr1; cluster dr1 has not answered the latest wish yet", h.condition("Available").Message)
}

func TestAClaimInTheWayOfARestoreIsTheUsersToRemove(t *testing.T) {
	h := moments["failing-over-not-ready"](t)
	h.restate("dr2", notYet("ClusterDataReady", "Error", "delete the claim to restore it"))
	h.pass()
	assert.Equal(t, "the operation continues automatically", h.drpc().Status.Waiting.NextStep)
	assert.False(t, h.has("Stalled"))

	h.restate("dr2", notYet("NoClusterDataConflict", "ClusterDataConflictPrimary", "delete the claim to restore it"))
	h.pass()
	w := h.drpc().Status.Waiting
	assert.Equal(t, "Primary", w.Fact)
	assert.Equal(t, "cluster dr2 is not Primary and ready yet: ClusterDataReady is False, Error: delete the claim to restore it", w.Message)
	assert.Equal(t, "fix the problem described in the message on cluster dr2, while nobody deploys there; then the operation continues automatically", w.NextStep)
	assert.Equal(t, metav1.ConditionTrue, h.condition("Stalled").Status, "only the user can help")
}
