// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// The history of an application is a part of its status, and changes only together with a phase or a step: at rest nothing is
// written because of it. A hub that restarts goes on with what it finds; one that was lost begins again.

const (
	// mostOperations is how many operations are remembered, and detailedOperations how many of these with their steps. A step is
	// there once, so the steps of an operation are as many as there are.
	mostOperations     = 10
	detailedOperations = 3

	// mostRequest bounds what is read of an annotation, and mostName and mostReason what is kept of it, in bytes.
	mostRequest = 4 << 10
	mostName    = 253
	mostReason  = 256
)

// names are operations as the history names them.
var names = map[Operation]string{Deploy: "Deploy", Failover: "Failover", Relocate: "Relocate"}

// remember adds to the history what became of operations from was to s; began: another one began.
func remember(drpc *v1alpha1.DRPlacementControl, s, was *v1alpha1.DRPlacementControlStatus, began bool, now time.Time) {
	at := metav1.NewTime(now.Truncate(time.Second))
	is := OperationOf(s)
	if began {
		if open := underWay(s); open != nil {
			end(open, v1alpha1.OperationSuperseded, at)
		}
		// An action that the hub finds carried out when it adopts what runs is none that it carries out.
		if name, ok := names[is]; ok && (is == Deploy || !Fresh(was)) {
			s.Operations = append([]v1alpha1.Operation{startedOperation(drpc, was, is, name, at)}, s.Operations...)
			s.Operations = s.Operations[:min(len(s.Operations), mostOperations)]
			for i := detailedOperations; i < len(s.Operations); i++ {
				s.Operations[i].Steps = nil
			}
		}
	}
	op := underWay(s)
	if op == nil {
		return
	}
	if op.Progression != s.Progression && is != Idle {
		endStep(op, at)
		beginStep(op, s.Progression, at)
	}
	if op.ReadyTime == nil && ended[s.Phase] && names[aims[s.Phase]] == op.Action {
		op.ReadyTime = &at
	}
	if running := s.PreferredDecision.ClusterName; op.ReadyTime != nil && running != "" {
		op.ToCluster = running
	}
	if is != Idle {
		return
	}
	switch {
	case s.Phase == v1alpha1.WaitForUser:
		end(op, v1alpha1.OperationStopped, at)
	case names[aims[s.Phase]] == op.Action:
		end(op, v1alpha1.OperationCompleted, at)
	case op.Action == names[Deploy]: // what ran was adopted, and nothing was carried out
		s.Operations = s.Operations[1:]
	default: // it was taken back before anything had moved
		end(op, v1alpha1.OperationSuperseded, at)
	}
}

// underWay is the operation that is not over; nil: none.
func underWay(s *v1alpha1.DRPlacementControlStatus) *v1alpha1.Operation {
	if len(s.Operations) == 0 || s.Operations[0].EndTime != nil {
		return nil
	}
	return &s.Operations[0]
}

func startedOperation(drpc *v1alpha1.DRPlacementControl, was *v1alpha1.DRPlacementControlStatus, is Operation, name string, at metav1.Time) v1alpha1.Operation {
	op := v1alpha1.Operation{Action: name, FromCluster: was.PreferredDecision.ClusterName, StartTime: at}
	op.RequestedBy, op.Reason = Request(drpc)
	switch is {
	case Failover:
		op.ToCluster, op.DataTime = drpc.Spec.FailoverCluster, was.LastGroupSyncTime.DeepCopy()
	case Relocate, Deploy:
		op.ToCluster = drpc.Spec.PreferredCluster
	case Idle, Delete:
	}
	return op
}

func end(op *v1alpha1.Operation, how v1alpha1.OperationOutcome, at metav1.Time) {
	endStep(op, at)
	op.Outcome, op.EndTime, op.Progression, op.StepTime = how, &at, "", nil
}

func beginStep(op *v1alpha1.Operation, step v1alpha1.ProgressionStatus, at metav1.Time) {
	op.Progression, op.StepTime = step, &at
	for i := range op.Steps {
		if op.Steps[i].Progression == step {
			return
		}
	}
	op.Steps = append(op.Steps, v1alpha1.OperationStep{Progression: step})
}

func endStep(op *v1alpha1.Operation, at metav1.Time) {
	if op.StepTime == nil {
		return
	}
	for i := range op.Steps {
		if op.Steps[i].Progression == op.Progression {
			op.Steps[i].Duration.Duration += max(at.Sub(op.StepTime.Time), 0)
		}
	}
}

// Request is who asked for what the spec asks for, and why, as the tool says that wrote it; empty: it did not say.
func Request(drpc *v1alpha1.DRPlacementControl) (by, reason string) {
	text := drpc.Annotations[v1alpha1.AnnotationRequest]
	var said struct {
		Generation int64  `json:"generation"`
		By         string `json:"by"`
		Reason     string `json:"reason"`
	}
	if text == "" || len(text) > mostRequest || json.Unmarshal([]byte(text), &said) != nil || said.Generation != drpc.Generation {
		return "", ""
	}
	return bounded.Text(said.By, mostName), bounded.Text(said.Reason, mostReason)
}

// Began is the operation that began from was to is, and of which nobody said who asked for it; nil: there is none.
func Began(was, is *v1alpha1.DRPlacementControlStatus) *v1alpha1.Operation {
	op := underWay(is)
	if op == nil || op.RequestedBy != "" || op.Action == names[Deploy] {
		return nil
	}
	if before := underWay(was); before != nil && before.StartTime.Equal(&op.StartTime) && before.Action == op.Action {
		return nil
	}
	return op
}

// Manager is the field manager that wrote spec.action last; empty: it is not known.
func Manager(managed []metav1.ManagedFieldsEntry) string {
	var name string
	var last time.Time
	for _, m := range managed {
		if m.Subresource != "" || m.FieldsV1 == nil {
			continue
		}
		var set struct {
			Spec map[string]any `json:"f:spec"`
		}
		if json.Unmarshal(m.FieldsV1.GetRawBytes(), &set) != nil {
			continue
		}
		if _, ok := set.Spec["f:action"]; ok && (name == "" || m.Time != nil && m.Time.After(last)) {
			name = m.Manager
			if m.Time != nil {
				last = m.Time.Time
			}
		}
	}
	return bounded.Text(name, mostName)
}
