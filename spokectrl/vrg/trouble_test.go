// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store"
)

// deployed is a cluster whose group is primary with one volume.
func deployed(t *testing.T, s *stores) *cluster {
	t.Helper()
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	require.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	return c
}

func TestNoRoleChangesWhileAVolumeIsInUse(t *testing.T) {
	c := deployed(t, newStores())
	c.run("writer-0", "data")
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
	c.settle()
	assert.Equal(t, "False/Progressing", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "writer-0")
	assert.Equal(t, "True/PodsRunning", c.says("InUse"))
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State)
	assert.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState)

	pod := get(c, &corev1.Pod{}, ns, "writer-0")
	pod.Status.Phase = corev1.PodSucceeded
	require.NoError(t, c.client.Status().Update(t.Context(), pod))
	c.settle()
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State, "a finished Pod uses nothing")
	assert.Equal(t, "True/NoConflictDetected", c.says("NoClusterDataConflict"), "the claim that stayed is ours")
}

func TestWhatCountsAsUse(t *testing.T) {
	for name, use := range map[string]func(*cluster){
		"an attachment": func(c *cluster) {
			require.NoError(t, c.client.Create(t.Context(), &storagev1.VolumeAttachment{
				ObjectMeta: metav1.ObjectMeta{Name: "a"},
				Spec:       storagev1.VolumeAttachmentSpec{NodeName: "node-1", Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: new("pv-data")}},
			}))
		},
		"a Pod that waits": func(c *cluster) { c.run("p", "data") },
	} {
		t.Run(name, func(t *testing.T) {
			c := deployed(t, newStores())
			use(c)
			c.wish(v1alpha1.Secondary, "1")
			c.settle()
			assert.Equal(t, "True/PodsRunning", c.says("InUse"))
			assert.Equal(t, replicationv1.Primary, c.replica("data").Spec.ReplicationState)
		})
	}
}

func TestFailoverNeedsOnlyTheSurvivingStore(t *testing.T) {
	s := newStores()
	deployed(t, s)
	s.down["s3-dr1"] = true
	dr2 := newCluster(t, "dr2", s)
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
	assert.Equal(t, corev1.ClaimBound, dr2.claim("data").Status.Phase)
	assert.Equal(t, "False/UploadError", dr2.says("ClusterDataProtected"))
	assert.Contains(t, dr2.message("ClusterDataProtected"), "s3-dr1")
	assert.NotContains(t, dr2.message("ClusterDataProtected"), "s3-dr2")

	s.down["s3-dr1"] = false
	result, err := dr2.pass()
	require.NoError(t, err)
	assert.NotZero(t, result.RequeueAfter, "nothing else wakes us when a store comes back")
	dr2.clock.Step(time.Minute)
	dr2.settle()
	assert.Equal(t, "True/Uploaded", dr2.says("ClusterDataProtected"))
	result, err = dr2.pass()
	require.NoError(t, err)
	assert.Equal(t, 10*time.Minute, result.RequeueAfter, "what is stored is looked at now and then")
}

func TestAStoreThatDoesNotAnswerIsNotAnEmptyOne(t *testing.T) {
	s := newStores()
	s.down["s3-dr1"] = true
	c := newCluster(t, "dr1", s)
	c.provision("data")
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	assert.Equal(t, "False/Error", c.says("ClusterDataReady"))
	assert.Contains(t, c.message("ClusterDataReady"), "s3-dr1")
	assert.Equal(t, "False/Progressing", c.says("DataReady"))
	assert.Nil(t, c.replica("data"))
	s.down["s3-dr1"] = false
	c.clock.Step(15 * time.Second)
	c.settle()
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
}

func TestDataReplicatesWhileAStoreIsDown(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	s.down["s3-dr1"], s.down["s3-dr2"] = true, true
	c.restart(s)
	c.provision("more")
	c.settle()
	assert.Equal(t, "True/Ready", c.says("DataReady"))
	assert.NotNil(t, c.replica("more"))
	assert.Equal(t, "False/UploadError", c.says("ClusterDataProtected"))
	for _, p := range c.group().Status.ProtectedPVCs {
		assert.Equal(t, metav1.ConditionFalse, p.Conditions[2].Status, p.Name)
	}
}

func TestAStaleSideOverwritesNothing(t *testing.T) {
	s := newStores()
	dr1 := deployed(t, s)
	dr2 := newCluster(t, "dr2", s)
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	dr1.provision("more") // on the side that was left
	dr1.settle()
	assert.Equal(t, "False/UploadError", dr1.says("ClusterDataProtected"))
	assert.Contains(t, dr1.message("ClusterDataProtected"), "epoch 2")
	assert.NotContains(t, s.keys(t, "dr1"), "app/drpc/v1.PersistentVolume/pv-more")

	dr1.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	dr1.settle()
	assert.Nil(t, dr1.group())
	assert.Contains(t, s.keys(t, "dr1"), "app/drpc/manifest.json", "it belongs to the other side now")
}

