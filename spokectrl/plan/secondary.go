// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

func secondary(g Facts, p *Plan) {
	if g.Pruned {
		pruneSecondary(g, p)
		return
	}
	switch loose := slices.ContainsFunc(g.Volumes, loosened); {
	case g.Released:
	case !loose:
		p.group(ClearRestored) // the next term as primary starts with a restore
	case !g.Held:
		p.group(AddFinalizer) // what an interruption loosened is held again first: else its claim could go unnoticed
	}
	for i, v := range g.Volumes {
		if loosened(v) && v.Claim == ClaimBound {
			p.volume(i, Mark)
		}
		v.forget(i, p)
		v.Released = v.Released && !v.misremembers()
		p.Verdicts[i] = release(g, i, v, p)
	}
	abandon(g, p) // as long as the newer data can be seen
	for i, c := range g.Copies {
		switch {
		case c.There && (c.Stale || !c.Wanted):
			p.volume(i, Dismiss)
		case c.Wanted && c.Able && !c.Sending && !c.Exact:
			p.volume(i, Receive)
		}
	}
}

// misremembers says that the claim remembers a demotion, and its replica is told primary: a manifest that was exported earlier, or a
// restore from a backup, brought the note back. What sends copies has no role.
func (v Volume) misremembers() bool {
	return v.Released && v.Told == Primary && v.Replica != ReplicaForeign && !v.Copied
}

// forget takes such a note off the claim, before the replica is gone that disproves it.
func (v Volume) forget(i int, p *Plan) {
	if v.misremembers() && v.Marks == MarksAll {
		p.volume(i, Mark)
	}
}

// loosened says that a claim is without our finalizer while its volume is still to be demoted.
func loosened(v Volume) bool {
	return !v.Foreign && v.Marks == MarksSome && v.Claim != ClaimAbsent && v.Replica == ReplicaPresent
}

// release decides for one volume of a secondary. Its replica is kept: by it the volume is promoted again, where it is, if
// the peer does not take over after all. Once the peer has, a claim that is being deleted is let go, and its replica with
// it. The PV stays retained for good, so that deleting the claim never destroys the copy.
func release(g Facts, i int, v Volume, p *Plan) Verdict {
	switch {
	case v.Foreign:
		return Verdict{Discovered, WhyForeign}
	case v.Replica == ReplicaUnknown:
		return Verdict{Releasing, WhyUnread}
	case v.Replica == ReplicaForeign:
		return Verdict{Discovered, WhyForeign}
	case v.awaitsRole() && v.Use == UseBusy:
		return Verdict{Releasing, WhyUse}
	case v.Replica == ReplicaLeaving && (v.Released && !g.Taken || v.Copied && (v.Released || g.Discard)):
		return Verdict{AtSecondary, WhyLeaving} // somebody else deleted it; the storage may need the peer's promotion to let it go
	case v.Replica == ReplicaLeaving:
		return Verdict{Releasing, WhyLeaving} // it can't be promoted again: no move to this side may begin before it is gone
	case v.Replica == ReplicaAbsent:
		return free(g, i, v, p)
	case v.Told == Primary && v.Claim == ClaimAbsent:
		return Verdict{Releasing, WhyClaimLost} // dropping the replica could take the peer's copy with it
	case v.Told == Primary && v.Reached == NoRole && !v.Sealed && !v.Copied:
		return Verdict{Releasing, WhyUnprotected} // the storage never replicated it, so there is nothing to demote
	case v.Told == Primary && v.Use != UseFree:
		return Verdict{Releasing, WhyUse}
	case !v.Exact:
		if v.loses() {
			p.volume(i, Retain)
		}
		p.volume(i, Demote)
		return Verdict{Demoting, WhyReplica}
	case !v.Settled && !(v.Following && g.Taken) && !v.stays():
		return Verdict{Demoting, WhyReplica}
	default:
		return released(g, i, v, p)
	}
}

// loses reports whether the end of the claim may take a volume along. One without its volume takes nothing.
func (v Volume) loses() bool {
	return v.Kept != KeptAll && !v.Ceded && v.Claim != ClaimAbsent && v.Claim != ClaimLost
}

// awaitsRole reports whether a volume that was demoted becomes primary here when the peer is demoted, without a word of ours: what
// waits for it would write at once.
func (v Volume) awaitsRole() bool {
	return v.Session && (v.Reached == Secondary && v.Told == Secondary || v.Replica == ReplicaAbsent && v.Released)
}

// stays reports whether a volume that was demoted for good is Secondary still, whatever the storage says of its peer: that may be
// out of sight for a moment, or lost, and a failover away from there must not depend on it (I8).
func (v Volume) stays() bool { return v.Released && v.Reached == Secondary }

