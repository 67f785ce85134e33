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

// The hub is lost while the objects of an application are restored, and rebuilt from Git: nothing changes on the clusters, and the new
// hub says what is missing, and when all is there.
func TestANewHubChangesNothingWhileObjectsAreRestored(t *testing.T) {
	h := deployed(t)
	h.ask(askForObjects)
	h.settle()
	h.failover("dr2")
	h.spokes["dr2"].objects = new(condition("KubeObjectsReady", "False", "Progressing", "the Kubernetes objects are being restored"))
	h.settle()
	require.Equal(t, "FailedOver/WaitingForResourceRestore [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	before := []spoke{*h.spokes["dr1"], *h.spokes["dr2"]}
	h.rebuild("hub-2", again(askForObjects, func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.FailoverCluster = "Failover", "dr2" }))
	assert.Equal(t, []string{
		"hold drpc db",
		"wish dr1 secondary for Failover epoch 2 adopting dr1-1",
		"wish dr2 primary for Failover epoch 2 adopting dr2-1",
		"decisions [dr2 Run]",
	}, h.settle())
	for i, name := range []string{"dr1", "dr2"} {
		assert.Equal(t, before[i].spec, h.spokes[name].spec, "the same spec (I6)")
		assert.Equal(t, before[i].stamp.SpokeGeneration, h.spokes[name].stamp.SpokeGeneration)
	}
	assert.Equal(t, "FailedOver/WaitingForResourceRestore [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	require.NotNil(t, h.drpc().Status.Waiting)
	assert.Equal(t, "KubeObjectsReady", h.drpc().Status.Waiting.Fact)
	h.spokes["dr2"].objects = new(condition("KubeObjectsReady", "True", "Captured", "7 objects were captured"))
	h.obey("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
}

// The time of the last capture follows what the cluster of the application says, stays while captures stop, and is that of the other
// cluster after a failover.
func TestTheTimeOfTheLastCaptureFollows(t *testing.T) {
	h := deployed(t)
	h.ask(askForObjects)
	h.settle()
	assert.Nil(t, h.drpc().Status.LastKubeObjectProtectionTime, "there is none")
	at := func(minutes int) *metav1.Time {
		return new(metav1.NewTime(time.Date(2026, 1, 1, 0, minutes, 0, 0, time.UTC)))
	}
	captured := func(cluster string, minutes int, say func(*v1alpha1.VolumeReplicationGroupStatus)) {
		t.Helper()
		h.restate(cluster, func(s *v1alpha1.VolumeReplicationGroupStatus) {
			say(s)
			s.KubeObjectProtection.CaptureToRecoverFrom = &v1alpha1.KubeObjectsCaptureIdentifier{StartTime: at(minutes), EndTime: at(minutes)}
		})
		h.pass()
	}
	for _, minutes := range []int{5, 10} {
		captured("dr1", minutes, objectsAre("True", "Captured", "7 objects were captured"))
		assert.True(t, at(minutes).Equal(h.drpc().Status.LastKubeObjectProtectionTime))
		assert.Equal(t, "True", string(h.condition("Protected").Status))
	}
	captured("dr1", 10, objectsAre("False", "CaptureOverdue", "the Kubernetes objects were last captured 11m0s ago, at 2026-01-01T00:10:00Z, and are to be captured every 5m0s"))
	assert.True(t, at(10).Equal(h.drpc().Status.LastKubeObjectProtectionTime))
	assert.Contains(t, h.condition("Protected").Message, "cluster dr1: the Kubernetes objects were last captured 11m0s ago")
	h.failover("dr2")
	h.settle()
	captured("dr2", 30, objectsAre("True", "Captured", "7 objects were captured"))
	assert.True(t, at(30).Equal(h.drpc().Status.LastKubeObjectProtectionTime))
	captured("dr1", 45, objectsAre("True", "Captured", "7 objects were captured"))
	assert.True(t, at(30).Equal(h.drpc().Status.LastKubeObjectProtectionTime), "what the peer says is none of it")
}
