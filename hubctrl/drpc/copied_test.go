// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// protects says why not all that a group has is on its peer.
func protects(reason string) func(*v1alpha1.VolumeReplicationGroupStatus) {
	return func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			if c := &s.Conditions[i]; c.Type == "DataProtected" {
				c.Status, c.Reason, c.Message = metav1.ConditionFalse, reason, "claim data: what the storage says"
			}
		}
		if reason == "NotReplicated" {
			s.LastGroupSyncTime = nil
		}
	}
}

// TestNoRelocateBeginsFromAClusterThatCantHandOver : by the time that its demotion turned out to hang, its workload would be gone.
func TestNoRelocateBeginsFromAClusterThatCantHandOver(t *testing.T) {
	for _, reason := range []string{"NotReplicated", "Error"} {
		h := deployed(t)
		h.restate("dr1", protects(reason))
		was := h.shows()
		h.relocate("dr2")
		h.pass()
		assert.Contains(t, h.shows(), "[dr1 Run] dr1:primary@1", "it was %s", was)
		w := h.drpc().Status.Waiting
		require.NotNil(t, w)
		assert.Equal(t, []string{"VolumesReplicated", "dr1"}, []string{w.Fact, w.Cluster})
		assert.Contains(t, w.Message, "claim data: what the storage says")
		h.obey("dr1")
		h.settle()
		assert.Contains(t, h.shows(), "[dr2 Run]", "it continues automatically")
	}
}

// TestAnApplicationThatIsNotProtectedAgainSaysSo where nothing else is waited for, once it takes longer than it should (I7).
func TestAnApplicationThatIsNotProtectedAgainSaysSo(t *testing.T) {
	h := deployed(t)
	h.restate("dr1", protects("NotReplicated"))
	result, err := h.r.Reconcile(t.Context(), reconcile.Request{NamespacedName: app})
	require.NoError(t, err)
	assert.Nil(t, h.drpc().Status.Waiting, "a first copy takes its time")
	assert.Equal(t, "Progressing", h.condition("Protected").Reason)
	require.Positive(t, result.RequeueAfter, "nobody else tells that it takes too long")
	h.clock.SetTime(h.clock.Now().Add(result.RequeueAfter))
	h.connect("dr1")
	h.connect("dr2")
	h.pass()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"VolumesReplicated", "dr1"}, []string{w.Fact, w.Cluster})
	assert.Contains(t, w.Message, "what the storage says")
	assert.Contains(t, w.NextStep, "kubectl --context dr2 get pv")
	assert.WithinDuration(t, start, w.Since.Time, time.Minute, "since it is not protected")

	h.obey("dr1")
	h.pass()
	assert.Nil(t, h.drpc().Status.Waiting)
}

// TestTheWayBackFromARelocateThatCantEnd leads to the side that has all that was written, whatever the preferred cluster is, and
// though its demotion is not complete.
func TestTheWayBackFromARelocateThatCantEnd(t *testing.T) {
	for name, back := range map[string]func(*v1alpha1.DRPlacementControl){
		"the action is cleared":     func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "", "dr2" },
		"a relocate to it":          func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr1" },
		"a failover that names it":  func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.FailoverCluster = "Failover", "dr1" },
		"a relocate to the other":   nil,
		"the object is deleted too": nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.relocate("dr2")
			for range 12 {
				if w := h.wish("dr1"); w.Spec.ReplicationState == v1alpha1.Secondary {
					break
				}
				h.pass()
				h.follow()
				h.obey("dr1")
				h.obey("dr2")
			}
			require.Equal(t, v1alpha1.Secondary, h.wish("dr1").Spec.ReplicationState)
			h.obey("dr1")
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
				protects("HandingOver")(s)
				s.State = v1alpha1.UnknownState
			})
			h.pass()
			w := h.drpc().Status.Waiting
			require.NotNil(t, w, h.shows())
			assert.Equal(t, "Secondary dr1", w.Fact+" "+w.Cluster)
			assert.Contains(t, w.NextStep, "set action Failover and failoverCluster to dr1")
			switch {
			case back != nil:
				h.ask(back)
			case name == "the object is deleted too":
				h.disable()
			}
			h.pass()
			if back == nil && name == "a relocate to the other" {
				assert.Equal(t, v1alpha1.Secondary, h.wish("dr1").Spec.ReplicationState)
				return
			}
			assert.Equal(t, v1alpha1.Primary, h.wish("dr1").Spec.ReplicationState, h.shows())
			assert.Equal(t, "2", h.wish("dr1").Annotations["exchange.ramendr.openshift.io/epoch"])
			assert.Equal(t, v1alpha1.Secondary, h.wish("dr2").Spec.ReplicationState)
		})
	}
}

// TestASeveredSideHearsThatItsPeerHasTakenOver after a failover, so that it may let go of what the user gave up; then it is no target any
// more until it is in sync.
func TestASeveredSideHearsThatItsPeerHasTakenOver(t *testing.T) {
	h := deployed(t)
	h.spokes["dr1"].inUse = true
	h.cut("dr1")
	h.failover("dr2")
	h.settle()
	h.connect("dr1")
	for range 6 {
		h.pass()
		h.follow()
		h.obey("dr2")
		h.obey("dr1")
	}
	h.spokes["dr1"].inUse = false
	h.obey("dr1")
	severed := func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.State = v1alpha1.UnknownState
		for i := range s.Conditions {
			if c := &s.Conditions[i]; c.Type == "DataReady" || c.Type == "DataProtected" {
				c.Status, c.Reason, c.Message = metav1.ConditionFalse, "Interrupted", "PersistentVolume pv-data is retained"
			}
		}
	}
	h.restate("dr1", severed)
	h.pass()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w, h.shows())
	assert.Equal(t, "Secondary dr1", w.Fact+" "+w.Cluster)
	assert.Contains(t, w.Message, "PersistentVolume pv-data is retained")
	h.pass()
	assert.Equal(t, "true", h.wish("dr1").Annotations[v1alpha1.AnnotationPeerServes], h.shows())
	assert.Equal(t, "False", string(h.condition("PeerReady").Status))

	h.failover("dr1")
	h.pass()
	assert.Equal(t, v1alpha1.Secondary, h.wish("dr1").Spec.ReplicationState, "it may have let go what it had")
}
