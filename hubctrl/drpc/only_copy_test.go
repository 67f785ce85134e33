// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// runs has the workload run on cluster before anybody protects it.
func (h *hub) runs(cluster string) {
	h.spokes[cluster].inUse, h.spokes[cluster].own = true, true
	h.spokes[other(cluster)].empty = true
}

func other(cluster string) string {
	if cluster == "dr1" {
		return "dr2"
	}
	return "dr1"
}

// TestProtectionDoesNotBeginWhereTheWorkloadIsNot: an application runs on dr1, and a new DRPlacementControl prefers dr2.
func TestProtectionDoesNotBeginWhereTheWorkloadIsNot(t *testing.T) {
	for name, tc := range map[string]struct {
		spec, way func(*v1alpha1.DRPlacementControl)
		want      string
	}{
		"named by preferredCluster": {
			way:  func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr1" },
			want: "Deployed/Completed [dr1 Run] dr1:primary@2 dr2:secondary@1",
		},
		"named by a relocate": {
			way: func(d *v1alpha1.DRPlacementControl) {
				d.Spec.Action, d.Spec.PreferredCluster = v1alpha1.ActionRelocate, "dr1"
			},
			want: "Relocated/Completed [dr1 Run] dr1:primary@2 dr2:secondary@1",
		},
		"an object from Git that asks for a failover of long ago": {
			spec: func(d *v1alpha1.DRPlacementControl) {
				d.Spec.Action, d.Spec.PreferredCluster, d.Spec.FailoverCluster = v1alpha1.ActionFailover, "dr1", "dr2"
			},
			way:  func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "" },
			want: "Deployed/Completed [dr1 Run] dr1:primary@2 dr2:secondary@1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr2" }, func(d *v1alpha1.DRPlacementControl) {
				if tc.spec != nil {
					tc.spec(d)
				}
			}))
			h.runs("dr1")
			assert.Equal(t, []string{"hold drpc db", "wish dr1 secondary epoch 1"}, h.settle())
			assert.Equal(t, "WaitForUser/Paused [] dr1:secondary@1", h.shows())
			d := h.drpc()
			assert.Nil(t, d.Status.Decisions, "absent, not empty: an empty list takes the workload away")
			require.NotNil(t, d.Status.Waiting)
			assert.Equal(t, []string{"WorkloadElsewhere", "dr1"}, []string{d.Status.Waiting.Fact, d.Status.Waiting.Cluster})
			assert.Contains(t, d.Status.Waiting.Message, "the workload runs on dr1")
			assert.Contains(t, d.Status.Waiting.NextStep, "the workload runs on dr1: set preferredCluster to it")
			assert.Equal(t, metav1.ConditionTrue, h.condition("Stalled").Status)
			assert.True(t, h.spokes["dr1"].inUse)

			h.ask(tc.way)
			h.settle()
			assert.Equal(t, tc.want, h.shows())
			assert.True(t, h.spokes["dr1"].inUse, "it ran all the time")
			assert.False(t, h.spokes["dr2"].inUse)
		})
	}
}

