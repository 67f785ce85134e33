// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// verdict is what the reconciler decides at a moment.
type verdict struct {
	Refused string // the reason, if it can't take the object as it is
	Facts   plan.Facts
	Plan    plan.Plan
	Waiting *v1alpha1.Waiting
}

// eachMoment goes through what a DRPlacementControl goes through, with all that a look at it needs, and with what the reconciler
// decides there for each edit of the object.
func eachMoment(t *testing.T, edits map[string]func(*v1alpha1.DRPlacementControl), see func(name string, look drpc.Look, object *v1alpha1.DRPlacementControl, d verdict)) {
	t.Helper()
	for moment, way := range moments {
		h := way(t)
		_, _ = h.try(app) // an error is told in the status
		for edit, do := range edits {
			object := h.drpc()
			if object == nil {
				continue
			}
			do(object)
			w, err := h.r.Observe(t.Context(), object.DeepCopy())
			if status.Transient(err) {
				continue // the moment is about what the hub can't read
			}
			d := verdict{}
			if err != nil {
				d.Refused, _, _ = outcome.Of(err)
			} else {
				d.Facts, d.Plan = w.Facts, plan.Decide(w.Facts)
				if len(d.Plan.Writes) == 0 {
					d.Waiting = status.Waiting(w, d.Plan.Wait, status.Explain(w, d.Plan.Wait), object.Status.Waiting, h.clock.Now())
				}
			}
			see(moment+", "+edit, drpc.Look{Reader: h.api, Links: h.links, Clock: h.clock, Namespace: "ramen-system"}, object, d)
		}
	}
}
