// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	tells(b, metav1.ConditionTrue, "DestinationInfoUpdated", "handle-data")
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

// TestAVolumeThatIsPairedWithAnotherOneOfThePeer : the storage tells the handle once for each VolumeReplication. What a new one says
// replaces what the PersistentVolume remembers; a peer that would restore the old handle would start with another volume's data.
func TestAVolumeThatIsPairedWithAnotherOneOfThePeer(t *testing.T) {
	s := newStores()
	a, b := deployed(t, s), newCluster(t, "dr2", s)
	says := func(c *cluster, status metav1.ConditionStatus, reason, handle string) {
		t.Helper()
		c.peerHandle = handle
		c.storageSays("data", func(vr *replicationv1.VolumeReplication) { set(vr, "DestinationInfoAvailable", status, reason) })
	}
	tells := func(status metav1.ConditionStatus, reason, handle string) { says(a, status, reason, handle) }
	peer := func(c *cluster) string {
		return c.pv("pv-data").Annotations["ramendr.openshift.io/destination-volume-handle"]
	}
	tells(metav1.ConditionTrue, "DestinationInfoUpdated", "lun-77")
	a.settle()
	require.Equal(t, "lun-77", peer(a))
	reads := a.wholeReads
	a.provision("log")
	a.settle()
	assert.Equal(t, reads, a.wholeReads, "it is not read with each pass")

	vr := a.replica("data")
	vr.UID = "another" // somebody deleted it, and it was made again
	a.remake(vr)
	tells(metav1.ConditionFalse, "DestinationInfoPending", "")
	a.settle()
	assert.Equal(t, "lun-77", peer(a))
	assert.Equal(t, "True/Uploaded", a.says("ClusterDataProtected"), "what is known stays until the storage says otherwise")
	tells(metav1.ConditionTrue, "DestinationInfoUpdated", "lun-88")
	a.settle()
	assert.Equal(t, "lun-88", peer(a))
	assert.Equal(t, "True/Uploaded", a.says("ClusterDataProtected"))
	reads = a.wholeReads
	a.provision("cache")
	a.settle()
	assert.Equal(t, reads, a.wholeReads)

	b.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	b.settle()
	require.Equal(t, v1alpha1.PrimaryState, b.group().Status.State, b.message("ClusterDataReady"))
	assert.Equal(t, "lun-88", b.pv("pv-data").Spec.CSI.VolumeHandle)

	a.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	a.settle()
	require.Nil(t, a.group())
	assert.Empty(t, peer(a), "the next storage that protects it may give both sides one handle, and say nothing")
	assert.Equal(t, "Delete", string(a.pv("pv-data").Spec.PersistentVolumeReclaimPolicy))
	require.Equal(t, "handle-data", peer(b))
	says(b, metav1.ConditionTrue, "DestinationInfoUpdated", "handle-data")
	b.settle()
	b.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	b.settle()
	require.Nil(t, b.group())
	assert.Empty(t, peer(b), "also where it came with the restore")

	// With csi-addons 0.14 users write it down themselves, and may protect the volume again.
	d := deployed(t, newStores())
	pv := d.pv("pv-data")
	metav1.SetMetaDataAnnotation(&pv.ObjectMeta, "ramendr.openshift.io/destination-volume-handle", "lun-99")
	require.NoError(t, d.client.Update(t.Context(), pv))
	d.settle()
	d.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	d.settle()
	require.Nil(t, d.group())
	assert.Equal(t, "lun-99", peer(d))
}

// remake puts vr in the place of the one of its name.
func (c *cluster) remake(vr *replicationv1.VolumeReplication) {
	c.t.Helper()
	was := c.replica(vr.Name)
	was.Finalizers = nil
	require.NoError(c.t, c.client.Update(c.t.Context(), was))
	require.NoError(c.t, client.IgnoreNotFound(c.client.Delete(c.t.Context(), was)))
	vr.ResourceVersion = ""
	require.NoError(c.t, c.client.Create(c.t.Context(), vr))
	require.NoError(c.t, c.client.Status().Update(c.t.Context(), vr))
}
