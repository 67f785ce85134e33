// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Claim is what one Lease says about the cluster behind a name.
type Claim struct {
	// Identity of the cluster whose mirror wrote the Lease; empty: it did not say.
	Identity string
	// Link is what the renewals of this Lease alone tell.
	Link Link
}

// ClaimOf is the claim in lease; nil: there is none.
func ClaimOf(lease *coordinationv1.Lease, link Link) Claim {
	if lease == nil {
		return Claim{Link: link}
	}
	return Claim{Identity: lease.Annotations[AnnotationSpokeID], Link: link}
}

// Recognize is the link to the cluster of identity recorded, given what the mirror's Lease and the stranger's Lease claim
// (X13). Empty: none is recorded yet, so nothing can be believed.
func Recognize(recorded string, own, stranger Claim) Link {
	link := own.Link
	if recorded == "" {
		if link.State == LinkLive {
			link.State = LinkConnecting
		}
		return link
	}
	if present(stranger.Link) && stranger.Identity != recorded {
		link.Stranger = stranger.Identity
	}
	switch {
	case own.Identity != "" && own.Identity != recorded:
		link.State, link.Stranger = LinkReplaced, own.Identity
	case own.Identity == "" && link.State == LinkLive:
		link.State = LinkConnecting
	case link.State != LinkLive && link.Stranger != "":
		link.State = LinkReplaced
	}
	return link
}

// present reports whether a Lease is renewed, as far as is known.
func present(l Link) bool { return l.State == LinkLive || l.State == LinkConnecting }

// Record is the identity that the hub is to record for a cluster, given the one that is recorded, the one that the user
// accepts, and those that mirrors claim now; empty: none. The first one is recorded as it is, unless the user accepts
// another. A later one is recorded only if the user accepts it and a mirror claims it.
func Record(recorded, accepted string, claimed ...string) string {
	for _, c := range claimed {
		switch {
		case c == "":
		case recorded == "" && (accepted == "" || accepted == c), accepted == c:
			return c
		}
	}
	return recorded
}

// MeantFor is the identity of the cluster that a wish is meant for; empty: it does not say.
func MeantFor(wish metav1.Object) string { return wish.GetAnnotations()[AnnotationSpokeID] }

// From reports whether report was made on the cluster of identity. An empty identity is not known, and matches all.
func From(identity string, report *v1alpha1.VolumeReplicationGroup) bool {
	return report.Status.Exchange != nil && (identity == "" || report.Status.Exchange.ClusterID == identity)
}
