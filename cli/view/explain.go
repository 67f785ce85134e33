// SPDX-License-Identifier: Apache-2.0

package view

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Detail is a look at one application, with what lies between hub and clusters.
type Detail struct {
	Snapshot
	Sides []Side
}

// Side is what lies on the hub about one cluster of an application.
type Side struct {
	Cluster string
	// DRCluster of that name; nil: there is none, or the user may not read it.
	DRCluster *v1alpha1.DRCluster
	// Wish is what the hub told the cluster; nil: nothing.
	Wish *v1alpha1.VolumeReplicationGroup
	// Report is what the cluster reported; nil: nothing.
	Report *v1alpha1.VolumeReplicationGroup
	// Unread : wish and report may be there, but the user may not read them.
	Unread bool
}

// Explanation is what the command why prints: what an application does, what it waits for, who can help, and what else is
// possible.
type Explanation struct {
	Head
	Application Application `json:"application"`
	// Operation is the last one, or the one under way.
	Operation Operation `json:"operation"`
	// Helper says who ends the wait.
	Helper Helper `json:"helper"`
	// Sides are the clusters.
	Sides []SideView `json:"sides,omitempty"`
	// Conditions of the application that are not as they should be.
	Conditions []Condition `json:"conditions,omitempty"`
	// Choices are what else is possible now.
	Choices []Choice `json:"choices,omitempty"`
}

// Operation is when an operation began and how long it took.
type Operation struct {
	// Under : it is under way.
	Under bool `json:"underWay"`
	// Started is when it began.
	Started *Age `json:"started,omitempty"`
	// TookSeconds is how long it took, of one that is done.
	TookSeconds *int64 `json:"tookSeconds,omitempty"`
}

// Who ends a wait.
type Who string

// Those who can end a wait.
const (
	// Nobody has to : there is no wait.
	Nobody Who = "Nobody"
	// Automatic : it continues without anybody's help when the fact comes true.
	Automatic Who = "Automatic"
	// Deployer : the deployer of the workload, a tool or a person, removes it from a cluster.
	Deployer Who = "Deployer"
	// You have to do something.
	You Who = "You"
)

// Helper says who ends a wait, and how.
type Helper struct {
	Who Who `json:"who"`
	// NextStep is what happens next, in the hub's words.
	NextStep string `json:"nextStep,omitempty"`
	// Look is a command that shows what blocks.
	Look string `json:"look,omitempty"`
}

// SideView is what is known about one cluster of an application.
type SideView struct {
	Cluster string `json:"cluster"`
	// Connected is the condition of the DRCluster: True, False or Unknown, and why.
	Connected       string `json:"connected,omitempty"`
	ConnectedReason string `json:"connectedReason,omitempty"`
	// Told is the role that the hub wishes; empty: nothing was wished. Ending : the wish is being removed.
	Told   string `json:"told,omitempty"`
	Ending bool   `json:"ending,omitempty"`
	// Epoch of the wish: each promotion raises it.
	Epoch int64 `json:"epoch,omitempty"`
	// Says is the role that the cluster reports; empty: it reports nothing.
	Says string `json:"says,omitempty"`
	// Answers : the report is about this very wish, and the cluster has seen it.
	Answers bool `json:"answers"`
	// Reported is when the report was written last, by the clock of the hub's API server.
	Reported *Age `json:"reported,omitempty"`
	// Volumes is how many the report lists; absent: there is no report.
	Volumes *int `json:"volumes,omitempty"`
	// Conditions of the report, and of the wish, that are not as they should be.
	Conditions []Condition `json:"conditions,omitempty"`
	// Unread : the user may not read what lies between the hub and this cluster.
	Unread bool `json:"unread,omitempty"`
}

// Condition is one that is not as it should be.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	Since   *Age   `json:"since,omitempty"`
}

// Choice is a command that is possible now, and what it does.
type Choice struct {
	Command string `json:"command"`
	Effect  string `json:"effect"`
}

// Severity of the explanation is that of the application, or of a silent controller.
func (e *Explanation) Severity() Severity {
	return max(e.Controller.severity(), e.Application.State.Severity())
}

// Explain explains the one application of a detail.
func Explain(d *Detail) *Explanation {
	drpc := &d.Applications[0]
	out := &Explanation{Head: d.head("ApplicationExplanation"), Application: d.application(drpc)}
	var names []string
	for i := range d.Sides {
		names = append(names, d.Sides[i].Cluster)
		out.Sides = append(out.Sides, d.side(&d.Sides[i]))
	}
	out.Clusters = d.links(names)
	d.leaves(&out.Application)
	st := &drpc.Status
	out.Operation = Operation{Under: st.ActionStartTime != nil && st.ActionDuration == nil, Started: d.since(st.ActionStartTime)}
	if st.ActionDuration != nil {
		took := int64(st.ActionDuration.Seconds())
		out.Operation.TookSeconds = &took
	}
	for _, c := range st.Conditions {
		good := metav1.ConditionTrue
		if c.Type == v1alpha1.ConditionReconciling || c.Type == v1alpha1.ConditionStalled {
			continue // they repeat Ready
		}
		if c.Status != good {
			out.Conditions = append(out.Conditions, d.condition(c))
		}
	}
	out.Helper = helper(&out.Application, drpc)
	out.Choices = choices(&out.Application, drpc, names)
	return out
}

// leaves names the cluster that an application leaves while the status says that it runs nowhere: the one that is still told to be
// Primary.
func (d *Detail) leaves(a *Application) {
	if a.Home != "" {
		return
	}
	var primary, other []string
	for i := range d.Sides {
		if w := d.Sides[i].Wish; w != nil && w.DeletionTimestamp == nil && w.Spec.ReplicationState == v1alpha1.Primary {
			primary = append(primary, d.Sides[i].Cluster)
		} else {
			other = append(other, d.Sides[i].Cluster)
		}
	}
	if len(primary) != 1 {
		return
	}
	a.Home = primary[0]
	if len(other) == 1 {
		a.Peer = other[0]
	}
	if a.Target == a.Home {
		a.Target = ""
	}
}

