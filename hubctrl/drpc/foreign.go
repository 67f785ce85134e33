// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What is in the way of an application and was not made for it, in words. What another hub or another application has there
// may be the only copy of its data: nobody is told to delete it.

func (w *world) explainForeign(at *side) words {
	out := words{fact: "ForeignObject", user: true}
	owner, origin := "", ""
	if at.report != nil {
		owner = at.report.Annotations[exchange.AnnotationDRPC]
		if at.report.Status.Exchange != nil {
			origin = at.report.Status.Exchange.Origin
		}
	}
	what := fmt.Sprintf("VolumeReplicationGroup %s on cluster %s", w.group, at.cluster)
	switch {
	case at.wish == nil && owner != "":
		out.message = fmt.Sprintf("%s was made for DRPlacementControl %s, not for this one: it is left alone", what, owner)
		out.next = fmt.Sprintf("if this is the same application, take it over: kubectl -n %s annotate drpc %s %s=%s; else rename this DRPlacementControl",
			w.drpc.Namespace, w.drpc.Name, v1alpha1.AnnotationAdoptFrom, owner)
	case at.wish == nil:
		out.message = what + " is not this hub's: no hub made it"
		out.next = fmt.Sprintf("if it is not needed, remove it: kubectl --context %s -n %s delete vrg %s", at.cluster, w.group.Namespace, w.group.Name)
	case origin != "" && origin != at.wish.Annotations[exchange.AnnotationOrigin]:
		out.message = fmt.Sprintf("%s belongs to another hub, %s: the mirror can't apply the wish: %s", what, origin, conditionText(applied(at)))
		out.next = fmt.Sprintf("protect the application by one hub only: disable DR on the other one, or here: kubectl -n %s delete drpc %s, which leaves the object on cluster %s as it is",
			w.drpc.Namespace, w.drpc.Name, at.cluster)
	default:
		out.message = fmt.Sprintf("%s is not this hub's: the mirror can't apply the wish: %s", what, conditionText(applied(at)))
		out.next = fmt.Sprintf("find out who made it; if it is not needed, remove it: kubectl --context %s -n %s delete vrg %s", at.cluster, w.group.Namespace, w.group.Name)
	}
	return out
}

func applied(at *side) *metav1.Condition {
	return meta.FindStatusCondition(at.wish.Status.Conditions, v1alpha1.WishApplied)
}

// left says that an earlier protection left a tombstone behind.
func (w *world) left(at *side) string {
	return fmt.Sprintf("DR was disabled earlier without cluster %s, which was given up: VolumeReplicationGroup %s must still be removed there (%s/%s)",
		at.cluster, w.group, at.wish.Namespace, at.wish.Name)
}

// beginning says how to begin on one cluster while the other one is lost.
func (w *world) beginning(on plan.Side) string {
	if !on.Named() || w.facts.Ask == plan.Failover || w.facts.At(on).Wish.Role != plan.NoRole {
		return ""
	}
	return fmt.Sprintf("; to protect the application on %s now, set action Failover and failoverCluster to %[1]s", w.at(on).cluster)
}
