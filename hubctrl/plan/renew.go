// SPDX-License-Identifier: Apache-2.0

package plan

// Wishes that somebody deleted by hand. Their clusters obey them, so nothing can be undone; what was wished is wished
// again once the object is gone. A Secondary's is no more than that. A Primary's was the record of which side is home, and
// its cluster has given its volumes back and emptied the stores: only where the published decisions say that the workload
// is, are its volumes there still.

// unwished reports whether a side has no wish that counts: none, or a tombstone.
func (c *Cluster) unwished() bool { return c.Wish.Role == NoRole || c.Wish.Deleting }

// obeyed reports whether the wish is a tombstone of which nothing is left on the cluster. It has to be said over a live link:
// a hub that was restored from a backup may have re-created the wish since.
func (c *Cluster) obeyed() bool { return c.Live && c.Report.Removed }

// obeyedFormer is a side with a tombstone of an earlier protection of which nothing is left.
func (f *Facts) obeyedFormer() Side {
	for _, s := range []Side{First, Second} {
		if c := f.At(s); c.Wish.Former && c.obeyed() {
			return s
		}
	}
	return Nowhere
}

// tombstone is the first side whose wish is one.
func (f *Facts) tombstone() Side {
	for _, s := range []Side{First, Second} {
		if f.At(s).Wish.Deleting {
			return s
		}
	}
	return Nowhere
}

// former is the side where the workload is by what was published, and that has no wish any more; Nowhere: there is none.
// What is retained is only so when it runs nowhere: a failover that was taken back before it promoted anything.
func (f *Facts) former() Side {
	for _, d := range []Decision{RunHere, Retain} {
		for _, s := range []Side{First, Second} {
			if f.At(s).Wish.Role == NoRole && f.At(s).Decision == d {
				return s
			}
		}
	}
	return Nowhere
}

// renew promotes h again, which is home and lost its wish. Its volumes are as they were, so this is no second Primary, if
// the peer is known to be none.
func renew(f *Facts, h Side, n names) Plan {
	p := h.Peer()
	at, peer := f.At(h), f.At(p)
	// The user gave the peer up: nothing that it says is read then (I8).
	chosen, why := f.Ask == Failover && survivor(f) == h, Stay
	if chosen {
		why = Failover // else one that named no target would swing back
	}
	switch {
	case !at.Decision.placed():
		// In the middle of a move. Claims that left with the workload took their data along when the group let them go:
		// what is Primary then may be so with no volumes, and would have the peer's copies replaced by nothing.
		return wait(WaitForUser, Paused, h, HomeNamed)
	case peer.obeyed():
		return do(n.after, CleaningUp, Write{Kind: DropWish, Side: p})
	case peer.Wish.Deleting:
		return leaving(f, p, n.after, CleaningUp)
	case peer.Wish.Role == Primary:
		// Before the tombstone goes: else the older Primary would be home.
		return do(n.after, CleaningUp, secondary(p, Failover))
	case !chosen && !peer.yielded(), peer.Wish.Role == NoRole && peer.Decision.placed():
		return yield(f, h, n)
	case at.Wish.Deleting && !at.obeyed():
		return leaving(f, h, n.after, WaitingForReadiness)
	case at.Wish.Deleting:
		// In one plan: without the tombstone a failover that named no target needs one.
		return do(n.after, WaitingForReadiness, Write{Kind: DropWish, Side: h}, promote(h, why))
	case at.missing() != Nothing:
		return wait(n.after, WaitingForReadiness, h, at.missing())
	default:
		return do(n.after, WaitingForReadiness, promote(h, why))
	}
}

// yielded reports whether a side without a Primary's wish is known to be none, and to run nothing.
func (c *Cluster) yielded() bool {
	if c.Decision != Gone {
		return false
	}
	if c.Wish.Role == NoRole {
		return c.missing() == Nothing
	}
	return c.short(Between) == Nothing && c.Report.State != IsPrimary
}

// yield has the peer of h give way.
func yield(f *Facts, h Side, n names) Plan {
	p := h.Peer()
	peer := f.At(p)
	switch {
	case peer.Wish.Role == NoRole && peer.missing() != Nothing:
		return wait(n.after, CleaningUp, p, peer.missing())
	case peer.Wish.Role == NoRole:
		return do(n.after, CleaningUp, secondary(p, f.Ask))
	case peer.Decision != Gone && peer.short(Between) == Nothing:
		return do(n.after, CleaningUp, publish(h, f.At(h).Decision, Gone))
	default:
		return wait(n.after, CleaningUp, p, peer.short(IsSecondary))
	}
}

// leaving waits until the cluster has obeyed the tombstone of s.
func leaving(f *Facts, s Side, phase Phase, progression Progression) Plan {
	if !f.At(s).Live {
		return wait(phase, progression, s, LinkIsLive)
	}
	return wait(phase, progression, s, ObjectGone)
}
