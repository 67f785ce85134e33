// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestAnAnnotationThatChangesMovesNoGroup: somebody changes app-namespace of an application that runs. It keeps its group; a
// relocate moves that one, with every record, and disabling DR leaves no wish behind.
func TestAnAnnotationThatChangesMovesNoGroup(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := protected(t, l, "annotated", lab.DR1)
	annotate(t, a, `{"drplacementcontrol.ramendr.openshift.io/app-namespace":"annotatd"}`)
	refused := func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		w := drpc.Status.Waiting
		require.NotNil(c, w)
		assert.Equal(c, "InvalidSpec", w.Fact)
		assert.Contains(c, w.Message, "the DRPlacementControl names namespace annotatd, but the application's VolumeReplicationGroup is annotated/annotated, on dr1 and dr2: it stays there")
	}
	a.Control("it is refused", refused)

	a.Ask(relocateTo(lab.DR2))
	a.Control("it is relocated all the same", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, v1alpha1.Relocated, drpc.Status.Phase)
		assert.Equal(c, lab.DR2, drpc.Status.PreferredDecision.ClusterName)
		assert.Contains(c, drpc.Status.Conditions[1].Message, "cluster dr1 is Secondary")
		refused(c, drpc)
	})
	a.RunsOnlyOn(lab.DR2)
	a.NothingLost()
	annotate(t, a, `{"drplacementcontrol.ramendr.openshift.io/app-namespace":null}`)
	a.Settled(v1alpha1.Relocated, lab.DR2)
	_, err := a.Disable(t.Context())
	require.NoError(t, err)
	assert.Empty(t, wishesOf(t, a))
}

// TestAPolicyOfOtherClustersMakesNoSecondPrimary: the object of an application is deleted by force and created again with a
// policy of dr1 and a third cluster, while it runs on dr2. Nothing is promoted on dr1; it is protected as it was, and DR can
// be disabled.
func TestAPolicyOfOtherClustersMakesNoSecondPrimary(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := protected(t, l, "elsewhere", lab.DR2)
	hub := hubOf(a)
	third := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr3"}}
	third.Spec.S3ProfileName = lab.DR1
	policy := &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}}
	policy.Spec.SchedulingInterval, policy.Spec.DRClusters = lab.SchedulingInterval, []string{lab.DR1, "dr3"}
	for _, o := range []client.Object{third, policy} {
		require.NoError(t, hub.Create(t.Context(), o))
		t.Cleanup(func() { _ = hub.Delete(cleanupContext(t), o) })
	}

	was := a.DRPC()
	again := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: was.Namespace, Name: was.Name}, Spec: *was.Spec.DeepCopy()}
	again.Spec.DRPolicyRef.Name, again.Spec.PreferredCluster = policy.Name, lab.DR1
	// By force: without its finalizer, so that nothing is removed from the clusters.
	require.NoError(t, hub.Patch(t.Context(), was.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))))
	require.NoError(t, hub.Delete(t.Context(), was.DeepCopy()))
	require.Eventually(t, func() bool {
		return apierrors.IsNotFound(hub.Get(t.Context(), client.ObjectKeyFromObject(was), was.DeepCopy()))
	}, patience, tick, "it is deleted by force")
	require.NoError(t, hub.Create(t.Context(), again))
	a.Control("it is refused", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		w := drpc.Status.Waiting
		require.NotNil(c, w)
		assert.Equal(c, "InvalidSpec", w.Fact)
	})
	for _, cluster := range []string{lab.DR1, "dr3"} {
		assert.NotContains(t, primaries(t, a), exchange.Outbox(cluster))
	}
	require.NoError(t, a.GoesOn(t.Context(), lab.DR2))
	a.RunsOnlyOn(lab.DR2)
}

func hubOf(a *actor) client.WithWatch { return a.Lab.Cluster(lab.Hub).Client }

func annotate(t *testing.T, a *actor, annotations string) {
	t.Helper()
	require.NoError(t, hubOf(a).Patch(t.Context(), a.DRPC(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":`+annotations+`}}`))))
}

// wishesOf are the wishes of an application, wherever they are.
func wishesOf(t *testing.T, a *actor) []v1alpha1.VolumeReplicationGroup {
	t.Helper()
	list := &v1alpha1.VolumeReplicationGroupList{}
	require.NoError(t, hubOf(a).List(t.Context(), list))
	var out []v1alpha1.VolumeReplicationGroup
	for _, w := range list.Items {
		cluster, box := exchange.ClusterOf(w.Namespace)
		if box && w.Namespace == exchange.Outbox(cluster) && w.Annotations[exchange.AnnotationDRPC] == a.App.Key().String() {
			out = append(out, w)
		}
	}
	return out
}

// primaries are the outboxes with a wish for a Primary of the application.
func primaries(t *testing.T, a *actor) []string {
	t.Helper()
	var out []string
	for _, w := range wishesOf(t, a) {
		if w.Spec.ReplicationState == v1alpha1.Primary {
			out = append(out, w.Namespace)
		}
	}
	return out
}
