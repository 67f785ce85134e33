// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// A spec that a user can wish for.
func clearTo(preferred string) func(*v1alpha1.DRPlacementControlSpec) {
	return func(s *v1alpha1.DRPlacementControlSpec) { s.Action, s.PreferredCluster = "", preferred }
}

func failoverTo(cluster string) func(*v1alpha1.DRPlacementControlSpec) {
	return func(s *v1alpha1.DRPlacementControlSpec) {
		s.Action, s.FailoverCluster = v1alpha1.ActionFailover, cluster
	}
}

func relocateTo(cluster string) func(*v1alpha1.DRPlacementControlSpec) {
	return func(s *v1alpha1.DRPlacementControlSpec) {
		s.Action, s.PreferredCluster = v1alpha1.ActionRelocate, cluster
	}
}

// TestClearingOrChangingTheActionStrandsNothing: whatever the user takes back, and when, the workload runs on exactly one
// cluster afterwards, and is protected there.
func TestClearingOrChangingTheActionStrandsNothing(t *testing.T) {
	l := shared.Lab(t)
	tell := func(a *actor, phase v1alpha1.DRState, cluster string) {
		a.T.Helper()
		a.Settled(phase, cluster)
		require.NoError(a.T, a.GoesOn(a.T.Context(), cluster))
		a.RunsOnlyOn(cluster)
	}
	type change struct {
		name, app string
		play      func(a *actor)
		cuts      bool // it breaks links
	}
	for _, row := range testlayer.Drawn(t, []change{
		{"after a relocate, the preferred cluster is where it runs", "clear-relocated", func(a *actor) {
			_, err := a.Relocate(a.T.Context(), lab.DR2)
			require.NoError(a.T, err)
			stays(a, lab.DR2, func() { a.Ask(clearTo(lab.DR2)); tell(a, v1alpha1.Deployed, lab.DR2) })
		}, false},
		{"after a failover, the preferred cluster still names the old home; then both are changed in one edit", "clear-failed-over", func(a *actor) {
			a.Ask(failoverTo(lab.DR2))
			tell(a, v1alpha1.FailedOver, lab.DR2)
			stays(a, lab.DR2, func() {
				a.Ask(clearTo(lab.DR1))
				tell(a, v1alpha1.Deployed, lab.DR2)
				a.Ask(clearTo(lab.DR2))
				tell(a, v1alpha1.Deployed, lab.DR2)
			})
		}, false},
		{"after a failover, while the failed cluster is still lost", "clear-while-lost", func(a *actor) {
			_, err := a.FailoverWithout(a.T.Context(), lab.DR2, faultproxy.Cut)
			require.NoError(a.T, err)
			a.Ask(clearTo(lab.DR2))
			w := a.Waits("LinkLive", lab.DR1)
			assert.Contains(a.T, w.NextStep, "the operation continues automatically when the mirror on dr1 reports again")
			require.NoError(a.T, l.Heal(lab.DR1))
			tell(a, v1alpha1.Deployed, lab.DR2)
		}, true},
		{"the preferred cluster is changed without an action", "preferred-changes", func(a *actor) {
			stays(a, lab.DR1, func() { a.Ask(clearTo(lab.DR2)); tell(a, v1alpha1.Deployed, lab.DR1) })
		}, false},
		{"the group of the peer is deleted by hand", "peer-deleted", func(a *actor) {
			stays(a, lab.DR1, func() {
				deleteGroup(a, lab.DR2)
				tell(a, v1alpha1.Deployed, lab.DR1)
			})
		}, false},
		{"a relocate is turned back by naming its source", "turned-back", func(a *actor) {
			a.Leave()
			a.Ask(relocateTo(lab.DR2))
			a.Waits("WorkloadGone", lab.DR1)
			stays(a, lab.DR1, func() {
				a.Ask(relocateTo(lab.DR1))
				tell(a, v1alpha1.Relocated, lab.DR1)
			})
			spec := a.Group(lab.DR1).Spec
			assert.False(a.T, spec.PrepareForFinalSync || spec.RunFinalSync, "the source's schedules run again")
		}, false},
		{"a failover is turned back while the failed side still has to be cleaned up", "failed-back", func(a *actor) {
			a.Leave() // the failed side is not cleaned up
			a.Ask(failoverTo(lab.DR2))
			a.Waits("WorkloadGone", lab.DR1)
			a.Ask(failoverTo(lab.DR1))
			// dr1 was told Secondary and could not become it: it can't take over before it did.
			a.Waits("WorkloadGone", lab.DR1)
			a.Follow()
			tell(a, v1alpha1.FailedOver, lab.DR1)
		}, false},
		{"a relocate is asked for while the failed side is lost, and waits for it", "relocate-early", func(a *actor) {
			_, err := a.FailoverWithout(a.T.Context(), lab.DR2, faultproxy.Cut)
			require.NoError(a.T, err)
			a.Ask(relocateTo(lab.DR1))
			a.Waits("LinkLive", lab.DR1)
			require.NoError(a.T, l.Heal(lab.DR1))
			tell(a, v1alpha1.Relocated, lab.DR1)
		}, true},
		{"a relocate becomes a failover to its target", "relocate-to-failover", func(a *actor) {
			a.Leave()
			a.Ask(relocateTo(lab.DR2))
			a.Waits("WorkloadGone", lab.DR1)
			a.Ask(failoverTo(lab.DR2))
			a.Waits("WorkloadGone", lab.DR1)
			a.Follow()
			tell(a, v1alpha1.FailedOver, lab.DR2)
		}, false},
		{"a relocate becomes a failover to its source", "relocate-to-source", func(a *actor) {
			a.Leave()
			a.Ask(relocateTo(lab.DR2))
			a.Waits("WorkloadGone", lab.DR1)
			stays(a, lab.DR1, func() {
				a.Ask(failoverTo(lab.DR1))
				tell(a, v1alpha1.FailedOver, lab.DR1)
			})
		}, false},
	}, 4, "hubctrl/plan TestEveryReachableStateIsSafeAndLive") {
		t.Run(row.name, func(t *testing.T) {
			if !row.cuts {
				calm(t)
			}
			row.play(protected(t, l, row.app, lab.DR1))
		})
	}
}

// stays runs do and requires that the Pod on cluster is the same as before.
func stays(a *actor, cluster string, do func()) {
	a.T.Helper()
	pod := a.Pod(cluster)
	do()
	require.Equal(a.T, pod, a.Pod(cluster), "the workload was left alone")
}

// deleteGroup deletes the VolumeReplicationGroup on a cluster, as only somebody by mistake would, and waits until it is
// there again.
func deleteGroup(a *actor, cluster string) {
	a.T.Helper()
	was := a.Group(cluster)
	c := a.Lab.Cluster(cluster).Client
	require.NoError(a.T, c.Delete(a.T.Context(), was))
	require.EventuallyWithT(a.T, func(collect *assert.CollectT) {
		is := &v1alpha1.VolumeReplicationGroup{}
		require.NoError(collect, c.Get(a.T.Context(), client.ObjectKeyFromObject(was), is))
		assert.NotEqual(collect, was.UID, is.UID)
	}, patience, tick, "the mirror does not re-create the group on %s", cluster)
}
