// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

// MaxWithdrawn is how many UIDs AnnotationWithdrawn holds. Those that do not fit follow when the hub has dropped the wishes of
// the others.
const MaxWithdrawn = 1000

// Withdrawn are the UIDs of the Secret wishes of which the lease says that the cluster has no copy any more, if it is a lease of
// the cluster with that identity (X13).
func Withdrawn(lease *coordinationv1.Lease, identity string) map[types.UID]bool {
	if lease == nil || identity == "" || lease.Annotations[AnnotationSpokeID] != identity {
		return nil
	}
	out := map[types.UID]bool{}
	for uid := range strings.SplitSeq(lease.Annotations[AnnotationWithdrawn], ",") {
		if uid != "" && len(out) < MaxWithdrawn {
			out[types.UID(uid)] = true
		}
	}
	return out
}
