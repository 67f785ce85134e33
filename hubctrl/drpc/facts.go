// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// ask turns what the user and the policy say into facts.
func (w *world) ask() {
	spec := &w.drpc.Spec
	w.facts.Usable = w.complete && w.leaving == "" && w.policy.DeletionTimestamp == nil && cond.IsTrue(w.policy.Status.Conditions, v1alpha1.ConditionValidated)
	switch spec.Action {
	case v1alpha1.ActionFailover:
		w.facts.Ask, w.facts.Target = plan.Failover, w.sideOf(spec.FailoverCluster)
	case v1alpha1.ActionRelocate:
		w.facts.Ask, w.facts.Target = plan.Relocate, w.sideOf(spec.PreferredCluster)
	default:
		w.facts.Ask, w.facts.Target = plan.Stay, w.sideOf(spec.PreferredCluster)
	}
}

// judge turns what was read of a side, with its link, into facts.
func (w *world) judge(s plan.Side, view plan.View) {
	at, c := w.at(s), w.facts.At(s)
	c.Live = at.link.State == exchange.LinkLive
	c.Decision = decisionOf(w.drpc, at.cluster)
	c.Abandon = slices.Contains(abandoned(w.drpc), at.cluster)
	c.Wish = wishFacts(at)
	c.Report = reportFacts(w.drpc, at, view)
	c.Report.Unplaced = len(w.unreceived(s)) > 0
	w.facts.Stale = w.facts.Stale || unconfirmed(at, w.drpc)
}

// accepts finds out what was lost, and what of that the user accepts.
func (w *world) accepts() {
	w.observeLoss()
	w.facts.Accepted = w.acceptsFailover()
	w.selectionAccepted = w.acceptsSelection(w.drpc.UID)
}