func TestClaimsOnThePeerAreToldAndStopARelocate(t *testing.T) {
	h := deployed(t)
	h.spokes["dr2"].own = true
	h.obey("dr2")
	h.settle()
	for _, kind := range []string{"PeerReady", "Protected", "Ready"} {
		c := h.condition(kind)
		assert.Equal(t, metav1.ConditionFalse, c.Status, kind)
		assert.Contains(t, c.Message, "here are claims that were never replicated: data", kind)
	}
	assert.Equal(t, metav1.ConditionTrue, h.condition("Available").Status)
	h.relocate("dr2")
	assert.Empty(t, h.settle())
	assert.Equal(t, "Initiating/PreparingFinalSync [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, "NoClusterDataConflict", h.drpc().Status.Waiting.Fact)
	assert.NotContains(t, h.drpc().Status.Waiting.NextStep, "delete")
	h.spokes["dr2"].own = false
	h.obey("dr2")
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
}

// failoverWord accepts what the failover that the spec asks for loses.
func failoverWord(d *v1alpha1.DRPlacementControl, cluster string) string {
	return fmt.Sprintf("failover/%s/%d.%s", cluster, d.Generation, d.UID)
}

func TestAFailoverThatFoundNothingWaitsForTheUsersWord(t *testing.T) {
	h := deployed(t)
	h.spokes["dr2"].empty = true
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailingOver/WaitingForResourceRestore [dr1 Retain] dr1:primary@1 dr2:primary@2", h.shows())
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Contains(t, w.Message, "cluster dr2 found nothing to restore, but cluster dr1 has volumes by its last report")
	assert.Contains(t, w.Message, "shop/data")
	word := failoverWord(h.drpc(), "dr2")
	assert.Contains(t, w.NextStep, "kubectl -n shop annotate drpc db --overwrite ramendr.openshift.io/accept-loss="+word)
	assert.True(t, h.spokes["dr1"].inUse, "what runs goes on")
	say := func(value string) {
		h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/accept-loss"] = value })
		h.settle()
	}
	for _, wrong := range []string{"true", "dr2", failoverWord(h.drpc(), "dr1"), "replaced/dr2/2.drpc-uid", "failover/dr2/2.drpc-uidx", "failover/dr2/999.drpc-uid"} {
		say(wrong)
		assert.Equal(t, "FailingOver/WaitingForResourceRestore [dr1 Retain] dr1:primary@1 dr2:primary@2", h.shows(), wrong)
	}
	say(word)
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
}

// TestAFailoverThatFoundNothingWaitsWhereNothingIsKnownOfTheSource: a new hub has never heard of dr1.
func TestAFailoverThatFoundNothingWaitsWhereNothingIsKnownOfTheSource(t *testing.T) {
	for name, empty := range map[string]bool{"nothing was restored": true, "volumes were restored": false} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.rebuild("hub-2", again())
			h.links.state["dr1"] = exchange.Link{}
			require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr1")))
			h.spokes["dr2"].empty = empty
			h.tell("dr2")
			h.failover("dr2")
			h.settle()
			if !empty {
				assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr2:primary@2", h.shows())
				return
			}
			assert.Equal(t, "FailingOver/WaitingForResourceRestore [] dr2:primary@2", h.shows())
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Equal(t, []string{"DataLossAccepted", "dr2"}, []string{w.Fact, w.Cluster})
			assert.Equal(t, "cluster dr2 found nothing to restore, and what cluster dr1 has is not known: this hub has no report of it. The workload was not sent to dr2, and dr1 is left as it is", w.Message)
			assert.False(t, h.spokes["dr2"].inUse)

			h.ask(func(d *v1alpha1.DRPlacementControl) {
				d.Annotations["ramendr.openshift.io/accept-loss"] = failoverWord(d, "dr2")
			})
			h.settle()
			assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr2:primary@2", h.shows())
		})
	}
}

func TestAFailoverThatFoundNothingIsTakenBack(t *testing.T) {
	h := deployed(t)
	h.spokes["dr2"].empty = true
	h.failover("dr2")
	h.settle()
	h.failover("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr1 Run] dr1:primary@3 dr2:secondary@3", h.shows())
	assert.True(t, h.spokes["dr1"].inUse)
}

// TestAWordForOneFailoverIsNoneForAnother: the annotation stays on the object, and in Git.
func TestAWordForOneFailoverIsNoneForAnother(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["ramendr.openshift.io/accept-loss"] = failoverWord(d, "dr2")
	})
	h.settle()
	require.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	h.spokes["dr1"].empty = true
	h.failover("dr1")
	h.settle()
	assert.Equal(t, "DataLossAccepted", h.drpc().Status.Waiting.Fact)
}

