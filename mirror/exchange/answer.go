// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// ReasonInterrupted is the reason of the condition DataReady of a group that somebody else than the hub deletes, or that
// replaces one that was deleted in the middle of its demotion (X14).
const ReasonInterrupted = "Interrupted"

// Reasons of the condition DataProtected of a group.
const (
	// ReasonHandingOver : a relocate told the group to be Secondary, and its demotion is not complete: it has all that was written.
	ReasonHandingOver = "HandingOver"
	// ReasonNotReplicated : the storage says of a volume that is primary that the peer has no copy of it.
	ReasonNotReplicated = "NotReplicated"
)

// Reasons of the condition NoClusterDataConflict of a group that is told to be Primary and was stored before (AnnotationSigners).
const (
	// ReasonStoresEmpty : no store has anything of it.
	ReasonStoresEmpty = "StoredMetadataMissing"
	// ReasonNotBelieved : what the stores have was not signed by one of its clusters.
	ReasonNotBelieved = "StoredMetadataRefused"
)

// Answers reports whether report speaks about wish as it is now (X3). Comparing specs instead would be wrong: a wish
// that goes A, B, A looks answered by the report about the first A.
func Answers(wish, report *v1alpha1.VolumeReplicationGroup) bool {
	if wish == nil || report == nil || report.Status.Exchange == nil {
		return false
	}
	epoch, err := EpochOf(wish)
	if err != nil {
		return false
	}
	s := report.Status.Exchange
	if s.SpokeDeleting && wish.DeletionTimestamp == nil {
		return false // it speaks of an object that goes (X10): the wish is obeyed by the next one
	}
	return From(MeantFor(wish), report) &&
		s.WishUID == string(wish.UID) &&
		s.WishGeneration == wish.Generation &&
		s.Epoch == epoch &&
		CaughtUp(report)
}

// CaughtUp reports whether the spoke's controller had seen the spec that the report shows.
func CaughtUp(report *v1alpha1.VolumeReplicationGroup) bool {
	s := report.Status.Exchange
	return s != nil && report.Status.ObservedGeneration == s.SpokeGeneration
}

// Condition returns the condition of a report, if it was computed for the generation that the report shows; otherwise
// its status is Unknown and its reason says why (X3: "and so for each condition that is read").
func Condition(report *v1alpha1.VolumeReplicationGroup, kind string) metav1.Condition {
	unknown := func(reason, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionUnknown, Reason: reason, Message: message}
	}
	if report == nil || report.Status.Exchange == nil {
		return unknown("NotReported", "the cluster has not reported")
	}
	c := meta.FindStatusCondition(report.Status.Conditions, kind)
	switch {
	case c == nil:
		return unknown("Missing", "the cluster does not report "+kind)
	case c.ObservedGeneration != report.Status.Exchange.SpokeGeneration:
		return unknown("Outdated", "the cluster has not looked at the latest wish yet")
	default:
		return *c
	}
}
