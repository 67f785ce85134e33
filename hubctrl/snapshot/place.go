// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// An application has one group for life: the one that its clusters were told of. What its object names (an annotation, a
// policy) says where a group is to be made; once there is one, its wishes say where it is. An object that names another
// place later is refused by name, and what runs is protected as it was: a second group would begin empty, and nobody would
// tend the first.

const reasonInvalidSpec = "InvalidSpec"

// PlaceUnmade is for an application of which this hub wished nothing. It may begin, or adopt what there is, only where its
// object says.
func PlaceUnmade(w *Snapshot, reports []Trace) error {
	if w.PolicyErr != nil && w.Facts.Deleting {
		sit(w, clustersOf(reports)...) // adopted and removed
	}
	for _, t := range reports {
		switch {
		case t.Group != w.Group:
			return RefuseSpec("cluster %s reports VolumeReplicationGroup %s of this application, but the DRPlacementControl names namespace %s: nothing is done, and that group stays as it is. %s; or, %s",
				t.Cluster, t.Group, w.Group.Namespace, naming(w, t.Group.Namespace), w.GivingUp(t.Cluster))
		case !w.SideOf(t.Cluster).Named():
			return RefuseSpec("cluster %s reports VolumeReplicationGroup %s of this application%s, but DRPolicy %s is for other clusters: nothing is done, and that group stays as it is. "+
				"Delete the DRPlacementControl and create it again with a DRPolicy for that cluster; or, %s", t.Cluster, t.Group, t.asPrimary(), w.Policy.Name, w.GivingUp(t.Cluster))
		}
	}
	if w.Facts.Deleting {
		return nil
	}
	return w.PolicyErr
}

// PlaceMade is for an application of which this hub wished something: its wishes say where it is.
func PlaceMade(w *Snapshot, wishes, reports []Trace) error {
	choose(w, wishes)
	if err := place(w, wishes); err != nil {
		return err
	}
	lookElsewhere(w, wishes, reports)
	return nil
}

// choose says which group it is: the one that the object names if it is there, else the one that was promoted last.
func choose(w *Snapshot, wishes []Trace) {
	if slices.ContainsFunc(wishes, func(t Trace) bool { return t.Group == w.Group }) {
		return
	}
	w.Group = slices.MinFunc(wishes, func(a, b Trace) int {
		switch {
		case a.primary && !b.primary:
			return -1
		case b.primary && !a.primary:
			return 1
		default:
			return cmp.Compare(b.epoch, a.epoch)
		}
	}).Group
}

// place says which two clusters have the group, and what is wrong with what the object names.
func place(w *Snapshot, wishes []Trace) error {
	var own, others []Trace
	for _, t := range wishes {
		if t.Group == w.Group {
			own = append(own, t)
		} else {
			others = append(others, t)
		}
	}
	clusters := clustersOf(own)
	outside := slices.DeleteFunc(slices.Clone(clusters), func(c string) bool { return w.SideOf(c).Named() })
	w.More = len(others) > 0 || len(outside) > 0 && len(clusters) > len(w.Sides)
	named, where := exchange.GroupOf(w.DRPC).Namespace, strings.Join(slices.Sorted(slices.Values(clusters)), " and ")
	switch {
	case w.Group.Namespace != named:
		w.Flaw = RefuseSpec("the DRPlacementControl names namespace %s, but the application's VolumeReplicationGroup is %s, on %s: it stays there. %s. To protect namespace %s instead, disable DR first",
			named, w.Group, where, naming(w, w.Group.Namespace), named)
	case len(others) > 0:
		w.Flaw = RefuseSpec("there are wishes of another VolumeReplicationGroup of this application, which nothing keeps up to date: %s. They are removed when DR is disabled", joined(others))
	}
	switch {
	case len(outside) == 0 && w.PolicyErr == nil:
		return nil
	case w.Facts.Deleting:
		sit(w, clusters...)
		return nil
	case w.PolicyErr != nil:
		w.Flaw = w.PolicyErr
	default:
		w.Flaw = RefuseSpec("DRPolicy %s is for %s, but the application's VolumeReplicationGroup %s lies on %s: it stays there. "+
			"Delete the DRPlacementControl, which disables DR, and create it again with the other DRPolicy; or create it again with a DRPolicy for the clusters where the group lies",
			w.Policy.Name, strings.Join(w.Policy.Spec.DRClusters, " and "), w.Group, where)
	}
	if len(clusters) != len(w.Sides) {
		return w.Flaw
	}
	sit(w, clusters...)
	return nil
}

// lookElsewhere looks for what clusters report of the application where this hub wished nothing.
func lookElsewhere(w *Snapshot, wishes, reports []Trace) {
	for _, t := range reports {
		if t.Group == w.Group && w.SideOf(t.Cluster).Named() ||
			slices.ContainsFunc(wishes, func(o Trace) bool { return o.Cluster == t.Cluster && o.Group == t.Group }) {
			continue
		}
		w.Facts.Elsewhere = w.Facts.Elsewhere || t.primary && t.Group == w.Group
		if w.Flaw == nil {
			w.Flaw = RefuseSpec("cluster %s reports VolumeReplicationGroup %s of this application%s too, where nothing is wished: nothing keeps it up to date. "+
				"Look there for data that is needed; then, %s", t.Cluster, t.Group, t.asPrimary(), w.GivingUp(t.Cluster))
		}
	}
}

// sit says that the group is on these clusters, whatever the policy lists. What depends on the policy stays as it is wished.
func sit(w *Snapshot, clusters ...string) {
	if len(clusters) <= len(w.Sides) {
		slices.Sort(clusters) // the same at each look
	}
	w.Sides, w.Profiles, w.Complete, w.Displaced = [2]Side{}, nil, false, true
	for i := range min(len(clusters), len(w.Sides)) {
		w.Sides[i].Cluster = clusters[i]
	}
}

// naming says how to have the object name a namespace.
func naming(w *Snapshot, namespace string) string {
	if namespace == w.DRPC.Namespace {
		return fmt.Sprintf("Take annotation %s off", v1alpha1.AnnotationAppNamespace)
	}
	return fmt.Sprintf("Set annotation %s to %s", v1alpha1.AnnotationAppNamespace, namespace)
}

// GivingUp says how to give up what a cluster has. Clusters that were given up before stay so.
func (w *Snapshot) GivingUp(cluster string) string {
	return fmt.Sprintf("to give up what cluster %s has: kubectl -n %s annotate --overwrite drpc %s %s=%s", cluster,
		w.DRPC.Namespace, w.DRPC.Name, v1alpha1.AnnotationAbandonCluster, strings.Join(append(abandoned(w.DRPC), cluster), ","))
}

// RefuseSpec is the refusal of a spec.
func RefuseSpec(format string, args ...any) error {
	return &outcome.Refused{Reason: reasonInvalidSpec, Err: fmt.Errorf(format, args...)}
}
