// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// View is what the hub may believe about one VolumeReplicationGroup on one spoke.
type View uint8

// Views.
const (
	// Unknown : nothing is known. Never evidence of anything.
	Unknown View = iota
	// Absent : the spoke has no such object (X4).
	Absent
	// Present : the inbox holds a report. It may be old: see the link's age.
	Present
)

// ViewOf tells what may be believed about the object whose report is report; nil: not in the inbox. reports is the
// whole inbox, and group what the report would be about.
func ViewOf(link Link, lease *coordinationv1.Lease, reports []v1alpha1.VolumeReplicationGroup, group types.NamespacedName, report *v1alpha1.VolumeReplicationGroup) View {
	switch {
	case report != nil:
		return Present
	case link.State == LinkLive && (Complete(lease, reports) || completeBut(lease, ItemsOf(reports), group)):
		return Absent
	default:
		return Unknown
	}
}

// Complete reports whether the inbox shows everything that the spoke had at the last renewal.
func Complete(lease *coordinationv1.Lease, reports []v1alpha1.VolumeReplicationGroup) bool {
	if lease == nil {
		return false
	}
	digest, ok := lease.Annotations[AnnotationInventory]
	return ok && digest == Digest(ItemsOf(reports))
}
