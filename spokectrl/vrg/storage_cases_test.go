// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"fmt"
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// prepared tells the group that its application is sent away.
func prepared(g *v1alpha1.VolumeReplicationGroup) {
	g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true
}

// TestWhatTheStorageRefusesIsToldInItsWords, and is over when the storage says so: a class that names no Secret, a volume that was cloned
// from one that is not replicated.
func TestWhatTheStorageRefusesIsToldInItsWords(t *testing.T) {
	for name, tc := range map[string]struct {
		validated metav1.ConditionStatus
		reason    string
		text      string
	}{
		"the class names no Secret": {metav1.ConditionTrue, "PrerequisiteMet", "resource name may not be empty"},
		"the volume is a clone":     {metav1.ConditionFalse, "PrerequisiteNotMet", "failed to enable mirroring on image: parent image is not enabled for mirroring"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, "dr1", newStores())
			c.provision("data")
			c.silent = func(string) bool { return true }
			c.wish(v1alpha1.Primary, "1")
			c.settle()
			c.storageSays("data", func(vr *replicationv1.VolumeReplication) {
				vr.Status = replicationv1.VolumeReplicationStatus{ObservedGeneration: vr.Generation, State: replicationv1.UnknownState, Message: tc.text}
				set(vr, "Completed", metav1.ConditionFalse, "FailedToPromote")
				set(vr, "Degraded", metav1.ConditionTrue, "Error")
				set(vr, "Validated", tc.validated, tc.reason)
			})
			c.settle()
			assert.Equal(t, "False/Error", c.says("DataReady"))
			assert.Contains(t, c.message("DataReady"), tc.text)
			assert.Equal(t, "False/Error", c.says("DataProtected"))

			c.silent = nil
			c.settle()
			assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
		})
	}
}

// TestADemotionThatTakesLongIsNoError : a Pod that ends slowly, and a last copy of minutes, pass through failures of csi-addons. Nothing
// is called an error, and the side is no Secondary meanwhile, so that the peer is not promoted.
func TestADemotionThatTakesLongIsNoError(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Primary, "1", prepared)
	c.settle()
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	_, err := c.pass()
	require.NoError(t, err)
	for _, says := range []struct {
		state  replicationv1.State
		reason string
	}{{replicationv1.PrimaryState, "FailedToDemote"}, {replicationv1.SecondaryState, "FailedToResync"}} {
		c.storageSays("data", func(vr *replicationv1.VolumeReplication) {
			vr.Status = replicationv1.VolumeReplicationStatus{ObservedGeneration: vr.Generation, State: says.state, Message: "failed to get last sync info"}
			set(vr, "Completed", metav1.ConditionFalse, says.reason)
			set(vr, "Degraded", metav1.ConditionTrue, "Error")
		})
		_, err = c.pass()
		require.NoError(t, err)
		assert.Equal(t, "False/Progressing", c.says("DataReady"), says.reason)
		assert.Equal(t, "False/HandingOver", c.says("DataProtected"), says.reason)
		assert.Contains(t, c.message("DataReady"), "failed to get last sync info")
		assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, says.reason)
	}
	vr := c.replica("data")
	vr.Status.State = replicationv1.UnknownState
	require.NoError(t, c.client.Status().Update(t.Context(), vr))
	c.settle()
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	assert.Equal(t, "True/DataProtected", c.says("DataProtected"))
}

// TestAChangeOfMindWhenOneOfThreeReplicasIsBeingDeleted, of storage that lets go of no secondary before the peer is primary: two volumes
// are promoted where they are, and the third when the storage has let its replica go.
func TestAChangeOfMindWhenOneOfThreeReplicasIsBeingDeleted(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	for _, claim := range []string{"a", "b", "c"} {
		c.provision(claim)
	}
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	c.wish(v1alpha1.Primary, "1", prepared)
	c.settle()
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "b")
	c.settle()
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	c.settle()
	c.refuses = true
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
	c.settle()
	require.NotNil(t, c.replica("b").DeletionTimestamp)
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State, "no move to this side may begin")

	c.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
	c.settle()
	assert.NotEqual(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.Contains(t, c.message("DataReady")+c.message("ClusterDataReady"), "b")

	c.refuses = false
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State, c.message("DataReady"))
	for _, claim := range []string{"a", "b", "c"} {
		assert.Equal(t, replicationv1.Primary, c.replica(claim).Spec.ReplicationState, claim)
		assert.Equal(t, corev1.ClaimBound, c.claim(claim).Status.Phase, claim)
	}
}