// rank folds what only the two wishes together tell into facts.
func (w *world) rank() {
	markFormer(w)
	rankEpochs(w)
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

func wishFacts(at *side) plan.Wish {
	if at.wish == nil {
		return plan.Wish{}
	}
	spec := &at.wish.Spec
	w := plan.Wish{Role: roleOf(spec), Deleting: at.wish.DeletionTimestamp != nil}
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
	w.Questioned = at.wish.Annotations[exchange.AnnotationRecalled] != ""
	w.Replaced = former(at)
	w.Ended = !w.Deleting && refusedAs(at.wish, exchange.ReasonEnded)
	w.Serves = serves(at.wish)
	w.Adopting = at.wish.Annotations[exchange.AnnotationAdoptUID] != "" && !ours(at)
	return w
}

func roleOf(spec *v1alpha1.VolumeReplicationGroupSpec) plan.Role {
	if spec.ReplicationState == v1alpha1.Primary {
		return plan.Primary
	}
	return plan.Secondary
}

// ours reports whether the report is about an object that carries the wish's UID.
func ours(at *side) bool {
	return at.report != nil && at.wish != nil && at.report.Status.Exchange != nil &&
		at.report.Status.Exchange.WishUID == string(at.wish.UID)
}

func reportFacts(drpc *v1alpha1.DRPlacementControl, at *side, view plan.View) plan.Report {
	out := plan.Report{View: view, Removed: removed(at)}
	if at.report == nil {
		return out
	}
	status := &at.report.Status
	if !exchange.From(at.identity, at.report) {
		out.View = plan.Unknown // half written: the mirror is not done with it; or from an earlier cluster of this name
		return out
	}
	out.Volumes = len(status.ProtectedPVCs) > 0
	made := status.Exchange.WishUID != ""
	known := adoptable(drpc, at.report)
	out.Orphan = at.wish == nil && made && known && !status.Exchange.SpokeDeleting && at.believable
	out.Memory, out.Claim = memory(at), roleOf(&at.report.Spec)
	out.Foreign = at.wish == nil && !(made && known) || at.wish != nil && refusedAs(at.wish, "OwnedElsewhere")
	if !exchange.Answers(at.wish, at.report) {
		return out
	}
	is := func(kind string) bool {
		return exchange.Condition(at.report, kind).Status == metav1.ConditionTrue
	}
	out.Answered = true
	switch {
	case status.State == v1alpha1.PrimaryState:
		out.State = plan.IsPrimary
	case status.State == v1alpha1.SecondaryState && (is(v1alpha1.VRGDataProtected) || following(at.report)):
		out.State = plan.IsSecondary
	}
	out.Level = is(v1alpha1.VRGDataProtected)
	out.Ready = is(v1alpha1.VRGDataReady) && is(v1alpha1.VRGClusterDataReady)
	out.Protected = is(v1alpha1.VRGClusterDataProtected)
	out.Conflict = exchange.Condition(at.report, v1alpha1.VRGNoClusterDataConflict).Status == metav1.ConditionFalse
	out.Prepared, out.Synced = status.PrepareForFinalSyncComplete, status.FinalSyncComplete
	out.InUse = is(v1alpha1.VRGInUse)
	out.Severed = exchange.Condition(at.report, v1alpha1.VRGDataReady).Reason == exchange.ReasonInterrupted
	return out
}

// following reports whether the storage brings a cluster in line with its peer: nothing else keeps that from being in sync.
func following(report *v1alpha1.VolumeReplicationGroup) bool {
	c := exchange.Condition(report, v1alpha1.VRGDataProtected)
	return c.Status == metav1.ConditionFalse && c.Reason == reasonReplicating
}

// reasonReplicating is the reason of DataProtected while copies are on their way and nothing is wrong.
const reasonReplicating = "Replicating"

// adoptable reports whether an object that a hub made was made for this application, or for one whose object the user names.
// A name alone proves nothing: who may protect one namespace must not get the groups of another.
func adoptable(drpc *v1alpha1.DRPlacementControl, report *v1alpha1.VolumeReplicationGroup) bool {
	owner := report.Annotations[exchange.AnnotationDRPC]
	return owner == client.ObjectKeyFromObject(drpc).String() || owner != "" && owner == drpc.Annotations[v1alpha1.AnnotationAdoptFrom]
}

// markFormer tells the tombstones of an earlier protection from those of this one. That protection was ended: if it goes on
// by the other wish, somebody deleted this one by hand.
func markFormer(w *world) {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at, peer := w.at(s), w.at(s.Peer())
		if at.wish == nil || at.wish.DeletionTimestamp == nil {
			continue
		}
		uid := at.wish.Annotations[v1alpha1.AnnotationDRPCUID]
		continued := peer.wish != nil && peer.wish.DeletionTimestamp == nil && peer.wish.Annotations[v1alpha1.AnnotationDRPCUID] == uid
		if uid != string(w.drpc.UID) && !continued {
			w.facts.At(s).Wish = plan.Wish{Former: true}
		}
	}
}

// unreceived names the volumes that a Primary copies and for which no place on the peer was agreed on: the peer is not
// wished to receive them, or the Primary is not told where.
func (w *world) unreceived(s plan.Side) []string {
	at, peer := w.at(s), w.at(s.Peer())
	if !w.facts.At(s).Report.Answered || roleOf(&at.wish.Spec) != plan.Primary || peer.wish == nil || roleOf(&peer.wish.Spec) != plan.Secondary {
		return nil
	}
	var out []string
	for i := range at.report.Status.ProtectedPVCs {
		pvc := &at.report.Status.ProtectedPVCs[i]
		received := slices.ContainsFunc(peer.wish.Spec.VolSync.RDSpec, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return compareVolumes(d.ProtectedPVC, *pvc) == 0
		})
		told := w.drpc.Annotations[annotationSubmariner] == on || slices.ContainsFunc(at.wish.Spec.VolSync.RSSpec, func(s v1alpha1.VolSyncReplicationSourceSpec) bool {
			return compareVolumes(s.ProtectedPVC, *pvc) == 0
		})
		if pvc.ProtectedByVolSync && !(received && told) {
			out = append(out, pvc.Namespace+"/"+pvc.Name)
		}
	}
	return out
}