// TestASecondFailoverWithoutATargetGoesToTheOtherCluster: the first one was cleared before its failed side was in sync.
func TestASecondFailoverWithoutATargetGoesToTheOtherCluster(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	h.failover("")
	h.settle()
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "" })
	h.settle()
	h.connect("dr1")
	h.settle()
	h.cut("dr2")
	h.failover("")
	h.settle()
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Run, dr2 Retain] dr1:primary@3 dr2:secondary@3", h.shows())
}

// TestAClaimThatComesDuringThePreparationTakesItBack: of both kinds of volumes.
func TestAClaimThatComesDuringThePreparationTakesItBack(t *testing.T) {
	for name, come := range map[string]func(*v1alpha1.VolumeReplicationGroupStatus){
		"not stored yet": func(s *v1alpha1.VolumeReplicationGroupStatus) { restated(s, "ClusterDataProtected", "False") },
		"not ready yet":  func(s *v1alpha1.VolumeReplicationGroupStatus) { restated(s, "DataReady", "False") },
		"without a destination on the peer": func(s *v1alpha1.VolumeReplicationGroupStatus) {
			s.ProtectedPVCs, s.PrepareForFinalSyncComplete = append(s.ProtectedPVCs, volume("new")), false
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.relocate("dr2")
			h.pass()
			h.obey("dr1")
			require.True(t, h.wish("dr1").Spec.PrepareForFinalSync)
			h.restate("dr1", come)
			h.pass()
			assert.False(t, h.wish("dr1").Spec.PrepareForFinalSync)
			assert.Equal(t, "Initiating/PreparingFinalSync [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
			h.settle()
			assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
		})
	}
}

// TestAVolumeWithoutADestinationIsNamed before a relocate begins.
func TestAVolumeWithoutADestinationIsNamed(t *testing.T) {
	h := deployed(t)
	come := func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.ProtectedPVCs = append(s.ProtectedPVCs, volume("new"))
	}
	h.restate("dr1", come)
	h.relocate("dr2")
	h.pass()
	h.pass()
	require.NotNil(t, h.drpc().Status.Waiting)
	assert.False(t, h.wish("dr1").Spec.PrepareForFinalSync)
	assert.Len(t, h.wish("dr2").Spec.VolSync.RDSpec, 1)
}

// TestAGroupThatBreaksAtRestSaysSo: waiting is set although no operation waits.
func TestAGroupThatBreaksAtRestSaysSo(t *testing.T) {
	h := deployed(t)
	h.spokes["dr1"].broken = "claim data is protected by another group"
	h.obey("dr1")
	h.settle()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"Primary", "dr1"}, []string{w.Fact, w.Cluster})
	assert.Contains(t, w.Message, "claim data is protected by another group")
	assert.Equal(t, metav1.ConditionFalse, h.condition("Ready").Status)

	h = deployed(t)
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			if s.Conditions[i].Type == "ClusterDataProtected" {
				s.Conditions[i].Status, s.Conditions[i].Reason, s.Conditions[i].Message = "False", "UploadError", "the bucket is full"
			}
		}
	})
	h.pass()
	w = h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, []string{"Protected", "dr1"}, []string{w.Fact, w.Cluster})
	assert.Contains(t, w.Message, "the bucket is full")
}

// TestAFailoverThatFoundSomeOfTheVolumesSaysWhichItLacks : the application runs, because nothing of the failed side may hold it
// back (I8), and everything would look well.
func TestAFailoverThatFoundSomeOfTheVolumesSaysWhichItLacks(t *testing.T) {
	h := deployed(t)
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.ProtectedPVCs = append(s.ProtectedPVCs, v1alpha1.ProtectedPVC{Namespace: "shop", Name: "ledger"}, v1alpha1.ProtectedPVC{Namespace: "shop", Name: "queue"})
	})
	h.cut("dr1")
	h.failover("dr2")
	h.settle()
	available := h.condition("Available")
	assert.Equal(t, metav1.ConditionTrue, available.Status)
	assert.Regexp(t, `^the workload runs on dr2; cluster dr1 has volumes by its last report.* that dr2 does not protect: shop/ledger, shop/queue\. If they were not deleted on purpose, what they hold was not restored$`, available.Message)
}
