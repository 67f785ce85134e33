// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// AnnotationSubmariner says that the clusters reach each other through Submariner: no address is told.
	AnnotationSubmariner = v1alpha1.DRPCAnnotationPrefix + "is-submariner-enabled"
	// On is the value of an annotation that turns something on.
	On = "true"
)

// Unreceived names the volumes that a Primary copies and for which no place on the peer was agreed on: the peer is not
// wished to receive them, or the Primary is not told where.
func (w *Snapshot) Unreceived(s plan.Side) []string {
	at, peer := w.At(s), w.At(s.Peer())
	if !w.Facts.At(s).Report.Answered || RoleOf(&at.Wish.Spec) != plan.Primary || peer.Wish == nil || RoleOf(&peer.Wish.Spec) != plan.Secondary {
		return nil
	}
	var out []string
	for i := range at.Report.Status.ProtectedPVCs {
		pvc := &at.Report.Status.ProtectedPVCs[i]
		received := slices.ContainsFunc(peer.Wish.Spec.VolSync.RDSpec, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return CompareVolumes(d.ProtectedPVC, *pvc) == 0
		})
		told := w.DRPC.Annotations[AnnotationSubmariner] == On || slices.ContainsFunc(at.Wish.Spec.VolSync.RSSpec, func(s v1alpha1.VolSyncReplicationSourceSpec) bool {
			return CompareVolumes(s.ProtectedPVC, *pvc) == 0
		})
		if pvc.ProtectedByVolSync && !(received && told) {
			out = append(out, pvc.Namespace+"/"+pvc.Name)
		}
	}
	return out
}

// CompareVolumes orders volumes by namespace and name.
func CompareVolumes(a, b v1alpha1.ProtectedPVC) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// SentAway reports whether the workload was told to leave this Primary and has not been seen there since: volumes that
// left with it and are missing in a report are not known to be gone for good.
func SentAway(at *Side) bool {
	return at.Wish != nil && at.Wish.Annotations[exchange.AnnotationSentAway] == On
}
