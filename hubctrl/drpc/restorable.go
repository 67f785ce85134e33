// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// A volume that VolSync copies can be brought back to what the peer has received and kept as an image, which is later than
// when its source finished sending. Only the peer knows: it tells when it took the image. Its clock is not the home's: they may
// differ by less than the scheduling interval.

// restorable is the moment that the peer could bring all volumes of a home back to; nil: it could not, or not yet. While the
// peer has not received what was sent last, it is the moment that was true before.
func (w *world) restorable(home *side) *metav1.Time {
	if home.report == nil || home.report.Status.LastGroupSyncTime == nil {
		return nil
	}
	if w.received(home, func(p *v1alpha1.ProtectedPVC, image *metav1.Time) bool {
		return image != nil && !image.Before(p.LastSyncTime)
	}) != "" {
		return w.drpc.Status.LastGroupSyncTime
	}
	return home.report.Status.LastGroupSyncTime
}

// neverReceived names a volume of a home that VolSync copies and of which the peer has no image yet; empty: there is none.
func (w *world) neverReceived(home *side) string {
	return w.received(home, func(_ *v1alpha1.ProtectedPVC, image *metav1.Time) bool { return image != nil })
}

// received names the first volume that VolSync copies from home and that is not as it should be, by the time of the image that
// the peer has of it, which is nil if it has none; empty: all are.
func (w *world) received(home *side, is func(p *v1alpha1.ProtectedPVC, image *metav1.Time) bool) string {
	peer := w.at(w.sideOf(home.cluster).Peer())
	for i := range home.report.Status.ProtectedPVCs {
		p := &home.report.Status.ProtectedPVCs[i]
		if !p.ProtectedByVolSync {
			continue
		}
		var image *metav1.Time
		if peer.report != nil {
			if at := slices.IndexFunc(peer.report.Status.RDInfo, func(d v1alpha1.VolSyncReplicationDestinationInfo) bool {
				return compareVolumes(d.ProtectedPVC, *p) == 0
			}); at >= 0 {
				image = peer.report.Status.RDInfo[at].ProtectedPVC.LastSyncTime
			}
		}
		if !is(p, image) {
			return p.Namespace + "/" + p.Name
		}
	}
	return ""
}
