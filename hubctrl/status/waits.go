// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// explainEnded says that DR was disabled since the backup that the hub comes from.
func explainEnded(w *snapshot.Snapshot) Words {
	var ended []string
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.Facts.At(s).Wish.Ended {
			ended = append(ended, w.At(s).Cluster)
		}
	}
	return Words{Fact: "ProtectionEnded", user: true,
		message: fmt.Sprintf("the hub was restored from a backup, and DR was disabled for this application since: VolumeReplicationGroup %s was removed from %s, and nothing is made again there. The application is not protected",
			w.Group, strings.Join(ended, " and ")),
		next: fmt.Sprintf("to leave it unprotected: kubectl -n %s delete drpc %s; to protect it again, delete the DRPlacementControl too, and create it again", w.DRPC.Namespace, w.DRPC.Name)}
}

// explainStale says that the spec is that of a backup; unheard is the cluster that has to be heard to know where the workload is.
func explainStale(w *snapshot.Snapshot, unheard plan.Side) Words {
	is := Words{Fact: "SpecConfirmed", user: true, next: "check spec.action and the clusters in the spec, and set them to what you want; any change of the spec confirms it"}
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
func explainFlaw(w *snapshot.Snapshot) Words {
	var refused *outcome.Refused
	if !errors.As(w.Flaw, &refused) {
		return Words{}
	}
	return Words{Fact: refused.Reason, user: true, message: refused.Error(), next: "fix the problem described in the message; until then the application is protected as before"}
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
func explainPrimary(w *snapshot.Snapshot, follower *snapshot.Side) Words {
	out := Words{Fact: "PrimaryFound", user: true}
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

func explainTarget(w *snapshot.Snapshot) Words {
	field, value := "spec.preferredCluster", w.DRPC.Spec.PreferredCluster
	if w.Facts.Ask == plan.Failover {
		field, value = "spec.failoverCluster", w.DRPC.Spec.FailoverCluster
	}
	message := field + " is empty"
	if value != "" {
		message = fmt.Sprintf("%s is %q, which is not a cluster of DRPolicy %s", field, value, w.Policy.Name)
	}
	return Words{Fact: "TargetNamed", user: true, message: message,
		next: fmt.Sprintf("set %s to %s or %s", field, w.Sides[0].Cluster, w.Sides[1].Cluster)}
}
