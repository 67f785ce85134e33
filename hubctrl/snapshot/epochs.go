// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// memory tells whether the cluster obeys a later wish than the hub's: one of a higher epoch, or of a higher generation in
// the same epoch (X9). The hub was restored from a backup then.
func memory(at *Side) plan.Memory {
	if at.Wish == nil || at.Wish.DeletionTimestamp != nil || at.Report.Status.Exchange.SpokeDeleting || !at.Believable {
		return plan.Remembered
	}
	obeyed, epoch := at.Report.Status.Exchange, EpochOf(at.Wish)
	switch {
	case !Ours(at) && at.Wish.Annotations[exchange.AnnotationAdoptUID] == obeyed.SpokeUID && obeyed.Epoch > epoch:
		return plan.Forgotten // it was adopted by a report that was false or old, and the mirror refuses it (X9)
	case !Ours(at):
		return plan.Remembered
	case obeyed.Epoch > epoch:
		return plan.Forgotten
	case obeyed.Epoch < epoch || obeyed.WishGeneration <= at.Wish.Generation:
		return plan.Remembered
	case equality.Semantic.DeepEqual(at.Wish.Spec, at.Report.Spec) && Serves(at.Wish) == Serves(at.Report):
		return plan.Recalled
	default:
		return plan.Forgotten
	}
}

// rankEpochs folds the epochs of the two wishes into their order.
func rankEpochs(w *Snapshot) {
	first, second := EpochOf(w.Sides[0].Wish), EpochOf(w.Sides[1].Wish)
	a, b := &w.Facts.At(plan.First).Wish.Epoch, &w.Facts.At(plan.Second).Wish.Epoch
	switch {
	case first > second:
		*a, *b = 2, 1
	case second > first:
		*a, *b = 1, 2
	default:
		*a, *b = 1, 1
	}
}

// EpochOf is the epoch of a wish; an unreadable one counts as none: the mirror refuses it with a message.
func EpochOf(wish *v1alpha1.VolumeReplicationGroup) int64 {
	if wish == nil {
		return 0
	}
	epoch, err := exchange.EpochOf(wish)
	if err != nil {
		return 0
	}
	return epoch
}

// wishedEpoch is the highest epoch that the hub wished.
func wishedEpoch(w *Snapshot) int64 { return max(EpochOf(w.Sides[0].Wish), EpochOf(w.Sides[1].Wish)) }

// LastEpoch is the highest epoch that the hub wished, or that a cluster can have been told by a hub before it.
func (w *Snapshot) LastEpoch() int64 {
	last := wishedEpoch(w)
	for i := range w.Sides {
		if w.Sides[i].Believable {
			last = max(last, w.Sides[i].Report.Status.Exchange.Epoch)
		}
	}
	return last
}

// Serves reports whether a wish, or the copy that is reported, tells a Secondary that its peer has taken over.
func Serves(group *v1alpha1.VolumeReplicationGroup) bool {
	return group.Annotations[v1alpha1.AnnotationPeerServes] == On
}
