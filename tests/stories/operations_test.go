// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestOperationsInEachSituation: what becomes of a failover and of a relocate, by what is wrong at that moment. Each ends
// as done, or as waiting for a fact that it names, and goes on when that is repaired.
func TestOperationsInEachSituation(t *testing.T) {
	l := shared.Lab(t)
	type situation struct {
		name, app string
		play      func(t *testing.T, a *actor)
	}
	for _, row := range testlayer.Drawn(t, []situation{
		{"all is well: both go through", "op-well", func(t *testing.T, a *actor) {
			a.Ask(failoverTo(lab.DR2))
			a.Settled(v1alpha1.FailedOver, lab.DR2)
			require.NoError(t, a.GoesOn(t.Context(), lab.DR2))
			_, err := a.Relocate(t.Context(), lab.DR1)
			require.NoError(t, err)
		}},
		{"the source is down: a relocate waits for it by name, a failover does not", "op-source-down", func(t *testing.T, a *actor) {
			require.NoError(t, l.Fault(lab.DR1, faultproxy.BlackHole))
			a.Ask(relocateTo(lab.DR2))
			a.Waits("LinkLive", lab.DR1)
			_, err := a.Failover(t.Context(), lab.DR2)
			require.NoError(t, err)
			a.Waits("LinkLive", lab.DR1)
			drpc := a.DRPC()
			assert.Equal(t, "True", actors.Says(drpc, v1alpha1.ConditionAvailable))
			assert.Contains(t, actors.Says(drpc, v1alpha1.ConditionPeerReady), "False/LinkLost: cluster dr1 can't be reached; last heard of at")
			require.NoError(t, l.Heal(lab.DR1))
			a.Settled(v1alpha1.FailedOver, lab.DR2)
		}},
		{"the target is down: both wait for it by name, and the workload runs on", "op-target-down", func(t *testing.T, a *actor) {
			require.NoError(t, l.Fault(lab.DR2, faultproxy.Cut))
			// Before the loss is noticed a failover would begin, and go on when dr2 returns.
			a.Control("the loss is noticed", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
				assert.Contains(c, actors.Says(drpc, v1alpha1.ConditionPeerReady), "False/LinkLost")
			})
			stays(a, lab.DR1, func() {
				a.Ask(failoverTo(lab.DR2))
				a.Waits("LinkLive", lab.DR2)
				a.Ask(relocateTo(lab.DR2))
				a.Waits("LinkLive", lab.DR2)
				assert.Equal(t, lab.DR1, a.DRPC().Status.PreferredDecision.ClusterName)
			})
			require.NoError(t, l.Heal(lab.DR2))
			a.Settled(v1alpha1.Relocated, lab.DR2)
			a.NothingLost()
		}},
		{"both are down: both wait, and what is known is still said", "op-both-down", func(t *testing.T, a *actor) {
			for _, spoke := range lab.Spokes() {
				require.NoError(t, l.Fault(spoke, faultproxy.Cut))
			}
			a.Control("it says that it does not know", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
				assert.Contains(c, actors.Says(drpc, v1alpha1.ConditionAvailable), "Unknown/LinkLost: the workload runs on dr1 as far as is known")
				assert.Contains(c, actors.Says(drpc, v1alpha1.ConditionProtected), "Unknown/LinkLost")
				// Before the loss of dr2 is noticed a failover would begin, and go on when dr2 returns.
				assert.Contains(c, actors.Says(drpc, v1alpha1.ConditionPeerReady), "False/LinkLost: cluster dr2 can't be reached")
			})
			a.Ask(failoverTo(lab.DR2))
			a.Waits("LinkLive", lab.DR2)
			a.Ask(relocateTo(lab.DR2))
			a.Waits("LinkLive", lab.DR2)
			a.Ask(clearTo(lab.DR1))
			for _, spoke := range lab.Spokes() {
				require.NoError(t, l.Heal(spoke))
			}
			a.Settled(v1alpha1.Deployed, lab.DR1)
		}},
		{"the metadata of the source is not stored: a relocate waits for that, a failover does not", "op-unprotected", func(t *testing.T, a *actor) {
			require.NoError(t, l.Fault(storeDR1, faultproxy.Cut))
			changeClaim(a, lab.DR1, "unprotected")
			requireNotStored(a, "Unreachable")
			a.Ask(relocateTo(lab.DR2))
			w := a.Waits("Protected", lab.DR1)
			assert.Contains(t, w.Message, "S3 profile s3-dr1: Unreachable")
			a.Ask(failoverTo(lab.DR2))
			a.Control("it is failed over", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
				assert.Equal(c, v1alpha1.FailedOver, drpc.Status.Phase)
				assert.Equal(c, lab.DR2, drpc.Status.PreferredDecision.ClusterName)
			})
			require.NoError(t, l.Heal(storeDR1))
			a.Settled(v1alpha1.FailedOver, lab.DR2)
		}},
		{"the peer is not cleaned up: a relocate back waits for that, the way back by a failover too", "op-not-cleaned", func(t *testing.T, a *actor) {
			a.Leave()
			a.Ask(failoverTo(lab.DR2))
			a.Waits("WorkloadGone", lab.DR1)
			a.Ask(relocateTo(lab.DR1))
			a.Waits("WorkloadGone", lab.DR1)
			a.Follow()
			a.Settled(v1alpha1.Relocated, lab.DR1)
		}},
		{"both are Primary: a relocate waits until that is over, a failover to either ends it", "op-two-primaries", func(t *testing.T, a *actor) {
			_, err := a.FailoverWithout(t.Context(), lab.DR2, faultproxy.Cut)
			require.NoError(t, err)
			assert.Equal(t, v1alpha1.Primary, a.Group(lab.DR1).Spec.ReplicationState, "nobody could tell dr1")
			a.Ask(failoverTo(lab.DR1))
			a.Waits("LinkLive", lab.DR1)
			require.NoError(t, l.Heal(lab.DR1))
			a.Settled(v1alpha1.FailedOver, lab.DR1)
			a.RunsOnlyOn(lab.DR1)
		}},
		{"the group is missing on the target: it is re-created, and then it goes on", "op-target-missing", func(t *testing.T, a *actor) {
			require.NoError(t, a.Lab.Stop("spokectrl-dr2"))
			require.NoError(t, l.Cluster(lab.DR2).Client.Delete(t.Context(), a.Group(lab.DR2)), "nobody is there to let it go")
			a.Ask(failoverTo(lab.DR2))
			w := a.Waits("Interrupted", lab.DR2)
			assert.Contains(t, w.Message, "dr2")
			require.NoError(t, a.Lab.StartProcess(t.Context(), "spokectrl-dr2"))
			a.Settled(v1alpha1.FailedOver, lab.DR2)
		}},
		{"the policy became invalid, and a newcomer wants the same application: neither stops a failover", "op-invalid", func(t *testing.T, a *actor) {
			hub := l.Cluster(lab.Hub).Client
			restore1, restore2 := setBucket(t, hub, lab.DR1, "no-such-bucket"), setBucket(t, hub, lab.DR2, "nor-this-one")
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				policy := &v1alpha1.DRPolicy{}
				require.NoError(c, hub.Get(t.Context(), client.ObjectKey{Name: lab.Policy}, policy))
				assert.True(c, meta.IsStatusConditionFalse(policy.Status.Conditions, v1alpha1.ConditionValidated))
			}, patience, tick, "the policy is invalid")
			newcomer := &v1alpha1.DRPlacementControl{
				ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: a.App.Name,
					Annotations: map[string]string{v1alpha1.AnnotationAppNamespace: a.App.Namespace}},
				Spec: *a.DRPC().Spec.DeepCopy(),
			}
			require.NoError(t, hub.Create(t.Context(), newcomer))
			t.Cleanup(func() { _ = client.IgnoreNotFound(hub.Delete(cleanupContext(t), newcomer)) })
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				require.NoError(c, hub.Get(t.Context(), client.ObjectKeyFromObject(newcomer), newcomer))
				require.NotNil(c, newcomer.Status.Waiting)
				assert.Equal(c, "Conflict", newcomer.Status.Waiting.Fact)
			}, patience, tick, "the newcomer is told to wait")
			_, err := a.FailoverWithout(t.Context(), lab.DR2, faultproxy.BlackHole)
			require.NoError(t, err)
			restore1()
			restore2()
			requireValidated(t, l, lab.DR1, metav1.ConditionTrue, "Succeeded", "")
			require.NoError(t, hub.Delete(t.Context(), newcomer))
			_, err = a.Return(t.Context(), lab.DR1)
			require.NoError(t, err)
		}},
	}, 5, "hubctrl/plan TestEveryReachableStateIsSafeAndLive") {
		t.Run(row.name, func(t *testing.T) { row.play(t, protected(t, l, row.app, lab.DR1)) })
	}
}

