// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Trace is an object of the exchange that tells of the application: a wish, or a report of what a hub made for it.
type Trace struct {
	Cluster string
	Group   types.NamespacedName
	wish    bool
	uid     types.UID // of the wish, also of the one that a report is about
	former  bool      // a tombstone that an earlier DRPlacementControl of this name left behind
	primary bool      // is to be, or is, Primary
	epoch   int64
}

func (t Trace) String() string {
	box := exchange.Inbox(t.Cluster)
	if t.wish {
		box = exchange.Outbox(t.Cluster)
	}
	return box + "/" + exchange.ObjectName(t.Group.Namespace, t.Group.Name)
}

// TracesOf reads what the wishes and reports of the application tell, on whatever cluster.
func TracesOf(groups []v1alpha1.VolumeReplicationGroup, drpc *v1alpha1.DRPlacementControl) []Trace {
	var out []Trace
	for i := range groups {
		if t, ok := traceOf(&groups[i], drpc); ok {
			out = append(out, t)
		}
	}
	// What is left of an earlier protection is nobody's group: its cluster was given up.
	left := map[types.UID]bool{}
	for _, t := range out {
		if t.former {
			left[t.uid] = true
		}
	}
	out = slices.DeleteFunc(out, func(t Trace) bool { return left[t.uid] })
	slices.SortFunc(out, func(a, b Trace) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// Telling are the traces that say where the application's group is: wishes, and reports of clusters that were not given up.
func Telling(traces []Trace, drpc *v1alpha1.DRPlacementControl) (wishes, reports []Trace) {
	for _, t := range traces {
		switch {
		case t.former:
		case t.wish:
			wishes = append(wishes, t)
		case !slices.Contains(abandoned(drpc), t.Cluster):
			reports = append(reports, t)
		}
	}
	return wishes, reports
}

// traceOf reads a wish or report. A report of an object that no hub made is no trace.
func traceOf(o *v1alpha1.VolumeReplicationGroup, drpc *v1alpha1.DRPlacementControl) (Trace, bool) {
	cluster, ok := exchange.ClusterOf(o.Namespace)
	group, err := exchange.Target(o)
	if !ok || err != nil {
		return Trace{}, false
	}
	t := Trace{Cluster: cluster, Group: group, wish: o.Namespace == exchange.Outbox(cluster), uid: o.UID, primary: o.Spec.ReplicationState == v1alpha1.Primary}
	if t.wish {
		t.former = o.DeletionTimestamp != nil && o.Annotations[v1alpha1.AnnotationDRPCUID] != string(drpc.UID)
		t.epoch = EpochOf(o)
		return t, true
	}
	if o.Status.Exchange == nil || o.Status.Exchange.WishUID == "" {
		return Trace{}, false
	}
	t.uid, t.epoch = types.UID(o.Status.Exchange.WishUID), o.Status.Exchange.Epoch
	t.primary = t.primary || o.Status.State == v1alpha1.PrimaryState
	return t, true
}

func (t Trace) asPrimary() string {
	if t.primary {
		return " as Primary"
	}
	return ""
}

// clustersOf are the clusters of traces, those without a Primary first: so are they removed.
func clustersOf(traces []Trace) []string {
	var out []string
	for _, primary := range []bool{false, true} {
		for _, t := range traces {
			if t.primary == primary && !slices.Contains(out, t.Cluster) {
				out = append(out, t.Cluster)
			}
		}
	}
	return out
}

func joined(traces []Trace) string {
	var out []string
	for _, t := range traces {
		out = append(out, t.String())
	}
	return strings.Join(out, ", ")
}
