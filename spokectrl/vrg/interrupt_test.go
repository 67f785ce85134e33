// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
)

// mirrored says on a group whose wish it was made from, as the mirror does.
func mirrored(g *v1alpha1.VolumeReplicationGroup) {
	metav1.SetMetaDataAnnotation(&g.ObjectMeta, "exchange.ramendr.openshift.io/wish-uid", "wish-1")
}

func finalSync(g *v1alpha1.VolumeReplicationGroup) {
	mirrored(g)
	g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true
}

func relocating(g *v1alpha1.VolumeReplicationGroup) {
	mirrored(g)
	g.Spec.Action = v1alpha1.VRGActionRelocate
}

// prune deletes all of the application's namespace, as its deletion does.
func (c *cluster) prune() {
	c.t.Helper()
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	for _, obj := range []string{"data"} {
		if c.replica(obj) != nil {
			c.remove(&replicationv1.VolumeReplication{}, ns, obj)
		}
		if c.claim(obj) != nil {
			c.remove(&corev1.PersistentVolumeClaim{}, ns, obj)
		}
	}
	c.settle()
}

func protectedPrimary(t *testing.T, s *stores) *cluster {
	t.Helper()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1", mirrored)
	c.settle()
	require.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	return c
}

func (c *cluster) requireKept(s *stores) {
	c.t.Helper()
	pv := c.pv("pv-data")
	require.NotNil(c.t, pv)
	assert.Equal(c.t, corev1.PersistentVolumeReclaimRetain, pv.Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(c.t, "Delete", pv.Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"])
	for _, bucket := range []string{"dr1", "dr2"} {
		assert.Len(c.t, s.keys(c.t, bucket), 4, bucket)
	}
}

func TestX14_AGroupThatSomebodyDeletesIsOnlyInterrupted(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	replica := c.replica("data").UID
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	require.Nil(t, c.group(), "nothing hangs")
	c.requireKept(s)
	require.NotNil(t, c.replica("data"), "the peer's copy would go with it")
	assert.Nil(t, c.replica("data").DeletionTimestamp)
	assert.Equal(t, "drpc", c.claim("data").Labels["ramendr.openshift.io/owner-name"])
	assert.NotContains(t, c.claim("data").Finalizers, v1alpha1.PVCVolRepFinalizer, "the namespace may be going, too")
	assert.Len(t, warned(c.told(), "Interrupted"), 1)

	c.wish(v1alpha1.Primary, "1", mirrored)
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.Equal(t, replica, c.replica("data").UID)
	assert.Contains(t, c.claim("data").Finalizers, v1alpha1.PVCVolRepFinalizer)
	assert.Equal(t, "True/Uploaded", c.says("ClusterDataProtected"))
}

func TestX14_AGroupWhoseDeletionIsWishedEnds(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	c.wish(v1alpha1.Primary, "1", mirrored, func(g *v1alpha1.VolumeReplicationGroup) {
		metav1.SetMetaDataAnnotation(&g.ObjectMeta, "exchange.ramendr.openshift.io/ended-by", "wish-1")
	})
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	assert.Nil(t, c.group())
	assert.Nil(t, c.replica("data"))
	assert.Empty(t, s.keys(t, "dr1"))
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
}

func TestX14_AMarkOfAnotherWishEndsNothing(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	c.wish(v1alpha1.Primary, "1", mirrored, func(g *v1alpha1.VolumeReplicationGroup) {
		metav1.SetMetaDataAnnotation(&g.ObjectMeta, "exchange.ramendr.openshift.io/ended-by", "wish-0")
	})
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	c.requireKept(s)
	assert.NotNil(t, c.replica("data"))
}

func TestX14_APrunedNamespaceComesBackWithItsVolumes(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	volume := c.pv("pv-data").UID
	c.prune()
	require.Nil(t, c.group())
	require.Nil(t, c.claim("data"), "nothing of ours holds the namespace")
	c.requireKept(s)

	c.wish(v1alpha1.Primary, "1", mirrored)
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	require.NotNil(t, c.claim("data"))
	assert.Equal(t, corev1.ClaimBound, c.claim("data").Status.Phase)
	assert.Equal(t, volume, c.pv("pv-data").UID)
	c.requireKept(s)
}

// terminate begins the deletion of a namespace; end ends it.
func (c *cluster) terminate(namespace string) (end func()) {
	c.t.Helper()
	n := get(c, &corev1.Namespace{}, "", namespace)
	n.Finalizers = []string{"kubernetes"}
	require.NoError(c.t, c.client.Update(c.t.Context(), n))
	require.NoError(c.t, c.client.Delete(c.t.Context(), n))
	return func() {
		c.t.Helper()
		n := get(c, &corev1.Namespace{}, "", namespace)
		n.Finalizers = nil
		require.NoError(c.t, c.client.Update(c.t.Context(), n))
	}
}

// TestX14_AClaimThatLeavesWithItsNamespaceIsNotGivenUp : Kubernetes deletes what is in a namespace in any order, so the claim may
// go before the group.
func TestX14_AClaimThatLeavesWithItsNamespaceIsNotGivenUp(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	end := c.terminate(ns)
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	c.remove(&replicationv1.VolumeReplication{}, ns, "data")
	c.settle()
	assert.Nil(t, c.claim("data"), "nothing of ours holds the namespace")
	assert.Equal(t, "False/Interrupted", c.says("DataReady"))
	c.requireKept(s)
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	require.Nil(t, c.group())
	end()
	c.requireKept(s)

	require.NoError(t, c.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	c.wish(v1alpha1.Primary, "1", mirrored)
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.Equal(t, corev1.ClaimBound, c.claim("data").Status.Phase)
	c.requireKept(s)
}

// TestX14_ANamespaceOfAGroupThatIsElsewhereComesBack : the group is not deleted with it, and has to bring it back itself.
func TestX14_ANamespaceOfAGroupThatIsElsewhereComesBack(t *testing.T) {
	s := newStores()
	c := spanning(t, "dr1", s)
	for _, namespace := range []string{"shop", "web"} {
		require.NoError(t, c.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
		c.provisionIn(namespace)
	}
	c.wish(v1alpha1.Primary, "1", listing("web", "shop"))
	c.settle()
	require.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	stored := s.keys(t, "dr2")

	end := c.terminate("shop")
	c.remove(&corev1.PersistentVolumeClaim{}, "shop", "data")
	c.remove(&replicationv1.VolumeReplication{}, "shop", "data")
	c.settle()
	assert.Nil(t, c.claimIn("shop"))
	assert.Equal(t, stored, s.keys(t, "dr2"))
	end()
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	require.NotNil(t, c.claimIn("shop"))
	assert.Equal(t, corev1.ClaimBound, c.claimIn("shop").Status.Phase)
	assert.Equal(t, stored, s.keys(t, "dr2"))
}

func TestX14_ANamespaceThatIsPrunedDuringARelocateIsNotNothingToSynchronize(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	c.wish(v1alpha1.Primary, "1", finalSync)
	c.settle()
	require.True(t, c.group().Status.FinalSyncComplete)
	c.prune()
	require.Nil(t, c.group())
	c.requireKept(s)

	s.down["s3-dr1"], s.down["s3-dr2"] = true, true
	c.wish(v1alpha1.Primary, "1", finalSync)
	c.settle()
	assert.False(t, c.group().Status.FinalSyncComplete, "it is not known what there is to synchronize")
	assert.False(t, c.group().Status.PrepareForFinalSyncComplete)
	clear(s.down)
	c.clock.Step(archive.Pause)
	c.settle()
	require.NotNil(t, c.claim("data"))
	assert.True(t, c.group().Status.FinalSyncComplete)
	require.Len(t, c.group().Status.ProtectedPVCs, 1)

	c.wish(v1alpha1.Secondary, "1", relocating)
	c.settle()
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
}

func TestX14_ANamespaceThatIsPrunedDuringADemotionWaitsForTheUser(t *testing.T) {
	s := newStores()
	c := protectedPrimary(t, s)
	c.wish(v1alpha1.Primary, "1", finalSync)
	c.settle()
	c.wish(v1alpha1.Secondary, "1", relocating) // nobody looks at it in time
	c.prune()
	require.Nil(t, c.group())
	c.requireKept(s)

	c.wish(v1alpha1.Secondary, "1", relocating)
	c.settle()
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State)
	assert.Equal(t, "False/Interrupted", c.says("DataReady"))
	assert.Equal(t, "False/Interrupted", c.says("DataProtected"))
	assert.Contains(t, c.message("DataReady"), "app/data")
	assert.Contains(t, c.message("DataReady"), "failoverCluster")

	c.wish(v1alpha1.Primary, "2", mirrored, action(v1alpha1.VRGActionFailover))
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.Equal(t, corev1.ClaimBound, c.claim("data").Status.Phase)
}

func TestX14_ASecondaryThatIsNewAndLostNothingIsNotHeldUp(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPrimary(t, s), newCluster(t, "dr2", s)
	dr2.wish(v1alpha1.Secondary, "1", relocating)
	dr2.settle()
	assert.Equal(t, v1alpha1.SecondaryState, dr2.group().Status.State, "what is stored is the peer's")

	dr1.wish(v1alpha1.Primary, "1", finalSync)
	dr1.settle()
	dr1.wish(v1alpha1.Secondary, "1", relocating)
	dr1.settle()
	dr2.wish(v1alpha1.Primary, "2", relocating)
	dr2.settle()
	dr1.prune()
	dr1.wish(v1alpha1.Secondary, "1", relocating)
	dr1.settle()
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State, "the peer was promoted since")
}

func TestX14_AnInterruptionSurvivesACrashAfterEachWrite(t *testing.T) {
	for stop := 1; ; stop++ {
		s := newStores()
		c := protectedPrimary(t, s)
		c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
		left := stop
		c.before = func(string, any) error {
			if left--; left < 0 {
				return apierrors.NewServiceUnavailable("killed")
			}
			return nil
		}
		_, _ = c.pass()
		c.before = nil
		c.restart(s)
		c.settle()
		require.Nil(t, c.group())
		c.requireKept(s)
		require.NotNil(t, c.replica("data"))
		if left >= 0 {
			require.Greater(t, stop, 1)
			return
		}
	}
}

// TestX14_ACopiedVolumeIsNotReplacedByWhatADeployerMakesFirst : after the namespace was pruned, the deployer is faster than the
// restore, and the fresh claim is empty, or waits for its first Pod.
func TestX14_ACopiedVolumeIsNotReplacedByWhatADeployerMakesFirst(t *testing.T) {
	t.Run("provisioned", func(t *testing.T) { usurped(t, true) })
	t.Run("waiting for its first Pod", func(t *testing.T) { usurped(t, false) })
}

func usurped(t *testing.T, provisioned bool) {
	w := newCopying(t)
	w.wish("dr1", v1alpha1.Primary, mirrored)
	w.wish("dr2", v1alpha1.Secondary, mirrored)
	w.deploy("dr1")
	w.settle()
	home := w.sides["dr1"]
	require.Equal(t, v1alpha1.PrimaryState, home.group().Status.State)
	w.write("dr1", "precious")
	volume := home.claim("data").Spec.VolumeName

	end := home.terminate(ns)
	w.undeploy("dr1")
	home.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	w.look("dr1", 6)
	require.Nil(t, home.group())
	require.Nil(t, home.claim("data"))
	end()
	require.NoError(t, home.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	w.deploy("dr1")
	if !provisioned {
		w.settle()
		assert.Equal(t, volume, home.claim("data").Spec.VolumeName, "a claim that has no volume yet gets the old one")
		assert.Equal(t, v1alpha1.PrimaryState, home.group().Status.State)
		return
	}
	w.provision("dr1", home.claim("data"))
	w.user("dr1", func(client.Client) { home.binder() })
	require.NotEqual(t, volume, home.claim("data").Spec.VolumeName, "it is a fresh one")

	w.settle()
	assert.Equal(t, "False/ClusterDataConflictPrimary", home.says("NoClusterDataConflict"))
	assert.Contains(t, home.message("NoClusterDataConflict"), volume)
	require.NotNil(t, home.pv(volume))
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, home.pv(volume).Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, "precious", w.data["dr1/"+home.pv(volume).Spec.CSI.VolumeHandle])

	w.undeploy("dr1") // as the message asks for
	w.settle()
	assert.Equal(t, volume, home.claim("data").Spec.VolumeName)
	assert.Equal(t, v1alpha1.PrimaryState, home.group().Status.State)
}

func TestX14_WhatASecondaryReceivedStays(t *testing.T) {
	byMethod(t, func(t *testing.T, w *copying) {
		w.wish("dr1", v1alpha1.Primary, mirrored)
		w.wish("dr2", v1alpha1.Secondary, mirrored)
		w.deploy("dr1")
		w.settle()
		peer := w.sides["dr2"]
		require.Len(t, peer.group().Status.RDInfo, 1)
		was := get(peer, &volsyncv1.ReplicationDestination{}, ns, "data").ResourceVersion
		volumes := w.volumesOn("dr2")
		peer.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
		w.look("dr2", 4)
		require.Nil(t, peer.group())
		require.NotNil(t, get(peer, &volsyncv1.ReplicationDestination{}, ns, "data"))
		w.settle()
		assert.Equal(t, v1alpha1.SecondaryState, peer.group().Status.State)
		assert.Len(t, peer.group().Status.RDInfo, 1)
		assert.Equal(t, was, get(peer, &volsyncv1.ReplicationDestination{}, ns, "data").ResourceVersion, "it is not even written")
		assert.Equal(t, volumes, w.volumesOn("dr2"))
	})
}
