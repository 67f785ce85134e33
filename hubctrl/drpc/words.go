// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var phases = map[plan.Phase]v1alpha1.DRState{
	plan.WaitForUser: v1alpha1.WaitForUser,
	plan.Initiating:  v1alpha1.Initiating,
	plan.Deploying:   v1alpha1.Deploying,
	plan.Deployed:    v1alpha1.Deployed,
	plan.FailingOver: v1alpha1.FailingOver,
	plan.FailedOver:  v1alpha1.FailedOver,
	plan.Relocating:  v1alpha1.Relocating,
	plan.Relocated:   v1alpha1.Relocated,
	plan.Deleting:    v1alpha1.Deleting,
}

var steps = map[plan.Step]v1alpha1.ProgressionStatus{
	plan.Completed:             v1alpha1.ProgressionCompleted,
	plan.Paused:                v1alpha1.ProgressionPaused,
	plan.CheckingPrerequisites: v1alpha1.ProgressionCheckingFailoverPrerequisites,
	plan.ActivatingMaintenance: v1alpha1.ProgressionWaitForStorageMaintenance,
	plan.FailingOverToCluster:  v1alpha1.ProgressionFailingOverToCluster,
	plan.WaitingForRestore:     v1alpha1.ProgressionWaitingForResourceRestore,
	plan.WaitingForReadiness:   v1alpha1.ProgressionWaitForReadiness,
	plan.CleaningUp:            v1alpha1.ProgressionCleaningUp,
	plan.WaitOnUserToCleanUp:   v1alpha1.ProgressionWaitOnUserToCleanUp,
	plan.PreparingFinalSync:    v1alpha1.ProgressionPreparingFinalSync,
	plan.ClearingPlacement:     v1alpha1.ProgressionClearingPlacement,
	plan.RunningFinalSync:      v1alpha1.ProgressionRunningFinalSync,
	plan.EnsuringSecondary:     v1alpha1.ProgressionEnsuringVolumesAreSecondary,
	plan.Removing:              v1alpha1.ProgressionDeleting,
}

// factWorkloadGone is the word for the wait that ends when the workload was removed.
const factWorkloadGone = "WorkloadGone"

// factInterrupted is the word for the wait that ends when a group that somebody else than the hub deletes is back.
const factInterrupted = "Interrupted"

// words are what users read about a wait.
type words struct {
	fact, message, next string
	user                bool      // only the user can help
	since               time.Time // when it became so, if the fact itself tells; else zero
}

