// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
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

// ViewOf tells what may be believed about group, whose reports inbox shows. Whether there is a report, and whether there are
// all, is asked of one inventory: one that arrives in between would be proof that the group is absent.
func ViewOf(link Link, lease *coordinationv1.Lease, inbox *Inventory, group types.NamespacedName) View {
	switch {
	case inbox.Has(group):
		return Present
	case link.State == LinkLive && (Complete(lease, inbox) || completeBut(lease, inbox, group)):
		return Absent
	default:
		return Unknown
	}
}

// Complete reports whether the inbox shows everything that the spoke had at the last renewal.
func Complete(lease *coordinationv1.Lease, inbox *Inventory) bool {
	if lease == nil {
		return false
	}
	digest, ok := lease.Annotations[AnnotationInventory]
	return ok && digest == inbox.Digest()
}
