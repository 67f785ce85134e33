// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// Quote is how decisions are written. None is nil: the deployer leaves things as they are.
func Quote(w *snapshot.Snapshot, found [2]plan.Decision) (list []v1alpha1.ClusterDecision, preferred v1alpha1.PlacementDecision) {
	if found == [2]plan.Decision{} {
		return nil, preferred
	}
	list = []v1alpha1.ClusterDecision{}
	for i, d := range found {
		cluster := w.Sides[i].Cluster
		switch d {
		case plan.RunHere:
			preferred = v1alpha1.PlacementDecision{ClusterName: cluster, ClusterNamespace: cluster}
			list = append(list, v1alpha1.ClusterDecision{ClusterName: cluster, ClusterNamespace: cluster, Reason: v1alpha1.DecisionRun})
		case plan.Retain:
			list = append(list, v1alpha1.ClusterDecision{ClusterName: cluster, ClusterNamespace: cluster, Reason: v1alpha1.DecisionRetain})
		case plan.Gone, plan.Untold:
		}
	}
	return list, preferred
}

// Published are those that the look found.
func Published(w *snapshot.Snapshot) [2]plan.Decision {
	return [2]plan.Decision{w.Facts.At(plan.First).Decision, w.Facts.At(plan.Second).Decision}
}

// Misquoted reports whether the status says more than the decisions that are read from it, or something else beside them:
// somebody edited it. Where no decision was published there is nothing to compare with.
func Misquoted(w *snapshot.Snapshot) bool {
	if w.DRPC.DeletionTimestamp != nil || Published(w) == [2]plan.Decision{} {
		return false
	}
	want := v1alpha1.DRPlacementControlStatus{}
	want.Decisions, want.PreferredDecision = Quote(w, Published(w))
	return !SameDecisions(&w.DRPC.Status, &want)
}

// SameDecisions compares what is published. The order of decisions has no meaning; that there are none, and that the workload
// must exist nowhere, are not the same.
func SameDecisions(a, b *v1alpha1.DRPlacementControlStatus) bool {
	sorted := func(s *v1alpha1.DRPlacementControlStatus) []v1alpha1.ClusterDecision {
		return slices.SortedFunc(slices.Values(s.Decisions), func(x, y v1alpha1.ClusterDecision) int {
			return strings.Compare(x.ClusterName, y.ClusterName)
		})
	}
	return a.PreferredDecision == b.PreferredDecision && (a.Decisions == nil) == (b.Decisions == nil) && equality.Semantic.DeepEqual(sorted(a), sorted(b))
}
