// SPDX-License-Identifier: Apache-2.0

// Package order says what becomes of an operation that a user asks for: which fields of the DRPlacementControl it sets, what
// may be lost, what stands in the way, and where it ends if it is taken back. It is pure. It decides nothing that the hub
// decides: the hub has gates of its own, and waits at them. A guard here protects the user from themselves, and each has a flag
// of its own, because a word that overrides everything overrides too much.
package order

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// Request is what the user asks for.
type Request struct {
	// Action that is asked for; empty: take back what was asked for.
	Action v1alpha1.DRAction
	// To is the cluster; empty: the one on which the application does not run.
	To string
	// MaxLoss is how old the data may be that a failover brings back; nil: any age.
	MaxLoss *time.Duration
	// SourceIsDown is the user's word that a cluster which answers is to be treated as lost.
	SourceIsDown bool
	// EvenIfGit : write although the fields belong to a tool that follows a Git repository.
	EvenIfGit bool
	// Reason is why, for the history.
	Reason string
}

// For makes the order for the one application of a detail. The error says what is wrong with the request itself.
func For(d *view.Detail, r Request) (*view.Order, error) {
	drpc := &d.Applications[0]
	e := view.Explain(d)
	o := &view.Order{Head: e.Head, Application: e.Application, From: e.Application.Home, ResourceVersion: drpc.ResourceVersion, UID: drpc.UID, Generation: drpc.Generation}
	o.Kind = "OperationOrder"
	var err error
	switch r.Action {
	case v1alpha1.ActionFailover:
		o.Operation = view.Failover
		if o.To, err = target(&e.Application, d, r.To); err == nil {
			failover(o, d, r)
		}
	case v1alpha1.ActionRelocate:
		o.Operation = view.Relocate
		if o.To, err = target(&e.Application, d, r.To); err == nil {
			relocate(o, d)
		}
	default:
		o.Operation = view.Clear
		clearing(o, d)
	}
	if err != nil {
		return nil, err
	}
	git(o, drpc, r.EvenIfGit)
	o.Reason, o.Becomes = r.Reason, drpc.Generation
	if !equality.Semantic.DeepEqual(Asking(drpc, o).Spec, drpc.Spec) {
		o.Becomes++
	}
	return o, nil
}

// target is the cluster to which an application is to move.
func target(a *view.Application, d *view.Detail, named string) (string, error) {
	clusters := d.Policies[a.Policy].Spec.DRClusters
	switch {
	case named != "" && len(clusters) > 0 && !slices.Contains(clusters, named):
		return "", fmt.Errorf("cluster %s is not in DRPolicy %s, which has %s: choose one of them with --to", named, a.Policy, strings.Join(clusters, " and "))
	case named != "":
		return named, nil
	case a.Home != "" && a.Peer != "":
		return a.Peer, nil
	case a.Home != "":
		return "", fmt.Errorf("it is not known which cluster is the peer of %s, because DRPolicy %s can't be read: name the cluster with --to", a.Home, a.Policy)
	default:
		return "", fmt.Errorf("it is not known on which cluster %s/%s runs: name the cluster with --to", a.Namespace, a.Name)
	}
}

func failover(o *view.Order, d *view.Detail, r Request) {
	a := &o.Application
	o.Spec = map[string]string{"action": "Failover", "failoverCluster": o.To}
	drpc := &d.Applications[0]
	if asked(drpc, v1alpha1.ActionFailover, drpc.Spec.FailoverCluster, o.To) && a.State != view.NeedsYou {
		o.Already = fmt.Sprintf("the failover to %s is what the spec asks for already: phase %s", o.To, a.Phase)
		return
	}
	if a.Home == o.To && a.State != view.NeedsYou {
		o.Already = fmt.Sprintf("the application is on %s already", o.To)
		return
	}
	o.Loses = a.DataOf
	if a.Home == o.To {
		o.Loses = nil
		o.Warnings = append(o.Warnings, fmt.Sprintf("what the other cluster has, and %s lacks, is lost", o.To))
	} else if o.Loses == nil {
		o.Warnings = append(o.Warnings, fmt.Sprintf("it is not known that any data ever came to %s: the failover may find nothing to restore, and waits for your word then", o.To))
	}
	if r.MaxLoss != nil {
		switch {
		case o.Loses == nil:
			o.Refusals = append(o.Refusals, view.Refusal{Guard: view.GuardMaxLoss, Message: fmt.Sprintf("how much would be lost is not known, so it can't be said to be at most %s", *r.MaxLoss)})
		case d.Now.Sub(o.Loses.Time.Time) > *r.MaxLoss: // the age itself is cut to whole seconds
			o.Refusals = append(o.Refusals, view.Refusal{Guard: view.GuardMaxLoss,
				Message: fmt.Sprintf("up to %s would be lost, which is more than %s: allow more with --max-loss", duration.HumanDuration(o.Loses.Duration()), *r.MaxLoss)})
		}
	}
	source := linkOf(o.Clusters, a.Home)
	if a.Home != o.To && source != nil && source.State == view.ClusterLive && !r.SourceIsDown && a.State != view.NeedsYou && a.State != view.NotRunning {
		o.Refusals = append(o.Refusals, view.Refusal{Guard: view.GuardSource, Message: fmt.Sprintf(
			"cluster %s answers: it was heard of %s ago. A relocate loses nothing: kubectl ramen-direct relocate %s -n %s. If it is lost to you all the same, say so with --source-is-down",
			a.Home, duration.HumanDuration(source.Heard.Duration()), a.Name, a.Namespace)})
	}
	warnOfSilence(o, o.To, "until it is heard of, the failover waits, and the application stays where it is")
}

