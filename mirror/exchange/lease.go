// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"maps"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// LeaseName is the name of the Lease in an inbox.
	LeaseName = "mirror"
	// StrangerLeaseName is the name of the Lease by which the mirror of another cluster than the recorded one says that it
	// uses this name (X13). It says nothing about the link.
	StrangerLeaseName = "stranger"
)

// Annotations of the Lease.
const (
	// AnnotationInventory holds the Digest of the spoke's inventory at the renewal.
	AnnotationInventory = prefix + "inventory"
	// AnnotationLink tells the state of the link as the mirror sees it, and what does not work. The mirror
	// writes it also when it can't renew the lease, as long as it reaches the hub.
	AnnotationLink = prefix + "link"
	// AnnotationSkew names fields that the hub's API server dropped from reports (X7); absent if none.
	AnnotationSkew = prefix + "schema-skew"
	// AnnotationUnreported names the objects, as <namespace>/<name>, about which the hub's API server accepts no report,
	// because of its size or its content. They count in the inventory, but are not in the inbox; absent if none.
	AnnotationUnreported = prefix + "unreported"
	// AnnotationReported holds the Digest of the inventory without the objects that AnnotationUnreported names; absent if there
	// are none, or too many to name.
	AnnotationReported = prefix + "reported-inventory"
	// AnnotationUndelivered names the Secrets, as <namespace>/<name>, that are wished and refused, and why; absent if none.
	// A refused VolumeReplicationGroup is told in the status of its wish.
	AnnotationUndelivered = prefix + "undelivered"
	// AnnotationWithdrawn holds the UIDs of Secret wishes that are being deleted and of which the cluster has no copy any more,
	// separated by commas, at most MaxWithdrawn; absent if none. Nothing else tells: Secrets are not reported.
	AnnotationWithdrawn = prefix + "withdrawn"
	// AnnotationCredential tells about the mirror's credential: a Credential. It changes when the credential does.
	AnnotationCredential = prefix + "credential"
)

// LinkState is what the hub knows about a link.
type LinkState uint8

// States of a link.
const (
	// LinkNever : no lease was ever seen.
	LinkNever LinkState = iota
	// LinkConnecting : a lease exists, but the hub has not yet seen it renewed, or not since it went back in time.
	LinkConnecting
	// LinkLive : the lease was seen renewed less than its duration ago.
	LinkLive
	// LinkLost : the lease was last seen renewed longer ago.
	LinkLost
	// LinkReplaced : the recorded cluster is silent, and the mirror of another one uses its name (X13).
	LinkReplaced
)

// String is the state as users read it.
func (s LinkState) String() string {
	return [...]string{"never connected", "connecting", "live", "lost", "replaced"}[s]
}

// Link is the state of a link at a moment.
type Link struct {
	State LinkState
	// LastRenewal is when the hub last saw the lease change, by its own clock. While connecting, or if it was never
	// seen renewed since, the lease's own renewTime, which may be off by the difference of the clocks.
	LastRenewal time.Time
	// Expires is when a live or connecting link is lost unless the hub sees a renewal before, by its own clock; otherwise
	// zero.
	Expires time.Time
	// Stranger is the identity of another cluster whose mirror uses this name now (X13); empty: there is none. While the
	// recorded cluster renews its lease the link stays live.
	Stranger string
}

// Age is how old the newest news over the link is.
func (l Link) Age(now time.Time) time.Duration {
	if l.LastRenewal.IsZero() || now.Before(l.LastRenewal) {
		return 0
	}
	return now.Sub(l.LastRenewal)
}

// Heartbeats remembers when the leases were seen to change, by the hub's own clock. It is safe for concurrent use.
type Heartbeats struct {
	mu   sync.Mutex
	seen map[string]heartbeat
}

type heartbeat struct {
	uid     types.UID // of the lease
	claimed time.Time // renewTime in the lease
	changed time.Time // when a newer renewTime was seen last; zero: none was
	first   time.Time // since when renewals are waited for
	lasts   time.Duration
}

// NewHeartbeats returns an empty memory.
func NewHeartbeats() *Heartbeats { return &Heartbeats{seen: map[string]heartbeat{}} }

// See records the lease of cluster as it is at now; nil: there is none. It returns the state of the link.
//
// Only a renewTime that is newer than the one before is a renewal. One that went back is of a hub that was restored from
// a backup, whose whole inbox is as old: nothing may be believed until the mirror renews. A mirror whose clock was set
// back costs the same, one period of renewal. A lease that was re-created is one that was never seen, unless it is newer.
func (h *Heartbeats) See(cluster string, lease *coordinationv1.Lease, now time.Time) Link {
	h.mu.Lock()
	defer h.mu.Unlock()
	if lease == nil {
		delete(h.seen, cluster)
		return Link{State: LinkNever}
	}
	var claimed time.Time
	if lease.Spec.RenewTime != nil {
		claimed = lease.Spec.RenewTime.Time
	}
	b, known := h.seen[cluster]
	switch {
	case known && claimed.After(b.claimed):
		b.uid, b.claimed, b.changed, b.lasts = lease.UID, claimed, now, DurationOf(lease)
	case !known || b.uid != lease.UID || claimed.Before(b.claimed):
		b = heartbeat{uid: lease.UID, claimed: claimed, first: now, lasts: DurationOf(lease)}
	}
	h.seen[cluster] = b
	return b.link(now)
}

// Retain forgets the leases of all clusters but those that it is asked to keep.
func (h *Heartbeats) Retain(keep func(cluster string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.seen, func(cluster string, _ heartbeat) bool { return !keep(cluster) })
}

func (b heartbeat) link(now time.Time) Link {
	switch {
	case !b.changed.IsZero() && now.Sub(b.changed) < b.lasts:
		return Link{State: LinkLive, LastRenewal: b.changed, Expires: b.changed.Add(b.lasts)}
	case !b.changed.IsZero():
		return Link{State: LinkLost, LastRenewal: b.changed}
	case now.Sub(b.first) < b.lasts:
		return Link{State: LinkConnecting, LastRenewal: b.claimed, Expires: b.first.Add(b.lasts)}
	default:
		return Link{State: LinkLost, LastRenewal: b.claimed}
	}
}