// serves reports whether a wish, or the copy that is reported, tells a Secondary that its peer has taken over.
func serves(group *v1alpha1.VolumeReplicationGroup) bool {
	return group.Annotations[v1alpha1.AnnotationPeerServes] == on
}

// memory tells whether the cluster obeys a later wish than the hub's: one of a higher epoch, or of a higher generation in
// the same epoch (X9). The hub was restored from a backup then.
func memory(at *side) plan.Memory {
	if at.wish == nil || at.wish.DeletionTimestamp != nil || at.report.Status.Exchange.SpokeDeleting || !at.believable {
		return plan.Remembered
	}
	obeyed, epoch := at.report.Status.Exchange, epochOf(at.wish)
	switch {
	case !ours(at) && at.wish.Annotations[exchange.AnnotationAdoptUID] == obeyed.SpokeUID && obeyed.Epoch > epoch:
		return plan.Forgotten // it was adopted by a report that was false or old, and the mirror refuses it (X9)
	case !ours(at):
		return plan.Remembered
	case obeyed.Epoch > epoch:
		return plan.Forgotten
	case obeyed.Epoch < epoch || obeyed.WishGeneration <= at.wish.Generation:
		return plan.Remembered
	case equality.Semantic.DeepEqual(at.wish.Spec, at.report.Spec) && serves(at.wish) == serves(at.report):
		return plan.Recalled
	default:
		return plan.Forgotten
	}
}

// unconfirmed reports whether the user has not touched the spec since the wish was re-created after the hub was restored.
func unconfirmed(at *side, drpc *v1alpha1.DRPlacementControl) bool {
	return at.wish != nil && at.wish.Annotations[exchange.AnnotationRecalled] == strconv.FormatInt(drpc.Generation, 10)
}

// removed reports whether the mirror saw the tombstone and that its object is gone. It says so after it removed the
// report; a report that the cache still shows means that the cache is behind.
func removed(at *side) bool {
	if at.wish == nil || at.wish.DeletionTimestamp == nil || at.report != nil {
		return false
	}
	applied := meta.FindStatusCondition(at.wish.Status.Conditions, v1alpha1.WishApplied)
	available := meta.FindStatusCondition(at.wish.Status.Conditions, v1alpha1.WishAvailable)
	return applied != nil && applied.Status == metav1.ConditionTrue && applied.ObservedGeneration == at.wish.Generation &&
		available != nil && available.Status == metav1.ConditionFalse && available.ObservedGeneration == at.wish.Generation
}

func refusedAs(wish *v1alpha1.VolumeReplicationGroup, reason string) bool {
	c := meta.FindStatusCondition(wish.Status.Conditions, v1alpha1.WishApplied)
	return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reason && c.ObservedGeneration == wish.Generation
}

// rankEpochs folds the epochs of the two wishes into their order.
func rankEpochs(w *world) {
	first, second := epochOf(w.sides[0].wish), epochOf(w.sides[1].wish)
	a, b := &w.facts.At(plan.First).Wish.Epoch, &w.facts.At(plan.Second).Wish.Epoch
	switch {
	case first > second:
		*a, *b = 2, 1
	case second > first:
		*a, *b = 1, 2
	default:
		*a, *b = 1, 1
	}
}

// epochOf is the epoch of a wish; an unreadable one counts as none: the mirror refuses it with a message.
func epochOf(wish *v1alpha1.VolumeReplicationGroup) int64 {
	if wish == nil {
		return 0
	}
	epoch, err := exchange.EpochOf(wish)
	if err != nil {
		return 0
	}
	return epoch
}

// wishedEpoch is the highest epoch that the hub wished.
func (w *world) wishedEpoch() int64 { return max(epochOf(w.sides[0].wish), epochOf(w.sides[1].wish)) }

// lastEpoch is the highest epoch that the hub wished, or that a cluster can have been told by a hub before it.
func (w *world) lastEpoch() int64 {
	last := w.wishedEpoch()
	for i := range w.sides {
		if w.sides[i].believable {
			last = max(last, w.sides[i].report.Status.Exchange.Epoch)
		}
	}
	return last
}
