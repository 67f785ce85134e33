// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestClearingTheActionAtEachStepStrandsNothing goes through an operation once, and clears its action in a fork of each
// step that differs from the one before. Whatever was done of an operation when its action is cleared, and
// whichever cluster is preferred then, the workload runs on exactly one cluster afterwards, and the other one stands by.
func TestClearingTheActionAtEachStepStrandsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("goes through many lives")
	}
	for name, ask := range map[string]func(*hub){
		"failover": func(h *hub) { h.failover("dr2") },
		"relocate": func(h *hub) { h.relocate("dr2") },
	} {
		for _, preferred := range []string{"dr1", "dr2"} {
			t.Run(name+" cleared, with "+preferred+" preferred", func(t *testing.T) {
				h := newHub(t)
				h.forks = true
				h.rebuild("hub-uid", newDRPC())
				h.settle()
				ask(h)
				steps := 0
				for still := 0; still <= len(moves); steps++ { // still: moves since anything happened
					if still == 0 { // else nothing is different from one move earlier
						takeBack(h.fork(), preferred)
					}
					still++
					if h.move(steps) {
						still = 0
					}
				}
				takeBack(h, preferred) // of the process that has seen it all
				require.Greater(t, steps, 4*len(moves), "the operation has steps")
			})
		}
	}
}

// takeBack clears the action, and requires what must be then.
func takeBack(h *hub, preferred string) {
	h.t.Helper()
	was := h.shows()
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "", preferred })
	h.obey("dr1") // what was under way arrives
	h.obey("dr2")
	h.settle()
	requireOneHome(h.t, h, was)
}

// moves are what the parties do in turn, in the smallest parts.
var moves = []func(*hub){
	func(h *hub) { h.pass() },
	func(h *hub) { h.deliver("dr1"); h.deliver("dr2") },
	func(h *hub) { h.work("dr1"); h.work("dr2") },
	func(h *hub) { h.tell("dr1"); h.tell("dr2"); h.confirm("dr1"); h.confirm("dr2") },
	(*hub).follow,
}

// move makes the n-th move. It reports whether anything happened.
func (h *hub) move(n int) bool {
	h.t.Helper()
	before := []spoke{*h.spokes["dr1"], *h.spokes["dr2"]}
	moves[n%len(moves)](h)
	wrote := h.wrote()
	return len(wrote) > 0 || !assert.ObjectsAreEqual(before, []spoke{*h.spokes["dr1"], *h.spokes["dr2"]})
}

func requireOneHome(t *testing.T, h *hub, was string) {
	t.Helper()
	d := h.drpc()
	home := d.Status.PreferredDecision.ClusterName
	require.Equal(t, []v1alpha1.ClusterDecision{{ClusterName: home, ClusterNamespace: home, Reason: v1alpha1.DecisionRun}}, d.Status.Decisions, was)
	require.Equal(t, v1alpha1.Deployed, d.Status.Phase, was)
	require.Equal(t, v1alpha1.ProgressionCompleted, d.Status.Progression, was)
	for name, s := range h.spokes {
		require.Equal(t, name == home, s.state == v1alpha1.PrimaryState, "%s: the role of %s", was, name)
		require.Equal(t, name == home, s.inUse, "%s: the workload on %s", was, name)
		require.False(t, s.spec.PrepareForFinalSync || s.spec.RunFinalSync, "%s: the schedules of %s run", was, name)
	}
}
