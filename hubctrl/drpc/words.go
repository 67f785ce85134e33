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
func (w *world) explain(wait plan.Wait) words {
	var at *side
	if wait.On.Named() {
		at = w.at(wait.On)
	}
	if replaced := at != nil && at.link.State == exchange.LinkReplaced; replaced && (wait.Fact == plan.LinkIsLive || wait.Fact == plan.InboxComplete) {
		return w.explainReplaced(wait.On)
	}
	switch wait.Fact {
	case plan.Nothing:
		return words{}
	case plan.LinkIsLive:
		if at.wish != nil && w.facts.At(wait.On).Wish.Former {
			return words{fact: "LinkLive", message: w.left(at) + "; " + lostLink(at), since: at.link.LastRenewal, next: continues + " when the mirror on " + at.cluster +
				" reports again" + w.beginning(wait.On.Peer())}
		}
		return words{fact: "LinkLive", message: lostLink(at), since: at.link.LastRenewal,
			next: continues + " when the mirror on " + at.cluster + " reports again" + w.without(wait.On)}
	case plan.InboxComplete:
		if at.link.State == exchange.LinkLive {
			// Its last renewal says nothing about since when.
			if slices.Contains(at.unreported, w.group.String()) {
				return words{fact: "InboxComplete", user: true,
					message: fmt.Sprintf("VolumeReplicationGroup %s exists on cluster %s, but the hub's API server does not accept the report about it: it is too large, or the CRDs of the hub are older than those of the cluster", w.group, at.cluster),
					next:    fmt.Sprintf("look at it: kubectl --context %s -n %s get vrg %s -o yaml, and apply the newest CRDs to the hub; %s when the report is accepted", at.cluster, w.group.Namespace, w.group.Name, continues)}
			}
			if len(at.unreported) > 0 {
				return words{fact: "InboxComplete", message: fmt.Sprintf("the inbox of cluster %s is not complete: the hub's API server does not accept the reports about %s", at.cluster, bounded.List(at.unreported, ", ")),
					next: continues + " when all others are reported; to have these reported too, look at them on the cluster, and apply the newest CRDs to the hub"}
			}
			return words{fact: "InboxComplete", message: fmt.Sprintf("the inbox of cluster %s is not complete yet", at.cluster), next: continues + " when it is"}
		}
		next := continues + " when the mirror on " + at.cluster + " reports"
		if w.facts.Ask != plan.Failover {
			next += "; if that cluster is lost for good, set action Failover and failoverCluster to the other one"
		}
		return words{fact: "InboxComplete", message: fmt.Sprintf("it is not known what exists on cluster %s: %s", at.cluster, lostLink(at)), since: at.link.LastRenewal, next: next}
	case plan.Answer:
		if interrupted(at) {
			return words{fact: factInterrupted, message: unanswered(at), next: "the group is re-created, restores its claims and continues automatically, as soon as its namespace can be used; " +
				"if a deployment tool deletes the namespace, take the namespace out of what that tool prunes"}
		}
		return words{fact: "Answer", message: unanswered(at), next: continues + " when the cluster answers"}
	case plan.BeingPrimary:
		out := words{fact: "Primary", message: fmt.Sprintf("cluster %s is not Primary and ready yet: %s", at.cluster, why(at, v1alpha1.VRGClusterDataReady, v1alpha1.VRGDataReady)), next: continues}
		switch conflict := exchange.Condition(at.report, v1alpha1.VRGNoClusterDataConflict); {
		case conflict.Status != metav1.ConditionFalse:
		case conflict.Reason == exchange.ReasonStoresEmpty, conflict.Reason == exchange.ReasonNotBelieved:
			out.user, out.next = true, w.withoutStored(wait.On)
		default:
			out.user, out.next = true, fmt.Sprintf("fix the problem described in the message on cluster %s, while nobody deploys there; then %s", at.cluster, continues)
		}
		return out
	case plan.BeingProtected:
		return words{fact: "Protected", message: fmt.Sprintf("the metadata of the volumes on cluster %s is not in every object store: %s", at.cluster, why(at, v1alpha1.VRGClusterDataProtected)), next: continues + " when it is stored"}
	case plan.BeingSecondary:
		return words{fact: "Secondary", message: fmt.Sprintf("cluster %s is not Secondary and in sync yet: %s", at.cluster, why(at, v1alpha1.VRGDataReady, v1alpha1.VRGDataProtected)), next: continues + w.diverged(wait.On)}
	case plan.BeingPlaced:
		return w.explainPlaces(wait.On)
	case plan.BeingPrepared:
		return words{fact: "FinalSyncPrepared", message: fmt.Sprintf("cluster %s prepares the final synchronization%s", at.cluster, syncing(at)), next: continues}
	case plan.BeingSynced:
		return words{fact: "FinalSyncComplete", message: fmt.Sprintf("cluster %s runs the final synchronization%s", at.cluster, syncing(at)), next: continues}
	case plan.WorkloadGone:
		if w.facts.At(wait.On).Report.Conflict {
			return w.explainClaims(wait.On, factWorkloadGone)
		}
		return words{fact: factWorkloadGone, message: fmt.Sprintf("the workload still uses the volumes on cluster %s: %s", at.cluster, bounded.Text(exchange.Condition(at.report, v1alpha1.VRGInUse).Message, bounded.Quote)),
			next: "remove the workload and its PVCs from " + at.cluster + " the way they were deployed there, or let the deployment tool follow status.decisions; " +
				"their volumes are kept until the other cluster has all that was written; then " + continues}
	case plan.ObjectGone:
		if at.wish != nil && w.facts.At(wait.On).Wish.Former {
			return words{fact: "ObjectGone", message: w.left(at), next: continues + " when the cluster has removed it"}
		}
		if at.wish != nil && !w.facts.Deleting {
			return words{fact: "ObjectGone", message: fmt.Sprintf("the wish %s/%s was deleted by hand: VolumeReplicationGroup %s still exists on cluster %s", at.wish.Namespace, at.wish.Name, w.group, at.cluster),
				next: "the wish is re-created when the cluster has removed the VolumeReplicationGroup"}
		}
		if claim := unbelievable(at); claim != "" {
			return words{fact: "ObjectGone", user: true, message: claim, next: continues + " when the cluster reports a possible epoch, or nothing"}
		}
		return words{fact: "ObjectGone", message: fmt.Sprintf("VolumeReplicationGroup %s still exists on cluster %s", w.group, at.cluster), next: continues + " when the cluster has removed it"}
	case plan.PolicyValid:
		return words{fact: "PolicyValid", message: w.invalid(), next: continues + " when the policy is valid"}
	case plan.StorageReady:
		return w.explainStorage(at)
	case plan.TargetNamed:
		return w.explainTarget()
	case plan.ConflictSolved:
		if at != nil {
			return w.explainClaim(wait.On)
		}
		return words{fact: "ConflictSolved", user: true, message: fmt.Sprintf("both clusters, %s and %s, are Primary", w.sides[0].cluster, w.sides[1].cluster),
			next: "set action Failover and failoverCluster to the cluster whose data is to be kept"}
	case plan.HomeAgreed:
		return w.explainElsewhere(wait.On)
	case plan.ConflictFree:
		return w.explainClaims(wait.On, factConflict)
	case plan.LossAccepted:
		return w.explainNothing(wait.On)
	case plan.HomeNamed:
		return words{fact: "HomeNamed", user: true, message: fmt.Sprintf("the wish %s/%s was deleted by hand while the workload was between clusters: cluster %s gives up what it replicated", at.wish.Namespace, at.wish.Name, at.cluster),
			next: w.explainHome(wait.On)}
	case plan.PrimaryFound:
		return w.explainPrimary(at)
	case plan.VolumesLost:
		return w.explainLoss(wait.On)
	case plan.SpecConfirmed:
		return w.explainStale(wait.On)
	case plan.ProtectionEnded:
		return w.explainEnded()
	case plan.ForeignRemoved:
		return w.explainForeign(at)
	}
	panic("unknown fact")
}

