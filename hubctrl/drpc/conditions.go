// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
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

// unheard is the reason of what can't be known or used because of a link that is not live.
func unheard(at *side) string {
	switch at.link.State {
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

func (w *world) conditions(next plan.Plan, words words, actErr error) []metav1.Condition {
	gen := w.drpc.Generation
	available, peer, protected := w.available(next, words), w.peerReady(next, words), w.protected()
	protected.Message += w.inert()
	if at := w.source(); at != nil {
		protected.Message += at.overruns()
		peer.Message += w.at(w.sideOf(at.cluster).Peer()).overruns()
	}
	list := []metav1.Condition{available, peer, protected}

	ready := next.Done() && words.fact == "" && available.Status == metav1.ConditionTrue && peer.Status == metav1.ConditionTrue
	stalled := words.user
	reason, message := outcome.ReasonOK, "the workload runs, and its peer stands by"
	switch {
	case actErr != nil:
		reason, message = outcome.ReasonError, actErr.Error()
		ready = false
	case words.fact != "":
		reason, message = words.fact, words.message
	case !ready:
		reason, message = reasonProgressing, fmt.Sprintf("%s: %s", phases[next.Phase], steps[next.Step])
	}
	return append(list,
		cond.New(v1alpha1.ConditionReady, cond.Status(ready), reason, message, gen),
		cond.New(v1alpha1.ConditionReconciling, cond.Status(!ready && !stalled), reason, message, gen),
		cond.New(v1alpha1.ConditionStalled, cond.Status(stalled), reason, message, gen),
	)
}

// available says whether the cluster that should run the workload is Primary and ready now.
func (w *world) available(next plan.Plan, words words) metav1.Condition {
	gen := w.drpc.Generation
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionAvailable, status, reason, message, gen)
	}
	phase := string(phases[next.Phase])
	running := w.running()
	if running == nil {
		message := words.message
		if message == "" {
			message = "the workload runs nowhere yet"
		}
		return is(metav1.ConditionFalse, phase, message)
	}
	c := w.facts.At(w.sideOf(running.cluster))
	switch {
	case !c.Live:
		return is(metav1.ConditionUnknown, unheard(running), "the workload runs on "+running.cluster+" as far as is known: "+lostLink(running))
	case c.Report.Answered && c.Report.State == plan.IsPrimary && c.Report.Ready:
		return is(metav1.ConditionTrue, phase, "the workload runs on "+running.cluster)
	case c.Wish.Role == plan.Primary && !c.Report.Answered && stillPrimary(running):
		return is(metav1.ConditionTrue, phase, fmt.Sprintf("the workload runs on %s; %s", running.cluster, unanswered(running)))
	default:
		return is(metav1.ConditionFalse, phase, fmt.Sprintf("cluster %s is not Primary and ready: %s", running.cluster, why(running, v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady)))
	}
}

// stillPrimary reports whether a side that was told something new was Primary, and nothing was wrong with it, when it
// last reported.
func stillPrimary(at *side) bool {
	return at.report != nil && at.report.Status.State == v1alpha1.PrimaryState &&
		exchange.Condition(at.report, v1alpha1.VRGDataReady).Status != metav1.ConditionFalse &&
		exchange.Condition(at.report, v1alpha1.VRGClusterDataReady).Status != metav1.ConditionFalse
}

// running is the side where the workload is to run now; nil: nowhere.
func (w *world) running() *side {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.facts.At(s).Decision == plan.RunHere {
			return w.at(s)
		}
	}
	return nil
}

// peerReady says whether the other cluster answers Secondary, over a live link, now.
func (w *world) peerReady(next plan.Plan, words words) metav1.Condition {
	gen := w.drpc.Generation
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionPeerReady, status, reason, message, gen)
	}
	h := w.facts.Home()
	if !h.Named() {
		message := words.message
		if message == "" {
			message = fmt.Sprintf("%s: %s", phases[next.Phase], steps[next.Step])
		}
		return is(metav1.ConditionFalse, reasonProgressing, message)
	}
	p := h.Peer()
	at, c := w.at(p), w.facts.At(p)
	switch {
	case !c.Live:
		return is(metav1.ConditionFalse, unheard(at), lostLink(at))
	case c.Wish.Role == plan.Primary:
		return is(metav1.ConditionFalse, "NotStarted", fmt.Sprintf("cluster %s is still told to be Primary", at.cluster))
	case !c.Report.Answered:
		return is(metav1.ConditionFalse, reasonProgressing, unanswered(at))
	case c.Report.Conflict:
		conflict := exchange.Condition(at.report, v1alpha1.VRGNoClusterDataConflict)
		return is(metav1.ConditionFalse, conflict.Reason, fmt.Sprintf("cluster %s: %s", at.cluster, conflict.Message))
	case c.Report.State != plan.IsSecondary || !c.Report.Ready:
		return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s is not Secondary and in sync yet: %s", at.cluster, why(at, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected)))
	default:
		message := fmt.Sprintf("cluster %s is Secondary", at.cluster)
		if unlike := w.unlike(h); unlike != "" {
			message += "; " + unlike
		}
		return is(metav1.ConditionTrue, "Success", message)
	}
}

