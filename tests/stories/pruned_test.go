// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestX14_APrunedNamespaceLosesNothing : the deployer removes the workload from the source of a relocation along with the
// whole namespace, and later somebody deletes the namespace of the running application.
func TestX14_APrunedNamespaceLosesNothing(t *testing.T) {
	calm(t)
	for _, class := range testlayer.Drawn(t, []string{lab.StorageClass, lab.SnapshotStorageClass}, 1, "spokectrl/vrg TestX14_APrunedNamespaceComesBackWithItsVolumes") {
		t.Run(class, func(t *testing.T) { prunedTwice(t, "pruned-"+class, class) })
	}
}

func prunedTwice(t *testing.T, name, class string) {
	calm(t)
	l := shared.Lab(t)
	a := enter(t, l, name)
	a.App.Class = class
	ctx := t.Context()
	require.NoError(t, a.Protect(ctx, lab.DR1))
	prune := func(cluster string) {
		t.Helper()
		a.Leave()
		require.NoError(t, l.Cluster(cluster).Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	}
	claim := func(t require.TestingT, cluster string) *corev1.PersistentVolumeClaim {
		found := &corev1.PersistentVolumeClaim{}
		require.NoError(t, l.Cluster(cluster).Client.Get(ctx, a.App.Key(), found))
		return found
	}

	a.Leave()
	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) {
		s.Action, s.PreferredCluster = v1alpha1.ActionRelocate, lab.DR2
	})
	a.Waits("WorkloadGone", lab.DR1)
	prune(lab.DR1)
	a.Follow()
	a.Settled(v1alpha1.Relocated, lab.DR2)
	require.NoError(t, a.GoesOn(ctx, lab.DR2))
	a.NothingLost()

	was := claim(t, lab.DR2)
	prune(lab.DR2)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		now := claim(c, lab.DR2)
		assert.NotEqual(c, was.UID, now.UID)
		assert.Equal(c, was.Spec.VolumeName, now.Spec.VolumeName)
		assert.Equal(c, corev1.ClaimBound, now.Status.Phase)
	}, patience, tick, "the claim is back, with its volume")
	a.Follow()
	require.NoError(t, a.GoesOn(ctx, lab.DR2))
	a.NothingLost()
}

// TestX14_AFailedSideWhoseNamespaceIsPrunedIsProtectedAgain : the deployer deletes the workload of a cluster that failed and returned along
// with the namespace, before its volume was demoted. The storage makes no copy there while that volume is in its way.
func TestX14_AFailedSideWhoseNamespaceIsPrunedIsProtectedAgain(t *testing.T) {
	testlayer.Slow(t, "spokectrl/vrg TestX14_AVolumeThatWasNeverDemotedIsLetGoWhenThePeerHasTakenOver")
	const name = "pruned-failed"
	l := shared.Lab(t)
	a := protected(t, l, name, lab.DR1)
	ctx := t.Context()
	claim := &corev1.PersistentVolumeClaim{}
	require.NoError(t, l.Cluster(lab.DR1).Client.Get(ctx, a.App.Key(), claim))
	stranded := &corev1.PersistentVolume{}
	require.NoError(t, l.Cluster(lab.DR1).Client.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, stranded))

	_, err := a.FailoverWithout(ctx, lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	a.Leave()
	require.NoError(t, l.Heal(lab.DR1))
	a.Waits("WorkloadGone", lab.DR1)
	require.NoError(t, l.Cluster(lab.DR1).Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	a.Follow()
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	require.NoError(t, a.GoesOn(ctx, lab.DR2), "it is protected again")
	now := &corev1.PersistentVolume{}
	err = l.Cluster(lab.DR1).Client.Get(ctx, client.ObjectKeyFromObject(stranded), now)
	require.NoError(t, client.IgnoreNotFound(err))
	assert.NotEqual(t, stranded.UID, now.UID, "the volume that nobody demoted is given up")
	_, err = a.Relocate(ctx, lab.DR1)
	require.NoError(t, err)
}
