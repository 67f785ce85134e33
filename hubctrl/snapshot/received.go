// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// NeverReceived names a volume of a home that VolSync copies and of which the peer has no image yet; empty: there is none.
func NeverReceived(w *Snapshot, home *Side) string {
	return Received(w, home, func(_ *v1alpha1.ProtectedPVC, image *metav1.Time) bool { return image != nil })
}

// Received names the first volume that VolSync copies from home and that is not as it should be, by the time of the image that
// the peer has of it, which is nil if it has none; empty: all are.
func Received(w *Snapshot, home *Side, is func(p *v1alpha1.ProtectedPVC, image *metav1.Time) bool) string {
	peer := w.At(w.SideOf(home.Cluster).Peer())
	for i := range home.Report.Status.ProtectedPVCs {
		p := &home.Report.Status.ProtectedPVCs[i]
		if !p.ProtectedByVolSync {
			continue
		}
		var image *metav1.Time
		if peer.Report != nil {
			if at := slices.IndexFunc(peer.Report.Status.RDInfo, func(d v1alpha1.VolSyncReplicationDestinationInfo) bool {
				return CompareVolumes(d.ProtectedPVC, *p) == 0
			}); at >= 0 {
				image = peer.Report.Status.RDInfo[at].ProtectedPVC.LastSyncTime
			}
		}
		if !is(p, image) {
			return p.Namespace + "/" + p.Name
		}
	}
	return ""
}
