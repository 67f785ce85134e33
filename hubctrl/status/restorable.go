// SPDX-License-Identifier: Apache-2.0

package status

import (
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
	if snapshot.Received(w, home, func(p *v1alpha1.ProtectedPVC, image *metav1.Time) bool {
		return image != nil && !image.Before(p.LastSyncTime)
	}) != "" {
		return w.DRPC.Status.LastGroupSyncTime
	}
	return home.Report.Status.LastGroupSyncTime
}
