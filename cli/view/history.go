// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// History is what the command history prints.
type History struct {
	Head
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Items are the latest operations, the newest first.
	Items []HistoryItem `json:"items"`
}

// HistoryItem is one operation.
type HistoryItem struct {
	// Action is Deploy, Failover or Relocate.
	Action string `json:"action"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// RequestedBy is who asked for it, by the word of the tool that did; Reason is why.
	RequestedBy string `json:"requestedBy,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Started     *Age   `json:"started"`
	// ReadySeconds is how long it took until the workload could run on its cluster; absent: it came not so far.
	ReadySeconds *int64 `json:"readySeconds,omitempty"`
	// TookSeconds is how long it took with all that follows; absent: it is under way.
	TookSeconds *int64 `json:"tookSeconds,omitempty"`
	// Outcome is Completed, Superseded or Stopped; absent: it is under way.
	Outcome string `json:"outcome,omitempty"`
	// DataTime is the moment to which a failover brought the data back, and LostSeconds how long before its beginning that was.
	DataTime    *metav1.Time `json:"dataTime,omitempty"`
	LostSeconds *int64       `json:"lostSeconds,omitempty"`
	// Steps in the order in which it came to them; of older operations they are not kept.
	Steps []HistoryStep `json:"steps,omitempty"`
}

// HistoryStep is how long an operation stayed in a step.
type HistoryStep struct {
	Progression string `json:"progression"`
	Seconds     int64  `json:"seconds"`
	// UnderWay : the operation is in it now.
	UnderWay bool `json:"underWay,omitempty"`
}

// HistoryOf is the history of the first application of a snapshot.
func HistoryOf(s *Snapshot) *History {
	drpc := &s.Applications[0]
	out := &History{Head: s.Heading("OperationHistory", s.clusters(drpc)), Namespace: drpc.Namespace, Name: drpc.Name, Items: []HistoryItem{}}
	for i := range drpc.Status.Operations {
		out.Items = append(out.Items, s.itemOf(&drpc.Status.Operations[i]))
	}
	return out
}

func (s *Snapshot) itemOf(op *v1alpha1.Operation) HistoryItem {
	item := HistoryItem{
		Action: op.Action, From: op.FromCluster, To: op.ToCluster, RequestedBy: op.RequestedBy, Reason: op.Reason, Outcome: string(op.Outcome),
		Started: s.since(&op.StartTime), DataTime: op.DataTime,
	}
	after := func(t *metav1.Time) *int64 {
		if t == nil {
			return nil
		}
		seconds := int64(max(t.Sub(op.StartTime.Time), 0) / time.Second)
		return &seconds
	}
	item.ReadySeconds, item.TookSeconds = after(op.ReadyTime), after(op.EndTime)
	if op.DataTime != nil {
		lost := int64(max(op.StartTime.Sub(op.DataTime.Time), 0) / time.Second)
		item.LostSeconds = &lost
	}
	for _, st := range op.Steps {
		step := HistoryStep{Progression: string(st.Progression), Seconds: int64(st.Duration.Duration / time.Second)}
		if op.EndTime == nil && st.Progression == op.Progression && op.StepTime != nil {
			step.UnderWay, step.Seconds = true, step.Seconds+int64(max(s.Now.Sub(op.StepTime.Time), 0)/time.Second)
		}
		item.Steps = append(item.Steps, step)
	}
	return item
}

// Takes is how long operations took until the workload ran.
type Takes struct {
	// Operations is how many are known.
	Operations int `json:"operations"`
	// Seconds is the time in the middle of theirs, and MostSeconds the longest.
	Seconds     int64 `json:"seconds"`
	MostSeconds int64 `json:"mostSeconds"`
}

// TakesOf is how long an action took until the workload ran, by what the hub remembers; nil: it remembers none.
func TakesOf(drpc *v1alpha1.DRPlacementControl, action OperationName) *Takes {
	var all []int64
	for i := range drpc.Status.Operations {
		if op := &drpc.Status.Operations[i]; op.Action == string(action) && op.ReadyTime != nil {
			all = append(all, int64(max(op.ReadyTime.Sub(op.StartTime.Time), 0)/time.Second))
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return &Takes{Operations: len(all), Seconds: all[len(all)/2], MostSeconds: all[len(all)-1]}
}
