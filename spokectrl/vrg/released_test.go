// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// peerServes is the hub's word that the peer has taken over.
func peerServes(g *v1alpha1.VolumeReplicationGroup) {
	g.Annotations[v1alpha1.AnnotationPeerServes] = "true"
}

// TestARelocateIsTakenBackAfterTheDemotion, with storage that releases no secondary while neither side is primary: the
// volume is promoted where it is. Where its claim left with the workload, it is promoted before its replica is made again.
func TestARelocateIsTakenBackAfterTheDemotion(t *testing.T) {
	for name, leaves := range map[string]bool{"the claim stayed": false, "the claim leaves": true} {
		t.Run(name, func(t *testing.T) {
			c := deployed(t, newStores())
			c.refuses = true
			was := c.claim("data").UID
			if leaves {
				c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true })
				c.settle()
				c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
				c.settle()
			}
			c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
			c.settle()
			require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
			require.NotNil(t, c.replica("data"))

			c.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
			c.settle()
			assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State, c.message("DataReady"))
			assert.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState)
			assert.Equal(t, corev1.ClaimBound, c.claim("data").Status.Phase)
			assert.NotContains(t, c.claim("data").Annotations, "volumereplicationgroups.ramendr.openshift.io/vr-released")
			if !leaves {
				assert.Equal(t, was, c.claim("data").UID)
			}
		})
	}
}

// TestAReplicaThatSomebodyDeleted before the demotion was completed: the group is not Secondary, and the storage is asked
// again.
func TestAReplicaThatSomebodyDeleted(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true })
	c.settle()
	c.remove(&replicationv1.VolumeReplication{}, ns, "data")
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	_, err := c.pass()
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, "while it is being deleted")
	assert.NotEqual(t, "True/DataProtected", c.says("DataProtected"))
	c.neighbors()
	require.Nil(t, c.replica("data"))
	c.run("writer-0", "data")
	_, err = c.pass()
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, "while a Pod writes")
	assert.Contains(t, c.message("DataReady"), "writer-0")
	c.remove(&corev1.Pod{}, ns, "writer-0")
	_, err = c.pass()
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, "before the storage has answered")
	require.NotNil(t, c.replica("data"))
	assert.Equal(t, replicationv1.Secondary, c.replica("data").Spec.ReplicationState)
	c.settle()
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	assert.Equal(t, "True/DataProtected", c.says("DataProtected"))

	// After the demotion was completed it makes no difference.
	c.remove(&replicationv1.VolumeReplication{}, ns, "data")
	c.settle()
	assert.Nil(t, c.replica("data"))
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
}