// TestAFailoverOfARebuiltHubNeedsOnlyTheSurvivor: the source and its store are gone, the hub was just rebuilt, and Git
// says Failover.
func TestAFailoverOfARebuiltHubNeedsOnlyTheSurvivor(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "rebuilt", lab.DR1)
	again := manifests(t, l, []*actor{a})
	for _, link := range []string{lab.DR1, storeDR1} {
		require.NoError(t, l.Fault(link, faultproxy.BlackHole))
	}
	for _, o := range again {
		if drpc, ok := o.(*v1alpha1.DRPlacementControl); ok {
			failoverTo(lab.DR2)(&drpc.Spec)
		}
	}
	require.NoError(t, l.ReplaceHub(t.Context(), again...))
	a.Control("it is failed over", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, v1alpha1.FailedOver, drpc.Status.Phase)
		assert.Equal(c, lab.DR2, drpc.Status.PreferredDecision.ClusterName)
		assert.True(c, meta.IsStatusConditionTrue(drpc.Status.Conditions, v1alpha1.ConditionAvailable))
	})
	// While the source is away. Its Deployment is deployed by now, its Pod soon.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		pods := &corev1.PodList{}
		require.NoError(c, l.Cluster(lab.DR2).Client.List(t.Context(), pods, client.InNamespace(a.App.Namespace)))
		assert.NotEmpty(c, pods.Items)
	}, patience, tick)
	for _, link := range []string{lab.DR1, storeDR1} {
		require.NoError(t, l.Heal(link))
	}
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	a.RunsOnlyOn(lab.DR2)
}
