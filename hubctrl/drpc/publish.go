// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// publish tells those who deploy where the workload's objects may exist. What somebody else wrote into the decisions goes.
func (r *actor) publish(ctx context.Context, w *snapshot.Snapshot, list [2]plan.Decision) error {
	told := &v1alpha1.DRPlacementControl{}
	told.Namespace, told.Name = w.DRPC.Namespace, w.DRPC.Name
	told.Status.Decisions, told.Status.PreferredDecision = wish.Quote(w, list)
	intent, err := apply.StatusOf(told, r.client.Scheme())
	if err != nil {
		return err
	}
	r.own.Expect(client.ObjectKeyFromObject(w.DRPC), decisions, decided(&told.Status))
	a := apply.New(r.client, fieldOwnerDecisions)
	stored, err := a.StatusOver(ctx, apply.VersionOf(w.DRPC), intent)
	if err != nil {
		return fmt.Errorf("publish decisions: %w", err)
	}
	now := &v1alpha1.DRPlacementControl{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, now); err != nil {
		return fmt.Errorf("read published decisions: %w", err)
	}
	if !wish.SameDecisions(&now.Status, &told.Status) {
		now.Status.Decisions, now.Status.PreferredDecision = told.Status.Decisions, told.Status.PreferredDecision
		if err := a.ReplaceStatus(ctx, now); err != nil {
			return fmt.Errorf("take back what somebody wrote into the decisions: %w", err)
		}
	}
	w.DRPC.ResourceVersion = now.ResourceVersion
	return nil
}
