// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Accepts finds out what was lost, and what of that the user accepts.
func (w *Snapshot) Accepts() {
	observeLoss(w)
	w.Facts.Accepted = acceptsFailover(w)
	w.SelectionAccepted = w.AcceptsSelection(w.DRPC.UID)
}

// What a cluster had can be gone though its name, or that of the group, is there again (X13). Then nothing that the new one
// lacks is proof of anything.

// Former reports whether the wish was made for an earlier cluster of this name.
func Former(at *Side) bool {
	meant := exchange.MeantFor(at.Wish)
	return meant != "" && at.Identity != "" && meant != at.Identity
}

// observeLoss finds out which side has lost what it had, and whether the user accepts that.
func observeLoss(w *Snapshot) {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		fact := w.Facts.At(s)
		fact.Report.Lost = len(w.Missing(s)) > 0
		successor := w.Successor(s)
		fact.Accepted = successor != "" && said(w, Word(LossReplaced, w.At(s).Cluster, successor))
	}
}

// Successor is what took the place of what a side had; empty: nothing did.
func (w *Snapshot) Successor(s plan.Side) string {
	at, fact := w.At(s), w.Facts.At(s)
	switch {
	case fact.Wish.Replaced:
		return at.Identity
	case fact.Report.Lost && !strings.HasPrefix(w.At(s.Peer()).Wish.Annotations[exchange.AnnotationDestinationsOf], at.Identity+"/"):
		return at.Identity // what reported the volumes was on an earlier cluster
	case fact.Report.Lost:
		return at.Report.Status.Exchange.SpokeUID
	default:
		return ""
	}
}

// Missing are the volumes that the peer of a Primary holds copies of and that the Primary lacks, if it is not the object
// that reported them: nobody has deleted them, as far as is known.
func (w *Snapshot) Missing(s plan.Side) []string {
	at, peer := w.At(s), w.At(s.Peer())
	if !primary(at) || SentAway(at) || at.Partial || peer.Wish == nil || RoleOf(&peer.Wish.Spec) != plan.Secondary || witnessed(peer, at) {
		return nil
	}
	var out []string
	for _, d := range peer.Wish.Spec.VolSync.RDSpec {
		if !Reports(at, d.ProtectedPVC) {
			out = append(out, d.ProtectedPVC.Namespace+"/"+d.ProtectedPVC.Name)
		}
	}
	return out
}

// primary reports whether the group of a side was Primary and restored when it last reported, even for an earlier wish: what
// it lacked then it lacks whatever it is told since.
func primary(at *Side) bool {
	return at.Wish != nil && at.Wish.DeletionTimestamp == nil && RoleOf(&at.Wish.Spec) == plan.Primary && !Former(at) &&
		Ours(at) && exchange.From(at.Identity, at.Report) && !at.Report.Status.Exchange.SpokeDeleting &&
		at.Report.Status.State == v1alpha1.PrimaryState && meta.IsStatusConditionTrue(at.Report.Status.Conditions, v1alpha1.VRGClusterDataReady)
}

// witnessed reports whether the destinations of a side follow the very object that the report of its peer is about.
func witnessed(at, peer *Side) bool {
	return at.Wish != nil && at.Wish.Annotations[exchange.AnnotationDestinationsOf] == Reporter(peer)
}

// Reporter is the object that the report of a side is about: the identity of its cluster, and its UID.
func Reporter(at *Side) string {
	return at.Report.Status.Exchange.ClusterID + "/" + at.Report.Status.Exchange.SpokeUID
}

// Reports reports whether a side reports a volume that VolSync copies.
func Reports(at *Side, pvc v1alpha1.ProtectedPVC) bool {
	return slices.ContainsFunc(at.Report.Status.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool {
		return p.ProtectedByVolSync && CompareVolumes(p, pvc) == 0
	})
}

// Proves reports whether what the Primary at lacks is known to be gone for good.
func (w *Snapshot) Proves(s plan.Side) bool {
	at, peer := w.At(s), w.At(s.Peer())
	return !SentAway(at) && !at.Partial && (witnessed(peer, at) || w.Facts.At(s).Accepted)
}
