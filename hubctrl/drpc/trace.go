// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// trace is an object of the exchange that tells of the application: a wish, or a report of what a hub made for it.
type trace struct {
	cluster string
	group   client.ObjectKey
	wish    bool
	uid     types.UID // of the wish, also of the one that a report is about
	former  bool      // a tombstone that an earlier DRPlacementControl of this name left behind
	primary bool      // is to be, or is, Primary
	epoch   int64
}

func (t trace) String() string {
	box := exchange.Inbox(t.cluster)
	if t.wish {
		box = exchange.Outbox(t.cluster)
	}
	return box + "/" + exchange.ObjectName(t.group.Namespace, t.group.Name)
}

// tracesOf reads what the wishes and reports of the application tell, on whatever cluster.
func tracesOf(groups []v1alpha1.VolumeReplicationGroup, drpc *v1alpha1.DRPlacementControl) []trace {
	var out []trace
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
	out = slices.DeleteFunc(out, func(t trace) bool { return left[t.uid] })
	slices.SortFunc(out, func(a, b trace) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// telling are the traces that say where the application's group is: wishes, and reports of clusters that were not given up.
func telling(traces []trace, drpc *v1alpha1.DRPlacementControl) (wishes, reports []trace) {
	for _, t := range traces {
		switch {
		case t.former:
		case t.wish:
			wishes = append(wishes, t)
		case !slices.Contains(abandoned(drpc), t.cluster):
			reports = append(reports, t)
		}
	}
	return wishes, reports
}

// traceOf reads a wish or report. A report of an object that no hub made is no trace.
func traceOf(o *v1alpha1.VolumeReplicationGroup, drpc *v1alpha1.DRPlacementControl) (trace, bool) {
	cluster, ok := exchange.ClusterOf(o.Namespace)
	group, err := exchange.Target(o)
	if !ok || err != nil {
		return trace{}, false
	}
	t := trace{cluster: cluster, group: group, wish: o.Namespace == exchange.Outbox(cluster), uid: o.UID, primary: o.Spec.ReplicationState == v1alpha1.Primary}
	if t.wish {
		t.former = o.DeletionTimestamp != nil && o.Annotations[v1alpha1.AnnotationDRPCUID] != string(drpc.UID)
		t.epoch = epochOf(o)
		return t, true
	}
	if o.Status.Exchange == nil || o.Status.Exchange.WishUID == "" {
		return trace{}, false
	}
	t.uid, t.epoch = types.UID(o.Status.Exchange.WishUID), o.Status.Exchange.Epoch
	t.primary = t.primary || o.Status.State == v1alpha1.PrimaryState
	return t, true
}

func (t trace) asPrimary() string {
	if t.primary {
		return " as Primary"
	}
	return ""
}

// clustersOf are the clusters of traces, those without a Primary first: so are they removed.
func clustersOf(traces []trace) []string {
	var out []string
	for _, primary := range []bool{false, true} {
		for _, t := range traces {
			if t.primary == primary && !slices.Contains(out, t.cluster) {
				out = append(out, t.cluster)
			}
		}
	}
	return out
}

func joined(traces []trace) string {
	var out []string
	for _, t := range traces {
		out = append(out, t.String())
	}
	return strings.Join(out, ", ")
}
