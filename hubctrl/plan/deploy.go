// SPDX-License-Identifier: Apache-2.0

package plan

// beginning reports whether nobody is Primary and this hub has told nobody where to run: a first deployment, or a hub that
// adopted an application between two clusters. Whatever runs then runs without this hub's word, so none is given before
// both clusters have said what they have (I9). A Failover to a cluster that was told its role reads nothing of the other
// one (I8).
func (f *Facts) beginning() bool {
	switch {
	case f.wishes(Primary) > 0, f.tombstone() != Nowhere, f.Home() != Nowhere:
		return false
	case f.wishes(NoRole) == 2:
		return true
	case f.At(First).Decision != Untold:
		return false
	default:
		return f.Ask != Failover || f.Target.Named() && f.At(f.Target).Wish.Role == NoRole
	}
}

// begin starts the protection where both clusters agree that it belongs. The peer first: a lone secondary is harmless, and
// it says what lies there; a lone primary would have nowhere to replicate to. Nothing is published: the workload may run
// already, and an empty list would take it away.
func begin(f *Facts) Plan {
	h := f.Target
	switch {
	case f.lone(First):
		return wait(WaitForUser, Paused, First, PrimaryFound)
	case f.lone(Second):
		return wait(WaitForUser, Paused, Second, PrimaryFound)
	case h == Elsewhere:
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	case f.Ask == Failover && h.Named() && f.Usable && f.At(h).missing() == Nothing && f.At(h.Peer()).Wish.Former:
		// The user gave the peer up for an earlier protection, and says now that it is lost: it follows when it is back.
		return do(Initiating, CheckingPrerequisites, promote(h, Failover))
	case f.At(First).unclear() != Nothing:
		return unseen(f, First)
	case f.At(Second).unclear() != Nothing:
		return unseen(f, Second)
	case h == Nowhere:
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	case f.At(First).Wish.Role == NoRole && f.At(First).missing() != Nothing:
		return wait(Deploying, Paused, First, f.At(First).missing())
	case f.At(Second).Wish.Role == NoRole && f.At(Second).missing() != Nothing:
		return wait(Deploying, Paused, Second, f.At(Second).missing())
	}
	p := h.Peer()
	at, peer := f.At(h), f.At(p)
	switch {
	case f.wishes(NoRole) == 2 && !f.Usable:
		return wait(Deploying, Paused, Nowhere, PolicyValid)
	case peer.Wish.Role == NoRole:
		return do(Deploying, Paused, secondary(p, Stay))
	case peer.Report.Conflict, peer.Report.InUse && (f.Ask != Relocate || at.Wish.Role == NoRole):
		return wait(WaitForUser, Paused, p, HomeAgreed)
	case peer.Report.InUse:
		// A relocate that a former hub had begun, and that the user asks for still.
		return do(Relocating, ClearingPlacement, publish(h, Gone, Gone))
	case at.Wish.Role == NoRole && peer.lacks() != Nothing:
		return wait(Deploying, Paused, p, peer.lacks())
	case at.Wish.Role == NoRole:
		return do(Deploying, Paused, promote(h, Stay))
	}
	// Both are Secondary: a former hub was between two clusters, or the user named the other one meanwhile.
	n := phases(Stay)
	if f.Ask == Relocate {
		n = phases(Relocate)
	}
	switch {
	case at.Report.InUse && peer.short(IsSecondary) == Nothing:
		// The workload keeps h from being demoted, and on some storages the peer is not in sync before that.
		return do(n.under, WaitingForRestore, promote(h, Relocate))
	case peer.lacks() != Nothing:
		return wait(n.under, EnsuringSecondary, p, peer.lacks())
	case !at.occupied() && at.lacks() != Nothing:
		return wait(n.under, EnsuringSecondary, h, at.lacks())
	default:
		return do(n.under, WaitingForRestore, promote(h, Relocate))
	}
}

// unclear says what is missing until the cluster has said what it has; Nothing: it did.
func (c *Cluster) unclear() Fact {
	switch {
	case c.Wish.Role != NoRole:
		return c.short(Between)
	case !c.known():
		return InboxComplete
	default:
		return Nothing
	}
}

// unseen waits for what lies on s. Where the peer has an object to be adopted, the user may know that s is lost.
func unseen(f *Facts, s Side) Plan {
	if f.At(s).Wish.Former {
		return wait(Deploying, Paused, s, f.At(s).missing())
	}
	if f.At(s.Peer()).Report.Orphan {
		return wait(WaitForUser, Paused, s, InboxComplete)
	}
	if f.At(s).Wish.Role != NoRole {
		return wait(Deploying, Paused, s, f.At(s).unclear())
	}
	return wait(Initiating, Paused, s, InboxComplete)
}

// adopt lists the wishes to be made for objects that this hub did not wish, or forgot that it did, exactly as they are,
// before anything else is decided. Both sides must be known, or the one that is not seen may be the Primary; but a Failover
// to the side that is seen, or giving up the other one, is the user's word that it is lost.
func adopt(f *Facts) []Write {
	var writes []Write
	for _, s := range []Side{First, Second} {
		c, peer := f.At(s), f.At(s.Peer())
		given := f.Ask == Failover && f.Target == s || peer.lost()
		if f.lone(s) && !given && !f.Deleting {
			continue
		}
		if (c.Report.Orphan || c.Report.Memory == Forgotten) && c.known() && believed(f, s) && (peer.known() || peer.Wish.Role != NoRole || given) {
			writes = append(writes, Write{Kind: AdoptWish, Side: s})
		}
	}
	return writes
}

// lone reports whether s has the only object of the application, which follows a Primary: that one is on a cluster that is
// not looked at, such as one of another policy, or it was lost with all that it had. A hub that promotes s would make a
// second Primary, or drop what was written last.
func (f *Facts) lone(s Side) bool {
	c, peer := f.At(s), f.At(s.Peer())
	return c.Report.Orphan && c.Report.Claim == Secondary && c.known() && peer.Wish.Role == NoRole && peer.missing() == Nothing
}
