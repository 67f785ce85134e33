// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Reasons of Available, PeerReady and Protected.
const (
	// A cluster can't be heard; the message names it and tells when it was last heard.
	reasonLinkLost       = "LinkLost"
	reasonLinkConnecting = "LinkConnecting" // as for seconds after the hub started
	reasonLinkNever      = "LinkNever"
	reasonReplaced       = "ClusterReplaced" // another cluster uses its name
	reasonNoVolumes      = "NoVolumes"
	reasonProgressing    = "Progressing"
	reasonFailed         = "Error"
)

// reasonOfSilence is the reason of what can't be known or used because of a link that is not live.
func reasonOfSilence(at *snapshot.Side) string {
	switch at.Link.State {
	case exchange.LinkNever:
		return reasonLinkNever
	case exchange.LinkConnecting:
		return reasonLinkConnecting
	case exchange.LinkReplaced:
		return reasonReplaced
	case exchange.LinkLost, exchange.LinkLive:
	}
	return reasonLinkLost
}

// order is the order of conditions that users of Ramen know; the rest follows.
var order = []string{
	v1alpha1.ConditionAvailable, v1alpha1.ConditionPeerReady, v1alpha1.ConditionProtected,
	v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled,
}

func ordered(list []metav1.Condition) []metav1.Condition {
	slices.SortStableFunc(list, func(a, b metav1.Condition) int {
		return slices.Index(order, a.Type) - slices.Index(order, b.Type)
	})
	return list
}

// merged is the list was with each of now in place of the one of its type, in order. Reconciling and Stalled are there only
// while they are True.
func merged(was []metav1.Condition, at time.Time, now ...metav1.Condition) []metav1.Condition {
	return ordered(cond.OnlyTrue(cond.Merge(was, at, now...), v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled))
}

func conditions(w *snapshot.Snapshot, next plan.Plan, words Words, actErr error) []metav1.Condition {
	gen := w.DRPC.Generation
	available, peer, protected := available(w, next, words), peerReady(w, next, words), protected(w)
	protected.Message += inert(w) + outgrown(w)
	if at := w.Source(); at != nil {
		protected.Message += overruns(at)
		peer.Message += overruns(w.At(w.SideOf(at.Cluster).Peer()))
	}
	list := []metav1.Condition{available, peer, protected}

	ready := next.Done() && words.Fact == "" && available.Status == metav1.ConditionTrue && peer.Status == metav1.ConditionTrue
	stalled := words.user
	reason, message := outcome.ReasonOK, "the workload runs, and its peer stands by"
	switch {
	case actErr != nil:
		reason, message = outcome.ReasonError, actErr.Error()
		ready = false
	case words.Fact != "":
		reason, message = words.Fact, words.message
	case !ready:
		reason, message = reasonProgressing, fmt.Sprintf("%s: %s", phases[next.Phase], progressions[next.Progression])
	}
	return append(list,
		cond.New(v1alpha1.ConditionReady, cond.Status(ready), reason, message, gen),
		cond.New(v1alpha1.ConditionReconciling, cond.Status(!ready && !stalled), reason, message, gen),
		cond.New(v1alpha1.ConditionStalled, cond.Status(stalled), reason, message, gen),
	)
}

// available says whether the cluster that should run the workload is Primary and ready now.
func available(w *snapshot.Snapshot, next plan.Plan, words Words) metav1.Condition {
	gen := w.DRPC.Generation
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionAvailable, status, reason, message, gen)
	}
	phase := string(phases[next.Phase])
	running := running(w)
	if running == nil {
		message := words.message
		if message == "" {
			message = "the workload runs nowhere yet"
		}
		return is(metav1.ConditionFalse, phase, message)
	}
	c := w.Facts.At(w.SideOf(running.Cluster))
	switch {
	case !c.Live:
		return is(metav1.ConditionUnknown, reasonOfSilence(running), "the workload runs on "+running.Cluster+" as far as is known: "+lostLink(running))
	case c.Report.Answered && c.Report.State == plan.IsPrimary && c.Report.Ready:
		return is(metav1.ConditionTrue, phase, "the workload runs on "+running.Cluster+objectsMissing(running, c)+notRestored(w, running))
	case c.Wish.Role == plan.Primary && !c.Report.Answered && stillPrimary(running):
		return is(metav1.ConditionTrue, phase, fmt.Sprintf("the workload runs on %s; %s", running.Cluster, unanswered(running)))
	default:
		return is(metav1.ConditionFalse, phase, fmt.Sprintf("cluster %s is not Primary and ready: %s", running.Cluster, why(running, v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady)))
	}
}

// stillPrimary reports whether a side that was told something new was Primary, and nothing was wrong with it, when it
// last reported.
func stillPrimary(at *snapshot.Side) bool {
	return at.Report != nil && at.Report.Status.State == v1alpha1.PrimaryState &&
		exchange.Condition(at.Report, v1alpha1.VRGDataReady).Status != metav1.ConditionFalse &&
		exchange.Condition(at.Report, v1alpha1.VRGClusterDataReady).Status != metav1.ConditionFalse
}