// explain says what a plan waits for, on which cluster, since when, and what happens next (I7).
func explain(w *snapshot.Snapshot, wait plan.Wait) words {
	var at *snapshot.Side
	if wait.On.Named() {
		at = w.At(wait.On)
	}
	if replaced := at != nil && at.Link.State == exchange.LinkReplaced; replaced && (wait.Fact == plan.LinkIsLive || wait.Fact == plan.InboxComplete) {
		return explainReplaced(w, wait.On)
	}
	switch wait.Fact {
	case plan.Nothing:
		return words{}
	case plan.LinkIsLive:
		if at.Wish != nil && w.Facts.At(wait.On).Wish.Former {
			return words{fact: "LinkLive", message: left(w, at) + "; " + lostLink(at), since: at.Link.LastRenewal, next: continues + " when the mirror on " + at.Cluster +
				" reports again" + beginning(w, wait.On.Peer())}
		}
		return words{fact: "LinkLive", message: lostLink(at), since: at.Link.LastRenewal,
			next: continues + " when the mirror on " + at.Cluster + " reports again" + without(w, wait.On)}
	case plan.InboxComplete:
		if at.Link.State == exchange.LinkLive {
			// Its last renewal says nothing about since when.
			if slices.Contains(at.Unreported, w.Group.String()) {
				return words{fact: "InboxComplete", user: true,
					message: fmt.Sprintf("VolumeReplicationGroup %s exists on cluster %s, but the hub's API server does not accept the report about it: it is too large, or the CRDs of the hub are older than those of the cluster", w.Group, at.Cluster),
					next:    fmt.Sprintf("look at it: kubectl --context %s -n %s get vrg %s -o yaml, and apply the newest CRDs to the hub; %s when the report is accepted", at.Cluster, w.Group.Namespace, w.Group.Name, continues)}
			}
			if len(at.Unreported) > 0 {
				return words{fact: "InboxComplete", message: fmt.Sprintf("the inbox of cluster %s is not complete: the hub's API server does not accept the reports about %s", at.Cluster, bounded.List(at.Unreported, ", ")),
					next: continues + " when all others are reported; to have these reported too, look at them on the cluster, and apply the newest CRDs to the hub"}
			}
			return words{fact: "InboxComplete", message: fmt.Sprintf("the inbox of cluster %s is not complete yet", at.Cluster), next: continues + " when it is"}
		}
		next := continues + " when the mirror on " + at.Cluster + " reports"
		if w.Facts.Ask != plan.Failover {
			next += "; if that cluster is lost for good, set action Failover and failoverCluster to the other one"
		}
		return words{fact: "InboxComplete", message: fmt.Sprintf("it is not known what exists on cluster %s: %s", at.Cluster, lostLink(at)), since: at.Link.LastRenewal, next: next}
	case plan.Answer:
		if interrupted(at) {
			return words{fact: factInterrupted, message: unanswered(at), next: "the group is re-created, restores its claims and continues automatically, as soon as its namespace can be used; " +
				"if a deployment tool deletes the namespace, take the namespace out of what that tool prunes"}
		}
		return words{fact: "Answer", message: unanswered(at), next: continues + " when the cluster answers"}
	case plan.BeingPrimary:
		out := words{fact: "Primary", message: fmt.Sprintf("cluster %s is not Primary and ready yet: %s", at.Cluster, why(at, v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady)), next: continues}
		switch conflict := exchange.Condition(at.Report, v1alpha1.VRGNoClusterDataConflict); {
		case conflict.Status != metav1.ConditionFalse:
		case conflict.Reason == exchange.ReasonStoresEmpty, conflict.Reason == exchange.ReasonNotBelieved:
			out.user, out.next = true, withoutStored(w, wait.On)
		default:
			out.user, out.next = true, fmt.Sprintf("fix the problem described in the message on cluster %s, while nobody deploys there; then %s", at.Cluster, continues)
		}
		return out
	case plan.BeingProtected:
		return words{fact: "Protected", message: fmt.Sprintf("the metadata of the volumes on cluster %s is not in every object store: %s", at.Cluster, why(at, v1alpha1.VRGClusterDataProtected)), next: continues + " when it is stored"}
	case plan.BeingSecondary:
		return words{fact: "Secondary", message: fmt.Sprintf("cluster %s is not Secondary and in sync yet: %s", at.Cluster, why(at, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected)), next: continues + diverged(w, wait.On)}
	case plan.BeingPlaced:
		return explainPlaces(w, wait.On)
	case plan.BeingPrepared:
		return words{fact: "FinalSyncPrepared", message: fmt.Sprintf("cluster %s prepares the final synchronization%s", at.Cluster, syncing(at)), next: continues}
	case plan.BeingSynced:
		return words{fact: "FinalSyncComplete", message: fmt.Sprintf("cluster %s runs the final synchronization%s", at.Cluster, syncing(at)), next: continues}
	case plan.WorkloadGone:
		if w.Facts.At(wait.On).Report.Conflict {
			return explainClaims(w, wait.On, factWorkloadGone)
		}
		return words{fact: factWorkloadGone, message: fmt.Sprintf("the workload still uses the volumes on cluster %s: %s", at.Cluster, bounded.Text(exchange.Condition(at.Report, v1alpha1.VRGInUse).Message, bounded.Quote)),
			next: "remove the workload and its PVCs from " + at.Cluster + " the way they were deployed there, or let the deployment tool follow status.decisions; " +
				"their volumes are kept until the other cluster has all that was written; then " + continues}
	case plan.ObjectGone:
		if at.Wish != nil && w.Facts.At(wait.On).Wish.Former {
			return words{fact: "ObjectGone", message: left(w, at), next: continues + " when the cluster has removed it"}
		}
		if at.Wish != nil && !w.Facts.Deleting {
			return words{fact: "ObjectGone", message: fmt.Sprintf("the wish %s/%s was deleted by hand: VolumeReplicationGroup %s still exists on cluster %s", at.Wish.Namespace, at.Wish.Name, w.Group, at.Cluster),
				next: "the wish is re-created when the cluster has removed the VolumeReplicationGroup"}
		}
		if claim := unbelievable(at); claim != "" {
			return words{fact: "ObjectGone", user: true, message: claim, next: continues + " when the cluster reports a possible epoch, or nothing"}
		}
		return words{fact: "ObjectGone", message: fmt.Sprintf("VolumeReplicationGroup %s still exists on cluster %s", w.Group, at.Cluster), next: continues + " when the cluster has removed it"}
	case plan.PolicyValid:
		return words{fact: "PolicyValid", message: invalid(w), next: continues + " when the policy is valid"}
	case plan.StorageReady:
		return explainStorage(w, at)
	case plan.TargetNamed:
		return explainTarget(w)
	case plan.ConflictSolved:
		if at != nil {
			return explainClaim(w, wait.On)
		}
		return words{fact: "ConflictSolved", user: true, message: fmt.Sprintf("both clusters, %s and %s, are Primary", w.Sides[0].Cluster, w.Sides[1].Cluster),
			next: "set action Failover and failoverCluster to the cluster whose data is to be kept"}
	case plan.HomeAgreed:
		return explainElsewhere(w, wait.On)
	case plan.ConflictFree:
		return explainClaims(w, wait.On, factConflict)
	case plan.LossAccepted:
		return explainNothing(w, wait.On)
	case plan.HomeNamed:
		return words{fact: "HomeNamed", user: true, message: fmt.Sprintf("the wish %s/%s was deleted by hand while the workload was between clusters: cluster %s gives up what it replicated", at.Wish.Namespace, at.Wish.Name, at.Cluster),
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

// explainEnded says that DR was disabled since the backup that the hub comes from.
func explainEnded(w *snapshot.Snapshot) words {
	var ended []string
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.Facts.At(s).Wish.Ended {
			ended = append(ended, w.At(s).Cluster)
		}
	}
	return words{fact: "ProtectionEnded", user: true,
		message: fmt.Sprintf("the hub was restored from a backup, and DR was disabled for this application since: VolumeReplicationGroup %s was removed from %s, and nothing is made again there. The application is not protected",
			w.Group, strings.Join(ended, " and ")),
		next: fmt.Sprintf("to leave it unprotected: kubectl -n %s delete drpc %s; to protect it again, delete the DRPlacementControl too, and create it again", w.DRPC.Namespace, w.DRPC.Name)}
}

// explainStale says that the spec is that of a backup; unheard is the cluster that has to be heard to know where the workload is.
func explainStale(w *snapshot.Snapshot, unheard plan.Side) words {
	is := words{fact: "SpecConfirmed", user: true, next: "check spec.action and the clusters in the spec, and set them to what you want; any change of the spec confirms it"}
	where := whereItIs(w)
	if unheard.Named() {
		at := w.At(unheard)
		where = fmt.Sprintf("the workload was moved, perhaps to cluster %s, which has not answered since", at.Cluster)
		is.next = fmt.Sprintf("wait until cluster %s is heard, and do not let anybody deploy the application meanwhile; if %s is lost, %s", at.Cluster, at.Cluster, is.next)
	}
	is.message = fmt.Sprintf("the hub was restored from a backup: the clusters already follow a newer spec, by which %s. This spec asks for %s; nothing was moved", where, asked(&w.DRPC.Spec))
	return is
}

// explainFlaw says what is wrong with the spec of an application that goes on as it was.
func explainFlaw(w *snapshot.Snapshot) words {
	var refused *outcome.Refused
	if !errors.As(w.Flaw, &refused) {
		return words{}
	}
	return words{fact: refused.Reason, user: true, message: refused.Error(), next: "fix the problem described in the message; until then the application is protected as before"}
}

// whereItIs says where the workload is by the wishes.
func whereItIs(w *snapshot.Snapshot) string {
	if h := w.Facts.Home(); h.Named() {
		return fmt.Sprintf("the workload is on cluster %s", w.At(h).Cluster)
	}
	return "no cluster is Primary"
}

func asked(spec *v1alpha1.DRPlacementControlSpec) string {
	target := spec.PreferredCluster
	if spec.Action == v1alpha1.ActionFailover {
		target = spec.FailoverCluster
	}
	if target == "" {
		target = "the other cluster"
	}
	return fmt.Sprintf("%s to %s", spec.Action, target)
}

// invalid says why the policy can't be used to begin a protection.
func invalid(w *snapshot.Snapshot) string {
	switch c := meta.FindStatusCondition(w.Policy.Status.Conditions, v1alpha1.ConditionValidated); {
	case w.Policy.DeletionTimestamp != nil:
		return fmt.Sprintf("DRPolicy %s is being deleted: delete the DRPlacementControl and make it again with another DRPolicy", w.Policy.Name)
	case w.Leaving != "":
		return fmt.Sprintf("DRCluster %s is being deleted: delete the DRPlacementControl and make it again with a DRPolicy of other clusters", w.Leaving)
	case c != nil && c.Status == metav1.ConditionTrue:
		return fmt.Sprintf("a DRCluster of DRPolicy %s is missing", w.Policy.Name)
	default:
		return fmt.Sprintf("DRPolicy %s is not valid: %s", w.Policy.Name, conditionText(c))
	}
}

// without says what the user can do without a cluster that can't be reached.
func without(w *snapshot.Snapshot, lost plan.Side) string {
	switch {
	case w.Facts.Deleting:
		return "; " + w.GivingUp(w.At(lost).Cluster)
	case w.Facts.Home() == lost:
		return "; to run the workload on the other cluster now, set action Failover"
	default:
		return ""
	}
}

// diverged says how to give up what keeps a cluster from following its peer, once the workload runs there.
func diverged(w *snapshot.Snapshot, behind plan.Side) string {
	home := w.Facts.Home()
	if home != behind.Peer() || w.Facts.At(home).Decision != plan.RunHere || w.Facts.At(behind).Wish.For == plan.Failover {
		return ""
	}
	return fmt.Sprintf("; if it does not, because workloads that were not meant to ran on %[1]s, as they do after a restore from a backup, set action Failover and failoverCluster to %[2]s: "+
		"the workload stays there, and what only %[1]s has is given up", w.At(behind).Cluster, w.At(home).Cluster)
}

// explainHome says what to do when nobody but the user can tell where the workload is to run: its wish on gone was deleted.
func explainHome(w *snapshot.Snapshot, gone plan.Side) string {
	out := fmt.Sprintf("look for the data on both clusters; where it is, it stays if you disable and protect again: kubectl -n %s delete drpc %s", w.DRPC.Namespace, w.DRPC.Name)
	if peer := w.At(gone.Peer()); peer.Wish != nil && peer.Wish.DeletionTimestamp == nil {
		out += fmt.Sprintf("; or, if %s has it, set action Failover and failoverCluster to %s", peer.Cluster, peer.Cluster)
	}
	return out
}

// explainPrimary says what to do when neither cluster has the application's Primary.
func explainPrimary(w *snapshot.Snapshot, follower *snapshot.Side) words {
	out := words{fact: "PrimaryFound", user: true}
	elsewhere := "if the workload runs on another cluster, delete this DRPlacementControl and create it again with a DRPolicy that lists that cluster"
	if follower == nil {
		out.message = fmt.Sprintf("a cluster that is not in DRPolicy %s reports VolumeReplicationGroup %s as Primary, and neither %s nor %s is Primary: nothing is promoted",
			w.Policy.Name, w.Group, w.Sides[0].Cluster, w.Sides[1].Cluster)
		out.next = elsewhere + fmt.Sprintf("; if what that cluster has can be given up, set action Failover and failoverCluster to %s or %s", w.Sides[0].Cluster, w.Sides[1].Cluster)
		return out
	}
	out.message = fmt.Sprintf("cluster %s has a Secondary of VolumeReplicationGroup %s, and cluster %s has nothing: it is not known which cluster has its Primary", follower.Cluster, w.Group, w.At(w.SideOf(follower.Cluster).Peer()).Cluster)
	out.next = elsewhere + fmt.Sprintf("; if that Primary is lost, set action Failover and failoverCluster to %s; if the application was never deployed anywhere, "+
		"delete that group, which gives up no volume, on cluster %s: kubectl -n %s delete vrg %s", follower.Cluster, follower.Cluster, w.Group.Namespace, w.Group.Name)
	return out
}

func explainTarget(w *snapshot.Snapshot) words {
	field, value := "spec.preferredCluster", w.DRPC.Spec.PreferredCluster
	if w.Facts.Ask == plan.Failover {
		field, value = "spec.failoverCluster", w.DRPC.Spec.FailoverCluster
	}
	message := field + " is empty"
	if value != "" {
		message = fmt.Sprintf("%s is %q, which is not a cluster of DRPolicy %s", field, value, w.Policy.Name)
	}
	return words{fact: "TargetNamed", user: true, message: message,
		next: fmt.Sprintf("set %s to %s or %s", field, w.Sides[0].Cluster, w.Sides[1].Cluster)}
}

func lostLink(at *snapshot.Side) string {
	switch at.Link.State {
	case exchange.LinkNever:
		return fmt.Sprintf("the mirror of cluster %s has never reported", at.Cluster)
	case exchange.LinkConnecting:
		return fmt.Sprintf("the mirror of cluster %s is connecting", at.Cluster) + lastHeard(at)
	case exchange.LinkLost:
		return fmt.Sprintf("cluster %s can't be reached", at.Cluster) + lastHeard(at)
	case exchange.LinkReplaced:
		return fmt.Sprintf("another cluster, %s, uses the name %s, and its reports are ignored", at.Link.Stranger, at.Cluster) + lastHeard(at)
	case exchange.LinkLive:
	}
	return fmt.Sprintf("cluster %s is connected", at.Cluster)
}

// lastHeard is a moment, never an age: that would make each pass a write.
func lastHeard(at *snapshot.Side) string {
	switch {
	case !at.Link.LastRenewal.IsZero():
		return "; last heard of at " + at.Link.LastRenewal.UTC().Format(time.RFC3339)
	case at.Link.State == exchange.LinkLost:
		return "; it is not known when it was last heard of" // its lease lacks the time
	default:
		return ""
	}
}

func unanswered(at *snapshot.Side) string {
	if at.Wish == nil {
		return fmt.Sprintf("nothing has been asked of cluster %s yet", at.Cluster)
	}
	c := meta.FindStatusCondition(at.Wish.Status.Conditions, v1alpha1.WishApplied)
	if c != nil && c.Status == metav1.ConditionFalse && c.ObservedGeneration == at.Wish.Generation {
		return fmt.Sprintf("the mirror of cluster %s can't apply the wish: %s", at.Cluster, conditionText(c))
	}
	if claim := unbelievable(at); claim != "" {
		return claim
	}
	if interrupted(at) {
		return fmt.Sprintf("VolumeReplicationGroup %s/%s is being deleted on cluster %s, perhaps with its namespace, and this hub did not ask for it: its volumes stay retained, and their replicas "+
			"and stored metadata stay as they are", at.Report.Annotations[exchange.AnnotationNamespace], at.Report.Annotations[exchange.AnnotationName], at.Cluster)
	}
	if snapshot.Ours(at) && !exchange.CaughtUp(at.Report) {
		return fmt.Sprintf("the controller on cluster %s has not looked at the latest wish yet", at.Cluster)
	}
	return fmt.Sprintf("cluster %s has not answered the latest wish yet", at.Cluster)
}

// interrupted reports whether somebody else than a hub deletes what a side was told to have (X14).
func interrupted(at *snapshot.Side) bool {
	return at.Report != nil && at.Report.Status.Exchange != nil && at.Report.Status.Exchange.SpokeDeleting && at.Wish != nil && at.Wish.DeletionTimestamp == nil
}

// why is the first of the conditions that is not True, in words.
func why(at *snapshot.Side, kinds ...string) string {
	for _, kind := range kinds {
		if c := exchange.Condition(at.Report, kind); c.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s is %s, %s", kind, c.Status, conditionText(&c))
		}
	}
	return fmt.Sprintf("its state is %s", at.Report.Status.State)
}

func conditionText(c *metav1.Condition) string {
	if c == nil {
		return "not looked at yet"
	}
	if c.Message == "" {
		return c.Reason
	}
	return bounded.Text(c.Reason, bounded.Quote) + ": " + bounded.Text(c.Message, bounded.Quote)
}
