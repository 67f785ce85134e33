// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// A volume that VolSync copies can be brought back to what the peer has received and kept as an image, which is later than
// when its source finished sending. Only the peer knows: it tells when it took the image. Its clock is not the home's: they may
// differ by less than the scheduling interval.

// restorable is the moment that the peer could bring all volumes of a home back to; nil: it could not, or not yet. While the
// peer has not received what was sent last, it is the moment that was true before.
func restorable(w *snapshot.Snapshot, home *snapshot.Side) *metav1.Time {
	if home.Report == nil || home.Report.Status.LastGroupSyncTime == nil {
		return nil
	}
	if received(w, home, func(p *v1alpha1.ProtectedPVC, image *metav1.Time) bool {
		return image != nil && !image.Before(p.LastSyncTime)
	}) != "" {
		return w.DRPC.Status.LastGroupSyncTime
	}
	return home.Report.Status.LastGroupSyncTime
}

// neverReceived names a volume of a home that VolSync copies and of which the peer has no image yet; empty: there is none.
func neverReceived(w *snapshot.Snapshot, home *snapshot.Side) string {
	return received(w, home, func(_ *v1alpha1.ProtectedPVC, image *metav1.Time) bool { return image != nil })
}

// received names the first volume that VolSync copies from home and that is not as it should be, by the time of the image that
// the peer has of it, which is nil if it has none; empty: all are.
func received(w *snapshot.Snapshot, home *snapshot.Side, is func(p *v1alpha1.ProtectedPVC, image *metav1.Time) bool) string {
	peer := w.At(w.SideOf(home.Cluster).Peer())
	for i := range home.Report.Status.ProtectedPVCs {
		p := &home.Report.Status.ProtectedPVCs[i]
		if !p.ProtectedByVolSync {
			continue
		}
		var image *metav1.Time
		if peer.Report != nil {
			if at := slices.IndexFunc(peer.Report.Status.RDInfo, func(d v1alpha1.VolSyncReplicationDestinationInfo) bool {
				return snapshot.CompareVolumes(d.ProtectedPVC, *p) == 0
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