// peerReady says whether the other cluster answers Secondary, over a live link, now.
func peerReady(w *snapshot.Snapshot, next plan.Plan, words Words) metav1.Condition {
	gen := w.DRPC.Generation
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionPeerReady, status, reason, message, gen)
	}
	h := w.Facts.Home()
	if !h.Named() {
		message := words.message
		if message == "" {
			message = fmt.Sprintf("%s: %s", phases[next.Phase], progressions[next.Progression])
		}
		return is(metav1.ConditionFalse, reasonProgressing, message)
	}
	p := h.Peer()
	at, c := w.At(p), w.Facts.At(p)
	switch {
	case !c.Live:
		return is(metav1.ConditionFalse, reasonOfSilence(at), lostLink(at))
	case c.Wish.Role == plan.Primary:
		return is(metav1.ConditionFalse, "NotStarted", fmt.Sprintf("cluster %s is still told to be Primary", at.Cluster))
	case !c.Report.Answered:
		return is(metav1.ConditionFalse, reasonProgressing, unanswered(at))
	case c.Report.Conflict:
		conflict := exchange.Condition(at.Report, v1alpha1.VRGNoClusterDataConflict)
		return is(metav1.ConditionFalse, conflict.Reason, fmt.Sprintf("cluster %s: %s", at.Cluster, conflict.Message))
	case c.Report.State != plan.IsSecondary || !c.Report.Ready:
		return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s is not Secondary and in sync yet: %s", at.Cluster, why(at, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected)))
	default:
		message := fmt.Sprintf("cluster %s is Secondary", at.Cluster)
		if unlike := unlike(w, h); unlike != "" {
			message += "; " + unlike
		}
		return is(metav1.ConditionTrue, "Success", message)
	}
}

// protected says whether the peer could take over what the workload has written up to the last synchronization.
func protected(w *snapshot.Snapshot) metav1.Condition {
	gen := w.DRPC.Generation
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionProtected, status, reason, message, gen)
	}
	at := w.Source()
	switch {
	case at == nil:
		return is(metav1.ConditionFalse, reasonProgressing, "no cluster is Primary")
	case !w.Facts.At(w.SideOf(at.Cluster)).Live:
		return is(metav1.ConditionUnknown, reasonOfSilence(at), lostLink(at)+lastSync(w, at))
	case w.Facts.At(w.SideOf(at.Cluster)).Bereft():
		return is(metav1.ConditionFalse, "VolumesLost", bereftText(w, w.SideOf(at.Cluster)))
	case at.Report == nil:
		return is(metav1.ConditionUnknown, "Unknown", fmt.Sprintf("cluster %s has not reported", at.Cluster))
	}
	for _, kind := range []string{v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected, v1alpha1.VRGNoClusterDataConflict, v1alpha1.VRGClusterDataProtected} {
		c := exchange.Condition(at.Report, kind)
		switch {
		case c.Status == metav1.ConditionTrue, kind == v1alpha1.VRGDataProtected && c.Status == metav1.ConditionFalse && c.Reason == "Replicating":
		case c.Status == metav1.ConditionUnknown:
			return is(metav1.ConditionUnknown, "Unknown", fmt.Sprintf("cluster %s: %s: %s", at.Cluster, kind, conditionText(&c)))
		case failed[c.Reason]:
			return is(metav1.ConditionFalse, reasonFailed, fmt.Sprintf("cluster %s: %s: %s", at.Cluster, kind, conditionText(&c)))
		default:
			return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s: %s: %s", at.Cluster, kind, conditionText(&c)))
		}
	}
	if p := w.SideOf(at.Cluster).Peer(); w.Facts.At(p).Report.Conflict {
		c := exchange.Condition(w.At(p).Report, v1alpha1.VRGNoClusterDataConflict)
		return is(metav1.ConditionFalse, reasonFailed, fmt.Sprintf("cluster %s: %s: %s", w.At(p).Cluster, v1alpha1.VRGNoClusterDataConflict, conditionText(&c)))
	}
	switch {
	case at.Report.Status.State != v1alpha1.PrimaryState:
		return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s is not Primary yet", at.Cluster))
	case at.Partial:
		return is(metav1.ConditionFalse, reasonFailed, fmt.Sprintf("cluster %s reports volumes that can't be protected", at.Cluster))
	case len(at.Report.Status.ProtectedPVCs) > 0 && at.Report.Status.LastGroupSyncTime == nil:
		return is(metav1.ConditionFalse, reasonProgressing, notSynchronized)
	case snapshot.NeverReceived(w, at) != "":
		return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s has not received volume %s yet",
			w.At(w.SideOf(at.Cluster).Peer()).Cluster, snapshot.NeverReceived(w, at)))
	case unhooked(w, at) != "":
		return is(metav1.ConditionFalse, reasonFailed, unhooked(w, at))
	case uncaptured(at) != nil:
		return is(metav1.ConditionFalse, uncaptured(at).Reason, fmt.Sprintf("cluster %s: %s", at.Cluster, uncaptured(at).Message))
	case unmet(w).Fact != "":
		return is(metav1.ConditionFalse, reasonNotSupported, unmet(w).message)
	case len(at.Report.Status.ProtectedPVCs) == 0:
		return is(metav1.ConditionUnknown, reasonNoVolumes, "nothing to protect yet: no PVC matches spec.pvcSelector")
	default:
		return is(metav1.ConditionTrue, "Protected", fmt.Sprintf("%d volumes are protected", len(at.Report.Status.ProtectedPVCs)))
	}
}

// failed are the reasons of a group's conditions that mean an error rather than progress.
var failed = map[string]bool{
	"Error": true, "UnknownError": true, "UploadError": true, "AnnotationFailed": true,
	"ClusterDataConflictPrimary": true, "ClusterDataConflictSecondary": true, "PeerClassNotFound": true, "StorageIDNotFound": true,
}

func lastSync(w *snapshot.Snapshot, at *snapshot.Side) string {
	to := restorable(w, at)
	if to == nil {
		return "; its data was never synchronized"
	}
	return "; what was written after " + to.UTC().Format(time.RFC3339) + " would be lost by a failover"
}
