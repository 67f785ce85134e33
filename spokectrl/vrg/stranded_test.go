// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"maps"
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
)

// failedOver are two clusters after a failover from dr1, which has returned. Its workload, with a volume that was replicated, still runs.
func failedOver(t *testing.T, s *stores) (dr1, dr2 *cluster) {
	t.Helper()
	dr1, dr2 = protectedPrimary(t, s), newCluster(t, "dr2", s)
	dr1.run("writer-0", "data")
	dr2.wish(v1alpha1.Secondary, "1", mirrored)
	dr2.settle()
	dr2.wish(v1alpha1.Primary, "2", mirrored, action(v1alpha1.VRGActionFailover))
	dr2.settle()
	require.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
	dr1.wish(v1alpha1.Secondary, "2", mirrored, action(v1alpha1.VRGActionFailover))
	dr1.settle()
	require.Equal(t, v1alpha1.UnknownState, dr1.group().Status.State, "the workload uses the volume")
	return dr1, dr2
}

// pruned deletes the namespace and all that is in it, and has the mirror make namespace and group again.
func (c *cluster) pruned(change ...func(*v1alpha1.VolumeReplicationGroup)) {
	c.t.Helper()
	end := c.terminate(ns)
	pods := &corev1.PodList{}
	require.NoError(c.t, c.client.List(c.t.Context(), pods))
	for i := range pods.Items {
		c.remove(&corev1.Pod{}, ns, pods.Items[i].Name)
	}
	g := c.group()
	c.prune()
	require.Nil(c.t, c.group())
	require.Nil(c.t, c.claim("data"))
	require.Nil(c.t, c.replica("data"))
	end()
	require.NoError(c.t, c.client.Create(c.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}))
	c.wish(g.Spec.ReplicationState, g.Annotations["exchange.ramendr.openshift.io/epoch"], append([]func(*v1alpha1.VolumeReplicationGroup){mirrored, action(g.Spec.Action)}, change...)...)
	c.settle()
}

// TestX14_AVolumeThatWasNeverDemotedIsLetGoWhenThePeerHasTakenOver : the user removed the workload of a failed side along with its
// namespace. Its volume would keep the storage from making a copy there, and nobody would hear of it.
func TestX14_AVolumeThatWasNeverDemotedIsLetGoWhenThePeerHasTakenOver(t *testing.T) {
	s := newStores()
	dr1, _ := failedOver(t, s)
	dr1.pruned()
	require.NotNil(t, dr1.pv("pv-data"), "until the hub says that the failover is complete, it may be the only copy")
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, dr1.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, v1alpha1.UnknownState, dr1.group().Status.State, "nothing is replicated there")
	assert.Equal(t, "False/Interrupted", dr1.says("DataReady"))
	assert.Equal(t, "False/Interrupted", dr1.says("DataProtected"))
	assert.Contains(t, dr1.message("DataReady"), "pv-data (claim app/data)")

	dr1.wish(v1alpha1.Secondary, "2", mirrored, action(v1alpha1.VRGActionFailover), peerServes)
	dr1.settle()
	assert.Nil(t, dr1.pv("pv-data"))
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State)
	assert.Equal(t, "True/Unused", dr1.says("DataReady"))
}

// TestX14_AStrandedVolumeStaysUntilItIsKnownThatThePeerHasIt by what the peer stored after it was promoted.
func TestX14_AStrandedVolumeStaysUntilItIsKnownThatThePeerHasIt(t *testing.T) {
	for name, tc := range map[string]struct {
		begin   func(dr1 *cluster, s *stores)
		says    string
		resolve func(dr1 *cluster, s *stores)
	}{
		"no store answers": {
			func(_ *cluster, s *stores) { s.down["s3-dr1"], s.down["s3-dr2"] = true, true },
			"the object stores do not tell",
			func(dr1 *cluster, s *stores) { clear(s.down); dr1.clock.Step(archive.Pause) },
		},
		"it was not to be deleted with its claim": {
			func(dr1 *cluster, _ *stores) {
				pv := dr1.pv("pv-data")
				pv.Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"] = "Retain"
				require.NoError(dr1.t, dr1.client.Update(dr1.t.Context(), pv))
			},
			"delete it, and its volume on the storage",
			func(dr1 *cluster, _ *stores) { dr1.remove(&corev1.PersistentVolume{}, "pv-data") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			dr1, _ := failedOver(t, s)
			tc.begin(dr1, s)
			dr1.pruned(peerServes)
			require.NotNil(t, dr1.pv("pv-data"))
			assert.Equal(t, v1alpha1.UnknownState, dr1.group().Status.State)
			assert.Contains(t, dr1.message("DataReady"), tc.says)
			tc.resolve(dr1, s)
			dr1.settle()
			assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State, dr1.message("DataReady"))
		})
	}
}