// released decides for a volume that was demoted for good, and has a replica.
func released(g Facts, i int, v Volume, p *Plan) Verdict {
	if v.loses() {
		p.volume(i, Retain)
	}
	if !v.Released && v.Marks != MarksNone && v.Claim != ClaimAbsent {
		p.volume(i, Release) // before the replica goes: afterwards nothing else tells that the demotion was completed
	}
	switch {
	case !v.Settled && !v.Following:
		return Verdict{AtSecondary, WhyUnsure} // its replica stays: by it the volume is promoted if the peer is lost
	case v.Copied:
		p.volume(i, DeleteReplica) // its storage has no role, so it is of no use any more
	case v.Claim == ClaimLeaving && g.Taken && v.Session:
		// A replica that is being deleted is never promoted again, and this one would be deleted for as long as the peer is
		// primary: no move back could begin.
		return Verdict{AtSecondary, WhySession}
	case v.Claim == ClaimLeaving && g.Taken:
		p.volume(i, DeleteReplica)
		return Verdict{Releasing, WhyReplica}
	case v.Claim == ClaimLeaving:
		return Verdict{AtSecondary, WhyTakeover}
	case !v.Settled:
		return Verdict{AtSecondary, WhyFollowing}
	}
	return Verdict{AtSecondary, WhyNothing}
}

// free decides for a volume of a secondary that has no replica.
func free(g Facts, i int, v Volume, p *Plan) Verdict {
	exists := v.Claim == ClaimBound || v.Claim == ClaimLeaving || v.Claim == ClaimLost
	marked := v.Marks != MarksNone
	switch {
	case v.Ceded: // its volume is another claim's, and asked about there
		if marked {
			p.volume(i, Unmark)
		}
		return Verdict{Gone, WhyNothing}
	case marked && !v.Sealed && !v.Released && exists && !g.Discard:
		// It was told to leave before it had been replicated once: the peer has no copy. It is held, so that a return
		// to primary finds it.
		return Verdict{Releasing, WhyUnprotected}
	case marked && exists && !v.Released && v.Use != UseFree:
		return Verdict{Releasing, WhyUse}
	case marked && v.Sealed && !v.Copied && g.Discard && v.Claim == ClaimLeaving && !v.Released:
		// It was not demoted, and can't be any more: csi-addons puts a finalizer on the claim first, which Kubernetes refuses of one
		// that is being deleted. Its PV remembers that: see abandon.
		if v.Kept != KeptAll {
			p.volume(i, Retain)
		}
		p.volume(i, Unmark)
		return Verdict{Releasing, WhyLeaving}
	case marked && v.Sealed && exists && !v.Released && !(v.Copied && g.Discard):
		return demoteAgain(g, i, v, p)
	case marked && v.Released && !v.Copied && v.Claim == ClaimBound:
		return Verdict{AtSecondary, WhyNothing} // it is held until its claim is deleted
	case marked && v.Claim != ClaimAbsent:
		if v.Kept != KeptAll && exists {
			p.volume(i, Retain)
		}
		p.volume(i, Unmark)
		return Verdict{AtSecondary, WhyNothing}
	case !exists, v.Claim == ClaimLeaving, !v.Selected:
		return Verdict{Gone, WhyNothing}
	case v.Restored && !v.Copied && !g.Discard && v.Use == UseFree:
		// It was restored for a term as primary that ended before the volume was promoted. What the volume was before that,
		// nothing here remembers: its replica may have been deleted while it was primary.
		return demoteAgain(g, i, v, p)
	case v.Kept != KeptNone && v.Use != UseFree:
		return Verdict{Releasing, WhyUse}
	case v.Kept != KeptNone:
		return Verdict{AtSecondary, WhyNothing}
	default:
		return Verdict{Discovered, WhyUnprotected}
	}
}

// demoteAgain decides for a volume whose replica somebody deleted before its demotion was completed. Nothing is known of
// it, so the storage is asked again. A claim that is being deleted gets no replica any more.
func demoteAgain(g Facts, i int, v Volume, p *Plan) Verdict {
	switch {
	case v.Copied, v.Claim == ClaimLeaving:
		return Verdict{Releasing, WhyUnsent}
	case !v.Able:
		return Verdict{Releasing, WhyUnable}
	}
	if v.Kept != KeptAll {
		p.volume(i, Retain)
	}
	if v.Marks == MarksNone {
		p.volume(i, Mark)
	}
	p.volume(i, Demote)
	return Verdict{Demoting, WhyReplica}
}
