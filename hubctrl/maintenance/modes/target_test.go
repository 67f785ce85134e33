// SPDX-License-Identifier: Apache-2.0

package modes_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
)

func TestWhereAFailoverGoes(t *testing.T) {
	type sides = [2]modes.Side
	edited := func(w *group, edit func(*group)) *group { edit(w); return w }
	epoch := func(n string) func(*group) {
		return func(w *group) { w.Annotations["exchange.ramendr.openshift.io/epoch"] = n }
	}
	running := sides{{Cluster: "dr1", Wish: wish("primary")}, {Cluster: "dr2", Wish: wish("secondary")}}
	failed := sides{{Cluster: "dr1", Wish: wish("secondary")}, {Cluster: "dr2", Wish: edited(wish("primary"), func(w *group) { w.Spec.Action = "Failover" })}}
	for name, tc := range map[string]struct {
		ask   func(*v1alpha1.DRPlacementControl)
		sides sides
		want  string
	}{
		"to the cluster that is named":          {func(d *v1alpha1.DRPlacementControl) { d.Spec.FailoverCluster = "dr1" }, running, "dr1"},
		"nowhere, if that is not in the policy": {func(d *v1alpha1.DRPlacementControl) { d.Spec.FailoverCluster = "dr7" }, running, ""},
		"else to the other than home":           {func(*v1alpha1.DRPlacementControl) {}, running, "dr2"},
		"not back, while the action stays":      {func(*v1alpha1.DRPlacementControl) {}, failed, "dr2"},
		"by the later of two promotions": {func(*v1alpha1.DRPlacementControl) {}, sides{
			{Cluster: "dr1", Wish: edited(wish("primary"), epoch("2"))}, {Cluster: "dr2", Wish: edited(wish("primary"), epoch("3"))}}, "dr1"},
		"nowhere, if nobody is home":    {func(*v1alpha1.DRPlacementControl) {}, sides{{Cluster: "dr1", Wish: wish("secondary")}, {Cluster: "dr2"}}, ""},
		"nowhere, without a failover":   {func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "Relocate" }, running, ""},
		"nowhere, while DR is disabled": {func(d *v1alpha1.DRPlacementControl) { d.DeletionTimestamp = &metav1.Time{Time: noon} }, running, ""},
		"nowhere, by a spec from a backup": {func(d *v1alpha1.DRPlacementControl) { d.Generation = 4 }, sides{
			{Cluster: "dr1", Wish: edited(wish("primary"), func(w *group) { w.Annotations["exchange.ramendr.openshift.io/recalled-at-generation"] = "4" })},
			{Cluster: "dr2", Wish: wish("secondary")}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			drpc := &v1alpha1.DRPlacementControl{}
			drpc.Spec.Action = "Failover"
			tc.ask(drpc)
			_, target, ok := modes.Of(drpc, tc.sides)
			assert.Equal(t, tc.want, target)
			assert.Equal(t, tc.want != "", ok)
		})
	}
}

func TestAFailoverIsThatOfItsTarget(t *testing.T) {
	drpc := &v1alpha1.DRPlacementControl{}
	drpc.Spec.Action, drpc.Spec.FailoverCluster = "Failover", "dr2"
	drpc.Status.Decisions = []v1alpha1.ClusterDecision{{ClusterName: "dr2", Reason: "Retain"}}
	sides := [2]modes.Side{
		{Cluster: "dr1", Wish: wish("primary"), Report: report("Primary")},
		{Cluster: "dr2", Wish: wish("secondary"), Report: report("Secondary")},
	}
	f, _, _ := modes.Of(drpc, sides)
	assert.Equal(t, failover{Wish: sides[1].Wish, Report: sides[1].Report}, f)
	drpc.Status.Decisions[0].Reason = "Run"
	f, _, _ = modes.Of(drpc, sides)
	assert.True(t, f.Decided)
}
