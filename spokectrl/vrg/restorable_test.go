// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestWhatThePeerWouldNotRestoreIsNotCalledStored: the class was made again under its name, with another driver, on both clusters.
func TestWhatThePeerWouldNotRestoreIsNotCalledStored(t *testing.T) {
	s := newStores()
	dr1 := deployed(t, s)
	require.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	class := get(dr1, &storagev1.StorageClass{}, "", "lab-rep")
	was := class.Provisioner
	class.Provisioner = "new.csi"
	require.NoError(t, dr1.client.Update(t.Context(), class))
	dr1.settle()
	assert.Equal(t, "False/Uploading", dr1.says("ClusterDataProtected"))
	assert.Contains(t, dr1.message("ClusterDataProtected"), "claim data: PersistentVolume pv-data is of driver "+was+", and StorageClass lab-rep has provisioner new.csi: the peer would not restore it")
	class.Provisioner = was
	require.NoError(t, dr1.client.Update(t.Context(), class))
	dr1.settle()
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
}

// TestAVolumeThatWasBoundByHandIsRestored though it has no class of its own.
func TestAVolumeThatWasBoundByHandIsRestored(t *testing.T) {
	s := newStores()
	dr1, dr2 := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	dr1.provision("data")
	pv := dr1.pv("pv-data")
	pv.Spec.StorageClassName = ""
	require.NoError(t, dr1.client.Update(t.Context(), pv))
	dr1.wish(v1alpha1.Primary, "1")
	dr1.settle()
	require.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"), dr1.message("ClusterDataProtected"))
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.Equal(t, "True/Restored", dr2.says("ClusterDataReady"), dr2.message("ClusterDataReady"))
	assert.Equal(t, corev1.ClaimBound, dr2.claim("data").Status.Phase)
}

// TestAClaimThatEndsWithItsPodIsNoVolumeOfTheApplication: Kubernetes makes another one for each Pod, and starts no Pod beside one that
// is not its own, as a restored one would be.
func TestAClaimThatEndsWithItsPodIsNoVolumeOfTheApplication(t *testing.T) {
	s := newStores()
	dr1, dr2 := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	dr1.provision("data")
	dr1.provision("web-0-scratch", func(c *corev1.PersistentVolumeClaim) {
		c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: "web-0", UID: "web-0", Controller: new(true)}}
	})
	dr1.wish(v1alpha1.Primary, "1")
	dr1.settle()
	require.NotNil(t, dr1.replica("data"))
	assert.Nil(t, dr1.replica("web-0-scratch"))
	assert.Empty(t, dr1.claim("web-0-scratch").Finalizers)
	assert.Equal(t, "True/Ready", dr1.says("DataReady"), dr1.message("DataReady"))
	assert.Contains(t, dr1.message("DataReady"), "; these claims are left out, since each ends with its Pod, for which Kubernetes makes another one: web-0-scratch")
	require.Len(t, dr1.group().Status.ProtectedPVCs, 1)
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.Equal(t, "True/Restored", dr2.says("ClusterDataReady"))
	assert.NotNil(t, dr2.claim("data"))
	assert.Nil(t, dr2.claim("web-0-scratch"))
}
