// SPDX-License-Identifier: Apache-2.0

package plan

func secondary(g Group, p *Plan) {
	if g.Remembered {
		p.group(Forget) // the next term as primary starts with a restore
	}
	for i, v := range g.Volumes {
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

// release decides for one volume of a secondary. Its replica is kept until it is in sync; its PV stays retained for
// good, so that deleting the claim never destroys the copy.
func release(g Group, i int, v Volume, p *Plan) Verdict {
	switch {
	case v.Foreign:
		return Verdict{Discovered, WhyForeign}
	case v.Replica == ReplicaUnknown:
		return Verdict{Releasing, WhyUnread}
	case v.Replica == ReplicaForeign:
		return Verdict{Discovered, WhyForeign}
	case v.Replica == ReplicaLeaving:
		return Verdict{AtSecondary, WhyLeaving}
	case v.Replica == ReplicaAbsent:
		return free(g, i, v, p)
	case v.Told == Primary && v.Claim == ClaimAbsent:
		return Verdict{Releasing, WhyClaimLost} // dropping the replica could take the peer's copy with it
	case v.Told == Primary && v.Use != UseFree:
		return Verdict{Releasing, WhyUse}
	case !v.Exact:
		if !v.Kept && v.Claim != ClaimAbsent {
			p.volume(i, Retain)
		}
		p.volume(i, Demote)
		return Verdict{Demoting, WhyReplica}
	case !v.Settled:
		return Verdict{Demoting, WhyReplica}
	default:
		if !v.Kept && v.Claim != ClaimAbsent {
			p.volume(i, Retain)
		}
		p.volume(i, Drop)
		return Verdict{AtSecondary, WhyNothing}
	}
}

// free decides for a volume of a secondary that has no replica.
func free(g Group, i int, v Volume, p *Plan) Verdict {
	exists := v.Claim == ClaimBound || v.Claim == ClaimLeaving
	switch {
	case v.Marks != MarksNone && !v.Sealed && exists && !g.Discard:
		// It was told to leave before it had been replicated once: the peer has no copy. It is held, so that a return
		// to primary finds it.
		return Verdict{Releasing, WhyUnprotected}
	case v.Marks != MarksNone && v.Claim != ClaimAbsent:
		if !v.Kept && exists {
			p.volume(i, Retain)
		}
		p.volume(i, Unmark)
		return Verdict{AtSecondary, WhyNothing}
	case !exists, v.Claim == ClaimLeaving, !v.Selected:
		return Verdict{Gone, WhyNothing}
	case v.Kept:
		return Verdict{AtSecondary, WhyNothing}
	default:
		return Verdict{Discovered, WhyUnprotected}
	}
}