// protected says whether the peer could take over what the workload has written up to the last synchronization.
func (w *world) protected() metav1.Condition {
	gen := w.drpc.Generation
	is := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return cond.New(v1alpha1.ConditionProtected, status, reason, message, gen)
	}
	at := w.source()
	switch {
	case at == nil:
		return is(metav1.ConditionFalse, reasonProgressing, "no cluster is Primary")
	case !w.facts.At(w.sideOf(at.cluster)).Live:
		return is(metav1.ConditionUnknown, unheard(at), lostLink(at)+w.lastSync(at))
	case w.facts.At(w.sideOf(at.cluster)).Bereft():
		return is(metav1.ConditionFalse, "VolumesLost", w.bereftText(w.sideOf(at.cluster)))
	case at.report == nil:
		return is(metav1.ConditionUnknown, "Unknown", fmt.Sprintf("cluster %s has not reported", at.cluster))
	}
	for _, kind := range []string{v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected, v1alpha1.VRGNoClusterDataConflict, v1alpha1.VRGClusterDataProtected} {
		c := exchange.Condition(at.report, kind)
		switch {
		case c.Status == metav1.ConditionTrue, kind == v1alpha1.VRGDataProtected && c.Status == metav1.ConditionFalse && c.Reason == "Replicating":
		case c.Status == metav1.ConditionUnknown:
			return is(metav1.ConditionUnknown, "Unknown", fmt.Sprintf("cluster %s: %s: %s", at.cluster, kind, conditionText(&c)))
		case failed[c.Reason]:
			return is(metav1.ConditionFalse, reasonFailed, fmt.Sprintf("cluster %s: %s: %s", at.cluster, kind, conditionText(&c)))
		default:
			return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s: %s: %s", at.cluster, kind, conditionText(&c)))
		}
	}
	if p := w.sideOf(at.cluster).Peer(); w.facts.At(p).Report.Conflict {
		c := exchange.Condition(w.at(p).report, v1alpha1.VRGNoClusterDataConflict)
		return is(metav1.ConditionFalse, reasonFailed, fmt.Sprintf("cluster %s: %s: %s", w.at(p).cluster, v1alpha1.VRGNoClusterDataConflict, conditionText(&c)))
	}
	switch {
	case at.report.Status.State != v1alpha1.PrimaryState:
		return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s is not Primary yet", at.cluster))
	case at.partial:
		return is(metav1.ConditionFalse, reasonFailed, fmt.Sprintf("cluster %s reports volumes that can't be protected", at.cluster))
	case len(at.report.Status.ProtectedPVCs) > 0 && at.report.Status.LastGroupSyncTime == nil:
		return is(metav1.ConditionFalse, reasonProgressing, "not every volume has been synchronized once")
	case w.neverReceived(at) != "":
		return is(metav1.ConditionFalse, reasonProgressing, fmt.Sprintf("cluster %s has not received volume %s yet",
			w.at(w.sideOf(at.cluster).Peer()).cluster, w.neverReceived(at)))
	case w.unmet().fact != "":
		return is(metav1.ConditionFalse, reasonNotSupported, w.unmet().message)
	case len(at.report.Status.ProtectedPVCs) == 0:
		return is(metav1.ConditionUnknown, reasonNoVolumes, "nothing to protect yet: no PVC matches spec.pvcSelector")
	default:
		return is(metav1.ConditionTrue, "Protected", fmt.Sprintf("%d volumes are protected", len(at.report.Status.ProtectedPVCs)))
	}
}

// failed are the reasons of a group's conditions that mean an error rather than progress.
var failed = map[string]bool{
	"Error": true, "UnknownError": true, "UploadError": true, "AnnotationFailed": true,
	"ClusterDataConflictPrimary": true, "ClusterDataConflictSecondary": true, "PeerClassNotFound": true, "StorageIDNotFound": true,
}

func (w *world) lastSync(at *side) string {
	to := w.restorable(at)
	if to == nil {
		return "; its data was never synchronized"
	}
	return "; what was written after " + to.UTC().Format(time.RFC3339) + " would be lost by a failover"
}
