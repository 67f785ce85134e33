// SPDX-License-Identifier: Apache-2.0

package modes

import (
	"slices"
	"strconv"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Side is one cluster of an application's policy.
type Side struct {
	Cluster string
	Wish    *v1alpha1.VolumeReplicationGroup // nil: none
	Report  *v1alpha1.VolumeReplicationGroup // nil: none
}

// Of is the failover that the user of drpc asks for, and the cluster that it goes to. False: none is asked for, or it is
// not known where to.
func Of(drpc *v1alpha1.DRPlacementControl, sides [2]Side) (f Failover, target string, ok bool) {
	if drpc.Spec.Action != v1alpha1.ActionFailover || drpc.DeletionTimestamp != nil || unconfirmed(drpc, sides) {
		return Failover{}, "", false
	}
	t := destination(drpc.Spec.FailoverCluster, sides)
	if t < 0 || sides[t].Cluster == "" {
		return Failover{}, "", false
	}
	at := sides[t]
	f = Failover{Wish: at.Wish, Report: at.Report}
	f.Decided = slices.ContainsFunc(drpc.Status.Decisions, func(d v1alpha1.ClusterDecision) bool {
		return d.ClusterName == at.Cluster && d.Reason == v1alpha1.DecisionRun
	})
	return f, at.Cluster, true
}

// unconfirmed reports whether the spec was restored from a backup along with the hub, and nobody has touched it since.
func unconfirmed(drpc *v1alpha1.DRPlacementControl, sides [2]Side) bool {
	return slices.ContainsFunc(sides[:], func(s Side) bool {
		return s.Wish != nil && s.Wish.Annotations[exchange.AnnotationRecalled] == strconv.FormatInt(drpc.Generation, 10)
	})
}

// destination is where package plan fails over to: the cluster that is named, else the one that the last failover
// promoted, else the one that is not home. Negative: not known.
func destination(named string, sides [2]Side) int {
	h := home(sides)
	switch {
	case named != "":
		return slices.IndexFunc(sides[:], func(s Side) bool { return s.Cluster == named })
	case h < 0:
		return -1
	case sides[h].Wish.Spec.Action == v1alpha1.VRGActionFailover:
		return h
	default:
		return 1 - h
	}
}

// home is the side that is wished Primary; of two, the one that was promoted later. Negative: none.
func home(sides [2]Side) int {
	var epochs [2]int64
	for i, s := range sides {
		epochs[i] = -1
		if s.Wish != nil && s.Wish.Spec.ReplicationState == v1alpha1.Primary {
			epochs[i], _ = exchange.EpochOf(s.Wish) // one that can't be read counts as none, as everywhere
		}
	}
	switch {
	case epochs[0] > epochs[1]:
		return 0
	case epochs[1] > epochs[0]:
		return 1
	default:
		return -1
	}
}
