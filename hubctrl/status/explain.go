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
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Words are what users read about a wait.
type Words struct {
	Fact, message, next string
	user                bool      // only the user can help
	since               time.Time // when it became so, if the fact itself tells; else zero
}

// Explain says what a plan waits for, on which cluster, since when, and what happens next (I7).
func Explain(w *snapshot.Snapshot, wait plan.Wait) Words {
	var at *snapshot.Side
	if wait.On.Named() {
		at = w.At(wait.On)
	}
	if replaced := at != nil && at.Link.State == exchange.LinkReplaced; replaced && (wait.Fact == plan.LinkIsLive || wait.Fact == plan.InboxComplete) {
		return explainReplaced(w, wait.On)
	}
	switch wait.Fact {
	case plan.Nothing:
		return Words{}
	case plan.LinkIsLive:
		if at.Wish != nil && w.Facts.At(wait.On).Wish.Former {
			return Words{Fact: "LinkLive", message: left(w, at) + "; " + lostLink(at), since: at.Link.LastRenewal, next: continues + " when the mirror on " + at.Cluster +
				" reports again" + beginning(w, wait.On.Peer())}
		}
		return Words{Fact: "LinkLive", message: lostLink(at), since: at.Link.LastRenewal,
			next: continues + " when the mirror on " + at.Cluster + " reports again" + without(w, wait.On)}
	case plan.InboxComplete:
		if at.Link.State == exchange.LinkLive {
			// Its last renewal says nothing about since when.
			if slices.Contains(at.Unreported, w.Group.String()) {
				return Words{Fact: "InboxComplete", user: true,
					message: fmt.Sprintf("VolumeReplicationGroup %s exists on cluster %s, but the hub's API server does not accept the report about it: it is too large, or the CRDs of the hub are older than those of the cluster", w.Group, at.Cluster),
					next:    fmt.Sprintf("look at it: kubectl --context %s -n %s get vrg %s -o yaml, and apply the newest CRDs to the hub; %s when the report is accepted", at.Cluster, w.Group.Namespace, w.Group.Name, continues)}
			}
			if len(at.Unreported) > 0 {
				return Words{Fact: "InboxComplete", message: fmt.Sprintf("the inbox of cluster %s is not complete: the hub's API server does not accept the reports about %s", at.Cluster, bounded.List(at.Unreported, ", ")),
					next: continues + " when all others are reported; to have these reported too, look at them on the cluster, and apply the newest CRDs to the hub"}
			}
			return Words{Fact: "InboxComplete", message: fmt.Sprintf("the inbox of cluster %s is not complete yet", at.Cluster), next: continues + " when it is"}
		}
		next := continues + " when the mirror on " + at.Cluster + " reports"
		if w.Facts.Ask != plan.Failover {
			next += "; if that cluster is lost for good, set action Failover and failoverCluster to the other one"
		}
		return Words{Fact: "InboxComplete", message: fmt.Sprintf("it is not known what exists on cluster %s: %s", at.Cluster, lostLink(at)), since: at.Link.LastRenewal, next: next}
	case plan.Answer:
		if interrupted(at) {
			return Words{Fact: factInterrupted, message: unanswered(at), next: "the group is re-created, restores its claims and continues automatically, as soon as its namespace can be used; " +
				"if a deployment tool deletes the namespace, take the namespace out of what that tool prunes"}
		}
		return Words{Fact: "Answer", message: unanswered(at), next: continues + " when the cluster answers"}
	case plan.BeingPrimary:
		out := Words{Fact: "Primary", message: fmt.Sprintf("cluster %s is not Primary and ready yet: %s", at.Cluster, why(at, v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady)), next: continues}
		switch conflict := exchange.Condition(at.Report, v1alpha1.VRGNoClusterDataConflict); {
		case conflict.Status != metav1.ConditionFalse:
		case conflict.Reason == exchange.ReasonStoresEmpty, conflict.Reason == exchange.ReasonNotBelieved:
			out.user, out.next = true, withoutStored(w, wait.On)
		default:
			out.user, out.next = true, fmt.Sprintf("fix the problem described in the message on cluster %s, while nobody deploys there; then %s", at.Cluster, continues)
		}
		return out
	case plan.BeingProtected:
		return Words{Fact: "Protected", message: fmt.Sprintf("the metadata of the volumes on cluster %s is not in every object store: %s", at.Cluster, why(at, v1alpha1.VRGClusterDataProtected)), next: continues + " when it is stored"}
	case plan.BeingSecondary:
		return Words{Fact: "Secondary", message: fmt.Sprintf("cluster %s is not Secondary and in sync yet: %s", at.Cluster, why(at, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected)), next: continues + diverged(w, wait.On) + stranded(w, wait.On)}
	case plan.BeingRestored:
		return explainObjects(w, at)
	case plan.BeingPlaced:
		return explainPlaces(w, wait.On)
	case plan.BeingCopied:
		return explainCopies(w, wait.On)
	case plan.BeingPrepared:
		return Words{Fact: "FinalSyncPrepared", message: fmt.Sprintf("cluster %s prepares the final synchronization%s%s", at.Cluster, syncing(at), capturing(at)), next: continues}
	case plan.BeingSynced:
		return Words{Fact: "FinalSyncComplete", message: fmt.Sprintf("cluster %s runs the final synchronization%s", at.Cluster, syncing(at)), next: continues}
	case plan.WorkloadGone:
		if w.Facts.At(wait.On).Report.Conflict {
			return explainClaims(w, wait.On, factWorkloadGone)
		}
		return Words{Fact: factWorkloadGone, message: fmt.Sprintf("the workload still uses the volumes on cluster %s: %s", at.Cluster, bounded.Text(exchange.Condition(at.Report, v1alpha1.VRGInUse).Message, bounded.Quote)),
			next: "remove the workload and its PVCs from " + at.Cluster + " the way they were deployed there, or let the deployment tool follow status.decisions; " +
				"their volumes are kept until the other cluster has all that was written; then " + continues}
	case plan.ObjectGone:
		if at.Wish != nil && w.Facts.At(wait.On).Wish.Former {
			return Words{Fact: "ObjectGone", message: left(w, at), next: continues + " when the cluster has removed it"}
		}
		if at.Wish != nil && !w.Facts.Deleting {
			return Words{Fact: "ObjectGone", message: fmt.Sprintf("the wish %s/%s was deleted by hand: VolumeReplicationGroup %s still exists on cluster %s", at.Wish.Namespace, at.Wish.Name, w.Group, at.Cluster),
				next: "the wish is re-created when the cluster has removed the VolumeReplicationGroup"}
		}
		if claim := unbelievable(at); claim != "" {
			return Words{Fact: "ObjectGone", user: true, message: claim, next: continues + " when the cluster reports a possible epoch, or nothing"}
		}
		return Words{Fact: "ObjectGone", message: fmt.Sprintf("VolumeReplicationGroup %s still exists on cluster %s%s", w.Group, at.Cluster, leaving(at)), next: continues + " when the cluster has removed it"}
	case plan.PolicyValid:
		return Words{Fact: "PolicyValid", message: invalid(w), next: continues + " when the policy is valid"}
	case plan.StorageReady:
		return explainStorage(w, at)
	case plan.TargetNamed:
		return explainTarget(w)
	case plan.ConflictSolved:
		if at != nil {
			return explainClaim(w, wait.On)
		}
		return Words{Fact: "ConflictSolved", user: true, message: fmt.Sprintf("both clusters, %s and %s, are Primary", w.Sides[0].Cluster, w.Sides[1].Cluster),
			next: "set action Failover and failoverCluster to the cluster whose data is to be kept"}
	case plan.HomeAgreed:
		return explainElsewhere(w, wait.On)
	case plan.ConflictFree:
		return explainClaims(w, wait.On, factConflict)
	case plan.LossAccepted:
		return explainNothing(w, wait.On)
	case plan.HomeNamed:
		return Words{Fact: "HomeNamed", user: true, message: fmt.Sprintf("the wish %s/%s was deleted by hand while the workload was between clusters: cluster %s gives up what it replicated", at.Wish.Namespace, at.Wish.Name, at.Cluster),
			next: explainHome(w, wait.On)}
	case plan.PrimaryFound:
		return explainPrimary(w, at)
	case plan.VolumesLost:
		return explainLoss(w, wait.On)
	case plan.SpecConfirmed:
		return explainStale(w, wait.On)
	case plan.ProtectionEnded:
		return explainEnded(w)
	case plan.ForeignRemoved:
		return explainForeign(w, at)
	}
	panic("unknown fact")
}
