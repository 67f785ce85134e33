// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// onSessions makes the storage of a cluster one that keeps sessions. The class is the one place that says so.
func (c *cluster) onSessions() {
	c.t.Helper()
	class := get(c, &replicationv1.VolumeReplicationClass{}, "", "lab-rep-1m")
	class.Labels[v1alpha1.LabelReplicationSession] = "true"
	require.NoError(c.t, c.client.Update(c.t.Context(), class))
}

// TestAClaimThatItsStorageHolds is named on the side that is left, keeps no move back from beginning, and goes with that.
func TestAClaimThatItsStorageHolds(t *testing.T) {
	c := deployed(t, newStores())
	c.onSessions()
	c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true })
	c.settle()
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	c.settle()
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
	c.settle()
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	assert.Equal(t, "True/Replicating", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "storage lets go of a secondary only after the primary: data")
	require.NotNil(t, c.replica("data"))
	assert.Nil(t, c.replica("data").DeletionTimestamp, "it could never be promoted again")
	assert.NotNil(t, c.claim("data").DeletionTimestamp)

	c.run("writer-0", "data")
	c.settle()
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, "it would write as soon as the peer is demoted")
	assert.Contains(t, c.message("DataReady"), "writer-0")
	c.remove(&corev1.Pod{}, ns, "writer-0")

	c.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State, c.message("DataReady"))
	assert.Nil(t, c.claim("data").DeletionTimestamp)
	assert.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState)
}

// TestASideThatWasPromotedByForceIsJoinedAgain : its storage is asked once, the application keeps running, and what it says
// meanwhile is told.
func TestASideThatWasPromotedByForceIsJoinedAgain(t *testing.T) {
	c := deployed(t, newStores())
	says := func(change func(*replicationv1.VolumeReplication)) {
		vr := c.replica("data")
		change(vr)
		require.NoError(t, c.client.Status().Update(t.Context(), vr))
	}
	says(func(vr *replicationv1.VolumeReplication) {
		set(vr, "Replicating", metav1.ConditionFalse, "NotReplicating")
	})
	c.settle()
	require.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState, "nobody said that the storage has sessions")
	c.onSessions()
	_, err := c.pass()
	require.NoError(t, err)
	require.Equal(t, replicationv1.Resync, c.replica("data").Spec.ReplicationState)

	says(func(vr *replicationv1.VolumeReplication) {
		set(vr, "Completed", metav1.ConditionFalse, "FailedToResync")
		vr.Status.Message = "the old home is mounted"
	})
	_, err = c.pass()
	require.NoError(t, err)
	assert.Equal(t, replicationv1.Resync, c.replica("data").Spec.ReplicationState, "csi-addons asks again")
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.Equal(t, "True/Ready", c.says("DataReady"))
	assert.Equal(t, "False/Error", c.says("DataProtected"))
	assert.Contains(t, c.message("DataProtected"), "the old home is mounted")

	says(func(vr *replicationv1.VolumeReplication) {
		set(vr, "Completed", metav1.ConditionTrue, "Demoted")
		set(vr, "Resyncing", metav1.ConditionTrue, "ResyncTriggered")
	})
	_, err = c.pass()
	require.NoError(t, err)
	assert.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState)
	c.settle()
	assert.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState, "once in a term")
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
}

// TestTheEndOfASecondaryDoesNotWaitForItsSession : the hub ends the Primary when the Secondary has ended, and the storage lets the
// Secondary go when the Primary has ended.
func TestTheEndOfASecondaryDoesNotWaitForItsSession(t *testing.T) {
	for kind, sessions := range map[string]bool{"a session": true, "other storage": false} {
		t.Run(kind, func(t *testing.T) {
			c := deployed(t, newStores())
			if sessions {
				c.onSessions()
			}
			c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
			c.settle()
			require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
			c.refuses = true
			c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
			c.settle()
			require.NotNil(t, c.replica("data"))
			assert.NotNil(t, c.replica("data").DeletionTimestamp)
			if !sessions {
				require.NotNil(t, c.group(), "it tells what it waits for")
				assert.NotEmpty(t, marks(c.claim("data")))
				return
			}
			assert.Nil(t, c.group())
			assert.Empty(t, marks(c.claim("data")))
			assert.Equal(t, corev1.PersistentVolumeReclaimDelete, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
		})
	}
}
