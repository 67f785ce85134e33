// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestDeploy(t *testing.T) {
	s := newStores()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1")
	c.settle()

	assert.Equal(t, "True/Ready", c.says("DataReady"))
	assert.Equal(t, "False/Replicating", c.says("DataProtected"))
	assert.Equal(t, "True/Restored", c.says("ClusterDataReady"))
	assert.Equal(t, "True/Uploaded", c.says("ClusterDataProtected"))
	assert.Equal(t, "True/Unused", c.says("KubeObjectsReady"))
	assert.Equal(t, "True/NoConflictDetected", c.says("NoClusterDataConflict"))
	assert.Equal(t, "False/NotInUse", c.says("InUse"))
	g := c.group()
	assert.Equal(t, v1alpha1.PrimaryState, g.Status.State)
	assert.Equal(t, g.Generation, g.Status.ObservedGeneration)
	assert.Equal(t, []string{"volumereplicationgroups.ramendr.openshift.io/vrg-protection"}, g.Finalizers)
	require.Len(t, g.Status.ProtectedPVCs, 1)
	p := g.Status.ProtectedPVCs[0]
	assert.Equal(t, "lab-dr1", p.StorageID.ID)
	assert.Equal(t, "lab-rep-1", p.ReplicationID.ID)
	assert.Equal(t, driver, p.CSIProvisioner)
	assert.Equal(t, int64(100), *g.Status.LastGroupSyncBytes)
	assert.Equal(t, p.LastSyncTime, g.Status.LastGroupSyncTime)

	claim, pv, vr := c.claim("data"), c.pv("pv-data"), c.replica("data")
	assert.Contains(t, claim.Finalizers, "volumereplicationgroups.ramendr.openshift.io/pvc-vr-protection")
	assert.Equal(t, "protected", claim.Annotations["volumereplicationgroups.ramendr.openshift.io/vr-protected"])
	assert.Equal(t, "drpc", claim.Labels["ramendr.openshift.io/owner-name"])
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, pv.Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, "Delete", pv.Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"])
	assert.Equal(t, "lab-rep-1m", vr.Spec.VolumeReplicationClass)
	assert.Equal(t, "true", vr.Labels["ramendr.openshift.io/created-by-ramen"])
	assert.Empty(t, vr.OwnerReferences, "it does not go with a group that somebody deletes by mistake")
	want := []string{
		"app/drpc/manifest.json",
		"app/drpc/v1.PersistentVolume/pv-data",
		"app/drpc/v1.PersistentVolumeClaim/app/data",
		"app/drpc/v1alpha1.VolumeReplicationGroup/a",
	}
	assert.Equal(t, want, s.keys(t, "dr1"))
	assert.Equal(t, want, s.keys(t, "dr2"))
}

func TestASecondPassWritesNothing(t *testing.T) {
	s := newStores()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	c.writes = 0
	s.writes.Store(0)
	_, err := c.pass()
	require.NoError(t, err)
	assert.Zero(t, c.writes)

	c.restart(s)
	_, err = c.pass()
	require.NoError(t, err)
	assert.Zero(t, c.writes, "nor after a restart")
	assert.Zero(t, s.writes.Load(), "nor to the stores")
}

func TestAFreshSecondaryWithoutVolumes(t *testing.T) {
	c := newCluster(t, "dr2", newStores())
	c.wish(v1alpha1.Secondary, "1")
	c.settle()
	assert.Equal(t, "True/Unused", c.says("DataReady"))
	assert.Equal(t, "True/Unused", c.says("DataProtected"))
	assert.Equal(t, "True/Unused", c.says("ClusterDataReady"))
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
}

func TestAPrimaryWithoutVolumes(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	assert.Equal(t, "True/Unused", c.says("DataReady"))
	assert.Equal(t, "True/Unused", c.says("DataProtected"))
	assert.Equal(t, "True/Restored", c.says("ClusterDataReady"))
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
}

