// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestX14_APrunedNamespaceLosesNothing : whoever deploys removes the workload from the source of a relocation along with the
// whole namespace, and later somebody deletes the namespace of the running application.
func TestX14_APrunedNamespaceLosesNothing(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := protected(t, l, "pruned", lab.DR1)
	ctx := t.Context()
	prune := func(cluster string) {
		t.Helper()
		a.Leave()
		require.NoError(t, l.Cluster(cluster).Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "pruned"}}))
	}
	restored := func(cluster string) {
		t.Helper()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			claim := &corev1.PersistentVolumeClaim{}
			require.NoError(c, l.Cluster(cluster).Client.Get(ctx, a.App.Key(), claim))
			assert.Nil(c, claim.DeletionTimestamp)
			assert.Equal(c, corev1.ClaimBound, claim.Status.Phase)
			assert.Equal(c, "True", claim.Annotations["volumereplicationgroups.ramendr.openshift.io/ramen-restore"])
		}, patience, tick, "the claim is back on %s", cluster)
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

	prune(lab.DR2)
	restored(lab.DR2)
	a.Control("it runs there as before", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, lab.DR2, drpc.Status.PreferredDecision.ClusterName)
	})
	a.Follow()
	require.NoError(t, a.GoesOn(ctx, lab.DR2))
	a.NothingLost()
}