// condition is one of a report, which has no longer messages unless somebody else than the cluster's controller wrote it.
func (d *Detail) condition(c metav1.Condition) Condition {
	return Condition{Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: bounded.Text(c.Message, bounded.Message), Since: d.since(&c.LastTransitionTime)}
}

func (d *Detail) side(s *Side) SideView {
	out := SideView{Cluster: s.Cluster, Unread: s.Unread}
	if s.DRCluster != nil {
		if c := meta.FindStatusCondition(s.DRCluster.Status.Conditions, v1alpha1.ConditionConnected); c != nil {
			out.Connected, out.ConnectedReason = string(c.Status), c.Reason
		}
	}
	if w := s.Wish; w != nil {
		out.Told, out.Ending = string(w.Spec.ReplicationState), w.DeletionTimestamp != nil
		out.Epoch, _ = strconv.ParseInt(w.Annotations[exchange.AnnotationEpoch], 10, 64) // an unreadable one counts as none
		if c := meta.FindStatusCondition(w.Status.Conditions, v1alpha1.WishApplied); c != nil && c.Status == metav1.ConditionFalse {
			out.Conditions = append(out.Conditions, d.condition(*c))
		}
	}
	if r := s.Report; r != nil {
		volumes := len(r.Status.ProtectedPVCs)
		out.Says, out.Volumes = string(r.Status.State), &volumes
		out.Answers = s.Wish != nil && exchange.Answers(s.Wish, r)
		var last metav1.Time
		for _, m := range r.ManagedFields {
			if m.Time != nil && m.Time.After(last.Time) {
				last = *m.Time
			}
		}
		out.Reported = d.since(&last)
		for _, c := range r.Status.Conditions {
			if expected, known := wanted[c.Type]; known && c.Status != expected && c.Reason != "Replicating" {
				out.Conditions = append(out.Conditions, d.condition(c))
			}
		}
	}
	return out
}

// wanted are the conditions of a group that should be so wherever it is. Others depend on the role.
var wanted = map[string]metav1.ConditionStatus{
	v1alpha1.VRGDataReady: metav1.ConditionTrue, v1alpha1.VRGDataProtected: metav1.ConditionTrue, v1alpha1.VRGClusterDataReady: metav1.ConditionTrue,
	v1alpha1.VRGClusterDataProtected: metav1.ConditionTrue, v1alpha1.VRGNoClusterDataConflict: metav1.ConditionTrue,
}

func helper(a *Application, drpc *v1alpha1.DRPlacementControl) Helper {
	w := a.WaitsFor
	if w == nil {
		if a.State == Moving || a.State == NotSeen {
			return Helper{Who: Automatic}
		}
		return Helper{Who: Nobody}
	}
	out := Helper{Who: Automatic, NextStep: w.NextStep}
	group := exchange.GroupOf(drpc)
	switch {
	case w.Cluster == "", slices.Contains([]string{"LinkLive", "InboxComplete", "ClusterReplaced"}, w.Fact):
	case w.Fact == "WorkloadGone":
		out.Look = fmt.Sprintf("kubectl --context %s -n %s get pods,pvc", w.Cluster, group.Namespace)
	default:
		out.Look = fmt.Sprintf("kubectl --context %s -n %s get vrg %s -o yaml", w.Cluster, group.Namespace, group.Name)
	}
	switch {
	case w.You:
		out.Who = You
	case w.Fact == "WorkloadGone":
		out.Who = Deployer
	}
	return out
}

// choices are the operations that the user can ask for now.
func choices(a *Application, drpc *v1alpha1.DRPlacementControl, clusters []string) []Choice {
	if drpc.DeletionTimestamp != nil || a.State == NotSeen {
		return nil
	}
	command := func(verb, to string) string {
		if to != "" {
			to = " --to " + to
		}
		return fmt.Sprintf("kubectl ramen-direct %s %s -n %s%s", verb, a.Name, a.Namespace, to)
	}
	var out []Choice
	moving := drpc.Spec.Action != "" && moves(drpc.Status.Phase)
	for _, to := range clusters {
		switch asked := drpc.Spec.Action == v1alpha1.ActionFailover && to == drpc.Spec.FailoverCluster; {
		case asked && a.State != NeedsYou:
			continue // it is what happens
		case to == a.Home && a.State != NeedsYou:
			continue
		}
		out = append(out, Choice{
			Command: command("failover", to),
			Effect:  fmt.Sprintf("runs the application on %s, whether or not the other cluster can be reached; %s", to, loss(a, to)),
		})
	}
	if a.Peer != "" && a.Home != "" && !moving && slices.Contains([]State{Protected, AtRisk}, a.State) {
		out = append(out, Choice{Command: command("relocate", a.Peer), Effect: fmt.Sprintf("moves the application to %s and loses nothing; needs both clusters", a.Peer)})
	}
	if moving {
		out = append(out, Choice{
			Command: command("clear", ""),
			Effect:  "takes the operation back: the workload stays on the cluster that is Primary, or returns to it; past the point of no return it ends on preferredCluster",
		})
	}
	return out
}

// loss says what a failover to a cluster gives up.
func loss(a *Application, to string) string {
	switch {
	case to == a.Home:
		return "what the other cluster has, and this one lacks, is lost"
	case a.DataOf == nil:
		return "it is not known that any data was ever synchronized"
	default:
		return "what was written after " + a.DataOf.Time.UTC().Format(time.RFC3339) + " is lost"
	}
}