// TestX14_WhatThePeerNeverHadIsNotLetGo : a claim that was made shortly before the failure was never replicated. Its volume is the only
// copy, and is in nobody's way.
func TestX14_WhatThePeerNeverHadIsNotLetGo(t *testing.T) {
	s := newStores()
	dr1, _ := failedOver(t, s)
	dr1.provision("young")
	dr1.silent = func(claim string) bool { return claim == "young" }
	pv := dr1.pv("pv-young")
	pv.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	pv.Labels = map[string]string{"ramendr.openshift.io/owner-namespace-name": ns, "ramendr.openshift.io/owner-name": name}
	maps.Copy(pv.Labels, dr1.pv("pv-data").Labels)
	pv.Annotations = map[string]string{"volumereplicationgroups.ramendr.openshift.io/vr-retained": "Delete"}
	require.NoError(t, dr1.client.Update(t.Context(), pv))
	dr1.remove(&corev1.PersistentVolumeClaim{}, ns, "young")
	dr1.pruned(peerServes)
	assert.Nil(t, dr1.pv("pv-data"))
	require.NotNil(t, dr1.pv("pv-young"))
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, dr1.pv("pv-young").Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State, dr1.message("DataReady"))
}

// TestX14_ASecondaryAtRestWhoseNamespaceIsDeletedStaysOne : its volume was demoted for good, and the storage still keeps it in line with
// the peer's.
func TestX14_ASecondaryAtRestWhoseNamespaceIsDeletedStaysOne(t *testing.T) {
	dr1, dr2 := handedOver(t, newStores())
	require.NotNil(t, dr1.claim("data"))
	dr1.pruned()
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State, dr1.message("DataReady"))
	require.NotNil(t, dr1.pv("pv-data"))
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, dr1.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)

	// A move back finds it, and what is primary again is no longer remembered as demoted.
	dr2.wish(v1alpha1.Primary, "2", finalSync)
	dr2.settle()
	dr2.wish(v1alpha1.Secondary, "2", relocating)
	dr2.settle()
	dr1.wish(v1alpha1.Primary, "3", relocating)
	dr1.settle()
	assert.Equal(t, v1alpha1.PrimaryState, dr1.group().Status.State, dr1.message("DataReady"))
	assert.Equal(t, "pv-data", dr1.claim("data").Spec.VolumeName)
	assert.NotContains(t, dr1.pv("pv-data").Annotations, "volumereplicationgroups.ramendr.openshift.io/vr-released")
	assert.Equal(t, replicationv1.Primary, dr1.replica("data").Spec.ReplicationState)
}

// TestX14_NothingStrandedIsLetGoWithoutAFailover : no user has given it up.
func TestX14_NothingStrandedIsLetGoWithoutAFailover(t *testing.T) {
	s := newStores()
	dr1, _ := failedOver(t, s)
	dr1.wish(v1alpha1.Secondary, "2", mirrored)
	dr1.pruned(peerServes)
	require.NotNil(t, dr1.pv("pv-data"))
	assert.Equal(t, v1alpha1.UnknownState, dr1.group().Status.State)
	assert.Contains(t, dr1.message("DataReady"), "set failoverCluster to the peer")
}

