// SPDX-License-Identifier: Apache-2.0

package view

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// StatusOf is the status of all applications of a snapshot, the worst first.
func StatusOf(s *Snapshot) *Status {
	out := &Status{Head: s.head("ApplicationStatusList"), Items: []Application{}}
	named := map[string]bool{}
	for i := range s.Applications {
		out.Items = append(out.Items, s.application(&s.Applications[i]))
		for _, c := range s.clusters(&s.Applications[i]) {
			named[c] = true
		}
	}
	out.Clusters = s.links(slices.Sorted(maps.Keys(named)))
	slices.SortStableFunc(out.Items, func(a, b Application) int {
		return cmp.Or(
			cmp.Compare(slices.Index(worst, a.State), slices.Index(worst, b.State)),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	out.Summary.Applications = len(out.Items)
	for i := range out.Items {
		if out.Summary.States == nil {
			out.Summary.States = map[State]int{}
		}
		out.Summary.States[out.Items[i].State]++
	}
	return out
}

func (s *Snapshot) head(kind string) Head {
	return Head{APIVersion: Version, Kind: kind, AsOf: metav1.NewTime(s.Now.UTC().Truncate(time.Second)), Controller: s.controller(), Notes: s.Notes}
}

// grace is how much longer than it promises a controller may leave its Lease alone before it is called silent: it renews
// every few seconds, and an API server may be slow.
const grace = 15 * time.Second

func (s *Snapshot) controller() Controller {
	lease := s.Leader
	if lease == nil || lease.Spec.RenewTime == nil {
		return Controller{State: ControllerUnknown}
	}
	out := Controller{State: ControllerLive, Renewed: s.since(&metav1.Time{Time: lease.Spec.RenewTime.Time})}
	if out.Renewed.Duration() > exchange.DurationOf(lease)+grace {
		out.State = ControllerSilent
	}
	return out
}

// links tells of clusters by their leases.
func (s *Snapshot) links(names []string) []Cluster {
	var out []Cluster
	for _, name := range names {
		c := Cluster{Name: name, State: ClusterUnknown}
		lease, ok := s.Leases[name]
		switch {
		case s.Leases == nil:
		case !ok:
			c.State = ClusterNever
		default:
			c.State = ClusterLive
			if word := lease.Annotations[exchange.AnnotationLink]; word != exchange.LinkLive.String() {
				c.Word = word
			}
			at := Heard(&lease)
			if !at.IsZero() {
				c.Heard = s.since(&metav1.Time{Time: at})
			}
			if c.Heard == nil || s.Now.Sub(at) > exchange.DurationOf(&lease) { // the age is cut to whole seconds
				c.State = ClusterLost
			}
		}
		out = append(out, c)
	}
	return out
}

func (s *Snapshot) application(drpc *v1alpha1.DRPlacementControl) Application {
	st := &drpc.Status
	out := Application{
		Namespace: drpc.Namespace, Name: drpc.Name, Policy: drpc.Spec.DRPolicyRef.Name, Action: string(drpc.Spec.Action),
		Phase: string(st.Phase), Progression: string(st.Progression), DataOf: s.since(st.LastGroupSyncTime),
	}
	if p, ok := s.Policies[out.Policy]; ok {
		if d, ok := peerclass.Interval(p.Spec.SchedulingInterval); ok {
			out.IntervalSeconds = int64(d / time.Second)
		}
	}
	out.Home, out.Target, out.Peer = placement(drpc, s.clusters(drpc))
	if c := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionPeerReady); c != nil {
		out.PeerReady, out.PeerReadyReason = string(c.Status), c.Reason
	}
	out.WaitsFor = s.wait(drpc)
	out.State, out.Reason, out.Message = s.judge(drpc, &out)
	out.Next = next(&out)
	return out
}

// wait is what the status says that is awaited.
func (s *Snapshot) wait(drpc *v1alpha1.DRPlacementControl) *Wait {
	w := drpc.Status.Waiting
	if w == nil {
		return nil
	}
	return &Wait{
		Cluster: w.Cluster, Fact: w.Fact, You: is(drpc, v1alpha1.ConditionStalled), Since: s.since(w.Since), Message: w.Message, NextStep: w.NextStep,
	}
}

// placement says where the workload is, where it goes and which cluster is the other one.
func placement(drpc *v1alpha1.DRPlacementControl, clusters []string) (home, target, peer string) {
	st := &drpc.Status
	for _, d := range st.Decisions {
		if d.Reason == v1alpha1.DecisionRun {
			home = d.ClusterName
		}
	}
	if home == "" {
		for _, d := range st.Decisions {
			home = d.ClusterName // the failed side, whose objects are left alone
		}
	}
	other := func(than string) string {
		if len(clusters) != 2 || !slices.Contains(clusters, than) {
			return ""
		}
		return clusters[1-slices.Index(clusters, than)]
	}
	switch st.Phase {
	case v1alpha1.FailingOver:
		target = drpc.Spec.FailoverCluster
		if target == "" {
			target = other(home)
		}
	case v1alpha1.Relocating, v1alpha1.Deploying:
		target = drpc.Spec.PreferredCluster
	case v1alpha1.Initiating:
		switch drpc.Spec.Action {
		case v1alpha1.ActionFailover:
			target = drpc.Spec.FailoverCluster
		case v1alpha1.ActionRelocate:
			target = drpc.Spec.PreferredCluster
		}
	default:
	}
	if target == home {
		target = ""
	}
	return home, target, other(cmp.Or(home, target))
}

// riskyIntervals is how many intervals the data may be old before the application counts as at risk, though nothing else is
// wrong.
const riskyIntervals = 2

// judge says in one word how an application is, and which condition makes it so. The first that holds counts.
func (s *Snapshot) judge(drpc *v1alpha1.DRPlacementControl, a *Application) (State, string, string) {
	st := &drpc.Status
	find := func(kind string) metav1.Condition {
		if c := meta.FindStatusCondition(st.Conditions, kind); c != nil {
			return *c
		}
		return metav1.Condition{Type: kind, Status: metav1.ConditionUnknown, Reason: "NotReported"}
	}
	available, peer, protected := find(v1alpha1.ConditionAvailable), find(v1alpha1.ConditionPeerReady), find(v1alpha1.ConditionProtected)
	ready := find(v1alpha1.ConditionReady)
	wait := func(otherwise metav1.Condition) (string, string) {
		if a.WaitsFor != nil {
			return a.WaitsFor.Fact, a.WaitsFor.Message
		}
		return otherwise.Reason, otherwise.Message
	}
	var state State
	by := ready
	switch {
	case is(drpc, v1alpha1.ConditionStalled):
		state = NeedsYou
	case drpc.DeletionTimestamp != nil:
		state = Moving
		if blocked(a, v1alpha1.Deleting) {
			state = Blocked
		}
	case st.ObservedGeneration != drpc.Generation:
		return NotSeen, "SpecNotObserved", "the hub has not looked at the latest spec yet"
	case blocked(a, st.Phase):
		state = Blocked
	case moves(st.Phase):
		state = Moving
	case available.Reason == "LinkConnecting":
		return Moving, available.Reason, available.Message // the hub has just started
	case available.Status == metav1.ConditionUnknown && unreachable(available.Reason):
		state, by = HomeLost, available
	case available.Status == metav1.ConditionUnknown:
		return Unknown, available.Reason, available.Message
	case st.Phase == v1alpha1.WaitForUser:
		state = Moving
	case available.Status != metav1.ConditionTrue:
		state, by = NotRunning, available
	case st.Progression != v1alpha1.ProgressionCompleted && peer.Status != metav1.ConditionTrue && !unreachable(peer.Reason):
		state, by = Moving, peer
	case peer.Status != metav1.ConditionTrue:
		return AtRisk, peer.Reason, peer.Message
	case protected.Status != metav1.ConditionTrue:
		return AtRisk, protected.Reason, protected.Message
	case a.DataOf != nil && a.IntervalSeconds > 0 && a.DataOf.AgeSeconds > riskyIntervals*a.IntervalSeconds:
		return AtRisk, "DataOld", "the data on the other cluster is older than two intervals of the policy"
	case ready.Status != metav1.ConditionTrue:
		state = Moving
	default:
		return Protected, "", ""
	}
	reason, message := wait(by)
	return state, reason, message
}

// soon is how long an operation waits for a cluster to be heard before it counts as blocked: a hub that has just started, or a
// mirror that was restarted, takes less.
const soon = time.Minute

// blocked reports whether what an operation waits for is likely not to come about by itself.
func blocked(a *Application, phase v1alpha1.DRState) bool {
	w := a.WaitsFor
	if w == nil || !slices.Contains([]string{"LinkLive", "InboxComplete", "PolicyValid"}, w.Fact) {
		return false
	}
	return (moves(phase) || phase == v1alpha1.WaitForUser) && w.Since != nil && w.Since.Duration() >= soon
}

// unreachable reports whether a reason of PeerReady says that the cluster can't be heard.
func unreachable(reason string) bool {
	return slices.Contains([]string{"LinkLost", "LinkConnecting", "LinkNever", "ClusterReplaced"}, reason)
}

func moves(phase v1alpha1.DRState) bool {
	switch phase {
	case v1alpha1.Initiating, v1alpha1.Deploying, v1alpha1.FailingOver, v1alpha1.Relocating, v1alpha1.Deleting:
		return true
	case v1alpha1.WaitForUser, v1alpha1.Deployed, v1alpha1.FailedOver, v1alpha1.Relocated:
		return false
	}
	return true // nothing was told yet
}

func is(drpc *v1alpha1.DRPlacementControl, kind string) bool {
	return meta.IsStatusConditionTrue(drpc.Status.Conditions, kind)
}

// next is the command to continue with; empty: nothing has to be done.
func next(a *Application) string {
	if a.State == Protected {
		return ""
	}
	return "kubectl ramen-direct why " + a.Name + " -n " + a.Namespace
}