// TestAClaimThatComesDuringThePreparationIsStored, while the one that leaves with the application stays stored.
func TestAClaimThatComesDuringThePreparationIsStored(t *testing.T) {
	s := newStores()
	dr1, dr2 := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	dr1.provision("data")
	dr1.wish(v1alpha1.Primary, "1")
	dr1.settle()
	prepare := func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync = true }
	dr1.wish(v1alpha1.Primary, "1", prepare)
	dr1.settle()
	dr1.provision("new")
	dr1.settle()
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	assert.Len(t, dr1.group().Status.ProtectedPVCs, 2)

	for _, claim := range []string{"data", "new"} {
		dr1.remove(&corev1.PersistentVolumeClaim{}, ns, claim)
	}
	dr1.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.RunFinalSync = true })
	dr1.settle()
	dr1.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	dr1.settle()
	require.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State)
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
	dr2.settle()
	for _, claim := range []string{"data", "new"} {
		require.NotNil(t, dr2.claim(claim), claim)
		assert.Equal(t, corev1.ClaimBound, dr2.claim(claim).Status.Phase)
	}
}

func TestRelocateThereAndBack(t *testing.T) {
	s := newStores()
	dr1, dr2 := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
	dr1.provision("data")
	dr1.wish(v1alpha1.Primary, "1")
	dr1.settle()
	dr2.wish(v1alpha1.Secondary, "1")
	dr2.settle()

	// The application leaves; its claim is deleted, and held by us until the volume is in sync.
	dr1.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	prepare := func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true }
	dr1.wish(v1alpha1.Primary, "1", prepare)
	dr1.settle()
	require.NotNil(t, dr1.claim("data"))
	assert.True(t, dr1.group().Status.PrepareForFinalSyncComplete)
	assert.True(t, dr1.group().Status.FinalSyncComplete)

	dr1.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	dr1.settle()
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State)
	assert.Equal(t, "True/DataProtected", dr1.says("DataProtected"))
	assert.Equal(t, "False/Progressing", dr1.says("DataReady"), "the claim waits")
	assert.NotNil(t, dr1.replica("data"), "by it the volume is promoted where it is, if the peer does not take over")
	assert.NotNil(t, dr1.claim("data"))
	pv := dr1.pv("pv-data")
	require.NotNil(t, pv, "the replica stays")
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, pv.Spec.PersistentVolumeReclaimPolicy)

	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
	dr2.settle()
	assert.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
	assert.Equal(t, "True/Restored", dr2.says("ClusterDataReady"))
	assert.Equal(t, "True/Uploaded", dr2.says("ClusterDataProtected"))
	assert.Equal(t, "handle-data", dr2.pv("pv-data").Spec.CSI.VolumeHandle)
	assert.Equal(t, "Delete", dr2.pv("pv-data").Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"])
	assert.Equal(t, corev1.ClaimBound, dr2.claim("data").Status.Phase)

	dr1.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
	dr1.settle()
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State)
	assert.Equal(t, "True/Unused", dr1.says("DataReady"))
	assert.Nil(t, dr1.replica("data"))
	assert.Nil(t, dr1.claim("data"))

	// And back, to where the old PV still waits, bound to a claim that is long gone.
	dr2.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	dr2.wish(v1alpha1.Secondary, "2", action(v1alpha1.VRGActionRelocate))
	dr2.settle()
	assert.Equal(t, v1alpha1.SecondaryState, dr2.group().Status.State)
	dr1.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionRelocate))
	dr1.settle()
	assert.Equal(t, v1alpha1.PrimaryState, dr1.group().Status.State)
	assert.Equal(t, pv.UID, dr1.pv("pv-data").UID, "the old PV is used again")
	assert.Equal(t, corev1.ClaimBound, dr1.claim("data").Status.Phase)
	assert.Equal(t, "Delete", dr1.pv("pv-data").Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"])
}

func TestDeletingAPrimaryLeavesTheApplication(t *testing.T) {
	s := newStores()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	assert.Nil(t, c.group())
	assert.Nil(t, c.replica("data"))
	assert.Empty(t, marks(c.claim("data")))
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
	assert.NotContains(t, c.pv("pv-data").Annotations, "volumereplicationgroups.ramendr.openshift.io/vr-retained")
	assert.Empty(t, s.keys(t, "dr1"))
	assert.Empty(t, s.keys(t, "dr2"))
}