// TestWhatSomebodyForbidsTheStorageIsAllowedAgain : without autoResync a failed side says split-brain for ever.
func TestWhatSomebodyForbidsTheStorageIsAllowedAgain(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionFailover), peerServes)
	_, err := c.pass()
	require.NoError(t, err)
	vr := c.replica("data")
	vr.Spec.AutoResync = false
	require.NoError(t, c.client.Update(t.Context(), vr))
	c.storageSays("data", func(vr *replicationv1.VolumeReplication) {
		vr.Status = replicationv1.VolumeReplicationStatus{ObservedGeneration: vr.Generation, State: replicationv1.SecondaryState, Message: "split-brain detected"}
		set(vr, "Completed", metav1.ConditionFalse, "FailedToResync")
	})
	_, err = c.pass()
	require.NoError(t, err)
	assert.True(t, c.replica("data").Spec.AutoResync)
}

// TestALevelVolumeIsNotCopiedAgain : storage throws away what is here when it is told to resynchronize, also if nothing is wrong.
func TestALevelVolumeIsNotCopiedAgain(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
	c.settle()
	require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionFailover), peerServes)
	c.settle()
	assert.False(t, c.replica("data").Spec.AutoResync)
	c.storageSays("data", func(vr *replicationv1.VolumeReplication) {
		set(vr, "Completed", metav1.ConditionFalse, "FailedToDemote")
	})
	c.settle()
	assert.False(t, c.replica("data").Spec.AutoResync, "while the driver is restarted neither")
}

// TestThePrimarysReplicaIsMadeAgain when somebody deleted it. That the peer has no copy until the first one is complete can be seen.
func TestThePrimarysReplicaIsMadeAgain(t *testing.T) {
	c := deployed(t, newStores())
	require.NotNil(t, c.group().Status.LastGroupSyncTime)
	c.silent = func(string) bool { return true }
	c.remove(&replicationv1.VolumeReplication{}, ns, "data")
	c.settle()
	assert.Equal(t, "False/Progressing", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "replica is being deleted")
	c.silent = nil
	c.neighbors() // the storage lets it go
	require.Nil(t, c.replica("data"))
	c.silent = func(string) bool { return true }
	c.settle()
	require.NotNil(t, c.replica("data"))
	assert.Nil(t, c.group().Status.LastGroupSyncTime, "the peer's copy went with it")
	assert.NotEqual(t, "True/DataProtected", c.says("DataProtected"))
	c.silent = nil
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.NotNil(t, c.group().Status.LastGroupSyncTime)
}

// TestAReplicaThatNeverGoesSaysWhatItWaitsFor : csi-addons needs class and claim to end a replication, and hangs without a word.
func TestAReplicaThatNeverGoesSaysWhatItWaitsFor(t *testing.T) {
	for kind, tc := range map[string]struct {
		breaks, repairs func(*cluster)
		says            []string
	}{
		"its class is gone": {
			func(c *cluster) { c.remove(&replicationv1.VolumeReplicationClass{}, "lab-rep-1m") },
			func(c *cluster) { c.silent = nil },
			[]string{"VolumeReplicationClass lab-rep-1m", "create it again"},
		},
		"its claim was stripped": {
			func(c *cluster) {
				claim := c.claim("data")
				claim.Finalizers = nil
				require.NoError(c.t, c.client.Update(c.t.Context(), claim))
				c.remove(claim, ns, "data")
				require.Nil(c.t, c.claim("data"))
			},
			func(c *cluster) {
				vr := c.replica("data")
				controllerutil.RemoveFinalizer(vr, holder)
				require.NoError(c.t, c.client.Update(c.t.Context(), vr))
			},
			[]string{"its claim", "finalizer replication.storage.openshift.io from VolumeReplication app/data"},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			c := deployed(t, newStores())
			c.silent = func(string) bool { return true }
			tc.breaks(c)
			c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
			c.settle()
			require.NotNil(t, c.group(), "it does not end without the storage")
			for _, text := range tc.says {
				assert.Contains(t, c.message("DataReady"), text)
			}
			tc.repairs(c)
			c.settle()
			assert.Nil(t, c.group())
		})
	}
}

// TestManyVolumesWhoseStorageIsSilent are told as one sentence with a remedy, cost no writes while nothing answers, and become Primary one by
// one as csi-addons comes to them.
func TestManyVolumesWhoseStorageIsSilent(t *testing.T) {
	const many = 20
	c := newCluster(t, "dr1", newStores())
	for i := range many {
		c.provision(fmt.Sprintf("data-%03d", i))
	}
	c.silent = func(string) bool { return true }
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	assert.Equal(t, "False/Progressing", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "kubectl get csiaddonsnodes -A")
	was := c.writes
	for range 3 {
		_, err := c.pass()
		require.NoError(t, err)
	}
	assert.Equal(t, was, c.writes, "nothing is told again to storage that does not hear")
	c.silent = func(claim string) bool { return claim >= "data-010" }
	c.settle()
	assert.NotEqual(t, v1alpha1.PrimaryState, c.group().Status.State)
	assert.NotContains(t, c.message("DataReady"), "data-009")
	c.silent = nil
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
}
