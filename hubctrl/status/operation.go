// SPDX-License-Identifier: Apache-2.0

package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// Operation is what is under way, as events and metrics name it.
type Operation string

// Operations.
const (
	// Idle : no operation is under way.
	Idle     Operation = ""
	Deploy   Operation = "deploy"
	Failover Operation = "failover"
	Relocate Operation = "relocate"
	Delete   Operation = "delete"
)

// ended are the phases in which no operation is under way.
var ended = map[v1alpha1.DRState]bool{"": true, v1alpha1.WaitForUser: true, v1alpha1.Deployed: true, v1alpha1.FailedOver: true, v1alpha1.Relocated: true}

// aims are the operations of the phases that have only one.
var aims = map[v1alpha1.DRState]Operation{
	v1alpha1.Deploying: Deploy, v1alpha1.Deployed: Deploy,
	v1alpha1.FailingOver: Failover, v1alpha1.FailedOver: Failover,
	v1alpha1.Relocating: Relocate, v1alpha1.Relocated: Relocate,
	v1alpha1.Deleting: Delete,
}

// Ended reports whether no operation is under way in a phase.
func Ended(phase v1alpha1.DRState) bool { return ended[phase] }

// OperationOfPhase is the operation of a phase that has only one.
func OperationOfPhase(phase v1alpha1.DRState) Operation { return aims[phase] }

// OperationOf is what is under way by a status. It is read off the status alone: the spec may have changed since.
func OperationOf(s *v1alpha1.DRPlacementControlStatus) Operation {
	switch {
	case s.Phase == v1alpha1.Initiating:
		return initiated(s.Progression)
	case !ended[s.Phase], s.ActionStartTime != nil && s.ActionDuration == nil:
		return aims[s.Phase]
	default:
		return Idle
	}
}

// initiated is the operation whose gates are looked at.
func initiated(step v1alpha1.ProgressionStatus) Operation {
	switch step {
	case v1alpha1.ProgressionCheckingFailoverPrerequisites, v1alpha1.ProgressionWaitForStorageMaintenance:
		return Failover
	case v1alpha1.ProgressionPaused:
		return Deploy
	default:
		return Relocate
	}
}

// clockAction notes when an operation began and how long it took, for people. It reports whether one began.
func clockAction(s, was *v1alpha1.DRPlacementControlStatus, next plan.Plan, now time.Time) bool {
	began := !ended[s.Phase] && (ended[was.Phase] || OperationOf(was) != OperationOf(s))
	if began {
		s.ActionStartTime, s.ActionDuration = &metav1.Time{Time: now.Truncate(time.Second)}, nil
	}
	if next.Done() && s.ActionStartTime != nil && s.ActionDuration == nil {
		s.ActionDuration = &metav1.Duration{Duration: now.Sub(s.ActionStartTime.Time).Round(time.Second)}
	}
	return began
}

// Fresh reports whether nothing is known of the application yet: an action in it may be one that was carried out long
// ago, and that the hub finds done when it has adopted what runs.
func Fresh(s *v1alpha1.DRPlacementControlStatus) bool {
	return s.Phase == "" || s.Phase == v1alpha1.Initiating && OperationOf(s) == Deploy
}

// SameStep reports whether two statuses tell of the same step.
func SameStep(a, b *v1alpha1.DRPlacementControlStatus) bool {
	return a.Phase == b.Phase && a.Progression == b.Progression
}
