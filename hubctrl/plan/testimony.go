// SPDX-License-Identifier: Apache-2.0

package plan

// What a cluster says about a wish that this hub does not know (X16): it may be true, after the hub was lost or restored
// from a backup, or a mistake, or a lie. A cluster is believed about itself. It is not believed where that would take the
// role from the other one: that takes the other cluster's own word, or the user's.

// claims reports whether a cluster says that it was told to be r by a wish that this hub does not know.
func (c *Cluster) claims(r Role) bool {
	return (c.Report.Orphan || c.Report.Memory == Forgotten) && c.Report.Claim == r
}

// usurps reports whether side s claims a role that is its peer's, as far as the hub knows or the peer says, and the peer
// does not say itself that it was told to give it up.
func usurps(f *Facts, s Side) bool {
	peer := f.At(s.Peer())
	taken := peer.Wish.Role == Primary || peer.claims(Primary)
	yields := peer.known() && peer.claims(Secondary)
	return f.At(s).claims(Primary) && f.Home() != s && taken && !yields
}

// chosen is the side whose data the user wants, by a failover; Nowhere: no failover is asked for. A failover reads nothing of
// the other side to decide whether it may begin (I8).
func chosen(f *Facts) Side {
	if f.Ask != Failover || f.Deleting {
		return Nowhere
	}
	return survivor(f)
}

// believed reports whether what side s claims is taken for a wish of this hub's own.
func believed(f *Facts, s Side) bool {
	c, to := f.At(s), chosen(f)
	switch {
	case f.Deleting, to == s, f.At(s.Peer()).lost():
		return true
	case usurps(f, s):
		return false
	case to == s.Peer() && c.Report.Memory == Forgotten && !(f.Stale && f.Home() == Nowhere):
		// The failed side: until the failover has happened, it is told nothing but to wait. But where no side is home, and the
		// failover may be one that only a backup remembers, it may be the side that the workload came back to since.
		return f.Home() == to
	default:
		return true
	}
}

// doubtful is a side whose claim is not believed, and about which the user has to say more; Nowhere: there is none. What
// a failover asks for is said, unless the spec may be that of a backup: such a claim is then the only trace of what the user
// asked for since. So the user is asked once; any change of the spec is an answer, whatever the cluster claims from then on.
func doubtful(f *Facts) Side {
	for _, s := range []Side{First, Second} {
		c := f.At(s)
		claims := c.known() && (c.claims(Primary) || c.claims(Secondary))
		answered := chosen(f) == s.Peer() && (c.Report.Orphan || c.Wish.Questioned && !f.Stale)
		if claims && !believed(f, s) && !answered {
			return s
		}
	}
	return Nowhere
}

// question asks the user whether to believe what side s claims. That it was asked is written down first, so that a spec
// of before is told from an answer.
func question(f *Facts, s Side) Plan {
	switch c := f.At(s); {
	case c.Report.Memory == Forgotten && !c.Wish.Questioned:
		return do(WaitForUser, Paused, Write{Kind: MarkWish, Side: s})
	case !usurps(f, s):
		return unconfirmed(f)
	default:
		return wait(WaitForUser, Paused, s, ConflictSolved)
	}
}

// ended is a side that has seen the deletion of the wish for it before; Nowhere: there is none. The application was let go
// since the backup that the hub comes from.
func ended(f *Facts) Side {
	for _, s := range []Side{First, Second} {
		if f.At(s).Wish.Ended && !f.Deleting {
			return s
		}
	}
	return Nowhere
}

// over protects nothing again that was let go on side s. A failover away from there goes first (I8). The decisions of the backup
// are as old as it is: where the workload was let go, it may have moved since, and the deployer leaves it alone.
func over(f *Facts, s Side) Plan {
	at, peer := f.At(s), f.At(s.Peer())
	if chosen(f) == s.Peer() && !peer.Wish.Ended {
		if p := failover(f); p.Wait.On != s {
			return p
		}
	}
	if at.Decision != Untold && (at.Decision.placed() || peer.Wish.Ended) {
		return do(WaitForUser, Paused, publish(s, Untold, Untold))
	}
	return wait(WaitForUser, Paused, s, ProtectionEnded)
}

// dismiss overrules what the peer of h claims, as the user asked: h is promoted above the claim, so that neither the peer
// nor the stores can take it for the newer Primary, and the peer is told to give up.
func dismiss(f *Facts, h Side, phase Phase) Plan {
	if short := f.At(h).short(IsPrimary); short != Nothing {
		return followReports(wait(phase, CleaningUp, h, short))
	}
	return do(phase, CleaningUp, promote(h, Failover), Write{Kind: PutWish, Side: h.Peer(), Role: Secondary, For: Failover, Promote: true})
}
