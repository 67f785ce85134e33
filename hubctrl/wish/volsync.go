// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// The two clusters of a VolSync volume hear of each other through the hub alone: what the Primary protects becomes the
// destinations that its peer is wished to have (rdSpec), and where those listen becomes what the Primary is told
// (rsSpec). To take a destination away is to have its copy deleted, so that is done by evidence only.

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

// keySecret is the name of the Secret with the key of the movers that a side is told; empty: none was made yet.
func keySecret(w *snapshot.Snapshot, s plan.Side) string {
	if w.KeySecret != "" {
		return w.KeySecret
	}
	if told := told(w, s); told != nil {
		return told.VolSync.KeySecret
	}
	return ""
}

// Serves reports whether a side is Primary with all its volumes, and was seen to have no destination left.
func Serves(at *snapshot.Side) bool { return standingOf(at) == serving }

func standingOf(at *snapshot.Side) standing {
	switch {
	case at.Wish == nil, at.Wish.DeletionTimestamp != nil, snapshot.Former(at), !exchange.Answers(at.Wish, at.Report):
		return silent
	case at.Wish.Spec.ReplicationState == v1alpha1.Secondary:
		return holding
	case at.Report.Status.State == v1alpha1.PrimaryState && len(at.Wish.Spec.VolSync.RDSpec) == 0 &&
		exchange.Condition(at.Report, v1alpha1.VRGClusterDataReady).Status == metav1.ConditionTrue:
		return serving
	default:
		return silent
	}
}

// volSync is the VolSync part of the wish that wr asks for.
func volSync(w *snapshot.Snapshot, wr plan.Write, settled bool) v1alpha1.VolSyncSpec {
	out := v1alpha1.VolSyncSpec{RDSpec: destinationsFor(w, wr, settled), KeySecret: keySecret(w, wr.Side), Disabled: snapshot.WithoutVolSync(w, w.At(wr.Side).Wish)}
	if w.DRPC.Spec.VolSyncSpec != nil {
		out.MoverConfig = w.DRPC.Spec.VolSyncSpec.MoverConfig
	}
	if w.DRPC.Annotations[snapshot.AnnotationSubmariner] != snapshot.On {
		out.RSSpec = addressesFor(w, wr, settled, out.MoverConfig)
	}
	return out
}

func turnOf(w *snapshot.Snapshot, wr plan.Write, settled bool) turn {
	return turn{
		was: w.Facts.At(wr.Side).Wish.Role, is: wr.Role, promoted: wr.Promote,
		settled: settled, peer: standingOf(w.At(wr.Side.Peer())),
		lost: w.Facts.At(wr.Side).Report.Lost && w.Facts.At(wr.Side).Bereft(),
	}
}

func destinationsFor(w *snapshot.Snapshot, wr plan.Write, settled bool) []v1alpha1.VolSyncReplicationDestinationSpec {
	peer := w.At(wr.Side.Peer())
	switch p, _ := turnOf(w, wr, settled).parts(); p {
	case followed:
		return destinations(w.At(wr.Side).Wish.Spec.VolSync.RDSpec, peer.Report.Status.ProtectedPVCs, w.Proves(wr.Side.Peer()))
	case kept:
		return w.At(wr.Side).Wish.Spec.VolSync.RDSpec
	case dropped:
	}
	return nil
}

func addressesFor(w *snapshot.Snapshot, wr plan.Write, settled bool, movers []v1alpha1.MoverConfig) []v1alpha1.VolSyncReplicationSourceSpec {
	at, peer := w.At(wr.Side), w.At(wr.Side.Peer())
	var out []v1alpha1.VolSyncReplicationSourceSpec
	switch _, p := turnOf(w, wr, settled).parts(); p {
	case followed:
		out = addresses(peer.Report.Status.RDInfo, keySecret(w, wr.Side), movers)
	case kept:
		out = slices.Clone(at.Wish.Spec.VolSync.RSSpec)
	case dropped:
		return nil
	}
	if w.Facts.At(wr.Side.Peer()).Wish.Role != plan.Secondary {
		return out
	}
	// A cluster may tell an address for longer than it is wished to listen there.
	wished := destinationsFor(w, plan.Write{Side: wr.Side.Peer(), Role: plan.Secondary}, settled)
	return slices.DeleteFunc(out, func(s v1alpha1.VolSyncReplicationSourceSpec) bool {
		return !slices.ContainsFunc(wished, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return snapshot.CompareVolumes(d.ProtectedPVC, s.ProtectedPVC) == 0
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
			return snapshot.CompareVolumes(o.ProtectedPVC, d.ProtectedPVC) == 0
		})
		if !known && !proof {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.VolSyncReplicationDestinationSpec) int {
		return snapshot.CompareVolumes(a.ProtectedPVC, b.ProtectedPVC)
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
		return snapshot.CompareVolumes(a.ProtectedPVC, b.ProtectedPVC)
	})
	return out
}

// sendsAway tells the same of the wish that wr asks for. Only a peer that holds copies makes it matter.
func sendsAway(w *snapshot.Snapshot, wr plan.Write, settled bool) bool {
	at := w.At(wr.Side)
	switch {
	case wr.Role != plan.Primary, wr.Promote, !hasCopies(w, wr.Side.Peer()):
		return false
	case wr.Kind == plan.AdoptWish, wr.FinalSync != plan.NoFinalSync:
		return true // a hub that adopts does not know what was told before
	case settled && w.Facts.At(wr.Side).Report.InUse:
		return false
	default:
		return snapshot.SentAway(at)
	}
}

// hasCopies reports whether a side is told, or was when it last reported, to hold copies of VolSync volumes.
func hasCopies(w *snapshot.Snapshot, s plan.Side) bool {
	at := w.At(s)
	return at.Wish != nil && len(at.Wish.Spec.VolSync.RDSpec) > 0 || at.Report != nil && len(at.Report.Spec.VolSync.RDSpec) > 0
}

// witness is whose report the destinations in the wish that wr asks for follow: of the Primary, once it has reported all of
// them, or has proved the rest gone; until then of the object before it. Empty: there are none, or nobody's.
func witness(w *snapshot.Snapshot, wr plan.Write, settled bool) string {
	at, home := w.At(wr.Side), wr.Side.Peer()
	switch p, _ := turnOf(w, wr, settled).parts(); p {
	case followed:
		covered := w.Proves(home) || !slices.ContainsFunc(at.Wish.Spec.VolSync.RDSpec, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return !snapshot.Reports(w.At(home), d.ProtectedPVC)
		})
		switch {
		case len(destinationsFor(w, wr, settled)) == 0:
			return ""
		case covered:
			return snapshot.Reporter(w.At(home))
		}
		return at.Wish.Annotations[exchange.AnnotationDestinationsOf]
	case kept:
		if at.Wish != nil {
			return at.Wish.Annotations[exchange.AnnotationDestinationsOf]
		}
	case dropped:
	}
	return ""
}

// adoptedWitness is the same of a wish that is adopted: its destinations follow the report of a Primary that has all of them. Of one
// that lacks some, an earlier object may have had them.
func adoptedWitness(w *snapshot.Snapshot, s plan.Side) string {
	held, home := w.At(s).Report.Spec.VolSync.RDSpec, w.At(s.Peer())
	lacks := func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
		return !snapshot.Reports(home, d.ProtectedPVC)
	}
	if len(held) == 0 || !home.Believable || !exchange.From(home.Identity, home.Report) || snapshot.RoleOf(&home.Report.Spec) != plan.Primary || slices.ContainsFunc(held, lacks) {
		return ""
	}
	return snapshot.Reporter(home)
}
