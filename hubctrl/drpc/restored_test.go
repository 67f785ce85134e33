// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func TestARestoredHubRecallsThatThePeerHasTakenOver(t *testing.T) {
	h := deployed(t)
	backup := h.backup()
	for _, s := range h.spokes {
		s.waits = true
	}
	h.relocate("dr2")
	h.settle()
	require.Equal(t, "true", h.wish("dr1").Annotations[v1alpha1.AnnotationPeerServes])
	h.restore(backup)
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	assert.Equal(t, "true", h.wish("dr1").Annotations[v1alpha1.AnnotationPeerServes], "what the cluster obeys is wished as it is")
	assert.Equal(t, h.wish("dr1").Generation, h.spokes["dr1"].stamp.WishGeneration)
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
	assert.Equal(t, "the hub was restored from a backup: the clusters already follow a newer spec, by which the workload is on cluster dr1. "+
		"This spec asks for Failover to dr2; nothing was moved", w.Message)
	assert.Equal(t, "check spec.action and the clusters in the spec, and set them to what you want; any change of the spec confirms it", w.NextStep)
	assert.EqualValues(t, "True", h.condition("Stalled").Status)

	h.relocate("dr1")
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr1 Run] dr1:primary@3 dr2:secondary@2", h.shows())
}

// The deployer would run the workload where it finds a Secondary, and the user would decide by what nobody knows.
func TestARestoredHubThatHeardOneClusterSendsNobodyThereAndNamesTheOther(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	backup := h.backup()
	h.relocate("dr1")
	h.settle()
	h.cut("dr1")
	h.restore(backup)
	require.Equal(t, "dr2", h.drpc().Status.PreferredDecision.ClusterName, "the backup remembers no move")
	h.settle()
	assert.Equal(t, "WaitForUser/Paused [] dr1:secondary@2 dr2:secondary@2", h.shows())
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"SpecConfirmed", "dr1"}, []string{w.Fact, w.Cluster})
	assert.Contains(t, w.Message, "by which the workload was moved, perhaps to cluster dr1, which has not answered since. This spec asks for Failover to dr2; nothing was moved")
	assert.Contains(t, w.NextStep, "wait until cluster dr1 is heard")

	h.connect("dr1")
	h.tell("dr1")
	h.settle()
	assert.Equal(t, "WaitForUser/Paused [dr1 Run] dr1:primary@3 dr2:secondary@2", h.shows(), "%+v", h.drpc().Status.Waiting)
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
	assert.Equal(t, []string{"wish dr1 secondary for Failover epoch 2", "decisions []", "replace decisions"}, h.wrote(), "and the decision of the backup is taken back")
}

// TestI9_ARestoredHubProtectsNothingThatWasLetGo until the user creates its object again.
func TestI9_ARestoredHubProtectsNothingThatWasLetGo(t *testing.T) {
	for name, before := range map[string]func(*hub){
		"at rest":                 func(*hub) {},
		"after a failover":        func(h *hub) { h.failover("dr2"); h.settle() },
		"with a failover to come": func(h *hub) { h.failover("dr2") },
		"with a relocate to come": func(h *hub) { h.relocate("dr2") },
		"in the middle of a relocate": func(h *hub) {
			h.relocate("dr2")
			for h.wish("dr1").Spec.ReplicationState == "primary" {
				h.pass()
				h.follow()
				h.obey("dr1")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			before(h)
			backup := h.backup()
			h.settle()
			h.disable()
			h.settle()
			require.Equal(t, "gone", h.shows())
			ran := map[string]bool{"dr1": h.spokes["dr1"].inUse, "dr2": h.spokes["dr2"].inUse}

			h.restore(backup)
			h.obey("dr1")
			h.obey("dr2")
			h.settle()
			assert.Nil(t, h.drpc().Status.Decisions, "those of the backup are as old as it is")
			for _, c := range []string{"dr1", "dr2"} {
				assert.False(t, h.spokes[c].has, "nothing is made again on %s", c)
			}
			w := h.drpc().Status.Waiting
			require.NotNil(t, w)
			assert.Equal(t, "ProtectionEnded", w.Fact)
			assert.Equal(t, "the hub was restored from a backup, and DR was disabled for this application since: VolumeReplicationGroup shop/db was removed from dr1 and dr2, and nothing is made again there. "+
				"The application is not protected", w.Message)
			assert.Equal(t, "to leave it unprotected: kubectl -n shop delete drpc db; to protect it again, delete the DRPlacementControl too, and create it again", w.NextStep)
			assert.EqualValues(t, "True", h.condition("Stalled").Status)
			assert.NotEqual(t, metav1.ConditionTrue, h.condition("Available").Status)
			h.pass()
			assert.Empty(t, h.wrote())

			h.disable()
			h.settle()
			require.Equal(t, "gone", h.shows())
			assert.Equal(t, ran, map[string]bool{"dr1": h.spokes["dr1"].inUse, "dr2": h.spokes["dr2"].inUse}, "the workload was left alone")
			home := "dr1"
			if ran["dr2"] {
				home = "dr2"
			}
			h.runs(home)
			h.put(again(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = home }))
			h.settle()
			assert.Equal(t, "Deployed/Completed", strings.Fields(h.shows())[0])
		})
	}
}

// TestARestoredHubFailsOverFromWhereProtectionWasLetGo: one cluster had seen the end of it, the other one had not.
func TestARestoredHubFailsOverFromWhereProtectionWasLetGo(t *testing.T) {
	h := deployed(t)
	backup := h.backup()
	h.disable()
	h.pass()
	h.obey("dr2")
	require.False(t, h.spokes["dr2"].has)
	h.restore(backup)
	h.settle()
	h.pass()
	assert.Equal(t, "WaitForUser/Paused [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, []string{"ProtectionEnded", "dr2"}, []string{h.drpc().Status.Waiting.Fact, h.drpc().Status.Waiting.Cluster})
	assert.True(t, h.spokes["dr1"].inUse)
	h.failover("dr1")
	h.settle()
	h.pass()
	assert.Equal(t, "ProtectionEnded", h.drpc().Status.Waiting.Fact, "the workload is there, and has no peer")
	assert.True(t, h.spokes["dr1"].inUse)
	assert.Equal(t, v1alpha1.PrimaryState, h.spokes["dr1"].state)
}
