// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"testing"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// Decided is what the reconciler decides at a moment.
type Decided struct {
	Refused string // the reason, if it can't take the object as it is
	Facts   plan.Facts
	Plan    plan.Plan
	Waiting *v1alpha1.Waiting
}

// EachMoment goes through what a DRPlacementControl goes through, with all that a look at it needs, and with what the reconciler
// decides there for each edit of the object.
func EachMoment(t *testing.T, edits map[string]func(*v1alpha1.DRPlacementControl), see func(name string, look Look, drpc *v1alpha1.DRPlacementControl, d Decided)) {
	t.Helper()
	for moment, way := range moments {
		h := way(t)
		_, _ = h.try(app) // an error is told in the status
		for edit, do := range edits {
			drpc := h.drpc()
			if drpc == nil {
				continue
			}
			do(drpc)
			w, err := h.r.observe(t.Context(), drpc.DeepCopy())
			if status.Transient(err) {
				continue // the moment is about what the hub can't read
			}
			d := Decided{}
			if err != nil {
				d.Refused, _, _ = outcome.Of(err)
			} else {
				d.Facts, d.Plan = w.Facts, plan.Decide(w.Facts)
				if len(d.Plan.Writes) == 0 {
					d.Waiting = status.Waiting(w, d.Plan.Wait, status.Explain(w, d.Plan.Wait), drpc.Status.Waiting, h.clock.Now())
				}
			}
			see(moment+", "+edit, Look{Reader: h.api, Links: h.links, Clock: h.clock, Namespace: "ramen-system"}, drpc, d)
		}
	}
}
