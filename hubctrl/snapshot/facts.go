// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Ask turns what the user and the policy say into facts.
func (w *Snapshot) Ask() {
	spec := &w.DRPC.Spec
	w.Facts.Usable = w.Complete && w.Leaving == "" && w.Policy.DeletionTimestamp == nil && cond.IsTrue(w.Policy.Status.Conditions, v1alpha1.ConditionValidated)
	switch spec.Action {
	case v1alpha1.ActionFailover:
		w.Facts.Ask, w.Facts.Target = plan.Failover, w.SideOf(spec.FailoverCluster)
	case v1alpha1.ActionRelocate:
		w.Facts.Ask, w.Facts.Target = plan.Relocate, w.SideOf(spec.PreferredCluster)
	default:
		w.Facts.Ask, w.Facts.Target = plan.Stay, w.SideOf(spec.PreferredCluster)
	}
}

// Judge turns what was read of a side, with its link, into facts.
func (w *Snapshot) Judge(s plan.Side, view plan.View) {
	at, c := w.At(s), w.Facts.At(s)
	c.Live = at.Link.State == exchange.LinkLive
	c.Decision = decisionOf(w.DRPC, at.Cluster)
	c.Abandon = slices.Contains(abandoned(w.DRPC), at.Cluster)
	c.Wish = wishFacts(at)
	c.Report = reportFacts(w.DRPC, at, view)
	c.Report.Unplaced = len(w.Unreceived(s)) > 0
	w.Facts.Stale = w.Facts.Stale || Unconfirmed(at, w.DRPC)
}

// Rank folds what only the two wishes together tell into facts.
func (w *Snapshot) Rank() {
	markFormer(w)
	rankEpochs(w)
	for _, s := range []plan.Side{plan.First, plan.Second} {
		r := &w.Facts.At(s).Report
		r.Uncopied = r.Answered && r.State == plan.IsPrimary && (Unreplicated(w.At(s)) || NeverReceived(w, w.At(s)) != "")
	}
}

// Unreplicated reports whether the storage of a Primary says that it does not replicate a volume, or that the peer has no copy of one.
// Some say nothing, and that new volumes are being set up is no trouble.
func Unreplicated(home *Side) bool {
	switch c := exchange.Condition(home.Report, v1alpha1.VRGDataProtected); c.Reason {
	case "", reasonReplicating, reasonProgressing:
		return false
	default:
		return c.Status != metav1.ConditionTrue
	}
}

func decisionOf(drpc *v1alpha1.DRPlacementControl, cluster string) plan.Decision {
	if drpc.Status.Decisions == nil {
		return plan.Untold
	}
	for _, d := range drpc.Status.Decisions {
		if d.ClusterName != cluster {
			continue
		}
		switch d.Reason {
		case v1alpha1.DecisionRun:
			return plan.RunHere
		case v1alpha1.DecisionRetain:
			return plan.Retain
		}
	}
	return plan.Gone
}

func wishFacts(at *Side) plan.Wish {
	if at.Wish == nil {
		return plan.Wish{}
	}
	spec := &at.Wish.Spec
	w := plan.Wish{Role: RoleOf(spec), Deleting: at.Wish.DeletionTimestamp != nil}
	switch {
	case spec.RunFinalSync:
		w.FinalSync = plan.Run
	case spec.PrepareForFinalSync:
		w.FinalSync = plan.Prepare
	}
	switch spec.Action {
	case v1alpha1.VRGActionFailover:
		w.For = plan.Failover
	case v1alpha1.VRGActionRelocate:
		w.For = plan.Relocate
	}
	w.Questioned = at.Wish.Annotations[exchange.AnnotationRecalled] != ""
	w.Replaced = Former(at)
	w.Ended = !w.Deleting && refusedAs(at.Wish, exchange.ReasonEnded)
	w.Serves = Serves(at.Wish)
	w.Adopting = at.Wish.Annotations[exchange.AnnotationAdoptUID] != "" && !Ours(at)
	return w
}

