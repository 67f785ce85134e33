// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// ownWrites tells our own writes of a status from those of others.
type ownWrites struct{ apply.Own }

// The two parts of a status that are written on their own.
const (
	decisions = iota
	rest
)

// wrote reports whether the status of drpc is as we wrote it.
func (o *ownWrites) wrote(drpc *v1alpha1.DRPlacementControl) bool {
	others := drpc.Status
	others.Decisions, others.PreferredDecision = nil, v1alpha1.PlacementDecision{}
	return o.Wrote(client.ObjectKeyFromObject(drpc), decided(&drpc.Status), others)
}

// decided is what a status says of where the workload is.
func decided(s *v1alpha1.DRPlacementControlStatus) any {
	return []any{s.Decisions, s.PreferredDecision}
}

// edited lets an update through if somebody else wrote the status: it is corrected at once.
func (o *ownWrites) edited() predicate.Predicate {
	return apply.Updates(func(e event.UpdateEvent) bool {
		is, ok := e.ObjectNew.(*v1alpha1.DRPlacementControl)
		return ok && e.ObjectOld.GetResourceVersion() != is.ResourceVersion && !o.wrote(is)
	})
}
