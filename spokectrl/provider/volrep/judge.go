// SPDX-License-Identifier: Apache-2.0

package volrep

import (
	"fmt"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// silent is what to do about storage that says nothing. csi-addons writes no status while it does not reach the driver.
const silent = ". If this lasts, see whether kubernetes-csi-addons runs on this cluster, and its sidecar beside the driver: kubectl get csiaddonsnodes -A lists the sidecars that are connected"

// judge says the state of the volume in the role that its VolumeReplication tells. A condition counts only if it was
// computed for the generation that is there now. Completed is judged first: csi-addons never refreshes Validated after a
// success, so that it can only explain a refusal.
func judge(s *provider.State, vr *replicationv1.VolumeReplication) {
	if vr.Status.ObservedGeneration != vr.Generation {
		pending(s, "the storage has not looked at the volume's role yet"+silent)
		return
	}
	completed := current(vr, replicationv1.ConditionCompleted)
	switch {
	case completed.Status == metav1.ConditionTrue && s.Told == plan.Primary:
		s.Settled = true
		s.Ready = provider.Finding{Status: metav1.ConditionTrue, Reason: provider.ReasonReady, Message: "the volume is primary"}
		s.Protected = protection(vr)
	case completed.Status == metav1.ConditionTrue:
		judgeSecondary(s, vr)
	case completed.Status == metav1.ConditionFalse && s.Told == plan.Secondary:
		// Healthy demotions and resynchronizations pass through this, for as long as a copy takes, and the reasons are those of
		// real failures: the text and the time tell.
		replicating(s, "the storage has not brought the volume in line with the peer yet: "+explain(vr, completed))
	case completed.Status == metav1.ConditionFalse:
		failed(s, explain(vr, completed))
	default:
		pending(s, "the storage has not answered yet"+silent)
	}
}

// protection is whether what a primary writes reaches the peer, as far as the storage says that. Many say nothing, and some say
// that it does while the peer is gone: then only the age of the last copy tells. Some can't say it of any volume, but tell of its copies.
func protection(vr *replicationv1.VolumeReplication) provider.Finding {
	f := provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonReplicating, Message: "the volume replicates to the peer"}
	switch c := current(vr, replicationv1.ConditionReplicating); {
	case c.Status == metav1.ConditionFalse:
		f.Reason = provider.ReasonError
		f.Message = "the storage does not replicate the volume to the peer: " + c.Reason + ": " + c.Message
	case c.Status == metav1.ConditionUnknown && vr.Status.LastSyncTime == nil:
		f.Reason = exchange.ReasonNotReplicated
		f.Message = "the peer has no copy of the volume yet, as far as the storage says: " + c.Message
	}
	return f
}

func judgeSecondary(s *provider.State, vr *replicationv1.VolumeReplication) {
	degraded := current(vr, replicationv1.ConditionDegraded)
	resyncing := current(vr, replicationv1.ConditionResyncing)
	switch {
	case vr.Status.State != replicationv1.SecondaryState:
		replicating(s, fmt.Sprintf("the volume is in state %q, not Secondary yet", vr.Status.State))
	case resyncing.Status == metav1.ConditionTrue:
		s.Following = true
		replicating(s, "the storage synchronizes the volume with the peer")
	case degraded.Status == metav1.ConditionTrue && degraded.Reason == replicationv1.Error:
		replicating(s, "the storage has not brought the volume in line with the peer yet: "+explain(vr, degraded))
	case degraded.Status != metav1.ConditionFalse || resyncing.Status != metav1.ConditionFalse:
		replicating(s, "the volume is demoted and not in sync with the peer yet")
	default:
		s.Settled = true
		s.Ready = provider.Finding{Status: metav1.ConditionTrue, Reason: provider.ReasonReplicated, Message: "the volume is secondary and in sync"}
		s.Protected = provider.Finding{Status: metav1.ConditionTrue, Reason: provider.ReasonDataProtected, Message: "the volume is in sync with the peer"}
	}
}

// current is the condition, if it was computed for the generation that is there now; else a zero one.
func current(vr *replicationv1.VolumeReplication, kind string) metav1.Condition {
	c := meta.FindStatusCondition(vr.Status.Conditions, kind)
	if c == nil || c.ObservedGeneration != vr.Generation {
		return metav1.Condition{}
	}
	return *c
}

// explain says why a request was refused: by the failed condition, the precondition and the storage's own words.
func explain(vr *replicationv1.VolumeReplication, c metav1.Condition) string {
	text := c.Reason
	if c.Message != "" {
		text += ": " + c.Message
	}
	if v := current(vr, replicationv1.ConditionValidated); v.Status == metav1.ConditionFalse {
		text += "; " + v.Reason + ": " + v.Message
	}
	if vr.Status.Message != "" && vr.Status.Message != c.Message {
		text += "; " + vr.Status.Message
	}
	return text
}

func pending(s *provider.State, message string) {
	s.Ready = provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonProgressing, Message: message}
	s.Protected = s.Ready
}

func replicating(s *provider.State, message string) {
	s.Ready = provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonProgressing, Message: message}
	s.Protected = provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonReplicating, Message: message}
}

func failed(s *provider.State, message string) {
	s.Ready = provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonError, Message: message}
	s.Protected = s.Ready
}