// explainEnded says that DR was disabled since the backup that the hub comes from.
func (w *world) explainEnded() words {
	var ended []string
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.facts.At(s).Wish.Ended {
			ended = append(ended, w.at(s).cluster)
		}
	}
	return words{fact: "ProtectionEnded", user: true,
		message: fmt.Sprintf("the hub was restored from a backup, and DR was disabled for this application since: VolumeReplicationGroup %s was removed from %s, and nothing is made again there. The application is not protected",
			w.group, strings.Join(ended, " and ")),
		next: fmt.Sprintf("to leave it unprotected: kubectl -n %s delete drpc %s; to protect it again, delete the DRPlacementControl too, and create it again", w.drpc.Namespace, w.drpc.Name)}
}

// explainStale says that the spec is that of a backup; unheard is the cluster that has to be heard to know where the workload is.
func (w *world) explainStale(unheard plan.Side) words {
	is := words{fact: "SpecConfirmed", user: true, next: "check spec.action and the clusters in the spec, and set them to what you want; any change of the spec confirms it"}
	where := w.whereItIs()
	if unheard.Named() {
		at := w.at(unheard)
		where = fmt.Sprintf("the workload was moved, perhaps to cluster %s, which has not answered since", at.cluster)
		is.next = fmt.Sprintf("wait until cluster %s is heard, and do not let anybody deploy the application meanwhile; if %s is lost, %s", at.cluster, at.cluster, is.next)
	}
	is.message = fmt.Sprintf("the hub was restored from a backup: the clusters already follow a newer spec, by which %s. This spec asks for %s; nothing was moved", where, asked(&w.drpc.Spec))
	return is
}

