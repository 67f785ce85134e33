// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OperationOutcome says how an operation ended.
// +kubebuilder:validation:Enum=Completed;Superseded;Stopped
type OperationOutcome string

// Outcomes of operations.
const (
	// OperationCompleted : it was carried out to its end.
	OperationCompleted OperationOutcome = "Completed"
	// OperationSuperseded : something else was asked for before it was done.
	OperationSuperseded OperationOutcome = "Superseded"
	// OperationStopped : it could not continue before the user changed something.
	OperationStopped OperationOutcome = "Stopped"
)

// OperationStep is how long an operation stayed in a step.
type OperationStep struct {
	// progression names the step.
	// +required
	Progression ProgressionStatus `json:"progression"`
	// duration is how long the operation stayed in the step, each time that it came to it. That of the step that is under way
	// grows when it is over.
	// +optional
	Duration metav1.Duration `json:"duration,omitzero"`
}

// Operation is one that the hub carries out, or carried out.
type Operation struct {
	// action is Deploy, Failover or Relocate.
	// +required
	Action string `json:"action"`
	// fromCluster is where the workload ran when it began; empty: nowhere.
	// +optional
	FromCluster string `json:"fromCluster,omitempty"`
	// toCluster is where the workload runs since, or is to run.
	// +optional
	ToCluster string `json:"toCluster,omitempty"`
	// requestedBy is who asked for it: the user, if the tool that wrote the spec said that, or else the field manager of
	// spec.action. It is what the writer says of itself: nobody proves it.
	// +optional
	RequestedBy string `json:"requestedBy,omitempty"`
	// reason is why, in the words of who asked for it.
	// +optional
	Reason string `json:"reason,omitempty"`
	// startTime is when the hub began it.
	// +required
	StartTime metav1.Time `json:"startTime"`
	// readyTime is when the workload could run on its cluster.
	// +optional
	ReadyTime *metav1.Time `json:"readyTime,omitempty"`
	// endTime is when it was over, with all that follows, as the return of a cluster that failed.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`
	// outcome is how it ended; empty: it is under way.
	// +optional
	Outcome OperationOutcome `json:"outcome,omitempty"`
	// dataTime of a failover is the moment to which it brought the data back: what was written from then until startTime was
	// lost. Empty: it is not known, or nothing can be lost.
	// +optional
	DataTime *metav1.Time `json:"dataTime,omitempty"`
	// progression is the step that is under way, since stepTime.
	// +optional
	Progression ProgressionStatus `json:"progression,omitempty"`
	// stepTime is when that step began.
	// +optional
	StepTime *metav1.Time `json:"stepTime,omitempty"`
	// steps are those that it came to, in the order in which it did for the first time. Only the latest operations keep them.
	// +optional
	// +listType=atomic
	Steps []OperationStep `json:"steps,omitempty"`
}
