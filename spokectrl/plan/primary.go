// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

func primary(g Facts, p *Plan) {
	if g.Pruned {
		if g.Restore == RestoreDone || g.SentAway {
			p.group(ClearRestored) // the claims come back from what is stored, as soon as there is a namespace again
		}
		prune(g, p)
		return
	}
	if !restored(g, p) {
		for i, v := range g.Volumes {
			p.Verdicts[i] = clear(g, i, v, p)
		}
		return
	}
	// Metadata before replicas: whatever is replicated can be found again by the peer.
	var replicas Plan
	for i, v := range g.Volumes {
		p.Verdicts[i] = protect(g, i, v, p, &replicas)
	}
	if g.FinalSync && !g.SentAway && !slices.ContainsFunc(g.Volumes, unheld) {
		// The claims that leave from now on are wanted again if users change their minds: then the gate is closed, and they
		// come back from the store. Without this, a claim that still leaves then would look like one that its user deleted for
		// good. Before it each claim is marked, so that none can go unnoticed.
		p.group(SendAway)
	}
	switch {
	case g.Archived:
	case g.FinalSync:
		p.group(Add) // a claim may come while the application still runs; those that leave with it have to be found by the peer
	default:
		p.group(Upload)
	}
	if g.Restore == RestoreDone && !g.FinalSync {
		settleCopies(g, p)
	}
	p.Writes = append(p.Writes, replicas.Writes...)
}

// settleCopies ends what received volumes: they are claims by now.
func settleCopies(g Facts, p *Plan) {
	for i, c := range g.Copies {
		if c.There && !c.Needed {
			p.volume(i, Dismiss)
		}
	}
	abandon(g, p)
}

// abandon lets the volumes of earlier terms go that newer data took the place of. One that is stranded goes if a failover gave up what
// only this side has, as its demotion would, and only when that failover is complete: until then it may be the only copy.
func abandon(g Facts, p *Plan) {
	for i, r := range g.Remains {
		if r.Outdated || r.Stranded && r.Succeeded && g.Role == Secondary && g.Discard && g.Served {
			p.volume(i, Abandon)
		}
	}
}

// restored decides about the gate before everything that a primary does.
func restored(g Facts, p *Plan) bool {
	if g.FinalSync && g.SentAway {
		return true
	}
	if g.SentAway {
		p.group(ClearRestored) // before its claims are let go for the restore: the next final synchronization must not take them as sent
	}
	switch g.Restore {
	case RestoreDone:
		return true
	case RestoreComplete:
		if leaving(g) {
			return false // they were not deleted for good in this term: their volumes stay retained
		}
		for i, v := range g.Volumes {
			if v.remindsOfRelease() {
				p.volume(i, Mark) // before anybody may write
			}
		}
		p.group(MarkRestored)
		return true
	case RestoreMissing:
		p.group(RestoreClaims)
		return false
	case RestoreUnknown, RestoreConflict:
		return false
	}
	return false
}

// unheld says that a claim will be held, and is not yet: it could go unnoticed.
func unheld(v Volume) bool {
	return v.Selected && !v.Foreign && (v.Claim == ClaimPending && !v.Idle || (v.Claim == ClaimBound && v.Able || v.Claim == ClaimLost) && v.Marks != MarksAll)
}

func leaving(g Facts) bool {
	return slices.ContainsFunc(g.Volumes, Volume.Leaving)
}

// clear lets a claim of an earlier life go, so that the restore can make it again. The PV stays retained.
func clear(g Facts, i int, v Volume, p *Plan) Verdict {
	switch {
	case !v.Leaving():
		return Verdict{standing(v), WhyRestore}
	case v.handedOver() && g.Restore != RestoreComplete && g.Restore != RestoreMissing:
		return Verdict{standing(v), WhyRestore} // a store may tell that the peer was promoted since
	default:
		return endProtection(g, i, v, p, held)
	}
}

// standing is the phase of a volume that nothing is done to.
func standing(v Volume) VolumeState {
	switch {
	case v.Replica == ReplicaPresent && v.Told == Primary && v.Settled:
		return AtPrimary
	case v.Replica == ReplicaPresent && v.Told == Secondary && v.Settled:
		return AtSecondary
	case v.Replica == ReplicaPresent && v.Told == Secondary:
		return Demoting
	case v.Marks != MarksNone:
		return Protecting
	default:
		return Discovered
	}
}