func relocate(o *view.Order, d *view.Detail) {
	a := &o.Application
	drpc := &d.Applications[0]
	o.Spec = map[string]string{"action": "Relocate", "preferredCluster": o.To}
	switch {
	case asked(drpc, v1alpha1.ActionRelocate, drpc.Spec.PreferredCluster, o.To):
		o.Already = fmt.Sprintf("the relocate to %s is what the spec asks for already: phase %s", o.To, a.Phase)
		return
	case a.Home == o.To && a.Target == "":
		o.Already = fmt.Sprintf("the application is on %s already", o.To)
		return
	}
	for i := range o.Clusters {
		warnOfSilence(o, o.Clusters[i].Name, "until it is heard of, the relocate waits, and begins whenever that is")
	}
	if a.PeerReady != "True" && a.Home != "" && a.Target == "" {
		o.Warnings = append(o.Warnings, fmt.Sprintf("cluster %s is not ready (%s): until it is, the relocate waits", o.To, a.PeerReadyReason))
	}
}

// asked reports whether a spec asks for an operation already.
func asked(drpc *v1alpha1.DRPlacementControl, action v1alpha1.DRAction, has, to string) bool {
	return drpc.Spec.Action == action && has == to
}

func clearing(o *view.Order, d *view.Detail) {
	drpc := &d.Applications[0]
	o.Spec = map[string]string{"action": ""}
	if drpc.Spec.Action == "" {
		o.Already = "no action is asked for"
		return
	}
	primaries, wishes, unread := []string{}, 0, false
	for i := range d.Sides {
		unread = unread || d.Sides[i].Unread
		if w := d.Sides[i].Wish; w != nil && w.DeletionTimestamp == nil {
			wishes++
			if w.Spec.ReplicationState == v1alpha1.Primary {
				primaries = append(primaries, d.Sides[i].Cluster)
			}
		}
	}
	switch {
	case unread:
		o.Warnings = append(o.Warnings, "you may not read the outboxes, so it is not known where this ends: on the cluster that is Primary, or, if there is none, on spec.preferredCluster")
	case len(primaries) == 1:
		o.To = primaries[0]
	case len(primaries) == 0 && wishes > 0:
		o.To = drpc.Spec.PreferredCluster
		o.Warnings = append(o.Warnings, fmt.Sprintf("the operation is past its point of no return, as no cluster is Primary: it ends on %s, which spec.preferredCluster names", o.To))
	case len(primaries) > 1:
		o.Warnings = append(o.Warnings, "both clusters are told to be Primary: the hub waits until you choose one by a failover")
	}
}

func linkOf(clusters []view.Cluster, name string) *view.Cluster {
	for i := range clusters {
		if clusters[i].Name == name && name != "" {
			return &clusters[i]
		}
	}
	return nil
}

// warnOfSilence warns of a cluster that can't be heard.
func warnOfSilence(o *view.Order, cluster, consequence string) {
	switch c := linkOf(o.Clusters, cluster); {
	case c == nil, c.State == view.ClusterLive, c.State == view.ClusterUnknown:
	case c.Heard == nil:
		o.Warnings = append(o.Warnings, fmt.Sprintf("cluster %s was never heard of: %s", cluster, consequence))
	default:
		o.Warnings = append(o.Warnings, fmt.Sprintf("cluster %s was heard of %s ago: %s", cluster, duration.HumanDuration(c.Heard.Duration()), consequence))
	}
}

// Reached reports whether an order that was written is done: the hub has looked at it, and the application runs where it is to
// run. What follows, as the return of a cluster that failed, can take days.
func Reached(drpc *v1alpha1.DRPlacementControl, o *view.Order) bool {
	st := &drpc.Status
	if st.ObservedGeneration != drpc.Generation || !meta.IsStatusConditionTrue(st.Conditions, v1alpha1.ConditionAvailable) {
		return false
	}
	running := slices.ContainsFunc(st.Decisions, func(d v1alpha1.ClusterDecision) bool {
		return d.Reason == v1alpha1.DecisionRun && (o.To == "" || d.ClusterName == o.To)
	})
	switch o.Operation {
	case view.Failover:
		return running && st.Phase == v1alpha1.FailedOver
	case view.Relocate:
		return running && st.Phase == v1alpha1.Relocated
	case view.Clear:
		return running && st.Phase == v1alpha1.Deployed
	}
	return false
}

// Asking is an application as it is once an order is written: with another spec, of the next generation.
func Asking(drpc *v1alpha1.DRPlacementControl, o *view.Order) *v1alpha1.DRPlacementControl {
	out := drpc.DeepCopy()
	out.Generation++
	for field, value := range o.Spec {
		switch field {
		case "action":
			out.Spec.Action = v1alpha1.DRAction(value)
		case "failoverCluster":
			out.Spec.FailoverCluster = value
		case "preferredCluster":
			out.Spec.PreferredCluster = value
		}
	}
	return out
}
