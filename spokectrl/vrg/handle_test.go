// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestAVolumeThatHasAnotherHandleOnThePeer is restored there with that one, and with its own where it came from. Before the storage has
// told the handle, the volume does not count as stored: the peer would restore another volume, or none.
func TestAVolumeThatHasAnotherHandleOnThePeer(t *testing.T) {
	s := newStores()
	a, b := deployed(t, s), newCluster(t, "dr2", s)
	tells := func(c *cluster, status metav1.ConditionStatus, reason, handle string) {
		t.Helper()
		c.peerHandle = handle
		c.storageSays("data", func(vr *replicationv1.VolumeReplication) { set(vr, "DestinationInfoAvailable", status, reason) })
		c.settle()
	}
	handles := func(c *cluster) [2]string {
		t.Helper()
		pv := c.pv("pv-data")
		require.NotNil(t, pv)
		return [2]string{pv.Spec.CSI.VolumeHandle, pv.Annotations["ramendr.openshift.io/destination-volume-handle"]}
	}
	tells(a, metav1.ConditionFalse, "DestinationInfoPending", "")
	assert.Equal(t, v1alpha1.PrimaryState, a.group().Status.State, "the workload may run")
	assert.Equal(t, "False/Uploading", a.says("ClusterDataProtected"))
	assert.Contains(t, a.message("ClusterDataProtected"), "which handle the volume has on the peer")
	assert.Contains(t, a.message("ClusterDataProtected"), "DestinationInfoPending")

	tells(a, metav1.ConditionTrue, "DestinationInfoUpdated", "lun-77")
	assert.Equal(t, "True/Uploaded", a.says("ClusterDataProtected"), a.message("ClusterDataProtected"))
	assert.Equal(t, [2]string{"handle-data", "lun-77"}, handles(a))

	a.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	a.settle()
	b.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
	b.settle()
	require.Equal(t, v1alpha1.PrimaryState, b.group().Status.State, b.message("ClusterDataReady"))
	assert.Equal(t, [2]string{"lun-77", "handle-data"}, handles(b))
	tells(b, metav1.ConditionTrue, "DestinationInfoUpdated", "what it says later does not count")
	assert.Equal(t, [2]string{"lun-77", "handle-data"}, handles(b))

	b.wish(v1alpha1.Secondary, "2", action(v1alpha1.VRGActionRelocate))
	b.settle()
	a.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionRelocate))
	a.settle()
	assert.Equal(t, v1alpha1.PrimaryState, a.group().Status.State, a.message("ClusterDataReady"))
	assert.Equal(t, [2]string{"handle-data", "lun-77"}, handles(a), "its own volume")

	again := newCluster(t, "dr1", s) // the same cluster, which has lost its objects
	again.wish(v1alpha1.Primary, "4", action(v1alpha1.VRGActionFailover))
	again.settle()
	assert.Equal(t, [2]string{"handle-data", "lun-77"}, handles(again), "it stored its own handle")
}
