// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What is in the way of an application and was not made for it, in words. What another hub or another application has there
// may be the only copy of its data: nobody is told to delete it.

// explainForeign says what is in the way at a cluster, and how to take it over or to leave it alone.
func explainForeign(w *snapshot.Snapshot, at *snapshot.Side) Words {
	out := Words{Fact: "ForeignObject", user: true}
	owner, origin := "", ""
	if at.Report != nil {
		owner = at.Report.Annotations[exchange.AnnotationDRPC]
		if at.Report.Status.Exchange != nil {
			origin = at.Report.Status.Exchange.Origin
		}
	}
	what := fmt.Sprintf("VolumeReplicationGroup %s on cluster %s", w.Group, at.Cluster)
	switch {
	case at.Wish == nil && owner != "":
		out.message = fmt.Sprintf("%s was made for DRPlacementControl %s, not for this one: it is left alone", what, owner)
		out.next = fmt.Sprintf("if this is the same application, take it over: kubectl -n %s annotate drpc %s %s=%s; else rename this DRPlacementControl",
			w.DRPC.Namespace, w.DRPC.Name, v1alpha1.AnnotationAdoptFrom, owner)
	case at.Wish == nil:
		out.message = what + " is not this hub's: no hub made it"
		out.next = fmt.Sprintf("if it is not needed, remove it: kubectl --context %s -n %s delete vrg %s", at.Cluster, w.Group.Namespace, w.Group.Name)
	case origin != "" && origin != at.Wish.Annotations[exchange.AnnotationOrigin]:
		out.message = fmt.Sprintf("%s belongs to another hub, %s: the mirror can't apply the wish: %s", what, origin, conditionText(applied(at)))
		out.next = fmt.Sprintf("protect the application by one hub only: disable DR on the other one, or here: kubectl -n %s delete drpc %s, which leaves the object on cluster %s as it is",
			w.DRPC.Namespace, w.DRPC.Name, at.Cluster)
	default:
		out.message = fmt.Sprintf("%s is not this hub's: the mirror can't apply the wish: %s", what, conditionText(applied(at)))
		out.next = fmt.Sprintf("find out who made it; if it is not needed, remove it: kubectl --context %s -n %s delete vrg %s", at.Cluster, w.Group.Namespace, w.Group.Name)
	}
	return out
}

func applied(at *snapshot.Side) *metav1.Condition {
	return meta.FindStatusCondition(at.Wish.Status.Conditions, v1alpha1.WishApplied)
}

// left says that an earlier protection left a tombstone behind.
func left(w *snapshot.Snapshot, at *snapshot.Side) string {
	return fmt.Sprintf("DR was disabled earlier without cluster %s, which was given up: VolumeReplicationGroup %s must still be removed there (%s/%s)",
		at.Cluster, w.Group, at.Wish.Namespace, at.Wish.Name)
}

// beginning says how to begin on one cluster while the other one is lost.
func beginning(w *snapshot.Snapshot, on plan.Side) string {
	if !on.Named() || w.Facts.Ask == plan.Failover || w.Facts.At(on).Wish.Role != plan.NoRole {
		return ""
	}
	return fmt.Sprintf("; to protect the application on %s now, set action Failover and failoverCluster to %[1]s", w.At(on).Cluster)
}
