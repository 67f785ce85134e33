// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
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
		a.t.Helper()
		a.settled(phase, cluster)
		require.NoError(a.t, a.GoesOn(a.t.Context(), cluster))
		a.runsOnlyOn(cluster)
	}
	for _, row := range []struct {
		name, app string
		play      func(a *actor)
	}{
		{"after a relocate, the preferred cluster is where it runs", "clear-relocated", func(a *actor) {
			_, err := a.Relocate(a.t.Context(), lab.DR2)
			require.NoError(a.t, err)
			stays(a, lab.DR2, func() { a.ask(clearTo(lab.DR2)); tell(a, v1alpha1.Deployed, lab.DR2) })
		}},
		{"after a failover, the preferred cluster still names the old home; then both are changed in one edit", "clear-failed-over", func(a *actor) {
			a.ask(failoverTo(lab.DR2))
			tell(a, v1alpha1.FailedOver, lab.DR2)
			stays(a, lab.DR2, func() {
				a.ask(clearTo(lab.DR1))
				tell(a, v1alpha1.Deployed, lab.DR2)
				a.ask(clearTo(lab.DR2))
				tell(a, v1alpha1.Deployed, lab.DR2)
			})
		}},
		{"after a failover, while the failed cluster is still lost", "clear-while-lost", func(a *actor) {
			_, err := a.FailoverWithout(a.t.Context(), lab.DR2, faultproxy.Cut)
			require.NoError(a.t, err)
			a.ask(clearTo(lab.DR2))
			w := a.waits("LinkLive", lab.DR1)
			assert.Contains(a.t, w.NextStep, "it goes on by itself when the mirror of dr1 reports again")
			require.NoError(a.t, l.Heal(lab.DR1))
			tell(a, v1alpha1.Deployed, lab.DR2)
		}},
		{"the preferred cluster is changed without an action", "preferred-changes", func(a *actor) {
			stays(a, lab.DR1, func() { a.ask(clearTo(lab.DR2)); tell(a, v1alpha1.Deployed, lab.DR1) })
		}},
		{"the group of the peer is deleted by hand", "peer-deleted", func(a *actor) {
			stays(a, lab.DR1, func() {
				a.deleteGroup(lab.DR2)
				tell(a, v1alpha1.Deployed, lab.DR1)
			})
		}},
		{"a relocate is turned back by naming its source", "turned-back", func(a *actor) {
			a.leave()
			a.ask(relocateTo(lab.DR2))
			a.waits("WorkloadGone", lab.DR1)
			stays(a, lab.DR1, func() {
				a.ask(relocateTo(lab.DR1))
				tell(a, v1alpha1.Relocated, lab.DR1)
			})
			spec := a.group(lab.DR1).Spec
			assert.False(a.t, spec.PrepareForFinalSync || spec.RunFinalSync, "the source's schedules run again")
		}},
		{"a failover is turned back while the failed side still has to be cleaned up", "failed-back", func(a *actor) {
			a.leave() // the failed side is not cleaned up
			a.ask(failoverTo(lab.DR2))
			a.waits("WorkloadGone", lab.DR1)
			a.ask(failoverTo(lab.DR1))
			// dr1 was told Secondary and could not become it: it can't take over before it did.
			a.waits("WorkloadGone", lab.DR1)
			a.follow()
			tell(a, v1alpha1.FailedOver, lab.DR1)
		}},
		{"a relocate is asked for while the failed side is lost, and waits for it", "relocate-early", func(a *actor) {
			_, err := a.FailoverWithout(a.t.Context(), lab.DR2, faultproxy.Cut)
			require.NoError(a.t, err)
			a.ask(relocateTo(lab.DR1))
			a.waits("LinkLive", lab.DR1)
			require.NoError(a.t, l.Heal(lab.DR1))
			tell(a, v1alpha1.Relocated, lab.DR1)
		}},
		{"a relocate becomes a failover to its target", "relocate-to-failover", func(a *actor) {
			a.leave()
			a.ask(relocateTo(lab.DR2))
			a.waits("WorkloadGone", lab.DR1)
			a.ask(failoverTo(lab.DR2))
			a.waits("WorkloadGone", lab.DR1)
			a.follow()
			tell(a, v1alpha1.FailedOver, lab.DR2)
		}},
		{"a relocate becomes a failover to its source", "relocate-to-source", func(a *actor) {
			a.leave()
			a.ask(relocateTo(lab.DR2))
			a.waits("WorkloadGone", lab.DR1)
			stays(a, lab.DR1, func() {
				a.ask(failoverTo(lab.DR1))
				tell(a, v1alpha1.FailedOver, lab.DR1)
			})
		}},
	} {
		t.Run(row.name, func(t *testing.T) { row.play(protected(t, l, row.app, lab.DR1)) })
	}
}

// stays runs do and requires that the Pod on cluster is the same as before.
func stays(a *actor, cluster string, do func()) {
	a.t.Helper()
	pod := podOf(a, cluster)
	do()
	require.Equal(a.t, pod, podOf(a, cluster), "the workload was left alone")
}

// runsOnlyOn requires that the workload runs on cluster, and that exactly this cluster is told Primary.
func (a *actor) runsOnlyOn(cluster string) {
	a.t.Helper()
	assert.NotEqual(a.t, types.UID(""), podOf(a, cluster))
	for _, c := range lab.Spokes() {
		role := v1alpha1.Secondary
		if c == cluster {
			role = v1alpha1.Primary
		}
		assert.Equal(a.t, role, a.group(c).Spec.ReplicationState, "the role of %s", c)
	}
}

// group is the VolumeReplicationGroup on a cluster.
func (a *actor) group(cluster string) *v1alpha1.VolumeReplicationGroup {
	a.t.Helper()
	vrg := &v1alpha1.VolumeReplicationGroup{}
	require.NoError(a.t, a.lab.Cluster(cluster).Client.Get(a.t.Context(), a.App.Key(), vrg))
	return vrg
}

// deleteGroup deletes the VolumeReplicationGroup on a cluster, as only somebody by mistake would, and waits until it is
// there again.
func (a *actor) deleteGroup(cluster string) {
	a.t.Helper()
	was := a.group(cluster)
	c := a.lab.Cluster(cluster).Client
	require.NoError(a.t, c.Delete(a.t.Context(), was))
	require.EventuallyWithT(a.t, func(collect *assert.CollectT) {
		is := &v1alpha1.VolumeReplicationGroup{}
		require.NoError(collect, c.Get(a.t.Context(), client.ObjectKeyFromObject(was), is))
		assert.NotEqual(collect, was.UID, is.UID)
	}, patience, tick, "the mirror makes the group on %s anew", cluster)
}