// protect decides for one volume of a primary whose restore is done.
func protect(g Facts, i int, v Volume, p, replicas *Plan) Verdict {
	v.Selected = v.Selected || g.stays(v)
	switch {
	case v.Foreign || v.Replica == ReplicaForeign:
		return Verdict{Discovered, WhyForeign}
	case v.Replica == ReplicaUnknown:
		return Verdict{standing(v), WhyUnread}
	case v.Copied && v.Claim == ClaimLeaving && g.FinalSync && v.Replica == ReplicaPresent:
		return send(i, v, replicas)
	case (!v.Selected || v.Claim == ClaimLeaving) && (g.FinalSync || !g.Unprotect && !v.Ceded):
		return Verdict{standing(v), WhyLeaving}
	case v.Claim == ClaimLeaving && v.Use != UseFree:
		return Verdict{Releasing, WhyUse}
	case !v.Selected, v.Claim == ClaimLeaving, v.Claim == ClaimAbsent:
		return endProtection(g, i, v, replicas, returned) // after its metadata left the stores
	case v.Claim == ClaimLost:
		return Verdict{standing(v), WhyVolumeLost} // its replica and what is stored of it are how it is found again
	case v.Claim == ClaimPending && v.Idle:
		return Verdict{Discovered, WhyIdle} // as ready as it can be: its Pod comes when the group says that it is
	case v.Claim == ClaimPending:
		return Verdict{Discovered, WhyUnbound}
	case v.Replica == ReplicaLeaving:
		v.forget(i, p)
		return Verdict{Protecting, WhyLeaving}
	case v.Replica == ReplicaAbsent && !v.Able:
		return Verdict{Discovered, WhyUnable}
	}
	// The marks first: a volume that is retained and not marked is one of an earlier term, of which the peer has a copy.
	begun := g.Restore == RestoreComplete && !g.FinalSync && v.remindsOfRelease() // see restored
	if (v.Marks != MarksAll || v.Released) && !begun {
		p.volume(i, Mark)
	}
	if v.Kept != KeptAll {
		p.volume(i, Retain)
	}
	switch {
	case v.Replica == ReplicaAbsent && v.Receiving:
		return Verdict{Protecting, WhyReceiving}
	case v.Replica == ReplicaAbsent && v.Contested:
		return Verdict{Protecting, WhyContested} // the end of that replica would end this one's replication
	case v.Early:
		return Verdict{Protecting, WhyPeer}
	case v.Replica == ReplicaAbsent || !v.Exact:
		replicas.volume(i, Promote)
		return Verdict{Protecting, WhyReplica}
	}
	if !v.Settled {
		return Verdict{Protecting, WhyReplica}
	}
	if !v.Sealed {
		replicas.volume(i, Seal)
	}
	if v.Apart && !g.FinalSync {
		replicas.volume(i, Rejoin)
	}
	return Verdict{AtPrimary, WhyNothing}
}

// send lets a replica take its last synchronization of a claim that leaves: the application was sent away.
func send(i int, v Volume, replicas *Plan) Verdict {
	switch {
	case v.Use != UseFree:
		return Verdict{standing(v), WhyUse}
	case !v.Exact:
		if v.Kept != KeptAll {
			replicas.volume(i, Retain)
		}
		replicas.volume(i, Promote)
	}
	return Verdict{standing(v), WhyLeaving}
}

// fate is what becomes of the PV of a volume whose protection ends.
type fate uint8

const (
	held     fate = iota // it stays retained, for the claim that is restored
	left                 // it stays retained, and nobody's but its user's
	returned             // it gets its original policy back
)

// endProtection ends the protection of one volume: first the replica, then the marks.
func endProtection(g Facts, i int, v Volume, p *Plan, becomes fate) Verdict {
	if g.Role == Primary && v.handedOver() {
		return takeBack(i, v, p)
	}
	v.forget(i, p)
	switch v.Replica {
	case ReplicaUnknown:
		return Verdict{Releasing, WhyUnread}
	case ReplicaPresent:
		if v.Kept != KeptAll && v.Claim != ClaimAbsent {
			p.volume(i, Retain) // nothing that follows may destroy the data by surprise
		}
		p.volume(i, DeleteReplica)
		return Verdict{Releasing, WhyReplica}
	case ReplicaLeaving:
		if !g.outlived(v) {
			return Verdict{Releasing, WhyLeaving}
		}
	case ReplicaAbsent, ReplicaForeign:
	}
	if v.Contested && becomes == returned {
		return Verdict{Releasing, WhyContested} // its volume has a replica, under the name of another claim
	}
	// The claim's labels are how the PV is found again: it comes first.
	abrupt := v.Kept == KeptNone && v.Claim == ClaimLeaving && v.Marks != MarksNone // the claim was deleted between two writes of ours
	switch {
	case becomes == returned && v.Kept != KeptNone:
		p.volume(i, RestoreReclaimPolicy)
	case becomes == left && (v.Kept != KeptNone || abrupt):
		p.volume(i, LeaveRetained)
	case becomes == held && abrupt:
		p.volume(i, Retain)
	}
	if v.Marks != MarksNone && v.Claim != ClaimAbsent {
		p.volume(i, Unmark)
	}
	return Verdict{Gone, WhyNothing}
}

// remindsOfRelease reports whether the claim remembers a demotion that is about to be undone.
func (v Volume) remindsOfRelease() bool {
	return v.Released && v.Marks != MarksNone && v.Claim == ClaimBound && !v.Foreign
}

// handedOver reports whether the volume is secondary by what the storage says, or may be while it says nothing, and there is
// a replica by which it can be told otherwise.
func (v Volume) handedOver() bool {
	silent := v.Reached == NoRole && (v.Told == Secondary || v.Restored)
	return v.Replica == ReplicaPresent && v.Claim != ClaimAbsent && !v.Copied && (v.Reached == Secondary || silent)
}

// takeBack promotes a volume whose replica is to be deleted. A storage may let go of a secondary only while the peer is
// primary, and nothing is ever promoted whose replica is being deleted: where neither side is primary that would be the
// end of both.
func takeBack(i int, v Volume, p *Plan) Verdict {
	if v.Claim == ClaimPending {
		return Verdict{Releasing, WhyHandover} // storage is told nothing of a claim that is not bound
	}
	if v.Marks != MarksAll && v.Claim == ClaimBound || v.Released {
		p.volume(i, Mark)
	}
	if v.Kept != KeptAll {
		p.volume(i, Retain)
	}
	if v.Told != Primary {
		p.volume(i, Promote)
	}
	return Verdict{Releasing, WhyHandover}
}
