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

// selecting is a selector that selects all as nil, whichever way it is written: a policy that is applied again with {} in
// place of nothing must not change the wishes.
func selecting(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil || len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		return nil
	}
	return s
}

// PeerClasses are the classes that the application was first protected with, and those that the policy gained since: the
// technique of a protected volume never changes under it, but ids follow the policy, and so does a class of which no
// volume is protected.
func PeerClasses(w *snapshot.Snapshot, s plan.Side, settled bool) []v1alpha1.PeerClass {
	var out []v1alpha1.PeerClass
	if told := told(w, s); told != nil && told.Async != nil {
		out = slices.Clone(told.Async.PeerClasses)
	}
	for _, c := range w.Policy.Status.Async.PeerClasses {
		i := slices.IndexFunc(out, func(o v1alpha1.PeerClass) bool { return o.StorageClassName == c.StorageClassName })
		switch {
		case i < 0:
			out = append(out, c)
		case sameTechnique(&out[i], &c) || settled && unprotectedClass(w, c.StorageClassName):
			out[i] = c
		}
	}
	return out
}

// sameTechnique reports whether two entries of one StorageClass replicate its volumes in the same way: they differ in ids
// at most.
func sameTechnique(a, b *v1alpha1.PeerClass) bool {
	return a.Offloaded == b.Offloaded && a.Global == b.Global && a.Grouping == b.Grouping &&
		(a.ReplicationID == "") == (b.ReplicationID == "") && (a.GroupReplicationID == "") == (b.GroupReplicationID == "")
}

// unprotectedClass reports whether it is certain that no volume of a StorageClass is protected: both clusters answered, and
// neither has one, nor a copy of one. A workload that was sent away takes its volumes out of the report.
func unprotectedClass(w *snapshot.Snapshot, class string) bool {
	for i := range w.Sides {
		at := &w.Sides[i]
		if at.Link.State != exchange.LinkLive || !exchange.Answers(at.Wish, at.Report) || snapshot.SentAway(at) {
			return false
		}
		if slices.ContainsFunc(at.Wish.Spec.VolSync.RDSpec, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return ofClass(&d.ProtectedPVC, class)
		}) {
			return false
		}
		if slices.ContainsFunc(at.Report.Status.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool {
			return ofClass(&p, class) && !withoutClass(&p)
		}) {
			return false
		}
	}
	return true
}

// ofClass reports whether a volume is, or may be, of a StorageClass: one whose claim is gone does not tell.
func ofClass(p *v1alpha1.ProtectedPVC, class string) bool {
	return p.StorageClassName == nil || *p.StorageClassName == class
}

// withoutClass reports whether a volume was never replicated because no replication class fits it.
func withoutClass(p *v1alpha1.ProtectedPVC) bool {
	return p.LastSyncTime == nil && slices.ContainsFunc(p.Conditions, func(c metav1.Condition) bool {
		return c.Type == v1alpha1.VRGDataReady && c.Status == metav1.ConditionFalse && classMissing[c.Reason]
	})
}

// classMissing are the reasons of a volume that no replication class fits.
var classMissing = map[string]bool{
	"PeerClassNotFound": true, "StorageIDNotFound": true, "ReplicationClassNotFound": true, "VolumeSnapshotClassNotFound": true,
}
