// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// publish tells those who deploy where the workload's objects may exist. What somebody else wrote into the decisions goes.
func (r *actor) publish(ctx context.Context, w *snapshot.Snapshot, list [2]plan.Decision) error {
	told := &v1alpha1.DRPlacementControl{}
	told.Namespace, told.Name = w.DRPC.Namespace, w.DRPC.Name
	told.Status.Decisions, told.Status.PreferredDecision = quote(w, list)
	intent, err := apply.StatusOf(told, r.client.Scheme())
	if err != nil {
		return err
	}
	r.own.expect(client.ObjectKeyFromObject(w.DRPC), decisions, decisionsHash(&told.Status))
	a := apply.New(r.client, ownerDecisions)
	stored, err := a.StatusOver(ctx, apply.VersionOf(w.DRPC), intent)
	if err != nil {
		return fmt.Errorf("publish decisions: %w", err)
	}
	now := &v1alpha1.DRPlacementControl{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, now); err != nil {
		return fmt.Errorf("read published decisions: %w", err)
	}
	if !sameDecisions(&now.Status, &told.Status) {
		now.Status.Decisions, now.Status.PreferredDecision = told.Status.Decisions, told.Status.PreferredDecision
		if err := a.ReplaceStatus(ctx, now); err != nil {
			return fmt.Errorf("take back what somebody wrote into the decisions: %w", err)
		}
	}
	w.DRPC.ResourceVersion = now.ResourceVersion
	return nil
}

// quote is how decisions are written. None is nil: the deployer leaves things as they are.
func quote(w *snapshot.Snapshot, found [2]plan.Decision) (list []v1alpha1.ClusterDecision, preferred v1alpha1.PlacementDecision) {
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

// published are those that the look found.
func published(w *snapshot.Snapshot) [2]plan.Decision {
	return [2]plan.Decision{w.Facts.At(plan.First).Decision, w.Facts.At(plan.Second).Decision}
}

// misquoted reports whether the status says more than the decisions that are read from it, or something else beside them:
// somebody edited it. Where no decision was published there is nothing to compare with.
func misquoted(w *snapshot.Snapshot) bool {
	if w.DRPC.DeletionTimestamp != nil || published(w) == [2]plan.Decision{} {
		return false
	}
	want := v1alpha1.DRPlacementControlStatus{}
	want.Decisions, want.PreferredDecision = quote(w, published(w))
	return !sameDecisions(&w.DRPC.Status, &want)
}

// sameDecisions compares what is published. The order of decisions has no meaning; that there are none, and that the workload
// must exist nowhere, are not the same.
func sameDecisions(a, b *v1alpha1.DRPlacementControlStatus) bool {
	sorted := func(s *v1alpha1.DRPlacementControlStatus) []v1alpha1.ClusterDecision {
		return slices.SortedFunc(slices.Values(s.Decisions), func(x, y v1alpha1.ClusterDecision) int {
			return strings.Compare(x.ClusterName, y.ClusterName)
		})
	}
	return a.PreferredDecision == b.PreferredDecision && (a.Decisions == nil) == (b.Decisions == nil) && equality.Semantic.DeepEqual(sorted(a), sorted(b))
}