func TestTheFailedSideIsDemotedWithAutoResync(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionFailover))
	_, err := c.pass()
	require.NoError(t, err)
	assert.True(t, c.replica("data").Spec.AutoResync)
	assert.Equal(t, "False/Progressing", c.says("DataReady"), "not yet")
	vr := c.replica("data")
	vr.Status = replicationv1.VolumeReplicationStatus{State: replicationv1.SecondaryState, ObservedGeneration: vr.Generation}
	set(vr, "Completed", metav1.ConditionTrue, "Demoted")
	set(vr, "Degraded", metav1.ConditionTrue, "VolumeDegraded")
	set(vr, "Resyncing", metav1.ConditionTrue, "ResyncTriggered")
	require.NoError(t, c.client.Status().Update(t.Context(), vr))
	_, err = c.pass()
	require.NoError(t, err)
	assert.NotNil(t, c.replica("data"))
	assert.Equal(t, "False/Replicating", c.says("DataProtected"))
	assert.Equal(t, "True/Replicating", c.says("DataReady"))
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State, "some storages come no further while the peer is primary")
	assert.Equal(t, "demoted", c.claim("data").Annotations["volumereplicationgroups.ramendr.openshift.io/vr-released"])

	// The storage's controller restarts, and fails for a while: no copy is thrown away for that.
	vr = c.replica("data")
	vr.Spec.AutoResync = false
	require.NoError(t, c.client.Update(t.Context(), vr))
	set(vr, "Completed", metav1.ConditionFalse, "FailedToDemote")
	require.NoError(t, c.client.Status().Update(t.Context(), vr))
	_, err = c.pass()
	require.NoError(t, err)
	assert.False(t, c.replica("data").Spec.AutoResync, "a resynchronization that is not needed is not ordered")
	assert.Equal(t, "False/Progressing", c.says("DataReady"), "not an error")
}

func TestOneBadClaimStopsNoOther(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.provision("good")
	c.provision("odd", func(pvc *corev1.PersistentVolumeClaim) { pvc.Spec.StorageClassName = new("other") })
	c.provision("foreign", func(pvc *corev1.PersistentVolumeClaim) {
		pvc.Labels[v1alpha1.LabelOwnerName], pvc.Labels[v1alpha1.LabelOwnerNamespace] = "someone", "else"
	})
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	assert.Equal(t, "False/Error", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), `claim odd: StorageClass "other" is not among the peer classes`)
	assert.Contains(t, c.message("DataReady"), "else/someone")
	assert.NotNil(t, c.replica("good"))
	assert.Nil(t, c.replica("odd"))
	reasons := map[string]string{}
	for _, p := range c.group().Status.ProtectedPVCs {
		reasons[p.Name] = p.Conditions[0].Reason
	}
	assert.Equal(t, map[string]string{"good": "Ready", "odd": "PeerClassNotFound", "foreign": "Error"}, reasons)
}

func TestVolumesOfAnotherTechniqueSaySo(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.provision("data")
	c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) {
		g.Spec.Async.PeerClasses[0].ReplicationID = ""
		g.Spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{}
	})
	c.settle()
	assert.Equal(t, "NotSupported", c.group().Status.ProtectedPVCs[0].Conditions[0].Reason)
	assert.Equal(t, "False/NotSupported", c.says("KubeObjectsReady"))
}

func TestAClaimOnAFreshSecondaryIsAConflict(t *testing.T) {
	c := newCluster(t, "dr2", newStores())
	c.provision("data")
	c.wish(v1alpha1.Secondary, "1")
	c.settle()
	assert.Equal(t, "False/ClusterDataConflictSecondary", c.says("NoClusterDataConflict"))
	assert.Contains(t, c.message("NoClusterDataConflict"), "data")
	assert.Empty(t, marks(c.claim("data")), "it is not touched")
}

func TestARestoreConflictIsNamed(t *testing.T) {
	s := newStores()
	deployed(t, s)
	dr2 := newCluster(t, "dr2", s)
	dr2.provision("data")
	pv := dr2.pv("pv-data")
	pv.Spec.CSI.VolumeHandle = "another"
	require.NoError(t, dr2.client.Update(t.Context(), pv))
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.Equal(t, "False/Error", dr2.says("ClusterDataReady"))
	assert.Contains(t, dr2.message("ClusterDataReady"), `volume handle "another"`)
	assert.Equal(t, "False/ClusterDataConflictPrimary", dr2.says("NoClusterDataConflict"))
	assert.Nil(t, dr2.replica("data"))
}

func TestAChangeOfMindDuringAFinalSyncLosesNothing(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync = true })
	c.settle()
	assert.True(t, c.group().Status.PrepareForFinalSyncComplete)
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	c.settle()
	assert.False(t, meta.IsStatusConditionTrue(c.group().Status.Conditions, v1alpha1.VRGClusterDataReady), "nobody may deploy there now")
	c.wish(v1alpha1.Primary, "1")
	c.settle()
	assert.True(t, meta.IsStatusConditionTrue(c.group().Status.Conditions, v1alpha1.VRGClusterDataReady))
	assert.False(t, c.group().Status.PrepareForFinalSyncComplete)
	assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
	require.NotNil(t, c.claim("data"))
	assert.Nil(t, c.claim("data").DeletionTimestamp)
	assert.Equal(t, corev1.ClaimBound, c.claim("data").Status.Phase)
	assert.Equal(t, "Delete", c.pv("pv-data").Annotations["volumereplicationgroups.ramendr.openshift.io/vr-retained"])
}

