// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// ended are the phases in which no operation is under way.
var ended = map[v1alpha1.DRState]bool{"": true, v1alpha1.WaitForUser: true, v1alpha1.Deployed: true, v1alpha1.FailedOver: true, v1alpha1.Relocated: true}

// aims are the operations of the phases that have only one.
var aims = map[v1alpha1.DRState]metrics.Action{
	v1alpha1.Deploying: metrics.Deploy, v1alpha1.Deployed: metrics.Deploy,
	v1alpha1.FailingOver: metrics.Failover, v1alpha1.FailedOver: metrics.Failover,
	v1alpha1.Relocating: metrics.Relocate, v1alpha1.Relocated: metrics.Relocate,
	v1alpha1.Deleting: metrics.Delete,
}

// operation is what is under way by a status. It is read off the status alone: the spec may have changed since.
func operation(s *v1alpha1.DRPlacementControlStatus) metrics.Action {
	switch {
	case s.Phase == v1alpha1.Initiating:
		return initiated(s.Progression)
	case !ended[s.Phase], s.ActionStartTime != nil && s.ActionDuration == nil:
		return aims[s.Phase]
	default:
		return metrics.Idle
	}
}

// initiated is the operation whose gates are looked at.
func initiated(step v1alpha1.ProgressionStatus) metrics.Action {
	switch step {
	case v1alpha1.ProgressionCheckingFailoverPrerequisites, v1alpha1.ProgressionWaitForStorageMaintenance:
		return metrics.Failover
	case v1alpha1.ProgressionPaused:
		return metrics.Deploy
	default:
		return metrics.Relocate
	}
}

// clockAction notes when an operation began and how long it took, for people.
func clockAction(s, was *v1alpha1.DRPlacementControlStatus, next plan.Plan, now time.Time) {
	if !ended[s.Phase] && (ended[was.Phase] || operation(was) != operation(s)) {
		s.ActionStartTime, s.ActionDuration = &metav1.Time{Time: now.Truncate(time.Second)}, nil
	}
	if next.Done() && s.ActionStartTime != nil && s.ActionDuration == nil {
		s.ActionDuration = &metav1.Duration{Duration: now.Sub(s.ActionStartTime.Time).Round(time.Second)}
	}
}

// count tells monitoring what became of operations from one status to the next.
func (r *Reconciler) count(was *remembered, is *v1alpha1.DRPlacementControlStatus, now time.Time) {
	from, to := operation(&was.status), operation(is)
	again := to != metrics.Idle && !was.status.ActionStartTime.Equal(is.ActionStartTime)
	if start := was.status.ActionStartTime; from != metrics.Idle && start != nil {
		took := now.Sub(start.Time)
		if aims[is.Phase] == from && !ended[was.status.Phase] && ended[is.Phase] {
			r.operations.Ready(from, took)
		}
		switch {
		case to != metrics.Idle && (to != from || again):
			r.operations.Ended(from, metrics.Superseded, took)
		case to == metrics.Idle && is.Phase == v1alpha1.WaitForUser:
			r.operations.Ended(from, metrics.Stopped, took)
		case to == metrics.Idle:
			r.operations.Ended(from, metrics.Completed, took)
		}
	}
	if (to == metrics.Failover || to == metrics.Relocate) && (to != from || again) && !fresh(&was.status) {
		r.operations.Acted(to)
	}
	if sameStep(&was.status, is) || from == metrics.Idle || was.since.IsZero() {
		return
	}
	r.operations.Stepped(string(was.status.Phase), string(was.status.Progression), now.Sub(was.since))
}

// fresh reports whether nothing is known of the application yet: an action in it may be one that was carried out long
// ago, and that the hub finds done when it has adopted what runs.
func fresh(s *v1alpha1.DRPlacementControlStatus) bool {
	return s.Phase == "" || s.Phase == v1alpha1.Initiating && operation(s) == metrics.Deploy
}

func sameStep(a, b *v1alpha1.DRPlacementControlStatus) bool {
	return a.Phase == b.Phase && a.Progression == b.Progression
}
