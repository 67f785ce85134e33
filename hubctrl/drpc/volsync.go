// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// The two clusters of a VolSync volume hear of each other through the hub alone: what the Primary protects becomes the
// destinations that its peer is wished to have (rdSpec), and where those listen becomes what the Primary is told
// (rsSpec). To take a destination away is to have its copy deleted, so that is done by evidence only.

const (
	annotationSubmariner = v1alpha1.DRPCAnnotationPrefix + "is-submariner-enabled"
	on                   = "true"
)

// part is where a part of a wish comes from.
type part uint8

const (
	dropped  part = iota // it is left out
	kept                 // it stays as the wish has it
	followed             // it comes from what the peer answered
)

// standing is what a cluster has answered to its wish as that is now.
type standing uint8

const (
	silent  standing = iota // nothing, or nothing of the following
	holding                 // it is told Secondary
	serving                 // it is Primary with all its volumes, and was seen to have no destination left
)

// turn is an occasion on which a wish is written.
type turn struct {
	was, is  plan.Role // until now and from now on
	promoted bool
	settled  bool // roles are, so that content may follow reports
	lost     bool // it lacks volumes, and nothing proves that they are gone: nothing that it has may replace their copies
	peer     standing
}

// parts tells who has what in each phase of each operation. A Primary has no destinations from the very wish that
// promotes it: once it answered that, it is seen to have none. A side that is demoted starts with nothing, and gets its
// destinations when the new Primary serves. During a move everything stays: the volumes leave the source's report
// together with the workload, and the copies of the target are all that matters then.
func (t turn) parts() (destinations, addresses part) {
	switch {
	case t.is == plan.Secondary && t.was != plan.Secondary, t.is == plan.Primary && t.promoted:
		return dropped, dropped
	case t.is == plan.Secondary && t.settled && t.peer == serving:
		return followed, dropped
	case t.is == plan.Secondary:
		return kept, dropped
	case t.lost:
		return dropped, dropped
	case t.settled && t.peer == holding:
		return dropped, followed
	default:
		return dropped, kept
	}
}

func standingOf(at *side) standing {
	switch {
	case at.wish == nil, at.wish.DeletionTimestamp != nil, former(at), !exchange.Answers(at.wish, at.report):
		return silent
	case at.wish.Spec.ReplicationState == v1alpha1.Secondary:
		return holding
	case at.report.Status.State == v1alpha1.PrimaryState && len(at.wish.Spec.VolSync.RDSpec) == 0 &&
		exchange.Condition(at.report, v1alpha1.VRGClusterDataReady).Status == metav1.ConditionTrue:
		return serving
	default:
		return silent
	}
}

// volSync is the VolSync part of the wish that wr asks for.
func (w *world) volSync(wr plan.Write, settled bool) v1alpha1.VolSyncSpec {
	out := v1alpha1.VolSyncSpec{RDSpec: w.destinations(wr, settled), Disabled: w.withoutVolSync(w.at(wr.Side).wish)}
	if w.drpc.Spec.VolSyncSpec != nil {
		out.MoverConfig = w.drpc.Spec.VolSyncSpec.MoverConfig
	}
	if w.drpc.Annotations[annotationSubmariner] != on {
		out.RSSpec = w.addresses(wr, settled, out.MoverConfig)
	}
	return out
}

func (w *world) turn(wr plan.Write, settled bool) turn {
	return turn{
		was: w.facts.At(wr.Side).Wish.Role, is: wr.Role, promoted: wr.Promote,
		settled: settled, peer: standingOf(w.at(wr.Side.Peer())),
		lost: w.facts.At(wr.Side).Report.Lost && w.facts.At(wr.Side).Bereft(),
	}
}

func (w *world) destinations(wr plan.Write, settled bool) []v1alpha1.VolSyncReplicationDestinationSpec {
	peer := w.at(wr.Side.Peer())
	switch p, _ := w.turn(wr, settled).parts(); p {
	case followed:
		return destinations(w.at(wr.Side).wish.Spec.VolSync.RDSpec, peer.report.Status.ProtectedPVCs, w.proves(wr.Side.Peer()))
	case kept:
		return w.at(wr.Side).wish.Spec.VolSync.RDSpec
	case dropped:
	}
	return nil
}