func TestAFinalSyncIsCompleteWhenNobodyUsesTheVolumes(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	c.run("p", "data")
	final := func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.RunFinalSync = true }
	c.wish(v1alpha1.Primary, "1", final)
	c.settle()
	assert.False(t, c.group().Status.FinalSyncComplete)
	assert.Equal(t, "True/Uploaded", c.says("ClusterDataProtected"), "a final sync changes nothing that is stored")
	c.remove(&corev1.Pod{}, ns, "p")
	c.restart(s)
	c.settle()
	assert.True(t, c.group().Status.FinalSyncComplete)
	assert.Equal(t, "True/Uploaded", c.says("ClusterDataProtected"), "nor does a restart")
}

func TestAClaimThatItsUserDeletesIsForgotten(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	c.provision("more")
	c.settle()
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "more")
	c.settle()
	assert.Nil(t, c.claim("more"))
	assert.Nil(t, c.pv("pv-more"), "its policy was Delete")
	assert.Nil(t, c.replica("more"))
	assert.NotContains(t, s.keys(t, "dr2"), "app/drpc/v1.PersistentVolume/pv-more")
	assert.Contains(t, s.keys(t, "dr2"), "app/drpc/v1.PersistentVolume/pv-data")
}

func TestAClaimThatIsNoLongerSelectedIsUnprotected(t *testing.T) {
	c := deployed(t, newStores())
	claim := c.claim("data")
	claim.Labels["app"] = "y"
	require.NoError(t, c.client.Update(t.Context(), claim))
	c.settle()
	assert.Empty(t, marks(c.claim("data")))
	assert.Nil(t, c.replica("data"))
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
	assert.Equal(t, "True/Unused", c.says("DataReady"))
}

func TestAnEditOfAVolumeReachesTheStores(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	s.writes.Store(0)
	pv := c.pv("pv-data")
	metav1.SetMetaDataAnnotation(&pv.ObjectMeta, "driver.example.com/pool", "fast")
	require.NoError(t, c.client.Update(t.Context(), pv))
	c.settle()
	assert.Positive(t, s.writes.Load())
}

func TestDeletionWaitsForAStoreAndSaysSo(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	s.down["s3-dr2"] = true
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	require.NotNil(t, c.group())
	assert.Contains(t, c.message("DataReady"), "s3-dr2")
	assert.Empty(t, s.keys(t, "dr1"))
	result, err := c.pass()
	require.NoError(t, err)
	assert.NotZero(t, result.RequeueAfter)
	s.down["s3-dr2"] = false
	c.clock.Step(result.RequeueAfter)
	c.settle()
	assert.Nil(t, c.group())
}

func TestDeletingASecondaryTouchesNoStoreAndNeedsNoClass(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionFailover))
	c.settle()
	c.remove(&replicationv1.VolumeReplicationClass{}, "lab-rep-1m")
	c.remove(&storagev1.StorageClass{}, "lab-rep")
	c.remove(&corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	assert.Nil(t, c.group())
	assert.Len(t, s.keys(t, "dr1"), 4)
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy, "bound: the policy is back")
}

func TestABadWishIsRefusedWithTheRemedy(t *testing.T) {
	c := newCluster(t, "dr1", newStores())
	c.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.Async = nil })
	_, err := c.pass()
	require.Error(t, err)
	assert.Equal(t, "False/Error", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "schedulingInterval")
}

func TestABucketThatSomebodyEmptiesIsFilledAgain(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	b, err := s.server.Open(store.Config{Profile: "x", Endpoint: "https://s3.example.com", Bucket: "dr2", AccessKey: "a", SecretKey: "s"})
	require.NoError(t, err)
	require.NoError(t, b.Delete(t.Context(), s.keys(t, "dr2")...))
	result, err := c.pass()
	require.NoError(t, err)
	assert.Empty(t, s.keys(t, "dr2"))
	c.clock.Step(result.RequeueAfter)
	c.settle()
	assert.Len(t, s.keys(t, "dr2"), 4)
	assert.Equal(t, "True/Uploaded", c.says("ClusterDataProtected"))
}

func TestTheEndDoesNotWaitForAStoreThatIsNotConfiguredAnyMore(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	s.down["s3-dr2"] = true
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	assert.Contains(t, c.message("DataReady"), "abandon-store=s3-dr2")
	config := get(c, &corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
	lines := strings.Split(config.Data["ramen_manager_config.yaml"], "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "s3-dr2") })
	config.Data["ramen_manager_config.yaml"] = strings.Join(lines, "\n")
	require.NoError(t, c.client.Update(t.Context(), config))
	c.clock.Step(15 * time.Second)
	c.settle()
	assert.Nil(t, c.group())
	assert.Empty(t, s.keys(t, "dr1"))
}
