// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func (c *cluster) resize(claim, size string) {
	c.t.Helper()
	pvc := c.claim(claim)
	pvc.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse(size)
	require.NoError(c.t, c.client.Update(c.t.Context(), pvc))
}

func (c *cluster) size(claim string) string {
	c.t.Helper()
	size := c.claim(claim).Spec.Resources.Requests[corev1.ResourceStorage]
	return size.String()
}

// TestAVolumeThatGrewOnThePeerKeepsItsSize : the claim stayed here, as that of a StatefulSet does, and asks for the old size.
func TestAVolumeThatGrewOnThePeerKeepsItsSize(t *testing.T) {
	for name, allowed := range map[string]bool{"where the class allows it": true, "where it does not": false} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			a, b := deployed(t, s), newCluster(t, "dr2", s)
			class := get(a, &storagev1.StorageClass{}, "", "lab-rep")
			class.AllowVolumeExpansion = new(allowed)
			require.NoError(t, a.client.Update(t.Context(), class))
			a.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true })
			a.settle()
			a.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
			a.settle()
			b.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
			b.settle()
			b.resize("data", "2Gi")
			b.settle()
			b.wish(v1alpha1.Secondary, "2", action(v1alpha1.VRGActionRelocate))
			b.settle()

			quota := errors.New("exceeded quota")
			a.before = func(verb string, obj any) error {
				if _, claim := obj.(*corev1.PersistentVolumeClaim); claim && verb == "patch" && quota != nil {
					return quota
				}
				return nil
			}
			a.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionRelocate))
			if _, err := a.pass(); allowed {
				require.ErrorContains(t, err, "exceeded quota")
				assert.Contains(t, a.message("ClusterDataReady")+a.message("DataReady"), "grow PersistentVolumeClaim app/data to 2Gi")
			}
			quota = nil
			a.settle()
			require.Equal(t, v1alpha1.PrimaryState, a.group().Status.State, a.message("DataReady"))
			want := map[bool]string{true: "2Gi", false: "1Gi"}[allowed]
			assert.Equal(t, want, a.size("data"))

			c := newCluster(t, "dr2", s) // another peer, which has what is stored only
			c.wish(v1alpha1.Primary, "4", action(v1alpha1.VRGActionFailover))
			c.settle()
			assert.Equal(t, want, c.size("data"))
		})
	}
}

// TestAVolumeWaitsForItsStorageClass : Secrets of the cluster that stored it would be of no use here, and a volume's source can't
// be changed later.
func TestAVolumeWaitsForItsStorageClass(t *testing.T) {
	s := newStores()
	deployed(t, s)
	b := newCluster(t, "dr2", s)
	class := get(b, &storagev1.StorageClass{}, "", "lab-rep")
	b.remove(&storagev1.StorageClass{}, "lab-rep")
	b.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	b.settle()
	assert.NotEqual(t, v1alpha1.PrimaryState, b.group().Status.State)
	assert.Contains(t, b.message("ClusterDataReady"), `needs StorageClass "lab-rep"`)
	assert.Contains(t, b.message("ClusterDataReady"), "create it")

	class.ResourceVersion = ""
	class.Parameters = map[string]string{"csi.storage.k8s.io/node-stage-secret-name": "stage-of-dr2", "csi.storage.k8s.io/node-stage-secret-namespace": "storage"}
	require.NoError(t, b.client.Create(t.Context(), class))
	b.settle()
	require.Equal(t, v1alpha1.PrimaryState, b.group().Status.State, b.message("DataReady"))
	assert.Equal(t, &corev1.SecretReference{Namespace: "storage", Name: "stage-of-dr2"}, b.pv("pv-data").Spec.CSI.NodeStageSecretRef)
}

// TestWhatReceivesAVolumeIsAsLargeAsTheVolume : a volume can be larger than its claim asked for.
func TestWhatReceivesAVolumeIsAsLargeAsTheVolume(t *testing.T) {
	w := newCopying(t)
	w.deploy("dr1")
	c := w.sides["dr1"]
	claim := c.claim("data")
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("3Gi")}
	require.NoError(t, c.client.Status().Update(t.Context(), claim))
	w.wish("dr1", v1alpha1.Primary)
	w.wish("dr2", v1alpha1.Secondary)
	w.settle()
	inlet := get(w.sides["dr2"], &corev1.PersistentVolumeClaim{}, ns, "data-received")
	require.NotNil(t, inlet)
	size := inlet.Spec.Resources.Requests[corev1.ResourceStorage]
	assert.Equal(t, "3Gi", size.String())
	told := c.group().Status.ProtectedPVCs[0]
	require.NotNil(t, told.Capacity)
	assert.Equal(t, "3Gi", told.Capacity.String())
	assert.Equal(t, c.claim("data").Spec.Resources, told.Resources, "what was asked for is told as it is")
}

// TestAClaimThatAsksForMoreThanWhatIsStored : Git has given a claim more since, and made it on the peer, where it waits for its first Pod.
// Kubernetes would make an empty volume for it then.
func TestAClaimThatAsksForMoreThanWhatIsStored(t *testing.T) {
	s := newStores()
	a, b := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	a.provision("data")
	a.setCapacity("data", "1Gi")
	a.wish(v1alpha1.Primary, "1")
	a.settle()
	class := get(b, &storagev1.StorageClass{}, "", "lab-rep")
	class.VolumeBindingMode = new(storagev1.VolumeBindingWaitForFirstConsumer)
	require.NoError(t, b.client.Update(t.Context(), class))
	require.NoError(t, b.client.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "data", UID: "uid-git", Labels: map[string]string{"app": "x"}},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new("lab-rep"), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("3Gi")}},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}))
	b.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	b.settle()
	assert.Equal(t, v1alpha1.UnknownState, b.group().Status.State, "its Pods would start with nothing")
	assert.Equal(t, "False/ClusterDataConflictPrimary", b.says("NoClusterDataConflict"))
	assert.Contains(t, b.message("NoClusterDataConflict"), "app/data asks for 3Gi, and PersistentVolume pv-data has 1Gi")

	b.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	b.settle()
	assert.Equal(t, v1alpha1.PrimaryState, b.group().Status.State, b.message("DataReady"))
	assert.Equal(t, "pv-data", b.claim("data").Spec.VolumeName)
}
