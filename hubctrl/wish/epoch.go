// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// NextEpoch is the epoch of a wish that is written now: a promotion exceeds all that is known, a Primary that stays one
// keeps its epoch, and a Secondary has the last one, so that it never resumes an older role (I5).
func NextEpoch(w *snapshot.Snapshot, wr plan.Write) int64 {
	switch {
	case wr.Promote && first(w, wr.Side):
		return w.LastEpoch()
	case wr.Promote:
		return exchange.NextEpoch(w.LastEpoch())
	case wr.Role == plan.Primary:
		return snapshot.EpochOf(w.At(wr.Side).Wish)
	default:
		return max(w.LastEpoch(), 1)
	}
}

// first reports whether a promotion of s is the first one of all: there is nothing but the peer's wish, which this hub made
// before the Primary's. Its epoch, the first one, is no Primary's.
func first(w *snapshot.Snapshot, s plan.Side) bool {
	at, peer := w.At(s), w.At(s.Peer())
	return w.Facts.At(s).Decision == plan.Untold && at.Wish == nil && at.Report == nil && peer.Wish != nil && snapshot.RoleOf(&peer.Wish.Spec) == plan.Secondary &&
		peer.Wish.Annotations[exchange.AnnotationAdoptUID] == "" && w.LastEpoch() == 1
}