func (w *world) addresses(wr plan.Write, settled bool, movers []v1alpha1.MoverConfig) []v1alpha1.VolSyncReplicationSourceSpec {
	at, peer := w.at(wr.Side), w.at(wr.Side.Peer())
	var out []v1alpha1.VolSyncReplicationSourceSpec
	switch _, p := w.turn(wr, settled).parts(); p {
	case followed:
		out = addresses(peer.report.Status.RDInfo, w.drpc.Name+keySuffix, movers)
	case kept:
		out = slices.Clone(at.wish.Spec.VolSync.RSSpec)
	case dropped:
		return nil
	}
	if w.facts.At(wr.Side.Peer()).Wish.Role != plan.Secondary {
		return out
	}
	// A cluster may tell an address for longer than it is wished to listen there.
	wished := w.destinations(plan.Write{Side: wr.Side.Peer(), Role: plan.Secondary}, settled)
	return slices.DeleteFunc(out, func(s v1alpha1.VolSyncReplicationSourceSpec) bool {
		return !slices.ContainsFunc(wished, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return compareVolumes(d.ProtectedPVC, s.ProtectedPVC) == 0
		})
	})
}

// destinations are those for the volumes that a Primary reports, sorted; and those of before that it does not report,
// unless that proves that they are gone.
func destinations(before []v1alpha1.VolSyncReplicationDestinationSpec, reported []v1alpha1.ProtectedPVC, proof bool) []v1alpha1.VolSyncReplicationDestinationSpec {
	var out []v1alpha1.VolSyncReplicationDestinationSpec
	for i := range reported {
		if !reported[i].ProtectedByVolSync {
			continue
		}
		pvc := *reported[i].DeepCopy()
		// The state of the volume is no part of what it is, and would change the wish with each synchronization.
		pvc.Conditions, pvc.LastSyncTime, pvc.LastSyncDuration, pvc.LastSyncBytes = nil, nil, nil, nil
		out = append(out, v1alpha1.VolSyncReplicationDestinationSpec{ProtectedPVC: pvc})
	}
	for _, d := range before {
		known := slices.ContainsFunc(out, func(o v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return compareVolumes(o.ProtectedPVC, d.ProtectedPVC) == 0
		})
		if !known && !proof {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.VolSyncReplicationDestinationSpec) int {
		return compareVolumes(a.ProtectedPVC, b.ProtectedPVC)
	})
	return out
}

// addresses are what a Primary is told about the destinations that listen, sorted. A volume is named, not described: the
// Primary has it, and a change of a label need not come back as another wish.
func addresses(infos []v1alpha1.VolSyncReplicationDestinationInfo, key string, movers []v1alpha1.MoverConfig) []v1alpha1.VolSyncReplicationSourceSpec {
	var out []v1alpha1.VolSyncReplicationSourceSpec
	for _, info := range infos {
		if info.RsyncTLS == nil || info.RsyncTLS.Address == "" {
			continue
		}
		pvc := v1alpha1.ProtectedPVC{Namespace: info.ProtectedPVC.Namespace, Name: info.ProtectedPVC.Name, ProtectedByVolSync: true}
		s := v1alpha1.VolSyncReplicationSourceSpec{ProtectedPVC: pvc, RsyncTLS: &v1alpha1.RsyncTLSConfig{Address: info.RsyncTLS.Address}}
		s.RsyncTLS.TLSSecretRef.Name = key
		for i := range movers {
			if movers[i].PVCNamespace == pvc.Namespace && movers[i].PVCName == pvc.Name {
				s.MoverConfig = movers[i].DeepCopy()
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b v1alpha1.VolSyncReplicationSourceSpec) int {
		return compareVolumes(a.ProtectedPVC, b.ProtectedPVC)
	})
	return out
}

func compareVolumes(a, b v1alpha1.ProtectedPVC) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// sentAway reports whether the workload was told to leave this Primary and has not been seen there since: volumes that
// left with it and are missing in a report are not known to be gone for good.
func sentAway(at *side) bool {
	return at.wish != nil && at.wish.Annotations[exchange.AnnotationSentAway] == on
}

// sendsAway tells the same of the wish that wr asks for. Only a peer that holds copies makes it matter.
func (w *world) sendsAway(wr plan.Write, settled bool) bool {
	at := w.at(wr.Side)
	switch {
	case wr.Role != plan.Primary, wr.Promote, !w.hasCopies(wr.Side.Peer()):
		return false
	case wr.Kind == plan.AdoptWish, wr.FinalSync != plan.NoFinalSync:
		return true // a hub that adopts does not know what was told before
	case settled && w.facts.At(wr.Side).Report.InUse:
		return false
	default:
		return sentAway(at)
	}
}

// hasCopies reports whether a side is told, or was when it last reported, to hold copies of VolSync volumes.
func (w *world) hasCopies(s plan.Side) bool {
	at := w.at(s)
	return at.wish != nil && len(at.wish.Spec.VolSync.RDSpec) > 0 || at.report != nil && len(at.report.Spec.VolSync.RDSpec) > 0
}