// TestX14_AClaimThatIsDeletedAfterItsReplicaIsLetGo : somebody removed the VolumeReplication of a failed side, and then the claim. No other
// one is made: csi-addons could not hold the claim any more, and it would hang, and its namespace with it.
func TestX14_AClaimThatIsDeletedAfterItsReplicaIsLetGo(t *testing.T) {
	s := newStores()
	dr1, _ := failedOver(t, s)
	dr1.remove(&replicationv1.VolumeReplication{}, ns, "data")
	dr1.settle()
	require.Nil(t, dr1.replica("data"))
	dr1.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	dr1.settle()
	require.NotNil(t, dr1.claim("data"), "a Pod uses it")
	dr1.remove(&corev1.Pod{}, ns, "writer-0")
	dr1.settle()
	assert.Nil(t, dr1.claim("data"))
	assert.Nil(t, dr1.replica("data"))
	require.NotNil(t, dr1.pv("pv-data"))
	assert.Equal(t, v1alpha1.UnknownState, dr1.group().Status.State, "it was never demoted")
	assert.Contains(t, dr1.message("DataReady"), "pv-data (claim app/data)")

	dr1.wish(v1alpha1.Secondary, "2", mirrored, action(v1alpha1.VRGActionFailover), peerServes)
	dr1.settle()
	assert.Nil(t, dr1.pv("pv-data"))
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State, dr1.message("DataReady"))
}

// TestX14_WhatAFailoverLeftHoldsNoRelocateBack : the peer, which would have to store what it has first, waits for this side.
func TestX14_WhatAFailoverLeftHoldsNoRelocateBack(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPrimary(t, s), newCluster(t, "dr2", s)
	marks := dr1.pv("pv-data")
	dr1.provision("young")
	left := dr1.pv("pv-young")
	left.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	left.Spec.ClaimRef.UID = "of-then"
	left.Labels, left.Annotations = marks.Labels, marks.Annotations
	require.NoError(t, dr1.client.Update(t.Context(), left))
	dr1.remove(&corev1.PersistentVolumeClaim{}, ns, "young")
	dr1.settle()
	dr2.wish(v1alpha1.Secondary, "1", mirrored)
	dr2.settle()
	dr1.wish(v1alpha1.Primary, "1", finalSync)
	dr1.settle()
	dr1.wish(v1alpha1.Secondary, "1", relocating)
	dr1.settle()
	require.NotNil(t, dr1.pv("pv-young"))
	assert.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State, dr1.message("DataReady"))
}

// TestX14_AVolumeThatNeverGotItsClaimIsNotStranded : an API server refuses the claim, by a quota, and the user takes the role back.
func TestX14_AVolumeThatNeverGotItsClaimIsNotStranded(t *testing.T) {
	for name, back := range map[string]func(*v1alpha1.VolumeReplicationGroup){"by a relocate": relocating, "by a failover": action(v1alpha1.VRGActionFailover)} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			dr1, dr2 := protectedPrimary(t, s), newCluster(t, "dr2", s)
			dr2.wish(v1alpha1.Secondary, "1", mirrored)
			dr2.settle()
			dr1.wish(v1alpha1.Primary, "1", finalSync)
			dr1.settle()
			dr1.wish(v1alpha1.Secondary, "1", relocating)
			dr1.settle()
			dr2.before = func(verb string, obj any) error {
				if _, claim := obj.(*corev1.PersistentVolumeClaim); claim && verb == "create" {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"}, "data", errors.New("exceeded quota"))
				}
				return nil
			}
			dr2.wish(v1alpha1.Primary, "2", relocating)
			for range 10 {
				_, _ = dr2.pass() // the claim is refused
			}
			require.NotNil(t, dr2.pv("pv-data"))
			require.Nil(t, dr2.claim("data"))
			dr2.wish(v1alpha1.Secondary, "2", mirrored, back)
			dr2.settle()
			assert.Equal(t, v1alpha1.SecondaryState, dr2.group().Status.State, dr2.message("DataReady"))
			assert.Equal(t, corev1.PersistentVolumeReclaimRetain, dr2.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
		})
	}
}