// explainFlaw says what is wrong with the spec of an application that goes on as it was.
func (w *world) explainFlaw() words {
	var refused *outcome.Refused
	if !errors.As(w.flaw, &refused) {
		return words{}
	}
	return words{fact: refused.Reason, user: true, message: refused.Error(), next: "fix the problem described in the message; until then the application is protected as before"}
}

// whereItIs says where the workload is by the wishes.
func (w *world) whereItIs() string {
	if h := w.facts.Home(); h.Named() {
		return fmt.Sprintf("the workload is on cluster %s", w.at(h).cluster)
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
func (w *world) invalid() string {
	switch c := meta.FindStatusCondition(w.policy.Status.Conditions, v1alpha1.ConditionValidated); {
	case w.policy.DeletionTimestamp != nil:
		return fmt.Sprintf("DRPolicy %s is being deleted: delete the DRPlacementControl and make it again with another DRPolicy", w.policy.Name)
	case w.leaving != "":
		return fmt.Sprintf("DRCluster %s is being deleted: delete the DRPlacementControl and make it again with a DRPolicy of other clusters", w.leaving)
	case c != nil && c.Status == metav1.ConditionTrue:
		return fmt.Sprintf("a DRCluster of DRPolicy %s is missing", w.policy.Name)
	default:
		return fmt.Sprintf("DRPolicy %s is not valid: %s", w.policy.Name, conditionText(c))
	}
}

// without says what the user can do without a cluster that can't be reached.
func (w *world) without(lost plan.Side) string {
	switch {
	case w.facts.Deleting:
		return "; " + w.givingUp(w.at(lost).cluster)
	case w.facts.Home() == lost:
		return "; to run the workload on the other cluster now, set action Failover"
	default:
		return ""
	}
}

// diverged says how to give up what keeps a cluster from following its peer, once the workload runs there.
func (w *world) diverged(behind plan.Side) string {
	home := w.facts.Home()
	if home != behind.Peer() || w.facts.At(home).Decision != plan.RunHere || w.facts.At(behind).Wish.For == plan.Failover {
		return ""
	}
	return fmt.Sprintf("; if it does not, because workloads that were not meant to ran on %[1]s, as they do after a restore from a backup, set action Failover and failoverCluster to %[2]s: "+
		"the workload stays there, and what only %[1]s has is given up", w.at(behind).cluster, w.at(home).cluster)
}

// explainHome says what to do when nobody but the user can tell where the workload is to run: its wish on gone was deleted.
func (w *world) explainHome(gone plan.Side) string {
	out := fmt.Sprintf("look for the data on both clusters; where it is, it stays if you disable and protect again: kubectl -n %s delete drpc %s", w.drpc.Namespace, w.drpc.Name)
	if peer := w.at(gone.Peer()); peer.wish != nil && peer.wish.DeletionTimestamp == nil {
		out += fmt.Sprintf("; or, if %s has it, set action Failover and failoverCluster to %s", peer.cluster, peer.cluster)
	}
	return out
}

// explainPrimary says what to do when neither cluster has the application's Primary.
func (w *world) explainPrimary(follower *side) words {
	out := words{fact: "PrimaryFound", user: true}
	elsewhere := "if the workload runs on another cluster, delete this DRPlacementControl and create it again with a DRPolicy that lists that cluster"
	if follower == nil {
		out.message = fmt.Sprintf("a cluster that is not in DRPolicy %s reports VolumeReplicationGroup %s as Primary, and neither %s nor %s is Primary: nothing is promoted",
			w.policy.Name, w.group, w.sides[0].cluster, w.sides[1].cluster)
		out.next = elsewhere + fmt.Sprintf("; if what that cluster has can be given up, set action Failover and failoverCluster to %s or %s", w.sides[0].cluster, w.sides[1].cluster)
		return out
	}
	out.message = fmt.Sprintf("cluster %s has a Secondary of VolumeReplicationGroup %s, and cluster %s has nothing: it is not known which cluster has its Primary", follower.cluster, w.group, w.at(w.sideOf(follower.cluster).Peer()).cluster)
	out.next = elsewhere + fmt.Sprintf("; if that Primary is lost, set action Failover and failoverCluster to %s; if the application was never deployed anywhere, "+
		"delete that group, which gives up no volume, on cluster %s: kubectl -n %s delete vrg %s", follower.cluster, follower.cluster, w.group.Namespace, w.group.Name)
	return out
}

func (w *world) explainTarget() words {
	field, value := "spec.preferredCluster", w.drpc.Spec.PreferredCluster
	if w.facts.Ask == plan.Failover {
		field, value = "spec.failoverCluster", w.drpc.Spec.FailoverCluster
	}
	message := field + " is empty"
	if value != "" {
		message = fmt.Sprintf("%s is %q, which is not a cluster of DRPolicy %s", field, value, w.policy.Name)
	}
	return words{fact: "TargetNamed", user: true, message: message,
		next: fmt.Sprintf("set %s to %s or %s", field, w.sides[0].cluster, w.sides[1].cluster)}
}

func lostLink(at *side) string {
	switch at.link.State {
	case exchange.LinkNever:
		return fmt.Sprintf("the mirror of cluster %s has never reported", at.cluster)
	case exchange.LinkConnecting:
		return fmt.Sprintf("the mirror of cluster %s is connecting", at.cluster) + lastHeard(at)
	case exchange.LinkLost:
		return fmt.Sprintf("cluster %s can't be reached", at.cluster) + lastHeard(at)
	case exchange.LinkReplaced:
		return fmt.Sprintf("another cluster, %s, uses the name %s, and its reports are ignored", at.link.Stranger, at.cluster) + lastHeard(at)
	case exchange.LinkLive:
	}
	return fmt.Sprintf("cluster %s is connected", at.cluster)
}

// lastHeard is a moment, never an age: that would make each pass a write.
func lastHeard(at *side) string {
	switch {
	case !at.link.LastRenewal.IsZero():
		return "; last heard of at " + at.link.LastRenewal.UTC().Format(time.RFC3339)
	case at.link.State == exchange.LinkLost:
		return "; it is not known when it was last heard of" // its lease lacks the time
	default:
		return ""
	}
}

func unanswered(at *side) string {
	if at.wish == nil {
		return fmt.Sprintf("nothing has been asked of cluster %s yet", at.cluster)
	}
	c := meta.FindStatusCondition(at.wish.Status.Conditions, v1alpha1.WishApplied)
	if c != nil && c.Status == metav1.ConditionFalse && c.ObservedGeneration == at.wish.Generation {
		return fmt.Sprintf("the mirror of cluster %s can't apply the wish: %s", at.cluster, conditionText(c))
	}
	if claim := unbelievable(at); claim != "" {
		return claim
	}
	if interrupted(at) {
		return fmt.Sprintf("VolumeReplicationGroup %s/%s is being deleted on cluster %s, perhaps with its namespace, and this hub did not ask for it: its volumes stay retained, and their replicas "+
			"and stored metadata stay as they are", at.report.Annotations[exchange.AnnotationNamespace], at.report.Annotations[exchange.AnnotationName], at.cluster)
	}
	if ours(at) && !exchange.CaughtUp(at.report) {
		return fmt.Sprintf("the controller on cluster %s has not looked at the latest wish yet", at.cluster)
	}
	return fmt.Sprintf("cluster %s has not answered the latest wish yet", at.cluster)
}

// interrupted reports whether somebody else than a hub deletes what a side was told to have (X14).
func interrupted(at *side) bool {
	return at.report != nil && at.report.Status.Exchange != nil && at.report.Status.Exchange.SpokeDeleting && at.wish != nil && at.wish.DeletionTimestamp == nil
}

// why is the first of the conditions that is not True, in words.
func why(at *side, kinds ...string) string {
	for _, kind := range kinds {
		if c := exchange.Condition(at.report, kind); c.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s is %s, %s", kind, c.Status, conditionText(&c))
		}
	}
	return fmt.Sprintf("its state is %s", at.report.Status.State)
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