func reportFacts(drpc *v1alpha1.DRPlacementControl, at *Side, view plan.View) plan.Report {
	out := plan.Report{View: view, Removed: Removed(at)}
	if at.Report == nil {
		return out
	}
	status := &at.Report.Status
	if !exchange.From(at.Identity, at.Report) {
		out.View = plan.Unknown // half written: the mirror is not done with it; or from an earlier cluster of this name
		return out
	}
	out.Volumes = len(status.ProtectedPVCs) > 0
	made := status.Exchange.WishUID != ""
	known := adoptable(drpc, at.Report)
	out.Orphan = at.Wish == nil && made && known && !status.Exchange.SpokeDeleting && at.Believable
	out.Memory, out.Claim = memory(at), RoleOf(&at.Report.Spec)
	out.Foreign = at.Wish == nil && !(made && known) || at.Wish != nil && refusedAs(at.Wish, "OwnedElsewhere")
	if !exchange.Answers(at.Wish, at.Report) {
		return out
	}
	is := func(kind string) bool {
		return exchange.Condition(at.Report, kind).Status == metav1.ConditionTrue
	}
	out.Answered = true
	switch {
	case status.State == v1alpha1.PrimaryState:
		out.State = plan.IsPrimary
	case status.State == v1alpha1.SecondaryState && (is(v1alpha1.VRGDataProtected) || following(at.Report)):
		out.State = plan.IsSecondary
	}
	out.Level = is(v1alpha1.VRGDataProtected)
	out.Ready = is(v1alpha1.VRGDataReady) && is(v1alpha1.VRGClusterDataReady)
	out.Protected = is(v1alpha1.VRGClusterDataProtected)
	out.Conflict = exchange.Condition(at.Report, v1alpha1.VRGNoClusterDataConflict).Status == metav1.ConditionFalse
	out.Prepared, out.Synced = status.PrepareForFinalSyncComplete, status.FinalSyncComplete
	out.Restoring = restoring(at.Report)
	out.InUse = is(v1alpha1.VRGInUse)
	out.Severed = exchange.Condition(at.Report, v1alpha1.VRGDataReady).Reason == exchange.ReasonInterrupted
	out.HandsOver = exchange.Condition(at.Report, v1alpha1.VRGDataProtected).Reason == exchange.ReasonHandingOver
	return out
}

// following reports whether the storage brings a cluster in line with its peer: nothing else keeps that from being in sync.
func following(report *v1alpha1.VolumeReplicationGroup) bool {
	c := exchange.Condition(report, v1alpha1.VRGDataProtected)
	return c.Status == metav1.ConditionFalse && c.Reason == reasonReplicating
}

// reasonReplicating is the reason of DataProtected while copies are on their way and nothing is wrong.
const reasonReplicating = "Replicating"

// restoring reports whether a cluster still restores the Kubernetes objects of the application, or fails to. That they are not
// captured is another matter.
func restoring(report *v1alpha1.VolumeReplicationGroup) bool {
	c := exchange.Condition(report, v1alpha1.VRGKubeObjectsReady)
	return report.Spec.KubeObjectProtection != nil && c.Status == metav1.ConditionFalse && (c.Reason == reasonProgressing || c.Reason == reasonError)
}

// Reasons of KubeObjectsReady while objects are restored.
const (
	reasonProgressing = "Progressing"
	reasonError       = "Error"
)

// adoptable reports whether an object that a hub made was made for this application, or for one whose object the user names.
// A name alone proves nothing: who may protect one namespace must not get the groups of another.
func adoptable(drpc *v1alpha1.DRPlacementControl, report *v1alpha1.VolumeReplicationGroup) bool {
	owner := report.Annotations[exchange.AnnotationDRPC]
	return owner == NameOf(drpc).String() || owner != "" && owner == drpc.Annotations[v1alpha1.AnnotationAdoptFrom]
}

// markFormer tells the tombstones of an earlier protection from those of this one. That protection was ended: if it goes on
// by the other wish, somebody deleted this one by hand.
func markFormer(w *Snapshot) {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at, peer := w.At(s), w.At(s.Peer())
		if at.Wish == nil || at.Wish.DeletionTimestamp == nil {
			continue
		}
		uid := at.Wish.Annotations[v1alpha1.AnnotationDRPCUID]
		continued := peer.Wish != nil && peer.Wish.DeletionTimestamp == nil && peer.Wish.Annotations[v1alpha1.AnnotationDRPCUID] == uid
		if uid != string(w.DRPC.UID) && !continued {
			w.Facts.At(s).Wish = plan.Wish{Former: true}
		}
	}
}

// Unconfirmed reports whether the user has not touched the spec since the wish was re-created after the hub was restored.
func Unconfirmed(at *Side, drpc *v1alpha1.DRPlacementControl) bool {
	return at.Wish != nil && at.Wish.Annotations[exchange.AnnotationRecalled] == strconv.FormatInt(drpc.Generation, 10)
}

// Removed reports whether the mirror saw the tombstone and that its object is gone. It says so after it removed the
// report; a report that the cache still shows means that the cache is behind.
func Removed(at *Side) bool {
	if at.Wish == nil || at.Wish.DeletionTimestamp == nil || at.Report != nil {
		return false
	}
	applied := meta.FindStatusCondition(at.Wish.Status.Conditions, v1alpha1.WishApplied)
	available := meta.FindStatusCondition(at.Wish.Status.Conditions, v1alpha1.WishAvailable)
	return applied != nil && applied.Status == metav1.ConditionTrue && applied.ObservedGeneration == at.Wish.Generation &&
		available != nil && available.Status == metav1.ConditionFalse && available.ObservedGeneration == at.Wish.Generation
}

func refusedAs(wish *v1alpha1.VolumeReplicationGroup, reason string) bool {
	c := meta.FindStatusCondition(wish.Status.Conditions, v1alpha1.WishApplied)
	return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reason && c.ObservedGeneration == wish.Generation
}
