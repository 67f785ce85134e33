// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What is told where something of the application may be the only copy of it (I9): the cluster and what lies there, and
// how the user says what they want. None of it advises to delete anything.

// lying is what a cluster says of the application that lies there.
func lying(at *snapshot.Side) string {
	if c := exchange.Condition(at.Report, v1alpha1.VRGNoClusterDataConflict); c.Status == metav1.ConditionFalse {
		return c.Message
	}
	return exchange.Condition(at.Report, v1alpha1.VRGInUse).Message
}

// explainElsewhere says that the workload is on s, although another cluster is, or would become, Primary.
func explainElsewhere(w *snapshot.Snapshot, s plan.Side) Words {
	at, other := w.At(s), w.At(s.Peer())
	out := Words{Fact: factElsewhere, user: true}
	if w.Facts.Home() == s.Peer() {
		out.message = fmt.Sprintf("cluster %s is Primary, but the workload, or volumes of it, are on cluster %s: %s. The deployment tool is told nothing, and nothing is moved",
			other.Cluster, at.Cluster, lying(at))
		out.next = fmt.Sprintf("if the workload belongs on %s, set action Relocate and preferredCluster to %s; if it belongs on %s, set action Relocate and preferredCluster to %s",
			at.Cluster, at.Cluster, other.Cluster, other.Cluster)
		if w.Facts.At(s.Peer()).Report.Volumes {
			out.next = fmt.Sprintf("both clusters have volumes of it: to run what %s has, set action Relocate and preferredCluster to %s; to run what %s has, set action Failover and failoverCluster to %s; what the other one has is kept",
				other.Cluster, other.Cluster, at.Cluster, at.Cluster)
		}
		return out
	}
	out.message = fmt.Sprintf("the workload runs on %s, or volumes of it are there: %s. The spec asks for cluster %s; protection does not begin there, and nothing is moved",
		at.Cluster, lying(at), other.Cluster)
	out.next = fmt.Sprintf("the workload runs on %s: set preferredCluster to it", at.Cluster)
	if w.Facts.Ask == plan.Failover {
		out.next += ", and clear action"
	}
	out.next += fmt.Sprintf(". If it belongs on %s, move what these claims hold there first, or keep them by changing their labels so that spec.pvcSelector does not match them; then %s", other.Cluster, continues)
	return out
}

// explainClaims says that claims on s were never replicated from there.
func explainClaims(w *snapshot.Snapshot, s plan.Side, fact string) Words {
	at := w.At(s)
	out := Words{Fact: fact, user: true, message: fmt.Sprintf("cluster %s has claims that no other cluster has a copy of: %s", at.Cluster, lying(at))}
	out.next = fmt.Sprintf("look at what these claims on %s hold; to keep it, change their labels so that spec.pvcSelector does not match them; then %s", at.Cluster, continues)
	if w.Facts.Ask == plan.Failover && w.Facts.At(s).Decision != plan.Gone {
		out.next += "; to let the workload leave with them, accept the loss: " + acceptFailover(w, w.At(s.Peer()).Cluster)
	}
	return out
}

// explainNothing says that the failover to t found nothing to restore.
func explainNothing(w *snapshot.Snapshot, t plan.Side) Words {
	at, other := w.At(t), w.At(t.Peer())
	known := fmt.Sprintf("and what cluster %s has is not known: this hub has no report of it", other.Cluster)
	if other.Report != nil {
		known = fmt.Sprintf("but cluster %s has volumes by its last report%s: %s", other.Cluster, when(other), bounded.Some(volumesOf(other)))
	}
	out := Words{Fact: factLoss, user: true, message: fmt.Sprintf(
		"cluster %s found nothing to restore, %s. The workload was not sent to %s, and %s is left as it is", at.Cluster, known, at.Cluster, other.Cluster)}
	back := fmt.Sprintf("to go back, set action Failover and failoverCluster to %s", other.Cluster)
	if w.Facts.Ask == plan.Failover {
		out.next = back + fmt.Sprintf("; to run the workload on %s with empty volumes, accept the loss: %s", at.Cluster, acceptFailover(w, at.Cluster))
		return out
	}
	out.next = back + fmt.Sprintf("; to run the workload on %s all the same, set action Failover and failoverCluster to %s", at.Cluster, at.Cluster)
	return out
}

// withoutStored says what to do where the stores have lost, or do not have from a cluster of the application, what is to be
// restored on t.
func withoutStored(w *snapshot.Snapshot, t plan.Side) string {
	cluster := w.At(t).Cluster
	back := fmt.Sprintf("bring back what the message names, and %s; if cluster %s has the volumes, set action Failover and failoverCluster to %s", continues, w.At(t.Peer()).Cluster, w.At(t.Peer()).Cluster)
	if w.Facts.Ask != plan.Failover || survivorOf(w) != t {
		return back + fmt.Sprintf("; to run the workload on %s with what is there all the same, set action Failover and failoverCluster to %s", cluster, cluster)
	}
	return back + fmt.Sprintf("; to run the workload on %s with what is there all the same, which may be nothing, or what somebody else stored, accept it: %s", cluster, acceptFailover(w, cluster))
}

// survivorOf is the side that a failover is to by the spec: the one that it names, else the one that is Primary.
func survivorOf(w *snapshot.Snapshot) plan.Side {
	if w.Facts.Target.Named() {
		return w.Facts.Target
	}
	return w.Facts.Home()
}

// acceptFailover is the command by which the user accepts what the failover to cluster loses.
func acceptFailover(w *snapshot.Snapshot, cluster string) string {
	return w.Accept(snapshot.Word(snapshot.LossFailover, cluster, snapshot.FailoverID(w.DRPC)))
}

// explainPlaces says which volumes of s have no place on the peer yet.
func explainPlaces(w *snapshot.Snapshot, s plan.Side) Words {
	at, peer := w.At(s), w.At(s.Peer())
	return Words{Fact: factPlaces, message: fmt.Sprintf("cluster %s copies volumes that have no destination on cluster %s yet: %s", at.Cluster, peer.Cluster, bounded.Some(w.Unreceived(s))),
		next: fmt.Sprintf("%s when %s receives them; if that takes long, look at condition DataProtected of VolumeReplicationGroup %s there", continues, peer.Cluster, w.Group)}
}

// syncing says what a final synchronization waits for, by the cluster that makes it.
func syncing(at *snapshot.Side) string {
	if c := exchange.Condition(at.Report, v1alpha1.VRGDataProtected); c.Status == metav1.ConditionFalse && c.Message != "" {
		return ": " + c.Message
	}
	return ""
}

// failing says what fails of the protection of an application that runs as it should.
func failing(w *snapshot.Snapshot, next plan.Plan) Words {
	protected := protected(w)
	if !next.Done() || protected.Status != metav1.ConditionFalse || protected.Reason != reasonFailed {
		return Words{}
	}
	return Words{Fact: "Protected", message: protected.Message, next: "fix the problem described in the message; until then a failover may lose what was written since the last synchronization"}
}
