// SPDX-License-Identifier: Apache-2.0

package plan

// deploy begins the protection of an application that no cluster knows yet.
func deploy(f *Facts) Plan {
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
	case !f.At(First).known():
		return unseen(f, First)
	case !f.At(Second).known():
		return unseen(f, Second)
	case h == Nowhere:
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	case f.At(First).missing() != Nothing:
		return wait(Deploying, Paused, First, f.At(First).missing())
	case f.At(Second).missing() != Nothing:
		return wait(Deploying, Paused, Second, f.At(Second).missing())
	case !f.Usable:
		return wait(Deploying, Paused, Nowhere, PolicyValid)
	default:
		// The peer first: a lone secondary is harmless, a lone primary would have nowhere to replicate to. Nothing is
		// published yet: the workload may run already, and an empty list would take it away.
		return do(Deploying, Paused, secondary(h.Peer(), Stay), promote(h, Stay))
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
	return wait(Initiating, Paused, s, InboxComplete)
}

// adopt lists the wishes to be made for objects that this hub did not wish, or forgot that it did, exactly as they are,
// before anything else is decided. Both sides must be known, or the one that is not seen may be the Primary; but a Failover
// to the side that is seen, or giving up the other one, is the user's word that it is lost.
func adopt(f *Facts) []Write {
	var writes []Write
	for _, s := range []Side{First, Second} {
		c, peer := f.At(s), f.At(s.Peer())
		given := f.Ask == Failover && f.Target == s || peer.Abandon
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
